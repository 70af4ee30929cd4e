// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "trace/http_span.h"
#include "trace/mcp_span.h"

static void put(struct span *s, enum attr_id id, struct view v)
{
	if (v.n)
		attrs_str(&s->attrs, &s->arena, id, v);
}

void mcp_span_begin(struct span *span, const struct mcp_call *c, const struct exchange *x, const struct stream *s)
{
	if (c->local)
		put(span, ATTR_NETWORK_TRANSPORT, VIEW("pipe"));
	http_span_begin(span, c->side == MCP_CLIENT, x, s);
}

/* Codes that say that the caller was wrong: no failure of the server's. */
static bool callers_fault(struct view code)
{
	static const char *const codes[] = { "-32700", "-32600", "-32601", "-32602", "-32002" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (view_eq(code, view_of(codes[i])))
			return true;
	return false;
}

static struct view error_type(const struct mcp_call *c, char code[static 12])
{
	if (c->error_code.n)
		return c->side == MCP_SERVER && callers_fault(c->error_code) ? VIEW_NONE : c->error_code;
	if (c->tool_error)
		return VIEW("tool_error");
	if (c->end == MCP_CANCELLED)
		return VIEW("cancelled");
	if (c->end == MCP_CUT && !c->notification)
		return VIEW("incomplete");
	if (c->end != MCP_REFUSED)
		return VIEW_NONE;
	snprintf(code, 12, "%u", c->status);
	return view_of(code);
}

static void status(struct span *span, const struct mcp_call *c)
{
	char code[12];
	struct view type = error_type(c, code);

	put(span, ATTR_RPC_RESPONSE_STATUS_CODE, c->error_code);
	if (!type.n)
		return;
	span->error = true;
	span->error_message = arena_copy(&span->arena, c->error_message);
	put(span, ATTR_ERROR_TYPE, type);
}

static void name(struct span *span, const struct mcp_call *c)
{
	struct view target = c->tool.n ? c->tool : c->prompt;
	struct buf b;

	buf_init(&b, 16 * 1024);
	buf_add(&b, c->method);
	if (target.n) {
		buf_add_byte(&b, ' ');
		buf_add(&b, target);
	}
	span->name = arena_copy(&span->arena, buf_view(&b));
	buf_release(&b);
}

void mcp_span_end(struct span *span, const struct mcp_call *c, bool content, const struct trace_clock *clock)
{
	span->kind = c->side == MCP_CLIENT ? SPAN_CLIENT : SPAN_SERVER;
	span->start = clock_unix(clock, c->first_ts);
	span->end = clock_unix(clock, c->last_ts > c->first_ts ? c->last_ts : c->first_ts);
	name(span, c);
	put(span, ATTR_MCP_METHOD_NAME, c->method);
	if (c->tool.n)
		put(span, ATTR_GEN_AI_OPERATION_NAME, VIEW("execute_tool"));
	put(span, ATTR_GEN_AI_TOOL_NAME, c->tool);
	put(span, ATTR_GEN_AI_PROMPT_NAME, c->prompt);
	put(span, ATTR_MCP_RESOURCE_URI, c->uri);
	put(span, ATTR_JSONRPC_REQUEST_ID, c->id);
	put(span, ATTR_MCP_SESSION_ID, c->session);
	put(span, ATTR_MCP_PROTOCOL_VERSION, c->version);
	put(span, ATTR_ONLOOKER_MCP_SERVER_NAME, c->server_name);
	put(span, ATTR_ONLOOKER_MCP_SERVER_VERSION, c->server_version);
	if (c->input_required)
		attrs_bool(&span->attrs, &span->arena, ATTR_ONLOOKER_MCP_INPUT_REQUIRED, true);
	if (c->end == MCP_CUT && !c->notification)
		put(span, ATTR_ONLOOKER_EXCHANGE_END, VIEW("unfinished"));
	status(span, c);
	if (!content)
		return;
	put(span, ATTR_GEN_AI_TOOL_CALL_ARGUMENTS, c->arguments);
	put(span, ATTR_GEN_AI_TOOL_CALL_RESULT, c->result);
}
