/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAP_H
#define MAP_H

#include <stddef.h>
#include <stdint.h>

/* Hash map from u64 to a pointer that it does not own.  Open addressing, grows as needed up to max. */
struct map {
	struct map_slot *slots;
	size_t cnt, cap, max;
};

void map_init(struct map *m, size_t max);
void map_release(struct map *m);

void *map_get(const struct map *m, uint64_t key);	/* NULL: not there */

/* value is not NULL.  0, -ENOMEM, -E2BIG (full). */
int map_put(struct map *m, uint64_t key, void *value);
void *map_del(struct map *m, uint64_t key);		/* what was there, or NULL */

/* Walks in no order: start with *pos = 0; NULL at the end.  Do not put or delete meanwhile. */
void *map_next(const struct map *m, size_t *pos, uint64_t *ret_key);

#endif /* MAP_H */
