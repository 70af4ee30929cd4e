// SPDX-License-Identifier: Apache-2.0
/*
 * The Live API (WebSocket): a turn goes from the first word or sound of the client to
 * turnComplete, over calls of tools that are answered meanwhile.
 */
#include "genai/gemini.h"
#include "genai/session.h"

static bool live_is(const struct exchange *x)
{
	struct view path = gen_path(x);

	return path.n && memmem(path.p, path.n, "BidiGenerateContent", 19);
}

static bool says_something(struct json input)
{
	static const char *const keys[] = { "audio", "text", "video", "activityStart", "mediaChunks" };
	struct json f[5];

	gen_pick(input, keys, f, 5);
	for (size_t i = 0; i < 5; i++)
		if (f[i].type != JSON_NONE)
			return true;
	return false;
}

/* Sound may go on for ever: only an answer makes a turn of it. */
static struct gen_step live_client(struct json v)
{
	static const char *const keys[] = { "clientContent", "realtimeInput", "toolResponse" };
	struct gen_step step = { .body = v, .only_if_idle = true };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	if (f[0].type == JSON_OBJECT || f[2].type == JSON_OBJECT) {
		step.kind = STEP_BEGIN;
	} else if (f[1].type == JSON_OBJECT && says_something(f[1])) {
		step.kind = STEP_BEGIN;
		step.maybe = true;
	}
	return step;
}

static struct gen_step live_read(bool client, struct json v)
{
	static const char *const keys[] = { "serverContent", "toolCall", "usageMetadata" };
	struct gen_step step = { 0 };
	struct json f[3];

	if (client)
		return live_client(v);
	gen_pick(v, keys, f, 3);
	if (json_get(f[0], "turnComplete").type == JSON_TRUE)
		step.kind = STEP_END;
	else if (f[0].type == JSON_OBJECT || f[1].type == JSON_OBJECT || f[2].type == JSON_OBJECT)
		step.kind = STEP_EVENT;
	return step;
}

static struct json live_setup(bool client, struct json v)
{
	return client ? json_get(v, "setup") : (struct json){ 0 };
}

static int live_match(const struct exchange *x, struct json body)
{
	return 0;
}

static bool live_answers(struct view name, struct json data)
{
	return false;
}

static void read_turns(struct gen_call *c, struct json v)
{
	gemini_contents(c, json_get(v, "turns"));
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("generationConfig", gemini_config),
	GEN_FN_FIELD("generation_config", gemini_config),
	GEN_FN_FIELD("systemInstruction", gemini_system),
	GEN_FN_FIELD("system_instruction", gemini_system),
	GEN_FN_FIELD("tools", gemini_tools),
	GEN_FN_FIELD("clientContent", read_turns),
	{ 0 }
};

static void live_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	if (!c->state)
		gemini_begin(c);
	gen_read(c, body, request_fields);
}

static void read_transcription(struct gen_call *c, struct json v)
{
	struct json text = json_get(v, "text");

	if (gen_is_text(text))
		gen_part_add(c, gen_part(c, gen_choice(c, 0), GEN_TEXT, -1, -1), text);
}

static void read_content(struct gen_call *c, struct json v)
{
	enum { TURN, COMPLETE, INTERRUPTED, TRANSCRIPTION, KEYS };
	static const char *const keys[KEYS] = { "modelTurn", "turnComplete", "interrupted", "outputTranscription" };
	struct gen_choice *ch = gen_choice(c, 0);
	struct json f[KEYS];

	if (!ch)
		return;
	gen_pick(v, keys, f, KEYS);
	gemini_answer_parts(c, ch, json_get(f[TURN], "parts"));
	read_transcription(c, f[TRANSCRIPTION]);
	if (f[INTERRUPTED].type == JSON_TRUE)
		ch->finish = VIEW("interrupted");
	if (f[COMPLETE].type != JSON_TRUE)
		return;
	c->terminal = true;
	if (!ch->finish.n)
		ch->finish = VIEW("stop");
}

static void read_tool_call(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(json_get(v, "functionCalls"));
	struct gen_choice *ch = gen_choice(c, 0);
	struct json_member e;

	while (ch && json_next(&it, &e))
		gemini_answer_call(c, ch, e.value);
}

static const struct gen_field answer_fields[] = {
	GEN_FN_FIELD("serverContent", read_content),
	GEN_FN_FIELD("toolCall", read_tool_call),
	GEN_FN_FIELD("usageMetadata", gemini_usage),
	{ 0 }
};

static void live_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_read(c, v, answer_fields);
}

static const struct provider provider_gemini_live = {
	.name = "gemini-live",
	.flavour = "gcp.gen_ai",
	.match = live_match,
	.answers = live_answers,
	.request = live_request,
	.event = live_event,
};

const struct dialect dialect_gemini_live = {
	.name = "gemini-live",
	.provider = &provider_gemini_live,
	.match = live_is,
	.read = live_read,
	.setup = live_setup,
};
