// SPDX-License-Identifier: Apache-2.0
/* Records in, pieces out: order, gaps, ends, and who is bound to what. */
#include <malloc.h>

#include "stream/records.h"

struct t {
	struct streams *s;
	struct maker m;
};

static int setup_max(void **state, size_t max)
{
	struct t *t = calloc(1, sizeof(*t));

	t->s = streams_new(max);
	t->m = (struct maker){ .ts = 1000 * MS, .pid = PID, .tid = PID };
	*state = t;
	return !t->s;
}

static int setup(void **state)
{
	return setup_max(state, 100);
}

static int setup_two(void **state)
{
	return setup_max(state, 2);
}

/* Whatever a test did: when the observation ends nothing is left and the books balance. */
static int teardown(void **state)
{
	struct t *t = *state;

	walk(t->s, bare(&t->m, WIRE_FINISH));
	assert_int_equal(streams_open(t->s), 0);
	assert_balance(streams_stats(t->s));
	streams_free(t->s);
	free(t->m.last);
	free(t);
	return 0;
}

#define OUT(off, text) walk(t->s, data(&t->m, 7, WIRE_OUT, off, VIEW(text)))
#define IN(off, text) walk(t->s, data(&t->m, 7, WIRE_IN, off, VIEW(text)))
#define LATER(ms) (t->m.ts += (ms) * MS, walk(t->s, bare(&t->m, WIRE_TICK)))

static void in_order(void **state)
{
	struct t *t = *state;

	assert_string_equal(OUT(0, "GET "), "7>GET ");
	assert_string_equal(IN(0, "200"), "7<200");
	assert_string_equal(OUT(4, "/"), "7>/");
	assert_string_equal(walk(t->s, stream_end(&t->m, 7, 5, 3)), "7!");
	assert_int_equal(streams_open(t->s), 0);
	assert_int_equal(streams_stats(t->s)->delivered[WIRE_OUT], 5);
	assert_int_equal(streams_stats(t->s)->delivered[WIRE_IN], 3);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 0);
}

static void out_of_order(void **state)
{
	struct t *t = *state;

	assert_string_equal(OUT(4, "def"), "");
	assert_string_equal(OUT(9, "j"), "");
	assert_string_equal(OUT(7, "hi"), "");
	assert_string_equal(OUT(0, "1abc"), "7>1abc 7>def 7>hi 7>j");
	assert_int_equal(streams_stats(t->s)->reordered, 3);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 0);
}

static void late(void **state)
{
	struct t *t = *state;

	assert_string_equal(OUT(0, "ab"), "7>ab");
	assert_string_equal(OUT(5, "fg"), "");
	assert_string_equal(LATER(199), "");
	assert_string_equal(LATER(1), "7>[3] 7>fg");
	assert_string_equal(OUT(2, "cde"), "");
	assert_int_equal(streams_stats(t->s)->repeated, 3);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 3);
	assert_string_equal(OUT(7, "h"), "7>h");
}

/* Any record tells the time, not only ticks. */
static void late_by_other_records(void **state)
{
	struct t *t = *state;

	OUT(5, "x");
	t->m.ts += 300 * MS;
	assert_string_equal(walk(t->s, data(&t->m, 8, WIRE_IN, 0, VIEW("y"))), "8<y 7>[5] 7>x");
}

static void overlap(void **state)
{
	struct t *t = *state;

	assert_string_equal(OUT(0, "abcd"), "7>abcd");
	assert_string_equal(OUT(2, "cdef"), "7>ef");
	assert_string_equal(OUT(0, "abcdef"), "");
	assert_string_equal(OUT(8, "ijk"), "");
	assert_string_equal(OUT(7, "hij"), "");
	assert_string_equal(OUT(6, "gh"), "7>gh 7>ij 7>k");
	assert_int_equal(streams_stats(t->s)->repeated, 2 + 6 + 1 + 2);
}

static void holes(void **state)
{
	struct t *t = *state;
	struct wire_data *d;

	assert_string_equal(walk(t->s, hole(&t->m, 7, WIRE_IN, 0, 100)), "7<[100]");
	assert_string_equal(walk(t->s, hole(&t->m, 7, WIRE_IN, 110, 5)), "");
	assert_string_equal(IN(100, "0123456789"), "7<0123456789 7<[5]");
	d = data(&t->m, 7, WIRE_IN, 115, VIEW("abc"));
	d->len = d->call_len = 10;
	assert_string_equal(walk(t->s, d), "7<abc 7<[7]");
	assert_string_equal(IN(125, "x"), "7<x");
	assert_int_equal(streams_stats(t->s)->lost[WIRE_IN], 112);
}

static void lost_start(void **state)
{
	struct t *t = *state;
	struct piece p;

	OUT(5, "x");
	t->m.ts += 200 * MS;
	streams_take(t->s, bare(&t->m, WIRE_TICK));
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_int_equal(p.kind, PIECE_GAP);
	assert_true(p.stream->joined);
}

static void joined(void **state)
{
	struct t *t = *state;
	struct wire_data *d = data(&t->m, 7, WIRE_OUT, 0, VIEW("x"));
	struct piece p;

	d->flags |= WIRE_F_JOINED;
	streams_take(t->s, &d->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_true(p.stream->joined);
	assert_int_equal(streams_next(t->s, &p), 0);
	streams_take(t->s, &data(&t->m, 8, WIRE_OUT, 0, VIEW("x"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_false(p.stream->joined);
}

static void who_and_when(void **state)
{
	struct t *t = *state;
	struct wire_data *d;
	struct piece p;

	OUT(0, "a");
	t->m.pid = t->m.tid = 200;
	t->m.ts += MS;
	d = data(&t->m, 7, WIRE_OUT, 1, VIEW("b"));
	streams_take(t->s, &d->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_int_equal(p.pid, 200);
	assert_int_equal(p.start, 200);
	assert_int_equal(p.tid, 200);
	assert_int_equal(p.ts, 1001 * MS);
	assert_int_equal(p.stream->pid, PID);
	assert_int_equal(p.stream->last_ts, 1001 * MS);
}

static void eof(void **state)
{
	struct t *t = *state;
	struct wire_data *d = data(&t->m, 7, WIRE_IN, 3, VIEW_NONE);

	d->flags |= WIRE_F_EOF;
	assert_string_equal(walk(t->s, d), "");		/* comes early */
	assert_string_equal(IN(0, "abc"), "7<abc 7<.");
	d = data(&t->m, 7, WIRE_IN, 3, VIEW_NONE);
	d->flags |= WIRE_F_EOF;
	assert_string_equal(walk(t->s, d), "");		/* once is enough */
}

static void end_before_last_record(void **state)
{
	struct t *t = *state;

	OUT(0, "ab");
	assert_string_equal(walk(t->s, stream_end(&t->m, 7, 4, 0)), "");
	assert_string_equal(OUT(2, "cd"), "7>cd 7!");
}

static void end_with_loss(void **state)
{
	struct t *t = *state;

	OUT(0, "ab");
	OUT(4, "e");
	assert_string_equal(walk(t->s, stream_end(&t->m, 7, 9, 6)), "");
	assert_string_equal(LATER(200), "7>[2] 7>e 7>[4] 7<[6] 7!");
	assert_string_equal(OUT(2, "cd"), "");		/* counted already */
	assert_string_equal(OUT(9, "zz"), "");
	assert_int_equal(streams_open(t->s), 0);
	assert_int_equal(streams_stats(t->s)->seen[WIRE_OUT], 11);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 8);
	assert_int_equal(streams_stats(t->s)->opened, 1);
}

static void only_an_end(void **state)
{
	struct t *t = *state;

	assert_string_equal(walk(t->s, stream_end(&t->m, 5, 0, 0)), "");
	assert_int_equal(streams_stats(t->s)->opened, 0);
	walk(t->s, stream_end(&t->m, 7, 10, 0));
	assert_string_equal(LATER(200), "7>[10] 7!");
}

static void process_ends(void **state)
{
	struct t *t = *state;

	OUT(0, "a");
	walk(t->s, data(&t->m, 8, WIRE_OUT, 0, VIEW("b")));
	t->m.pid = 200;
	walk(t->s, data(&t->m, 9, WIRE_OUT, 0, VIEW("c")));
	t->m.pid = PID;
	assert_string_equal(walk(t->s, process_exit(&t->m)), "");
	assert_string_equal(OUT(1, "z"), "7>z");	/* was on its way */
	assert_string_equal(LATER(200), "7! 8!");
	assert_int_equal(streams_open(t->s), 1);
	t->m.pid = 200;
	t->m.last->start = 0;
	assert_string_equal(walk(t->s, process_exit(&t->m)), "");
	assert_string_equal(LATER(200), "9!");
}

static void end_has_the_time_of_the_end(void **state)
{
	struct t *t = *state;
	struct piece p;

	OUT(0, "a");
	t->m.ts = 5000 * MS;
	walk(t->s, process_exit(&t->m));
	t->m.ts = 6000 * MS;
	streams_take(t->s, bare(&t->m, WIRE_TICK));
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_int_equal(p.kind, PIECE_END);
	assert_int_equal(p.ts, 5000 * MS);
}

static struct wire_data *plain(struct maker *m, uint64_t id, int dir, uint64_t off, struct view v)
{
	struct wire_data *d = data(m, id, dir, off, v);

	d->source = WIRE_SRC_SOCKET;
	return d;
}

static void socket_stream(void **state)
{
	struct t *t = *state;
	struct piece p;

	walk(t->s, sock(&t->m, 30, 11434));
	streams_take(t->s, &plain(&t->m, 30, WIRE_OUT, 0, VIEW("GET"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_non_null(p.stream->sock);
	assert_int_equal(p.stream->sock->rport, 11434);
	assert_int_equal(p.stream->sock->role, WIRE_ROLE_CLIENT);
	assert_int_equal(streams_next(t->s, &p), 0);
	assert_string_equal(walk(t->s, stream_end(&t->m, 30, 3, 0)), "30!");
}

/* A child that inherited the socket goes on after its parent; without one the stream ends in time. */
static void socket_outlives_process(void **state)
{
	struct t *t = *state;

	walk(t->s, plain(&t->m, 30, WIRE_OUT, 0, VIEW("a")));
	walk(t->s, process_exit(&t->m));
	assert_string_equal(LATER(5000), "");
	t->m.pid = 200;
	assert_string_equal(walk(t->s, plain(&t->m, 30, WIRE_OUT, 1, VIEW("b"))), "30>b");
	assert_string_equal(LATER(20000), "");
	walk(t->s, process_exit(&t->m));
	assert_string_equal(LATER(9999), "");
	assert_string_equal(LATER(1), "30!");
}

static void socket_comes_back(void **state)
{
	struct t *t = *state;
	struct piece p;

	walk(t->s, plain(&t->m, 30, WIRE_OUT, 0, VIEW("abc")));
	walk(t->s, process_exit(&t->m));
	assert_string_equal(LATER(10000), "30!");
	t->m.pid = 200;
	streams_take(t->s, &plain(&t->m, 30, WIRE_OUT, 3, VIEW("d"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_int_equal(p.kind, PIECE_BYTES);
	assert_true(p.stream->joined);
	assert_int_equal(streams_next(t->s, &p), 0);
	assert_int_equal(streams_stats(t->s)->seen[WIRE_OUT], 4);
}

static void binding(void **state)
{
	struct t *t = *state;
	struct piece p;

	walk(t->s, bind_to(&t->m, 7, 30, WIRE_BIND_FD));	/* before either is known */
	walk(t->s, sock(&t->m, 30, 443));
	walk(t->s, sock(&t->m, 31, 444));
	streams_take(t->s, &data(&t->m, 7, WIRE_OUT, 0, VIEW("x"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_int_equal(p.stream->sock->rport, 443);
	assert_int_equal(p.stream->bind_basis, WIRE_BIND_FD);
	assert_int_equal(streams_next(t->s, &p), 0);
	walk(t->s, bind_to(&t->m, 7, 31, WIRE_BIND_CALL));	/* knows better */
	assert_int_equal(p.stream->sock->rport, 444);
	walk(t->s, bind_to(&t->m, 7, 30, WIRE_BIND_FD));	/* does not */
	assert_int_equal(p.stream->sock->rport, 444);
	assert_int_equal(streams_stats(t->s)->bound[WIRE_BIND_CALL], 1);
	assert_int_equal(streams_stats(t->s)->bound[WIRE_BIND_FD], 0);
	walk(t->s, stream_end(&t->m, 31, 0, 0));		/* the socket goes first: its name stays */
	assert_int_equal(p.stream->sock->rport, 444);
	assert_string_equal(walk(t->s, stream_end(&t->m, 7, 1, 0)), "7<. 7!");
	assert_int_equal(streams_stats(t->s)->bound[0], 0);
}

/* Recorded from node: 5's handshake callback writes on 7's connection, then on its own. */
static void contested(void **state)
{
	struct t *t = *state;
	struct piece p;

	walk(t->s, bind_to(&t->m, 7, 30, WIRE_BIND_CALL));
	walk(t->s, bind_to(&t->m, 5, 30, WIRE_BIND_CALL));
	streams_take(t->s, &data(&t->m, 5, WIRE_OUT, 0, VIEW("x"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_null(p.stream->sock);
	assert_int_equal(streams_next(t->s, &p), 0);
	walk(t->s, bind_to(&t->m, 5, 31, WIRE_BIND_CALL));
	assert_int_equal(p.stream->sock->id, 31);
	assert_int_equal(streams_stats(t->s)->contested, 1);
	t->m.pid = 200;		/* a child goes on with the connection: an object of its own on the same socket */
	walk(t->s, bind_to(&t->m, 9, 30, WIRE_BIND_CALL));
	assert_int_equal(streams_stats(t->s)->contested, 1);
	assert_int_equal(streams_stats(t->s)->bound[WIRE_BIND_CALL], 3);
	walk(t->s, stream_end(&t->m, 9, 0, 0));
	t->m.pid = PID;
	walk(t->s, stream_end(&t->m, 7, 0, 0));	/* wrapped anew */
	walk(t->s, bind_to(&t->m, 8, 30, WIRE_BIND_CALL));
	assert_int_equal(streams_stats(t->s)->bound[WIRE_BIND_CALL], 4);
}

/* Without close_notify only the socket tells the end; what the library holds comes before it. */
static void socket_eof(void **state)
{
	struct t *t = *state;

	walk(t->s, bind_to(&t->m, 7, 30, WIRE_BIND_CALL));
	IN(0, "ab");
	assert_string_equal(walk(t->s, socket_call(&t->m, 30, WIRE_IN, 0, 0)), "");
	assert_string_equal(IN(2, "c"), "7<c");
	assert_string_equal(LATER(200), "7<.");
	assert_string_equal(walk(t->s, stream_end(&t->m, 7, 0, 3)), "7!");
}

/* A program that gives up closes the socket; when the TLS object goes is up to its garbage collector. */
static void socket_closed(void **state)
{
	struct t *t = *state;

	walk(t->s, bind_to(&t->m, 7, 30, WIRE_BIND_CALL));
	IN(0, "ab");
	assert_string_equal(walk(t->s, stream_end(&t->m, 30, 0, 0)), "");
	assert_string_equal(LATER(200), "7<.");
	assert_string_equal(LATER(60000), "");
	assert_string_equal(walk(t->s, stream_end(&t->m, 7, 0, 2)), "7!");
}

static void refused(void **state)
{
	struct t *t = *state;

	walk(t->s, data(&t->m, 1, WIRE_OUT, 0, VIEW("a")));
	walk(t->s, data(&t->m, 2, WIRE_OUT, 0, VIEW("b")));
	assert_string_equal(walk(t->s, data(&t->m, 3, WIRE_OUT, 0, VIEW("ccc"))), "");
	assert_int_equal(streams_stats(t->s)->refused, 1);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 3);
	assert_string_equal(walk(t->s, stream_end(&t->m, 1, 1, 0)), "1!");
	assert_string_equal(walk(t->s, data(&t->m, 3, WIRE_OUT, 5, VIEW("c"))), "");	/* stays so */
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 6);
	walk(t->s, stream_end(&t->m, 3, 10, 2));
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 10);
	assert_int_equal(streams_stats(t->s)->lost[WIRE_IN], 2);
	assert_int_equal(streams_stats(t->s)->refused, 1);
	assert_balance(streams_stats(t->s));
}

static void ignored(void **state)
{
	struct t *t = *state;
	struct piece p;

	streams_take(t->s, &data(&t->m, 7, WIRE_OUT, 0, VIEW("a"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	p.stream->ignored = true;
	assert_int_equal(streams_next(t->s, &p), 0);
	walk(t->s, stream_end(&t->m, 7, 1000, 0));
	assert_string_equal(LATER(200), "7!");
	assert_int_equal(streams_stats(t->s)->lost[WIRE_OUT], 0);
	assert_int_equal(streams_stats(t->s)->ignored[WIRE_OUT], 999);
}

/* Of an answer that nobody wanted some came late, most not at all; the request behind it makes the next one wanted. */
static void muted(void **state)
{
	struct t *t = *state;
	struct piece p;

	streams_take(t->s, &data(&t->m, 7, WIRE_IN, 0, VIEW("a"))->hdr);
	assert_int_equal(streams_next(t->s, &p), 1);
	assert_int_equal(stream_mute(p.stream, WIRE_IN), MUTE(WIRE_IN, 0ull));
	assert_int_equal(stream_mute(p.stream, WIRE_IN), 0);
	assert_int_equal(streams_next(t->s, &p), 0);
	assert_string_equal(walk(t->s, data(&t->m, 7, WIRE_IN, 1, VIEW("b"))), "7<b");
	for (int i = 0; i <= MUTE_SLACK; i++)
		walk(t->s, data(&t->m, 7, WIRE_OUT, i, VIEW("r")));
	assert_string_equal(walk(t->s, data(&t->m, 7, WIRE_IN, 1000, VIEW("c"))), "7<[998] 7<c");	/* at once */
	assert_int_equal(streams_stats(t->s)->ignored[WIRE_IN], 998);
	walk(t->s, data(&t->m, 7, WIRE_IN, 1002, VIEW("d")));
	assert_string_equal(LATER(200), "7<[1] 7<d");						/* a loss as any */
	assert_int_equal(streams_stats(t->s)->lost[WIRE_IN], 1);
	assert_balance(streams_stats(t->s));
}

static void finish(void **state)
{
	struct t *t = *state;

	OUT(0, "a");
	OUT(3, "d");
	walk(t->s, data(&t->m, 8, WIRE_IN, 0, VIEW("b")));
	walk(t->s, process_exit(&t->m));
	assert_string_equal(walk(t->s, bare(&t->m, WIRE_FINISH)), "7>[2] 7>d 7! 8!");
}

/* More than may wait: the gap is declared at once, and memory stays bounded. */
static void waits_bounded(void **state)
{
	static char big[256 * 1024];
	struct t *t = *state;
	struct piece p;
	uint64_t off = 1, handed = 0;

	for (int i = 0; i < 200; i++, off += sizeof(big)) {
		streams_take(t->s, &data(&t->m, 7, WIRE_OUT, off, (struct view){ big, sizeof(big) })->hdr);
		while (streams_next(t->s, &p)) {
			handed += p.kind == PIECE_BYTES ? p.bytes.n : p.n;
			assert_true(p.stream->dir[WIRE_OUT].wait_bytes <= STREAM_WAIT_BYTES + sizeof(big) + 1024);
		}
	}
	assert_int_equal(handed, off);
	for (off = 1; off <= 2 * STREAM_WAIT_RECORDS + 4; off += 2)
		walk(t->s, data(&t->m, 8, WIRE_OUT, off, VIEW("x")));
	assert_true(streams_stats(t->s)->lost[WIRE_OUT] >= 2);
}

/* A thousand streams that do nothing, with their sockets and process. */
static void idle_is_small(void **state)
{
	size_t before = mallinfo2().uordblks, after;
	struct maker m = { .ts = MS, .pid = PID };
	struct streams *s = streams_new(1000);

	for (uint64_t id = 1; id <= 1000; id++) {
		walk(s, sock(&m, 10000 + id, 443));
		walk(s, bind_to(&m, id, 10000 + id, WIRE_BIND_CALL));
		walk(s, data(&m, id, WIRE_OUT, 0, VIEW("x")));
	}
	after = mallinfo2().uordblks;
	assert_true(after - before < 1000 * 1200);
	streams_free(s);
	free(m.last);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order), TEST(out_of_order), TEST(late), TEST(late_by_other_records), TEST(overlap),
		TEST(holes), TEST(lost_start), TEST(joined), TEST(who_and_when), TEST(eof),
		TEST(end_before_last_record), TEST(end_with_loss), TEST(only_an_end), TEST(process_ends),
		TEST(end_has_the_time_of_the_end), TEST(socket_stream), TEST(socket_outlives_process),
		TEST(socket_comes_back), TEST(binding), TEST(contested), TEST(socket_eof), TEST(socket_closed),
		cmocka_unit_test_setup_teardown(refused, setup_two, teardown),
		TEST(ignored), TEST(muted), TEST(finish), TEST(waits_bounded),
		cmocka_unit_test(idle_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
