// SPDX-License-Identifier: Apache-2.0
/* Chat Completions: OpenAI's and that of everybody who speaks it. */
#include "genai/hosts.h"
#include "genai/openai_chat.h"
#include "genai/results.h"

static bool is_chat_messages(struct json messages)
{
	struct json_iter it = json_each(messages);
	struct json_member m;

	return messages.type == JSON_ARRAY && json_next(&it, &m) &&
	       (m.value.cut || json_get(m.value, "role").type == JSON_STRING);
}

/* Mistral's agents answer under …/agents/completions; some gateways use paths of their own. */
static int chat_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);
	bool shape;

	if (!gen_is_post(x))
		return 0;
	if (view_ends(path, VIEW("/messages")) || message_header(&x->req, "anthropic-version").n)
		return 0;
	shape = is_chat_messages(json_get(body, "messages"));
	if (view_ends(path, VIEW("/chat/completions")))
		return 2 + (shape || hosts_provider(x));
	return shape ? 1 + view_ends(path, VIEW("/completions")) : 0;
}

static bool chat_answers(struct view name, struct json data)
{
	enum { OBJECT, CHOICES, KEYS };
	static const char *const keys[] = { "object", "choices" };
	struct json f[KEYS];
	struct json_iter it;
	struct json_member m;

	gen_pick(data, keys, f, KEYS);
	if (f[CHOICES].type != JSON_ARRAY)
		return false;
	if (json_is(f[OBJECT], "chat.completion") || json_is(f[OBJECT], "chat.completion.chunk"))
		return true;
	it = json_each(f[CHOICES]);
	return json_next(&it, &m) && (json_get(m.value, "delta").type == JSON_OBJECT ||
				      json_get(m.value, "message").type == JSON_OBJECT);
}

/* Request */

static void read_modalities(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	while (json_next(&it, &m))
		if (json_is(m.value, "audio"))
			c->output_type = VIEW("speech");
}

static void read_reasoning(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->reasoning_level, json_get(v, "effort"));
}

/* Mistral: {"type":"thinking","thinking":[{"type":"text","text":…}]} or a string. */
static void part_thinking(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (v.type == JSON_STRING)
		part_text(m, "reasoning", v);
	while (json_next(&it, &e))
		part_text(m, "reasoning", json_get(e.value, "text"));
}

static void part_image(struct msgs *m, struct json v)
{
	part_uri(m, "image", v.type == JSON_OBJECT ? json_get(v, "url") : v);
}

static void part_document(struct msgs *m, struct json v)
{
	part_uri(m, "document", v);
}

static void part_refusal(struct msgs *m, struct json v)
{
	part_text(m, "refusal", v);
}

static void part_plain(struct msgs *m, struct json v)
{
	part_text(m, "text", v);
}

/* Its type is the name of the member that has what it is. */
void chat_content_part(struct msgs *m, struct json v)
{
	static const struct {
		const char *type;
		void (*write)(struct msgs *m, struct json v);
	} rows[] = {
		{ "text", part_plain },
		{ "refusal", part_refusal },
		{ "thinking", part_thinking },
		{ "image_url", part_image },
		{ "document_url", part_document },
		{ "input_audio", openai_audio },
		{ "file", openai_file },
	};
	struct json type = json_get(v, "type"), what;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!json_is(type, rows[i].type))
			continue;
		what = json_get(v, rows[i].type);
		if (what.type != JSON_NONE)
			rows[i].write(m, what);
		return;
	}
	part_generic(m, type);
}

static void content(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (gen_is_text(v))
		part_text(m, "text", v);
	if (v.type != JSON_ARRAY)
		return;
	while (json_next(&it, &e)) {
		if (e.value.type == JSON_STRING)
			part_text(m, "text", e.value);
		else
			chat_content_part(m, e.value);
	}
}

static void function_call(struct msgs *m, struct json id, struct json v)
{
	static const char *const keys[] = { "name", "arguments", "input" };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	part_tool_call(m, id, f[0], f[1].type != JSON_NONE ? f[1] : f[2]);
}

static void tool_calls(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "id", "function", "custom" };
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json f[3];

	while (json_next(&it, &e)) {
		gen_pick(e.value, keys, f, 3);
		function_call(m, f[0], f[1].type == JSON_OBJECT ? f[1] : f[2]);
	}
}

static void message_parts(struct msgs *m, const struct json *f)
{
	struct json reasoning = chat_reasoning(f);

	if (reasoning.type == JSON_STRING)
		part_text(m, "reasoning", reasoning);
	content(m, f[M_CONTENT]);
	if (gen_is_text(f[M_REFUSAL]))
		part_text(m, "refusal", f[M_REFUSAL]);
	tool_calls(m, f[M_TOOL_CALLS]);
	if (f[M_FUNCTION_CALL].type == JSON_OBJECT)
		function_call(m, (struct json){ 0 }, f[M_FUNCTION_CALL]);
	if (f[M_AUDIO].type == JSON_OBJECT)
		part_file(m, "audio", json_get(f[M_AUDIO], "id"));
}

static void message(struct msgs *m, struct json v)
{
	struct json f[M_CNT];
	struct msgs_head head;

	gen_pick(v, chat_message_keys, f, M_CNT);
	if ((!gen_is_text(f[M_ROLE]) || f[M_ROLE].cut) && f[M_CONTENT].type == JSON_NONE)
		return;
	head = (struct msgs_head){ msgs_role(f[M_ROLE], VIEW("unknown")), f[M_NAME], VIEW_NONE };
	if (!msgs_begin(m, head))
		return;
	if (view_eq(head.role, VIEW("tool")) || view_eq(head.role, VIEW("function")))
		part_tool_response(m, f[M_TOOL_CALL_ID], f[M_CONTENT], (struct json){ 0 });
	else
		message_parts(m, f);
	msgs_end(m);
}

void chat_messages(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_results(c, v, &gen_result_chat);
	if (!c->want_content || v.type != JSON_ARRAY || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	while (json_next(&it, &e))
		message(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

static void read_functions(struct gen_call *c, struct json v)
{
	openai_tools(c, v);	/* {name, description, parameters}, from before there were tools */
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_INT_FIELD("seed", seed),
	GEN_INT_FIELD("random_seed", seed),		/* Mistral */
	GEN_INT_FIELD("max_tokens", max_tokens),
	GEN_INT_FIELD("max_completion_tokens", max_tokens),
	GEN_INT_FIELD("n", choice_count),
	GEN_FN_FIELD("stop", gen_read_stop),
	GEN_FN_FIELD("response_format", openai_format),
	GEN_FN_FIELD("modalities", read_modalities),
	GEN_TEXT_FIELD("reasoning_effort", reasoning_level),
	GEN_FN_FIELD("reasoning", read_reasoning),	/* OpenRouter */
	GEN_FN_FIELD("service_tier", openai_service_tier),
	GEN_FN_FIELD("tools", openai_tools),
	GEN_FN_FIELD("functions", read_functions),
	GEN_FN_FIELD("messages", chat_messages),
	{ 0 }
};

static void chat_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	c->api_type = "chat_completions";
	gen_read(c, body, request_fields);
	openai_path_model(c, x);
}

const struct provider provider_openai_chat = {
	.name = "openai-chat",
	.flavour = "openai",
	.match = chat_match,
	.answers = chat_answers,
	.request = chat_request,
	.response = openai_chat_response,
	.event = openai_chat_event,
	.unread = openai_chat_unread,
	.finish = openai_chat_finish,
};
