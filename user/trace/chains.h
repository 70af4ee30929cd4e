/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAINS_H
#define CHAINS_H

#include "genai/genai.h"

/*
 * Conversations, told apart by what their requests say: one that goes on begins with the messages that it had, or names
 * the answer before.  A number for each, never an identifier that the wire does not carry.
 */
#define CHAINS_MAX 256

struct chain {
	uint64_t run;		/* who speaks: conversations of two agents are two */
	uint64_t head;
	unsigned message_cnt;
	uint64_t response;	/* hash of the answer's id; 0: none */
	unsigned no;
};

struct chains {
	struct chain ring[CHAINS_MAX];
	unsigned at, cnt;
};

/*
 * The number of the call's conversation, from 1; *ret_goes_on: an earlier call was part of it.
 */
unsigned chains_add(struct chains *cs, uint64_t run, const struct gen_call *c, bool *ret_goes_on);

#endif /* CHAINS_H */
