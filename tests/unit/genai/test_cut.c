// SPDX-License-Identifier: Apache-2.0
/*
 * Whatever ends too early: everything before the end is reported, and nothing
 * is that the whole would not say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "proto/frames.h"
#include "proto/golden.h"
#include "schema.h"

static const char *const names[] = {
	"openai-chat", "openai-chat-stream-tools", "openai-chat-stream-error", "openai-chat-429", "azure-chat-stream",
	"openai-embeddings", "openai-responses", "openai-responses-stream", "openai-responses-stream-error",
	"anthropic-messages", "anthropic-stream-tools-thinking", "anthropic-stream-error", "anthropic-529",
	"groq-stream", "mistral-stream",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static struct buf golden(const char *name, const char *half)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/golden/wire/http/%s.%s", name, half);
	return golden_read(path);
}

/* Each line of some is one of all, but for those that say how it ended. */
static void assert_lines_of(const char *some, const char *all, const char *name, size_t at)
{
	static const char *const endings[] = {
		"finish=error", "request_cut", "response_cut", "error=429", "error=529", "error=_OTHER",
	};
	struct view rest = view_of(some), line;
	char padded[4096], want[1024];
	bool ending;

	snprintf(padded, sizeof(padded), "\n%s", all);
	while (view_cut(rest, '\n', &line, &rest)) {
		ending = false;
		for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
			ending |= view_starts(line, view_of(endings[i]));
		snprintf(want, sizeof(want), "\n%.*s\n", VIEW_ARG(line));
		if (!ending && !strstr(padded, want))
			fail_msg("%s cut at %zu says %.*s, the whole says\n%s", name, at, VIEW_ARG(line), all);
	}
}

/* What a list has before the first thing that the cut left half done. */
static size_t sure_part(const char *list)
{
	static const char *const half[] = {
		"\"arguments\":\"", "\"arguments\":{}", ",\"content\":\"\"", "\"name\":\"\"", "\"response\":", "\"input\":",
	};
	size_t n = strlen(list);

	for (size_t i = 0; i < sizeof(half) / sizeof(half[0]); i++) {
		const char *at = strstr(list, half[i]);

		if (at && (size_t)(at - list) < n)
			n = at - list;
	}
	while (n && strchr("]}\"", list[n - 1]))
		n--;
	return n;
}

static void assert_begins_like(const char *some, const char *all, const char *name, size_t at)
{
	if (strncmp(some, all, sure_part(some)))
		fail_msg("%s cut at %zu\nsays      %s\nthe whole %s", name, at, some, all);
}

static char *text_of(const struct buf *b)
{
	return strndup(b->n ? b->p : "", b->n);
}

static struct exchange exchange_of(struct buf *req, const char **ret_body)
{
	struct exchange x = { .method = VIEW("POST") };
	char *at = strchr(req->p, ' ') + 1;

	*ret_body = memmem(req->p, req->n, "\r\n\r\n", 4) + 4;
	x.target = (struct view){ at, strchr(at, ' ') - at };
	return x;
}

struct asked {
	char *facts, *input, *system, *tools;
};

static struct asked ask(struct exchange *x, const char *body, size_t n)
{
	char *copy = malloc(n + 1);		/* a sanitizer sees every step over its end */
	struct asked a = { 0 };
	struct gen_call *c;

	memcpy(copy, body, n);
	x->req.body.head = (struct buf){ copy, n, n, n };
	c = gen_open(x, true);
	a.facts = facts(c, facts_request);
	if (c) {
		a.input = text_of(&c->input_messages);
		a.system = text_of(&c->system_instructions);
		a.tools = text_of(&c->tool_definitions);
	}
	gen_free(c);
	free(copy);
	return a;
}

static void asked_free(struct asked *a)
{
	free(a->facts);
	free(a->input);
	free(a->system);
	free(a->tools);
}

static void check_list(const char *some, const char *all, const char *(*schema)(struct view doc), const char *name, size_t at)
{
	const char *bad = *some ? schema(view_of(some)) : NULL;

	if (bad)
		fail_msg("%s cut at %zu: %s: %s", name, at, bad, some);
	assert_begins_like(some, all, name, at);
}

static const char *schema_input(struct view doc)
{
	return schema_messages(doc, false);
}

static void cut_request(const char *name, struct exchange *x, const char *body, size_t n)
{
	struct asked whole = ask(x, body, n), part;

	for (size_t i = 0; i < n; i++) {
		part = ask(x, body, i);
		assert_lines_of(part.facts, whole.facts, name, i);
		if (part.input) {
			check_list(part.input, whole.input, schema_input, name, i);
			check_list(part.system, whole.system, schema_instructions, name, i);
			check_list(part.tools, whole.tools, schema_definitions, name, i);
		}
		asked_free(&part);
	}
	asked_free(&whole);
}

static void every_beginning_of_a_request(void **state)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct buf req = golden(names[i], "req");
		const char *body;
		struct exchange x = exchange_of(&req, &body);

		cut_request(names[i], &x, body, req.p + req.n - body);
		buf_release(&req);
	}
}

/* What the parts say before the cut is said by the whole. */
static void assert_parts_in(const char *some, const char *all, const char *name, size_t at)
{
	const char *parts = strstr(some, "\"parts\":[");
	char *sure;

	if (!parts)
		return;
	parts += strlen("\"parts\":[");
	sure = strndup(parts, sure_part(parts));
	if (!strstr(all, sure))
		fail_msg("%s cut at %zu\nsays      %s\nthe whole %s", name, at, some, all);
	free(sure);
}

/* However far an answer comes behind its head: at each byte of its end, and at a prime distance elsewhere. */
static void cut_answer(const char *name, struct view req, struct view resp)
{
	struct gen_call *whole = drive(req, resp, true), *c;
	size_t head = (char *)memmem(resp.p, resp.n, "\r\n\r\n", 4) - resp.p;
	char *all = facts(whole, facts_answer), *all_out = output_messages(whole), *some, *out;

	for (size_t n = head; n < resp.n; n += resp.n - n < 150 ? 1 : 11) {
		c = drive(req, view_take(resp, n), true);
		some = facts(c, facts_answer);
		out = output_messages(c);
		assert_lines_of(some, all, name, n);
		assert_null(schema_messages(view_of(out), true));
		assert_parts_in(out, all_out, name, n);
		free(some);
		free(out);
		gen_free(c);
	}
	free(all);
	free(all_out);
	gen_free(whole);
}

static void every_beginning_of_an_answer(void **state)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct buf req = golden(names[i], "req"), resp = golden(names[i], "resp");

		cut_answer(names[i], buf_view(&req), buf_view(&resp));
		buf_release(&req);
		buf_release(&resp);
	}
}

/* Bytes missing in the middle: the finish reason may have been among them, so none is made up. */
static void a_gap_is_no_error_of_theirs(void **state)
{
	struct buf req = golden("openai-chat-stream-tools", "req"), resp = golden("openai-chat-stream-tools", "resp");
	struct drive d = { .conn = conn_new(false), .want_content = true };
	size_t half = resp.n / 2;
	struct view none[4];
	char *out;

	conn_bytes(d.conn, 0, buf_view(&req), 1);
	drive_pull(&d);
	conn_bytes(d.conn, 1, view_take(buf_view(&resp), half), 2);
	drive_pull(&d);
	conn_gap(d.conn, 1, resp.n - half, 3);
	drive_pull(&d);
	conn_end(d.conn, 4);
	drive_pull(&d);
	conn_free(d.conn);
	assert_non_null(d.result);
	assert_true(d.result->response_cut);
	assert_false(d.result->terminal);
	assert_non_null(d.result->choices);
	assert_int_equal(gen_finish_reasons(d.result, none, 4), 0);
	out = output_messages(d.result);
	assert_non_null(strstr(out, "\"finish_reason\":\"unknown\""));
	assert_null(schema_messages(view_of(out), true));
	free(out);
	gen_free(d.result);
	buf_release(&req);
	buf_release(&resp);
}

/* The stream was in use before we looked: the answer alone says what it is. */
static void an_answer_without_its_request(void **state)
{
	static const struct {
		const char *name, *provider;
	} rows[] = {
		{ "openai-chat", "openai-chat" },
		{ "openai-chat-stream-tools", "openai-chat" },
		{ "openai-responses", "openai-responses" },
		{ "openai-responses-stream", "openai-responses" },
		{ "openai-embeddings", "openai-embeddings" },
		{ "anthropic-messages", "anthropic-messages" },
		{ "anthropic-stream-tools-thinking", "anthropic-messages" },
		{ "anthropic-count-tokens", NULL },
		{ "gemini-stream-sse", "gemini" },
		{ "openai-chat-429", NULL },
		{ "qdrant-query", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf req = golden(rows[i].name, "req"), resp = golden(rows[i].name, "resp");
		struct drive d = { .conn = conn_new(true), .want_content = true };
		struct gen_call *whole = drive(buf_view(&req), buf_view(&resp), true);
		char *all = facts(whole, facts_answer), *some;

		print_message("%s\n", rows[i].name);
		conn_bytes(d.conn, 1, buf_view(&resp), 2);
		drive_pull(&d);
		conn_end(d.conn, 3);
		drive_pull(&d);
		conn_free(d.conn);
		some = facts(d.result, facts_answer);
		if (rows[i].provider) {
			assert_non_null(d.result);
			assert_string_equal(d.result->provider->name, rows[i].provider);
			assert_true(d.result->request_cut);
			assert_int_equal(d.result->request_model.n, 0);
			assert_string_equal(some, all);
		} else {
			assert_true(!d.result || d.result->not_inference);
		}
		free(all);
		free(some);
		gen_free(whole);
		gen_free(d.result);
		buf_release(&req);
		buf_release(&resp);
	}
}

/* HTTP/2 joined late: neither the path nor the answer's type is known, the bodies are. */
static void by_the_bodies_alone(void **state)
{
	static const char request[] = "{\"model\":\"m-1\",\"temperature\":0.5,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
	static const char event[] = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,"
				    "\"delta\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
	struct drive d = { .conn = conn_new(true) };
	struct buf out[2];

	buf_init(&out[0], 4096);
	buf_init(&out[1], 4096);
	frame_add(&out[0], F_PING, 0, 0, VIEW("12345678"));
	frame_add(&out[0], F_HEADERS, F_EH, 9, VIEW("\x83\x87\xbe\xbf\xc0"));
	frame_add(&out[0], F_DATA, F_END, 9, VIEW(request));
	frame_add(&out[1], F_PING, 1, 0, VIEW("12345678"));
	frame_add(&out[1], F_HEADERS, F_EH, 9, VIEW("\x88\xbe\xbf"));
	frame_add(&out[1], F_DATA, F_END, 9, VIEW(event));
	for (int dir = 0; dir < 2; dir++) {
		conn_bytes(d.conn, dir, buf_view(&out[dir]), 1000);
		drive_pull(&d);
		buf_release(&out[dir]);
	}
	conn_end(d.conn, 2000);
	drive_pull(&d);
	conn_free(d.conn);
	assert_non_null(d.result);
	assert_false(d.result->not_inference);
	assert_true(view_eq(d.result->request_model, VIEW("m-1")));
	assert_true(d.result->temperature.set);
	assert_false(d.result->request_cut);
	gen_free(d.result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_beginning_of_a_request),
		cmocka_unit_test(every_beginning_of_an_answer),
		cmocka_unit_test(a_gap_is_no_error_of_theirs),
		cmocka_unit_test(an_answer_without_its_request),
		cmocka_unit_test(by_the_bodies_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
