// SPDX-License-Identifier: Apache-2.0
/* From messages to what a span says. */
#include "mcp/mcp_core.h"
#include "mcp/methods.h"

#define BATCH_MAX 1000
#define META_VERSION "io.modelcontextprotocol/protocolVersion"
#define META_SERVER "io.modelcontextprotocol/serverInfo"

bool mcp_first(struct json v, struct rpc *ret)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (v.type == JSON_ARRAY && json_next(&it, &e))
		return rpc_read(e.value, ret);
	return rpc_read(v, ret);
}

/* initialize is other protocols' too; only here it says a version that is a date. */
bool mcp_is_ours(const struct rpc *r)
{
	const struct mcp_method *how = mcp_method(r->method);
	struct json version = json_get(r->params, "protocolVersion");

	if (!how || !how->shared)
		return how;
	if (json_is(r->method, "initialize"))
		return version.type == JSON_STRING && version.raw.n == 12;
	return json_get(r->params, "taskId").type == JSON_STRING;
}

static void read_meta(struct mcp_call *c, struct json meta)
{
	struct view version = mcp_text(c, json_get(meta, META_VERSION));

	if (version.n)
		c->version = version;
	c->traceparent = mcp_text(c, json_get(meta, "traceparent"));
	c->tracestate = mcp_text(c, json_get(meta, "tracestate"));
}

static void read_params(const struct mcp *m, struct mcp_call *c, const struct rpc *r)
{
	const struct mcp_method *how = mcp_method(r->method);

	read_meta(c, json_get(r->params, "_meta"));
	switch (how ? how->target : MCP_NO_TARGET) {
	case MCP_TOOL:
		c->tool = mcp_text(c, json_get(r->params, "name"));
		c->arguments = mcp_content(m, c, json_get(r->params, "arguments"));
		break;
	case MCP_PROMPT:
		c->prompt = mcp_text(c, json_get(r->params, "name"));
		break;
	case MCP_URI:
		c->uri = mcp_text(c, json_get(r->params, "uri"));
		break;
	case MCP_NO_TARGET:
		break;
	}
}

/* Who began a request gives it up: there is no answer to wait for. */
static void on_cancelled(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, const struct rpc *r, bool sent)
{
	struct mcp_call *c = mcp_find(s, sent ? MCP_CLIENT : MCP_SERVER, json_get(r->params, "requestId"), at->where);

	if (c)
		mcp_close(m, s, c, MCP_CANCELLED, at->ts);
}

static void on_asked(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, const struct rpc *r, bool sent)
{
	struct mcp_call *c = mcp_open(m, s, at, sent, r->id);

	mcp_count(m, true);
	if (!c)
		return;
	c->method = mcp_text(c, r->method);
	c->version = arena_copy(&c->arena, at->version);
	c->session = arena_copy(&c->arena, at->session);
	read_params(m, c, r);
	mcp_opened(m, c);
	if (r->kind == RPC_REQUEST)
		return;
	mcp_close(m, s, c, MCP_ANSWERED, at->ts);
	if (json_is(r->method, "notifications/cancelled"))
		on_cancelled(m, s, at, r, sent);
}

static void server_info(struct mcp_session *s, struct json info)
{
	if (info.type != JSON_OBJECT)
		return;
	mcp_set_fact(s->server_name, sizeof(s->server_name), json_get(info, "name"));
	mcp_set_fact(s->server_version, sizeof(s->server_version), json_get(info, "version"));
}

static void read_result(const struct mcp *m, struct mcp_session *s, struct mcp_call *c, struct json result)
{
	bool is_error = false;

	server_info(s, json_get(json_get(result, "_meta"), META_SERVER));
	if (view_eq(c->method, VIEW("initialize"))) {
		server_info(s, json_get(result, "serverInfo"));
		mcp_set_fact(s->version, sizeof(s->version), json_get(result, "protocolVersion"));
		c->version = VIEW_NONE;		/* what was agreed, not what was asked for */
	}
	c->input_required = json_is(json_get(result, "resultType"), "input_required");
	c->tool_error = json_bool(json_get(result, "isError"), &is_error) && is_error;
	if (c->tool.n)
		c->result = mcp_content(m, c, result);
}

/* An error without an id answers the one request that is open there. */
static struct mcp_call *only_one(struct mcp_session *s, enum mcp_side side, const void *where)
{
	struct mcp_call *found = NULL;

	for (struct mcp_call *c = s->open; c; c = c->next) {
		if (c->side != side || c->where != where)
			continue;
		if (found)
			return NULL;
		found = c;
	}
	return found;
}

static void on_answer(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, const struct rpc *r, bool sent)
{
	enum mcp_side side = sent ? MCP_SERVER : MCP_CLIENT;
	struct mcp_call *c = r->id.type == JSON_NULL ? only_one(s, side, at->where) :
						       mcp_find(s, side, r->id, at->where);

	mcp_count(m, c);
	if (!c)
		return;
	if (r->kind == RPC_ERROR) {
		c->error_code = mcp_text(c, json_get(r->error, "code"));
		c->error_message = mcp_text(c, json_get(r->error, "message"));
	} else {
		read_result(m, s, c, r->result);
	}
	mcp_close(m, s, c, MCP_ANSWERED, at->ts);
}

static bool take_one(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, struct json v, bool sent)
{
	struct rpc r;

	if (!rpc_read(v, &r))
		return false;
	if (r.kind == RPC_REQUEST || r.kind == RPC_NOTIFICATION)
		on_asked(m, s, at, &r, sent);
	else
		on_answer(m, s, at, &r, sent);
	return true;
}

bool mcp_take(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, struct json v, bool sent)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	bool any = false;

	if (v.type != JSON_ARRAY)
		return take_one(m, s, at, v, sent);
	for (int i = 0; i < BATCH_MAX && json_next(&it, &e); i++)
		any |= take_one(m, s, at, e.value, sent);
	return any;
}
