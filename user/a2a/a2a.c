// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "a2a/cards.h"
#include "a2a/methods.h"
#include "a2a/payload.h"
#include "genai/read.h"
#include "mcp/rpc.h"

#define ARENA_MAX		(64 * 1024)
#define ARENA_MAX_CONTENT	(3 * A2A_CONTENT_MAX + 8 * 1024 * 1024)

struct a2a {
	bool want_content;
	struct cards cards;
	struct a2a_stats stats;
};

struct a2a *a2a_new(bool want_content)
{
	struct a2a *a = calloc(1, sizeof(*a));

	if (a)
		a->want_content = want_content;
	return a;
}

void a2a_free(struct a2a *a)
{
	if (!a)
		return;
	cards_release(&a->cards);
	free(a);
}

const struct a2a_stats *a2a_stats(const struct a2a *a)
{
	return &a->stats;
}

void a2a_call_free(struct a2a_call *c)
{
	if (!c)
		return;
	payload_release(c);
	arena_release(&c->arena);
	free(c);
}

static struct view host_of(const struct exchange *x)
{
	struct view scheme, rest, host, path, v = message_header(&x->req, ":authority");

	if (x->target.n && x->target.p[0] != '/' && view_cut(x->target, ':', &scheme, &rest) && view_starts(rest, VIEW("//"))) {
		host = rest = view_drop(rest, 2);
		view_cut(rest, '/', &host, &path);
		return host;
	}
	return v.n ? v : message_header(&x->req, "host");
}

static struct json body_json(const struct body *b)
{
	return json_read(buf_view(&b->head));
}

/* What an exchange asks for. */
struct asks {
	const struct a2a_method *method;
	bool rpc;
	struct json params, id;
	struct view task;		/* that the path names */
};

static bool speaks_mcp(const struct exchange *x)
{
	return message_header(&x->req, "mcp-session-id").n || message_header(&x->req, "mcp-protocol-version").n ||
	       message_header(&x->req, "mcp-method").n;
}

/*
 * Clients of 1.0 send it with every request (section 3.6); of before it, an agent's card says who is spoken to: for REST, whose
 * paths may be anybody's, by its interface's URL.
 */
static bool says_a2a(const struct a2a *a, const struct exchange *x, bool rpc)
{
	const struct card *card;
	bool exact;

	if (message_header(&x->req, "a2a-version").n)
		return true;
	card = cards_find(&a->cards, host_of(x), gen_path(x), &exact);
	return card && (rpc || exact);
}

static bool is_message(struct json v)
{
	return a2a_get(v, "parts").type == JSON_ARRAY && json_get(v, "role").type == JSON_STRING;
}

/* Names of before 1.0 are MCP's too, whose params name a task taskId; 1.0's are anybody's. */
static bool is_ours(const struct a2a *a, const struct exchange *x, const struct asks *q, bool old)
{
	if (speaks_mcp(x))
		return false;
	if (q->method->does == A2A_INVOKES)
		return is_message(a2a_get(q->params, "message"));
	if (says_a2a(a, x, q->rpc))
		return json_get(q->params, "taskId").type == JSON_NONE || json_get(q->params, "id").type == JSON_STRING ||
		       q->method->does == A2A_OTHER;
	return q->rpc && old && q->method->does != A2A_CARD && json_get(q->params, "id").type == JSON_STRING &&
	       json_get(q->params, "taskId").type == JSON_NONE;
}

static bool read_asked(const struct a2a *a, const struct exchange *x, struct asks *ret)
{
	struct json body = body_json(&x->req.body);
	bool old = false;
	struct rpc r;

	*ret = (struct asks){ .params = body };
	if (gen_is_post(x) && rpc_read(body, &r)) {
		if (r.kind != RPC_REQUEST)
			return false;
		ret->rpc = true;
		ret->params = r.params;
		ret->id = r.id;
		ret->method = a2a_method_rpc(r.method, &old);
	} else {
		ret->method = a2a_method_rest(x->method, gen_path(x), &ret->task);
	}
	return ret->method && is_ours(a, x, ret, old);
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3;	/* FNV-1a */
	return h;
}

/* A message's id is its sender's own and new; without one a JSON-RPC id tells calls of a connection apart. */
static uint64_t key_of(const struct a2a_call *c, uint64_t conn)
{
	struct view by = c->message.n ? c->message : c->id;

	return conn && by.n ? mix(mix(0xcbf29ce484222325 ^ conn, c->method->name, strlen(c->method->name)), by.p, by.n) | 1 : 0;
}

static uint64_t task_key(const struct a2a_call *c)
{
	uint64_t h = mix(0xcbf29ce484222325, &c->pid, sizeof(c->pid));

	h = mix(mix(h, &c->start, sizeof(c->start)), &c->serves, 1);
	return c->task.n ? mix(h, c->task.p, c->task.n) | 1 : 0;
}

static void read_card(const struct a2a *a, struct a2a_call *c, const struct exchange *x)
{
	bool exact;
	const struct card *card = c->agent_name.n ? NULL : cards_find(&a->cards, host_of(x), gen_path(x), &exact);

	if (!card)
		return;
	c->agent_name = arena_copy(&c->arena, view_of(card->name));
	c->agent_version = arena_copy(&c->arena, view_of(card->version));
	c->agent_description = arena_copy(&c->arena, view_of(card->description));
}

static void read_request(struct a2a_call *c, const struct asks *q)
{
	c->id = a2a_text(c, q->id);
	if (q->method->does == A2A_INVOKES)
		payload_sent(c, a2a_get(q->params, "message"));
	else if (q->task.n)
		c->task = arena_copy(&c->arena, q->task);
	else if (q->method->does != A2A_OTHER)
		c->task = a2a_text(c, json_get(q->params, "id"));
}

struct a2a_call *a2a_open(struct a2a *a, const struct exchange *x, const struct a2a_who *who, uint64_t conn)
{
	struct a2a_call *c;
	struct asks q;

	if (!read_asked(a, x, &q))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		a->stats.lost++;
		return NULL;
	}
	*c = (struct a2a_call){
		.method = q.method, .rpc = q.rpc, .serves = who->serves, .pid = who->pid, .start = who->start,
		.first_ts = x->req.first_ts, .want_content = a->want_content, .room = A2A_CONTENT_MAX,
	};
	arena_init(&c->arena, a->want_content ? ARENA_MAX_CONTENT : ARENA_MAX);
	buf_init(&c->last_words, A2A_CONTENT_MAX);
	c->version = arena_copy(&c->arena, message_header(&x->req, "a2a-version"));
	read_card(a, c, x);
	read_request(c, &q);
	c->key = key_of(c, conn);
	a->stats.calls++;
	return c;
}

static void on_error(struct a2a_call *c, struct json error)
{
	c->answered = true;
	c->error_code = a2a_text(c, json_get(error, "code"));
	c->error_message = a2a_text(c, json_get(error, "message"));
}

/* A result by itself, as REST has it, or in JSON-RPC's envelope. */
static void take(struct a2a_call *c, struct json v, uint64_t ts)
{
	struct json error = json_get(v, "error");
	struct rpc r;

	if (c->rpc && rpc_read(v, &r)) {
		if (r.kind == RPC_ERROR)
			on_error(c, r.error);
		else if (r.kind == RPC_RESULT)
			c->answered |= payload_take(c, r.result, ts) || c->method->does == A2A_OTHER || c->method->does == A2A_CARD;
		return;
	}
	if (c->rpc)
		return;
	if (error.type == JSON_OBJECT)
		on_error(c, error);
	else
		c->answered |= payload_take(c, v, ts) || v.type == JSON_OBJECT;
}

void a2a_event(struct a2a_call *c, struct view data, uint64_t ts)
{
	c->stream = true;
	take(c, json_read(data), ts);
}

static enum a2a_end how_ended(const struct a2a_call *c, const struct exchange *x)
{
	if (x->status >= 400 && !c->error_code.n)
		return A2A_REFUSED;
	if (c->error_code.n || c->said || c->state.phase != A2A_RUNS || (x->end == XEND_OK && x->status))
		return A2A_ANSWERED;
	/* A stream that the client left, or lost; a single answer is there or it is not. */
	return c->stream || !c->answered ? A2A_CUT : A2A_ANSWERED;
}

void a2a_done(struct a2a *a, struct a2a_call *c, const struct exchange *x, uint64_t ts)
{
	uint64_t last = x->resp.last_ts ? x->resp.last_ts : ts;

	if (x->resp.kind == BODY_BYTES)
		take(c, body_json(&x->resp.body), last);
	if ((c->state.phase == A2A_RUNS && !c->said) || !c->stream)
		c->last_ts = last;
	if (c->last_ts < c->first_ts)
		c->last_ts = c->first_ts;
	read_card(a, c, x);
	c->status = x->status;
	c->end = how_ended(c, x);
	c->task_key = task_key(c);
	payload_finish(c);
}

static bool is_card_path(struct view path)
{
	return view_ends(path, VIEW("/.well-known/agent-card.json")) || view_ends(path, VIEW("/.well-known/agent.json")) ||
	       view_ends(path, VIEW("/extendedAgentCard"));
}

bool a2a_card(struct a2a *a, const struct exchange *x)
{
	if (!view_eq(x->method, VIEW("GET")) || x->status != 200 || !is_card_path(gen_path(x)) || x->resp.kind != BODY_BYTES ||
	    !cards_add(&a->cards, host_of(x), body_json(&x->resp.body)))
		return false;
	a->stats.cards++;
	return true;
}
