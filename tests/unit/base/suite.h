/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUITE_H
#define SUITE_H

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/view.h"

/*
 * The documents of json_suite/.  The name says what json_check() has to say:
 * y_: 0 · n_: -EILSEQ · n_cut_: -ENODATA · n_deep_: -E2BIG · i_accept_: 0, though
 * RFC 8259 leaves it open.
 */
#define SUITE_DIR "json_suite"

struct suite {
	DIR *dir;
	char path[512];
	const char *name;	/* good until the next */
	struct view doc;	/* in memory of exactly its size, so that a sanitizer sees one byte too many */
};

/* file: the caller's __FILE__, beside which the directory lies. */
static inline void suite_open(struct suite *s, const char *file)
{
	const char *slash = strrchr(file, '/');

	*s = (struct suite){ 0 };
	snprintf(s->path, sizeof(s->path), "%.*s" SUITE_DIR, slash ? (int)(slash + 1 - file) : 0, file);
	s->dir = opendir(s->path);
	assert(s->dir);
}

static inline struct view suite_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct view v = VIEW_NONE;
	char *p;

	assert(f);
	fseek(f, 0, SEEK_END);
	v.n = ftell(f);
	rewind(f);
	v.p = p = malloc(v.n);
	assert(fread(p, 1, v.n, f) == v.n);
	fclose(f);
	return v;
}

static inline bool suite_next(struct suite *s)
{
	char path[1024];
	struct dirent *e;

	free((void *)s->doc.p);
	s->doc = VIEW_NONE;
	do
		e = readdir(s->dir);
	while (e && !view_ends(view_of(e->d_name), VIEW(".json")));
	if (!e) {
		closedir(s->dir);
		return false;
	}
	s->name = e->d_name;
	snprintf(path, sizeof(path), "%s/%s", s->path, e->d_name);
	s->doc = suite_read(path);
	return true;
}

#endif /* SUITE_H */
