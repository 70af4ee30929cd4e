/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_OPENAI_H
#define GENAI_OPENAI_H

#include "genai/messages.h"

/* What the OpenAI-shaped APIs share. */

/* usage, in the words of either API and of those who imitate them. */
void openai_usage(struct gen_call *c, struct json usage);

/* {"type":"json_schema",…} of response_format and text.format. */
void openai_format(struct gen_call *c, struct json format);

/* A tier of "auto" is none asked for. */
void openai_service_tier(struct gen_call *c, struct json tier);

/* tools[] of either API. */
void openai_tools(struct gen_call *c, struct json tools);

/* The model, from the path where it names a deployment (Azure) or an engine. */
void openai_path_model(struct gen_call *c, const struct exchange *x);

/* {"data":base64,"format":"wav"} */
void openai_audio(struct msgs *m, struct json audio);
/* {"file_id"|"file_data"|"file_url","filename"} */
void openai_file(struct msgs *m, struct json file);

/* Chat's answers are those of legacy completions, too. */
void openai_chat_response(struct gen_call *c, const struct exchange *x, struct json body);
void openai_chat_event(struct gen_call *c, struct view name, struct view data, struct json v);
extern const char *const openai_chat_unread[];
void openai_chat_finish(struct gen_call *c, const struct exchange *x);

#endif /* GENAI_OPENAI_H */
