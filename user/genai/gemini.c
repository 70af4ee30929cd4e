// SPDX-License-Identifier: Apache-2.0
/*
 * generateContent and streamGenerateContent: the Gemini API, Vertex AI, and Code
 * Assist, which wraps both the request and the answer.  The model is in the
 * path.  Every chunk of a stream is an answer of its own with a part of the whole.
 */
#include "genai/gemini.h"

bool gemini_verb(const struct exchange *x, const char *verb)
{
	struct view path = gen_path(x), v = view_of(verb);

	if (!gen_is_post(x) || !view_ends(path, v))
		return false;
	path.n -= v.n;
	return view_ends(path, VIEW(":")) || view_ends(path, VIEW("%3A")) || view_ends(path, VIEW("%3a"));
}

void gemini_path_model(struct gen_call *c, const struct exchange *x)
{
	static const char *const markers[] = { "/models/", "/endpoints/", "/tunedModels/" };
	struct view model = VIEW_NONE;
	const char *colon;

	for (size_t i = 0; i < 3 && !model.n; i++)
		model = gen_path_part(c, x, markers[i], "/");
	colon = model.n ? memrchr(model.p, ':', model.n) : NULL;
	if (colon && colon > model.p)
		c->request_model = view_take(model, colon - model.p);
}

static int gemini_match(const struct exchange *x, struct json body)
{
	return gemini_verb(x, "generateContent") || gemini_verb(x, "streamGenerateContent") ? 3 : 0;
}

static struct json unwrap(struct json v)
{
	struct json inner = json_get(v, "response");

	return inner.type == JSON_OBJECT ? inner : v;
}

static bool gemini_answers(struct view name, struct json data)
{
	static const char *const keys[] = { "candidates", "usageMetadata", "responseId", "promptFeedback" };
	struct json f[4];

	gen_pick(unwrap(data), keys, f, 4);
	return (f[0].type == JSON_ARRAY && (f[1].type == JSON_OBJECT || f[2].type == JSON_STRING)) ||
	       (f[3].type == JSON_OBJECT && f[1].type == JSON_OBJECT);
}

/* Request */

static void read_mime(struct gen_call *c, struct json v)
{
	if (json_is(v, "application/json"))
		c->output_type = VIEW("json");
	else if (json_is(v, "text/plain"))
		c->output_type = VIEW("text");
}

static void read_modalities(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	while (json_next(&it, &e)) {
		if (json_is(e.value, "AUDIO"))
			c->output_type = VIEW("speech");
		else if (json_is(e.value, "IMAGE"))
			c->output_type = VIEW("image");
	}
}

static void read_thinking(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->reasoning_level, json_get(v, "thinkingLevel"));
	gen_set_text(c, &c->reasoning_level, json_get(v, "thinking_level"));
}

static const struct gen_field config_fields[] = {
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("topP", top_p),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("topK", top_k),
	GEN_INT_FIELD("top_k", top_k),
	GEN_INT_FIELD("candidateCount", choice_count),
	GEN_INT_FIELD("candidate_count", choice_count),
	GEN_INT_FIELD("maxOutputTokens", max_tokens),
	GEN_INT_FIELD("max_output_tokens", max_tokens),
	GEN_INT_FIELD("seed", seed),
	GEN_DOUBLE_FIELD("presencePenalty", presence_penalty),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_DOUBLE_FIELD("frequencyPenalty", frequency_penalty),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_FN_FIELD("stopSequences", gen_read_stop),
	GEN_FN_FIELD("stop_sequences", gen_read_stop),
	GEN_FN_FIELD("responseMimeType", read_mime),
	GEN_FN_FIELD("response_mime_type", read_mime),
	GEN_FN_FIELD("responseModalities", read_modalities),
	GEN_FN_FIELD("response_modalities", read_modalities),
	GEN_FN_FIELD("thinkingConfig", read_thinking),
	GEN_FN_FIELD("thinking_config", read_thinking),
	{ 0 }
};

void gemini_config(struct gen_call *c, struct json v)
{
	gen_read(c, v, config_fields);
}

static void read_session(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->conversation_id, v);
}

static const struct gen_field request_fields[] = {
	GEN_FN_FIELD("contents", gemini_contents),
	GEN_FN_FIELD("systemInstruction", gemini_system),
	GEN_FN_FIELD("system_instruction", gemini_system),
	GEN_FN_FIELD("tools", gemini_tools),
	GEN_FN_FIELD("generationConfig", gemini_config),
	GEN_FN_FIELD("generation_config", gemini_config),
	GEN_FN_FIELD("session_id", read_session),	/* Code Assist */
	{ 0 }
};

void gemini_begin(struct gen_call *c)
{
	c->op = GEN_GENERATE_CONTENT;
	c->state = arena_alloc(&c->arena, sizeof(struct gemini_state));
	c->state_size = c->state ? sizeof(struct gemini_state) : 0;
}

static void gemini_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	struct json inner = json_get(body, "request");

	gemini_begin(c);
	c->stream |= gemini_verb(x, "streamGenerateContent");
	if (inner.type == JSON_OBJECT)
		gen_set_text(c, &c->request_model, json_get(body, "model"));
	gen_read(c, inner.type == JSON_OBJECT ? inner : body, request_fields);
	gemini_path_model(c, x);
}

/* Answer */

static void read_details(struct json v, struct opt_int *text, struct opt_int *image, struct opt_int *audio)
{
	static const char *const keys[] = { "modality", "tokenCount", "token_count" };
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json f[3], n;

	while (json_next(&it, &e)) {
		gen_pick(e.value, keys, f, 3);
		n = f[1].type != JSON_NONE ? f[1] : f[2];
		if (json_is(f[0], "TEXT"))
			gen_set_count(text, n);
		else if (json_is(f[0], "IMAGE"))
			gen_set_count(image, n);
		else if (json_is(f[0], "AUDIO"))
			gen_set_count(audio, n);
	}
}

/* A count that is missing is 0 where there are any: proto3 leaves it out. */
static void sum(struct opt_int *to, bool any, struct opt_int a, struct opt_int b)
{
	int64_t n;

	if (any && !__builtin_add_overflow(a.v, b.v, &n))
		*to = (struct opt_int){ true, n };
}

/* promptTokenCount has the cached ones in it; candidatesTokenCount leaves thoughts out. */
void gemini_usage(struct gen_call *c, struct json v)
{
	enum { PROMPT, TOOL_PROMPT, CANDIDATES, RESPONSE, THOUGHTS, CACHED, IN_DETAILS, OUT_DETAILS, OUT_DETAILS2, KEYS };
	static const char *const keys[KEYS] = {
		"promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "responseTokenCount",
		"thoughtsTokenCount", "cachedContentTokenCount", "promptTokensDetails", "candidatesTokensDetails",
		"responseTokensDetails",
	};
	struct gemini_state *s = c->state;
	struct json f[KEYS];
	bool any;

	if (!s || v.type != JSON_OBJECT || !gen_whole(v))
		return;
	gen_pick(v, keys, f, KEYS);
	gen_set_count(&s->prompt, f[PROMPT]);
	gen_set_count(&s->tool_prompt, f[TOOL_PROMPT]);
	gen_set_count(&s->candidates, f[CANDIDATES]);
	gen_set_count(&s->candidates, f[RESPONSE]);
	gen_set_count(&s->thoughts, f[THOUGHTS]);
	gen_set_count(&c->cache_read_tokens, f[CACHED]);
	any = s->prompt.set || s->tool_prompt.set || s->candidates.set || s->thoughts.set;
	sum(&c->input_tokens, any, s->prompt, s->tool_prompt);
	sum(&c->output_tokens, any, s->candidates, s->thoughts);
	c->reasoning_tokens = s->thoughts;
	read_details(f[IN_DETAILS], &c->input_text_tokens, &c->input_image_tokens, &c->input_audio_tokens);
	read_details(f[OUT_DETAILS], &c->output_text_tokens, &c->output_image_tokens, &c->output_audio_tokens);
	read_details(f[OUT_DETAILS2], &c->output_text_tokens, &c->output_image_tokens, &c->output_audio_tokens);
}

static void read_candidate(struct gen_call *c, struct json v)
{
	enum { INDEX, CONTENT, FINISH, KEYS };
	static const char *const keys[KEYS] = { "index", "content", "finishReason" };
	struct gen_choice *ch;
	struct json f[KEYS];
	int64_t index = 0;

	gen_pick(v, keys, f, KEYS);
	if (!json_int(f[INDEX], &index) && v.cut && c->choice_count.v > 1)
		return;
	ch = gen_choice(c, index);
	if (!ch)
		return;
	gemini_answer_parts(c, ch, json_get(f[CONTENT], "parts"));
	gen_set_text(c, &ch->finish, f[FINISH]);
}

static void read_candidates(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	while (json_next(&it, &e))
		read_candidate(c, e.value);
}

/* A prompt that was blocked has no candidates. */
static void read_feedback(struct gen_call *c, struct json v)
{
	struct json reason = json_get(v, "blockReason");
	struct gen_choice *ch = gen_is_text(reason) ? gen_choice(c, 0) : NULL;

	if (ch && !ch->finish.n)
		gen_set_text(c, &ch->finish, reason);
}

static const struct gen_field answer_fields[] = {
	GEN_FN_FIELD("candidates", read_candidates),
	GEN_FN_FIELD("promptFeedback", read_feedback),
	GEN_FN_FIELD("usageMetadata", gemini_usage),
	GEN_TEXT_FIELD("modelVersion", response_model),
	GEN_TEXT_FIELD("responseId", response_id),
	GEN_FN_FIELD("error", gen_error),
	{ 0 }
};

static void gemini_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, unwrap(body), answer_fields);
}

/* An error may stand in an array of its own. */
static void gemini_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (v.type == JSON_ARRAY && json_next(&it, &e))
		v = e.value;
	gen_read(c, unwrap(v), answer_fields);
}

/* There is no last word but the finish reasons. */
static void gemini_finish(struct gen_call *c, const struct exchange *x)
{
	const struct gen_choice *ch = c->choices;

	gemini_args_end(c);	/* their end may be missing */
	if (!ch || (c->choice_count.set && c->choice_count.v > c->choice_cnt && ch->parts))
		return;
	while (ch && ch->finish.n)
		ch = ch->next;
	c->terminal |= !ch;
}

const struct provider provider_gemini = {
	.name = "gemini",
	.flavour = "gcp.gen_ai",
	.match = gemini_match,
	.answers = gemini_answers,
	.request = gemini_request,
	.response = gemini_response,
	.event = gemini_event,
	.finish = gemini_finish,
};
