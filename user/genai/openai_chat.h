/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_OPENAI_CHAT_H
#define GENAI_OPENAI_CHAT_H

#include "genai/openai.h"

/* What Chat Completions' requests and answers share: a message. */
#define REASONING_CNT 4

enum {
	M_ROLE,
	M_NAME,
	M_CONTENT,
	M_REFUSAL,
	M_TOOL_CALLS,
	M_FUNCTION_CALL,
	M_TOOL_CALL_ID,
	M_AUDIO,
	M_REASONING,
	M_CNT = M_REASONING + REASONING_CNT
};

extern const char *const chat_message_keys[M_CNT];

/* The first reasoning there is among f, which was picked by those keys; JSON_NONE: none. */
struct json chat_reasoning(const struct json *f);

/* messages[] of a request. */
void chat_messages(struct gen_call *c, struct json v);

/* A content part, as a part of a message. */
void chat_content_part(struct msgs *m, struct json v);

#endif /* GENAI_OPENAI_CHAT_H */
