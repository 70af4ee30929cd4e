/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRICES_H
#define PRICES_H

#include "genai/genai.h"

/*
 * What a call cost by a price list: prices.json, or the file that the user names (--prices).
 * A list price is an estimate of what is billed: discounts and credits are not in it.  Nothing is guessed: a model,
 * tier or kind of token that the list has no price for makes the whole call one without a cost.
 */
struct prices;

/* Reads a list; NULL, and why in a few words (static memory, or the caller's buffer). */
struct prices *prices_read(struct view json, char why[static 128]);
/* The list the program was built with. */
struct prices *prices_builtin(void);
void prices_free(struct prices *p);	/* NULL is fine */

/* "2026-11-21": when the list was made; "": it does not say. */
const char *prices_date(const struct prices *p);

/* at: when the call was made, unix seconds: some prices depend on the time of day.  False: not known. */
bool prices_cost(const struct prices *p, const struct gen_call *c, int64_t at, double *ret_usd);

#endif /* PRICES_H */
