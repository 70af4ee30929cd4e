/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BIND_H
#define BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/list.h"
#include "wire.h"

/*
 * Which socket a TLS stream uses, when the kernel half could not see it: node,
 * asyncio and Bun give the library memory to work on and move the records
 * themselves.  What is left is lengths, see bind.c.
 */
struct live;
struct peer;
struct streams;

/* Of an unbound TLS stream. */
struct suit {
	struct link writer;		/* in its holder's writers while it has written lately */
	struct courtship *state;	/* NULL: nothing was seen yet */
};

/* Of a socket without a TLS stream. */
struct inbox {
	struct link reader;		/* in its holder's readers while it has received lately */
	struct mail *state;		/* NULL: no application data yet */
	bool counted;			/* application data passed: it is one of its holder's inboxes */
	unsigned claims;		/* what all streams together hold for it */
	uint64_t likely;		/* the stream with the most of them; 0: none */
};

void suit_init(struct suit *u);
void inbox_init(struct inbox *b);

void bind_call(struct streams *s, struct live *l, const struct wire_data *d);
void bind_record(struct streams *s, struct peer *p, const struct wire_record *r);
void bind_likely(struct streams *s, struct peer *p, const struct live *now);

/* No longer in question: bound, or gone. */
void bind_forget_stream(struct streams *s, struct live *l);
void bind_forget_peer(struct peer *p);

#endif /* BIND_H */
