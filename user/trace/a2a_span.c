// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "trace/a2a_span.h"

static void put(struct span *s, enum attr_id id, struct view v)
{
	if (v.n)
		attrs_str(&s->attrs, &s->arena, id, v);
}

/* Failures of the agent's own; all other codes (JSON-RPC 2.0, A2A 1.0 section 5.4) say that the caller was wrong. */
static bool agents_fault(struct view code)
{
	return view_eq(code, VIEW("-32603")) || view_eq(code, VIEW("-32006")) || view_starts(code, VIEW("5"));
}

/* How the task that was asked for went; a poll that tells so went well itself. */
static const char *task_error(const struct a2a_call *c)
{
	static const struct {
		const char *state, *type;
	} errors[] = {
		{ "failed", "task_failed" }, { "rejected", "task_rejected" }, { "canceled", "task_canceled" },
	};

	if (c->state.phase != A2A_FAILED || (c->method->does != A2A_INVOKES && c->method->does != A2A_FOLLOWS))
		return NULL;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(c->state.name, errors[i].state))
			return errors[i].type;
	return NULL;
}

static struct view error_type(const struct a2a_call *c, char code[static 12])
{
	if (c->error_code.n)
		return c->serves && !agents_fault(c->error_code) ? VIEW_NONE : c->error_code;
	if (c->end == A2A_CUT)
		return VIEW("incomplete");
	if (c->end != A2A_REFUSED)
		return view_of(task_error(c));
	if (c->serves && c->status < 500)
		return VIEW_NONE;
	snprintf(code, 12, "%u", c->status);
	return view_of(code);
}

static void status(struct span *span, const struct a2a_call *c)
{
	char code[12];
	struct view type = error_type(c, code);

	if (c->rpc)
		put(span, ATTR_RPC_RESPONSE_STATUS_CODE, c->error_code);
	if (!type.n)
		return;
	span->error = true;
	span->error_message = arena_copy(&span->arena, c->error_message);
	put(span, ATTR_ERROR_TYPE, type);
}

/* The agent by its own name, else by that of the host. */
static void name(struct span *span, const struct a2a_call *c, const struct exchange *x)
{
	const struct value *host = attrs_get(&span->attrs, ATTR_SERVER_ADDRESS);
	struct view who = c->agent_name;
	struct buf b;

	if (!who.n)
		who = host ? host->str : message_header(&x->req, "host");
	buf_init(&b, 4096);
	buf_add(&b, c->method->does == A2A_INVOKES ? VIEW("invoke_agent") : view_of(c->method->name));
	if (who.n) {
		buf_add_byte(&b, ' ');
		buf_add(&b, who);
	}
	span->name = arena_copy(&span->arena, buf_view(&b));
	buf_release(&b);
}

static void agent_attrs(struct span *span, const struct a2a_call *c)
{
	if (c->method->does == A2A_INVOKES) {
		put(span, ATTR_GEN_AI_OPERATION_NAME, VIEW("invoke_agent"));
		put(span, ATTR_GEN_AI_PROVIDER_NAME, VIEW("a2a"));
	}
	put(span, ATTR_GEN_AI_AGENT_NAME, c->agent_name);
	put(span, ATTR_GEN_AI_AGENT_VERSION, c->agent_version);
	put(span, ATTR_GEN_AI_AGENT_DESCRIPTION, c->agent_description);
	put(span, ATTR_GEN_AI_CONVERSATION_ID, c->context);
	put(span, ATTR_ONLOOKER_A2A_METHOD, view_of(c->method->name));
	put(span, ATTR_ONLOOKER_A2A_PROTOCOL_VERSION, c->version);
	put(span, ATTR_ONLOOKER_A2A_TASK_ID, c->task);
	put(span, ATTR_ONLOOKER_A2A_TASK_STATE, view_of(c->state.name));
	put(span, ATTR_JSONRPC_REQUEST_ID, c->id);
	if (c->status)
		attrs_int(&span->attrs, &span->arena, ATTR_HTTP_RESPONSE_STATUS_CODE, c->status);
}

static void capture_attrs(struct span *span, const struct a2a_call *c, const struct exchange *x)
{
	const char *error = x->req.body.error ? x->req.body.error : x->resp.body.error;
	uint64_t cut = x->req.body.cut + x->resp.body.cut;

	if (x->lost_bytes)
		attrs_int(&span->attrs, &span->arena, ATTR_ONLOOKER_CAPTURE_LOST_BYTES, x->lost_bytes);
	if (cut)
		attrs_int(&span->attrs, &span->arena, ATTR_ONLOOKER_CAPTURE_CUT_BYTES, cut);
	if (x->joined)
		attrs_bool(&span->attrs, &span->arena, ATTR_ONLOOKER_CAPTURE_JOINED, true);
	put(span, ATTR_ONLOOKER_CAPTURE_ERROR, view_of(error));
	if (c->end == A2A_CUT)
		put(span, ATTR_ONLOOKER_EXCHANGE_END, x->end == XEND_LOST ? VIEW("lost") : VIEW("cut"));
	if (x->lost_bytes || cut || error || c->content_cut || x->end == XEND_LOST)
		attrs_bool(&span->attrs, &span->arena, ATTR_ONLOOKER_CAPTURE_COMPLETE, false);
}

void a2a_span_end(struct span *span, const struct a2a_call *c, const struct exchange *x, bool content,
		  const struct trace_clock *clock)
{
	span->kind = c->serves ? SPAN_SERVER : SPAN_CLIENT;
	span->start = clock_unix(clock, c->first_ts);
	span->end = clock_unix(clock, c->last_ts);
	name(span, c, x);
	agent_attrs(span, c);
	capture_attrs(span, c, x);
	status(span, c);
	if (!content)
		return;
	put(span, ATTR_GEN_AI_INPUT_MESSAGES, c->input);
	put(span, ATTR_GEN_AI_OUTPUT_MESSAGES, c->output);
}
