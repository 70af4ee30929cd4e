// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

#include "capture/ldcache.h"

/* glibc sysdeps/generic/dl-cache.h: struct cache_file_new and its entries; string offsets count from its head. */
#define MAGIC		"glibc-ld.so.cache1.1"
#define HEAD_SZ		48
#define ENTRY_SZ	24

static uint32_t u32_at(struct view v, size_t at)
{
	uint32_t n;

	memcpy(&n, v.p + at, sizeof(n));
	return n;
}

/* The NUL-ended string at an offset; NULL: not inside. */
static const char *string_at(struct view v, size_t at)
{
	return at < v.n && memchr(v.p + at, '\0', v.n - at) ? v.p + at : NULL;
}

static bool wanted(const char *path, const char *const *beginnings)
{
	const char *name = strrchr(path, '/');

	for (; name && *beginnings; beginnings++)
		if (!strncmp(name + 1, *beginnings, strlen(*beginnings)))
			return true;
	return false;
}

void ldcache_each(struct view cache, const char *const *beginnings, void (*put)(void *arg, const char *path), void *arg)
{
	const char *head = cache.n ? memmem(cache.p, cache.n, MAGIC, strlen(MAGIC)) : NULL;
	struct view v;
	const char *path;
	size_t at;

	if (!head)
		return;
	v = view_drop(cache, head - cache.p);
	if (v.n < HEAD_SZ)
		return;
	for (uint32_t i = 0, n = u32_at(v, 20); i < n; i++) {
		at = HEAD_SZ + (size_t)i * ENTRY_SZ;
		if (at + ENTRY_SZ > v.n)
			return;
		path = string_at(v, u32_at(v, at + 8));
		if (path && wanted(path, beginnings))
			put(arg, path);
	}
}
