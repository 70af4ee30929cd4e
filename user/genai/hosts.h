/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_HOSTS_H
#define GENAI_HOSTS_H

#include "proto/exchange.h"

/* gen_ai.provider.name of the host this request addresses; NULL: none we know. */
const char *hosts_provider(const struct exchange *x);

#endif /* GENAI_HOSTS_H */
