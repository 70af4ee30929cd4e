/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LDCACHE_H
#define LDCACHE_H

#include "base/view.h"

/*
 * Calls put with each library path in the dynamic linker's cache whose file name
 * begins with one of the NULL-ended beginnings.  cache: the bytes of
 * /etc/ld.so.cache (glibc 2.32 and later, and the older format with the new one inside).
 */
void ldcache_each(struct view cache, const char *const *beginnings, void (*put)(void *arg, const char *path), void *arg);

#endif /* LDCACHE_H */
