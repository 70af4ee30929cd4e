/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_RESPONSES_ITEMS_H
#define GENAI_RESPONSES_ITEMS_H

#include "genai/openai.h"

/*
 * Items of the Responses API.  Input and output are made of the same union, so
 * one table says what each kind is.
 */

/* One input item as a message of its own; sets *compacted when it is a compaction. */
void responses_input_item(struct msgs *m, struct json item, bool *compacted);

/* A content part of a message item, or of instructions. */
void responses_content_part(struct msgs *m, struct json v);

/*
 * One output item, which stands at this place of the output.  whole: as it is when
 * it is done; else what is known when it begins, to which deltas will add.
 */
void responses_output_item(struct gen_call *c, struct gen_choice *ch, struct json item,
			   int64_t index, bool whole);

/* Reasoning texts and their summaries are numbered apart, both from 0. */
static inline int64_t responses_content_index(int64_t index)
{
	return ~index;
}

#endif /* GENAI_RESPONSES_ITEMS_H */
