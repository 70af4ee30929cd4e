// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

struct map_slot {
	uint64_t key;
	void *value;		/* NULL: free */
};

void map_init(struct map *m, size_t max)
{
	*m = (struct map){ .max = max };
}

void map_release(struct map *m)
{
	free(m->slots);
	map_init(m, m->max);
}

/* The finalizer of splitmix64: keys are often pointers or small numbers. */
static size_t home(const struct map *m, uint64_t key)
{
	key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9ull;
	key = (key ^ (key >> 27)) * 0x94d049bb133111ebull;
	return (key ^ (key >> 31)) & (m->cap - 1);
}

static size_t find(const struct map *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *map_get(const struct map *m, uint64_t key)
{
	return m->cap ? m->slots[find(m, key)].value : NULL;
}

static int grow(struct map *m)
{
	struct map old = *m;
	struct map_slot *slots;
	size_t cap = old.cap ? old.cap * 2 : 16;

	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	m->slots = slots;
	m->cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			m->slots[find(m, old.slots[i].key)] = old.slots[i];
	free(old.slots);
	return 0;
}

int map_put(struct map *m, uint64_t key, void *value)
{
	size_t i;

	if (m->cap && m->slots[i = find(m, key)].value) {
		m->slots[i].value = value;
		return 0;
	}
	if (m->cnt >= m->max)
		return -E2BIG;
	if (m->cnt * 4 >= m->cap * 3) {
		int err = grow(m);

		if (err)
			return err;
	}
	m->slots[find(m, key)] = (struct map_slot){ key, value };
	m->cnt++;
	return 0;
}

void *map_del(struct map *m, uint64_t key)
{
	size_t i, hole, want;
	void *old;

	if (!m->cap)
		return NULL;
	hole = find(m, key);
	old = m->slots[hole].value;
	if (!old)
		return NULL;
	/* Close the hole: move back every later entry that may not stand behind it. */
	for (i = (hole + 1) & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
		want = home(m, m->slots[i].key);
		if (((i - want) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].value = NULL;
	m->cnt--;
	return old;
}

void *map_next(const struct map *m, size_t *pos, uint64_t *ret_key)
{
	for (; *pos < m->cap; (*pos)++) {
		if (m->slots[*pos].value) {
			if (ret_key)
				*ret_key = m->slots[*pos].key;
			return m->slots[(*pos)++].value;
		}
	}
	return NULL;
}
