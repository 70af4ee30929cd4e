// SPDX-License-Identifier: Apache-2.0
#include "genai/session.h"

extern const struct dialect dialect_openai_responses;

const struct dialect *const dialects[] = {
	&dialect_openai_responses,
	NULL
};
