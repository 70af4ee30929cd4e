// SPDX-License-Identifier: Apache-2.0
/* The whole way: records as the kernel makes them in, finished spans out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow.h"
#include "wire_make.h"

#define BODY "{\"model\":\"gpt-x\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static const char request[] =
	"POST /v1/chat/completions HTTP/1.1\r\nHost: api.example.test:8443\r\n"
	"Content-Type: application/json\r\nX-Stainless-Retry-Count: 2\r\nContent-Length: 75\r\n\r\n" BODY;
_Static_assert(sizeof(BODY) - 1 == 75, "the Content-Length above");

static const char answer[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-x-1\",\"choices\":[{\"index\":0,"
	"\"delta\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n"
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-x-1\",\"choices\":[{\"index\":0,"
	"\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-x-1\",\"choices\":[],"
	"\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\n"
	"data: [DONE]\n\n";

/* A sink that keeps spans by hand-over order: names, and what the tests ask about. */
struct kept {
	struct sink sink;
	char text[8192];
	unsigned n;
};

static int keep(struct sink *s, const struct span *span)
{
	struct kept *k = (struct kept *)s;
	size_t at = strlen(k->text);

	snprintf(k->text + at, sizeof(k->text) - at, "%.*s;", VIEW_ARG(span->name));
	k->n++;
	return 0;
}

static const struct sink_type keep_type = { .name = "keep", .put = keep };

/* Copies of what is asked about, since the span is freed: read it while it is lent. */
struct probe {
	struct kept kept;
	void (*look)(const struct span *span, void *arg);
	void (*look_process)(const struct span *span, void *arg);
	void *arg;
};

static int look(struct sink *s, const struct span *span)
{
	struct probe *p = (struct probe *)s;

	keep(s, span);
	if (span->kind == SPAN_CLIENT && p->look)
		p->look(span, p->arg);
	if (span->kind == SPAN_INTERNAL && p->look_process)
		p->look_process(span, p->arg);
	return 0;
}

static const struct sink_type look_type = { .name = "look", .put = look };

static void walk(struct wire_list *l, struct sink *k, struct flow_stats *ret, struct stream_stats *ret_st)
{
	struct flow_config c = { .content = true, .trace = { .content = true, .processes = true } };
	struct flow *f = flow_new(&c);

	flow_add_sink(f, k);
	wire_add(l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
	for (size_t i = 0; i < l->n; i++)
		flow_record(f, l->recs[i], l->recs[i]->size);
	if (ret)
		*ret = *flow_stats(f);
	if (ret_st)
		*ret_st = *flow_stream_stats(f);
	flow_free(f);
	wire_list_release(l);
}

static void start(struct wire_list *l)
{
	wire_add_clock(l, 10);
	wire_add_facts(l, 10, "/usr/bin/onlooker");
	wire_add_exec(l, 10, "/usr/bin/agent");
	wire_add_facts(l, 10, "/usr/bin/agent");
	wire_add_sock(l, 10, 1, 8443);
}

/* Which of the two ends first is not promised: a stream may wait for late records. */
static void assert_spans(const struct kept *k, unsigned n)
{
	assert_int_equal(k->n, n);
	assert_non_null(strstr(k->text, "chat gpt-x;"));
	assert_non_null(strstr(k->text, "agent;"));
}

struct seen {
	char model[64], server[64], finish[64];
	int64_t in, out, port, resend;
	bool error, incomplete, has_ttfc;
	uint8_t parent[8];
};

static void note(const struct span *s, void *arg)
{
	const struct attrs *as = &s->attrs;
	struct seen *seen = arg;
	const struct value *v;

	*seen = (struct seen){ .in = -1, .out = -1 };
	if ((v = attrs_get(as, ATTR_GEN_AI_RESPONSE_MODEL)))
		snprintf(seen->model, sizeof(seen->model), "%.*s", VIEW_ARG(v->str));
	if ((v = attrs_get(as, ATTR_SERVER_ADDRESS)))
		snprintf(seen->server, sizeof(seen->server), "%.*s", VIEW_ARG(v->str));
	if ((v = attrs_get(as, ATTR_GEN_AI_RESPONSE_FINISH_REASONS)) && v->arr.n)
		snprintf(seen->finish, sizeof(seen->finish), "%.*s", VIEW_ARG(v->arr.v[0]));
	if ((v = attrs_get(as, ATTR_GEN_AI_USAGE_INPUT_TOKENS)))
		seen->in = v->i;
	if ((v = attrs_get(as, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS)))
		seen->out = v->i;
	if ((v = attrs_get(as, ATTR_SERVER_PORT)))
		seen->port = v->i;
	if ((v = attrs_get(as, ATTR_HTTP_REQUEST_RESEND_COUNT)))
		seen->resend = v->i;
	seen->incomplete = (v = attrs_get(as, ATTR_ONLOOKER_CAPTURE_COMPLETE)) && !v->b;
	seen->has_ttfc = attrs_get(as, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK);
	seen->error = s->error;
	memcpy(seen->parent, s->parent_id, 8);
}

static void test_one_call(void **state)
{
	struct wire_list l = { 0 };
	struct seen seen = { 0 };
	struct probe p = { .kept = { .sink.type = &look_type }, .look = note, .arg = &seen };
	struct flow_stats st;
	struct stream_stats ss;

	start(&l);
	wire_add_data(&l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, VIEW(request));
	wire_add_data(&l, 10, 1, WIRE_IN, WIRE_SRC_SOCKET, VIEW(answer));
	wire_add_end(&l, 10, 1);
	wire_add_exit(&l, 10, 0);
	walk(&l, &p.kept.sink, &st, &ss);
	assert_string_equal(p.kept.text, "chat gpt-x;agent;invoke_agent agent;");
	assert_string_equal(seen.model, "gpt-x-1");
	assert_string_equal(seen.server, "api.example.test");
	assert_string_equal(seen.finish, "stop");
	assert_int_equal(seen.port, 8443);
	assert_int_equal(seen.in, 5);
	assert_int_equal(seen.out, 7);
	assert_int_equal(seen.resend, 2);
	assert_true(seen.has_ttfc);
	assert_false(seen.error);
	assert_false(seen.incomplete);
	assert_memory_not_equal(seen.parent, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(st.decoded + st.opaque + st.lost, ss.delivered[0] + ss.delivered[1]);
	assert_int_equal(st.decoded, sizeof(request) - 1 + sizeof(answer) - 1);
}

static void test_a_lost_piece_is_marked(void **state)
{
	struct wire_list l = { 0 };
	struct seen seen = { 0 };
	struct probe p = { .kept = { .sink.type = &look_type }, .look = note, .arg = &seen };
	struct flow_stats st;
	struct stream_stats ss;

	start(&l);
	wire_add_data(&l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, VIEW(request));
	wire_add_data(&l, 10, 1, WIRE_IN, WIRE_SRC_SOCKET, (struct view){ answer, 120 });
	l.off[1][WIRE_IN] += 10;
	wire_add_data(&l, 10, 1, WIRE_IN, WIRE_SRC_SOCKET, (struct view){ answer + 130, sizeof(answer) - 131 });
	wire_add_end(&l, 10, 1);
	wire_add_exit(&l, 10, 0);
	walk(&l, &p.kept.sink, &st, &ss);
	assert_spans(&p.kept, 3);
	assert_true(seen.incomplete);
	assert_int_equal(seen.out, 7);
	assert_int_equal(st.decoded + st.opaque + st.lost, ss.delivered[0] + ss.delivered[1]);
	assert_int_equal(ss.lost[WIRE_IN], 10);
}

static void test_killed_in_mid_stream(void **state)
{
	struct wire_list l = { 0 };
	struct seen seen = { 0 };
	struct probe p = { .kept = { .sink.type = &look_type }, .look = note, .arg = &seen };

	start(&l);
	wire_add_data(&l, 10, 2, WIRE_OUT, WIRE_SRC_TLS, VIEW(request));
	wire_add_data(&l, 10, 2, WIRE_IN, WIRE_SRC_TLS, (struct view){ answer, 300 });
	wire_add_exit(&l, 10, 9);
	walk(&l, &p.kept.sink, NULL, NULL);
	assert_spans(&p.kept, 3);
	assert_true(seen.error);
	assert_int_equal(seen.out, -1);
	assert_string_equal(seen.finish, "error");
}

/* The calls of a forked worker belong to the worker, which never executed anything: to its parent's span. */
static void test_fork_and_child(void **state)
{
	struct wire_list l = { 0 };
	struct seen seen = { 0 };
	struct probe p = { .kept = { .sink.type = &look_type }, .look = note, .arg = &seen };

	start(&l);
	wire_add_fork(&l, 10, 11);
	wire_add_fork(&l, 11, 12);
	wire_add_exec(&l, 12, "/bin/ls");
	wire_add_facts(&l, 12, "/bin/ls");
	wire_add_exit(&l, 12, 0x200);
	wire_add_sock(&l, 11, 3, 80);
	wire_add_data(&l, 11, 3, WIRE_OUT, WIRE_SRC_SOCKET, VIEW(request));
	wire_add_data(&l, 11, 3, WIRE_IN, WIRE_SRC_SOCKET, VIEW(answer));
	wire_add_end(&l, 11, 3);
	wire_add_exit(&l, 11, 0);
	wire_add_exit(&l, 10, 0);
	walk(&l, &p.kept.sink, NULL, NULL);
	assert_string_equal(p.kept.text, "ls;chat gpt-x;agent;invoke_agent agent;");
	assert_memory_not_equal(seen.parent, "\0\0\0\0\0\0\0\0", 8);
}

/* The command could not be executed: what was forked for it is ours, not CMD. */
static void test_nothing_to_execute(void **state)
{
	struct wire_list l = { 0 };
	struct kept k = { .sink.type = &keep_type };

	wire_add_clock(&l, 10);
	wire_add_facts(&l, 10, "/usr/bin/onlooker");
	wire_add_exit(&l, 10, 0x7f00);
	walk(&l, &k.sink, NULL, NULL);
	assert_int_equal(k.n, 0);
}

static void test_damaged_records(void **state)
{
	struct wire_list l = { 0 };
	struct kept k = { .sink.type = &keep_type };
	struct flow_stats st;
	struct wire_data *d;

	start(&l);
	d = wire_add_data(&l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, VIEW(request));
	d->len = 1;		/* but more bytes follow */
	wire_add(&l, 200, sizeof(struct wire_hdr), 10);
	walk(&l, &k.sink, &st, NULL);
	assert_int_equal(st.bad_records, 2);
}

static void note_unseen(const struct span *s, void *arg)
{
	const struct value *v = attrs_get(&s->attrs, ATTR_ONLOOKER_PROCESS_UNSEEN_TLS);

	*(int64_t *)arg = v ? v->i : -1;
}

/* Two handshakes on its sockets; with: one of them by a library that we hear. */
static int64_t unseen_tls(bool with, int64_t *ret_counted)
{
	struct flow_config c = { .trace.processes = true };
	struct flow *f = flow_new(&c);
	int64_t said = 0;
	struct probe p = { .kept.sink.type = &look_type, .look_process = note_unseen, .arg = &said };
	struct wire_list l = { 0 };

	start(&l);
	for (unsigned i = 1; i < 3; i++)
		((struct wire_hello *)wire_add(&l, WIRE_HELLO, sizeof(struct wire_hello), 10))->sock = i;
	if (with)
		wire_add_data(&l, 10, 3, WIRE_OUT, WIRE_SRC_TLS, VIEW("x"));
	wire_add_exit(&l, 10, 0);
	wire_add(&l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
	flow_add_sink(f, &p.kept.sink);
	for (size_t i = 0; i < l.n; i++)
		flow_record(f, l.recs[i], l.recs[i]->size);
	*ret_counted = flow_trace_stats(f)->unseen_tls;
	if (*ret_counted)
		assert_string_equal(flow_trace_stats(f)->unseen_exe, "agent");
	flow_free(f);
	wire_list_release(&l);
	return said;
}

/* A TLS library that we do not know is said, on the span and in the books; one that we do is not. */
static void test_unseen_tls_is_said(void **state)
{
	int64_t counted;

	assert_int_equal(unseen_tls(false, &counted), 2);
	assert_int_equal(counted, 2);
	assert_int_equal(unseen_tls(true, &counted), -1);
	assert_int_equal(counted, 0);
}

static void note_peer(const struct span *s, void *arg)
{
	const struct value *v = attrs_get(&s->attrs, ATTR_NETWORK_PEER_ADDRESS);

	snprintf(arg, 64, "%.*s", VIEW_ARG(v->str));
}

/* Java opens IPv6 sockets for everything: what the server sees as IPv4 is IPv4. */
static void test_mapped_address(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 };
	char said[64] = "";
	struct probe p = { .kept.sink.type = &look_type, .look = note_peer, .arg = said };
	struct wire_list l = { 0 };
	struct wire_sock *k;

	start(&l);
	k = (struct wire_sock *)l.recs[l.n - 1];
	k->family = 10;
	memcpy(k->raddr, mapped, sizeof(mapped));
	wire_add_data(&l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, VIEW(request));
	wire_add_data(&l, 10, 1, WIRE_IN, WIRE_SRC_SOCKET, VIEW(answer));
	wire_add_end(&l, 10, 1);
	walk(&l, &p.kept.sink, NULL, NULL);
	assert_string_equal(said, "192.0.2.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_call),
		cmocka_unit_test(test_a_lost_piece_is_marked),
		cmocka_unit_test(test_killed_in_mid_stream),
		cmocka_unit_test(test_fork_and_child),
		cmocka_unit_test(test_nothing_to_execute),
		cmocka_unit_test(test_damaged_records),
		cmocka_unit_test(test_unseen_tls_is_said),
		cmocka_unit_test(test_mapped_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
