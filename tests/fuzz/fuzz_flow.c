// SPDX-License-Identifier: Apache-2.0
/*
 * The whole way: records in, spans out.  The first byte says what is asked for;
 * the rest is a list of records ended by 0xf8 (no part of UTF-8), each a letter,
 * a parameter, and what the letter says; see step().
 */
#include "base/json.h"
#include "flow.h"
#include "fuzz.h"
#include "sink/otlp.h"

#define MARK '\xf8'
#define STREAMS 8

struct checker {
	struct sink sink;
	uint64_t spans;
};

static int put(struct sink *s, const struct span *span)
{
	struct buf b;
	int err;

	((struct checker *)s)->spans++;
	WANT(span->end >= span->start);
	buf_init(&b, OTLP_REQUEST_MAX);
	err = otlp_json(&b, span);
	WANT(!err && !json_check(buf_view(&b)));
	buf_reset(&b);
	WANT(!otlp_encode_span(&b, span));
	buf_release(&b);
	return 0;
}

static const struct sink_type checks = { .name = "checks", .put = put };

struct run {
	struct flow *flow;
	uint64_t ts;
	uint64_t off[STREAMS][2];
};

static void *make(uint8_t kind, size_t fixed, struct view tail)
{
	struct wire_hdr *h = calloc(1, fixed + tail.n);

	h->kind = kind;
	h->size = fixed + tail.n;
	if (tail.n)
		memcpy((char *)h + fixed, tail.p, tail.n);
	return h;
}

static void take(struct run *r, void *record, unsigned pid)
{
	struct wire_hdr *h = record;

	if (!h->ts) {
		r->ts += 1000000;
		h->ts = r->ts;
		h->pid = h->tid = pid;
		h->start = pid;
	}
	flow_record(r->flow, h, h->size);
	free(h);
}

/* how: stream, direction, source. */
static void data(struct run *r, uint8_t how, struct view bytes, uint32_t hole)
{
	unsigned id = how % STREAMS, dir = how >> 3 & 1;
	struct wire_data *d = make(WIRE_DATA, sizeof(*d), bytes);

	d->stream = d->obj = id;
	d->dir = dir;
	d->source = how >> 4 & 1;
	d->len = d->call_len = bytes.n + hole;
	d->flags = (hole ? WIRE_F_HOLE : 0) | (how & 0x20 ? WIRE_F_JOINED : 0) | (how & 0x40 ? WIRE_F_EOF : 0);
	d->off = r->off[id][dir];
	r->off[id][dir] += d->len;
	take(r, d, 100 + (how >> 7));
}

/* Bytes of a pipe or socket between two processes; how: which, its kind, who moves them. */
static void local(struct run *r, uint8_t how, struct view bytes, uint32_t hole)
{
	unsigned id = how % STREAMS;
	struct wire_data *d = make(WIRE_DATA, sizeof(*d), bytes);

	d->stream = d->obj = id;
	d->source = WIRE_SRC_LOCAL;
	d->len = d->call_len = bytes.n + hole;
	d->flags = (hole ? WIRE_F_HOLE : 0) | (how & 0x20 ? WIRE_F_JOINED : 0) | (how & 0x40 ? WIRE_F_READ : 0);
	d->off = r->off[id][0];
	r->off[id][0] += d->len;
	take(r, d, 100 + (how >> 7));
}

static void channel(struct run *r, uint8_t how, struct view pid)
{
	struct wire_channel *c = make(WIRE_CHANNEL, sizeof(*c), VIEW_NONE);

	c->stream = how % STREAMS;
	c->ino = c->stream;
	c->peer = c->stream ^ 1;
	c->fd = how >> 3 & 1;
	c->kind = how & 0x20 ? WIRE_CHANNEL_UNIX : WIRE_CHANNEL_PIPE;
	c->end = how >> 4 & 1;
	take(r, c, 100 + fuzz_byte(&pid) % 8);
}

static void end(struct run *r, uint8_t how)
{
	struct wire_stream_end *e = make(WIRE_STREAM_END, sizeof(*e), VIEW_NONE);

	e->stream = how % STREAMS;
	e->off[0] = r->off[e->stream][0];
	e->off[1] = r->off[e->stream][1];
	take(r, e, 100);
}

static void sock(struct run *r, uint8_t how, struct view addr)
{
	struct wire_sock *k = make(WIRE_SOCK, sizeof(*k), VIEW_NONE);

	k->sock = how % STREAMS;
	k->family = how & 0x80 ? 10 : 2;
	k->role = how >> 4 & 3;
	k->rport = 443;
	memcpy(k->raddr, addr.p, addr.n < 16 ? addr.n : 16);
	take(r, k, 100);
}

static void bind_to(struct run *r, uint8_t how)
{
	struct wire_bind *b = make(WIRE_BIND, sizeof(*b), VIEW_NONE);

	b->stream = how % STREAMS;
	b->sock = (how >> 3) % STREAMS;
	b->basis = WIRE_BIND_CALL;
	take(r, b, 100);
}

static void fork_to(struct run *r, uint8_t how)
{
	struct wire_fork *f = make(WIRE_FORK, sizeof(*f), VIEW_NONE);

	f->child = f->child_start = 100 + (how & 15);
	take(r, f, 100 + (how >> 4));
}

static void exec(struct run *r, uint8_t how, struct view args)
{
	struct wire_exec *e = make(WIRE_EXEC, sizeof(*e), args);
	const char *nul = args.n ? memchr(args.p, 0, args.n) : NULL;

	e->filename_len = nul ? nul + 1 - args.p : 0;
	e->argv_len = e->argv_total = args.n - e->filename_len;
	take(r, e, 100 + (how & 15));
}

static void leave(struct run *r, uint8_t how)
{
	struct wire_exit *x = make(WIRE_EXIT, sizeof(*x), VIEW_NONE);

	x->code = (how & 0x70) << 4;
	take(r, x, 100 + (how & 15));
}

static void clock_is(struct run *r, uint8_t how)
{
	struct wire_clock *c = make(WIRE_CLOCK, sizeof(*c), VIEW_NONE);

	c->unix_offset = 1700000000000000000ull;
	c->seed[0] = how;
	c->mode = 1 + (how & 1);
	c->root_pid = c->root_start = 100;
	take(r, c, 0);
}

/* Any kind, any content. */
static void raw(struct run *r, uint8_t kind, struct view bytes)
{
	struct wire_hdr *h = make(kind, sizeof(*h), bytes);

	take(r, h, 100);
}

static void step(struct run *r, struct view rec)
{
	uint8_t letter = fuzz_byte(&rec), how = fuzz_byte(&rec);

	switch (letter) {
	case 'd': data(r, how, rec, 0); break;
	case 'o': data(r, how, VIEW_NONE, 1 + rec.n * 10); break;
	case 'l': r->off[how % STREAMS][how >> 3 & 1] += rec.n; break;
	case 'p': local(r, how, rec, 0); break;
	case 'P': local(r, how, VIEW_NONE, 1 + rec.n); break;
	case 'C': channel(r, how, rec); break;
	case 'E': end(r, how); break;
	case 's': sock(r, how, rec); break;
	case 'b': bind_to(r, how); break;
	case 'h': raw(r, WIRE_HELLO, rec); break;
	case 'f': fork_to(r, how); break;
	case 'x': exec(r, how, rec); break;
	case 'q': leave(r, how); break;
	case 'F': take(r, make(WIRE_FACTS, sizeof(struct wire_facts), rec), 100 + (how & 15)); break;
	case 'c': clock_is(r, how); break;
	case 't': r->ts += how * 50000000ull; take(r, make(WIRE_TICK, sizeof(struct wire_hdr), VIEW_NONE), 0); break;
	default: raw(r, letter, rec);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct view in = { (const char *)bytes, size }, rec;
	uint8_t how = fuzz_byte(&in);
	struct flow_config c = { .content = how & 1, .trace = { .content = how & 1, .processes = how & 2 } };
	struct run r = { .flow = flow_new(&c), .ts = 1 };
	struct checker sink = { .sink.type = &checks };
	const struct stream_stats *t;
	const struct flow_stats *s;

	WANT(!flow_add_sink(r.flow, &sink.sink));
	clock_is(&r, how);
	while (view_cut(in, MARK, &rec, &in))
		step(&r, rec);
	step(&r, in);
	take(&r, make(WIRE_FINISH, sizeof(struct wire_hdr), VIEW_NONE), 0);
	t = flow_stream_stats(r.flow);
	s = flow_stats(r.flow);
	WANT(s->decoded + s->opaque + s->lost == t->delivered[0] + t->delivered[1]);
	WANT(sink.spans >= flow_trace_stats(r.flow)->calls);
	flow_free(r.flow);
	return 0;
}
