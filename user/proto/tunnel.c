// SPDX-License-Identifier: Apache-2.0
#include "proto/tunnel.h"

void tunnel_open(struct tunnel *t, struct xch *x, int dir, bool from_client)
{
	*t = (struct tunnel){ .xch = x, .dir = dir, .from_client = from_client };
}

void tunnel_close(struct tunnel *t)
{
	*t = (struct tunnel){ 0 };
}

void tunnel_put(struct tunnel *t, struct view bytes)
{
	t->in = bytes;
}

/* Opaque bytes say nothing of what is missing between them. */
void tunnel_gap(struct tunnel *t, uint64_t n)
{
}

void tunnel_end(struct tunnel *t)
{
}

int tunnel_next(struct conn *c, struct tunnel *t, const struct side *s, struct xev *ev)
{
	struct view bytes = t->in;

	if (!bytes.n)
		return MORE;
	t->in = VIEW_NONE;
	return conn_opaque(c, t->xch, s, bytes, ev);
}

size_t tunnel_memory(const struct tunnel *t)
{
	return 0;
}
