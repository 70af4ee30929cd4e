/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/view.h"

/* What libFuzzer calls, and replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise is a crash to the fuzzer. */
#define WANT(cond)								\
	do {									\
		if (!(cond))							\
			fuzz_broken(__FILE__, __LINE__, #cond);			\
	} while (0)

static inline void fuzz_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* Two runs that must say the same. */
static inline void fuzz_same(struct view whole, struct view cut)
{
	if (view_eq(whole, cut))
		return;
	fprintf(stderr, "in one piece:%.*s\ncut:%.*s\n", VIEW_ARG(whole), VIEW_ARG(cut));
	fuzz_broken(__FILE__, __LINE__, "however the bytes are cut, the events are the same");
}

/* Takes one byte off the input's head; 0 when there is none. */
static inline uint8_t fuzz_byte(struct view *in)
{
	uint8_t c = in->n ? (uint8_t)in->p[0] : 0;

	if (in->n)
		*in = view_drop(*in, 1);
	return c;
}

/* A copy of exactly its size, so that the sanitizer sees a byte read too far.  free() it. */
static inline char *fuzz_copy(struct view v)
{
	char *p = malloc(v.n ? v.n : 1);

	if (!p)
		abort();
	if (v.n)
		memcpy(p, v.p, v.n);
	return p;
}

#endif /* FUZZ_H */
