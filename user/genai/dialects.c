// SPDX-License-Identifier: Apache-2.0
#include "genai/session.h"

extern const struct dialect dialect_openai_responses, dialect_openai_realtime, dialect_gemini_live;

const struct dialect *const dialects[] = {
	&dialect_openai_responses,
	&dialect_openai_realtime,
	&dialect_gemini_live,
	NULL
};
