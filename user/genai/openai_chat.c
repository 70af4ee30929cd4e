// SPDX-License-Identifier: Apache-2.0
/* Chat Completions: OpenAI's and that of everybody who speaks it. */
#include "genai/hosts.h"
#include "genai/openai.h"

/* Where models that think aloud put it; servers that fill two of them repeat themselves, so the first counts. */
#define REASONING_KEYS "reasoning_content", "reasoning", "reasoning_text", "thinking"
#define REASONING_CNT 4

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

static void read_stream(struct gen_call *c, struct json v)
{
	json_bool(v, &c->stream);
}

static void read_stop(struct gen_call *c, struct json v)
{
	gen_strings(&c->stop_sequences, v);
}

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

/* A content part: its type is the name of the member that has what it is. */
static void content_part(struct msgs *m, struct json v)
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
			content_part(m, e.value);
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

enum {
	M_ROLE, M_NAME, M_CONTENT, M_REFUSAL, M_TOOL_CALLS, M_FUNCTION_CALL, M_TOOL_CALL_ID, M_AUDIO,
	M_REASONING, M_CNT = M_REASONING + REASONING_CNT
};

static const char *const message_keys[M_CNT] = {
	"role", "name", "content", "refusal", "tool_calls", "function_call", "tool_call_id", "audio",
	REASONING_KEYS
};

static struct json first_reasoning(const struct json *f)
{
	for (size_t i = 0; i < REASONING_CNT; i++)
		if (gen_is_text(f[i]))
			return f[i];
	return (struct json){ 0 };
}

static void message_parts(struct msgs *m, const struct json *f)
{
	struct json reasoning = first_reasoning(f + M_REASONING);

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

	gen_pick(v, message_keys, f, M_CNT);
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

static void read_messages(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

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
	GEN_FN_FIELD("stream", read_stream),
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
	GEN_FN_FIELD("stop", read_stop),
	GEN_FN_FIELD("response_format", openai_format),
	GEN_FN_FIELD("modalities", read_modalities),
	GEN_TEXT_FIELD("reasoning_effort", reasoning_level),
	GEN_FN_FIELD("reasoning", read_reasoning),	/* OpenRouter */
	GEN_FN_FIELD("service_tier", openai_service_tier),
	GEN_FN_FIELD("tools", openai_tools),
	GEN_FN_FIELD("functions", read_functions),
	GEN_FN_FIELD("messages", read_messages),
	{ 0 }
};

static void chat_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	c->api_type = "chat_completions";
	gen_read(c, body, request_fields);
	openai_path_model(c, x);
}

/* Answer: message and delta have the same members. */

static void add_text(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind, int64_t index, struct json v)
{
	if (gen_is_text(v))
		gen_part_add(c, gen_part(c, ch, kind, index, -1), v);
}

static void add_thinking(struct gen_call *c, struct gen_choice *ch, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	add_text(c, ch, GEN_REASONING, 0, v);
	while (json_next(&it, &e))
		add_text(c, ch, GEN_REASONING, 0, json_get(e.value, "text"));
}

static void add_content(struct gen_call *c, struct gen_choice *ch, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json type;

	add_text(c, ch, GEN_TEXT, 0, v);
	if (v.type != JSON_ARRAY)
		return;
	while (json_next(&it, &e)) {
		type = json_get(e.value, "type");
		if (json_is(type, "text"))
			add_text(c, ch, GEN_TEXT, 0, json_get(e.value, "text"));
		else if (json_is(type, "thinking"))
			add_thinking(c, ch, json_get(e.value, "thinking"));
		else
			gen_part_write(c, gen_part_new(c, ch, GEN_OTHER, 0, -1), content_part, e.value);
	}
}

static void add_function(struct gen_call *c, struct gen_part *p, struct json v)
{
	static const char *const keys[] = { "name", "arguments", "input" };
	struct json f[3], arguments;

	if (!p)
		return;
	gen_pick(v, keys, f, 3);
	arguments = f[1].type != JSON_NONE ? f[1] : f[2];
	if (!p->name.n)
		gen_set_text(c, &p->name, f[0]);
	if (arguments.type >= JSON_ARRAY)	/* Mistral's may be an object */
		gen_part_set(c, p, arguments);
	else if (gen_is_text(arguments))
		gen_part_add(c, p, arguments);
}

/*
 * index says which call a piece belongs to.  Some servers leave it out, or
 * number all calls the same; then a new id is a new call.
 */
static void add_tool_call(struct gen_call *c, struct gen_choice *ch, struct json v, int64_t pos)
{
	enum { INDEX, ID, FUNCTION, CUSTOM, KEYS };
	static const char *const keys[] = { "index", "id", "function", "custom" };
	int64_t index = -1 - pos;
	struct json f[KEYS];
	struct gen_part *p;

	gen_pick(v, keys, f, KEYS);
	json_int(f[INDEX], &index);
	p = gen_part_find(c, ch, GEN_TOOL_CALL, index, -1);
	if (p && p->id.n && gen_is_text(f[ID]) && !json_is(f[ID], p->id.p))
		p = NULL;
	if (!p)
		p = gen_part_new(c, ch, GEN_TOOL_CALL, index, -1);
	if (!p)
		return;
	gen_set_text(c, &p->id, f[ID]);
	add_function(c, p, f[FUNCTION].type == JSON_OBJECT ? f[FUNCTION] : f[CUSTOM]);
}

static void add_tool_calls(struct gen_call *c, struct gen_choice *ch, struct json v, bool delta)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	for (int64_t pos = 0; json_next(&it, &e); pos++)
		if (!(delta && e.value.cut))	/* whose piece it is may be what was cut off */
			add_tool_call(c, ch, e.value, pos);
}

static void blob_audio(struct msgs *m, struct json v)
{
	part_blob(m, "audio", VIEW_NONE, v);
}

/* In a stream the sound is not kept: pieces of base64 put together are none. */
static void add_audio(struct gen_call *c, struct gen_choice *ch, struct json v, bool delta)
{
	static const char *const keys[] = { "data", "transcript" };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	if (!delta && gen_is_text(f[0]))
		gen_part_write(c, gen_part(c, ch, GEN_OTHER, 1, -1), blob_audio, f[0]);
	add_text(c, ch, GEN_TEXT, 1, f[1]);
}

static void add_message(struct gen_call *c, struct gen_choice *ch, struct json v, bool delta)
{
	struct json f[M_CNT];

	if (v.type != JSON_OBJECT)
		return;
	gen_pick(v, message_keys, f, M_CNT);
	gen_set_text(c, &ch->role, f[M_ROLE]);
	add_text(c, ch, GEN_REASONING, 0, first_reasoning(f + M_REASONING));
	add_content(c, ch, f[M_CONTENT]);
	add_text(c, ch, GEN_REFUSAL, 0, f[M_REFUSAL]);
	add_tool_calls(c, ch, f[M_TOOL_CALLS], delta);
	if (f[M_FUNCTION_CALL].type == JSON_OBJECT)
		add_function(c, gen_part(c, ch, GEN_TOOL_CALL, 0, 0), f[M_FUNCTION_CALL]);
	if (f[M_AUDIO].type == JSON_OBJECT)
		add_audio(c, ch, f[M_AUDIO], delta);
}

static void read_choice(struct gen_call *c, struct json v, int64_t pos)
{
	enum { INDEX, DELTA, MESSAGE, TEXT, FINISH, USAGE, ERROR, KEYS };
	static const char *const keys[] = { "index", "delta", "message", "text", "finish_reason", "usage", "error" };
	struct gen_choice *ch;
	struct json f[KEYS];
	bool delta;

	gen_pick(v, keys, f, KEYS);
	delta = f[DELTA].type == JSON_OBJECT;
	if (!json_int(f[INDEX], &pos) && v.cut && c->choice_count.set && c->choice_count.v > 1)
		return;
	ch = gen_choice(c, pos);
	if (!ch)
		return;
	add_message(c, ch, delta ? f[DELTA] : f[MESSAGE], delta);
	if (c->op == GEN_COMPLETION)
		add_text(c, ch, GEN_TEXT, 0, f[TEXT]);
	gen_set_text(c, &ch->finish, f[FINISH]);
	openai_usage(c, f[USAGE]);	/* Moonshot, once */
	gen_error(c, f[ERROR]);
}

static void read_choices(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	for (int64_t pos = 0; json_next(&it, &e); pos++)
		read_choice(c, e.value, pos);
}

static void read_groq(struct gen_call *c, struct json v)
{
	openai_usage(c, json_get(v, "usage"));
	gen_error(c, json_get(v, "error"));
}

/* Azure's first chunk has empty ones, which are none. */
static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("model", response_model),
	GEN_TEXT_FIELD("service_tier", response_service_tier),
	GEN_TEXT_FIELD("system_fingerprint", system_fingerprint),
	GEN_FN_FIELD("choices", read_choices),
	GEN_FN_FIELD("usage", openai_usage),
	GEN_FN_FIELD("x_groq", read_groq),
	GEN_FN_FIELD("error", gen_error),
	{ 0 }
};

void openai_chat_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void error_event(struct gen_call *c, struct json v)
{
	struct json error = json_get(v, "error");

	gen_error(c, error.type != JSON_NONE ? error : v);
	c->failed = true;
}

void openai_chat_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	if (view_eq(view_trim(data), VIEW("[DONE]")))
		c->terminal = true;
	else if (view_eq(name, VIEW("error")) || json_is(json_get(v, "object"), "error"))
		error_event(c, v);
	else
		gen_read(c, v, answer_fields);
}

/* [DONE] is a courtesy that some servers and impatient clients do without: the last finish reason ends it as well. */
void openai_chat_finish(struct gen_call *c, const struct exchange *x)
{
	const struct gen_choice *ch = c->choices;

	if (!ch || (c->choice_count.set && c->choice_count.v > c->choice_cnt))
		return;
	while (ch && ch->finish.n)
		ch = ch->next;
	c->terminal |= !ch;
}

const struct provider provider_openai_chat = {
	.name = "openai-chat",
	.flavour = "openai",
	.match = chat_match,
	.answers = chat_answers,
	.request = chat_request,
	.response = openai_chat_response,
	.event = openai_chat_event,
	.finish = openai_chat_finish,
};
