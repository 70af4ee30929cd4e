// SPDX-License-Identifier: Apache-2.0
#include "genai/genai.h"

const double gen_chunk_bounds[GEN_CHUNK_BOUNDS] = {
	0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
};

#define FIRST_BOUND_NS 10000000ull

/* Each bound is twice the one before it. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned i = 0;

	for (uint64_t bound = FIRST_BOUND_NS; i < GEN_CHUNK_BOUNDS && ns > bound; bound *= 2)
		i++;
	return i;
}

void gen_chunks_add(struct gen_chunks *c, uint64_t ts)
{
	uint64_t gap;

	if (c->last_ts) {
		gap = ts > c->last_ts ? ts - c->last_ts : 0;
		c->min_ns = !c->cnt || gap < c->min_ns ? gap : c->min_ns;
		c->max_ns = gap > c->max_ns ? gap : c->max_ns;
		c->sum_ns += gap;
		c->buckets[bucket_of(gap)]++;
		c->cnt++;
	}
	c->last_ts = ts;
}
