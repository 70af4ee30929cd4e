// SPDX-License-Identifier: Apache-2.0
/*
 * Records of a few streams, eight bytes of input each, in any order, repeated,
 * missing and contradicting.  What is handed on must be the bytes of its place,
 * and the books must balance.
 */
#include "fuzz.h"
#include "stream/stream.h"

#define STREAMS 4

struct op {
	uint8_t what, where, off, len, time, who, flags, extra;
};

struct run {
	struct streams *streams;
	uint64_t ts;
	uint64_t off[STREAMS][2];	/* as a kernel would count */
	uint64_t told[2];		/* bytes handed on and gaps, all streams */
	bool ignore;
};

static char truth(uint64_t stream, int dir, uint64_t off)
{
	return (stream * 31 + dir * 7 + off * 131 + (off >> 8)) & 0xff;
}

static void on_piece(struct run *r, const struct piece *p)
{
	const struct stream *s = p->stream;

	WANT(p->kind <= PIECE_END);
	if (p->kind == PIECE_BYTES) {
		WANT(p->bytes.n && s->dir[p->dir].next >= p->bytes.n);
		for (size_t i = 0; i < p->bytes.n; i++)
			WANT(p->bytes.p[i] == truth(s->id, p->dir, s->dir[p->dir].next - p->bytes.n + i));
		r->told[p->dir] += p->bytes.n;
	}
	if (p->kind == PIECE_GAP) {
		WANT(p->n);
		r->told[p->dir] += p->n;
	}
	if (p->kind != PIECE_END && r->ignore)
		((struct stream *)s)->ignored = true;
}

static void take(struct run *r, struct wire_hdr *h, const struct op *op)
{
	struct piece p;

	h->pid = h->tid = 100 + op->who % 3;
	h->start = h->pid;
	r->ts += op->time * 1000000ull * (op->time > 250 ? 1000 : 1);
	h->ts = r->ts;
	WANT(feed_valid(h, h->size));
	streams_take(r->streams, h);
	while (streams_next(r->streams, &p))
		on_piece(r, &p);
	free(h);
}

static void *make(uint8_t kind, size_t size)
{
	struct wire_hdr *h = calloc(1, size);

	h->kind = kind;
	h->size = size;
	return h;
}

static void data(struct run *r, const struct op *op)
{
	unsigned id = op->where % STREAMS, dir = op->where >> 2 & 1;
	bool hole = op->flags & WIRE_F_HOLE;
	uint64_t off = r->off[id][dir] + (int8_t)op->off;
	uint32_t len = op->len * (op->where & 0x80 ? 97 : 1), have = hole ? 0 : op->extra < len ? len - op->extra : len;
	struct wire_data *d = make(WIRE_DATA, sizeof(*d) + have);

	off &= (1ull << 40) - 1;	/* so that sums of many do not overflow */
	d->stream = d->obj = id;
	d->dir = dir;
	d->off = off;
	d->len = d->call_len = len;
	d->source = op->where >> 3 & 1;
	d->flags = op->flags;
	for (uint32_t i = 0; i < have; i++)
		((char *)(d + 1))[i] = truth(id, dir, off + i);
	r->off[id][dir] = off + len;
	take(r, &d->hdr, op);
}

static void end(struct run *r, const struct op *op)
{
	struct wire_stream_end *e = make(WIRE_STREAM_END, sizeof(*e));

	e->stream = op->where % STREAMS;
	for (int dir = 0; dir < 2; dir++)
		e->off[dir] = r->off[e->stream][dir] + (op->flags & 1 ? op->off : 0);
	take(r, &e->hdr, op);
}

static void socket(struct run *r, const struct op *op)
{
	struct wire_sock *k = make(WIRE_SOCK, sizeof(*k));

	k->sock = op->where % STREAMS;
	k->family = op->flags;
	k->rport = op->len;
	k->role = op->extra % 4;
	take(r, &k->hdr, op);
}

static void bind_to(struct run *r, const struct op *op)
{
	struct wire_bind *b = make(WIRE_BIND, sizeof(*b));

	b->stream = op->where % STREAMS;
	b->sock = op->off % STREAMS;
	b->basis = 1 + op->flags % 3;
	take(r, &b->hdr, op);
}

static void record(struct run *r, const struct op *op)
{
	struct wire_record *w = make(WIRE_RECORD, sizeof(*w));

	w->sock = op->where % STREAMS;
	w->dir = op->where >> 2 & 1;
	w->len = op->len + op->extra;
	memcpy(w->head, (uint8_t[]){ 20 + op->flags % 4, 3, 3, 0, op->len }, 5);
	take(r, &w->hdr, op);
}

/* The ClientHello is what follows in the input. */
static void hello(struct run *r, const struct op *op, struct view *in)
{
	struct view bytes = view_take(*in, op->len);
	struct wire_hello *h = make(WIRE_HELLO, sizeof(*h) + bytes.n);

	h->sock = op->where % STREAMS;
	if (bytes.n)
		memcpy(h + 1, bytes.p, bytes.n);
	*in = view_drop(*in, bytes.n);
	take(r, &h->hdr, op);
}

static void fork_to(struct run *r, const struct op *op)
{
	struct wire_fork *f = make(WIRE_FORK, sizeof(*f));

	f->child = f->child_start = 100 + op->extra % 3;
	take(r, &f->hdr, op);
}

static void step(struct run *r, const struct op *op, struct view *in)
{
	switch (op->what % 16) {
	case 8: end(r, op); break;
	case 9: socket(r, op); break;
	case 10: bind_to(r, op); break;
	case 11: record(r, op); break;
	case 12: hello(r, op, in); break;
	case 13: take(r, make(WIRE_TICK, sizeof(struct wire_hdr)), op); break;
	case 14: take(r, make(WIRE_EXIT, sizeof(struct wire_exit)), op); break;
	case 15: fork_to(r, op); break;
	default: data(r, op); break;
	}
}

static void settle(struct run *r)
{
	static const struct op now = { 0 };
	const struct stream_stats *t = streams_stats(r->streams);
	bool all_told = !t->closed && !t->refused;	/* what comes for a stream that is gone is lost, and nobody told */

	take(r, make(WIRE_FINISH, sizeof(struct wire_hdr)), &now);
	for (int dir = 0; dir < 2; dir++) {
		WANT(t->seen[dir] == t->delivered[dir] + t->lost[dir] + t->ignored[dir]);
		WANT(r->told[dir] >= t->delivered[dir] && r->told[dir] <= t->delivered[dir] + t->lost[dir]);
		WANT(!all_told || r->told[dir] == t->delivered[dir] + t->lost[dir]);
	}
	WANT(!streams_open(r->streams));
	WANT(t->opened == t->closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data_in, size_t size)
{
	struct view in = { (const char *)data_in, size };
	uint8_t how = fuzz_byte(&in);
	struct run r = { .streams = streams_new(how & 1 ? 2 : 64), .ts = 1, .ignore = how & 2 };
	struct op op;

	while (in.n >= sizeof(op)) {
		memcpy(&op, in.p, sizeof(op));
		in = view_drop(in, sizeof(op));
		step(&r, &op, &in);
	}
	settle(&r);
	streams_free(r.streams);
	return 0;
}
