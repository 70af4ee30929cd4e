// SPDX-License-Identifier: Apache-2.0
/*
 * Random streams whose records are shuffled, dropped, repeated, cut and turned
 * into holes.  Whatever happens, what is handed on is the truth at its place,
 * gaps are exactly where nothing came, and the books balance.
 */
#include "stream/records.h"

#define STREAMS	6
#define PARTS	120
#define ROUNDS	150

static uint64_t seed;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/* The truth: byte `off` of a stream and direction. */
static char truth(uint64_t stream, int dir, uint64_t off)
{
	return (stream * 31 + dir * 7 + off * 131 + (off >> 8)) & 0xff;
}

struct part {
	uint64_t stream, off;
	uint32_t len, have;
	int dir;
	unsigned place;		/* sorted by it */
	bool dropped;
};

struct model {
	uint64_t end[2];
	char *came[2];		/* per byte: came with its content */
	uint64_t at[2];		/* where the reader stands */
	uint64_t gaps[2];
	bool ended;
};

struct round {
	struct part parts[2 * PARTS];
	unsigned cnt;
	struct model models[STREAMS];
	bool finals;		/* the ends of the streams are told */
};

static int by_place(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

static void add_part(struct round *r, unsigned i, unsigned shuffle, unsigned loss)
{
	unsigned id = random_below(STREAMS), dir = random_below(2);
	struct model *m = &r->models[id];
	struct part p = {
		.stream = id + 1, .dir = dir, .off = m->end[dir], .len = 1 + random_below(300),
		.place = i * 4 + random_below(shuffle * 4 + 1),
	};

	p.have = random_below(10) ? p.len : random_below(p.len + 1);
	p.dropped = random_below(100) < loss;
	m->end[dir] += p.len;
	m->came[dir] = realloc(m->came[dir], m->end[dir]);
	memset(m->came[dir] + p.off, 0, p.len);
	if (!p.dropped)
		memset(m->came[dir] + p.off, 1, p.have);
	r->parts[r->cnt++] = p;
	if (random_below(20) || p.dropped)
		return;
	p.place += random_below(20);	/* comes twice */
	r->parts[r->cnt++] = p;
}

static void build(struct round *r)
{
	unsigned shuffle = random_below(12), loss = random_below(3) * 10;

	*r = (struct round){ .finals = random_below(2) };
	for (unsigned i = 0; i < PARTS; i++)
		add_part(r, i, shuffle, loss);
	qsort(r->parts, r->cnt, sizeof(r->parts[0]), by_place);
}

static void check_bytes(struct model *m, const struct piece *p)
{
	for (size_t i = 0; i < p->bytes.n; i++) {
		uint64_t off = m->at[p->dir] + i;

		assert_true(off < m->end[p->dir] && m->came[p->dir][off]);
		assert_int_equal(p->bytes.p[i], truth(p->stream->id, p->dir, off));
	}
	m->at[p->dir] += p->bytes.n;
}

static void check_gap(struct model *m, const struct piece *p)
{
	assert_true(p->n > 0);
	for (uint64_t off = m->at[p->dir]; off < m->at[p->dir] + p->n; off++)
		assert_true(off < m->end[p->dir] && !m->came[p->dir][off]);
	m->at[p->dir] += p->n;
	m->gaps[p->dir] += p->n;
}

static void pull(struct streams *s, struct round *r, const void *record)
{
	struct piece p;

	streams_take(s, record);
	while (streams_next(s, &p)) {
		struct model *m = &r->models[p.stream->id - 1];

		assert_false(m->ended);
		if (p.kind == PIECE_BYTES)
			check_bytes(m, &p);
		else if (p.kind == PIECE_GAP)
			check_gap(m, &p);
		else if (p.kind == PIECE_END)
			m->ended = true;
	}
}

static struct wire_data *part_record(struct maker *mk, const struct part *p)
{
	struct wire_data *d;
	char bytes[512];

	for (uint32_t i = 0; i < p->have; i++)
		bytes[i] = truth(p->stream, p->dir, p->off + i);
	d = data(mk, p->stream, p->dir, p->off, (struct view){ bytes, p->have });
	d->len = p->len;
	if (!p->have)
		d->flags |= WIRE_F_HOLE;
	assert_true(feed_valid(&d->hdr, d->hdr.size));
	return d;
}

/* What the last records took with them is known only where somebody tells the final offsets. */
static void check_end(const struct round *r, const struct model *m, int dir)
{
	uint64_t end = m->end[dir];

	if (!r->finals) {
		end = 0;
		for (unsigned i = 0; i < r->cnt; i++) {
			const struct part *p = &r->parts[i];

			if (!p->dropped && &r->models[p->stream - 1] == m && p->dir == dir && p->off + p->len > end)
				end = p->off + p->len;
		}
	}
	assert_int_equal(m->at[dir], end);
}

static void one_round(void)
{
	struct maker mk = { .ts = MS, .pid = PID, .tid = PID };
	struct streams *s = streams_new(STREAMS);
	const struct stream_stats *t = streams_stats(s);
	uint64_t gaps[2] = { 0 }, bytes[2] = { 0 };
	struct round r;

	build(&r);
	for (unsigned i = 0; i < r.cnt; i++) {
		mk.ts += MS;
		if (!r.parts[i].dropped)
			pull(s, &r, part_record(&mk, &r.parts[i]));
	}
	for (unsigned i = 0; r.finals && i < STREAMS; i++)
		pull(s, &r, stream_end(&mk, i + 1, r.models[i].end[0], r.models[i].end[1]));
	pull(s, &r, bare(&mk, WIRE_FINISH));
	for (unsigned i = 0; i < STREAMS; i++) {
		for (int dir = 0; dir < 2; dir++) {
			check_end(&r, &r.models[i], dir);
			gaps[dir] += r.models[i].gaps[dir];
			bytes[dir] += r.models[i].at[dir] - r.models[i].gaps[dir];
			free(r.models[i].came[dir]);
		}
	}
	for (int dir = 0; dir < 2; dir++) {
		assert_int_equal(t->lost[dir], gaps[dir]);
		assert_int_equal(t->delivered[dir], bytes[dir]);
	}
	assert_balance(t);
	assert_int_equal(streams_open(s), 0);
	assert_int_equal(t->opened, t->closed);
	streams_free(s);
	free(mk.last);
}

static void any_order(void **state)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		seed = 0x9e3779b97f4a7c15ull * (i + 1);
		one_round();
	}
}

/* Records that nobody would make: any kind, few ids, wild offsets and times. */
static struct wire_hdr *nonsense(struct maker *mk, uint8_t *raw)
{
	static const uint8_t kinds[] = {
		WIRE_DATA, WIRE_DATA, WIRE_DATA, WIRE_DATA, WIRE_STREAM_END, WIRE_BIND, WIRE_SOCK, WIRE_RECORD,
		WIRE_RECORD, WIRE_HELLO, WIRE_FORK, WIRE_EXEC, WIRE_EXIT, WIRE_TICK, WIRE_FINISH,
	};
	static const uint64_t offs[] = { 0, 1, 5, 1000, 1 << 20, 1ull << 40, UINT64_MAX - 300, UINT64_MAX };
	uint64_t id = random_below(12), off = offs[random_below(8)] + random_below(3);
	uint8_t kind = kinds[random_below(sizeof(kinds))];
	struct view v = { (char *)raw, random_below(200) };

	mk->pid = random_below(4);
	mk->tid = random_below(4);
	mk->ts = random_below(50) ? mk->ts + random_below(30) * MS : (uint64_t)random_below(1u << 30) << 30;
	for (size_t i = 0; i < v.n; i++)
		raw[i] = random_below(256);
	switch (kind) {
	case WIRE_DATA: {
		struct wire_data *d = data(mk, id, random_below(2), off, v);

		d->flags = random_below(32) & ~(v.n ? WIRE_F_HOLE : 0);
		d->source = random_below(2);
		d->len += random_below(2) * random_below(1000);
		d->call_len = random_below(3) ? d->len : random_below(UINT32_MAX >> 1);
		return &d->hdr;
	}
	case WIRE_STREAM_END:
		return &stream_end(mk, id, off, random_below(1000))->hdr;
	case WIRE_BIND:
		return &bind_to(mk, id, random_below(12), 1 + random_below(3))->hdr;
	case WIRE_SOCK:
		return &sock(mk, id, 1)->hdr;
	case WIRE_RECORD:
		return &socket_call(mk, id, random_below(2), random_below(300), random_below(300))->hdr;
	case WIRE_HELLO: {
		struct wire_hello *h = make(mk, kind, sizeof(*h), v);

		h->sock = id;
		return &h->hdr;
	}
	case WIRE_FORK:
		return make(mk, kind, sizeof(struct wire_fork), VIEW_NONE);
	case WIRE_EXEC:
		return make(mk, kind, sizeof(struct wire_exec), VIEW_NONE);
	case WIRE_EXIT:
		return make(mk, kind, sizeof(struct wire_exit), VIEW_NONE);
	}
	return bare(mk, kind);
}

static void any_record(void **state)
{
	uint8_t raw[256];

	for (unsigned round = 1; round <= 40; round++) {
		struct maker mk = { .ts = MS };
		struct streams *s = streams_new(8);
		struct piece p;

		seed = round * 0x9e3779b97f4a7c15ull;
		for (unsigned i = 0; i < 1000; i++) {
			struct wire_hdr *h = nonsense(&mk, raw);

			if (!feed_valid(h, h->size))
				continue;
			streams_take(s, h);
			while (streams_next(s, &p))
				if (!random_below(50))
					p.stream->ignored = true;
			assert_true(streams_open(s) <= 8);
		}
		streams_take(s, bare(&mk, WIRE_FINISH));
		while (streams_next(s, &p))
			;
		assert_balance(streams_stats(s));
		assert_int_equal(streams_open(s), 0);
		streams_free(s);
		free(mk.last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_order), cmocka_unit_test(any_record) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
