/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_RESULTS_H
#define GENAI_RESULTS_H

#include "genai/genai.h"

/*
 * What a request repeats of the conversation so far, read whether content is wanted or not: which tool calls it brings
 * the results of, and a hash of each prefix of its messages.  A later request of the same conversation begins with
 * the same messages, so one of its hashes is the last one of this.
 */
struct gen_result_shape {
	const char *parts;	/* member of a message that has its parts; NULL: the message itself is the result */
	const char *wrap[2];	/* member of a part that has the result; NULL: the part itself */
	const char *mark;	/* the member that says what it is; NULL: that wrap is there does */
	struct view is, ends;	/* what it says, or how that ends */
	const char *id, *name;
	const char *failed;	/* true, or "error"; NULL: never said */
};

extern const struct gen_result_shape gen_result_chat, gen_result_anthropic, gen_result_responses, gen_result_gemini,
	gen_result_converse, gen_result_ollama;

void gen_results(struct gen_call *c, struct json messages, const struct gen_result_shape *shape);

/* tools[] of a request. */
void gen_offers(struct gen_call *c, struct json tools);

#endif /* GENAI_RESULTS_H */
