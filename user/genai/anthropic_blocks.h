/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_ANTHROPIC_BLOCKS_H
#define GENAI_ANTHROPIC_BLOCKS_H

#include "genai/messages.h"

/*
 * Content blocks of the Messages API.  Requests and answers share the union, so
 * one table says what each kind is.
 */

/* A block as a part of a message. */
void anthropic_part(struct msgs *m, struct json block);

/* A string, or blocks, as parts. */
void anthropic_content(struct msgs *m, struct json content);

/* The block at this index of the answer, as it begins (deltas will add to it) or whole. */
void anthropic_block(struct gen_call *c, struct gen_choice *ch, struct json block, int64_t index,
		     bool whole);

#endif /* GENAI_ANTHROPIC_BLOCKS_H */
