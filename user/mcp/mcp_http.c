// SPDX-License-Identifier: Apache-2.0
/*
 * The two ways over HTTP: one endpoint, where the answer to a POST is JSON or an event stream (since 2025-03-26), and the old
 * one, where all answers come on one GET's event stream, whose first event says where to POST to (2024-11-05).
 */
#include "mcp/mcp_core.h"
#include "mcp/methods.h"

static struct view host_of(const struct exchange *x)
{
	struct view v = message_header(&x->req, "host");

	return v.n ? v : message_header(&x->req, ":authority");
}

static struct view without_query(struct view target)
{
	struct view path = target, query;

	return view_cut(target, '?', &path, &query) ? path : target;
}

/* An old message URL: /messages?sessionId=…; servers spell it in several ways. */
static bool names_session(struct view target)
{
	struct view path, query;

	return view_cut(target, '?', &path, &query) &&
	       (memmem(query.p, query.n, "session", 7) || memmem(query.p, query.n, "Session", 7));
}

static struct view session_id(const struct exchange *x)
{
	struct view id = message_header(&x->req, "mcp-session-id");

	return id.n ? id : message_header(&x->resp, "mcp-session-id");
}

/* Host and target: what a session is known by where nothing better names it. */
static void url_name(const struct exchange *x, struct view target, struct buf *out)
{
	const char *scheme = target.n ? memmem(target.p, target.n, "://", 3) : NULL;

	buf_init(out, 4096);
	if (scheme) {
		buf_add(out, view_drop(target, scheme + 3 - target.p));
		return;
	}
	buf_add(out, host_of(x));
	buf_add(out, target);
}

static struct mcp_session *url_session(struct mcp *m, const struct exchange *x, const struct mcp_who *who,
				       struct view target, bool real)
{
	struct mcp_session *s;
	struct buf name;

	url_name(x, target, &name);
	s = mcp_session(m, who, buf_view(&name), real);
	buf_release(&name);
	return s;
}

/* That an event named before as where messages go to. */
static struct mcp_session *endpoint_session(struct mcp *m, const struct exchange *x, const struct mcp_who *who)
{
	struct mcp_session *s;
	struct buf name;

	url_name(x, x->target, &name);
	s = mcp_session_find(m, who, buf_view(&name), true);
	buf_release(&name);
	return s;
}

static struct mcp_session *session_of(struct mcp *m, const struct exchange *x, const struct mcp_who *who)
{
	struct view id = message_header(&x->req, "mcp-session-id");
	struct mcp_session *s = mcp_pinned(m, x);

	if (s)
		return s;
	if (id.n)
		return mcp_session(m, who, id, true);
	s = endpoint_session(m, x, who);
	if (s || names_session(x->target))
		return s ? s : url_session(m, x, who, x->target, true);
	return url_session(m, x, who, without_query(x->target), false);
}

static struct mcp_place place_of(const struct exchange *x, const struct mcp_who *who, uint64_t conn)
{
	return (struct mcp_place){
		.who = who, .where = x, .conn = conn, .session = session_id(x),
		.version = message_header(&x->req, "mcp-protocol-version"),
	};
}

static bool says_mcp(const struct exchange *x)
{
	return message_header(&x->req, "mcp-session-id").n || message_header(&x->req, "mcp-protocol-version").n ||
	       message_header(&x->req, "mcp-method").n;
}

static struct json body_json(const struct body *b)
{
	return json_read(buf_view(&b->head));
}

/* An answer to the other side's request, and a method that we do not know, are no sign of anything by themselves. */
static bool speaks_mcp(struct mcp *m, const struct exchange *x, const struct mcp_who *who, const struct rpc *r)
{
	if (says_mcp(x) || names_session(x->target) || endpoint_session(m, x, who))
		return r->kind == RPC_RESULT || r->kind == RPC_ERROR || says_mcp(x) || mcp_method(r->method);
	return (r->kind == RPC_REQUEST || r->kind == RPC_NOTIFICATION) && mcp_is_ours(r);
}

bool mcp_http_request(struct mcp *m, const struct exchange *x, const struct mcp_who *who, uint64_t conn)
{
	struct mcp_place at = place_of(x, who, conn);
	struct json body = body_json(&x->req.body);
	struct mcp_session *s;
	struct rpc r;

	if (view_eq(x->method, VIEW("GET")))
		return says_mcp(x);
	if (!view_eq(x->method, VIEW("POST")) || !mcp_first(body, &r) || !speaks_mcp(m, x, who, &r))
		return false;
	s = session_of(m, x, who);
	at.first_ts = x->req.first_ts;
	at.ts = x->req.last_ts;
	return s && mcp_take(m, s, &at, body, !who->serves);
}

/* The old way begins: where messages go names the session. */
static void on_endpoint(struct mcp *m, const struct exchange *x, const struct mcp_who *who, struct view url)
{
	struct mcp_session *s = url_session(m, x, who, view_trim(url), true);

	if (s)
		mcp_pin(m, x, s);
}

void mcp_http_event(struct mcp *m, const struct exchange *x, const struct mcp_who *who, struct view name,
		    struct view data, uint64_t ts)
{
	struct mcp_place at = place_of(x, who, 0);
	struct mcp_session *s;

	if (view_eq(name, VIEW("endpoint"))) {
		on_endpoint(m, x, who, data);
		return;
	}
	s = session_of(m, x, who);
	at.first_ts = at.ts = ts;
	if (s)
		mcp_take(m, s, &at, json_read(data), who->serves);
}

/* HTTP said no, and JSON-RPC nothing; or nobody can answer here any more. */
static void close_open(struct mcp *m, struct mcp_session *s, const struct exchange *x, uint64_t ts)
{
	bool refused = x->status >= 400;
	struct mcp_call *c, *next;

	for (c = s->open; c; c = next) {
		next = c->next;
		if (c->where != x)
			continue;
		c->where = NULL;		/* the exchange's memory is used again */
		if (s->real && !refused)
			continue;
		c->status = x->status;
		mcp_close(m, s, c, refused ? MCP_REFUSED : MCP_CUT, ts);
	}
}

/* initialize was answered with a session's name: what was learned of the server is its. */
static void name_session(struct mcp *m, const struct exchange *x, const struct mcp_who *who, struct mcp_session *from)
{
	struct view id = message_header(&x->resp, "mcp-session-id");
	struct mcp_session *s = id.n ? mcp_session(m, who, id, true) : NULL;

	if (!s || s == from || s->version[0])
		return;
	memcpy(s->version, from->version, sizeof(s->version));
	memcpy(s->server_name, from->server_name, sizeof(s->server_name));
	memcpy(s->server_version, from->server_version, sizeof(s->server_version));
}

void mcp_http_done(struct mcp *m, const struct exchange *x, const struct mcp_who *who, uint64_t ts)
{
	struct mcp_session *s = session_of(m, x, who);
	struct mcp_place at = place_of(x, who, 0);

	if (!s)
		return;
	at.first_ts = x->resp.first_ts;
	at.ts = x->resp.last_ts ? x->resp.last_ts : ts;
	if (x->resp.kind == BODY_BYTES)
		mcp_take(m, s, &at, body_json(&x->resp.body), who->serves);
	close_open(m, s, x, at.ts);
	name_session(m, x, who, s);
	mcp_unpin(m, x);
}
