// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "events.h"

/* before | gap, when n | after | end */
static void sse(struct view before, uint64_t n, struct view after, const char *expected)
{
	void *s = malloc(proto_sse.state_size);
	struct buf got;

	buf_init(&got, 1 << 20);
	proto_sse.init(s);
	events_pull(&got, &proto_sse, s, before);
	if (n)
		proto_sse.gap(s, n);
	events_pull(&got, &proto_sse, s, after);
	proto_sse.end(s);
	events_pull(&got, &proto_sse, s, VIEW_NONE);
	assert_int_equal(buf_add_byte(&got, 0), 0);
	assert_string_equal(got.p, expected);
	proto_sse.fini(s);
	free(s);
	buf_release(&got);
}

#define SSE(in, expected) sse(VIEW(in), 0, VIEW_NONE, expected)

/* The examples of the standard, section "Interpreting an event stream". */
static void test_standard(void **state)
{
	SSE("data: YHOO\ndata: +2\ndata: 10\n\n", "V(message:YHOO\n+2\n10)");
	SSE(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
	    "V(message:first event) V(message:second event) V(message: third event)");
	SSE("data\n\ndata\ndata\n\ndata:\n\n", "V(message:) V(message:\n) V(message:)");
	SSE("data:test\n\ndata: test\n\n", "V(message:test) V(message:test)");
}

static void test_line_ends(void **state)
{
	SSE("data: a\r\n\r\ndata: b\r\rdata: c\n\n", "V(message:a) V(message:b) V(message:c)");
	SSE("data: a\r\ndata: b\r\n\r\n", "V(message:a\nb)");
	SSE("data: a\r\n\ndata: b\r\n\r", "V(message:a) V(message:b)");
}

static void test_fields(void **state)
{
	SSE("event: x\ndata: a\n\ndata: b\n\n", "V(x:a) V(message:b)");
	SSE("event: x\n\ndata: b\n\n", "V(message:b)");
	SSE("event: x\nevent: y\ndata: a\n\n", "V(y:a)");
	SSE("event: x\nevent\ndata: a\n\n", "V(message:a)");
	SSE("Data: a\ndatum: a\n data: a\nretry: 1\n\n", "");
	SSE("data: a: b:c\n\n", "V(message:a: b:c)");
	SSE("data:\ta\n\n", "V(message:\ta)");
}

/* An error without its "data:". */
static void test_bare(void **state)
{
	SSE("data: x\n\n{\"error\":\n {\"a\": 1}}\n\n: c\ndata: y\n{\"b\":1}\n\n{\"c\":1}",
	    "V(message:x) V(message:{\"error\":\n {\"a\": 1}}) V(message:y) V(message:{\"c\":1})cut");
}

static void test_bom(void **state)
{
	SSE("\xef\xbb\xbf" "data: a\n\n", "V(message:a)");
	SSE("\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\ndata: b\n\n", "V(message:b)");
	SSE("\xef\xbb" "data: a\n\ndata: b\n\n", "V(message:b)");
	SSE("\xef\xbb\xbf\n\ndata: b\n\n", "V(message:b)");
}

static void test_end(void **state)
{
	SSE("data: a\n\ndata: [DONE]\n", "V(message:a) V(message:[DONE])cut");
	SSE("data: a\n\nevent: e\ndata: {\"x", "V(message:a) V(e:{\"x)cut");
	SSE("data: a\n\nevent: e\ndat", "V(message:a)");
	SSE("data: a\n\n", "V(message:a)");
	SSE("", "");
}

static void test_after_end(void **state)
{
	void *s = malloc(proto_sse.state_size);
	struct buf got;

	buf_init(&got, 1 << 20);
	proto_sse.init(s);
	events_pull(&got, &proto_sse, s, VIEW("data: a\ndata: b"));
	proto_sse.end(s);
	events_pull(&got, &proto_sse, s, VIEW("c\n\ndata: d\n\n"));
	events_pull(&got, &proto_sse, s, VIEW("data: e\n\n"));
	assert_true(view_eq(buf_view(&got), VIEW("V(message:a\nb)cut")));
	proto_sse.fini(s);
	free(s);
	buf_release(&got);
}

static void test_gaps(void **state)
{
	sse(VIEW("data: a\n\ndata: b"), 5, VIEW("c\n\ndata: d\n\n"), "V(message:a) V(message:b)cut V(message:d)");
	sse(VIEW("data: a\n\n"), 5, VIEW("ta: c\n\ndata: d\n\n"), "V(message:a) V(message:d)");
	sse(VIEW("event: x\n"), 5, VIEW("data: c\n\ndata: d\n\n"), "V(message:d)");
	sse(VIEW("data: a\n"), 5, VIEW("\ndata: c\n\ndata: d\n\n"), "V(message:a)cut V(message:d)");
	sse(VIEW("data: a\r"), 5, VIEW("\n\r\ndata: c\r\n\r\n"), "V(message:a)cut V(message:c)");
	sse(VIEW("data: a"), 5, VIEW(""), "V(message:a)cut");
}

/* A gigabyte without a line end, as data and as anything else: bounded, and what was there is handed out as cut. */
static void endless(const char *field, unsigned want_events)
{
	size_t n = 1 << 20;
	char *piece = malloc(n);
	void *s = malloc(proto_sse.state_size);
	struct view in = view_of(field);
	struct proto_event ev;
	unsigned events = 0;

	memset(piece, 'x', n);
	proto_sse.init(s);
	assert_int_equal(proto_sse.next(s, &in, &ev), 0);
	for (int i = 0; i < 20; i++) {
		in = (struct view){ piece, n };
		assert_int_equal(proto_sse.next(s, &in, &ev), 0);
		assert_in_range(proto_sse.memory(s), 0, 16 * 1024 * 1024 + 1024);
	}
	in = VIEW("\n\ndata: next\n\n");
	while (proto_sse.next(s, &in, &ev) > 0) {
		if (events++ == 0 && want_events == 2) {
			assert_int_equal(ev.num, 1);
			assert_int_equal(ev.value.n, 16 * 1024 * 1024);
		} else {
			assert_int_equal(ev.num, 0);
			assert_true(view_eq(ev.value, VIEW("next")));
		}
	}
	assert_int_equal(events, want_events);
	assert_in_range(proto_sse.memory(s), 0, 1024);
	proto_sse.fini(s);
	free(s);
	free(piece);
}

static void test_endless(void **state)
{
	endless("data: ", 2);
	endless("id: ", 1);
	endless(": ", 1);
	endless("xxxx", 1);
	endless("event: ", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_bom),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_after_end),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
