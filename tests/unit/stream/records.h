/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_RECORDS_H
#define TEST_RECORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stream/stream.h"

#define MS 1000000ull
#define PID 100

/* Records by hand.  Each lives in memory of exactly its size until the next is made. */
struct maker {
	struct wire_hdr *last;
	uint64_t ts;
	uint32_t pid, tid;
};

static inline void *make(struct maker *m, uint8_t kind, size_t fixed, struct view tail)
{
	free(m->last);
	m->last = calloc(1, fixed + tail.n);
	*m->last = (struct wire_hdr){
		.size = fixed + tail.n, .kind = kind, .pid = m->pid, .tid = m->tid, .start = m->pid, .ts = m->ts,
	};
	if (tail.n)
		memcpy((char *)m->last + fixed, tail.p, tail.n);
	return m->last;
}

static inline struct wire_hdr *bare(struct maker *m, uint8_t kind)
{
	return make(m, kind, sizeof(struct wire_hdr), VIEW_NONE);
}

static inline struct wire_data *data(struct maker *m, uint64_t stream, int dir, uint64_t off, struct view v)
{
	struct wire_data *d = make(m, WIRE_DATA, sizeof(*d), v);

	d->stream = stream;
	d->source = WIRE_SRC_TLS;
	d->dir = dir;
	d->off = off;
	d->len = d->call_len = v.n;
	d->flags = WIRE_F_LAST;
	return d;
}

static inline struct wire_data *hole(struct maker *m, uint64_t stream, int dir, uint64_t off, uint32_t len)
{
	struct wire_data *d = data(m, stream, dir, off, VIEW_NONE);

	d->len = d->call_len = len;
	d->flags |= WIRE_F_HOLE;
	return d;
}

static inline struct wire_stream_end *stream_end(struct maker *m, uint64_t stream, uint64_t out, uint64_t in)
{
	struct wire_stream_end *e = make(m, WIRE_STREAM_END, sizeof(*e), VIEW_NONE);

	e->stream = stream;
	e->off[WIRE_OUT] = out;
	e->off[WIRE_IN] = in;
	return e;
}

static inline struct wire_exit *process_exit(struct maker *m)
{
	return make(m, WIRE_EXIT, sizeof(struct wire_exit), VIEW_NONE);
}

static inline struct wire_sock *sock(struct maker *m, uint64_t id, uint16_t rport)
{
	struct wire_sock *k = make(m, WIRE_SOCK, sizeof(*k), VIEW_NONE);

	k->sock = id;
	k->family = 2;
	k->rport = rport;
	k->role = WIRE_ROLE_CLIENT;
	return k;
}

static inline struct wire_bind *bind_to(struct maker *m, uint64_t stream, uint64_t id, uint8_t basis)
{
	struct wire_bind *b = make(m, WIRE_BIND, sizeof(*b), VIEW_NONE);

	b->stream = stream;
	b->sock = id;
	b->basis = basis;
	return b;
}

/* A socket call that moved len bytes, beginning with a record of application data whose header says `first`. */
static inline struct wire_record *socket_call(struct maker *m, uint64_t id, int dir, uint32_t len, unsigned first)
{
	struct wire_record *r = make(m, WIRE_RECORD, sizeof(*r), VIEW_NONE);

	r->sock = id;
	r->dir = dir;
	r->len = len;
	memcpy(r->head, (uint8_t[]){ 23, 3, 3, first >> 8, first & 255 }, 5);
	return r;
}

/*
 * What came of it, as text, one piece after the other:  >bytes  <bytes  >[12]  a
 * gap  >.  the end of a direction  !  of the stream; "7" before it when its id is 7.
 */
static inline const char *walk(struct streams *s, const void *record)
{
	static char said[64 * 1024];
	struct piece p;
	size_t n = 0;

	streams_take(s, record);
	said[0] = '\0';
	while (streams_next(s, &p)) {
		const char *sep = n ? " " : "", arrow = p.dir ? '<' : '>';

		n += snprintf(said + n, sizeof(said) - n, "%s%llu", sep, (unsigned long long)p.stream->id);
		if (p.kind == PIECE_BYTES)
			n += snprintf(said + n, sizeof(said) - n, "%c%.*s", arrow, VIEW_ARG(p.bytes));
		else if (p.kind == PIECE_GAP)
			n += snprintf(said + n, sizeof(said) - n, "%c[%llu]", arrow, (unsigned long long)p.n);
		else if (p.kind == PIECE_EOF)
			n += snprintf(said + n, sizeof(said) - n, "%c.", arrow);
		else
			n += snprintf(said + n, sizeof(said) - n, "!");
		assert_true(n < sizeof(said) - 100);
	}
	return said;
}

static inline void assert_balance(const struct stream_stats *t)
{
	for (int dir = 0; dir < 2; dir++)
		assert_int_equal(t->seen[dir], t->delivered[dir] + t->lost[dir] + t->ignored[dir]);
}

#endif /* TEST_RECORDS_H */
