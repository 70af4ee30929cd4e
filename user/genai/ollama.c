// SPDX-License-Identifier: Apache-2.0
/*
 * Ollama's own API: /api/chat, /api/generate and /api/embed.  Streams are JSON
 * lines, and streaming is what it does when it is not told.  A count that is 0
 * is left out: prompt_eval_count is of what was evaluated, so a prompt that was
 * cached whole has none, and absent stays absent.
 */
#include "genai/messages.h"
#include "genai/results.h"

static bool has(struct json body, const char *key)
{
	return json_get(body, key).type != JSON_NONE;
}

static int by_path(const struct exchange *x, const char *path, bool shape, struct json body)
{
	if (!gen_is_post(x) || !view_ends(gen_path(x), view_of(path)))
		return 0;
	return shape ? 3 : body.type != JSON_OBJECT || body.cut ? 2 : 0;
}

static int ollama_match(const struct exchange *x, struct json body)
{
	int chat = by_path(x, "/api/chat", has(body, "messages") && has(body, "model"), body);

	return chat ? chat : by_path(x, "/api/generate", has(body, "prompt") || has(body, "model"), body);
}

static bool is_answer(struct json data, const char *what)
{
	return has(data, "created_at") && has(data, "done") && has(data, what);
}

static bool ollama_answers(struct view name, struct json data)
{
	return is_answer(data, "message") || is_answer(data, "response");
}

/* Request */

static const char *const message_keys[] = { "role", "content", "thinking", "images", "tool_calls", "tool_call_id" };
enum { M_ROLE, M_CONTENT, M_THINKING, M_IMAGES, M_TOOL_CALLS, M_TOOL_CALL_ID, M_CNT };

static void part_of_call(struct msgs *m, struct json v)
{
	struct json function = json_get(v, "function");

	part_tool_call(m, json_get(v, "id"), json_get(function, "name"), json_get(function, "arguments"));
}

static void message_parts(struct msgs *m, const struct json *f)
{
	struct json_iter it = json_each(f[M_IMAGES]), calls = json_each(f[M_TOOL_CALLS]);
	struct json_member e;

	if (gen_is_text(f[M_THINKING]))
		part_text(m, "reasoning", f[M_THINKING]);
	if (gen_is_text(f[M_CONTENT]))
		part_text(m, "text", f[M_CONTENT]);
	while (json_next(&it, &e))
		part_blob(m, "image", VIEW_NONE, e.value);
	while (json_next(&calls, &e))
		part_of_call(m, e.value);
}

static void message(struct msgs *m, struct json v)
{
	struct json f[M_CNT];
	struct view role;

	gen_pick(v, message_keys, f, M_CNT);
	role = msgs_role(f[M_ROLE], VIEW("unknown"));
	if (f[M_CONTENT].type == JSON_NONE || !msgs_begin(m, (struct msgs_head){ .role = role }))
		return;
	if (view_eq(role, VIEW("tool")))
		part_tool_response(m, f[M_TOOL_CALL_ID], f[M_CONTENT], (struct json){ 0 });
	else
		message_parts(m, f);
	msgs_end(m);
}

static void read_messages(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_results(c, v, &gen_result_ollama);
	if (!c->want_content || v.type != JSON_ARRAY || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	while (json_next(&it, &e))
		message(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

static void read_prompt(struct gen_call *c, struct json v)
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

static void read_system(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || !gen_is_text(v) || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	part_text(&m, "text", v);
	c->request_cut |= !msgs_close(&m);
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
		msgs_definition(&m, VIEW("function"), json_get(json_get(e.value, "function"), "name"));
	c->request_cut |= !msgs_close(&m);
}

/* "json", or a schema. */
static void read_format(struct gen_call *c, struct json v)
{
	if (json_is(v, "json") || v.type == JSON_OBJECT)
		c->output_type = VIEW("json");
}

/* true and false, or a level in words. */
static void read_think(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->reasoning_level, v);
}

static const struct gen_field option_fields[] = {
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_INT_FIELD("num_predict", max_tokens),
	GEN_INT_FIELD("seed", seed),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_FN_FIELD("stop", gen_read_stop),
	{ 0 }
};

static void read_options(struct gen_call *c, struct json v)
{
	gen_read(c, v, option_fields);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_FN_FIELD("options", read_options),
	GEN_FN_FIELD("format", read_format),
	GEN_FN_FIELD("think", read_think),
	GEN_FN_FIELD("system", read_system),
	GEN_FN_FIELD("tools", read_tools),
	GEN_FN_FIELD("messages", read_messages),
	GEN_FN_FIELD("prompt", read_prompt),
	{ 0 }
};

static void ollama_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = view_ends(gen_path(x), VIEW("/api/generate")) ? GEN_COMPLETION : GEN_CHAT;
	c->stream = body.type == JSON_OBJECT && !has(body, "stream");
	gen_read(c, body, request_fields);
}

/* Answer: a line is as a whole one, and the last has the counts. */

static void add_call(struct gen_call *c, struct gen_choice *ch, struct json v)
{
	struct json function = json_get(v, "function");
	struct gen_part *p = gen_part_new(c, ch, GEN_TOOL_CALL, c->part_cnt, -1);

	if (!p)
		return;
	gen_set_text(c, &p->id, json_get(v, "id"));
	gen_set_text(c, &p->name, json_get(function, "name"));
	gen_part_set(c, p, json_get(function, "arguments"));
}

static void add_text(struct gen_call *c, enum gen_part_kind kind, struct json v)
{
	if (gen_is_text(v))
		gen_part_add(c, gen_part(c, gen_choice(c, 0), kind, 0, -1), v);
}

static void read_message(struct gen_call *c, struct json v)
{
	struct json f[M_CNT];
	struct json_member e;
	struct json_iter it;

	gen_pick(v, message_keys, f, M_CNT);
	add_text(c, GEN_REASONING, f[M_THINKING]);
	add_text(c, GEN_TEXT, f[M_CONTENT]);
	it = json_each(f[M_TOOL_CALLS]);
	while (json_next(&it, &e))
		add_call(c, gen_choice(c, 0), e.value);
}

static void read_response(struct gen_call *c, struct json v)
{
	add_text(c, GEN_TEXT, v);
}

static void read_thinking(struct gen_call *c, struct json v)
{
	add_text(c, GEN_REASONING, v);
}

/* A model was only loaded, or thrown out of memory. */
static void read_done_reason(struct gen_call *c, struct json v)
{
	struct gen_choice *ch;

	if (json_is(v, "load") || json_is(v, "unload")) {
		c->no_inference = true;
		return;
	}
	ch = gen_is_text(v) ? gen_choice(c, 0) : NULL;
	if (ch)
		gen_set_text(c, &ch->finish, v);
}

static void read_done(struct gen_call *c, struct json v)
{
	c->terminal |= v.type == JSON_TRUE;
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("model", response_model),
	GEN_FN_FIELD("message", read_message),
	GEN_FN_FIELD("thinking", read_thinking),
	GEN_FN_FIELD("response", read_response),
	GEN_FN_FIELD("done", read_done),
	GEN_FN_FIELD("done_reason", read_done_reason),
	GEN_COUNT_FIELD("prompt_eval_count", input_tokens),
	GEN_COUNT_FIELD("eval_count", output_tokens),
	{ 0 }
};

static void ollama_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void ollama_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_error(c, json_get(v, "error"));
	gen_read(c, v, answer_fields);
}

static const char *const unread[] = { "created_at", NULL };

const struct provider provider_ollama = {
	.name = "ollama",
	.flavour = "ollama",
	.match = ollama_match,
	.answers = ollama_answers,
	.request = ollama_request,
	.response = ollama_response,
	.event = ollama_event,
	.unread = unread,
};

/* Embeddings: several under /api/embed, one under the older /api/embeddings. */

static int embed_match(const struct exchange *x, struct json body)
{
	int now = by_path(x, "/api/embed", has(body, "input"), body);

	return now ? now : by_path(x, "/api/embeddings", has(body, "prompt"), body);
}

static bool embed_answers(struct view name, struct json data)
{
	return has(data, "embeddings") && has(data, "total_duration");
}

static const struct gen_field embed_request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_INT_FIELD("dimensions", dimension_count),
	{ 0 }
};

static void embed_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_EMBEDDINGS;
	gen_read(c, body, embed_request_fields);
}

static const struct gen_field embed_answer_fields[] = {
	GEN_TEXT_FIELD("model", response_model),
	GEN_FN_FIELD("embedding", gen_read_vector),
	GEN_FN_FIELD("embeddings", gen_read_vector),
	GEN_COUNT_FIELD("prompt_eval_count", input_tokens),
	{ 0 }
};

static void embed_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, embed_answer_fields);
}

static void embed_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_error(c, json_get(v, "error"));
}

const struct provider provider_ollama_embed = {
	.name = "ollama-embed",
	.flavour = "ollama",
	.match = embed_match,
	.answers = embed_answers,
	.request = embed_request,
	.response = embed_response,
	.event = embed_event,
};
