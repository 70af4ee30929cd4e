// SPDX-License-Identifier: Apache-2.0
/*
 * Google's Interactions API: steps instead of contents, snake case, named events.  A stored interaction that
 * is fetched runs no model.  Finish reasons come from the status, as those of OpenAI's Responses do.
 */
#include "genai/hosts.h"
#include "genai/openai.h"

static bool has_segment(struct view path, const char *part)
{
	return path.n && memmem(path.p, path.n, part, strlen(part));
}

static int interactions_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);

	if (!gen_is_post(x) || !view_ends(path, VIEW("/interactions")))
		return 0;
	if (json_get(body, "input").type != JSON_NONE)
		return 3;
	return (body.type != JSON_OBJECT || body.cut) && hosts_provider(x) ? 2 : 0;
}

static bool interactions_answers(struct view name, struct json data)
{
	return json_is(json_get(data, "object"), "interaction") || view_starts(name, VIEW("interaction."));
}

/* Request */

static void text_of(struct msgs *m, struct json v)
{
	struct json type = json_get(v, "type"), text = json_get(v, "text");

	if (v.type == JSON_STRING)
		part_text(m, "text", v);
	else if (gen_is_text(text))
		part_text(m, "text", text);
	else
		part_generic(m, type);
}

static void texts_of(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (v.type != JSON_ARRAY)
		text_of(m, v);
	while (v.type == JSON_ARRAY && json_next(&it, &e))
		text_of(m, e.value);
}

/* What was said and done before: each step is a message. */
static void step(struct msgs *m, struct json v)
{
	enum { TYPE, CONTENT, ID, CALL_ID, NAME, ARGUMENTS, RESULT, KEYS };
	static const char *const keys[KEYS] = { "type", "content", "id", "call_id", "name", "arguments", "result" };
	struct json f[KEYS];
	bool call, result;

	gen_pick(v, keys, f, KEYS);
	call = json_is(f[TYPE], "function_call");
	result = json_is(f[TYPE], "function_result");
	if (json_is(f[TYPE], "thought") ||
	    !msgs_begin(m, (struct msgs_head){ .role = result			      ? VIEW("tool")
						       : json_is(f[TYPE], "user_input") ? VIEW("user")
										      : VIEW("assistant") }))
		return;
	if (call)
		part_tool_call(m, f[ID], f[NAME], f[ARGUMENTS]);
	else if (result)
		part_tool_response(m, f[CALL_ID], f[RESULT], (struct json){ 0 });
	else if (f[CONTENT].type != JSON_NONE)
		texts_of(m, f[CONTENT]);
	else
		part_generic(m, f[TYPE]);
	msgs_end(m);
}

static bool is_step(struct json v)
{
	static const char *const parts[] = { "text", "image", "audio", "video", "document" };
	struct json type = json_get(v, "type");

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (json_is(type, parts[i]))
			return false;
	return type.type == JSON_STRING;
}

/* A text, parts of one message, or steps. */
static void read_input(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v), peek = it;
	struct json_member e;
	struct msgs m;

	if (!c->want_content || c->input_messages.n || (v.type != JSON_STRING && v.type < JSON_ARRAY))
		return;
	msgs_open(&m, &c->input_messages);
	if (v.type == JSON_ARRAY && json_next(&peek, &e) && is_step(e.value)) {
		while (json_next(&it, &e))
			step(&m, e.value);
	} else if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		texts_of(&m, v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static void read_system(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_STRING || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	part_text(&m, "text", v);
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field config_fields[] = {
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("seed", seed),
	GEN_INT_FIELD("max_output_tokens", max_tokens),
	GEN_TEXT_FIELD("thinking_level", reasoning_level),
	GEN_FN_FIELD("stop_sequences", gen_read_stop),
	{ 0 }
};

static void read_config(struct gen_call *c, struct json v)
{
	gen_read(c, v, config_fields);
}

static void read_agent(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->agent_id, v);
	if (c->agent_id.n)
		c->op = GEN_INVOKE_AGENT;
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("agent", read_agent),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_TEXT_FIELD("previous_interaction_id", previous_response_id),
	GEN_FN_FIELD("generation_config", read_config),
	GEN_FN_FIELD("system_instruction", read_system),
	GEN_FN_FIELD("tools", openai_tools),
	GEN_FN_FIELD("input", read_input),
	{ 0 }
};

static void interactions_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_GENERATE_CONTENT;
	gen_read(c, body, request_fields);
}

/* Answer */

/* Thoughts are counted beside the output, what tools brought beside the input. */
static void read_usage(struct gen_call *c, struct json v)
{
	enum { INPUT, TOOLS, OUTPUT, THOUGHTS, CACHED, KEYS };
	static const char *const keys[KEYS] = {
		"total_input_tokens", "total_tool_use_tokens", "total_output_tokens", "total_thought_tokens",
		"total_cached_tokens",
	};
	struct opt_int n[KEYS] = { 0 };
	struct json f[KEYS];

	if (v.type != JSON_OBJECT || !gen_whole(v))
		return;
	gen_pick(v, keys, f, KEYS);
	for (size_t i = 0; i < KEYS; i++)
		gen_set_count(&n[i], f[i]);
	if (n[INPUT].set && !__builtin_add_overflow(n[INPUT].v, n[TOOLS].v, &n[INPUT].v))
		c->input_tokens = n[INPUT];
	if (n[OUTPUT].set && !__builtin_add_overflow(n[OUTPUT].v, n[THOUGHTS].v, &n[OUTPUT].v))
		c->output_tokens = n[OUTPUT];
	if (n[THOUGHTS].set)
		c->reasoning_tokens = n[THOUGHTS];
	if (n[CACHED].set)
		c->cache_read_tokens = n[CACHED];
}

static void add_texts(struct gen_call *c, enum gen_part_kind kind, int64_t index, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json text;

	while (v.type == JSON_ARRAY && json_next(&it, &e)) {
		text = json_get(e.value, "text");
		if (gen_is_text(text))
			gen_part_add(c, gen_part(c, gen_choice(c, 0), kind, index, -1), text);
	}
}

static void read_step(struct gen_call *c, struct json v, int64_t index)
{
	enum { TYPE, CONTENT, SUMMARY, ID, NAME, ARGUMENTS, KEYS };
	static const char *const keys[KEYS] = { "type", "content", "summary", "id", "name", "arguments" };
	struct json f[KEYS];
	struct gen_part *p;

	gen_pick(v, keys, f, KEYS);
	if (json_is(f[TYPE], "model_output"))
		add_texts(c, GEN_TEXT, index, f[CONTENT]);
	else if (json_is(f[TYPE], "thought"))
		add_texts(c, GEN_REASONING, index, f[SUMMARY]);
	if (!json_is(f[TYPE], "function_call"))
		return;
	p = gen_part(c, gen_choice(c, 0), GEN_TOOL_CALL, index, -1);
	if (!p)
		return;
	gen_set_text(c, &p->id, f[ID]);
	gen_set_text(c, &p->name, f[NAME]);
	gen_part_set(c, p, f[ARGUMENTS]);
	p->initial = true;
}

/* Those of the last event may be empty: then the pieces count. */
static void read_steps(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	for (int64_t i = 0; v.type == JSON_ARRAY && json_next(&it, &e); i++) {
		if (!i)
			gen_parts_forget(c);
		read_step(c, e.value, i);
	}
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("model", response_model),
	GEN_TEXT_FIELD("status", response_status),
	GEN_FN_FIELD("steps", read_steps),
	GEN_FN_FIELD("usage", read_usage),
	GEN_FN_FIELD("error", gen_error),
	{ 0 }
};

static void interactions_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void on_delta(struct gen_call *c, struct json v, int64_t index)
{
	static const struct {
		const char *type, *text;
		enum gen_part_kind kind;
	} rows[] = {
		{ "text", "text", GEN_TEXT },
		{ "thought_summary", "text", GEN_REASONING },
		{ "arguments_delta", "arguments", GEN_TOOL_CALL },
	};
	struct json type = json_get(v, "type"), content = json_get(v, "content"), text;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!json_is(type, rows[i].type))
			continue;
		text = json_get(content.type == JSON_OBJECT ? content : v, rows[i].text);
		if (gen_is_text(text))
			gen_part_add(c, gen_part(c, gen_choice(c, 0), rows[i].kind, index, -1), text);
	}
}

static void interactions_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	enum { TYPE, INDEX, STEP, DELTA, INTERACTION, ERROR, KEYS };
	static const char *const keys[KEYS] = { "event_type", "index", "step", "delta", "interaction", "error" };
	struct json f[KEYS];
	int64_t index = 0;
	bool placed;

	gen_pick(v, keys, f, KEYS);
	placed = json_int(f[INDEX], &index) || !v.cut;
	gen_error(c, f[ERROR]);
	if (f[STEP].type == JSON_OBJECT && placed && gen_whole(f[STEP]))
		read_step(c, f[STEP], index);
	if (f[DELTA].type == JSON_OBJECT && placed)
		on_delta(c, f[DELTA], index);
	if (f[INTERACTION].type != JSON_OBJECT || !gen_whole(f[INTERACTION]))
		return;
	gen_read(c, f[INTERACTION], answer_fields);
	c->terminal |= json_is(f[TYPE], "interaction.completed");
}

static bool calls_tool(const struct gen_choice *ch)
{
	const struct gen_part *p = ch->parts;

	while (p && p->kind != GEN_TOOL_CALL)
		p = p->next;
	return p;
}

static void interactions_finish(struct gen_call *c, const struct exchange *x)
{
	struct view s = c->response_status;
	struct gen_choice *ch;

	if (!c->terminal || !s.n || view_eq(s, VIEW("in_progress")) || view_eq(s, VIEW("queued")))
		return;
	c->failed |= view_eq(s, VIEW("failed"));
	ch = gen_choice(c, 0);
	if (!ch)
		return;
	if (view_eq(s, VIEW("failed")) || view_eq(s, VIEW("cancelled")))
		ch->finish = VIEW("error");
	else if (view_eq(s, VIEW("completed")))
		ch->finish = calls_tool(ch) ? VIEW("tool_call") : VIEW("stop");
	else
		ch->finish = view_eq(s, VIEW("requires_action")) ? VIEW("tool_call") : s;
}

const struct provider provider_gemini_interactions = {
	.name = "gemini-interactions",
	.flavour = "gcp.gen_ai",
	.match = interactions_match,
	.answers = interactions_answers,
	.request = interactions_request,
	.response = interactions_response,
	.event = interactions_event,
	.finish = interactions_finish,
};

/* GET .../interactions/ID */
static int fetch_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x), id;
	const char *at = path.n ? memmem(path.p, path.n, "/interactions/", 14) : NULL;

	if (!at || !view_eq(x->method, VIEW("GET")) || !(hosts_provider(x) || has_segment(path, "/v1beta/")))
		return 0;
	id = view_drop(path, at - path.p + 14);
	return id.n && !memchr(id.p, '/', id.n) ? 3 : 0;
}

static bool fetch_answers(struct view name, struct json data)
{
	return false;
}

static void fetch_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_FETCH_RESPONSE;
	c->response_id = gen_path_part(c, x, "/interactions/", "/");
	c->stream_cursor = gen_query_part(c, x, "last_event_id");
	c->stream = view_eq(gen_query_part(c, x, "stream"), VIEW("true"));
	c->request_cut = false;		/* there is no body */
}

static void fetch_finish(struct gen_call *c, const struct exchange *x)
{
	interactions_finish(c, x);
	gen_forget_usage(c);
}

const struct provider provider_gemini_fetch = {
	.name = "gemini-fetch",
	.flavour = "gcp.gen_ai",
	.match = fetch_match,
	.answers = fetch_answers,
	.request = fetch_request,
	.response = interactions_response,
	.event = interactions_event,
	.finish = fetch_finish,
};
