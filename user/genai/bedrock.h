/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_BEDROCK_H
#define GENAI_BEDROCK_H

#include "genai/messages.h"

/* What Bedrock's operations share. */

/* POST /model/MODEL/operation. */
bool bedrock_operation(const struct exchange *x, const char *operation);
void bedrock_path_model(struct gen_call *c, const struct exchange *x);

/* An exception instead of an event.  True: it was one. */
bool bedrock_exception(struct gen_call *c, struct view name, struct json v);

/* What stands in headers: the request's id, the error's name. */
void bedrock_finish(struct gen_call *c, const struct exchange *x);

/* Converse's words, in which Nova models speak under InvokeModel, too. */
void converse_request_body(struct gen_call *c, struct json body);
void converse_answer_body(struct gen_call *c, struct json body);
void converse_event(struct gen_call *c, struct view name, struct view data, struct json v);

/* inputTokens leaves the cached ones out; also inputTokenCount and its like. */
void bedrock_usage(struct gen_call *c, struct json usage);

/* Appends what this base64 says; what is none of its letters is passed over. */
void bedrock_base64(struct buf *out, struct view v);

/* Old models' own words under InvokeModel: texts and embeddings. */
void bedrock_text_request(struct gen_call *c, struct json body);
void bedrock_text_answer(struct gen_call *c, struct json body);

#endif /* GENAI_BEDROCK_H */
