// SPDX-License-Identifier: Apache-2.0
/* Answers of Chat Completions: message and delta have the same members. */
#include "genai/openai_chat.h"

/*
 * Models that think aloud put it under one of the last four names; servers that
 * fill two of them repeat themselves, so the first counts.
 */
const char *const chat_message_keys[M_CNT] = {
	"role", "name", "content", "refusal", "tool_calls", "function_call", "tool_call_id", "audio",
	"reasoning_content", "reasoning", "reasoning_text", "thinking",
};

struct json chat_reasoning(const struct json *f)
{
	for (size_t i = M_REASONING; i < M_CNT; i++)
		if (gen_is_text(f[i]))
			return f[i];
	return (struct json){ 0 };
}

static void add_text(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind,
		     int64_t index, struct json v)
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
			gen_part_write(c, gen_part_new(c, ch, GEN_OTHER, 0, -1), chat_content_part,
				       e.value);
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
	gen_pick(v, chat_message_keys, f, M_CNT);
	gen_set_text(c, &ch->role, f[M_ROLE]);
	add_text(c, ch, GEN_REASONING, 0, chat_reasoning(f));
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
	static const char *const keys[] = { "index",	     "delta", "message", "text",
					    "finish_reason", "usage", "error" };
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

const char *const openai_chat_unread[] = { "created", "obfuscation", NULL };

void openai_chat_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	if (view_eq(view_trim(data), VIEW("[DONE]")))
		c->terminal = true;
	else if (view_eq(name, VIEW("error")) || json_is(json_get(v, "object"), "error"))
		error_event(c, v);
	else
		gen_read(c, v, answer_fields);
}

/*
 * [DONE] is a courtesy that some servers and impatient clients do without: the last finish reason
 * ends it as well.
 */
void openai_chat_finish(struct gen_call *c, const struct exchange *x)
{
	const struct gen_choice *ch = c->choices;

	if (!ch || (c->choice_count.set && c->choice_count.v > c->choice_cnt))
		return;
	while (ch && ch->finish.n)
		ch = ch->next;
	c->terminal |= !ch;
}
