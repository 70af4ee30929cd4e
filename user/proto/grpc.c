// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of gRPC and gRPC-web in a body: a byte of flags, four of length, the
 * message (gRPC over HTTP2, "Length-Prefixed-Message"; PROTOCOL-WEB).  An event is one
 * message; its name says what it is: "message", "compressed" by grpc-encoding, or
 * "trailers", with which gRPC-web ends.  Nothing in the framing tells where
 * a message begins, so behind a gap that is not inside one the rest is passed over.
 */
#include "proto/gather.h"

#define PREFIX 5
#define COMPRESSED 0x01
#define TRAILERS 0x80

struct grpc {
	struct gather gather;
	uint8_t prefix[PREFIX];
	uint8_t prefix_n;
	uint32_t left;		/* of the message */
	bool cut;		/* some of it is missing */
	bool lost;		/* where messages begin is not known any more */
	bool ended;
	uint64_t gap;
	int err;
};

static void grpc_init(void *state)
{
	struct grpc *g = state;

	*g = (struct grpc){ 0 };
	gather_init(&g->gather);
}

static void grpc_fini(void *state)
{
	struct grpc *g = state;

	gather_release(&g->gather);
}

static struct view name_of(const struct grpc *g)
{
	if (g->prefix[0] & TRAILERS)
		return VIEW("trailers");
	return g->prefix[0] & COMPRESSED ? VIEW("compressed") : VIEW("message");
}

static int out(struct grpc *g, struct proto_event *ev)
{
	g->gather.cut |= g->cut;
	g->cut = false;
	g->prefix_n = 0;
	return gather_out(&g->gather, name_of(g), ev);
}

static void read_prefix(struct grpc *g, struct view *in)
{
	const uint8_t *p = g->prefix;

	while (in->n && g->prefix_n < PREFIX) {
		g->prefix[g->prefix_n++] = (uint8_t)in->p[0];
		*in = view_drop(*in, 1);
	}
	if (g->prefix_n < PREFIX)
		return;
	g->left = (uint32_t)p[1] << 24 | p[2] << 16 | p[3] << 8 | p[4];
	if (!(p[0] & ~(COMPRESSED | TRAILERS)))
		return;
	g->lost = true;
	g->prefix_n = 0;
}

/* The message is cut where the gap was, or over: what comes behind its end is nobody's. */
static void take_gap(struct grpc *g)
{
	uint64_t n = g->gap;

	g->gap = 0;
	g->cut = true;
	g->lost |= g->prefix_n < PREFIX || n > g->left;
	if (!g->lost)
		g->left -= n;
}

/* 1: *ev is a message.  0: the input is used up, or of no use. */
static int take(struct grpc *g, struct view *in, struct proto_event *ev)
{
	struct view v;
	int err;

	while (!g->lost) {
		if (g->prefix_n < PREFIX) {
			if (!in->n)
				return 0;
			read_prefix(g, in);
			continue;
		}
		v = view_take(*in, g->left);
		err = gather_add(&g->gather, v);
		if (err)
			return err;
		*in = view_drop(*in, v.n);
		g->left -= v.n;
		if (!g->left)
			return out(g, ev);
		if (!in->n)
			return 0;
	}
	return 0;
}

static int grpc_next(void *state, struct view *in, struct proto_event *ev)
{
	struct grpc *g = state;
	int r = g->err;

	gather_fresh(&g->gather);
	if (g->ended)
		*in = view_drop(*in, in->n);
	if (g->gap)
		take_gap(g);
	if (!r)
		r = take(g, in, ev);
	if (r < 0)
		g->err = r;
	if (r)
		return r;
	*in = view_drop(*in, in->n);
	if ((!g->lost && !g->ended) || g->prefix_n < PREFIX)
		return 0;
	g->cut = true;
	return out(g, ev);
}

static void grpc_gap(void *state, uint64_t n)
{
	struct grpc *g = state;

	g->gap = n > UINT64_MAX - g->gap ? UINT64_MAX : g->gap + n;
}

static void grpc_end(void *state)
{
	struct grpc *g = state;

	g->ended = true;
}

static size_t grpc_memory(const void *state)
{
	const struct grpc *g = state;

	return g->gather.b.cap;
}

const struct proto proto_grpc = {
	.name = "grpc",
	.state_size = sizeof(struct grpc),
	.init = grpc_init,
	.fini = grpc_fini,
	.next = grpc_next,
	.gap = grpc_gap,
	.end = grpc_end,
	.memory = grpc_memory,
};
