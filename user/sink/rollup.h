/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ROLLUP_H
#define ROLLUP_H

#include "base/buf.h"
#include "trace/span.h"

/*
 * Model calls added up by model, agent, process, user and label (what OTEL_RESOURCE_ATTRIBUTES says), for the
 * end of what a person reads.  A kind with one name only says nothing that the sums do not, and is left out.
 */
struct rollup;

struct rollup *rollup_new(void);	/* NULL: no memory */
void rollup_free(struct rollup *r);	/* NULL is fine */
void rollup_clear(struct rollup *r);

/* s: a model call.  Past 256 names of a kind the rest is added up as "others". */
void rollup_add(struct rollup *r, const struct span *s);
/* Appends a block of lines for each kind, or nothing. */
void rollup_write(const struct rollup *r, struct buf *out, bool utf8);

/* 0.0123 as "$0.0123": as many digits as a person wants of such an amount. */
void usd_add(struct buf *out, double usd);

#endif /* ROLLUP_H */
