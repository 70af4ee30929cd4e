// SPDX-License-Identifier: Apache-2.0
/* JSON lines, JSON arrays and AWS event streams: what comes out of what goes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "samples.h"
#include "transcript.h"

static void gives(const struct proto *p, struct view in, const char *want)
{
	void *s = transcript_state(p);
	struct transcript t;

	transcript_init(&t);
	transcript_pull(&t, p, s, in);
	transcript_end(&t, p, s);
	assert_int_equal(buf_add_byte(&t.text, '\0'), 0);
	assert_string_equal(t.text.p, want);
	transcript_release(&t);
	transcript_state_free(p, s);
}

static void lines(void **state)
{
	gives(&proto_jsonl, VIEW("{\"a\":1}\n\n \r\n{\"b\":2}\r\n3"),
	      "\n<8 0 0 0>message|{\"a\":1}\n<8 0 0 0>message|{\"b\":2}\r\n<8 0 1 0>message|3");
	gives(&proto_jsonl, VIEW(""), "");
}

static void elements(void **state)
{
	gives(&proto_json_array, VIEW("[{\"a\":[\"]},{\\\"\"]}\n,\r\n{\"b\":{}},7\n,\"x\",null]tail"),
	      "\n<8 0 0 0>message|{\"a\":[\"]},{\\\"\"]}\n<8 0 0 0>message|{\"b\":{}}\n<8 0 0 0>message|7"
	      "\n<8 0 0 0>message|\"x\"\n<8 0 0 0>message|null");
	gives(&proto_json_array, VIEW(" {\"error\":{}} {}"), "\n<8 0 0 0>message|{\"error\":{}}");
	gives(&proto_json_array, VIEW("[{\"a\":\"cut"), "\n<8 0 1 0>message|{\"a\":\"cut");
	gives(&proto_json_array, VIEW("[]"), "");
}

/* The example of the specification's own kind: both checksums right, then each of them wrong. */
static void frames(void **state)
{
	char broken[256];
	struct view two = sample_frames();

	gives(&proto_eventstream, two, "\n<8 0 0 0>a|{\"x\":1}\n<8 0 0 0>b|");
	gives(&proto_eventstream, view_take(two, two.n - 1), "\n<8 0 0 0>a|{\"x\":1}\n<8 0 1 0>b|");
	assert_true(two.n <= sizeof(broken));
	memcpy(broken, two.p, two.n);
	broken[two.n - 1] ^= 1;
	gives(&proto_eventstream, (struct view){ broken, two.n }, "\n<8 0 0 0>a|{\"x\":1}\n<error -71>");
	broken[two.n - 1] ^= 1;
	broken[8] ^= 1;
	gives(&proto_eventstream, (struct view){ broken, two.n }, "\n<error -71>");
}

static void exceptions(void **state)
{
	gives(&proto_eventstream, samples_named("eventstream", 0),
	      "\n<8 0 0 0>a|{\"x\":1}\n<8 0 0 0>b|\n<8 0 0 0>exception boomException|{\"message\":\"m\"}");
	gives(&proto_eventstream, view_take(samples_named("eventstream", 1), 76), "\n<8 0 0 0>error c|said");
}

static void grpc(void **state)
{
	gives(&proto_grpc, samples_named("grpc", 0),
	      "\n<8 0 0 0>message|hello\n<8 0 0 0>compressed|gz\n<8 0 0 0>message|\n<8 0 0 0>trailers|grpc-status: 0\r\n");
	gives(&proto_grpc, samples_named("grpc", 1), "\n<8 0 0 0>message|abc");
	gives(&proto_grpc, samples_named("grpc", 2), "\n<8 0 1 0>message|never whole");
}

/* A gap inside a message costs that one; over its end, all that follow. */
static void grpc_gaps(void **state)
{
	static const struct {
		uint64_t n;
		const char *rest, *want;
	} gaps[] = {
		{ 2, "lo\0\0\0\0\2ok", "\n<8 0 1 0>message|hlo\n<8 0 0 0>message|ok" },
		{ 4, "\0\0\0\0\2ok!!", "\n<8 0 1 0>message|h\n<8 0 0 0>message|ok" },
		{ 6, "\0\0\0\2ok!!!", "\n<8 0 1 0>message|h" },
	};

	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		void *s = transcript_state(&proto_grpc);
		struct transcript t;

		transcript_init(&t);
		transcript_pull(&t, &proto_grpc, s, VIEW("\0\0\0\0\5h"));
		proto_grpc.gap(s, gaps[i].n);
		transcript_pull(&t, &proto_grpc, s, (struct view){ gaps[i].rest, 9 });
		assert_true(view_starts(buf_view(&t.text), view_of(gaps[i].want)));
		transcript_release(&t);
		transcript_state_free(&proto_grpc, s);
	}
}

/* What is past the limit is cut, and the next one is whole. */
static void too_long(void **state)
{
	static char big[17 * 1024 * 1024];
	void *s = transcript_state(&proto_jsonl);
	struct transcript t;

	memset(big, 'x', sizeof(big));
	transcript_init(&t);
	transcript_pull(&t, &proto_jsonl, s, (struct view){ big, sizeof(big) });
	assert_in_range(proto_jsonl.memory(s), 1, 17 * 1024 * 1024);
	transcript_pull(&t, &proto_jsonl, s, VIEW("\n{}\n"));
	assert_true(view_starts(buf_view(&t.text), VIEW("\n<8 0 1 0>message|xxx")));
	assert_true(view_ends(buf_view(&t.text), VIEW("\n<8 0 0 0>message|{}")));
	assert_in_range(proto_jsonl.memory(s), 0, 64 * 1024);
	transcript_release(&t);
	transcript_state_free(&proto_jsonl, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(elements),
		cmocka_unit_test(frames),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(grpc),
		cmocka_unit_test(grpc_gaps),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
