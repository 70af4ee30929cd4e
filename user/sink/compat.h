/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMPAT_H
#define COMPAT_H

#include "trace/span.h"

/* Names that backends know instead of those of the conventions, or besides: off unless asked for (--compat, docs/compat.md). */
enum compat_set {
	COMPAT_CACHE_CREATION = 1,
	COMPAT_COST = 2,
	COMPAT_SYSTEM = 4,
	COMPAT_LANGFUSE = 8,
	COMPAT_OPENINFERENCE = 16,
};

#define COMPAT_NAMES "cache_creation, cost, gen_ai.system, langfuse, openinference"

/* "langfuse,cost": *ret is a set of compat_set.  False: one of them is none. */
bool compat_parse(const char *list, unsigned *ret);

/* Adds to a span what these sets want.  After guard: what it took away is not there to be copied. */
void compat_apply(unsigned sets, struct span *s);

#endif /* COMPAT_H */
