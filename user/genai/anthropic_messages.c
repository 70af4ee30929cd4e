// SPDX-License-Identifier: Apache-2.0
#include "genai/anthropic_blocks.h"
#include "genai/results.h"

/*
 * The Messages API: Anthropic's, on Vertex, on Azure Foundry, and that of local
 * servers and gateways that speak it.
 */

/*
 * What usage said so far: input_tokens leaves out the cached ones, and a later count replaces an
 * earlier one.
 */
struct usage {
	struct opt_int input, cache_read, cache_write;
	struct counts {
		int64_t input, cache_read, cache_write, output;
	} more;		/* of compactions */
};

static bool has_messages(struct json body)
{
	return json_get(body, "messages").type == JSON_ARRAY;
}

/* …/publishers/anthropic/models/MODEL:rawPredict or :streamRawPredict */
static bool is_vertex(struct view path)
{
	return path.n && memmem(path.p, path.n, "/publishers/anthropic/models/", 29) &&
	       (view_ends(path, VIEW(":rawPredict")) ||
		view_ends(path, VIEW(":streamRawPredict"))) &&
	       !view_ends(path, VIEW("/count-tokens:rawPredict"));
}

/* Many an API has a …/messages; the version header or the body says that it is this one. */
static int messages_match(const struct exchange *x, struct json body)
{
	bool version = message_header(&x->req, "anthropic-version").n;
	struct view path = gen_path(x);

	if (!gen_is_post(x))
		return 0;
	if (is_vertex(path))
		return 3;
	if (view_ends(path, VIEW("/messages")))
		return version || has_messages(body) ? 3
		       : view_ends(path, VIEW("/v1/messages")) &&
				       (body.type != JSON_OBJECT || body.cut)
			       ? 2
			       : 0;
	if (view_ends(path, VIEW("/count_tokens")) || view_ends(path, VIEW("/batches")))
		return 0;
	return (version || json_get(body, "anthropic_version").type == JSON_STRING) &&
	       has_messages(body);
}

static bool messages_answers(struct view name, struct json data)
{
	static const char *const types[] = {
		"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
		"message_stop",
	};
	struct json type = json_get(data, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is(type, types[i]))
			return true;
	return json_is(type, "message") && json_is(json_get(data, "role"), "assistant");
}

/* Request */

static void read_format(struct gen_call *c, struct json v)
{
	if (json_is(json_get(v, "type"), "json_schema"))
		c->output_type = VIEW("json");
}

static void read_output_config(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->reasoning_level, json_get(v, "effort"));
	read_format(c, json_get(v, "format"));
}

static void read_system(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || (v.type != JSON_STRING && v.type != JSON_ARRAY) ||
	    c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	anthropic_content(&m, v);
	c->request_cut |= !msgs_close(&m);
}

static void message(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "role", "content" };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	if ((f[0].type == JSON_NONE || f[0].cut) && f[1].type == JSON_NONE)
		return;
	if (!msgs_begin(m, (struct msgs_head){ .role = msgs_role(f[0], VIEW("unknown")) }))
		return;
	anthropic_content(m, f[1]);
	msgs_end(m);
}

static void read_messages(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_results(c, v, &gen_result_anthropic);
	if (!c->want_content || v.type != JSON_ARRAY || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	while (json_next(&it, &e))
		message(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

/* Tools of one's own have no type, or "custom"; the others are named by theirs. */
static void tool(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "type", "name", "mcp_server_name" };
	struct json f[3];
	struct view type;

	gen_pick(v, keys, f, 3);
	type = msgs_role(f[0], VIEW("function"));
	if (view_eq(type, VIEW("custom")))
		type = VIEW("function");
	if (gen_is_text(f[1]) || !v.cut)
		msgs_definition(m, type, gen_is_text(f[1]) ? f[1] : gen_is_text(f[2]) ? f[2] : f[0]);
}

static void read_tools(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_offers(c, v);
	if (!c->want_content || v.type != JSON_ARRAY || c->tool_definitions.n)
		return;
	msgs_open(&m, &c->tool_definitions);
	while (json_next(&it, &e))
		tool(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_INT_FIELD("max_tokens", max_tokens),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_FN_FIELD("stop_sequences", gen_read_stop),
	GEN_FN_FIELD("output_config", read_output_config),
	GEN_FN_FIELD("output_format", read_format),
	GEN_FN_FIELD("system", read_system),
	GEN_FN_FIELD("messages", read_messages),
	GEN_FN_FIELD("tools", read_tools),
	{ 0 }
};

static void messages_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	struct view model = VIEW_NONE;

	c->op = GEN_CHAT;
	c->state = arena_alloc(&c->arena, sizeof(struct usage));
	c->state_size = sizeof(struct usage);
	gen_read(c, body, request_fields);
	if (!c->reasoning_level.n && gen_whole(body))	/* an effort may have been cut off */
		gen_set_text(c, &c->reasoning_level, json_get(json_get(body, "thinking"), "type"));
	if (is_vertex(gen_path(x)))
		model = gen_path_part(c, x, "/publishers/anthropic/models/", ":/");
	if (model.n)
		c->request_model = model;
}

/* Answer */

/* Servers that count late say 0 at first (LiteLLM); no count goes down. */
static void grow(struct opt_int *field, struct json v)
{
	struct opt_int got = { 0 };

	gen_set_count(&got, v);
	if (got.set && (!field->set || got.v > field->v))
		*field = got;
}

static struct opt_int plus(struct opt_int n, int64_t more)
{
	if (__builtin_add_overflow(n.v, more, &n.v))
		return (struct opt_int){ 0 };
	n.set |= more > 0;
	return n;
}

/* In the order of struct counts. */
static void add_counts(struct counts *to, const struct json *v)
{
	int64_t *const sums[] = { &to->input, &to->cache_read, &to->cache_write, &to->output };

	for (size_t i = 0; i < 4; i++) {
		struct opt_int n = { 0 };

		gen_set_count(&n, v[i]);
		if (__builtin_add_overflow(*sums[i], n.v, sums[i]))
			*sums[i] = 0;
	}
}

/* gen_ai.usage.input_tokens is all of the input, cached or not. */
static void sum_input(struct gen_call *c, const struct usage *u)
{
	int64_t sum;

	c->cache_read_tokens = plus(u->cache_read, u->more.cache_read);
	c->cache_write_tokens = plus(u->cache_write, u->more.cache_write);
	if (!u->input.set || __builtin_add_overflow(u->input.v, u->more.input, &sum) ||
	    __builtin_add_overflow(sum, c->cache_read_tokens.v, &sum) ||
	    __builtin_add_overflow(sum, c->cache_write_tokens.v, &sum))
		return;
	c->input_tokens = (struct opt_int){ true, sum };
}

/*
 * What else ran for this answer.  The counts beside leave compactions out, though the same model is
 * paid for them: they are added.  Advice and what fell back come from other models, at other
 * prices: their tokens are no tokens of this model, and then there is no cost.
 */
static void read_iterations(struct gen_call *c, struct usage *u, struct json v)
{
	enum { TYPE, MODEL, INPUT, CACHE_READ, CACHE_WRITE, OUTPUT, KEYS };
	static const char *const keys[KEYS] = {
		"type", "model", "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens",
	};
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json f[KEYS];

	u->more = (struct counts){ 0 };
	while (v.type == JSON_ARRAY && json_next(&it, &e)) {
		gen_pick(e.value, keys, f, KEYS);
		if (json_is(f[TYPE], "advisor_message") || json_is(f[TYPE], "fallback_message") ||
		    (gen_is_text(f[MODEL]) && !view_eq(c->response_model, msgs_role(f[MODEL], c->response_model))))
			c->other_models = true;
		else if (json_is(f[TYPE], "compaction"))
			add_counts(&u->more, f + INPUT);
	}
}

/* Fast mode, inference in one region and a service tier each have a price of their own. */
static void read_price_tier(struct gen_call *c, struct json usage)
{
	static const char *const keys[] = { "service_tier", "inference_geo", "speed" };
	static const char *const usual[] = { "standard", "global", "not_available" };
	struct json f[3];

	gen_pick(usage, keys, f, 3);
	for (size_t i = 0; i < 3; i++)
		if (gen_is_text(f[i]) && !json_is(f[i], usual[0]) && !json_is(f[i], usual[1]) &&
		    !json_is(f[i], usual[2]))
			gen_set_text(c, &c->price_tier, f[i]);
}

/* The output_tokens of message_start are a placeholder: final says that these are not. */
static void read_usage(struct gen_call *c, struct json v, bool final)
{
	enum { INPUT, CACHE_READ, CACHE_WRITE, OUTPUT, OUTPUT_DETAILS, CACHE_CREATION, SERVER_TOOLS, ITERATIONS, KEYS };
	static const char *const keys[KEYS] = {
		"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens",
		"output_tokens_details", "cache_creation", "server_tool_use", "iterations",
	};
	struct opt_int output = { 0 };
	struct usage *u = c->state;
	struct json f[KEYS];

	if (!u || v.type != JSON_OBJECT || !gen_whole(v))
		return;
	gen_pick(v, keys, f, KEYS);
	grow(&u->input, f[INPUT]);
	grow(&u->cache_read, f[CACHE_READ]);
	grow(&u->cache_write, f[CACHE_WRITE]);
	if (f[ITERATIONS].type == JSON_ARRAY)
		read_iterations(c, u, f[ITERATIONS]);
	sum_input(c, u);
	grow(&c->cache_write_1h_tokens, json_get(f[CACHE_CREATION], "ephemeral_1h_input_tokens"));
	grow(&c->web_searches, json_get(f[SERVER_TOOLS], "web_search_requests"));
	read_price_tier(c, v);
	if (!final)
		return;
	gen_set_count(&output, f[OUTPUT]);
	if (output.set)
		c->output_tokens = plus(output, u->more.output);
	gen_set_count(&c->reasoning_tokens, json_get(f[OUTPUT_DETAILS], "thinking_tokens"));
}

static void read_stop_reason(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_is_text(v) ? gen_choice(c, 0) : NULL;

	if (!ch)
		return;
	gen_set_text(c, &ch->finish, v);
	c->compacted |= view_eq(ch->finish, VIEW("compaction"));
}

/* A message: all there is, or the beginning of one. */
static void read_message(struct gen_call *c, struct json v, bool whole)
{
	enum { ID, MODEL, ROLE, CONTENT, STOP_REASON, USAGE, KEYS };
	static const char *const keys[KEYS] = { "id",	   "model",	  "role",
						"content", "stop_reason", "usage" };
	struct gen_choice *ch;
	struct json_member e;
	struct json f[KEYS];
	struct json_iter it;

	gen_pick(v, keys, f, KEYS);
	gen_set_text(c, &c->response_id, f[ID]);
	gen_set_text(c, &c->response_model, f[MODEL]);
	read_usage(c, f[USAGE], whole);
	if (!gen_is_text(f[ROLE]) && f[CONTENT].type != JSON_ARRAY)
		return;
	ch = gen_choice(c, 0);
	if (!ch)
		return;
	gen_set_text(c, &ch->role, f[ROLE]);
	it = json_each(f[CONTENT]);
	for (int64_t i = 0; json_next(&it, &e); i++)
		anthropic_block(c, ch, e.value, i, whole);
	read_stop_reason(c, f[STOP_REASON]);
}

static void messages_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	if (json_is(json_get(body, "type"), "message"))
		read_message(c, body, true);
}

/* When another model steps in (server-side fallback), a second one follows: its counts are its own. */
static void on_message_start(struct gen_call *c, struct json v)
{
	if (c->state)
		memset(c->state, 0, sizeof(struct usage));
	read_message(c, json_get(v, "message"), false);
}

static void on_block_start(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "index", "content_block" };
	struct json f[2];
	int64_t index = 0;

	gen_pick(v, keys, f, 2);
	if (f[1].type != JSON_OBJECT || (!json_int(f[0], &index) && v.cut))
		return;
	anthropic_block(c, gen_choice(c, 0), f[1], index, false);
}

static const struct delta {
	const char *type, *text;
	enum gen_part_kind kind, kind2;	/* kind2: the same, done by the server */
} deltas[] = {
	{ "text_delta", "text", GEN_TEXT, GEN_TEXT },
	{ "thinking_delta", "thinking", GEN_REASONING, GEN_REASONING },
	{ "input_json_delta", "partial_json", GEN_TOOL_CALL, GEN_SERVER_TOOL_CALL },
	{ "compaction_delta", "content", GEN_COMPACTION, GEN_COMPACTION },
};

static void add_delta(struct gen_call *c, const struct delta *d, int64_t index, struct json text)
{
	struct gen_choice *ch = gen_choice(c, 0);
	struct gen_part *p = gen_part_find(c, ch, d->kind, index, -1);

	if (!p)
		p = gen_part_find(c, ch, d->kind2, index, -1);
	if (!p)				/* its beginning was not seen */
		p = gen_part_new(c, ch, d->kind, index, -1);
	gen_part_add(c, p, text);
}

static void on_block_delta(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "index", "delta" };
	struct json f[2], type, text;
	int64_t index = 0;

	gen_pick(v, keys, f, 2);
	if (!json_int(f[0], &index) && v.cut)
		return;
	type = json_get(f[1], "type");
	for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++) {
		if (!json_is(type, deltas[i].type))
			continue;
		text = json_get(f[1], deltas[i].text);
		if (gen_is_text(text))
			add_delta(c, &deltas[i], index, text);
		return;
	}
}

static void on_message_delta(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "delta", "usage" };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	read_stop_reason(c, json_get(f[0], "stop_reason"));
	read_usage(c, f[1], true);
}

static void on_message_stop(struct gen_call *c, struct json v)
{
	c->terminal = true;
}

static void on_error(struct gen_call *c, struct json v)
{
	struct json error = json_get(v, "error");

	gen_error(c, error.type != JSON_NONE ? error : v);
	c->failed = true;
}

static void messages_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	static const struct {
		const char *type;
		void (*read)(struct gen_call *c, struct json v);
	} events[] = {
		{ "content_block_delta", on_block_delta },
		{ "content_block_start", on_block_start },
		{ "message_start", on_message_start },
		{ "message_delta", on_message_delta },
		{ "message_stop", on_message_stop },
		{ "error", on_error },
	};
	struct json type = json_get(v, "type");

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!json_is(type, events[i].type))
			continue;
		events[i].read(c, v);
		return;
	}
	if (view_eq(name, VIEW("error")))
		on_error(c, v);
}

const struct provider provider_anthropic_messages = {
	.name = "anthropic-messages",
	.flavour = "anthropic",
	.match = messages_match,
	.answers = messages_answers,
	.request = messages_request,
	.response = messages_response,
	.event = messages_event,
};
