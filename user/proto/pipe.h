/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPE_H
#define PIPE_H

#include "proto/body.h"
#include "proto/coding.h"
#include "proto/exchange.h"

/*
 * What a body runs through:
 *
 *	EV_BODY ─▶ content coding ─▶ sse, JSON lines, … ─▶ EV_EVENT
 *	                          └▶ struct body
 */
struct pipe {
	struct message *msg;	/* NULL: closed */
	struct view coded, text;	/* not yet taken by coding; by what comes behind it */
	struct coding *coding;
	bool more;		/* coding has more without input */
	struct buf scratch;	/* what it gave last */
	const struct proto *layer;	/* that makes events of it; NULL: none */
	void *state;		/* its */
	bool poke;		/* it may have events without input */
	bool ended;		/* it knows that no more comes */
	struct body_fill fill;
};

/* The head of m passed.  x: it answers this, and a stream of events is to be read as one; NULL: it is a request. */
void pipe_open(struct pipe *p, struct message *m, const struct exchange *x);

/*
 * The same when the headers do not say what the body is: by its first byte.
 * False: it is none that a body we know begins with.
 */
bool pipe_guess(struct pipe *p, struct message *m, const struct exchange *x, char first);

void pipe_close(struct pipe *p);	/* again and again is fine */

/* Then pipe_next() until it says 0; the view has to stay good until then. */
void pipe_put(struct pipe *p, struct view piece);
void pipe_gap(struct pipe *p, uint64_t n);	/* UINT64_MAX: unknown how many */

/* No more comes.  True: pipe_next() may have something because of that. */
bool pipe_end(struct pipe *p);

/* Between two pieces: gives back what need not be kept. */
void pipe_rest(struct pipe *p);

bool pipe_busy(const struct pipe *p);

/* 1: *ev is an EV_EVENT.  room: how much more of the body may be kept. */
int pipe_next(struct pipe *p, struct proto_event *ev, size_t room);

/* Settles what m's body says of itself; whole: by the message's framing.  Without pipe_open() too. */
void pipe_finish(struct pipe *p, struct message *m, bool whole);

size_t pipe_memory(const struct pipe *p);

#endif /* PIPE_H */
