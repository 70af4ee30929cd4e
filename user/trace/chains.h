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

/* What is known of a call besides what it says. */
struct chain_of {
	uint64_t run;
	unsigned hint;		/* the conversation's number, when a tool call told; 0 */
	bool failed;		/* nothing goes on from it */
};

/* The number of the call's conversation, from 1; 0: it cannot be told. */
unsigned chains_add(struct chains *cs, const struct chain_of *of, const struct gen_call *c);

#endif /* CHAINS_H */
