// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire.h"
#include "mcp/mcp.h"

#define HEAD "POST /mcp HTTP/1.1\r\nHost: mcp.test\r\n"

/* One exchange over a conn of its own, as an agent (or a server) has it. */
struct talk {
	struct mcp *m;
	struct mcp_who who;
	struct conn *conn;
	bool mcp;
};

static struct mcp_who agent = { .pid = 7, .start = 1 };
static struct mcp_who server = { .pid = 8, .start = 1, .serves = true };

static struct talk talk_new(struct mcp *m, struct mcp_who who)
{
	return (struct talk){ .m = m, .who = who, .conn = conn_new(false) };
}

static void walk(struct talk *t)
{
	struct xev ev;

	while (conn_next(t->conn, &ev)) {
		if (ev.kind == XEV_REQUEST)
			t->mcp = mcp_http_request(t->m, ev.x, &t->who, 99);
		if (ev.kind == XEV_EVENT)
			t->mcp |= view_eq(ev.name, VIEW("endpoint"));
		if (ev.kind == XEV_EVENT && t->mcp)
			mcp_http_event(t->m, ev.x, &t->who, ev.name, ev.value, ev.ts);
		if (ev.kind == XEV_DONE && t->mcp)
			mcp_http_done(t->m, ev.x, &t->who, ev.ts);
	}
}

static void says(struct talk *t, bool sent, const char *bytes, uint64_t ts)
{
	conn_bytes(t->conn, sent ? WIRE_OUT : WIRE_IN, view_of(bytes), ts);
	walk(t);
}

static void talk_end(struct talk *t, uint64_t ts)
{
	conn_end(t->conn, ts);
	walk(t);
	conn_free(t->conn);
}

static const char *message(const char *head, const char *body)
{
	static char all[2][8192];
	static int which;
	char *p = all[which++ & 1];

	snprintf(p, sizeof(all[0]), "%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
	return p;
}

/* A whole exchange: POST of body, answered with JSON. */
static void post(struct mcp *m, struct mcp_who who, const char *headers, const char *body, const char *answer_head,
		 const char *answer, uint64_t ts)
{
	struct talk t = talk_new(m, who);
	char head[1024];

	snprintf(head, sizeof(head), HEAD "%s", headers);
	says(&t, !who.serves, message(head, body), ts);
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n", answer_head);
	says(&t, who.serves, message(head, answer), ts + 5);
	talk_end(&t, ts + 6);
}

/* The next call that is over; those that opened are passed over. */
static struct mcp_call *next_over(struct mcp *m)
{
	struct mcp_event e;

	while (mcp_next(m, &e))
		if (e.over)
			return e.call;
	return NULL;
}

static void is(struct view v, const char *text)
{
	if (!view_eq(v, view_of(text)))
		fail_msg("\"%.*s\" is not \"%s\"", VIEW_ARG(v), text);
}

static const char init[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}";
static const char init_answer[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\",\"serverInfo\":"
	"{\"name\":\"files\",\"version\":\"1.2\"}}}";

static void test_tool_call(void **state)
{
	struct mcp *m = mcp_new(true);
	struct mcp_call *c;

	post(m, agent, "", init, "200 OK\r\nMcp-Session-Id: s1", init_answer, 10);
	c = next_over(m);
	is(c->method, "initialize");
	is(c->version, "2025-06-18");
	is(c->server_name, "files");
	assert_int_equal(c->side, MCP_CLIENT);
	mcp_call_free(c);
	post(m, agent, "Mcp-Session-Id: s1\r\nMCP-Protocol-Version: 2025-06-18\r\n",
	     "{\"method\":\"tools/call\",\"params\":{\"name\":\"read\",\"arguments\":{\"path\":\"/a\"}},\"jsonrpc\":\"2.0\",\"id\":1}",
	     "200 OK", "{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},\"jsonrpc\":\"2.0\",\"id\":1}", 20);
	c = next_over(m);
	is(c->method, "tools/call");
	is(c->tool, "read");
	is(c->id, "1");
	is(c->session, "s1");
	is(c->version, "2025-06-18");
	is(c->server_name, "files");
	is(c->server_version, "1.2");
	is(c->arguments, "{\"path\":\"/a\"}");
	is(c->result, "{\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}");
	assert_int_equal(c->end, MCP_ANSWERED);
	assert_int_equal(c->first_ts, 20);
	assert_int_equal(c->last_ts, 25);
	assert_true(c->key);
	mcp_call_free(c);
	assert_null(next_over(m));
	assert_int_equal(mcp_stats(m)->unmatched, 0);
	mcp_free(m);
}

/* The same id in both directions, on two servers, as a number and as text: never each other's answer. */
static void test_equal_ids(void **state)
{
	static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
	static const char ask_text[] = "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"tools/list\"}";
	struct mcp *m = mcp_new(false);
	struct talk a = talk_new(m, agent), b = talk_new(m, agent);
	struct mcp_call *c;

	says(&a, true, message(HEAD "Mcp-Session-Id: a\r\n", ask), 1);
	says(&b, true, message(HEAD "Mcp-Session-Id: b\r\n", ask_text), 2);
	says(&b, false, message("HTTP/1.1 200 OK\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"), 3);
	assert_null(next_over(m));	/* nobody asked that there */
	assert_int_equal(mcp_stats(m)->unmatched, 1);
	says(&a, false, message("HTTP/1.1 200 OK\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"), 4);
	c = next_over(m);
	is(c->method, "ping");
	mcp_call_free(c);
	talk_end(&a, 9);
	talk_end(&b, 9);
	assert_null(next_over(m));	/* in a session the answer may come elsewhere */
	mcp_finish(m, 10);
	c = next_over(m);
	is(c->method, "tools/list");
	assert_int_equal(c->end, MCP_CUT);
	mcp_call_free(c);
	mcp_free(m);
}

/* The stream of one answer carries progress, a request of the server, and the answer; the client's answer is another POST. */
static void test_event_stream(void **state)
{
	struct mcp *m = mcp_new(false);
	struct talk t = talk_new(m, agent);
	struct mcp_call *c;

	says(&t, true, message(HEAD "Mcp-Session-Id: s\r\n",
			       "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"slow\"}}"), 1);
	says(&t, false, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 2);
	says(&t, false, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
			"\"params\":{\"progress\":1}}\n\n", 3);
	c = next_over(m);
	is(c->method, "notifications/progress");
	assert_int_equal(c->side, MCP_SERVER);
	assert_true(c->notification && !c->id.n);
	mcp_call_free(c);
	says(&t, false, "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"elicitation/create\",\"params\":{}}\n\n", 4);
	post(m, agent, "Mcp-Session-Id: s\r\n", "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"action\":\"accept\"}}", "202 Accepted", "", 5);
	c = next_over(m);
	is(c->method, "elicitation/create");
	assert_int_equal(c->side, MCP_SERVER);
	assert_int_equal(c->last_ts, 5);
	mcp_call_free(c);
	says(&t, false, "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"isError\":true}}\n\n", 12);
	c = next_over(m);
	is(c->method, "tools/call");
	assert_true(c->tool_error);
	assert_int_equal(c->last_ts, 12);
	mcp_call_free(c);
	talk_end(&t, 13);
	assert_null(next_over(m));
	mcp_free(m);
}

/* 2024-11-05: answers come on a GET that was there before, whatever the message URL looks like. */
static void test_old_way(void **state)
{
	static const char *const urls[] = { "/messages?sessionId=x1", "/post/x1", "http://mcp.test/in/x1?a=b" };
	static const char *const posts[] = { "/messages?sessionId=x1", "/post/x1", "/in/x1?a=b" };

	for (size_t i = 0; i < 3; i++) {
		struct mcp *m = mcp_new(false);
		struct talk events = talk_new(m, agent), t = talk_new(m, agent);
		struct mcp_call *c;
		char text[512];

		says(&events, true, "GET /sse HTTP/1.1\r\nHost: mcp.test\r\nAccept: text/event-stream\r\n\r\n", 1);
		says(&events, false, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 2);
		snprintf(text, sizeof(text), "event: endpoint\ndata: %s\n\n", urls[i]);
		says(&events, false, text, 3);
		snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: mcp.test\r\n", posts[i]);
		says(&t, true, message(text, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\"}"), 4);
		says(&t, false, message("HTTP/1.1 202 Accepted\r\n", "Accepted"), 5);
		talk_end(&t, 6);
		assert_null(next_over(m));
		says(&events, false, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n", 7);
		c = next_over(m);
		assert_non_null(c);
		is(c->method, "tools/list");
		assert_int_equal(c->last_ts, 7);
		mcp_call_free(c);
		talk_end(&events, 8);
		mcp_free(m);
	}
}

static void test_server_side(void **state)
{
	struct mcp *m = mcp_new(false);
	struct mcp_call *c, *d;

	post(m, agent, "", init, "200 OK", init_answer, 10);
	c = next_over(m);
	post(m, server, "", init, "200 OK", init_answer, 10);
	d = next_over(m);
	assert_int_equal(d->side, MCP_SERVER);
	assert_int_equal(d->pid, 8);
	assert_true(c->key && c->key == d->key);
	mcp_call_free(c);
	mcp_call_free(d);
	mcp_free(m);
}

static void test_stateless(void **state)
{
	struct mcp *m = mcp_new(false);
	struct mcp_call *c;

	post(m, agent, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: grep\r\n",
	     "{\"jsonrpc\":\"2.0\",\"id\":\"a-1\",\"method\":\"tools/call\",\"params\":{\"name\":\"grep\",\"_meta\":{"
	     "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
	     "\"traceparent\":\"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\"}}}",
	     "200 OK", "{\"jsonrpc\":\"2.0\",\"id\":\"a-1\",\"result\":{\"resultType\":\"input_required\",\"_meta\":{"
	     "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"s\",\"version\":\"2\"}}}}", 1);
	c = next_over(m);
	is(c->version, "2026-07-28");
	is(c->server_name, "s");
	is(c->traceparent, "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01");
	assert_true(c->input_required);
	assert_false(c->session.n);
	mcp_call_free(c);
	mcp_free(m);
}

static void test_errors(void **state)
{
	struct mcp *m = mcp_new(false);
	struct mcp_call *c;

	post(m, agent, "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":{\"uri\":\"file:///x\"}}", "200 OK",
	     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32002,\"message\":\"no such thing\"}}", 1);
	c = next_over(m);
	is(c->error_code, "-32002");
	is(c->error_message, "no such thing");
	is(c->uri, "file:///x");
	mcp_call_free(c);
	post(m, agent, "", "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}", "401 Unauthorized", "", 2);
	c = next_over(m);
	assert_int_equal(c->end, MCP_REFUSED);
	assert_int_equal(c->status, 401);
	mcp_call_free(c);
	post(m, agent, "", "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\"}", "400 Bad Request",
	     "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32020,\"message\":\"HeaderMismatch\"}}", 3);
	c = next_over(m);
	is(c->error_code, "-32020");
	mcp_call_free(c);
	mcp_free(m);
}

static void test_cancelled(void **state)
{
	struct mcp *m = mcp_new(false);
	struct talk t = talk_new(m, agent);
	struct mcp_call *c;

	says(&t, true, message(HEAD "Mcp-Session-Id: s\r\n", "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\","
			       "\"params\":{\"name\":\"slow\"}}"), 1);
	post(m, agent, "Mcp-Session-Id: s\r\n", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":4}}",
	     "202 Accepted", "", 3);
	c = next_over(m);
	is(c->method, "notifications/cancelled");
	mcp_call_free(c);
	c = next_over(m);
	is(c->method, "tools/call");
	assert_int_equal(c->end, MCP_CANCELLED);
	assert_int_equal(c->last_ts, 3);
	mcp_call_free(c);
	talk_end(&t, 9);
	assert_null(next_over(m));
	mcp_free(m);
}

static void test_batch(void **state)
{
	struct mcp *m = mcp_new(false);
	struct mcp_call *c;

	post(m, agent, "", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"prompts/list\"}]",
	     "200 OK", "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}},{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]", 1);
	c = next_over(m);
	is(c->method, "prompts/list");
	mcp_call_free(c);
	c = next_over(m);
	is(c->method, "tools/list");
	mcp_call_free(c);
	assert_null(next_over(m));
	mcp_free(m);
}

/* What looks alike and is not it. */
static void test_others(void **state)
{
	static const char *const bodies[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\",\"params\":[]}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"processId\":1,\"rootUri\":null}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\",\"params\":{\"id\":\"t\"}}",
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
		"{\"method\":\"tools/call\"}", "[]", "7", "", "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":7}",
	};
	struct mcp *m = mcp_new(false);

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		post(m, agent, "", bodies[i], "200 OK", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", 1);
	assert_null(next_over(m));
	mcp_free(m);
}

/* A hundred thousand open calls and as many sessions: bounded, and what had no room is counted. */
static void test_many(void **state)
{
	struct mcp *m = mcp_new(false);
	char headers[64];
	unsigned over = 0;

	for (int i = 0; i < 20000; i++) {
		struct talk t = talk_new(m, agent);

		snprintf(headers, sizeof(headers), HEAD "Mcp-Session-Id: s%d\r\n", i % 5000);
		says(&t, true, message(headers, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/list\"}"), i + 1);
		talk_end(&t, i + 2);
	}
	assert_true(mcp_stats(m)->lost > 0);
	mcp_finish(m, 1);
	for (struct mcp_call *c; (c = next_over(m)); mcp_call_free(c))
		over++;
	assert_true(over + mcp_stats(m)->lost >= 16384);
	mcp_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tool_call), cmocka_unit_test(test_equal_ids), cmocka_unit_test(test_event_stream),
		cmocka_unit_test(test_old_way), cmocka_unit_test(test_server_side), cmocka_unit_test(test_stateless),
		cmocka_unit_test(test_errors), cmocka_unit_test(test_cancelled), cmocka_unit_test(test_batch),
		cmocka_unit_test(test_others), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
