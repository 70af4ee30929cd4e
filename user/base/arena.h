/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARENA_H
#define ARENA_H

#include "base/view.h"

/* Memory of one exchange: taken in small pieces, given back all at once.  Zeroed. */
struct arena {
	struct arena_block *blocks;
	size_t used, max;	/* bytes taken; most that may be taken */
};

void arena_init(struct arena *a, size_t max);
void arena_release(struct arena *a);

/* Aligned for any type.  NULL: past max, or no memory. */
void *arena_alloc(struct arena *a, size_t n);

/* A copy that lives as long as the arena, followed by a NUL.  VIEW_NONE when there is no room. */
struct view arena_copy(struct arena *a, struct view v);

#endif /* ARENA_H */
