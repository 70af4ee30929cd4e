// SPDX-License-Identifier: Apache-2.0
/*
 * Cohere's chat, version 2 and 1, and its embeddings.  Of the two counts of tokens it
 * is the billed ones that semantic-conventions-genai wants; version 1 streams JSON lines or SSE with
 * event_type in them.
 */
#include "genai/openai_chat.h"

static bool has(struct json body, const char *key)
{
	return json_get(body, key).type != JSON_NONE;
}

static bool is_v2(const struct exchange *x)
{
	return view_ends(gen_path(x), VIEW("/v2/chat"));
}

static int cohere_match(const struct exchange *x, struct json body)
{
	if (!gen_is_post(x))
		return 0;
	if (is_v2(x))
		return 3;
	return view_ends(gen_path(x), VIEW("/v1/chat")) && has(body, "message") ? 3 : 0;
}

static bool cohere_answers(struct view name, struct json data)
{
	static const char *const types[] = { "message-end", "content-delta", "tool-call-start", "tool-plan-delta" };
	struct json type = json_get(data, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is(type, types[i]))
			return true;
	return has(json_get(data, "usage"), "billed_units") || has(json_get(data, "meta"), "billed_units");
}

/* Request */

static const struct gen_field thinking_fields[] = {
	GEN_TEXT_FIELD("type", reasoning_level),
	{ 0 }
};

static void read_thinking(struct gen_call *c, struct json v)
{
	gen_read(c, v, thinking_fields);
}

static void read_message(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || !gen_is_text(v) || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text(&m, "text", v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static void read_preamble(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || !gen_is_text(v) || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	part_text(&m, "text", v);
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("p", top_p),
	GEN_INT_FIELD("k", top_k),
	GEN_INT_FIELD("max_tokens", max_tokens),
	GEN_INT_FIELD("seed", seed),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_FN_FIELD("stop_sequences", gen_read_stop),
	GEN_FN_FIELD("response_format", openai_format),
	GEN_FN_FIELD("thinking", read_thinking),
	GEN_FN_FIELD("tools", openai_tools),
	GEN_FN_FIELD("messages", chat_messages),
	GEN_TEXT_FIELD("conversation_id", conversation_id),	/* version 1 */
	GEN_FN_FIELD("message", read_message),
	GEN_FN_FIELD("preamble", read_preamble),
	{ 0 }
};

static void cohere_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	gen_read(c, body, request_fields);
}

/* Answer */

static void read_units(struct gen_call *c, struct json v)
{
	gen_set_count(&c->input_tokens, json_get(v, "input_tokens"));
	gen_set_count(&c->output_tokens, json_get(v, "output_tokens"));
}

/* cached_tokens are of those that were counted, and may be more than were billed. */
static void read_usage(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "billed_units", "tokens", "cached_tokens" };
	struct opt_int cached = { 0 };
	struct json f[3];

	if (v.type != JSON_OBJECT || !gen_whole(v))
		return;
	gen_pick(v, keys, f, 3);
	read_units(c, f[1]);
	read_units(c, f[0]);
	gen_set_count(&cached, f[2]);
	if (cached.set && c->input_tokens.set && cached.v <= c->input_tokens.v)
		c->cache_read_tokens = cached;
}

static void read_finish(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_is_text(v) ? gen_choice(c, 0) : NULL;

	if (ch)
		gen_set_text(c, &ch->finish, v);
}

static void add_text(struct gen_call *c, enum gen_part_kind kind, int64_t index, struct json v)
{
	if (gen_is_text(v))
		gen_part_add(c, gen_part(c, gen_choice(c, 0), kind, index, -1), v);
}

/* The plan is thought aloud before tools are called. */
#define PLAN (-1)

static void add_content(struct gen_call *c, int64_t index, struct json v)
{
	static const char *const keys[] = { "text", "thinking" };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	add_text(c, GEN_TEXT, index, f[0]);
	add_text(c, GEN_REASONING, index, f[1]);
}

static void add_call(struct gen_call *c, int64_t index, struct json v)
{
	static const char *const keys[] = { "id", "name", "function", "parameters" };
	struct gen_part *p = gen_part(c, gen_choice(c, 0), GEN_TOOL_CALL, index, -1);
	struct json f[4], arguments;

	if (!p)
		return;
	gen_pick(v, keys, f, 4);
	gen_set_text(c, &p->id, f[0]);
	gen_set_text(c, &p->name, f[2].type == JSON_OBJECT ? json_get(f[2], "name") : f[1]);
	arguments = json_get(f[2], "arguments");
	if (gen_is_text(arguments))
		gen_part_add(c, p, arguments);
	else if (f[3].type == JSON_OBJECT)	/* version 1 */
		gen_part_set(c, p, f[3]);
}

static void add_calls(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	for (int64_t i = 0; v.type == JSON_ARRAY && json_next(&it, &e); i++)
		add_call(c, i, e.value);
}

static void read_answer_message(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "role", "content", "tool_plan", "tool_calls" };
	struct json_member e;
	struct json_iter it;
	struct json f[4];

	gen_pick(v, keys, f, 4);
	add_text(c, GEN_REASONING, PLAN, f[2]);
	it = json_each(f[1]);
	for (int64_t i = 0; f[1].type == JSON_ARRAY && json_next(&it, &e); i++)
		add_content(c, i, e.value);
	add_calls(c, f[3]);
}

static void read_text(struct gen_call *c, struct json v)
{
	add_text(c, GEN_TEXT, 0, v);
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("generation_id", response_id),	/* version 1 */
	GEN_FN_FIELD("message", read_answer_message),
	GEN_FN_FIELD("text", read_text),
	GEN_FN_FIELD("tool_calls", add_calls),
	GEN_FN_FIELD("finish_reason", read_finish),
	GEN_FN_FIELD("usage", read_usage),
	GEN_FN_FIELD("meta", read_usage),
	{ 0 }
};

static void cohere_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	if (x->status < 400)	/* there a message is what went wrong */
		gen_read(c, body, answer_fields);
}

/* Stream of version 2 */

static void on_start(struct gen_call *c, struct json v, int64_t index)
{
	gen_set_text(c, &c->response_id, json_get(v, "id"));
}

static struct json delta_of(struct json v, const char *what)
{
	return json_get(json_get(json_get(v, "delta"), "message"), what);
}

static void on_content(struct gen_call *c, struct json v, int64_t index)
{
	add_content(c, index, delta_of(v, "content"));
}

static void on_plan(struct gen_call *c, struct json v, int64_t index)
{
	add_text(c, GEN_REASONING, PLAN, delta_of(v, "tool_plan"));
}

static void on_call(struct gen_call *c, struct json v, int64_t index)
{
	struct json call = delta_of(v, "tool_calls");

	if (call.type == JSON_OBJECT)
		add_call(c, index, call);
}

static void on_end(struct gen_call *c, struct json v, int64_t index)
{
	static const char *const keys[] = { "finish_reason", "usage", "error" };
	struct json f[3];

	gen_pick(json_get(v, "delta"), keys, f, 3);
	read_finish(c, f[0]);
	read_usage(c, f[1]);
	gen_error(c, f[2]);
	c->terminal |= !v.cut;
}

/* Stream of version 1 */

static void on_v1_start(struct gen_call *c, struct json v, int64_t index)
{
	gen_set_text(c, &c->response_id, json_get(v, "generation_id"));
}

static void on_v1_text(struct gen_call *c, struct json v, int64_t index)
{
	read_text(c, json_get(v, "text"));
}

static void on_v1_calls(struct gen_call *c, struct json v, int64_t index)
{
	add_calls(c, json_get(v, "tool_calls"));
}

static void on_v1_end(struct gen_call *c, struct json v, int64_t index)
{
	read_finish(c, json_get(v, "finish_reason"));
	read_usage(c, json_get(json_get(v, "response"), "meta"));
	c->terminal |= !v.cut;
}

static void cohere_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	static const struct {
		const char *type;
		void (*read)(struct gen_call *c, struct json v, int64_t index);
	} events[] = {
		{ "content-delta", on_content },     { "content-start", on_content },
		{ "tool-call-delta", on_call },	     { "tool-call-start", on_call },
		{ "tool-plan-delta", on_plan },	     { "message-start", on_start },
		{ "message-end", on_end },	     { "stream-start", on_v1_start },
		{ "text-generation", on_v1_text },   { "tool-calls-generation", on_v1_calls },
		{ "stream-end", on_v1_end },
	};
	static const char *const keys[] = { "type", "event_type", "index" };
	int64_t index = 0;
	struct json f[3];

	gen_pick(v, keys, f, 3);
	if (!json_int(f[2], &index) && v.cut)
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!json_is(f[0].type != JSON_NONE ? f[0] : f[1], events[i].type))
			continue;
		events[i].read(c, v, index);
		return;
	}
}

const struct provider provider_cohere = {
	.name = "cohere",
	.flavour = "cohere",
	.match = cohere_match,
	.answers = cohere_answers,
	.request = cohere_request,
	.response = cohere_response,
	.event = cohere_event,
};

/* Embeddings */

static int embed_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);

	if (!gen_is_post(x) || !(view_ends(path, VIEW("/v2/embed")) || view_ends(path, VIEW("/v1/embed"))))
		return 0;
	return has(body, "texts") || has(body, "inputs") || has(body, "images") ? 3 : 0;
}

static bool embed_answers(struct view name, struct json data)
{
	return has(data, "embeddings") && has(json_get(data, "meta"), "billed_units");
}

static void read_types(struct gen_call *c, struct json v)
{
	gen_strings(&c->encoding_formats, v);
}

static const struct gen_field embed_request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_INT_FIELD("output_dimension", dimension_count),
	GEN_FN_FIELD("embedding_types", read_types),
	{ 0 }
};

static void embed_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_EMBEDDINGS;
	gen_read(c, body, embed_request_fields);
}

static const struct gen_field embed_answer_fields[] = {
	GEN_FN_FIELD("embeddings", gen_read_vector),
	GEN_FN_FIELD("meta", read_usage),
	{ 0 }
};

static void embed_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, embed_answer_fields);
}

static void embed_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
}

const struct provider provider_cohere_embed = {
	.name = "cohere-embed",
	.flavour = "cohere",
	.match = embed_match,
	.answers = embed_answers,
	.request = embed_request,
	.response = embed_response,
	.event = embed_event,
};
