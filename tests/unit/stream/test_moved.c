// SPDX-License-Identifier: Apache-2.0
/* A stream whose object moves in memory: the kernel counts a new one, flow sees one. */
#include "stream/records.h"

struct t {
	struct streams *s;
	struct maker m;
};

static int setup(void **state)
{
	struct t *t = calloc(1, sizeof(*t));

	t->s = streams_new(100);
	t->m = (struct maker){ .ts = 1000 * MS, .pid = PID, .tid = PID };
	*state = t;
	return !t->s;
}

static int teardown(void **state)
{
	struct t *t = *state;

	walk(t->s, bare(&t->m, WIRE_FINISH));
	assert_int_equal(streams_open(t->s), 0);
	assert_balance(streams_stats(t->s));
	assert_int_equal(streams_stats(t->s)->opened, streams_stats(t->s)->closed);
	streams_free(t->s);
	free(t->m.last);
	free(t);
	return 0;
}

#define OUT(id, off, text) walk(t->s, data(&t->m, id, WIRE_OUT, off, VIEW(text)))
#define IN(id, off, text) walk(t->s, data(&t->m, id, WIRE_IN, off, VIEW(text)))
#define BIND(id, k) walk(t->s, bind_to(&t->m, id, k, WIRE_BIND_THREAD))
#define END(id, out, in) walk(t->s, stream_end(&t->m, id, out, in))
#define LATER(ms) (t->m.ts += (ms) * MS, walk(t->s, bare(&t->m, WIRE_TICK)))

/* codex: the upgrade at one address, frames at another. */
static void moved(void **state)
{
	struct t *t = *state;

	assert_string_equal(OUT(7, 0, "GET"), "7>GET");
	assert_string_equal(BIND(7, 1000), "");
	assert_string_equal(IN(7, 0, "101"), "7<101");
	/* Written at the new address, before anything says whose it is. */
	assert_string_equal(OUT(8, 0, "frame"), "");
	assert_string_equal(BIND(8, 1000), "7>frame");
	assert_string_equal(END(7, 3, 3), "");
	assert_string_equal(IN(8, 0, "answer"), "7<answer");
	assert_string_equal(OUT(8, 5, "more"), "7>more");
	assert_int_equal(streams_stats(t->s)->moved, 1);
	assert_string_equal(END(8, 9, 6), "7!");
	assert_int_equal(streams_stats(t->s)->delivered[WIRE_OUT], 12);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 0);
}

/* Read at the new address first: the binding comes before its first byte. */
static void moved_reading(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "GET");
	BIND(7, 1000);
	assert_string_equal(BIND(8, 1000), "");
	assert_string_equal(END(7, 3, 0), "");
	assert_string_equal(IN(8, 0, "101"), "7<101");
	assert_string_equal(END(8, 0, 3), "7!");
}

/* The same, of a library whose row is not 0: nobody knows it before the first byte. */
static void moved_reading_lib(void **state)
{
	struct t *t = *state;
	struct wire_data *d = data(&t->m, 7, WIRE_OUT, 0, VIEW("GET"));

	d->lib = 4;
	walk(t->s, d);
	BIND(7, 1000);
	assert_string_equal(BIND(8, 1000), "");
	END(7, 3, 0);
	d = data(&t->m, 8, WIRE_IN, 0, VIEW("101"));
	d->lib = 4;
	assert_string_equal(walk(t->s, d), "7<101");
	assert_string_equal(END(8, 0, 3), "7!");
}

/* Moved after it wrote and before it read: only lengths tell whose socket it had, and here they are doubted. */
static void moved_unbound(void **state)
{
	struct t *t = *state;
	char text[101];

	memset(text, 'x', sizeof(text));
	text[100] = '\0';
	for (unsigned other = 2000; other < 2003; other++)
		walk(t->s, socket_call(&t->m, other, WIRE_OUT, 522, 517));
	walk(t->s, data(&t->m, 7, WIRE_OUT, 0, view_of(text)));
	walk(t->s, socket_call(&t->m, 1000, WIRE_OUT, 100 + 5 + 17, 100 + 17));
	assert_int_equal(streams_stats(t->s)->bound[WIRE_BIND_RECORD], 0);
	assert_string_equal(BIND(8, 1000), "");
	assert_string_equal(IN(8, 0, "101"), "7<101");
	assert_int_equal(streams_stats(t->s)->moved, 1);
	assert_string_equal(END(7, 100, 0), "");
	assert_string_equal(END(8, 0, 3), "7!");
}

static void moved_twice(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "a");
	BIND(7, 1000);
	OUT(8, 0, "b");
	assert_string_equal(BIND(8, 1000), "7>b");
	END(7, 1, 0);
	assert_string_equal(OUT(9, 0, "c"), "");
	assert_string_equal(BIND(9, 1000), "7>c");
	assert_string_equal(END(8, 1, 0), "");
	assert_string_equal(OUT(9, 1, "d"), "7>d");
	assert_string_equal(END(9, 2, 0), "7!");
}

/* Bytes that were lost before the move, and after it. */
static void gaps(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "ab");
	BIND(7, 1000);
	OUT(8, 0, "c");
	assert_string_equal(BIND(8, 1000), "7>c");
	END(7, 5, 0);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 3);
	OUT(8, 3, "f");
	assert_string_equal(LATER(201), "7>[2] 7>f");
	assert_string_equal(END(8, 4, 0), "7!");
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 5);
}

/* Another connection of the same process: held until its socket is known, then itself. */
static void another(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "a");
	BIND(7, 1000);
	assert_string_equal(OUT(8, 0, "b"), "");
	assert_string_equal(BIND(8, 1001), "8>b");
	assert_string_equal(OUT(8, 1, "c"), "8>c");
	assert_int_equal(streams_stats(t->s)->moved, 0);
	assert_string_equal(END(7, 1, 0), "7!");
	assert_string_equal(END(8, 2, 0), "8!");
}

/* No socket is found: not held for ever, and what was handed on stays what it is. */
static void too_late(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "a");
	BIND(7, 1000);
	assert_string_equal(OUT(8, 0, "b"), "");
	assert_string_equal(LATER(201), "8>b");
	assert_string_equal(BIND(8, 1000), "");
	assert_string_equal(END(7, 1, 0), "7!");
	assert_string_equal(OUT(8, 1, "c"), "8>c");
	assert_int_equal(streams_stats(t->s)->moved, 0);
	assert_string_equal(END(8, 2, 0), "8!");
}

/* It ends before anybody knows: nothing is lost. */
static void ends_held(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "a");
	BIND(7, 1000);
	assert_string_equal(OUT(8, 0, "b"), "");
	assert_string_equal(END(8, 1, 0), "8>b 8!");
	OUT(9, 0, "c");
	assert_string_equal(walk(t->s, bare(&t->m, WIRE_FINISH)), "7! 9>c 9!");
}

/* Two processes that share a socket do not share a stream. */
static void other_process(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "a");
	BIND(7, 1000);
	t->m.pid = PID + 1;
	assert_string_equal(OUT(8, 0, "b"), "8>b");
	BIND(8, 1000);
	assert_string_equal(OUT(8, 1, "c"), "8>c");
	assert_int_equal(streams_stats(t->s)->moved, 0);
}

static void late_records(void **state)
{
	struct t *t = *state;

	OUT(7, 0, "a");
	BIND(7, 1000);
	OUT(8, 0, "b");
	BIND(8, 1000);
	END(7, 1, 0);
	assert_string_equal(END(8, 1, 0), "7!");
	assert_string_equal(OUT(8, 0, "b"), "");
	assert_string_equal(OUT(7, 0, "a"), "");
	assert_int_equal(streams_stats(t->s)->delivered[WIRE_OUT], 2);
}

/*
 * Connections that move whenever they like, each saying its own letter: what flow sees of a stream is of
 * one letter, in order and whole.
 */
#define CONNS 8

static void take(struct t *t, const void *record)
{
	streams_take(t->s, record);
}

static void any_order(void **state)
{
	struct t *t = *state;
	uint64_t id[CONNS], off[CONNS][2] = { 0 }, next = 10;
	unsigned seed = 1, moves = 0;
	struct piece p;

	for (unsigned i = 0; i < CONNS; i++)
		id[i] = 0;
	for (unsigned step = 0; step < 4000; step++) {
		unsigned c = rand_r(&seed) % CONNS, dir = rand_r(&seed) % 2;
		char text[9];
		size_t n = 1 + rand_r(&seed) % 8;

		if (!id[c] || rand_r(&seed) % 16 == 0) {
			uint64_t was = id[c], end[2] = { off[c][0], off[c][1] };

			moves += was != 0;
			id[c] = next++;
			off[c][0] = off[c][1] = 0;
			memset(text, 'a' + (int)c, n);
			if (rand_r(&seed) % 2) {
				take(t, data(&t->m, id[c], WIRE_OUT, 0, (struct view){ text, n }));
				off[c][WIRE_OUT] += n;
				/* The first of a process is not held; after that no bytes come before the socket. */
				while (streams_next(t->s, &p))
					assert_int_equal(p.bytes.p[0], 'a' + (int)c);
			}
			take(t, bind_to(&t->m, id[c], 1000 + c, WIRE_BIND_THREAD));
			while (streams_next(t->s, &p)) {
				assert_int_equal(p.bytes.p[0], 'a' + (int)c);
			}
			if (was)
				take(t, stream_end(&t->m, was, end[WIRE_OUT], end[WIRE_IN]));
			assert_false(streams_next(t->s, &p));
		}
		memset(text, 'a' + (int)c, n);
		t->m.ts += MS;
		take(t, data(&t->m, id[c], (int)dir, off[c][dir], (struct view){ text, n }));
		off[c][dir] += n;
		assert_true(streams_next(t->s, &p));
		assert_int_equal(p.kind, PIECE_BYTES);
		assert_int_equal(p.bytes.n, n);
		assert_int_equal(p.bytes.p[0], 'a' + (int)c);
		assert_int_equal(p.stream->sock->id, 1000 + c);
		assert_false(streams_next(t->s, &p));
	}
	assert_true(moves > 100);
	assert_int_equal(streams_stats(t->s)->moved, moves);
	assert_int_equal(streams_stats(t->s)->lost[0] + streams_stats(t->s)->lost[1], 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(moved), TEST(moved_reading), TEST(moved_reading_lib), TEST(moved_unbound), TEST(moved_twice), TEST(gaps), TEST(another), TEST(too_late),
		TEST(ends_held), TEST(other_process), TEST(late_records), TEST(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
