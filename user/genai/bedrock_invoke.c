// SPDX-License-Identifier: Apache-2.0
/*
 * InvokeModel: each family of models in its own words, which other providers' readers
 * know.  The stream has the family's events in base64, one in each "chunk", and
 * Bedrock's own count of tokens in the last one.
 */
#include "genai/bedrock.h"

extern const struct provider provider_anthropic_messages, provider_openai_chat;

static const struct view operations[] = {
	VIEW("invoke"), VIEW("invoke-with-response-stream"),
};

static int invoke_match(const struct exchange *x, struct json body)
{
	return bedrock_operation(x, operations[0].p) || bedrock_operation(x, operations[1].p) ? 3 : 0;
}

static bool invoke_answers(struct view name, struct json data)
{
	return false;
}

static bool has_model(const struct gen_call *c, const char *part)
{
	return c->request_model.n && memmem(c->request_model.p, c->request_model.n, part, strlen(part));
}

/* Those that read Nova's and the old families' words. */
static void nova_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	converse_request_body(c, body);
}

static void nova_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	converse_answer_body(c, body);
}

/* {"contentBlockDelta":{…}} */
static void nova_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	while (json_next(&it, &e))
		converse_event(c, msgs_role(e.key, VIEW_NONE), e.value.raw, e.value);
}

static const struct provider nova = { .request = nova_request, .response = nova_response, .event = nova_event };

static void text_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = has_model(c, "embed") ? GEN_EMBEDDINGS : GEN_COMPLETION;
	bedrock_text_request(c, body);
}

static void text_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	bedrock_text_answer(c, body);
}

static void text_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	bedrock_text_answer(c, v);
}

static const struct provider text = { .request = text_request, .response = text_response, .event = text_event };

/* By the request's shape; the model's name decides where there is none to see. */
static const struct provider *family(const struct gen_call *c, struct json body)
{
	enum { MESSAGES, ANTHROPIC, SCHEMA, INFERENCE, KEYS };
	static const char *const keys[KEYS] = { "messages", "anthropic_version", "schemaVersion", "inferenceConfig" };
	struct json f[KEYS];

	gen_pick(body, keys, f, KEYS);
	if (f[MESSAGES].type == JSON_NONE && body.type == JSON_OBJECT && !body.cut)
		return &text;
	if (f[ANTHROPIC].type != JSON_NONE || has_model(c, "anthropic."))
		return &provider_anthropic_messages;
	if (f[SCHEMA].type != JSON_NONE || f[INFERENCE].type != JSON_NONE || has_model(c, "amazon.nova"))
		return &nova;
	return f[MESSAGES].type == JSON_NONE ? &text : &provider_openai_chat;
}

static void invoke_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	struct view guardrail = message_header(&x->req, "x-amzn-bedrock-guardrailidentifier");
	struct view model;

	bedrock_path_model(c, x);
	model = c->request_model;
	c->inner = family(c, body);
	c->inner->request(c, x, body);
	c->request_model = model;
	c->stream |= bedrock_operation(x, operations[1].p);
	c->api_type = NULL;
	if (guardrail.n)
		c->guardrail_id = gen_copy(c, guardrail);
	/* Its texts stand in base64: none of its events is one that came before. */
	if (!c->state)
		c->state = arena_alloc(&c->arena, 1);
	c->state_size = 0;
}

static void invoke_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	if (c->inner)
		c->inner->response(c, x, body);
}

static void inner_event(struct gen_call *c, struct json v)
{
	struct json metrics = json_get(v, "amazon-bedrock-invocationMetrics");
	struct view name = msgs_role(json_get(v, "type"), VIEW("message"));

	c->inner->event(c, name, v.raw, v);
	if (metrics.type != JSON_OBJECT)
		return;
	if (!c->input_tokens.set && !c->output_tokens.set)
		bedrock_usage(c, metrics);
	c->terminal = true;
}

static void invoke_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct json bytes = json_get(v, "bytes");
	struct buf inner;

	if (bedrock_exception(c, name, v) || !c->inner || bytes.type != JSON_STRING)
		return;
	buf_init(&inner, bytes.raw.n);
	bedrock_base64(&inner, bytes.raw);
	if (inner.n)
		inner_event(c, json_read(buf_view(&inner)));
	buf_release(&inner);
}

static void set_from_header(struct opt_int *to, const struct exchange *x, const char *name)
{
	struct view v = message_header(&x->resp, name);

	if (v.n)
		gen_set_count(to, json_read(v));
}

/* Where the body does not count, headers do. */
static void header_usage(struct gen_call *c, const struct exchange *x)
{
	struct opt_int in = { 0 }, read = { 0 }, write = { 0 };

	if (c->input_tokens.set || c->output_tokens.set)
		return;
	set_from_header(&in, x, "x-amzn-bedrock-input-token-count");
	set_from_header(&c->output_tokens, x, "x-amzn-bedrock-output-token-count");
	set_from_header(&read, x, "x-amzn-bedrock-cache-read-input-token-count");
	set_from_header(&write, x, "x-amzn-bedrock-cache-write-input-token-count");
	if (__builtin_add_overflow(in.v, read.v, &in.v) || __builtin_add_overflow(in.v, write.v, &in.v))
		return;
	c->input_tokens = in;
	c->cache_read_tokens = read;
	c->cache_write_tokens = write;
}

static void invoke_finish(struct gen_call *c, const struct exchange *x)
{
	if (c->inner && c->inner->finish)
		c->inner->finish(c, x);
	header_usage(c, x);
	bedrock_finish(c, x);
}

const struct provider provider_bedrock_invoke = {
	.name = "bedrock-invoke",
	.flavour = "aws.bedrock",
	.match = invoke_match,
	.answers = invoke_answers,
	.request = invoke_request,
	.response = invoke_response,
	.event = invoke_event,
	.finish = invoke_finish,
};
