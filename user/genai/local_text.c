// SPDX-License-Identifier: Apache-2.0
/*
 * What local servers speak beside the APIs they imitate: llama.cpp's /completion and the
 * /generate of Hugging Face's text-generation-inference.
 */
#include "genai/messages.h"

static void read_prompt(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_STRING || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text(&m, "text", v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static void add_text(struct gen_call *c, struct json v)
{
	if (gen_is_text(v))
		gen_part_add(c, gen_part(c, gen_choice(c, 0), GEN_TEXT, 0, -1), v);
}

static void set_finish(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_is_text(v) ? gen_choice(c, 0) : NULL;

	if (ch)
		gen_set_text(c, &ch->finish, v);
	c->terminal |= ch && !v.cut;
}

/* llama.cpp: the last event has no text, and all counts. */

static int llamacpp_match(const struct exchange *x, struct json body)
{
	return gen_is_post(x) && view_ends(gen_path(x), VIEW("/completion")) &&
	       json_get(body, "prompt").type != JSON_NONE ? 3 : 0;
}

static bool llamacpp_answers(struct view name, struct json data)
{
	return json_get(data, "content").type == JSON_STRING && json_get(data, "tokens_evaluated").type == JSON_NUMBER;
}

static const struct gen_field llamacpp_request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_INT_FIELD("n_predict", max_tokens),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_INT_FIELD("seed", seed),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_FN_FIELD("stop", gen_read_stop),
	GEN_FN_FIELD("prompt", read_prompt),
	{ 0 }
};

static void llamacpp_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_COMPLETION;
	gen_read(c, body, llamacpp_request_fields);
}

static const struct gen_field llamacpp_answer_fields[] = {
	GEN_TEXT_FIELD("model", response_model),
	GEN_FN_FIELD("content", add_text),
	GEN_FN_FIELD("stop_type", set_finish),
	GEN_FN_FIELD("error", gen_error),
	{ 0 }
};

/* They stand in every event, and mean something in the one that ends it. */
static void llamacpp_counts(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "stop", "tokens_evaluated", "tokens_predicted" };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	if (f[0].type != JSON_TRUE)
		return;
	gen_set_count(&c->input_tokens, f[1]);
	gen_set_count(&c->output_tokens, f[2]);
}

static void llamacpp_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, llamacpp_answer_fields);
	llamacpp_counts(c, body);
}

static void llamacpp_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_read(c, v, llamacpp_answer_fields);
	llamacpp_counts(c, v);
}

const struct provider provider_llamacpp = {
	.name = "llama.cpp",
	.flavour = "llama_cpp",
	.match = llamacpp_match,
	.answers = llamacpp_answers,
	.request = llamacpp_request,
	.response = llamacpp_response,
	.event = llamacpp_event,
};

/* text-generation-inference: each event has a token, the last one all of the text once more. */

static int tgi_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);

	return gen_is_post(x) && (view_ends(path, VIEW("/generate")) || view_ends(path, VIEW("/generate_stream"))) &&
	       json_get(body, "inputs").type == JSON_STRING ? 3 : 0;
}

static bool tgi_answers(struct view name, struct json data)
{
	return json_get(data, "generated_text").type != JSON_NONE && json_get(data, "token").type == JSON_OBJECT;
}

static const struct gen_field parameter_fields[] = {
	GEN_INT_FIELD("max_new_tokens", max_tokens),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_INT_FIELD("seed", seed),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_FN_FIELD("stop", gen_read_stop),
	{ 0 }
};

static void read_parameters(struct gen_call *c, struct json v)
{
	gen_read(c, v, parameter_fields);
}

static const struct gen_field tgi_request_fields[] = {
	GEN_FN_FIELD("inputs", read_prompt),
	GEN_FN_FIELD("parameters", read_parameters),
	{ 0 }
};

static void tgi_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_COMPLETION;
	gen_read(c, body, tgi_request_fields);
}

/* {"error":"words","error_type":"overloaded"} */
static void tgi_error(struct gen_call *c, struct json v)
{
	gen_error(c, json_get(v, "error"));
	gen_set_text(c, &c->error_type, json_get(v, "error_type"));
}

static void read_details(struct gen_call *c, struct json v)
{
	gen_set_count(&c->output_tokens, json_get(v, "generated_tokens"));
	gen_set_count(&c->input_tokens, json_get(v, "input_length"));
	set_finish(c, json_get(v, "finish_reason"));
}

static void tgi_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	add_text(c, json_get(body, "generated_text"));
	read_details(c, json_get(body, "details"));
	tgi_error(c, body);
}

static void tgi_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct json token = json_get(v, "token");

	if (json_get(token, "special").type != JSON_TRUE)
		add_text(c, json_get(token, "text"));
	read_details(c, json_get(v, "details"));
	tgi_error(c, v);
}

static void set_from_header(struct opt_int *to, const struct exchange *x, const char *name)
{
	struct view v = message_header(&x->resp, name);

	if (!to->set && v.n)
		gen_set_count(to, json_read(v));
}

static void tgi_finish(struct gen_call *c, const struct exchange *x)
{
	set_from_header(&c->input_tokens, x, "x-prompt-tokens");
	set_from_header(&c->output_tokens, x, "x-generated-tokens");
}

const struct provider provider_tgi = {
	.name = "tgi",
	.flavour = "hugging_face",
	.match = tgi_match,
	.answers = tgi_answers,
	.request = tgi_request,
	.response = tgi_response,
	.event = tgi_event,
	.finish = tgi_finish,
};
