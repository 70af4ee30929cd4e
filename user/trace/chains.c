// SPDX-License-Identifier: Apache-2.0
#include "trace/chains.h"

static bool goes_on(const struct chain *at, const struct gen_call *c)
{
	if (c->previous_response_id.n && at->response)
		return gen_hash(c->previous_response_id) == at->response;
	return at->message_cnt < c->message_cnt && gen_extends(c, at->head, at->message_cnt);
}

/* The one that has most in common; *ret_tie: conversations that are alike so far, and no hint which it is. */
static struct chain *longest(struct chains *cs, const struct chain_of *of, const struct gen_call *c, bool *ret_tie)
{
	struct chain *best = NULL;

	for (unsigned i = 0; i < CHAINS_MAX && i < cs->at; i++) {
		struct chain *at = &cs->ring[(cs->at - 1 - i) % CHAINS_MAX];

		if (at->run != of->run || (of->hint ? at->no != of->hint : !goes_on(at, c)))
			continue;
		if (best && at->message_cnt < best->message_cnt)
			continue;
		*ret_tie = best && at->message_cnt == best->message_cnt;
		best = at;
	}
	return best;
}

unsigned chains_add(struct chains *cs, const struct chain_of *of, const struct gen_call *c)
{
	bool tie = false;
	struct chain *at = longest(cs, of, c, &tie);

	if (tie)
		return 0;
	if (of->failed)
		return at ? at->no : 0;
	if (!at) {
		at = &cs->ring[cs->at++ % CHAINS_MAX];
		at->no = ++cs->cnt;
	}
	*at = (struct chain){
		.run = of->run,
		.head = c->head,
		.message_cnt = c->message_cnt,
		.response = c->response_id.n ? gen_hash(c->response_id) : 0,
		.no = at->no,
	};
	return at->no;
}
