// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "golden.h"
#include "proto/ws.h"
#include "samples.h"
#include "transcript.h"

/* What comes out of these bytes, n of them missing at from. */
static void gives_setup(struct view in, size_t from, size_t n, const struct ws_deflate *d, const char *want)
{
	void *s = transcript_state(&proto_ws);
	struct transcript t;

	if (d)
		ws_setup(s, *d);
	transcript_init(&t);
	transcript_pull(&t, &proto_ws, s, view_take(in, from));
	if (n) {
		proto_ws.gap(s, n);
		transcript_pull(&t, &proto_ws, s, VIEW_NONE);
	}
	transcript_pull(&t, &proto_ws, s, view_drop(in, from + n));
	transcript_end(&t, &proto_ws, s);
	assert_int_equal(buf_add_byte(&t.text, '\0'), 0);
	assert_string_equal(t.text.p, want);
	transcript_release(&t);
	transcript_state_free(&proto_ws, s);
}

static const struct ws_deflate deflated = { .on = true, .window_bits = 15 };
static const struct ws_deflate each_alone = { .on = true, .no_takeover = true, .window_bits = 15 };

static void fragments_and_control_frames(void **state)
{
	gives_setup(samples_named("ws", 0), 0, 0, NULL,
		    "\n<8 0 0 0>text|Hello\n<8 0 0 0>text|Hello!\n<8 0 0 0>binary|");
}

static void masked(void **state)
{
	struct view v = samples_named("ws", 1);

	gives_setup(view_take(v, 11), 0, 0, NULL, "\n<8 0 0 0>text|Hello");
	gives_setup(view_take(v, 10), 0, 0, NULL, "\n<8 0 1 0>text|Hell");
}

static void what_no_sender_may_send(void **state)
{
	gives_setup(samples_named("ws", 2), 0, 0, NULL, "\n<8 0 0 0>text|ok\n<8 0 1 0>text|part\n<error -71>");
	for (size_t i = 4; i < 9; i++)
		gives_setup(samples_named("ws", i), 0, 0, NULL, "\n<error -71>");
	gives_setup(samples_named("ws deflate", 3), 0, 0, &deflated, "\n<error -71>");
}

static void compressed(void **state)
{
	gives_setup(samples_named("ws deflate", 0), 0, 0, &deflated,
		    "\n<8 0 0 0>text|{\"type\":\"one\",\"text\":\"hello hello\"}"
		    "\n<8 0 0 0>text|{\"type\":\"two\",\"text\":\"hello hello\"}"
		    "\n<8 0 0 0>text|not coded\n<8 0 0 0>text|{\"type\":\"three\",\"text\":\"hello\"}");
}

/* Its window is lost with it: what depends on it is not made up. */
static void broken_compression(void **state)
{
	gives_setup(samples_named("ws deflate", 1), 0, 0, &deflated,
		    "\n<8 0 1 0>text|\n<8 0 1 0>text|\n<8 0 0 0>text|plain");
	gives_setup(samples_named("ws deflate", 0), 6, 2, &deflated,
		    "\n<8 0 1 0>text|{\"t\n<8 0 1 0>text|\n<8 0 0 0>text|not coded\n<8 0 1 0>text|");
}

static const struct view alone = { "\xc1\x18\xaaV\xcaS\xb2" "2\xd0Q\xaaP\xb2R\xcaH\xcd\xc9\xc9W\x00\x93J\xb5\x00\x00\xc1\x18\xaaV\xcaS\xb2" "2\xd4Q\xaaP\xb2R\xcaH\xcd\xc9\xc9W\x00\x93J\xb5\x00\x00\xc1\x18\xaaV\xcaS\xb2" "2\xd2Q\xaaP\xb2R\xcaH\xcd\xc9\xc9W\x00\x93J\xb5\x00\x00", 78 };

static void each_message_alone(void **state)
{
	gives_setup(alone, 0, 0, &each_alone,
		    "\n<8 0 0 0>text|{\"n\":0,\"x\":\"hello hello\"}\n<8 0 0 0>text|{\"n\":1,\"x\":\"hello hello\"}"
		    "\n<8 0 0 0>text|{\"n\":2,\"x\":\"hello hello\"}");
	gives_setup(alone, 4, 3, &each_alone,
		    "\n<8 0 1 0>text|{\n<8 0 0 0>text|{\"n\":1,\"x\":\"hello hello\"}"
		    "\n<8 0 0 0>text|{\"n\":2,\"x\":\"hello hello\"}");
}

/* Inside a frame a gap is exact; over a header the next frames are found by their chain. */
static void gaps(void **state)
{
	static const char six[] = "\x81\x07{\"n\":0}\x81\x07{\"n\":1}\x81\x07{\"n\":2}\x81\x07{\"n\":3}\x81\x07{\"n\":4}";
	struct view v = VIEW(six);

	gives_setup(v, 4, 3, NULL, "\n<8 0 1 0>text|{\"\n<8 0 0 0>text|{\"n\":1}\n<8 0 0 0>text|{\"n\":2}"
				   "\n<8 0 0 0>text|{\"n\":3}\n<8 0 0 0>text|{\"n\":4}");
	gives_setup(v, 4, 7, NULL, "\n<8 0 1 0>text|{\"\n<5 0 7 0>\n<8 0 0 0>text|{\"n\":4}");
	gives_setup(v, 0, 3, NULL, "\n<5 0 3 0>\n<8 0 0 0>text|{\"n\":3}\n<8 0 0 0>text|{\"n\":4}");
	gives_setup(v, 9, 1, NULL, "\n<8 0 0 0>text|{\"n\":0}\n<5 0 1 0>\n<8 0 0 0>text|{\"n\":4}");
}

static void agreed(void **state)
{
	struct ws_deflate d = ws_agreed(VIEW("foo, permessage-deflate; server_no_context_takeover; "
					     "client_max_window_bits=\"10\"; server_max_window_bits=9"), true);

	assert_true(d.on && d.no_takeover);
	assert_int_equal(d.window_bits, 9);
	d = ws_agreed(VIEW("Permessage-Deflate;client_max_window_bits = 10"), false);
	assert_true(d.on && !d.no_takeover);
	assert_int_equal(d.window_bits, 10);
	assert_false(ws_agreed(VIEW_NONE, true).on);
	assert_false(ws_agreed(VIEW("x-webkit-deflate-frame"), true).on);
	assert_int_equal(ws_agreed(VIEW("permessage-deflate; server_max_window_bits=99"), true).window_bits, 15);
}

/* A thousand times more than was sent, and more than is kept: cut, and the window goes with it. */
static void blown_up(void **state)
{
	static const unsigned char head[] = { 0x41, 0x7f, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff };
	void *s = transcript_state(&proto_ws_deflate);
	struct proto_event ev;
	struct view in = { (const char *)head, sizeof(head) };
	z_stream z = { 0 };
	uint64_t fed = 0;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(proto_ws_deflate.next(s, &in, &ev), 0);
	for (int i = 0; i < 128; i++) {
		static char nothing[1 << 20], out[1 << 16];

		z.next_in = (unsigned char *)nothing;
		z.avail_in = sizeof(nothing);
		z.next_out = (unsigned char *)out;
		z.avail_out = sizeof(out);
		assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
		in = (struct view){ out, sizeof(out) - z.avail_out };
		fed += in.n;
		assert_int_equal(proto_ws_deflate.next(s, &in, &ev), 0);
		assert_in_range(proto_ws_deflate.memory(s), 0, 17 * 1024 * 1024);
	}
	assert_in_range(fed, 1, 1 << 20);
	proto_ws_deflate.end(s);
	in = VIEW_NONE;
	assert_int_equal(proto_ws_deflate.next(s, &in, &ev), 1);
	assert_int_equal(ev.num, 1);
	assert_int_equal(ev.value.n, 16 * 1024 * 1024);
	deflateEnd(&z);
	transcript_state_free(&proto_ws_deflate, s);
}

/* A recorded session through a conn, again and again: its memory does not grow. */
static void constant_memory(void **state)
{
	struct buf c2s = golden_read("tests/golden/wire/ws/openai-responses.c2s");
	struct buf s2c = golden_other("tests/golden/wire/ws/openai-responses.c2s");
	struct conn *c = conn_new(false);
	size_t head[2], seen[2] = { 0 }, after_one = 0;
	struct buf *both[2] = { &c2s, &s2c };
	struct xev ev;

	for (int dir = 0; dir < 2; dir++)
		head[dir] = (char *)memmem(both[dir]->p, both[dir]->n, "\r\n\r\n", 4) - both[dir]->p + 4;
	for (int turn = 0; turn <= 2000; turn++) {
		for (int dir = 0; dir < 2; dir++) {
			struct view v = buf_view(both[dir]);

			conn_bytes(c, dir, turn ? view_drop(v, head[dir]) : view_take(v, head[dir]), turn);
			while (conn_next(c, &ev))
				seen[dir] += ev.kind == XEV_MESSAGE;
		}
		if (turn == 1)
			after_one = conn_memory(c);
	}
	assert_int_equal(conn_memory(c), after_one);
	assert_in_range(after_one, 1, 128 * 1024);
	assert_true(seen[0] >= 2000 * 3 && seen[1] >= 2000 * 10);
	conn_end(c, 1);
	while (conn_next(c, &ev))
		;
	assert_int_equal(conn_books(c)->opaque[0] + conn_books(c)->opaque[1], 0);
	conn_free(c);
	buf_release(&c2s);
	buf_release(&s2c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_and_control_frames),
		cmocka_unit_test(masked),
		cmocka_unit_test(what_no_sender_may_send),
		cmocka_unit_test(compressed),
		cmocka_unit_test(broken_compression),
		cmocka_unit_test(each_message_alone),
		cmocka_unit_test(gaps),
		cmocka_unit_test(agreed),
		cmocka_unit_test(blown_up),
		cmocka_unit_test(constant_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
