// SPDX-License-Identifier: Apache-2.0
/* JSON-RPC over pipes and unix sockets: lines, which two ways are one connection, and whose answer is whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mcp/mcp.h"

#define INIT "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}\n"

static void end_is(struct mcp *m, uint64_t id, enum wire_channel_end end, uint32_t pid)
{
	mcp_channel(m, &(struct wire_channel){ .hdr = { .pid = pid, .start = pid * 10 }, .stream = id, .ino = id,
					       .kind = WIRE_CHANNEL_PIPE, .end = end });
}

static void pipe_is(struct mcp *m, uint64_t id, uint32_t from, uint32_t to)
{
	end_is(m, id, WIRE_CHANNEL_WRITES, from);
	end_is(m, id, WIRE_CHANNEL_READS, to);
}

static void socket_is(struct mcp *m, uint64_t id, uint64_t ino, uint64_t peer, uint32_t pids[2], uint32_t fds[2])
{
	for (int end = 0; end < 2; end++)
		mcp_channel(m, &(struct wire_channel){ .hdr = { .pid = pids[end], .start = pids[end] * 10 }, .stream = id,
						       .ino = ino, .peer = peer, .fd = fds[end],
						       .kind = WIRE_CHANNEL_UNIX, .end = end });
}

static void say(struct mcp *m, uint64_t id, const char *text, uint64_t ts)
{
	mcp_way_bytes(m, mcp_way(m, id), view_of(text), ts);
}

static struct mcp_call *next_over(struct mcp *m)
{
	struct mcp_event e;

	while (mcp_next(m, &e))
		if (e.over)
			return e.call;
	return NULL;
}

/* The next call that is over is this one. */
static void over_is(struct mcp *m, enum mcp_side side, uint32_t pid, const char *method, enum mcp_end end)
{
	struct mcp_call *c = next_over(m);

	assert_non_null(c);
	assert_int_equal(c->side, side);
	assert_int_equal(c->pid, pid);
	assert_true(view_eq(c->method, view_of(method)));
	assert_int_equal(c->end, end);
	assert_true(c->local);
	mcp_call_free(c);
}

static void drop_all(struct mcp *m)
{
	struct mcp_call *c;

	while ((c = next_over(m)))
		mcp_call_free(c);
}

static void test_both_ends(void **state)
{
	struct mcp *m = mcp_new(true);
	struct mcp_call *server, *client;

	pipe_is(m, 1, 7, 8);
	pipe_is(m, 2, 8, 7);
	say(m, 1, INIT, 100);
	say(m, 2, "{\"result\":{\"protocolVersion\":\"2025-06-18\",\"serverInfo\":{\"name\":\"w\",\"version\":\"3\"}},"
		  "\"jsonrpc\":\"2.0\",\"id\":0}\n", 200);
	server = next_over(m);
	client = next_over(m);
	assert_int_equal(server->side, MCP_SERVER);
	assert_int_equal(server->pid, 8);
	assert_int_equal(client->side, MCP_CLIENT);
	assert_int_equal(client->pid, 7);
	assert_int_equal(client->key, server->key);
	assert_int_equal(client->first_ts, 100);
	assert_int_equal(client->last_ts, 200);
	assert_true(view_eq(client->version, VIEW("2025-06-18")));
	assert_true(view_eq(server->server_name, VIEW("w")));
	assert_true(view_eq(server->server_version, VIEW("3")));
	mcp_call_free(client);
	mcp_call_free(server);
	assert_null(next_over(m));
	mcp_free(m);
}

/* The server asks with the same id as the client does, at the same time. */
static void test_both_directions(void **state)
{
	struct mcp *m = mcp_new(false);

	pipe_is(m, 1, 7, 8);
	pipe_is(m, 2, 8, 7);
	say(m, 1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}\n", 1);
	say(m, 2, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n", 2);
	say(m, 1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", 3);
	over_is(m, MCP_SERVER, 7, "roots/list", MCP_ANSWERED);
	over_is(m, MCP_CLIENT, 8, "roots/list", MCP_ANSWERED);
	say(m, 2, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", 4);
	over_is(m, MCP_SERVER, 8, "tools/call", MCP_ANSWERED);
	over_is(m, MCP_CLIENT, 7, "tools/call", MCP_ANSWERED);
	assert_int_equal(mcp_stats(m)->unmatched, 0);
	mcp_free(m);
}

/* However it is cut: CRLF, blank lines, what is no message, several in one call, and one of 200 kB. */
static void test_lines(void **state)
{
	size_t n = 200000;
	char *all = malloc(n + 1000);

	for (size_t step = 1; step < n; step = step * 7 + 1) {
		struct mcp *m = mcp_new(true);
		struct mcp_call *c;
		size_t end;

		pipe_is(m, 1, 7, 8);
		end = sprintf(all, "starting\n\r\n\n{broken\n{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"x\","
				   "\"arguments\":\"%0*d\"}}\r\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
				   "\"params\":{\"requestId\":5}}\n", (int)n, 0);
		for (size_t at = 0; at < end; at += step)
			mcp_way_bytes(m, mcp_way(m, 1), (struct view){ all + at, at + step < end ? step : end - at }, 1 + at);
		c = next_over(m);
		assert_true(c->notification);
		mcp_call_free(c);
		c = next_over(m);
		assert_int_equal(c->end, MCP_CANCELLED);
		assert_int_equal(c->arguments.n, n + 2);
		mcp_call_free(c);
		drop_all(m);
		assert_true(mcp_way_wanted(mcp_way(m, 1)));
		assert_true(mcp_way_spoke(mcp_way(m, 1)));
		mcp_free(m);
	}
	free(all);
}

static void test_gap(void **state)
{
	struct mcp *m = mcp_new(false);
	struct mcp_call *c;

	pipe_is(m, 1, 7, 8);
	say(m, 1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"me", 1);
	mcp_way_gap(m, mcp_way(m, 1), 20, 2);
	say(m, 1, "thod\":\"tools/list\"}\n{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\"}\n", 3);
	mcp_finish(m, 4);
	while ((c = next_over(m))) {
		assert_false(view_eq(c->id, VIEW("2")));
		mcp_call_free(c);
	}
	assert_int_equal(mcp_stats(m)->messages, 4);
	mcp_free(m);
}

/* The reader has not read yet: its first message is its span all the same. */
static void test_waits_for_reader(void **state)
{
	struct mcp *m = mcp_new(false);

	end_is(m, 1, WIRE_CHANNEL_WRITES, 7);
	say(m, 1, INIT, 100);
	mcp_time(m, 100 + MCP_WAY_WAIT_NS - 1);
	mcp_finish(m, 101);
	assert_null(next_over(m));
	end_is(m, 1, WIRE_CHANNEL_READS, 8);
	mcp_finish(m, 102);
	for (int i = 0; i < 2; i++) {
		struct mcp_call *c = next_over(m);

		assert_int_equal(c->pid, c->side == MCP_CLIENT ? 7 : 8);
		assert_int_equal(c->first_ts, 100);
		mcp_call_free(c);
	}
	mcp_free(m);
}

/* Only one end is observed: its spans, paired with what comes back. */
static void test_one_end(void **state)
{
	struct mcp *m = mcp_new(false);

	end_is(m, 1, WIRE_CHANNEL_WRITES, 7);
	say(m, 1, INIT, 100);
	mcp_time(m, 100 + MCP_WAY_WAIT_NS);
	end_is(m, 2, WIRE_CHANNEL_READS, 7);
	say(m, 2, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}\n", 300);
	mcp_time(m, 300 + MCP_WAY_WAIT_NS);
	over_is(m, MCP_CLIENT, 7, "initialize", MCP_ANSWERED);
	assert_null(next_over(m));
	mcp_free(m);
}

/* A way ends: nothing more is answered on it. */
static void test_end(void **state)
{
	struct mcp *m = mcp_new(false);

	pipe_is(m, 1, 7, 8);
	pipe_is(m, 2, 8, 7);
	say(m, 1, INIT, 100);
	say(m, 2, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}\n", 110);
	mcp_way_end(m, mcp_way(m, 2), 200);
	over_is(m, MCP_SERVER, 8, "initialize", MCP_CUT);
	over_is(m, MCP_CLIENT, 7, "initialize", MCP_CUT);
	assert_null(next_over(m));
	say(m, 1, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}", 300);
	mcp_way_end(m, mcp_way(m, 1), 301);
	over_is(m, MCP_SERVER, 7, "roots/list", MCP_ANSWERED);
	over_is(m, MCP_CLIENT, 8, "roots/list", MCP_ANSWERED);
	mcp_free(m);
}

/* Editors' agents, language servers, logs. */
static void test_others(void **state)
{
	static const char *const said[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":1}}\n",
		"{\"level\":\"info\"}\n",
		"[{\"a\":1}]\n",
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_call\",\"params\":[]}\n",
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct mcp *m = mcp_new(false);

		pipe_is(m, 1, 7, 8);
		for (int n = 0; n < 16; n++)
			say(m, 1, said[i], 1);
		assert_false(mcp_way_wanted(mcp_way(m, 1)));
		assert_false(mcp_way_spoke(mcp_way(m, 1)));
		say(m, 1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n", 2);
		mcp_finish(m, 3);
		assert_null(next_over(m));
		mcp_free(m);
	}
}

/* node gives a child one socket for each of its files; others use one both ways. */
static void test_sockets(void **state)
{
	struct mcp *m = mcp_new(false);
	uint32_t to[2] = { 7, 8 }, back[2] = { 8, 7 };

	socket_is(m, 1, 50, 51, to, (uint32_t[2]){ 19, 0 });
	socket_is(m, 2, 61, 60, back, (uint32_t[2]){ 1, 21 });
	socket_is(m, 3, 70, 71, to, (uint32_t[2]){ 30, 5 });
	socket_is(m, 4, 71, 70, back, (uint32_t[2]){ 5, 30 });
	for (int i = 1; i < 4; i += 2)
		say(m, i, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n", i);
	say(m, 4, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-4}}\n", 5);
	say(m, 2, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-2}}\n", 6);
	for (int i = 0; i < 4; i++) {
		struct mcp_call *c = next_over(m);

		assert_int_equal(c->first_ts, i < 2 ? 3 : 1);
		assert_true(view_eq(c->error_code, i < 2 ? VIEW("-4") : VIEW("-2")));
		mcp_call_free(c);
	}
	mcp_free(m);
}

/* Two connections between the same two processes: which way back is whose cannot be told, so nobody is answered. */
static void test_ambiguous(void **state)
{
	struct mcp *m = mcp_new(false);
	struct mcp_call *c;

	pipe_is(m, 1, 7, 8);
	pipe_is(m, 2, 7, 8);
	pipe_is(m, 3, 8, 7);
	pipe_is(m, 4, 8, 7);
	say(m, 1, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n", 1);
	say(m, 2, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n", 2);
	say(m, 3, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", 3);
	say(m, 4, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", 4);
	assert_null(next_over(m));
	mcp_finish(m, 5);
	while ((c = next_over(m))) {
		assert_int_equal(c->end, MCP_CUT);
		mcp_call_free(c);
	}
	mcp_free(m);
}

/*
 * Never a wrong pair: agents with servers of their own, all with the same ids, in any order.  An answer says which
 * connection it is of; some readers are known late, some connections are never answered.
 */
#define AGENTS	5
#define PER	4
#define IDS	6

static void step(struct mcp *m, unsigned conn, unsigned id, bool answer, uint64_t ts)
{
	char line[160];

	if (answer)
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"error\":{\"code\":%u}}\n", id, conn * 100 + id);
	else
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":"
			 "{\"name\":\"%u\"}}\n", id, conn * 100 + id);
	say(m, 1 + conn * 2 + answer, line, ts);
}

static void never_wrong(unsigned seed)
{
	unsigned left[AGENTS * PER] = { 0 }, answered = 0, checked = 0;
	struct mcp *m = mcp_new(false);
	struct mcp_call *c;

	srand(seed);
	for (unsigned conn = 0; conn < AGENTS * PER; conn++) {
		uint32_t agent = 100 + conn / PER, server = 200 + conn;

		end_is(m, 1 + conn * 2, WIRE_CHANNEL_WRITES, agent);
		if (rand() & 1)
			end_is(m, 1 + conn * 2, WIRE_CHANNEL_READS, server);
		end_is(m, 2 + conn * 2, WIRE_CHANNEL_WRITES, server);
		if (rand() & 1)
			end_is(m, 2 + conn * 2, WIRE_CHANNEL_READS, agent);
	}
	for (unsigned t = 1; t < 2000; t++) {
		unsigned conn = rand() % (AGENTS * PER), id = left[conn] / 2;

		if (id >= IDS)
			continue;
		if (left[conn] & 1) {			/* nobody answers what it has not read */
			end_is(m, 1 + conn * 2, WIRE_CHANNEL_READS, 200 + conn);
			answered++;
		}
		step(m, conn, id, left[conn]++ & 1, t);
		if (!(rand() % 3))
			end_is(m, 2 + conn * 2, WIRE_CHANNEL_READS, 100 + conn / PER);
	}
	for (unsigned conn = 0; conn < AGENTS * PER; conn++)
		end_is(m, 2 + conn * 2, WIRE_CHANNEL_READS, 100 + conn / PER);
	while ((c = next_over(m))) {
		unsigned conn = atoi(c->tool.p) / 100;

		assert_true(view_eq(c->tool, c->error_code));
		assert_int_equal(c->pid, c->side == MCP_CLIENT ? 100 + conn / PER : 200 + conn);
		checked++;
		mcp_call_free(c);
	}
	assert_int_equal(checked, answered * 2);
	assert_int_equal(mcp_stats(m)->unmatched, 0);
	mcp_free(m);
}

static void test_never_wrong(void **state)
{
	for (unsigned seed = 0; seed < 60; seed++)
		never_wrong(seed);
}

/* Recorded sessions of the official SDK. */
static void recorded(const char *name, unsigned requests, unsigned unanswered, unsigned unmatched)
{
	static const char *const ends[] = { "c2s", "s2c" };
	struct mcp *m = mcp_new(true);
	unsigned open[2] = { 0 }, cut[2] = { 0 };
	struct mcp_call *c;

	pipe_is(m, 1, 7, 8);
	pipe_is(m, 2, 8, 7);
	for (int i = 0; i < 2; i++) {
		char path[160], bytes[4096];
		FILE *f;
		size_t n;

		snprintf(path, sizeof(path), "tests/golden/wire/mcp/%s.%s", name, ends[i]);
		f = fopen(path, "r");
		assert_non_null(f);
		while ((n = fread(bytes, 1, sizeof(bytes), f)))
			mcp_way_bytes(m, mcp_way(m, 1 + i), (struct view){ bytes, n }, 1 + i);
		fclose(f);
	}
	mcp_way_end(m, mcp_way(m, 1), 3);
	mcp_way_end(m, mcp_way(m, 2), 3);
	mcp_finish(m, 4);
	while ((c = next_over(m))) {
		bool asked_by_client = (c->side == MCP_CLIENT) == (c->pid == 7);

		if (asked_by_client && !c->notification) {
			open[c->side]++;
			cut[c->side] += c->end == MCP_CUT || c->end == MCP_CANCELLED;
		}
		mcp_call_free(c);
	}
	for (int side = 0; side < 2; side++) {
		assert_int_equal(open[side], requests);
		assert_int_equal(cut[side], unanswered);
	}
	assert_int_equal(mcp_stats(m)->unmatched, 2 * unmatched);
	mcp_free(m);
}

static void test_recorded(void **state)
{
	/* What the server asks is answered in the client's file, which is read first here. */
	recorded("stdio-2025-11-25", 12, 1, 2);
	recorded("stdio-2026-07-28", 13, 2, 0);
	recorded("edge-stdio-noise", 3, 0, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ends), cmocka_unit_test(test_both_directions), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_gap), cmocka_unit_test(test_waits_for_reader), cmocka_unit_test(test_one_end),
		cmocka_unit_test(test_end), cmocka_unit_test(test_others), cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_ambiguous), cmocka_unit_test(test_never_wrong), cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
