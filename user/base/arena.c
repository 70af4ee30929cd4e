// SPDX-License-Identifier: Apache-2.0
#include <stdalign.h>
#include <stdlib.h>

#include "base/arena.h"

#define BLOCK_SZ 2048

struct arena_block {
	struct arena_block *next;
	size_t used, sz;
	alignas(max_align_t) char mem[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void arena_release(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){ .max = a->max };
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->blocks;
	const size_t align = alignof(max_align_t);
	size_t sz;
	void *p;

	if (n > a->max || a->used > a->max - n)
		return NULL;
	n = (n + align - 1) / align * align;
	if (!b || b->sz - b->used < n) {
		sz = n > BLOCK_SZ ? n : BLOCK_SZ;
		b = calloc(1, sizeof(*b) + sz);
		if (!b)
			return NULL;
		b->sz = sz;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = b->mem + b->used;
	b->used += n;
	a->used += n;
	return p;
}

struct view arena_copy(struct arena *a, struct view v)
{
	char *p = arena_alloc(a, v.n + 1);

	if (!p)
		return VIEW_NONE;
	if (v.n)
		memcpy(p, v.p, v.n);
	return (struct view){ p, v.n };
}
