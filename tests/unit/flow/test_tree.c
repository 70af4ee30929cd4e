// SPDX-License-Identifier: Apache-2.0
/* Agents, conversations, tool calls and what they started: scripts of what happens, and the edges that come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow.h"
#include "wire_make.h"

#define AGENT	10
#define USER(text)	"{\"role\":\"user\",\"content\":\"" text "\"}"
#define CALL(id, name, args) "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"" args "\"}}"
#define ASKED(calls)	"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" calls "]}"
#define SAID(text)	"{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define RESULT(id, text) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"" text "\"}"

/* What the tests ask about of a span, copied while it is lent. */
struct row {
	char name[64], basis[24], link_basis[24];
	uint8_t id[8], parent[8], link[8];
	uint64_t start, end;
	int64_t chain, candidates, unanswered, turns, tools;
	unsigned links, events;
	bool error;
};

struct rows {
	struct sink sink;
	struct row row[64];
	unsigned n;
};

static int64_t number(const struct span *s, enum attr_id id)
{
	const struct value *v = attrs_get(&s->attrs, id);

	return v ? v->i : -1;
}

static void text(const struct attrs *as, enum attr_id id, char *to, size_t size)
{
	const struct value *v = attrs_get(as, id);

	if (v)
		snprintf(to, size, "%.*s", VIEW_ARG(v->str));
}

static int keep(struct sink *sink, const struct span *s)
{
	struct rows *rows = (struct rows *)sink;
	struct row *r = &rows->row[rows->n++];

	assert_true(rows->n <= 64);
	*r = (struct row){ .start = s->start, .end = s->end, .error = s->error, .links = s->link_cnt, .events = s->event_cnt };
	snprintf(r->name, sizeof(r->name), "%.*s", VIEW_ARG(s->name));
	text(&s->attrs, ATTR_ONLOOKER_LINK_BASIS, r->basis, sizeof(r->basis));
	memcpy(r->id, s->span_id, 8);
	memcpy(r->parent, s->parent_id, 8);
	if (s->links) {
		memcpy(r->link, s->links->span_id, 8);
		text(&s->links->attrs, ATTR_ONLOOKER_LINK_BASIS, r->link_basis, sizeof(r->link_basis));
	}
	r->chain = number(s, ATTR_ONLOOKER_CONVERSATION_CHAIN);
	r->candidates = number(s, ATTR_ONLOOKER_LINK_CANDIDATES);
	r->turns = number(s, ATTR_ONLOOKER_RUN_TURNS);
	r->tools = number(s, ATTR_ONLOOKER_RUN_TOOLS);
	r->unanswered = number(s, ATTR_ONLOOKER_RUN_TOOLS_UNANSWERED);
	return 0;
}

static const struct sink_type keep_type = { .name = "keep", .put = keep };

static void begin(struct wire_list *l)
{
	*l = (struct wire_list){ 0 };
	wire_add_clock(l, AGENT);
	wire_add_facts(l, AGENT, "/usr/bin/onlooker");
	wire_add_exec(l, AGENT, "/usr/bin/agent");
	wire_add_facts(l, AGENT, "/usr/bin/agent");
	for (unsigned i = 1; i < 8; i++)
		wire_add_sock(l, AGENT, i, 80);
}

static void ask_as(struct wire_list *l, uint32_t pid, uint64_t stream, const char *headers, const char *messages)
{
	char body[4096], req[8192];

	snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[%s]}", messages);
	snprintf(req, sizeof(req), "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n%s"
		 "Content-Length: %zu\r\n\r\n%s", headers, strlen(body), body);
	wire_add_data(l, pid, stream, WIRE_OUT, WIRE_SRC_SOCKET, view_of(req));
}

static void ask(struct wire_list *l, uint64_t stream, const char *messages)
{
	ask_as(l, AGENT, stream, "", messages);
}

static uint64_t answer(struct wire_list *l, uint64_t stream, const char *message)
{
	char body[4096], resp[8192];

	snprintf(body, sizeof(body), "{\"id\":\"r\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,"
		 "\"message\":%s,\"finish_reason\":\"stop\"}]}", message);
	snprintf(resp, sizeof(resp), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	wire_add_data(l, AGENT, stream, WIRE_IN, WIRE_SRC_SOCKET, view_of(resp));
	return l->ts;
}

/* argv: with NULs in between. */
static void spawn(struct wire_list *l, uint32_t up, uint32_t pid, const char *exe, struct view argv)
{
	size_t n = strlen(exe) + 1;
	struct wire_exec *e;

	wire_add_fork(l, up, pid);
	e = wire_add(l, WIRE_EXEC, sizeof(*e) + n + argv.n, pid);
	e->filename_len = n;
	e->argv_len = e->argv_total = argv.n;
	memcpy(e + 1, exe, n);
	memcpy((char *)(e + 1) + n, argv.p, argv.n);
}

static void walk(struct wire_list *l, struct rows *rows)
{
	struct flow_config c = { .trace = { .processes = true } };
	struct flow *f = flow_new(&c);

	*rows = (struct rows){ .sink.type = &keep_type };
	flow_add_sink(f, &rows->sink);
	wire_add_exit(l, AGENT, 0);
	wire_add(l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
	for (size_t i = 0; i < l->n; i++)
		flow_record(f, l->recs[i], l->recs[i]->size);
	flow_free(f);
	wire_list_release(l);
}

static const struct row *find(const struct rows *rows, const char *name)
{
	const struct row *found = NULL;

	for (unsigned i = 0; i < rows->n; i++) {
		if (strcmp(rows->row[i].name, name))
			continue;
		assert_null(found);
		found = &rows->row[i];
	}
	return found;
}

static unsigned count(const struct rows *rows, const char *begins)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rows->n; i++)
		n += !strncmp(rows->row[i].name, begins, strlen(begins));
	return n;
}

static void assert_under(const struct rows *rows, const char *child, const char *parent)
{
	const struct row *c = find(rows, child), *p = find(rows, parent);

	assert_non_null(c);
	assert_non_null(p);
	assert_memory_equal(c->parent, p->id, 8);
}

#define AB	CALL("call_1", "run_a", "{\\\"command\\\":\\\"ls -l /a\\\"}") "," CALL("call_2", "run_b", "{\\\"command\\\":\\\"cat /b/c\\\"}")

/* Two calls at once: each with the process that has its command, started in the other order. */
static void test_parallel_tools(void **state)
{
	struct wire_list l;
	struct rows rows;
	const struct row *a, *root;
	uint64_t asked, told;

	begin(&l);
	ask(&l, 1, USER("go"));
	asked = answer(&l, 1, ASKED(AB));
	spawn(&l, AGENT, 21, "/bin/cat", VIEW("cat\0/b/c\0"));
	spawn(&l, AGENT, 22, "/bin/sh", VIEW("sh\0-c\0cd / && ls -l /a\0"));
	spawn(&l, 22, 23, "/bin/ls", VIEW("ls\0-l\0/a\0"));
	spawn(&l, AGENT, 24, "/bin/git", VIEW("git\0status\0"));
	for (unsigned pid = 24; pid > 20; pid--)
		wire_add_exit(&l, pid, 0);
	ask(&l, 1, USER("go") "," ASKED(AB) "," RESULT("call_2", "B") "," RESULT("call_1", "A"));
	told = l.ts;
	answer(&l, 1, SAID("done"));
	walk(&l, &rows);

	assert_int_equal(count(&rows, "execute_tool"), 2);
	assert_under(&rows, "execute_tool run_a", "invoke_agent agent");
	assert_under(&rows, "execute_tool run_b", "invoke_agent agent");
	assert_under(&rows, "agent", "invoke_agent agent");
	assert_under(&rows, "cat", "execute_tool run_b");
	assert_under(&rows, "sh", "execute_tool run_a");
	assert_under(&rows, "ls", "sh");
	assert_under(&rows, "git", "agent");
	assert_int_equal(find(&rows, "git")->candidates, 2);
	assert_string_equal(find(&rows, "cat")->basis, "argv_match");
	a = find(&rows, "execute_tool run_a");
	assert_string_equal(a->basis, "tool_call_id");
	assert_int_equal(a->start % 1000000000000, asked % 1000000000000);
	assert_int_equal(a->end % 1000000000000, told % 1000000000000);
	assert_false(a->error);
	root = find(&rows, "invoke_agent agent");
	assert_memory_equal(root->parent, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(root->turns, 1);
	assert_int_equal(root->tools, 2);
	assert_int_equal(root->unanswered, 0);
}

/* Asked for, and no request ever brings a result: not executed, whatever was started meanwhile. */
static void test_never_answered(void **state)
{
	struct wire_list l;
	struct rows rows;

	begin(&l);
	ask(&l, 1, USER("go"));
	answer(&l, 1, ASKED(CALL("call_1", "run_a", "{}")));
	spawn(&l, AGENT, 21, "/bin/ls", VIEW("ls\0"));
	wire_add_exit(&l, 21, 0);
	ask(&l, 2, USER("go") "," SAID("no") "," USER("something else"));
	answer(&l, 2, SAID("well"));
	walk(&l, &rows);
	assert_int_equal(count(&rows, "execute_tool"), 0);
	assert_under(&rows, "ls", "agent");
	assert_int_equal(find(&rows, "ls")->links, 0);
	assert_int_equal(find(&rows, "invoke_agent agent")->unanswered, 1);
	assert_int_equal(find(&rows, "invoke_agent agent")->events, 1);
	assert_int_equal(find(&rows, "invoke_agent agent")->turns, 2);
}

/* Two conversations in turn whose ids count from 1 in each. */
static void test_same_ids_in_two_conversations(void **state)
{
	struct wire_list l;
	struct rows rows;
	uint64_t asked[2];

	begin(&l);
	ask(&l, 1, USER("first"));
	ask(&l, 2, USER("second"));
	asked[0] = answer(&l, 1, ASKED(CALL("call_1", "one", "{}")));
	asked[1] = answer(&l, 2, ASKED(CALL("call_1", "two", "{}")));
	ask(&l, 2, USER("second") "," ASKED(CALL("call_1", "two", "{}")) "," RESULT("call_1", "2"));
	answer(&l, 2, SAID("2"));
	ask(&l, 1, USER("first") "," ASKED(CALL("call_1", "one", "{}")) "," RESULT("call_1", "1"));
	answer(&l, 1, SAID("1"));
	walk(&l, &rows);
	assert_int_equal(count(&rows, "execute_tool"), 2);
	assert_int_equal(find(&rows, "execute_tool one")->start % 1000000000000, asked[0] % 1000000000000);
	assert_int_equal(find(&rows, "execute_tool two")->start % 1000000000000, asked[1] % 1000000000000);
	assert_int_equal(find(&rows, "execute_tool one")->chain, 1);
	assert_int_equal(find(&rows, "execute_tool two")->chain, 2);
}

/* A result whose id nobody gave out, and one whose id is another conversation's. */
static void test_forged_ids(void **state)
{
	struct wire_list l;
	struct rows rows;

	begin(&l);
	ask(&l, 1, USER("first"));
	answer(&l, 1, ASKED(CALL("call_1", "one", "{}")));
	ask(&l, 2, USER("else") "," ASKED(CALL("call_1", "one", "{}")) "," RESULT("call_1", "x") "," RESULT("call_9", "y"));
	answer(&l, 2, SAID("hm"));
	walk(&l, &rows);
	assert_int_equal(count(&rows, "execute_tool"), 0);
	assert_int_equal(find(&rows, "invoke_agent agent")->unanswered, 1);
}

/* Two requests that are the same in all, answered with the same ids: nobody can tell. */
static void test_alike_conversations_are_not_guessed(void **state)
{
	struct wire_list l;
	struct rows rows;

	begin(&l);
	for (unsigned i = 1; i < 3; i++) {
		ask(&l, i, USER("same"));
		answer(&l, i, ASKED(CALL("call_1", "one", "{}")));
	}
	for (unsigned i = 1; i < 3; i++) {
		ask(&l, i, USER("same") "," ASKED(CALL("call_1", "one", "{}")) "," RESULT("call_1", "x"));
		answer(&l, i, SAID("hm"));
	}
	walk(&l, &rows);
	assert_int_equal(count(&rows, "execute_tool"), 0);
	assert_int_equal(find(&rows, "invoke_agent agent")->unanswered, 2);
}

/* The history was rewritten: an id that was made by chance says enough, one that counts does not. */
static void test_rewritten_history(void **state)
{
	struct wire_list l;
	struct rows rows;

	begin(&l);
	ask(&l, 1, USER("first"));
	answer(&l, 1, ASKED(CALL("toolu_01A09q90qw90lq917835lq9", "one", "{}") "," CALL("call_1", "two", "{}")));
	ask(&l, 1, USER("summary") "," RESULT("toolu_01A09q90qw90lq917835lq9", "x") "," RESULT("call_1", "x"));
	answer(&l, 1, SAID("hm"));
	walk(&l, &rows);
	assert_int_equal(count(&rows, "execute_tool"), 1);
	assert_non_null(find(&rows, "execute_tool one"));
}

static void one_tool(struct wire_list *l, struct rows *rows, unsigned processes, bool waiting)
{
	begin(l);
	ask(l, 1, USER("go"));
	answer(l, 1, ASKED(CALL("call_1", "run", "{}")));
	if (waiting)
		ask(l, 2, USER("another"));
	spawn(l, AGENT, 21, "/bin/one", VIEW("one\0"));
	if (processes > 1)
		spawn(l, AGENT, 22, "/bin/two", VIEW("two\0"));
	ask(l, 1, USER("go") "," ASKED(CALL("call_1", "run", "{}")) "," RESULT("call_1", "x"));
	answer(l, 1, SAID("done"));
	if (waiting)
		answer(l, 2, SAID("done"));
	spawn(l, AGENT, 23, "/bin/late", VIEW("late\0"));
	walk(l, rows);
}

/* The only process while the only call was open: its child, also when it goes on for longer. */
static void test_the_only_process(void **state)
{
	struct wire_list l;
	struct rows rows;

	one_tool(&l, &rows, 1, false);
	assert_under(&rows, "one", "execute_tool run");
	assert_string_equal(find(&rows, "one")->basis, "process_lineage");
	assert_under(&rows, "late", "agent");
	assert_true(find(&rows, "one")->end > find(&rows, "execute_tool run")->end);
}

/* Of two that nothing tells apart, or while another answer was due, none is asserted. */
static void test_doubt_is_a_link(void **state)
{
	struct wire_list l;
	struct rows rows;
	const struct row *tool;

	one_tool(&l, &rows, 2, false);
	tool = find(&rows, "execute_tool run");
	assert_under(&rows, "one", "agent");
	assert_under(&rows, "two", "agent");
	assert_memory_equal(find(&rows, "one")->link, tool->id, 8);
	assert_memory_equal(find(&rows, "two")->link, tool->id, 8);
	assert_string_equal(find(&rows, "two")->link_basis, "process_lineage");
	assert_string_equal(find(&rows, "two")->basis, "");

	one_tool(&l, &rows, 1, true);
	assert_under(&rows, "one", "agent");
	assert_int_equal(find(&rows, "one")->links, 1);
}

#define CLAUDE	"User-Agent: claude-cli/2.1.329 (external, cli)\r\nX-Claude-Code-Session-Id: s-1\r\n"

/* Sub-agents that name themselves and who started them. */
static void test_named_sub_agents(void **state)
{
	struct wire_list l;
	struct rows rows;
	const struct row *agents[3] = { 0 };
	unsigned n = 0;

	begin(&l);
	ask_as(&l, AGENT, 1, CLAUDE, USER("go"));
	ask_as(&l, AGENT, 2, CLAUDE "X-Claude-Code-Agent-Id: b\r\n", USER("sub"));
	ask_as(&l, AGENT, 3, CLAUDE "X-Claude-Code-Agent-Id: c\r\nX-Claude-Code-Parent-Agent-Id: b\r\n", USER("subsub"));
	for (unsigned i = 3; i; i--)
		answer(&l, i, SAID("done"));
	walk(&l, &rows);
	for (unsigned i = 0; i < rows.n; i++)
		if (!strcmp(rows.row[i].name, "invoke_agent claude-code"))
			agents[n++] = &rows.row[i];
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(!memcmp(agents[i]->parent, "\0\0\0\0\0\0\0\0", 8), agents[i]->turns >= 0);
}

/* A million calls and results: bounded, and the oldest are given up. */
static void test_many_calls(void **state)
{
	static const unsigned sizes[] = { 600, 1500 };
	struct flow_config c = { .trace = { .processes = true } };
	static char message[400000], resp[500000];

	for (unsigned k = 0; k < 2; k++) {
		struct flow *f = flow_new(&c);
		struct wire_list l;
		size_t n = 0;

		n += snprintf(message + n, sizeof(message) - n, "{\"id\":\"r\",\"object\":\"chat.completion\",\"model\":\"m\","
			      "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"tool_calls\":[");
		for (unsigned i = 0; i < sizes[k]; i++)
			n += snprintf(message + n, sizeof(message) - n, "%s{\"id\":\"call_%u\",\"type\":\"function\",\"function\":"
				      "{\"name\":\"t\",\"arguments\":\"{}\"}}", i ? "," : "", i);
		n += snprintf(message + n, sizeof(message) - n, "]},\"finish_reason\":\"tool_calls\"}]}");
		snprintf(resp, sizeof(resp), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", n, message);
		begin(&l);
		ask(&l, 1, USER("go"));
		wire_add_data(&l, AGENT, 1, WIRE_IN, WIRE_SRC_SOCKET, view_of(resp));
		for (unsigned i = 0; i < 100; i++)
			spawn(&l, AGENT, 1000 + i, "/bin/x", VIEW("x\0"));
		wire_add_exit(&l, AGENT, 0);
		wire_add(&l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
		for (size_t i = 0; i < l.n; i++)
			flow_record(f, l.recs[i], l.recs[i]->size);
		assert_int_equal(flow_trace_stats(f)->tools, 0);
		assert_int_equal(flow_trace_stats(f)->lost, 0);
		flow_free(f);
		wire_list_release(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parallel_tools),
		cmocka_unit_test(test_never_answered),
		cmocka_unit_test(test_same_ids_in_two_conversations),
		cmocka_unit_test(test_forged_ids),
		cmocka_unit_test(test_alike_conversations_are_not_guessed),
		cmocka_unit_test(test_rewritten_history),
		cmocka_unit_test(test_the_only_process),
		cmocka_unit_test(test_doubt_is_a_link),
		cmocka_unit_test(test_named_sub_agents),
		cmocka_unit_test(test_many_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
