// SPDX-License-Identifier: Apache-2.0
/*
 * Events that are not read because they came before say what they would have
 * said: every stream here is read twice, with again.c and without it, and all that is
 * known of the call is compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "proto/golden.h"

#define EVENTS_MAX 64

static const char chat_head[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 64\r\n\r\n"
	"{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\"}],\"n\":  2}";
static const char responses_head[] = "POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: 39\r\n\r\n"
	"{\"model\":\"m\",\"stream\":true,\"input\":\"i\"}";
static const char messages_head[] = "POST /v1/messages HTTP/1.1\r\nHost: h\r\nanthropic-version: 1\r\nContent-Length: 61\r\n\r\n"
	"{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\"}],\"\":0}";

/* gap_at: 7 bytes of the answer are missing there; 0: none are. */
static struct gen_call *read_stream(struct view req, struct view resp, size_t gap_at, bool content, bool all)
{
	struct drive d = { .conn = conn_new(false), .want_content = content, .read_all = all };
	size_t head = gap_at ? gap_at : resp.n;

	conn_bytes(d.conn, 0, req, 1000);
	drive_pull(&d);
	conn_bytes(d.conn, 1, view_take(resp, head), 2000);
	drive_pull(&d);
	if (gap_at) {
		conn_gap(d.conn, 1, 7, 2500);
		drive_pull(&d);
		conn_bytes(d.conn, 1, view_drop(resp, gap_at + 7), 2600);
		drive_pull(&d);
	}
	conn_end(d.conn, 3000);
	drive_pull(&d);
	conn_free(d.conn);
	return d.result;
}

/* Returns how many events were recognised. */
static uint64_t assert_same(const char *name, struct view req, struct view resp, size_t gap_at, bool content)
{
	struct gen_call *some = read_stream(req, resp, gap_at, content, false);
	struct gen_call *all = read_stream(req, resp, gap_at, content, true);
	char *got = facts(some, facts_all), *want = facts(all, facts_all);
	uint64_t n = some ? some->again_cnt : 0;

	if (all)
		assert_int_equal(all->again_cnt, 0);
	if (strcmp(got, want))
		fail_msg("%s, gap at %zu, content %d, of\n%.*s\nsays\n%s\nread in full\n%s", name, gap_at, content,
			 VIEW_ARG(resp), got, want);
	free(got);
	free(want);
	gen_free(some);
	gen_free(all);
	return n;
}

static struct buf answer_of(const char *const *events)
{
	struct buf body, b;

	buf_init(&body, 1 << 20);
	buf_init(&b, 1 << 20);
	for (; *events; events++)
		buf_addf(&body, "%s\n\n", *events);
	buf_addf(&b, "HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nContent-Length: %zu\r\n\r\n", body.n);
	buf_add(&b, buf_view(&body));
	buf_release(&body);
	return b;
}

#define CHUNK(choices) "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":\"m\",\"choices\":[" choices "]}"
#define DELTA(d) CHUNK("{\"index\":0,\"delta\":{" d "},\"finish_reason\":null}")
#define SAYS(t) DELTA("\"content\":" t)
#define OTHER(t) CHUNK("{\"index\":1,\"delta\":{\"content\":" t "},\"finish_reason\":null}")
#define CALLS(t) DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":" t "}}]")
#define OUT(no, t, o) "event: response.output_text.delta\n" \
	"data: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0," \
	"\"delta\":" t ",\"logprobs\":[],\"sequence_number\":" no ",\"obfuscation\":" o "}"
#define BLOCK(i, d) "event: content_block_delta\n" \
	"data: {\"type\":\"content_block_delta\",\"index\":" i ",\"delta\":" d "}"
#define TEXT(t) BLOCK("0", "{\"type\":\"text_delta\",\"text\":" t "}")

static const struct {
	const char *name, *head;
	uint64_t again;		/* events that are recognised */
	const char *events[EVENTS_MAX];
} streams[] = {
	{ "plain text", chat_head, 3, {
		SAYS("\"a\""), SAYS("\"b\""), SAYS("\"c\""), SAYS("\"d\""), SAYS("\"e\""), "data: [DONE]" } },
	{ "what is no text", chat_head, 2, {
		SAYS("\"a\""), SAYS("\"b\""), SAYS("\"\""), SAYS("null"), SAYS("7"), SAYS("[]"), SAYS("{}"), SAYS("true"),
		SAYS("\"f\""), SAYS("\"g\"") } },
	{ "escapes, good and bad", chat_head, 5, {
		SAYS("\"a\""), SAYS("\"b\""), SAYS("\"\\n\\u00e9\\\"\""), SAYS("\"\\x\""), SAYS("\"c\""), SAYS("\"\\ud83d\""),
		SAYS("\"\\u12\""), SAYS("\"\x01\""), SAYS("\"\xff\xc3\""), SAYS("\"d\\\\\"") } },
	{ "text that ends the event", chat_head, 1, {
		SAYS("\"a\""), SAYS("\"b\""), SAYS("\"},\""), SAYS("\"\"},\""), SAYS("\"\\\""), SAYS("\"a") } },
	{ "two choices in turn", chat_head, 4, {
		SAYS("\"a\""), OTHER("\"A\""), SAYS("\"b\""), OTHER("\"B\""), SAYS("\"c\""), OTHER("\"C\""), SAYS("\"d\""),
		OTHER("\"D\"") } },
	{ "a role, thoughts, text, an end", chat_head, 3, {
		DELTA("\"role\":\"assistant\",\"content\":\"\""), DELTA("\"reasoning\":\"r\""), DELTA("\"reasoning\":\"s\""),
		DELTA("\"reasoning\":\"t\""), DELTA("\"reasoning\":\"u\",\"content\":\"a\""), SAYS("\"b\""), SAYS("\"c\""),
		DELTA("\"content\":\"d\",\"reasoning\":\"v\""), DELTA("\"content\":\"e\",\"reasoning\":\"w\""),
		DELTA("\"content\":\"e\",\"reasoning\":\"\""),
		CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}"), SAYS("\"y\""), SAYS("\"z\"") } },
	{ "calls and the id of another", chat_head, 2, {
		DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"1\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"), CALLS("\"{\""),
		CALLS("\"\\\"a\\\":\""), CALLS("\"1\""),
		DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"2\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]"), CALLS("\"}\""),
		DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":{}}}]"), CALLS("\"x\"") } },
	{ "another id, model, time", chat_head, 2, {
		SAYS("\"a\""), SAYS("\"b\""),
		"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":18,\"model\":\"m\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"c\"},\"finish_reason\":null}]}",
		"data: {\"id\":\"d\",\"object\":\"chat.completion.chunk\",\"created\":18,\"model\":\"m\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"c\"},\"finish_reason\":null}]}",
		"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1.5,\"model\":\"m\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"c\"},\"finish_reason\":null}]}",
		"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":-2,\"model\":\"m\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"c\"},\"finish_reason\":null}]}",
		"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":01,\"model\":\"m\",\"choices\":[{\"index\":0,"
		"\"delta\":{\"content\":\"c\"},\"finish_reason\":null}]}", SAYS("\"d\"") } },
	{ "an error among them", chat_head, 1, {
		SAYS("\"a\""), SAYS("\"b\""), SAYS("\"c\""), "event: error\ndata: {\"error\":{\"message\":\"m\",\"code\":\"c\"}}",
		SAYS("\"d\"") } },
	{ "the same under another name", chat_head, 0, {
		SAYS("\"a\""), SAYS("\"b\""), "event: error\n" SAYS("\"c\"") } },
	{ "whatever stands around it", chat_head, 2, {
		SAYS("\"a\""), SAYS("\"b\""), SAYS("\"c\"") " ", SAYS("\"c\"") "  ", SAYS("\"d\"") " x", SAYS("\"e\""), SAYS("\"f\"") " " } },
	{ "responses", responses_head, 3, {
		OUT("1", "\"a\"", "\"\""), OUT("2", "\"b\"", "\"xxxx\""), OUT("3", "\"c\"", "\"\""), OUT("11", "\"d\"", "\"yy\""),
		OUT("12", "\"\"", "\"yy\""), OUT("13", "\"e\"", "\"\\u0061\""), OUT("\"13\"", "\"f\"", "\"\""), OUT("13", "\"f\"", "7"),
		"event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"output_index\":0,"
		"\"content_index\":0,\"text\":\"abc\",\"sequence_number\":20}",
		OUT("13", "\"g\"", "\"\""), OUT("14", "\"h\"", "\"\""),
		"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\","
		"\"output\":[]}}", OUT("15", "\"i\"", "\"\"") } },
	{ "messages", messages_head, 5, {
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":[],"
		"\"usage\":{\"input_tokens\":3}}}",
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
		"\"text\":\"\"}}",
		TEXT("\"a\""), TEXT("\"b\""), "event: ping\ndata: {\"type\":\"ping\"}", TEXT("\"c\""), TEXT("\"d\""),
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\","
		"\"id\":\"t\",\"name\":\"f\",\"input\":{}}}",
		BLOCK("1", "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}"),
		BLOCK("1", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}"),
		BLOCK("1", "{\"type\":\"input_json_delta\",\"partial_json\":\"}\"}"),
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
		"\"usage\":{\"output_tokens\":5}}",
		TEXT("\"e\""), TEXT("\"f\""), "event: message_stop\ndata: {\"type\":\"message_stop\"}" } },
	{ "a key that comes twice", chat_head, 1, {
		SAYS("\"a\",\"content\":\"b\""), SAYS("\"a\",\"content\":\"b\""), SAYS("\"x\",\"content\":\"b\""),
		SAYS("\"a\",\"content\":\"y\""), SAYS("\"a\",\"content\":\"\"") } },
};

static void test_streams(void **state)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct buf resp = answer_of(streams[i].events);
		uint64_t n = assert_same(streams[i].name, view_of(streams[i].head), buf_view(&resp), 0, true);

		if (n != streams[i].again)
			fail_msg("%s: %llu events came again, not %llu", streams[i].name, (unsigned long long)n,
				 (unsigned long long)streams[i].again);
		assert_int_equal(n, assert_same(streams[i].name, view_of(streams[i].head), buf_view(&resp), 0, false));
		buf_release(&resp);
	}
}

static void test_cut_and_gapped(void **state)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct buf resp = answer_of(streams[i].events);
		struct view v = buf_view(&resp);

		for (size_t at = 80; at + 7 < v.n; at += 7) {
			assert_same(streams[i].name, view_of(streams[i].head), view_take(v, at), 0, true);
			assert_same(streams[i].name, view_of(streams[i].head), v, at, true);
		}
		buf_release(&resp);
	}
}

static const char *const goldens[] = {
	"openai-chat-stream-tools", "openai-chat-stream-error", "azure-chat-stream", "openai-responses-stream",
	"openai-responses-stream-error", "anthropic-stream-tools-thinking", "anthropic-stream-error", "groq-stream",
	"mistral-stream", "ollama-chat-stream", "gemini-stream-sse", "cohere-chat-stream",
	"gemini-stream-array", "bedrock-converse-stream", "bedrock-invoke-stream-anthropic",
};

static struct buf golden(const char *name, const char *half)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/golden/wire/http/%s.%s", name, half);
	return golden_read(path);
}

static unsigned next_random(unsigned *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

/* Somewhere in it: a byte is another one, or a stretch comes a second time in place of what follows. */
static void damage(struct buf *b, unsigned *x)
{
	static const char bytes[] = "\"\\{}[]:,0a \n\xff";
	size_t head = b->n < 200 ? 0 : 200, from = head + next_random(x) % (b->n - head), n, to;

	if (next_random(x) % 2) {
		b->p[from] = bytes[next_random(x) % (sizeof(bytes) - 1)];
		return;
	}
	to = head + next_random(x) % (b->n - head);
	n = next_random(x) % 400;
	n = n < b->n - from ? n : b->n - from;
	n = n < b->n - to ? n : b->n - to;
	memmove(b->p + to, b->p + from, n);
}

static void test_golden_streams(void **state)
{
	unsigned x = 1;

	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		struct buf req = golden(goldens[i], "req"), resp = golden(goldens[i], "resp"), bad;

		assert_same(goldens[i], buf_view(&req), buf_view(&resp), 0, true);
		assert_same(goldens[i], buf_view(&req), buf_view(&resp), 0, false);
		for (int round = 0; round < 80; round++) {
			buf_init(&bad, 1 << 20);
			buf_add(&bad, buf_view(&resp));
			for (int n = round % 4; n >= 0; n--)
				damage(&bad, &x);
			assert_same(goldens[i], buf_view(&req), buf_view(&bad), 0, round % 2);
			buf_release(&bad);
		}
		buf_release(&req);
		buf_release(&resp);
	}
}

/* More text than is kept: what is kept, and that some is not, is the same. */
static void test_text_limit(void **state)
{
	static const char head[] = "HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n";
	struct buf b, text;

	buf_init(&b, 64 << 20);
	buf_init(&text, 2 << 20);
	buf_add(&b, VIEW(head));
	buf_addf(&b, "%s\n\n%s\n\n", SAYS("\"a\""), SAYS("\"b\""));
	while (text.n < 1000001)
		buf_add(&text, VIEW("\xc3\xa9"));
	for (int i = 0; i < 18; i++)
		buf_addf(&b, DELTA("\"content\":\"%.*s\"") "\n\n", VIEW_ARG(buf_view(&text)));
	assert_int_equal(assert_same("limit", VIEW(chat_head), buf_view(&b), 0, true), 18);
	buf_release(&b);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_cut_and_gapped),
		cmocka_unit_test(test_golden_streams),
		cmocka_unit_test(test_text_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
