/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GUARD_H
#define GUARD_H

#include "trace/span.h"

/* Where a detector found something, in bytes of the text it was shown. */
struct finding {
	size_t at, n;
};

/* A detector only points.  What happens to what it points at is policy, and lives in guard.c. */
struct detector {
	const char *name;
	bool (*find)(struct view text, struct finding *ret);	/* the first one; n > 0 */
};

extern const struct detector *const detectors[];	/* NULL at the end */

struct guard {
	bool content;		/* content may leave */
	uint64_t withheld;	/* attributes taken away because it may not */
	uint64_t redacted;	/* findings masked */
};

/*
 * What must not leave is taken out of the span, in place: attributes that are
 * content unless content is allowed, and credentials wherever they stand,
 * masked with '*' so that JSON stays JSON and lengths stay what they were.
 */
void guard_apply(struct guard *g, struct span *s);

#endif /* GUARD_H */
