// SPDX-License-Identifier: Apache-2.0
/*
 * Exchanges of two processes with A2A in them, and with agents' cards: each line is a message, its first byte says who sends it, by
 * which binding, and whether it answers.
 */
#include "base/json.h"
#include "fuzz.h"
#include "a2a/a2a.h"
#include "wire.h"

#define CONNS 4

struct end {
	struct conn *conn;
	struct a2a_who who;
};

static void check(const struct a2a_call *c)
{
	WANT(c->end != A2A_OPEN && c->last_ts >= c->first_ts);
	WANT(!c->input.n || !json_check(c->input));
	WANT(!c->output.n || !json_check(c->output));
	WANT(c->want_content || (!c->input.n && !c->output.n));
}

static void walk(struct a2a *a, struct end *at)
{
	struct xev ev;

	while (conn_next(at->conn, &ev)) {
		struct a2a_call *c = ev.x ? ev.x->user : NULL;

		if (ev.kind == XEV_REQUEST)
			ev.x->user = a2a_open(a, ev.x, &at->who, 5);
		if (ev.kind == XEV_EVENT && c)
			a2a_event(c, ev.value, ev.ts);
		if (ev.kind != XEV_DONE)
			continue;
		a2a_card(a, ev.x);
		if (c) {
			a2a_done(a, c, ev.x, ev.ts);
			check(c);
		}
		a2a_call_free(c);
		ev.x->user = NULL;
	}
}

static const char *const targets[] = {
	"POST /rpc", "POST /rest/message:send", "POST http://h/message:stream", "GET /tasks/t?historyLength=1",
	"GET /.well-known/agent-card.json", "GET /tasks/t:subscribe", "POST /tasks/t:cancel", "GET /x/.well-known/agent.json",
};

static void line(struct a2a *a, struct end *ends, struct view v, uint64_t ts)
{
	uint8_t how = fuzz_byte(&v), what = fuzz_byte(&v);
	struct end *at = &ends[how % CONNS];
	bool answer = how & 4, events = answer && how & 16;
	struct buf b;

	buf_init(&b, 1 << 20);
	if (!answer)
		buf_addf(&b, "%s HTTP/1.1\r\nHost: h\r\n%s", targets[what % 8], how & 8 ? "A2A-Version: 1.0\r\n" : "");
	else
		buf_addf(&b, "HTTP/1.1 %d OK\r\n", how & 64 ? 404 : 200);
	buf_addf(&b, "Content-Type: %s\r\n", events ? "text/event-stream" : "application/json");
	if (events && how & 32)		/* open until the connection ends */
		buf_addf(&b, "\r\ndata: ");
	else
		buf_addf(&b, "Content-Length: %zu\r\n\r\n%s", v.n + (events ? 8 : 0), events ? "data: " : "");
	for (size_t i = 0; events && i < v.n; i++)	/* several events */
		buf_add(&b, v.p[i] == '\x01' ? VIEW("\n\ndata: ") : (struct view){ v.p + i, 1 });
	buf_add(&b, events ? VIEW("\n\n") : v);
	conn_bytes(at->conn, answer != at->who.serves ? WIRE_IN : WIRE_OUT, buf_view(&b), ts);
	walk(a, at);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, one;
	struct a2a *a = a2a_new(size & 1);
	struct end ends[CONNS];
	uint64_t ts = 1;

	for (int i = 0; i < CONNS; i++)
		ends[i] = (struct end){ conn_new(false), { .pid = 1 + i / 2, .start = 1, .serves = i & 1 } };
	while (in.n) {
		if (!view_cut(in, '\n', &one, &in)) {
			one = in;
			in = VIEW_NONE;
		}
		line(a, ends, one, ts++);
	}
	for (int i = 0; i < CONNS; i++) {
		conn_end(ends[i].conn, ts);
		walk(a, &ends[i]);
		conn_free(ends[i].conn);
	}
	a2a_free(a);
	return 0;
}
