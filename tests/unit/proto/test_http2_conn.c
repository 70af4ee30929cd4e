// SPDX-License-Identifier: Apache-2.0
/* Exchanges of HTTP/2 connections: recorded ones, joined late, with holes, with a great many streams, and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frames.h"
#include "golden.h"
#include "proto/h2.h"
#include "transcript.h"

struct talk {
	struct conn *c;
	struct buf out[2];	/* what is to be fed next, by direction */
	struct story story;
	uint64_t fed[2];
	unsigned done, ok, open;
	size_t memory_max;
	enum exchange_end end;	/* of the last one */
	char target[64], body[256];
	unsigned status;
	uint64_t lost, events;
};

static struct talk *talk_new(bool joined)
{
	struct talk *t = calloc(1, sizeof(*t));

	t->c = conn_new(joined);
	assert_non_null(t->c);
	buf_init(&t->out[0], 256 << 20);
	buf_init(&t->out[1], 256 << 20);
	story_init(&t->story);
	return t;
}

static void talk_pull(struct talk *t)
{
	struct xev ev;

	while (conn_next(t->c, &ev)) {
		story_add(&t->story, &ev);
		if (ev.kind == XEV_EVENT)
			t->events++;
		if (ev.kind != XEV_DONE)
			continue;
		t->done++;
		t->ok += ev.x->end == XEND_OK;
		t->end = ev.x->end;
		t->status = ev.x->status;
		t->lost = ev.x->resp.body.lost;
		snprintf(t->target, sizeof(t->target), "%.*s", VIEW_ARG(ev.x->target));
		snprintf(t->body, sizeof(t->body), "%.*s", VIEW_ARG(buf_view(&ev.x->resp.body.head)));
	}
	if (conn_memory(t->c) > t->memory_max)
		t->memory_max = conn_memory(t->c);
}

static void talk_feed(struct talk *t, int dir, struct view v)
{
	t->fed[dir] += v.n;
	conn_bytes(t->c, dir, v, 1);
	talk_pull(t);
}

static void talk_flush(struct talk *t)
{
	for (int dir = 0; dir < 2; dir++) {
		struct buf b = t->out[dir];

		buf_init(&t->out[dir], b.max);
		talk_feed(t, dir, buf_view(&b));
		buf_release(&b);
	}
}

static void talk_gap(struct talk *t, int dir, uint64_t n)
{
	talk_flush(t);
	conn_gap(t->c, dir, n, 1);
	talk_pull(t);
}

static void talk_end(struct talk *t)
{
	const struct conn_books *b;

	talk_flush(t);
	conn_end(t->c, 2);
	talk_pull(t);
	b = conn_books(t->c);
	for (int dir = 0; dir < 2; dir++) {
		assert_int_equal(b->decoded[dir] + b->opaque[dir] + b->lost[dir], t->fed[dir]);
		assert_int_equal(b->opaque[dir], t->story.opaque[dir]);
	}
}

static void talk_free(struct talk *t)
{
	conn_free(t->c);
	buf_release(&t->out[0]);
	buf_release(&t->out[1]);
	story_release(&t->story);
	free(t);
}

static struct talk *hello(void)
{
	struct talk *t = talk_new(false);

	assert_int_equal(buf_add(&t->out[0], PREFACE), 0);
	frame_add(&t->out[0], F_SETTINGS, 0, 0, VIEW(""));
	frame_add(&t->out[1], F_SETTINGS, 0, 0, VIEW(""));
	return t;
}

#define POST VIEW("\x83\x86\x44\2/p")
#define JSON VIEW("\x88\x5f\x10" "application/json")

static void ask(struct talk *t, uint32_t stream)
{
	frame_add(&t->out[0], F_HEADERS, F_EH, stream, POST);
	frame_add(&t->out[0], F_DATA, F_END, stream, VIEW("{}"));
}

static void answer(struct talk *t, uint32_t stream)
{
	frame_add(&t->out[1], F_HEADERS, F_EH, stream, JSON);
	frame_add(&t->out[1], F_DATA, 0, stream, VIEW("{\"a\":"));
	frame_add(&t->out[1], F_DATA, F_END, stream, VIEW("1}"));
}

static void test_simple(void **state)
{
	struct talk *t = hello();

	ask(t, 1);
	answer(t, 1);
	talk_end(t);
	assert_int_equal(t->ok, 1);
	assert_int_equal(conn_role(t->c), CONN_CLIENT);
	assert_string_equal(t->target, "/p");
	assert_string_equal(t->body, "{\"a\":1}");
	talk_free(t);
}

/* The server's first bytes may come before the client's. */
static void test_either_first(void **state)
{
	for (int server = 0; server < 2; server++) {
		struct talk *t = hello();
		struct buf swap;

		ask(t, 1);
		answer(t, 1);
		if (server) {
			swap = t->out[0];
			t->out[0] = t->out[1];
			t->out[1] = swap;
		}
		talk_feed(t, 1, buf_view(&t->out[1]));
		buf_reset(&t->out[1]);
		talk_end(t);
		assert_int_equal(t->ok, 1);
		assert_int_equal(conn_role(t->c), server ? CONN_SERVER : CONN_CLIENT);
		talk_free(t);
	}
}

static void test_interim_trailers_promise(void **state)
{
	struct talk *t = hello();

	ask(t, 1);
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, VIEW("\x48\3" "103\x40\1x\1y"));
	frame_add(&t->out[1], F_PUSH, F_EH, 1, VIEW("\0\0\0\2\x82\x40\1q\1r"));
	frame_add(&t->out[1], F_HEADERS, F_EH, 2, VIEW("\x88"));
	frame_add(&t->out[1], F_DATA, F_END, 2, VIEW("pushed"));
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, JSON);
	frame_add(&t->out[1], F_DATA, 0, 1, VIEW("[]"));
	frame_add(&t->out[1], F_HEADERS, F_EH | F_END, 1, VIEW("\xbf\xbe\0\x0bgrpc-status\1" "7"));
	talk_end(t);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->ok, 1);
	assert_int_equal(t->status, 200);
	assert_string_equal(t->body, "[]");
	assert_non_null(memmem(t->story.text.p, t->story.text.n, "\n    grpc-status: 7", 19));
	assert_non_null(memmem(t->story.text.p, t->story.text.n, "\n    q: r", 9));
	talk_free(t);
}

static void test_resets_and_goaway(void **state)
{
	struct talk *t = hello();

	ask(t, 1);
	ask(t, 3);
	ask(t, 5);
	ask(t, 7);
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, JSON);
	frame_add(&t->out[1], F_DATA, 0, 1, VIEW("{"));
	talk_flush(t);
	frame_add(&t->out[0], F_RST, 0, 1, VIEW("\0\0\0\x08"));
	frame_add(&t->out[1], F_DATA, F_END, 1, VIEW("late"));	/* was on its way */
	talk_flush(t);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->end, XEND_CUT);
	frame_add(&t->out[1], F_RST, 0, 3, VIEW("\0\0\0\7"));
	talk_flush(t);
	assert_int_equal(t->done, 2);
	assert_int_equal(t->status, 0);
	frame_add(&t->out[1], F_GOAWAY, 0, 0, VIEW("\0\0\0\5\0\0\0\0"));
	talk_flush(t);
	assert_int_equal(t->done, 3);		/* 7 will not be answered */
	answer(t, 5);
	talk_flush(t);
	assert_int_equal(t->done, 4);
	assert_int_equal(t->end, XEND_OK);
	talk_end(t);
	talk_free(t);
}

/* A gap inside DATA: of the body it takes what it takes, and of the other streams nothing. */
static void test_gap_in_data(void **state)
{
	struct talk *t = hello();

	ask(t, 1);
	ask(t, 3);
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, JSON);
	frame_add(&t->out[1], F_DATA, F_END, 1, VIEW("{\"a\":12345}"));
	t->out[1].n -= 4;
	talk_gap(t, 1, 3);
	assert_int_equal(buf_add(&t->out[1], VIEW("}")), 0);
	talk_flush(t);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->end, XEND_LOST);
	assert_int_equal(t->lost, 3);
	answer(t, 3);
	talk_end(t);
	assert_int_equal(t->ok, 1);
	talk_free(t);
}

/* A whole DATA frame is missing, and what is left looks like all of it. */
static void test_gap_of_frames(void **state)
{
	struct talk *t = hello();

	ask(t, 1);
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, JSON);
	frame_add(&t->out[1], F_DATA, 0, 1, VIEW("[1]"));
	talk_gap(t, 1, 12);
	frame_add(&t->out[1], F_DATA, F_END, 1, VIEW(""));
	talk_end(t);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->end, XEND_LOST);
	assert_non_null(memmem(t->story.text.p, t->story.text.n, "lost 0 complete 0 error -\n[1]", 29));
	talk_free(t);
}

/* The head of an answer is lost with its frame's payload, or frame and all: the body is read by its shape. */
static void test_blind_bodies(void **state)
{
	for (int whole = 0; whole < 2; whole++) {
		struct talk *t = hello();

		ask(t, 1);
		frame_add(&t->out[1], F_HEADERS, F_EH, 1, VIEW("\x88\x40\1a\1b"));
		t->out[1].n -= whole ? 14 : 4;
		talk_gap(t, 1, whole ? 14 : 4);
		frame_add(&t->out[1], F_DATA, 0, 1, VIEW("data: {\"a\":1}\n\n"));
		frame_add(&t->out[1], F_DATA, F_END, 1, VIEW("data: [DONE]\n\n"));
		talk_end(t);
		assert_int_equal(t->events, 2);
		assert_int_equal(t->end, XEND_LOST);
		assert_string_equal(t->target, "/p");
		talk_free(t);
	}
}

/* h2c: the request that asks for it is answered on stream 1. */
static void test_upgrade(void **state)
{
	struct talk *t = talk_new(false);

	talk_feed(t, 0, VIEW("POST /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
			     "HTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\n{}"));
	talk_feed(t, 1, VIEW("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"));
	frame_add(&t->out[1], F_SETTINGS, 0, 0, VIEW(""));
	answer(t, 1);
	assert_int_equal(buf_add(&t->out[0], PREFACE), 0);
	frame_add(&t->out[0], F_SETTINGS, 0, 0, VIEW(""));
	ask(t, 3);
	answer(t, 3);
	talk_end(t);
	assert_int_equal(t->ok, 2);
	assert_int_equal(t->story.opaque[0] + t->story.opaque[1], 0);
	talk_free(t);
}

/* RFC 8441: bytes of the stream are another protocol's. */
static void test_tunnel(void **state)
{
	struct talk *t = hello();

	frame_add(&t->out[0], F_HEADERS, F_EH, 1, VIEW("\x42\7CONNECT\x40\x09:protocol\5other\x86\x84"));
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, VIEW("\x88"));
	talk_flush(t);
	frame_add(&t->out[0], F_DATA, 0, 1, VIEW("ping"));
	frame_add(&t->out[1], F_DATA, 0, 1, VIEW("pong"));
	ask(t, 3);
	answer(t, 3);
	talk_flush(t);
	assert_int_equal(t->ok, 1);
	frame_add(&t->out[0], F_DATA, F_END, 1, VIEW(""));
	frame_add(&t->out[1], F_DATA, F_END, 1, VIEW("!"));
	talk_flush(t);
	assert_int_equal(t->done, 2);
	assert_int_equal(t->end, XEND_UPGRADE);
	assert_true(view_eq(buf_view(&t->story.opaque_text[0]), VIEW("ping")));
	assert_true(view_eq(buf_view(&t->story.opaque_text[1]), VIEW("pong!")));
	talk_end(t);
	talk_free(t);
}

/* A WebSocket's messages, whatever DATA frames they are cut into. */
static void test_websocket(void **state)
{
	struct talk *t = hello();

	frame_add(&t->out[0], F_HEADERS, F_EH, 1, VIEW("\x42\7CONNECT\x40\x09:protocol\x09websocket\x86\x84"));
	frame_add(&t->out[1], F_HEADERS, F_EH, 1, VIEW("\x88"));
	talk_flush(t);
	frame_add(&t->out[0], F_DATA, 0, 1, VIEW("\x81\x85" "\0\0\0\0" "hel"));
	frame_add(&t->out[0], F_DATA, 0, 1, VIEW("lo"));
	frame_add(&t->out[1], F_DATA, 0, 1, VIEW("\x81\x02hi\x82\x01"));
	frame_add(&t->out[1], F_DATA, F_END, 1, VIEW("!"));
	frame_add(&t->out[0], F_DATA, F_END, 1, VIEW(""));
	talk_flush(t);
	assert_int_equal(t->done, 1);
	assert_int_equal(t->end, XEND_UPGRADE);
	assert_non_null(memmem(t->story.text.p, t->story.text.n, " dir 0 cut 0 text|hello", 23));
	assert_non_null(memmem(t->story.text.p, t->story.text.n, " dir 1 cut 0 text|hi", 20));
	assert_non_null(memmem(t->story.text.p, t->story.text.n, " dir 1 cut 0 binary|!", 21));
	assert_int_equal(t->story.opaque[0] + t->story.opaque[1], 0);
	talk_end(t);
	talk_free(t);
}

/* --- many --- */

#define STREAM_MEMORY 8192

static void test_a_thousand_at_once(void **state)
{
	struct talk *t = hello();

	for (uint32_t i = 0; i < 1000; i++)
		ask(t, 2 * i + 1);
	talk_flush(t);
	for (uint32_t i = 0; i < 1000; i++)
		frame_add(&t->out[1], F_HEADERS, F_EH, 2 * i + 1, VIEW("\x88\x5f\x11text/event-stream"));
	for (int n = 0; n < 5; n++)
		for (uint32_t i = 0; i < 1000; i++)
			frame_add(&t->out[1], F_DATA, n == 4 ? F_END : 0, 2 * i + 1, VIEW("data: x\n\n"));
	talk_flush(t);
	assert_int_equal(t->ok, 1000);
	assert_int_equal(t->events, 5000);
	assert_in_range(t->memory_max, 1000, 1000 * STREAM_MEMORY);
	assert_in_range(conn_memory(t->c), 0, 128 * 1024);
	talk_end(t);
	talk_free(t);
}

static void test_long_connection(void **state)
{
	struct talk *t = hello();
	size_t early = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		ask(t, 2 * i + 1);
		answer(t, 2 * i + 1);
		talk_flush(t);
		if (i == 100)
			early = conn_memory(t->c);
	}
	assert_int_equal(t->ok, 10000);
	assert_in_range(conn_memory(t->c), early - 256, early + 256);	/* the tables of names are never quite full */
	talk_end(t);
	talk_free(t);
}

/* Streams without end and rapid resets: there is a limit, and what is over it is counted. */
static void test_floods(void **state)
{
	struct talk *t = hello();

	for (uint32_t i = 0; i < 50000; i++) {
		ask(t, 2 * i + 1);
		if (i % 2)
			frame_add(&t->out[0], F_RST, 0, 2 * i + 1, VIEW("\0\0\0\x08"));
	}
	talk_flush(t);
	assert_in_range(t->done, 1000, 50000);
	assert_in_range(t->memory_max, 1000, 1100 * STREAM_MEMORY);
	assert_in_range(conn_books(t->c)->lost[0], 1, t->fed[0]);
	talk_end(t);
	talk_free(t);
}

/* Decoders of codings are large: so many at once that they do not fit, and the rest of those bodies is lost, not the machine. */
static void test_coded_bodies(void **state)
{
	/* zstd: magic, a window of 8 MiB, a block that repeats one byte 128 Ki times, and it goes on */
	const struct view frame = VIEW("\x28\xb5\x2f\xfd\0\x68\2\0\x10x");
	struct talk *t = hello();

	for (uint32_t i = 0; i < 1000; i++)
		ask(t, 2 * i + 1);
	for (uint32_t i = 0; i < 1000; i++) {
		frame_add(&t->out[1], F_HEADERS, F_EH, 2 * i + 1, VIEW("\x88\x0f\x0b\4zstd"));
		frame_add(&t->out[1], F_DATA, 0, 2 * i + 1, frame);
	}
	talk_flush(t);
	assert_in_range(t->memory_max, 1 << 20, 160 << 20);
	for (uint32_t i = 0; i < 1000; i++)
		frame_add(&t->out[1], F_DATA, F_END, 2 * i + 1, VIEW("\1\0\0"));
	talk_end(t);
	assert_int_equal(t->done, 1000);
	assert_in_range(t->ok, 1, 999);
	talk_free(t);
}

/* --- recorded connections --- */

/* Where frames begin. */
static size_t boundaries(struct view v, size_t *at, size_t max)
{
	size_t n = 0, off = 0;

	while (off < v.n && n < max) {
		at[n++] = off;
		off += frame_len(view_drop(v, off));
	}
	assert_int_equal(off, v.n);
	return n;
}

static struct talk *replay(struct view c2s, struct view s2c, bool joined, size_t step)
{
	struct talk *t = talk_new(joined);

	while (c2s.n || s2c.n) {
		struct view a = view_take(c2s, step), b = view_take(s2c, step);

		talk_feed(t, 0, a);
		talk_feed(t, 1, b);
		c2s = view_drop(c2s, a.n);
		s2c = view_drop(s2c, b.n);
	}
	talk_end(t);
	return t;
}

/* Nothing that is said of a part may be missing in what is said of the whole. */
static void lines_are_in(const struct buf *part, const struct buf *whole, const char *start, const char *path)
{
	struct view rest = buf_view(part), line;

	while (view_cut(rest, '\n', &line, &rest))
		if (view_starts(line, view_of(start)) && !view_starts(line, VIEW("    coded")) && !memmem(whole->p, whole->n, line.p, line.n))
			fail_msg("%s: %.*s", path, VIEW_ARG(line));
}

static void late_everywhere(const char *path)
{
	struct buf a = golden_read(path), b = golden_other(path);
	struct talk *whole = replay(buf_view(&a), buf_view(&b), false, SIZE_MAX);
	size_t at[2][4096], n[2];
	unsigned all_seen = 0;

	n[0] = boundaries(buf_view(&a), at[0], 4096);
	n[1] = boundaries(buf_view(&b), at[1], 4096);
	assert_true(whole->done && whole->ok == whole->done);
	for (size_t i = 0; i < n[0]; i++) {
		for (size_t k = 0; k < n[1]; k += 1 + (i ? n[1] / 40 : 0)) {
			struct talk *t = replay(view_drop(buf_view(&a), at[0][i]), view_drop(buf_view(&b), at[1][k]), true,
						SIZE_MAX);

			lines_are_in(&t->story.text, &whole->story.text, "    ", path);	/* headers */
			lines_are_in(&t->story.text, &whole->story.text, "{", path);	/* bodies */
			all_seen += t->ok == whole->done;
			/* The frames are read from the first one on. */
			assert_int_equal(t->story.opaque[0], i ? 0 : PREFACE.n);
			assert_int_equal(t->story.opaque[1], 0);
			talk_free(t);
		}
	}
	assert_true(all_seen >= 1);
	talk_free(whole);
	buf_release(&a);
	buf_release(&b);
}

static void test_late_at_every_frame(void **state)
{
	assert_in_range(golden_each_h2(late_everywhere), 5, 1000);
}

static void cut_everywhere(const char *path)
{
	struct buf a = golden_read(path), b = golden_other(path);

	for (int joined = 0; joined < 2; joined++) {
		struct talk *whole = replay(buf_view(&a), buf_view(&b), joined, SIZE_MAX);

		for (size_t step = 1; step < 5000; step = step * 2 + 1) {
			struct talk *t = talk_new(joined);
			struct view v[2] = { buf_view(&a), buf_view(&b) };

			for (int dir = 0; dir < 2; dir++) {	/* in the order of the whole */
				while (v[dir].n) {
					struct view piece = view_take(v[dir], step);

					talk_feed(t, dir, piece);
					v[dir] = view_drop(v[dir], piece.n);
				}
			}
			talk_end(t);
			if (!view_eq(buf_view(&t->story.text), buf_view(&whole->story.text)))
				fail_msg("%s joined %d step %zu:\n%.*s\n--- whole\n%.*s", path, joined, step,
					 VIEW_ARG(buf_view(&t->story.text)), VIEW_ARG(buf_view(&whole->story.text)));
			talk_free(t);
		}
		talk_free(whole);
	}
	buf_release(&a);
	buf_release(&b);
}

static void test_cuts(void **state)
{
	assert_in_range(golden_each_h2(cut_everywhere), 5, 1000);
}

/* Any gap in the answers: what says it is whole is what the whole connection says. */
static void gap_everywhere(const char *path)
{
	struct buf a = golden_read(path), b = golden_other(path);
	struct talk *whole = replay(buf_view(&a), buf_view(&b), false, SIZE_MAX);
	unsigned seed = b.n;

	for (int i = 0; i < 300; i++) {
		size_t from = golden_random(&seed) % b.n, n = 1 + golden_random(&seed) % (1 + (b.n - from) / (1 + i % 9));
		struct talk *t = talk_new(false);

		n = n < b.n - from ? n : b.n - from;
		talk_feed(t, 0, buf_view(&a));
		talk_feed(t, 1, view_take(buf_view(&b), from));
		talk_gap(t, 1, n);
		talk_feed(t, 1, view_drop(buf_view(&b), from + n));
		talk_end(t);
		lines_are_in(&t->story.text, &whole->story.text, "    x-", path);
		lines_are_in(&t->story.text, &whole->story.text, "    openai", path);
		assert_int_equal(t->done, whole->done);
		talk_free(t);
	}
	talk_free(whole);
	buf_release(&a);
	buf_release(&b);
}

static void test_gaps(void **state)
{
	assert_in_range(golden_each_h2(gap_everywhere), 5, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_either_first),
		cmocka_unit_test(test_interim_trailers_promise),
		cmocka_unit_test(test_resets_and_goaway),
		cmocka_unit_test(test_gap_in_data),
		cmocka_unit_test(test_gap_of_frames),
		cmocka_unit_test(test_blind_bodies),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_websocket),
		cmocka_unit_test(test_a_thousand_at_once),
		cmocka_unit_test(test_long_connection),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_coded_bodies),
		cmocka_unit_test(test_late_at_every_frame),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
