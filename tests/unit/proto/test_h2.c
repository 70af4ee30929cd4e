// SPDX-License-Identifier: Apache-2.0
/* Frames of one direction: what they say, and what is left of it when bytes are missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "events.h"
#include "frames.h"
#include "proto/h2.h"

struct say {
	struct buf in, got;
	void *h2;
};

static struct say *say_new(void)
{
	struct say *s = calloc(1, sizeof(*s));

	buf_init(&s->in, 64 << 20);
	buf_init(&s->got, 64 << 20);
	s->h2 = h2_new();
	assert_non_null(s->h2);
	return s;
}

static void pull(struct say *s, struct view v)
{
	events_pull(&s->got, &proto_http2, s->h2, v);
}

/* What has been written is read. */
static void flush(struct say *s)
{
	pull(s, buf_view(&s->in));
	buf_reset(&s->in);
}

static void gap(struct say *s, uint64_t n)
{
	flush(s);
	proto_http2.gap(s->h2, n);
	pull(s, VIEW_NONE);
}

static void over(struct say *s, const char *expected)
{
	flush(s);
	proto_http2.end(s->h2);
	pull(s, VIEW_NONE);
	assert_int_equal(buf_add_byte(&s->got, 0), 0);
	assert_string_equal(s->got.p, expected);
	h2_free(s->h2);
	buf_release(&s->in);
	buf_release(&s->got);
	free(s);
}

static void add(struct say *s, int type, int flags, uint32_t stream, struct view payload)
{
	frame_add(&s->in, type, flags, stream, payload);
}

static struct say *server(void)
{
	struct say *s = say_new();

	add(s, F_SETTINGS, 0, 0, VIEW(""));
	return s;
}

#define OK VIEW("\x88")
#define AB VIEW("\x40\1a\1b")		/* goes into the table */
#define LAST VIEW("\xbe")		/* what came last */

static void test_plain(void **state)
{
	struct say *s = say_new();

	assert_int_equal(buf_add(&s->in, PREFACE), 0);
	add(s, F_SETTINGS, 0, 0, VIEW("\0\3\0\0\0\x64"));
	add(s, F_HEADERS, F_EH, 1, VIEW("\x83\x86\x84"));
	add(s, F_WINDOW, 0, 1, VIEW("\0\1\0\0"));
	add(s, F_DATA, 0, 1, VIEW("{}"));
	add(s, F_DATA, F_END, 1, VIEW(""));
	add(s, F_PING, 0, 0, VIEW("12345678"));
	add(s, F_HEADERS, F_EH | F_END, 3, VIEW("\x82\x86\x84"));
	add(s, F_RST, 0, 3, VIEW("\0\0\0\x08"));
	add(s, F_GOAWAY, 0, 0, VIEW("\0\0\0\0\0\0\0\0bye"));
	flush(s);
	assert_int_equal(h2_from(s->h2), H2_FROM_CLIENT);
	over(s, "H1(:method=POST) H1(:scheme=http) H1(:path=/) .1 B1({}) E1:0 H3(:method=GET) H3(:scheme=http) H3(:path=/) .3"
		" E3:0 R3:8 A0:0");
}

static void test_pieces_and_padding(void **state)
{
	struct say *s = server();

	add(s, F_HEADERS, F_PAD | 0x20, 1, VIEW("\2\0\0\0\0\x10\x88\x40\0\0"));
	add(s, F_CONT, 0, 1, VIEW("\1"));
	add(s, F_CONT, 0, 1, VIEW(""));
	add(s, F_CONT, F_EH, 1, VIEW("a\1b"));
	add(s, F_DATA, F_PAD, 1, VIEW("\3xy\0\0\0"));
	add(s, F_DATA, F_PAD | F_END, 1, VIEW("\0z"));
	add(s, F_HEADERS, F_EH | F_END, 3, LAST);
	over(s, "H1(:status=200) H1(a=b) .1 B1(xy) B1(z) E1:0 H3(a=b) .3 E3:0");
}

static void test_promise(void **state)
{
	struct say *s = server();

	add(s, F_PUSH, F_EH, 1, VIEW("\0\0\0\2\x82\x40\1a\1b"));
	add(s, F_HEADERS, F_EH | F_END, 1, LAST);
	over(s, "H1(a=b) .1 E1:0");
}

/* A header block that never ends well: what came of it is told, and the table is lost with it. */
static void test_broken_blocks(void **state)
{
	struct say *s = server();

	add(s, F_HEADERS, F_EH, 1, AB);
	add(s, F_HEADERS, 0, 3, OK);			/* cut short by another frame */
	add(s, F_DATA, 0, 1, VIEW("x"));
	add(s, F_HEADERS, F_EH, 5, LAST);		/* of which nobody knows what it was */
	add(s, F_HEADERS, F_EH, 7, VIEW("\x88\xff\xff"));	/* breaks off */
	add(s, F_HEADERS, F_EH | F_PAD, 9, VIEW("\7\x88"));	/* more padding than there is */
	add(s, F_CONT, F_EH, 9, VIEW("\x88"));
	add(s, F_DATA, F_PAD | F_END, 1, VIEW("\x09y"));
	over(s, "H1(a=b) .1 H3(:status=200) .3! B1(x) .5-1 H7(:status=200) .7! .9! G1? E1:0");
}

/* HPACK bombs, and floods of frames that say nothing. */
static void test_floods(void **state)
{
	struct say *s = server();
	struct buf block;
	struct proto_event ev;
	struct view in;
	uint64_t told = 0, left_out = 0, cut = 0;

	buf_init(&block, 1 << 20);
	assert_int_equal(buf_addf(&block, "\x40\x01" "a\x7f\xa1\x1e%04000d", 0), 0);	/* 4,001 bytes, 64,000 times */
	for (int i = 0; i < 64000; i++)
		assert_int_equal(buf_add_byte(&block, '\xbe'), 0);
	add(s, F_HEADERS, 0, 1, buf_view(&block));
	for (int i = 0; i < 10000; i++)
		add(s, F_CONT, 0, 1, VIEW(""));
	add(s, F_CONT, F_EH, 1, VIEW(""));
	for (int i = 0; i < 1000; i++)
		add(s, F_SETTINGS, 0, 0, VIEW("\0\1\0\0\0\0"));
	add(s, F_HEADERS, 0, 3, OK);
	for (int i = 0; i < 100; i++)			/* no end in sight */
		add(s, F_CONT, 0, 3, view_take(buf_view(&block), 16000));
	add(s, F_CONT, F_EH, 3, OK);
	in = buf_view(&s->in);
	while (proto_http2.next(s->h2, &in, &ev) > 0) {
		if (ev.kind == EV_HEADER)
			told += ev.name.n + ev.value.n;
		if (ev.kind == EV_HEADERS_END) {
			left_out += ev.num;
			cut += ev.num2;
		}
		assert_in_range(proto_http2.memory(s->h2), 0, 1 << 20);
	}
	assert_in_range(told, 1000000, 2200000);
	assert_true(left_out > 60000);
	assert_int_equal(cut, 1);
	buf_reset(&s->in);
	buf_reset(&s->got);
	over(s, "");
	buf_release(&block);
}

/* What h2spec and its like send: each is passed over or ends in a hunt, and what follows is found. */
static void test_hostile(void **state)
{
	static const struct {
		int type, flags;
		uint32_t stream;
		struct view payload;
	} bad[] = {
		{ F_DATA, 0, 0, VIEW("x") }, { F_HEADERS, F_EH, 0, VIEW("\x88") }, { F_PRIORITY, 0, 1, VIEW("1234") },
		{ F_PRIORITY, 0, 0, VIEW("12345") }, { F_RST, 0, 0, VIEW("1234") }, { F_RST, 0, 1, VIEW("123") },
		{ F_SETTINGS, 0, 1, VIEW("") }, { F_SETTINGS, 0, 0, VIEW("12345") }, { F_SETTINGS, 1, 0, VIEW("123456") },
		{ F_PUSH, F_EH, 0, VIEW("\0\0\0\2\x82") }, { F_PUSH, F_EH, 1, VIEW("\0") }, { F_PING, 0, 0, VIEW("1234567") },
		{ F_PING, 0, 1, VIEW("12345678") }, { F_GOAWAY, 0, 1, VIEW("12345678") }, { F_GOAWAY, 0, 0, VIEW("1234") },
		{ F_WINDOW, 0, 0, VIEW("12345") }, { F_CONT, F_EH, 0, VIEW("\x88") }, { F_CONT, F_EH, 1, VIEW("\x88") },
		{ 0x42, 0xff, 7, VIEW("what is this") },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct say *s = server();

		add(s, bad[i].type, bad[i].flags, bad[i].stream, bad[i].payload);
		add(s, F_PING, 0, 0, VIEW("12345678"));
		add(s, F_HEADERS, F_EH, 9, OK);
		add(s, F_DATA, F_END, 9, VIEW("marker"));
		flush(s);
		proto_http2.end(s->h2);		/* some could be the beginning of something longer */
		pull(s, VIEW_NONE);
		if (!memmem(s->got.p, s->got.n, "H9(:status=200) .9 B9(marker) E9:0", 34))
			fail_msg("%zu: %.*s", i, VIEW_ARG(buf_view(&s->got)));
		buf_reset(&s->got);
		over(s, "");
	}
}

/* A gap inside a frame takes what it takes, and no more. */
static void test_exact_gaps(void **state)
{
	struct say *s = server();

	add(s, F_HEADERS, F_EH, 1, AB);
	add(s, F_DATA, F_PAD, 1, VIEW("\3hello\0\0\0"));
	s->in.n -= 6;				/* "llo" and its padding */
	gap(s, 6);
	add(s, F_HEADERS, F_EH, 3, LAST);
	add(s, F_DATA, F_END, 3, VIEW("0123456789"));
	s->in.n -= 5;
	gap(s, 2);
	assert_int_equal(buf_add(&s->in, VIEW("789")), 0);
	add(s, F_WINDOW, 0, 0, VIEW("\0\0\0\1"));
	s->in.n -= 2;
	gap(s, 2);
	add(s, F_RST, 0, 1, VIEW("\0\0\0\1"));
	s->in.n -= 1;
	gap(s, 1);
	add(s, F_HEADERS, F_EH, 5, LAST);
	over(s, "H1(a=b) .1 B1(he) G1:3 H3(a=b) .3 B3(01234) G3:2 B3(789) E3:0 R1:-1 H5(a=b) .5");
}

/* A gap inside a header block: the frames go on, the table begins anew. */
static void test_gap_in_block(void **state)
{
	struct say *s = server();

	add(s, F_HEADERS, F_EH, 1, AB);
	add(s, F_HEADERS, F_EH | F_END, 3, VIEW("\x88\x40\1c\1d"));
	s->in.n -= 3;
	gap(s, 3);
	add(s, F_HEADERS, F_EH, 5, LAST);
	add(s, F_HEADERS, F_EH, 7, AB);
	add(s, F_HEADERS, F_EH, 9, LAST);
	over(s, "H1(a=b) .1 H3(:status=200) .3! E3:0 .5-1 H7(a=b) .7 H9(a=b) .9");
}

/* A gap over frames: they are found again by two in a row, or by one that nothing else looks like. */
static void test_hunt(void **state)
{
	struct say *s = server();

	add(s, F_HEADERS, F_EH, 1, OK);
	add(s, F_DATA, 0, 1, VIEW("abc"));
	s->in.n -= 1;
	gap(s, 500);
	assert_int_equal(buf_add(&s->in, VIEW("rest of a frame")), 0);
	add(s, F_DATA, 0, 1, VIEW("def"));
	add(s, F_DATA, 0, 1, VIEW("ghi"));
	over(s, "H1(:status=200) .1 B1(ab) G1:1 G? O(rest of a frame) B1(def) B1(ghi)");
}

/* The last frame of all has none behind it, but ends where the stream does. */
static void test_hunt_last(void **state)
{
	struct say *s = say_new();

	gap(s, UINT64_MAX);
	add(s, F_DATA, F_END, 1, VIEW("last"));
	flush(s);
	assert_false(h2_synced(s->h2));
	over(s, "B1(last) E1:0");
}

/* Text and zeros are no frames. */
static void test_no_frames(void **state)
{
	struct say *s = say_new();
	char zeros[5000] = "";

	gap(s, UINT64_MAX);
	assert_int_equal(buf_add(&s->in, (struct view){ zeros, sizeof(zeros) }), 0);
	assert_int_equal(buf_addf(&s->in, "data: {\"a\":1}\n\n"), 0);
	flush(s);
	proto_http2.end(s->h2);
	pull(s, VIEW_NONE);
	assert_null(memchr(s->got.p, 'B', 1));
	for (size_t i = 0; i + 1 < s->got.n; i++)
		if (s->got.p[i + 1] == '(')
			assert_int_equal(s->got.p[i], 'O');
	buf_reset(&s->got);
	over(s, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_pieces_and_padding),
		cmocka_unit_test(test_promise),
		cmocka_unit_test(test_broken_blocks),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_exact_gaps),
		cmocka_unit_test(test_gap_in_block),
		cmocka_unit_test(test_hunt),
		cmocka_unit_test(test_hunt_last),
		cmocka_unit_test(test_no_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
