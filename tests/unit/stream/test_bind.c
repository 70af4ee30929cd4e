// SPDX-License-Identifier: Apache-2.0
/*
 * Binding by record lengths, on the orders of events that event loops make.
 * Stream n belongs on socket 1000 + n: right or unbound, never wrong.
 */
#include "stream/records.h"

#define TLS13 17
#define GCM12 24
#define CHACHA12 16

struct t {
	struct streams *s;
	struct maker m;
	uint64_t off[100][2];
	const struct sock *bound[100];	/* as the streams' pieces tell */
	unsigned overhead;
};

static int setup(void **state)
{
	struct t *t = calloc(1, sizeof(*t));

	t->s = streams_new(100);
	t->m = (struct maker){ .ts = 1000 * MS, .pid = PID, .tid = PID };
	t->overhead = TLS13;
	*state = t;
	return !t->s;
}

/* The binding of a stream is looked at from its pieces, as flow does; here from its last one. */
static void take(struct t *t, const void *record)
{
	struct piece p;

	streams_take(t->s, record);
	while (streams_next(t->s, &p)) {
		if (p.kind != PIECE_END)
			continue;
		t->bound[p.stream->id] = p.stream->sock;
		if (!p.stream->sock)
			continue;
		assert_int_equal(p.stream->sock->id, 1000 + p.stream->id);
		assert_int_equal(p.stream->bind_basis, WIRE_BIND_RECORD);
	}
}

static int teardown(void **state)
{
	struct t *t = *state;

	take(t, bare(&t->m, WIRE_FINISH));
	streams_free(t->s);
	free(t->m.last);
	free(t);
	return 0;
}

static unsigned bound(struct t *t)
{
	take(t, bare(&t->m, WIRE_TICK));
	return streams_stats(t->s)->bound[WIRE_BIND_RECORD];
}

static unsigned sealed(const struct t *t, unsigned n)
{
	return n + (n + 16383) / 16384 * (5 + t->overhead);
}

static unsigned first(const struct t *t, unsigned n)
{
	return (n < 16384 ? n : 16384) + t->overhead;
}

static void tls_call(struct t *t, unsigned id, int dir, unsigned n)
{
	struct wire_data *d = hole(&t->m, id, dir, t->off[id][dir], n);

	t->off[id][dir] += n;
	t->m.ts += 1000;
	take(t, d);
}

static void tls_out(struct t *t, unsigned id, unsigned n)
{
	tls_call(t, id, WIRE_OUT, n);
}

static void tls_in(struct t *t, unsigned id, unsigned n)
{
	tls_call(t, id, WIRE_IN, n);
}

/* The socket's records for one call of n bytes. */
static void sock_out(struct t *t, unsigned id, unsigned n)
{
	t->m.ts += 1000;
	take(t, socket_call(&t->m, 1000 + id, WIRE_OUT, sealed(t, n), first(t, n)));
}

static void sock_in(struct t *t, unsigned id, unsigned n)
{
	t->m.ts += 1000;
	take(t, socket_call(&t->m, 1000 + id, WIRE_IN, sealed(t, n), first(t, n)));
}

/* asyncio, node: straight after the library's call comes the socket's. */
static void write_at_once(void **state)
{
	static const unsigned overheads[] = { TLS13, GCM12, CHACHA12 };
	struct t *t = *state;

	for (unsigned i = 0; i < 3; i++) {
		t->overhead = overheads[i];
		tls_out(t, 1 + i, 700);
		sock_out(t, 1 + i, 700);
		assert_int_equal(bound(t), 1 + i);
	}
}

/* Measured on asyncio: SSL_write_ex of 40067 bytes, then sendto of 40133, first header 17 03 03 40 11. */
static void measured(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 40067);
	take(t, socket_call(&t->m, 1001, WIRE_OUT, 40133, 0x4011));
	assert_int_equal(bound(t), 1);
}

/* Bun: head and body are two calls, one socket write takes both. */
static void two_calls_one_write(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 300);
	tls_out(t, 1, 20000);
	take(t, socket_call(&t->m, 1001, WIRE_OUT, sealed(t, 300) + sealed(t, 20000), first(t, 300)));
	assert_int_equal(bound(t), 1);
}

static void after_change_cipher_spec(struct t *t, unsigned id, unsigned len)
{
	struct wire_record *r = socket_call(&t->m, 1000 + id, WIRE_OUT, len, 1);

	r->head[0] = 20;
	take(t, r);
}

/* Measured on uvloop: SSL_write_ex of 355 bytes, then 457 on the socket, behind what ends the handshake. */
static void behind_finished(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 355);
	after_change_cipher_spec(t, 1, 457);
	assert_int_equal(bound(t), 1);
	tls_out(t, 2, 355);
	after_change_cipher_spec(t, 2, 457 - 16);
	assert_int_equal(bound(t), 2);
}

/* TLS 1.2 or a client certificate: the first write says nothing, the next one does. */
static void behind_more(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 500);
	after_change_cipher_spec(t, 1, 6 + 58 + 900 + sealed(t, 500));
	assert_int_equal(bound(t), 0);
	tls_out(t, 1, 900);
	sock_out(t, 1, 900);
	assert_int_equal(bound(t), 1);
}

/* Reads alone: two of different lengths. */
static void by_reads(void **state)
{
	struct t *t = *state;

	sock_in(t, 1, 812);
	tls_in(t, 1, 812);
	assert_int_equal(bound(t), 0);
	sock_in(t, 1, 812);
	tls_in(t, 1, 812);
	assert_int_equal(bound(t), 0);
	sock_in(t, 1, 97);
	tls_in(t, 1, 97);
	assert_int_equal(bound(t), 1);
}

/* A record that takes two socket reads to arrive, and two records in one read. */
static void cut_and_joined_reads(void **state)
{
	struct t *t = *state;

	take(t, socket_call(&t->m, 1001, WIRE_IN, 1000, first(t, 2000)));
	take(t, socket_call(&t->m, 1001, WIRE_IN, sealed(t, 2000) - 1000, 0));
	tls_in(t, 1, 2000);
	take(t, socket_call(&t->m, 1001, WIRE_IN, sealed(t, 50) + sealed(t, 60), first(t, 50)));
	tls_in(t, 1, 50);
	tls_in(t, 1, 60);
	assert_int_equal(bound(t), 1);
}

/* Ten connections in one loop, each call followed by its own. */
static void ten_in_turn(void **state)
{
	struct t *t = *state;

	for (unsigned id = 1; id <= 10; id++) {
		tls_out(t, id, 1234);	/* all the same request */
		sock_out(t, id, 1234);
	}
	assert_int_equal(bound(t), 10);
}

/* uvloop: all the library's calls of one turn, then all the sockets'.  Equal lengths: nobody can tell. */
static void ten_deferred_alike(void **state)
{
	struct t *t = *state;

	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned id = 1; id <= 10; id++)
			tls_out(t, id, 1234);
		for (unsigned id = 10; id; id--)
			sock_out(t, id, 1234);
	}
	assert_int_equal(bound(t), 0);
	/* The answers differ. */
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned id = 1; id <= 10; id++)
			sock_in(t, id, 100 + 40 * id + turn);
		for (unsigned id = 1; id <= 10; id++)
			tls_in(t, id, 100 + 40 * id + turn);
	}
	assert_true(bound(t) < 10);		/* a fit out of turn says little */
	for (unsigned turn = 3; turn < 6; turn++) {
		for (unsigned id = 1; id <= 10; id++)
			sock_in(t, id, 100 + 40 * id + turn);
		for (unsigned id = 10; id; id--)
			tls_in(t, id, 100 + 40 * id + turn);
	}
	assert_int_equal(bound(t), 10);
}

/* Two that always do the same, in the order that misleads. */
static void twins(void **state)
{
	struct t *t = *state;

	for (unsigned turn = 0; turn < 20; turn++) {
		tls_out(t, 1, 1000 + turn);
		tls_out(t, 2, 1000 + turn);
		sock_out(t, 2, 1000 + turn);
		sock_out(t, 1, 1000 + turn);
		sock_in(t, 1, 2000 + turn);
		sock_in(t, 2, 2000 + turn);
		tls_in(t, 2, 2000 + turn);
		tls_in(t, 1, 2000 + turn);
		t->m.ts += 300 * MS;
	}
	assert_int_equal(bound(t), 0);
}

static void ten_deferred_different(void **state)
{
	struct t *t = *state;

	for (unsigned id = 1; id <= 10; id++)
		tls_out(t, id, 1000 + id);
	for (unsigned id = 1; id <= 10; id++)
		sock_out(t, id, 1000 + id);
	for (unsigned turn = 0; turn < 4; turn++) {
		for (unsigned id = 1; id <= 10; id++) {
			sock_in(t, id, 200 + 10 * id + turn);
			tls_in(t, id, 200 + 10 * id + turn);
		}
	}
	assert_int_equal(bound(t), 10);
}

/* tokio: the thread of the library's call is not the one of the socket's. */
static void threads_vary(void **state)
{
	struct t *t = *state;

	for (unsigned turn = 0; turn < 5; turn++) {
		for (unsigned id = 1; id <= 4; id++) {
			t->m.tid = PID + (turn + id) % 3;
			sock_in(t, id, 300 + 17 * id + turn);
			t->m.tid = PID + (turn + 2 * id) % 3;
			tls_in(t, id, 300 + 17 * id + turn);
		}
	}
	assert_int_equal(bound(t), 4);
}

/* The socket of another library that nobody observes, with the same length at a bad moment. */
static void stranger(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 1234);			/* its socket is full: written later */
	tls_out(t, 2, 1234);
	sock_out(t, 50, 1234);			/* the stranger */
	assert_int_equal(bound(t), 0);
	sock_out(t, 1, 1234);
	sock_out(t, 2, 1234);
	assert_int_equal(bound(t), 0);
	sock_in(t, 50, 400);
	sock_in(t, 1, 400);
	tls_in(t, 1, 400);			/* 400 from either */
	assert_int_equal(bound(t), 0);
}

/* A socket that nobody's stream is on makes one write too little to go by. */
static void doubted(void **state)
{
	struct t *t = *state;

	sock_in(t, 50, 4000);
	tls_out(t, 1, 1234);
	sock_out(t, 1, 1234);
	assert_int_equal(bound(t), 0);
	sock_in(t, 1, 333);
	tls_in(t, 1, 333);
	assert_int_equal(bound(t), 1);
}

/* Another process, same lengths, same moment. */
static void processes_apart(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 1234);
	t->m.pid = t->m.tid = 200;
	tls_out(t, 2, 1234);
	sock_out(t, 2, 1234);
	t->m.pid = t->m.tid = PID;
	sock_out(t, 1, 1234);
	assert_int_equal(bound(t), 2);
}

/* What was long ago says nothing. */
static void stale(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 1234);
	t->m.ts += 200 * MS;
	sock_out(t, 1, 1234);
	assert_int_equal(bound(t), 0);
	tls_out(t, 1, 1235);
	sock_out(t, 1, 1235);
	assert_int_equal(bound(t), 1);
}

/* A socket that the kernel half bound is nobody else's, and a stream that it bound is left alone. */
static void kernel_knows(void **state)
{
	struct t *t = *state;
	struct piece p;

	take(t, bind_to(&t->m, 60, 1001, WIRE_BIND_CALL));
	tls_out(t, 1, 1234);
	sock_out(t, 1, 1234);
	assert_int_equal(bound(t), 0);
	tls_out(t, 2, 777);
	sock_out(t, 2, 777);
	assert_int_equal(bound(t), 1);
	streams_take(t->s, &bind_to(&t->m, 2, 1003, WIRE_BIND_FD)->hdr);	/* it knows better */
	assert_int_equal(bound(t), 0);
	assert_int_equal(streams_stats(t->s)->bound[WIRE_BIND_FD], 1);
	streams_take(t->s, bare(&t->m, WIRE_FINISH));
	while (streams_next(t->s, &p))
		if (p.kind == PIECE_END && p.stream->sock)
			assert_int_equal(p.stream->sock->id, p.stream->id == 60 ? 1001 : 1003);
}

/* Many sockets and streams in question at once cost no more than a crowd of them. */
static void crowd(void **state)
{
	struct t *t = *state;

	for (unsigned id = 1; id < 90; id++) {
		tls_out(t, id, 1000 + id);
		sock_in(t, id, 1000 + id);
	}
	for (unsigned id = 1; id < 90; id++)
		sock_out(t, id, 1000 + id);
	assert_true(bound(t) < 90);
}

/* With strangers about, lengths are as different as those of messages, or two chances may fall together. */
#define STRANGERS_FROM 3000

static uint64_t seed;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

/*
 * One step of a random loop: calls of random streams, their socket calls sooner
 * or later, few lengths, some lost.  Sockets 11 to 13 have no stream, streams 14
 * and 15 no socket.
 */
static void random_step(struct t *t, unsigned lengths, unsigned *queue)
{
	unsigned id = 1 + random_below(lengths < STRANGERS_FROM ? 10 : 15), n = 100 + random_below(lengths);

	t->m.ts += random_below(10) * MS;
	t->m.tid = PID + random_below(2);
	if (id > 13) {
		tls_call(t, id, random_below(2), n);
	} else if (id > 10) {
		random_below(2) ? sock_in(t, id, n) : sock_out(t, id, n);
	} else if (random_below(2)) {
		sock_in(t, id, n);
		if (random_below(8))
			tls_in(t, id, n);
	} else if (!queue[id]) {
		tls_out(t, id, n);
		queue[id] = n;
	} else {
		if (random_below(10))
			sock_out(t, id, queue[id]);
		queue[id] = 0;
	}
}

/* teardown and take() check that what is bound is bound right. */
static void never_wrong(void **state)
{
	struct t *t = *state;
	unsigned all = 0;

	for (unsigned round = 1; round <= 300; round++) {
		unsigned queue[11] = { 0 };

		seed = round * 0x9e3779b97f4a7c15ull;
		for (unsigned i = 0; i < 200; i++)
			random_step(t, 1 + round % 40 * 100, queue);
		all += bound(t);
		take(t, bare(&t->m, WIRE_FINISH));
		streams_free(t->s);
		t->s = streams_new(100);
		memset(t->off, 0, sizeof(t->off));
	}
	print_message("%u of 3000 bound\n", all);
	assert_true(all > 2000);
}

/* Go: each record by itself, small ones first. */
static void sock_parts(struct t *t, unsigned id, unsigned n, unsigned lost)
{
	for (unsigned part = 1; n; part++) {
		unsigned m = part * 1208 - 22 < 16384 ? part * 1208 - 22 : 16384;

		m = m < n ? m : n;
		if (part != lost)
			sock_out(t, id, m);
		n -= m;
	}
}

static void parts(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 40067);
	sock_parts(t, 1, 40067, 0);
	assert_int_equal(bound(t), 1);
	/* Not all of it was seen. */
	tls_out(t, 2, 40068);
	sock_parts(t, 2, 40068, 3);
	assert_int_equal(bound(t), 1);
	/* On another thread than the call. */
	tls_out(t, 3, 40069);
	t->m.tid++;
	sock_parts(t, 3, 40069, 0);
	assert_int_equal(bound(t), 1);
}

/* The thread turned to another connection in the middle of a call. */
static void parts_of_two(void **state)
{
	struct t *t = *state;

	tls_out(t, 1, 5000);
	sock_out(t, 1, 1186);
	tls_out(t, 2, 3814);
	sock_parts(t, 2, 3814, 0);
	assert_int_equal(bound(t), 1);
	sock_out(t, 1, 3814);
	assert_int_equal(bound(t), 2);
}

/*
 * Goroutines on three threads that are taken from them in the middle of a call, few lengths, some writes not seen.
 * Sockets 11 to 13 have no stream, streams 14 and 15 no socket.
 */
static void parts_never_wrong(void **state)
{
	struct t *t = *state;
	unsigned all = 0;

	for (unsigned round = 1; round <= 300; round++) {
		unsigned left[11] = { 0 }, part[11] = { 0 }, thread[11] = { 0 };

		seed = round * 0x9e3779b97f4a7c15ull;
		for (unsigned i = 0; i < 300; i++) {
			unsigned id = 1 + random_below(10), m;

			t->m.ts += random_below(5) * MS;
			if (!random_below(8)) {
				t->m.tid = PID + random_below(3);
				sock_out(t, 11 + random_below(3), random_below(2) ? 1186 : 100 + random_below(3000));
			}
			if (!random_below(8)) {
				t->m.tid = PID + random_below(3);
				tls_out(t, 14 + random_below(2), 100 + random_below(12000));
			}
			if (!left[id]) {
				left[id] = 100 + random_below(1 + round % 40) * 300 + (random_below(2) ? id : 0);
				part[id] = 0;
				t->m.tid = PID + (thread[id] = random_below(3));
				tls_out(t, id, left[id]);
			}
			do {
				part[id]++;
				m = part[id] * 1208 - 22 < left[id] ? part[id] * 1208 - 22 : left[id];
				left[id] -= m;
				t->m.tid = PID + (random_below(10) ? thread[id] : random_below(3));
				if (random_below(20))
					sock_out(t, id, m);
			} while (left[id] && random_below(4));
		}
		all += bound(t);
		take(t, bare(&t->m, WIRE_FINISH));
		streams_free(t->s);
		t->s = streams_new(100);
		memset(t->off, 0, sizeof(t->off));
	}
	print_message("%u of 3000 bound by parts\n", all);
	assert_true(all > 1500);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(write_at_once), TEST(measured), TEST(two_calls_one_write), TEST(behind_finished), TEST(behind_more), TEST(by_reads),
		TEST(cut_and_joined_reads), TEST(ten_in_turn), TEST(ten_deferred_alike), TEST(twins),
		TEST(ten_deferred_different), TEST(threads_vary), TEST(stranger), TEST(doubted), TEST(processes_apart), TEST(stale),
		TEST(kernel_knows), TEST(crowd), TEST(never_wrong),
		TEST(parts), TEST(parts_of_two), TEST(parts_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
