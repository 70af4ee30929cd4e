// SPDX-License-Identifier: Apache-2.0
/* embedContent and batchEmbedContents, and Vertex AI's predict of embedding models. */
#include "genai/gemini.h"

static struct json first_of(struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	return v.type == JSON_ARRAY && json_next(&it, &m) ? m.value : (struct json){ 0 };
}

/* predict is a verb of many models: those that embed are given a content. */
static bool is_predict(const struct exchange *x, struct json body)
{
	return gemini_verb(x, "predict") &&
	       json_get(first_of(json_get(body, "instances")), "content").type == JSON_STRING;
}

static int embed_match(const struct exchange *x, struct json body)
{
	return gemini_verb(x, "embedContent") || gemini_verb(x, "batchEmbedContents") || is_predict(x, body) ? 3 : 0;
}

static bool embed_answers(struct view name, struct json data)
{
	return json_get(json_get(data, "embedding"), "values").type == JSON_ARRAY ||
	       json_get(first_of(json_get(data, "embeddings")), "values").type == JSON_ARRAY;
}

static void embed_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_EMBEDDINGS;
	gemini_path_model(c, x);
}

static void set_dimension(struct gen_call *c, struct json values)
{
	struct json_iter it = json_each(values);
	struct json_member m;
	int64_t n = 0;

	if (c->dimension_count.set || values.type != JSON_ARRAY || !gen_whole(values))
		return;
	while (json_next(&it, &m))
		n++;
	c->dimension_count = (struct opt_int){ true, n };
}

static void read_one(struct gen_call *c, struct json v)
{
	set_dimension(c, json_get(v, "values"));
}

static void read_many(struct gen_call *c, struct json v)
{
	read_one(c, first_of(v));
}

/* Each prediction counts the tokens of its own text. */
static void read_predictions(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	struct json embedding;
	struct opt_int n;
	int64_t sum = 0;
	bool any = false;

	while (json_next(&it, &m)) {
		embedding = json_get(m.value, "embeddings");
		read_one(c, embedding);
		n = (struct opt_int){ 0 };
		gen_set_count(&n, json_get(json_get(embedding, "statistics"), "token_count"));
		if (__builtin_add_overflow(sum, n.v, &sum))
			return;
		any |= n.set;
	}
	if (any && gen_whole(v))
		c->input_tokens = (struct opt_int){ true, sum };
}

static void read_usage(struct gen_call *c, struct json v)
{
	gen_set_count(&c->input_tokens, json_get(v, "promptTokenCount"));
}

static const struct gen_field answer_fields[] = {
	GEN_FN_FIELD("embedding", read_one),
	GEN_FN_FIELD("embeddings", read_many),
	GEN_FN_FIELD("predictions", read_predictions),
	GEN_FN_FIELD("usageMetadata", read_usage),
	{ 0 }
};

static void embed_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void embed_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_error(c, json_get(v, "error"));
}

const struct provider provider_gemini_embed = {
	.name = "gemini-embed",
	.flavour = "gcp.gen_ai",
	.match = embed_match,
	.answers = embed_answers,
	.request = embed_request,
	.response = embed_response,
	.event = embed_event,
};
