// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "trace/pairs.h"

void pairs_init(struct pairs *p)
{
	*p = (struct pairs){ .at = 0 };
	map_init(&p->by_key, PAIRS_MAX);
}

void pairs_release(struct pairs *p)
{
	map_release(&p->by_key);
	free(p->ring);
}

void pairs_put(struct pairs *p, uint64_t key, const uint8_t trace_id[static 16], const uint8_t span_id[static 8])
{
	struct pair *at = map_get(&p->by_key, key);

	if (!p->ring)
		p->ring = calloc(PAIRS_MAX, sizeof(*p->ring));
	if (!p->ring)
		return;
	if (!at) {
		at = &p->ring[p->at++ % PAIRS_MAX];
		if (at->key)
			map_del(&p->by_key, at->key);
		at->key = map_put(&p->by_key, key, at) ? 0 : key;
	}
	memcpy(at->trace_id, trace_id, sizeof(at->trace_id));
	memcpy(at->span_id, span_id, sizeof(at->span_id));
}

const struct pair *pairs_get(const struct pairs *p, uint64_t key)
{
	return key ? map_get(&p->by_key, key) : NULL;
}
