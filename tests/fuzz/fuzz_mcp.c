// SPDX-License-Identifier: Apache-2.0
/*
 * Exchanges of two processes with MCP in them: each line is a message, its first byte says who sends it, in which
 * session, and whether it answers.  Every call that opened has to end, once.
 */
#include "fuzz.h"
#include "mcp/mcp.h"
#include "wire.h"

#define CONNS 4

struct end {
	struct conn *conn;
	struct mcp_who who;
	bool mcp;
};

static unsigned opened, ended;

static void drain(struct mcp *m)
{
	struct mcp_event e;

	while (mcp_next(m, &e)) {
		opened += !e.over;
		ended += e.over;
		WANT(e.over == (e.call->end != MCP_OPEN) || !e.over);
		WANT(!e.over || e.call->last_ts >= e.call->first_ts);
		if (e.over)
			mcp_call_free(e.call);
	}
}

static void walk(struct mcp *m, struct end *at)
{
	struct xev ev;

	while (conn_next(at->conn, &ev)) {
		if (ev.kind == XEV_REQUEST)
			at->mcp = mcp_http_request(m, ev.x, &at->who, 5);
		if (ev.kind == XEV_EVENT) {
			at->mcp |= view_eq(ev.name, VIEW("endpoint"));
			if (at->mcp)
				mcp_http_event(m, ev.x, &at->who, ev.name, ev.value, ev.ts);
		}
		if (ev.kind == XEV_DONE && at->mcp)
			mcp_http_done(m, ev.x, &at->who, ev.ts);
	}
}

static void say(struct mcp *m, struct end *at, int dir, struct buf *b, uint64_t ts)
{
	conn_bytes(at->conn, dir, buf_view(b), ts);
	walk(m, at);
	drain(m);
}

static void line(struct mcp *m, struct end *ends, struct view v, uint64_t ts)
{
	uint8_t how = fuzz_byte(&v);
	struct end *at = &ends[how % CONNS];
	bool answer = how & 4;
	int dir = answer != at->who.serves ? WIRE_IN : WIRE_OUT;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (!answer)
		buf_addf(&b, "%s /mcp%s HTTP/1.1\r\nHost: h\r\n", how & 64 ? "GET" : "POST", how & 32 ? "?sessionId=1" : "");
	else
		buf_addf(&b, "HTTP/1.1 %d OK\r\n", how & 64 ? 404 : 200);
	if (how & 8)
		buf_addf(&b, "Mcp-Session-Id: s%d\r\n", how >> 7);
	if (answer && how & 16)
		buf_addf(&b, "Content-Type: text/event-stream\r\nContent-Length: %zu\r\n\r\ndata: ", v.n + 8);
	else
		buf_addf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", v.n);
	buf_add(&b, v);
	if (answer && how & 16)
		buf_add(&b, VIEW("\n\n"));
	say(m, at, dir, &b, ts);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, one;
	struct mcp *m = mcp_new(size & 1);
	struct end ends[CONNS];
	uint64_t ts = 1;

	opened = ended = 0;
	for (int i = 0; i < CONNS; i++)
		ends[i] = (struct end){ conn_new(false), { .pid = 1 + i / 2, .start = 1, .serves = i & 1 }, false };
	while (in.n) {
		if (!view_cut(in, '\n', &one, &in)) {
			one = in;
			in = VIEW_NONE;
		}
		line(m, ends, one, ts++);
	}
	for (int i = 0; i < CONNS; i++) {
		conn_end(ends[i].conn, ts);
		walk(m, &ends[i]);
		drain(m);
		conn_free(ends[i].conn);
	}
	mcp_finish(m, ts);
	drain(m);
	WANT(opened == ended);
	mcp_free(m);
	return 0;
}
