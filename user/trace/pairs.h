/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAIRS_H
#define PAIRS_H

#include <stdbool.h>

#include "base/map.h"

/*
 * The two ends of one call, where both are observed: the asking side's span is put under a key that both ends
 * can name (connection and request id), the answering side finds it there.  The newest PAIRS_MAX are kept.
 */
#define PAIRS_MAX 4096

struct pair {
	uint64_t key;		/* 0: free */
	uint8_t trace_id[16], span_id[8];
};

struct pairs {
	struct map by_key;
	struct pair *ring;
	unsigned at;
};

void pairs_init(struct pairs *p);	/* allocates nothing */
void pairs_release(struct pairs *p);
/* A key that is there already is replaced: an id may be used again when its call is over. */
void pairs_put(struct pairs *p, uint64_t key, const uint8_t trace_id[static 16], const uint8_t span_id[static 8]);
const struct pair *pairs_get(const struct pairs *p, uint64_t key);	/* NULL */

#endif /* PAIRS_H */
