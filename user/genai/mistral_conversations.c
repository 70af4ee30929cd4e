// SPDX-License-Identifier: Apache-2.0
/* Mistral's conversations: a model, or an agent kept by the service, with its tools run there. */
#include "genai/hosts.h"
#include "genai/openai.h"

static int conversations_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);
	const char *at = path.n ? memmem(path.p, path.n, "/v1/conversations", 17) : NULL;

	if (!gen_is_post(x) || !at || json_get(body, "inputs").type == JSON_NONE)
		return 0;
	path = view_drop(path, at - path.p + 17);
	return !path.n || path.p[0] == '/' || path.p[0] == '#' ? 3 : 0;
}

static bool conversations_answers(struct view name, struct json data)
{
	return json_is(json_get(data, "object"), "conversation.response") || view_starts(name, VIEW("conversation.response."));
}

/* Request */

static void entry(struct msgs *m, struct json v)
{
	enum { TYPE, ROLE, CONTENT, TOOL_CALL_ID, NAME, ARGUMENTS, RESULT, KEYS };
	static const char *const keys[KEYS] = { "type", "role", "content", "tool_call_id", "name", "arguments", "result" };
	struct json f[KEYS];
	bool result;

	gen_pick(v, keys, f, KEYS);
	result = json_is(f[TYPE], "function.result");
	if (!msgs_begin(m, (struct msgs_head){ .role = result ? VIEW("tool") : msgs_role(f[ROLE], VIEW("assistant")) }))
		return;
	if (result)
		part_tool_response(m, f[TOOL_CALL_ID], f[RESULT], (struct json){ 0 });
	else if (json_is(f[TYPE], "function.call"))
		part_tool_call(m, f[TOOL_CALL_ID], f[NAME], f[ARGUMENTS]);
	else if (f[CONTENT].type == JSON_STRING)
		part_text(m, "text", f[CONTENT]);
	else
		part_generic(m, f[TYPE]);
	msgs_end(m);
}

static void read_inputs(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	if (!c->want_content || c->input_messages.n || (v.type != JSON_STRING && v.type != JSON_ARRAY))
		return;
	msgs_open(&m, &c->input_messages);
	if (v.type == JSON_STRING && msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text(&m, "text", v);
		msgs_end(&m);
	}
	while (v.type == JSON_ARRAY && json_next(&it, &e))
		entry(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field args_fields[] = {
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_INT_FIELD("max_tokens", max_tokens),
	GEN_INT_FIELD("random_seed", seed),
	GEN_FN_FIELD("stop", gen_read_stop),
	GEN_FN_FIELD("response_format", openai_format),
	{ 0 }
};

static void read_args(struct gen_call *c, struct json v)
{
	gen_read(c, v, args_fields);
}

static void read_agent(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->agent_id, v);
	if (c->agent_id.n)
		c->op = GEN_INVOKE_AGENT;
}

static void read_instructions(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_STRING || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	part_text(&m, "text", v);
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("agent_id", read_agent),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_FN_FIELD("completion_args", read_args),
	GEN_FN_FIELD("instructions", read_instructions),
	GEN_FN_FIELD("tools", openai_tools),
	GEN_FN_FIELD("inputs", read_inputs),
	{ 0 }
};

static void conversations_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	c->conversation_id = gen_path_part(c, x, "/v1/conversations/", "/#");
	gen_read(c, body, request_fields);
}

/* Answer */

static void add_content(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json text = v.type == JSON_OBJECT ? json_get(v, "text") : v;

	if (gen_is_text(text))
		gen_part_add(c, gen_part(c, gen_choice(c, 0), GEN_TEXT, 0, -1), text);
	while (v.type == JSON_ARRAY && json_next(&it, &e)) {
		text = json_get(e.value, "text");
		if (gen_is_text(text))
			gen_part_add(c, gen_part(c, gen_choice(c, 0), GEN_TEXT, 0, -1), text);
	}
}

/* Pieces of one call have one id. */
static void add_call(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "tool_call_id", "name", "arguments", "output_index" };
	struct gen_part *p;
	struct json f[4];
	int64_t index = 0;

	gen_pick(v, keys, f, 4);
	json_int(f[3], &index);
	p = gen_part_find(c, gen_choice(c, 0), GEN_TOOL_CALL, index, -1);
	if (!p || (p->id.n && gen_is_text(f[0]) && !json_is(f[0], p->id.p)))
		p = gen_part_new(c, gen_choice(c, 0), GEN_TOOL_CALL, index, -1);
	if (!p)
		return;
	gen_set_text(c, &p->id, f[0]);
	gen_set_text(c, &p->name, f[1]);
	if (f[2].type >= JSON_ARRAY)
		gen_part_set(c, p, f[2]);
	else if (gen_is_text(f[2]))
		gen_part_add(c, p, f[2]);
}

static void read_outputs(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json type;

	while (v.type == JSON_ARRAY && json_next(&it, &e)) {
		type = json_get(e.value, "type");
		if (json_is(type, "message.output"))
			add_content(c, json_get(e.value, "content"));
		else if (json_is(type, "function.call"))
			add_call(c, e.value);
	}
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("conversation_id", conversation_id),
	GEN_FN_FIELD("outputs", read_outputs),
	GEN_FN_FIELD("usage", openai_usage),
	{ 0 }
};

static void conversations_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void conversations_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct json type = json_get(v, "type");

	if (json_is(type, "message.output.delta"))
		add_content(c, json_get(v, "content"));
	else if (json_is(type, "function.call.delta") && !v.cut)
		add_call(c, v);
	else if (json_is(type, "conversation.response.error"))
		gen_error(c, v);
	else if (view_starts(name, VIEW("conversation.response.")) || json_is(type, "conversation.response.started"))
		gen_read(c, v, answer_fields);
	c->terminal |= json_is(type, "conversation.response.done") || json_is(type, "conversation.response.error");
}

/* There are no finish reasons: one that is complete stopped, or wants its tools run. */
static void conversations_finish(struct gen_call *c, const struct exchange *x)
{
	struct gen_choice *ch = c->choices;
	const struct gen_part *p = ch ? ch->parts : NULL;

	if (!ch || !c->terminal)
		return;
	while (p && p->kind != GEN_TOOL_CALL)
		p = p->next;
	ch->finish = c->failed ? VIEW("error") : p ? VIEW("tool_call") : VIEW("stop");
}

const struct provider provider_mistral_conversations = {
	.name = "mistral-conversations",
	.flavour = "mistral_ai",
	.match = conversations_match,
	.answers = conversations_answers,
	.request = conversations_request,
	.response = conversations_response,
	.event = conversations_event,
	.finish = conversations_finish,
};
