/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_GEMINI_H
#define GENAI_GEMINI_H

#include "genai/messages.h"

/* What Google's APIs share: the Gemini API, Vertex AI, Code Assist, Live. */

/* The path ends in this verb: …/models/MODEL:verb, the colon escaped or not. */
bool gemini_verb(const struct exchange *x, const char *verb);

/* Sets the model that the path names. */
void gemini_path_model(struct gen_call *c, const struct exchange *x);

/* contents[], {parts[]} of a system instruction, tools[]. */
void gemini_contents(struct gen_call *c, struct json v);
void gemini_system(struct gen_call *c, struct json v);
void gemini_tools(struct gen_call *c, struct json v);
void gemini_config(struct gen_call *c, struct json v);

/* What usage said so far: every chunk repeats some of it. */
struct gemini_state {
	struct opt_int prompt, tool_prompt, candidates, thoughts;
	struct gen_part *last;		/* text goes on where it stopped */
	struct gen_part *call;		/* whose arguments come in pieces; NULL */
	struct gemini_piece *pieces, *last_piece;
};
void gemini_begin(struct gen_call *c);

/* usageMetadata. */
void gemini_usage(struct gen_call *c, struct json v);

/* parts[] of an answer. */
void gemini_answer_parts(struct gen_call *c, struct gen_choice *ch, struct json parts);
/* A functionCall of one. */
void gemini_answer_call(struct gen_call *c, struct gen_choice *ch, struct json call);

/* partialArgs of the open call; and that it is whole now. */
void gemini_args_add(struct gen_call *c, struct json pieces);
void gemini_args_end(struct gen_call *c);

#endif /* GENAI_GEMINI_H */
