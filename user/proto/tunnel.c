// SPDX-License-Identifier: Apache-2.0
#include "proto/tunnel.h"

#include <stdlib.h>

#include "proto/ws.h"

/* 101 with an Upgrade header (RFC 6455 section 4.2.2), or a granted CONNECT with a :protocol (RFC 8441). */
static bool is_websocket(const struct exchange *x)
{
	struct view to = x->status == 101 ? message_header(&x->resp, "upgrade")
					  : message_header(&x->req, ":protocol");

	return view_eq_nocase(to, VIEW("websocket"));
}

void tunnel_open(struct tunnel *t, struct xch *x, int dir, bool from_client)
{
	struct view extensions = message_header(&x->x.resp, "sec-websocket-extensions");

	*t = (struct tunnel){ .xch = x, .dir = dir, .from_client = from_client };
	if (is_websocket(&x->x))
		t->ws = malloc(proto_ws.state_size);
	if (!t->ws)
		return;
	proto_ws.init(t->ws);
	ws_setup(t->ws, ws_agreed(extensions, !from_client));
}

void tunnel_close(struct tunnel *t)
{
	if (t->ws)
		proto_ws.fini(t->ws);
	free(t->ws);
	*t = (struct tunnel){ 0 };
}

void tunnel_put(struct tunnel *t, struct view bytes)
{
	t->in = bytes;
}

/* Opaque bytes say nothing of what is missing between them. */
void tunnel_gap(struct tunnel *t, uint64_t n)
{
	if (!t->ws)
		return;
	proto_ws.gap(t->ws, n);
	t->poke = true;
}

void tunnel_end(struct tunnel *t)
{
	if (!t->ws)
		return;
	proto_ws.end(t->ws);
	t->poke = true;
}

static size_t ws_size(const struct tunnel *t)
{
	return proto_ws.state_size + proto_ws.memory(t->ws);
}

/* What it keeps is part of what the connection may hold. */
static void settle(struct conn *c, struct tunnel *t)
{
	size_t now = ws_size(t);

	t->xch->held += now - t->held;
	c->held += now - t->held;
	t->held = now;
}

static void refuse(struct conn *c, struct tunnel *t)
{
	conn_lose(c, t->dir, t->in.n);
	proto_ws.gap(t->ws, t->in.n);
	t->in = VIEW_NONE;
}

static int ws_step(struct conn *c, struct tunnel *t, const struct side *s, struct xev *ev)
{
	struct proto_event pe;
	int r;

	if (c->held >= HOLD_MAX)
		refuse(c, t);
	r = proto_ws.next(t->ws, &t->in, &pe);
	settle(c, t);
	t->poke = r > 0;
	if (r <= 0)
		return r;
	*ev = (struct xev){
		.kind = XEV_MESSAGE,
		.x = &t->xch->x,
		.name = pe.kind == EV_GAP ? VIEW("gap") : pe.name,
		.value = pe.value,
		.cut = pe.kind == EV_EVENT && pe.num,
		.dir = t->dir,
		.ts = s->ts,
	};
	return 1;
}

/* Bytes that make no sense any more are handed out as they are. */
int tunnel_next(struct conn *c, struct tunnel *t, const struct side *s, struct xev *ev)
{
	struct view bytes;

	if (t->ws && (t->in.n || t->poke) && ws_step(c, t, s, ev) > 0)
		return EVENT;
	bytes = t->in;
	t->in = VIEW_NONE;
	return bytes.n ? conn_opaque(c, t->xch, s, bytes, ev) : MORE;
}

size_t tunnel_memory(const struct tunnel *t)
{
	return 0;		/* see settle() */
}
