/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TUNNEL_H
#define TUNNEL_H

#include "proto/conn.h"

/*
 * What an exchange made of its stream (101, CONNECT, RFC 8441): one direction
 * of it.  Every conn_proto brings the bytes and gaps behind an upgrade here, and what comes
 * out of them is the same whatever carried them: messages of a WebSocket, opaque bytes of
 * anything else.
 */
struct tunnel {
	struct xch *xch;	/* NULL: closed */
	int dir;
	bool from_client;
	struct view in;		/* not yet handed out */
	void *ws;		/* NULL: it speaks nothing we know */
	size_t held;		/* by it */
	bool poke;		/* ws may have events without input */
};

/* The head of x's answer passed. */
void tunnel_open(struct tunnel *t, struct xch *x, int dir, bool from_client);
void tunnel_close(struct tunnel *t);	/* again and again is fine */

/* Then tunnel_next() until it says MORE; the view has to stay good until then. */
void tunnel_put(struct tunnel *t, struct view bytes);
void tunnel_gap(struct tunnel *t, uint64_t n);	/* UINT64_MAX: unknown how many */
void tunnel_end(struct tunnel *t);		/* no more comes */

/* EVENT or MORE. */
int tunnel_next(struct conn *c, struct tunnel *t, const struct side *s, struct xev *ev);

size_t tunnel_memory(const struct tunnel *t);

#endif /* TUNNEL_H */
