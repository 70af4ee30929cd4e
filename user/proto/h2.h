/* SPDX-License-Identifier: Apache-2.0 */
#ifndef H2_H
#define H2_H

#include "proto/proto.h"

/*
 * What the exchange layer wants of an HTTP/2 decoder beyond struct proto.
 * proto_http2 reads the frames of one direction; its events have a stream.  Of a
 * connection's first bytes it says whether they are HTTP/2: until it is in sync
 * all it hands out is EV_OPAQUE.
 */
enum h2_from { H2_FROM_ANY, H2_FROM_CLIENT, H2_FROM_SERVER };

/* It has found frames, and is among them. */
bool h2_synced(const void *state);

/* Who sends this direction, by how it began. */
enum h2_from h2_from(const void *state);

/* The next byte begins a frame. */
bool h2_idle(const void *state);

/* It holds bytes of which it does not know yet what they are. */
bool h2_undecided(const void *state);

void *h2_new(void);		/* NULL: no memory */
void h2_free(void *state);	/* NULL is fine */

/* It is another protocol: all further bytes are opaque, those it holds first. */
void h2_give_up(void *state);

#endif /* H2_H */
