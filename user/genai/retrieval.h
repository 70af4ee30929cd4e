/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_RETRIEVAL_H
#define GENAI_RETRIEVAL_H

#include "genai/read.h"

/* Weaviate's GraphQL: a Get for what is near something, or matches words. */
bool weaviate_is(const struct exchange *x, struct json body);
void weaviate_read(struct gen_call *c, struct json body);

#endif /* GENAI_RETRIEVAL_H */
