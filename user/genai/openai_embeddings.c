// SPDX-License-Identifier: Apache-2.0
#include "genai/hosts.h"
#include "genai/openai.h"

static int embeddings_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);

	if (!gen_is_post(x))
		return 0;
	if (view_ends(path, VIEW("/multimodalembeddings")))	/* Voyage */
		return json_get(body, "inputs").type == JSON_ARRAY ? 3 : 0;
	if (!view_ends(path, VIEW("/embeddings")))
		return 0;
	if (json_get(body, "input").type != JSON_NONE)
		return 3;
	return (body.type != JSON_OBJECT || body.cut) &&
	       (view_ends(path, VIEW("/v1/embeddings")) || hosts_provider(x)) ? 2 : 0;
}

static struct json first_of(struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	return v.type == JSON_ARRAY && json_next(&it, &m) ? m.value : (struct json){ 0 };
}

static bool embeddings_answers(struct view name, struct json data)
{
	return json_is(json_get(data, "object"), "list") &&
	       json_is(json_get(first_of(json_get(data, "data")), "object"), "embedding");
}

static void read_encoding(struct gen_call *c, struct json v)
{
	gen_strings(&c->encoding_formats, v);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_INT_FIELD("dimensions", dimension_count),
	GEN_FN_FIELD("encoding_format", read_encoding),
	{ 0 }
};

static void embeddings_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_EMBEDDINGS;
	gen_read(c, body, request_fields);
	openai_path_model(c, x);
}

/* Numbers, or base64 of little-endian floats, which the SDKs ask for silently. */
static int64_t dimensions(struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	int64_t n = 0;

	if (v.type != JSON_STRING) {
		while (json_next(&it, &m))
			n++;
		return n;
	}
	/* Not the quotes, not the padding, not a slash's escape. */
	for (size_t i = 0; i < v.raw.n; i++)
		n += v.raw.p[i] != '"' && v.raw.p[i] != '=' && v.raw.p[i] != '\\';
	return n * 3 / 4 / 4;
}

static void read_data(struct gen_call *c, struct json v)
{
	struct json first = json_get(first_of(v), "embedding");

	if (!c->dimension_count.set && gen_whole(first) &&
	    (first.type == JSON_STRING || first.type == JSON_ARRAY))
		c->dimension_count = (struct opt_int){ true, dimensions(first) };
}

/* Voyage and Jina say how many in all, and nothing has come out but vectors. */
static void read_usage(struct gen_call *c, struct json v)
{
	if (!gen_whole(v))
		return;
	gen_set_count(&c->input_tokens, json_get(v, "total_tokens"));
	openai_usage(c, v);
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("model", response_model),
	GEN_FN_FIELD("usage", read_usage),
	GEN_FN_FIELD("data", read_data),
	{ 0 }
};

static void embeddings_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

/* There are no streams of them; what comes as one can only be an error. */
static void embeddings_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_error(c, json_get(v, "error"));
}

const struct provider provider_openai_embeddings = {
	.name = "openai-embeddings",
	.flavour = "openai",
	.match = embeddings_match,
	.answers = embeddings_answers,
	.request = embeddings_request,
	.response = embeddings_response,
	.event = embeddings_event,
};
