// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire.h"
#include "a2a/a2a.h"

#define V1 "A2A-Version: 1.0\r\n"
#define SEND1 "{\"jsonrpc\":\"2.0\",\"method\":\"SendMessage\",\"params\":{\"message\":{\"messageId\":\"m1\",\"contextId\":\"ctx\"," \
	      "\"role\":\"ROLE_USER\",\"parts\":[{\"text\":\"hello\"}]}},\"id\":1}"
#define SEND3 "{\"id\":\"a\",\"jsonrpc\":\"2.0\",\"method\":\"message/stream\",\"params\":{\"message\":{\"kind\":\"message\"," \
	      "\"messageId\":\"m3\",\"role\":\"user\",\"parts\":[{\"kind\":\"text\",\"text\":\"hello\"}]}}}"
#define CARD "{\"name\":\"Weather \\u00c4gent\",\"version\":\"1.2\",\"description\":\"d\",\"capabilities\":{},\"skills\":[]," \
	     "\"supportedInterfaces\":[{\"url\":\"http://agents.test/weather/rpc\",\"protocolBinding\":\"JSONRPC\"}]}"

static const struct a2a_who asker = { .pid = 7, .start = 1 }, agent = { .pid = 8, .start = 1, .serves = true };

/* What a test looks at of a call that is over. */
struct seen {
	struct a2a_call *call;
	unsigned cards;
};

struct talk {
	struct a2a *a;
	struct a2a_who who;
	struct conn *conn;
	struct a2a_call *open;
	struct seen seen;
};

static void walk(struct talk *t)
{
	struct xev ev;

	while (conn_next(t->conn, &ev)) {
		if (ev.kind == XEV_REQUEST)
			t->open = a2a_open(t->a, ev.x, &t->who, 99);
		if (ev.kind == XEV_EVENT && t->open)
			a2a_event(t->open, ev.value, ev.ts);
		if (ev.kind != XEV_DONE)
			continue;
		t->seen.cards += a2a_card(t->a, ev.x);
		if (t->open)
			a2a_done(t->a, t->open, ev.x, ev.ts);
		t->seen.call = t->open;
		t->open = NULL;
	}
}

static void says(struct talk *t, bool sent, const char *bytes, uint64_t ts)
{
	conn_bytes(t->conn, sent ? WIRE_OUT : WIRE_IN, view_of(bytes), ts);
	walk(t);
}

static const char *message(const char *head, const char *type, const char *body)
{
	static char all[2][16384];
	static int which;
	char *p = all[which++ & 1];

	snprintf(p, sizeof(all[0]), "%s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", head, type, strlen(body), body);
	return p;
}

static struct talk begin(struct a2a *a, struct a2a_who who, const char *line, const char *headers, const char *body)
{
	struct talk t = { .a = a, .who = who, .conn = conn_new(false) };
	char head[1024];

	snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: agents.test\r\n%sX: y", line, headers);
	says(&t, !who.serves, message(head, "application/json", body), 10);
	return t;
}

static struct seen end(struct talk *t, uint64_t ts)
{
	conn_end(t->conn, ts);
	walk(t);
	conn_free(t->conn);
	return t->seen;
}

static struct seen exchange(struct a2a *a, struct a2a_who who, const char *line, const char *headers, const char *body,
			    const char *status, const char *type, const char *answer)
{
	struct talk t = begin(a, who, line, headers, body);
	char head[128];

	snprintf(head, sizeof(head), "HTTP/1.1 %s", status);
	says(&t, who.serves, message(head, type, answer), 20);
	return end(&t, 30);
}

static struct seen post(struct a2a *a, const char *headers, const char *body, const char *answer)
{
	return exchange(a, asker, "POST /rpc", headers, body, "200 OK", "application/json", answer);
}

#define assert_view(v, text) do { \
	assert_int_equal((v).n, strlen(text)); \
	assert_memory_equal((v).p, text, (v).n); \
} while (0)

static void answered_by_a_message(void **state)
{
	struct a2a *a = a2a_new(true);
	struct seen s = post(a, V1, SEND1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"message\":{\"messageId\":\"r\",\"contextId\":"
			     "\"ctx\",\"role\":\"ROLE_AGENT\",\"parts\":[{\"text\":\"pong\"}]}}}");

	assert_non_null(s.call);
	assert_string_equal(s.call->method->name, "SendMessage");
	assert_int_equal(s.call->end, A2A_ANSWERED);
	assert_view(s.call->context, "ctx");
	assert_view(s.call->version, "1.0");
	assert_view(s.call->id, "1");
	assert_int_equal(s.call->task.n, 0);
	assert_null(s.call->state.name);
	assert_int_equal(s.call->first_ts, 10);
	assert_int_equal(s.call->last_ts, 20);
	assert_view(s.call->input, "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hello\"}]}]");
	assert_view(s.call->output, "[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[{\"type\":\"text\",\"content\":"
		    "\"pong\"}]}]");
	a2a_call_free(s.call);
	a2a_free(a);
}

static void no_content_unless_asked_for(void **state)
{
	struct a2a *a = a2a_new(false);
	struct seen s = post(a, V1, SEND1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"task\":{\"id\":\"t\",\"contextId\":\"c2\","
			     "\"status\":{\"state\":\"TASK_STATE_WORKING\",\"message\":{\"parts\":[{\"text\":\"secret\"}]}}}}}");

	assert_int_equal(s.call->input.n, 0);
	assert_int_equal(s.call->output.n, 0);
	assert_view(s.call->task, "t");
	assert_view(s.call->context, "c2");	/* the agent's word is the last one */
	assert_string_equal(s.call->state.name, "working");
	assert_int_equal(s.call->state.phase, A2A_RUNS);
	a2a_call_free(s.call);
	a2a_free(a);
}

#define UPDATE(rest) "data: {\"id\":\"a\",\"jsonrpc\":\"2.0\",\"result\":{" rest "}}\n\n"

/* An artifact in pieces, one that is replaced, talk on the way that is not the answer; then the stream stays open. */
static void a_stream_is_folded_and_ends_with_its_task(void **state)
{
	struct a2a *a = a2a_new(true);
	struct talk t = begin(a, asker, "POST /rpc", "", SEND3);

	says(&t, false, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 11);
	says(&t, false, UPDATE("\"kind\":\"task\",\"id\":\"t\",\"contextId\":\"c\",\"status\":{\"state\":\"submitted\"}"), 12);
	says(&t, false, UPDATE("\"kind\":\"status-update\",\"taskId\":\"t\",\"status\":{\"state\":\"working\",\"message\":"
			       "{\"parts\":[{\"kind\":\"text\",\"text\":\"wait\"}]}}"), 13);
	says(&t, false, UPDATE("\"kind\":\"artifact-update\",\"artifact\":{\"artifactId\":\"1\",\"parts\":[{\"kind\":\"text\","
			       "\"text\":\"old\"}]}"), 14);
	says(&t, false, UPDATE("\"kind\":\"artifact-update\",\"append\":false,\"artifact\":{\"artifactId\":\"1\",\"parts\":"
			       "[{\"kind\":\"text\",\"text\":\"It is\"}]}"), 15);
	says(&t, false, UPDATE("\"kind\":\"artifact-update\",\"append\":true,\"artifact\":{\"artifactId\":\"1\",\"parts\":"
			       "[{\"kind\":\"file\",\"file\":{\"mimeType\":\"image/png\",\"bytes\":\"AA==\"}},"
			       "{\"kind\":\"data\",\"data\":{\"n\":1}}]}"), 16);
	says(&t, false, UPDATE("\"kind\":\"status-update\",\"final\":true,\"status\":{\"state\":\"completed\"}"), 17);
	struct seen s = end(&t, 90);

	assert_string_equal(s.call->method->name, "SendStreamingMessage");
	assert_int_equal(s.call->end, A2A_ANSWERED);
	assert_int_equal(s.call->last_ts, 17);
	assert_string_equal(s.call->state.name, "completed");
	assert_view(s.call->output, "[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		    "{\"type\":\"text\",\"content\":\"It is\"},"
		    "{\"type\":\"blob\",\"modality\":\"image\",\"mime_type\":\"image/png\",\"content\":\"AA==\"},"
		    "{\"type\":\"data\",\"data\":{\"n\":1}}]}]");
	a2a_call_free(s.call);
	a2a_free(a);
}

static void a_stream_that_breaks_off_is_cut(void **state)
{
	struct a2a *a = a2a_new(false);
	struct talk t = begin(a, asker, "POST /rpc", "", SEND3);

	says(&t, false, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "58\r\n" UPDATE("\"kind\":\"task\",\"id\":\"t\",\"status\":{\"state\":\"working\"}"), 12);
	struct seen s = end(&t, 90);

	assert_int_equal(s.call->end, A2A_CUT);
	a2a_call_free(s.call);
	a2a_free(a);
}

static void errors(void **state)
{
	struct a2a *a = a2a_new(false);
	struct seen s = post(a, V1, "{\"jsonrpc\":\"2.0\",\"method\":\"GetTask\",\"params\":{\"id\":\"none\"},\"id\":4}",
			     "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":-32001,\"message\":\"Task not found\"}}");

	assert_view(s.call->error_code, "-32001");
	assert_view(s.call->error_message, "Task not found");
	assert_int_equal(s.call->end, A2A_ANSWERED);
	assert_view(s.call->task, "none");
	a2a_call_free(s.call);
	s = exchange(a, asker, "GET /v/tasks/none?historyLength=5", V1, "", "404 Not Found", "application/a2a+json",
		     "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\",\"message\":\"no\"}}");
	assert_view(s.call->error_code, "404");
	assert_view(s.call->task, "none");
	a2a_call_free(s.call);
	s = exchange(a, asker, "POST /message:send", V1, "{\"message\":{\"role\":\"ROLE_USER\",\"parts\":[]}}", "502 Bad", "text/html", "<p>");
	assert_int_equal(s.call->end, A2A_REFUSED);
	assert_int_equal(s.call->status, 502);
	a2a_call_free(s.call);
	a2a_free(a);
}

/* Every operation of the REST binding, and the events of its stream, which have no envelope. */
static void rest(void **state)
{
	static const struct {
		const char *line, *method;
	} rows[] = {
		{ "GET /tenant/tasks/t-1", "GetTask" },
		{ "GET /tasks", "ListTasks" },
		{ "POST /v1/tasks/t-1:cancel", "CancelTask" },
		{ "GET /tasks/t-1:subscribe", "SubscribeToTask" },
		{ "GET /tasks/t-1/pushNotificationConfigs", "ListTaskPushNotificationConfigs" },
		{ "DELETE /tasks/t-1/pushNotificationConfigs/p", "DeleteTaskPushNotificationConfig" },
		{ "GET /extendedAgentCard", "GetExtendedAgentCard" },
	};
	struct a2a *a = a2a_new(true);
	struct talk t;
	struct seen s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s = exchange(a, asker, rows[i].line, V1, "", "200 OK", "application/json", "{}");
		assert_non_null(s.call);
		assert_string_equal(s.call->method->name, rows[i].method);
		a2a_call_free(s.call);
		s = exchange(a, asker, rows[i].line, "", "", "200 OK", "application/json", "{}");
		assert_null(s.call);	/* anybody has such paths */
	}
	t = begin(a, asker, "POST /message:stream", "", "{\"message\":{\"role\":\"ROLE_USER\",\"parts\":[{\"url\":\"http://x/a.png\","
		  "\"mediaType\":\"image/png\"}]}}");
	says(&t, false, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"statusUpdate\":{\"taskId\":\"t\","
	     "\"status\":{\"state\":\"TASK_STATE_INPUT_REQUIRED\",\"message\":{\"parts\":[{\"text\":\"which?\"}]}}}}\n\n", 12);
	s = end(&t, 40);
	assert_string_equal(s.call->state.name, "input_required");
	assert_int_equal(s.call->state.phase, A2A_WAITS);
	assert_int_equal(s.call->last_ts, 12);
	assert_view(s.call->input, "[{\"role\":\"user\",\"parts\":[{\"type\":\"uri\",\"modality\":\"image\",\"uri\":\"http://x/a.png\"}]}]");
	assert_view(s.call->output, "[{\"role\":\"assistant\",\"finish_reason\":\"input_required\",\"parts\":[{\"type\":\"text\","
		    "\"content\":\"which?\"}]}]");
	a2a_call_free(s.call);
	a2a_free(a);
}

/* As the Python SDK writes it. */
static void rest_of_0_3(void **state)
{
	struct a2a *a = a2a_new(true);
	struct seen s = exchange(a, asker, "POST /v1/message:send", "", "{\"request\":{\"message_id\":\"m\",\"context_id\":\"c\","
				 "\"role\":\"ROLE_USER\",\"content\":[{\"text\":\"hi\"}]}}", "200 OK", "application/json",
				 "{\"task\":{\"id\":\"t\",\"context_id\":\"c\",\"status\":{\"state\":\"TASK_STATE_CANCELLED\",\"update\":"
				 "{\"content\":[{\"file\":{\"file_with_uri\":\"u\",\"mime_type\":\"audio/x\"}}]}}}}");

	assert_non_null(s.call);
	assert_view(s.call->context, "c");
	assert_view(s.call->task, "t");
	assert_view(s.call->message, "m");
	assert_string_equal(s.call->state.name, "canceled");
	assert_view(s.call->output, "[{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":[{\"type\":\"uri\",\"modality\":"
		    "\"audio\",\"uri\":\"u\"}]}]");
	a2a_call_free(s.call);
	a2a_free(a);
}

/* Names that other protocols have, too. */
static void not_ours(void **state)
{
	static const char *const bodies[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"tasks/get\",\"params\":{\"taskId\":\"t\"},\"id\":4}",	/* MCP */
		"{\"jsonrpc\":\"2.0\",\"method\":\"GetTask\",\"params\":{\"id\":\"t\"},\"id\":4}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"message/send\",\"params\":{\"text\":\"x\"},\"id\":4}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"x\"},\"id\":4}",
		"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}",
		"[]",
	};
	struct a2a *a = a2a_new(true);
	struct seen s;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_null(post(a, "", bodies[i], "{}").call);
	assert_null(post(a, "MCP-Protocol-Version: 2025-11-25\r\n", SEND1, "{}").call);
	s = post(a, "", "{\"jsonrpc\":\"2.0\",\"method\":\"tasks/get\",\"params\":{\"id\":\"t\"},\"id\":4}",
		 "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"kind\":\"task\",\"id\":\"t\",\"status\":{\"state\":\"completed\"}}}");
	assert_string_equal(s.call->method->name, "GetTask");
	assert_string_equal(s.call->state.name, "completed");
	a2a_call_free(s.call);
	a2a_free(a);
}

static struct seen at(struct a2a *a, const char *line)
{
	return exchange(a, asker, line, "", SEND1, "200 OK", "application/json", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
}

static void named_by_its_card(void **state)
{
	struct a2a *a = a2a_new(false);
	struct seen s = exchange(a, asker, "GET /weather/.well-known/agent-card.json", "", "", "200 OK", "application/json", CARD);

	assert_null(s.call);
	assert_int_equal(s.cards, 1);
	s = at(a, "POST /weather/rpc");
	assert_view(s.call->agent_name, "Weather \xc3\x84gent");
	assert_view(s.call->agent_version, "1.2");
	a2a_call_free(s.call);
	s = at(a, "POST /elsewhere");			/* the host's only agent */
	assert_view(s.call->agent_name, "Weather \xc3\x84gent");
	a2a_call_free(s.call);
	exchange(a, asker, "GET /.well-known/agent.json", "", "", "200 OK", "application/json",
		 "{\"name\":\"Other\",\"capabilities\":{},\"skills\":[],\"url\":\"https://agents.test/\"}");
	s = at(a, "POST /weather/rpc");
	assert_view(s.call->agent_name, "Weather \xc3\x84gent");
	a2a_call_free(s.call);
	s = at(a, "POST /weather/rpcs");		/* the longest interface that is really on the way */
	assert_view(s.call->agent_name, "Other");
	a2a_call_free(s.call);
	assert_int_equal(exchange(a, asker, "GET /.well-known/agent.json", "", "", "404 No", "application/json", CARD).cards, 0);
	assert_int_equal(exchange(a, asker, "GET /.well-known/agent.json", "", "", "200 OK", "application/json", "{\"name\":1}").cards, 0);
	a2a_free(a);
}

/* Both ends name a call alike, and calls about one task know each other. */
static void pairs(void **state)
{
	static const char task[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"task\":{\"id\":\"t\",\"status\":{}}}}";
	struct a2a *a = a2a_new(false);
	struct seen c = post(a, V1, SEND1, task);
	struct seen s = exchange(a, agent, "POST /rpc", V1, SEND1, "200 OK", "application/json", task);
	struct seen g = post(a, V1, "{\"jsonrpc\":\"2.0\",\"method\":\"GetTask\",\"params\":{\"id\":\"t\"},\"id\":2}", "{}");

	assert_true(c.call->key && c.call->key == s.call->key);
	assert_true(s.call->serves);
	assert_true(c.call->key != g.call->key);
	assert_true(c.call->task_key && c.call->task_key == g.call->task_key);
	assert_true(c.call->task_key != s.call->task_key);
	a2a_call_free(c.call);
	a2a_call_free(s.call);
	a2a_call_free(g.call);
	a2a_free(a);
}

/* A task of more artifacts than are kept says that something is missing. */
static void too_much_is_said_so(void **state)
{
	struct a2a *a = a2a_new(true);
	struct talk t = begin(a, asker, "POST /rpc", "", SEND3);
	char one[256];

	says(&t, false, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 11);
	for (int i = 0; i < 300; i++) {
		snprintf(one, sizeof(one), UPDATE("\"kind\":\"artifact-update\",\"artifact\":{\"artifactId\":\"%d\",\"parts\":[{\"text\":\"x\"}]}"), i);
		says(&t, false, one, 12);
	}
	struct seen s = end(&t, 40);

	assert_true(s.call->content_cut);
	a2a_call_free(s.call);
	a2a_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answered_by_a_message),
		cmocka_unit_test(no_content_unless_asked_for),
		cmocka_unit_test(a_stream_is_folded_and_ends_with_its_task),
		cmocka_unit_test(a_stream_that_breaks_off_is_cut),
		cmocka_unit_test(errors),
		cmocka_unit_test(rest),
		cmocka_unit_test(rest_of_0_3),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(named_by_its_card),
		cmocka_unit_test(pairs),
		cmocka_unit_test(too_much_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
