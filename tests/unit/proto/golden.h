/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

/* The exchanges under tests/golden/wire; tests run in the top folder of the repository. */
static inline struct buf golden_read(const char *path)
{
	char piece[8192];
	FILE *f = fopen(path, "rb");
	struct buf b;
	size_t n;

	buf_init(&b, 16 * 1024 * 1024);
	if (!f) {
		fprintf(stderr, "%s: cannot read it; run the tests in the top folder\n", path);
		abort();
	}
	while ((n = fread(piece, 1, sizeof(piece), f)))
		if (buf_add(&b, (struct view){ piece, n }))
			abort();
	fclose(f);
	return b;
}

/* "tests/golden/wire/http/x.req" gives its other half, .resp for .req and .s2c for .c2s. */
static inline struct buf golden_other(const char *path)
{
	const char *dot = strrchr(path, '.');
	char other[512];

	snprintf(other, sizeof(other), "%.*s%s", (int)(dot - path), path, strcmp(dot, ".req") ? ".s2c" : ".resp");
	return golden_read(other);
}

/* Calls each(path) for every HTTP/2 connection's first half; returns how many there were. */
static inline size_t golden_each_h2(void (*each)(const char *path))
{
	glob_t g = { 0 };
	size_t n;

	glob("tests/golden/wire/h2/*.c2s", 0, NULL, &g);
	for (n = 0; n < g.gl_pathc; n++)
		each(g.gl_pathv[n]);
	globfree(&g);
	return n;
}

/* The same for everything else. */
static inline size_t golden_each(void (*each)(const char *path))
{
	glob_t g = { 0 };
	size_t n;

	glob("tests/golden/wire/*/*.req", 0, NULL, &g);
	glob("tests/golden/wire/*/*.c2s", GLOB_APPEND, NULL, &g);
	for (size_t i = n = 0; i < g.gl_pathc; i++) {
		if (strstr(g.gl_pathv[i], "/h2/"))
			continue;
		each(g.gl_pathv[i]);
		n++;
	}
	globfree(&g);
	return n;
}

/* The same numbers on every machine and in every run. */
static inline unsigned golden_random(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

#endif /* GOLDEN_H */
