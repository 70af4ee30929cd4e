// SPDX-License-Identifier: Apache-2.0
#include "genai/openai.h"
#include "genai/results.h"

/* Who calls the cached ones what: OpenAI, DeepSeek, Moonshot, Mistral, proxies that mix the words. */
static const char *const cached_keys[] = {
	"cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens",
};
#define CACHED_KEYS (sizeof(cached_keys) / sizeof(cached_keys[0]))

static void set_first(struct opt_int *field, const struct json *v, size_t n)
{
	struct opt_int got = { 0 };

	for (size_t i = 0; i < n && !got.set; i++)
		gen_set_count(&got, v[i]);
	if (got.set)
		*field = got;
}

static void read_cached(struct gen_call *c, struct json from)
{
	struct json v[CACHED_KEYS];

	gen_pick(from, cached_keys, v, CACHED_KEYS);
	set_first(&c->cache_read_tokens, v, CACHED_KEYS);
}

static void input_details(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "text_tokens", "image_tokens", "audio_tokens",
					    "cache_write_tokens" };
	struct json f[4];

	gen_pick(v, keys, f, 4);
	read_cached(c, v);
	gen_set_count(&c->input_text_tokens, f[0]);
	gen_set_count(&c->input_image_tokens, f[1]);
	gen_set_count(&c->input_audio_tokens, f[2]);
	gen_set_count(&c->cache_write_tokens, f[3]);
}

static void output_details(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "text_tokens", "image_tokens", "audio_tokens",
					    "reasoning_tokens" };
	struct json f[4];

	gen_pick(v, keys, f, 4);
	gen_set_count(&c->output_text_tokens, f[0]);
	gen_set_count(&c->output_image_tokens, f[1]);
	gen_set_count(&c->output_audio_tokens, f[2]);
	gen_set_count(&c->reasoning_tokens, f[3]);
}

/*
 * xAI counts reasoning beside the completion, everybody else inside of it.
 * The total says which it is.
 */
static void count_reasoning(struct gen_call *c, struct opt_int total)
{
	int64_t sum;

	if (!total.set || !c->input_tokens.set || !c->output_tokens.set ||
	    !c->reasoning_tokens.set || !c->reasoning_tokens.v ||
	    __builtin_add_overflow(c->input_tokens.v, c->output_tokens.v, &sum) ||
	    __builtin_add_overflow(sum, c->reasoning_tokens.v, &sum))
		return;
	if (sum == total.v)
		c->output_tokens.v += c->reasoning_tokens.v;
}

void openai_usage(struct gen_call *c, struct json usage)
{
	static const char *const keys[] = {
		"prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "prompt_tokens_details",
		"input_tokens_details", "completion_tokens_details", "output_tokens_details", "total_tokens", "cost",
		"input_token_details", "output_token_details",	/* Realtime */
	};
	struct opt_int total = { 0 };
	struct json f[12];

	if (usage.type != JSON_OBJECT || !gen_whole(usage))
		return;
	gen_pick(usage, keys, f, 12);
	set_first(&c->input_tokens, f, 2);
	set_first(&c->output_tokens, f + 2, 2);
	read_cached(c, usage);
	input_details(c, f[4].type == JSON_OBJECT ? f[4] : f[5].type == JSON_OBJECT ? f[5] : f[10]);
	output_details(c, f[6].type == JSON_OBJECT ? f[6] : f[7].type == JSON_OBJECT ? f[7] : f[11]);
	gen_set_count(&total, f[8]);
	count_reasoning(c, total);
	/* OpenRouter; Perplexity has it in parts and in all. */
	gen_set_double(&c->cost_usd, f[9].type == JSON_OBJECT ? json_get(f[9], "total_cost") : f[9]);
}

void openai_format(struct gen_call *c, struct json format)
{
	struct json type = json_get(format, "type");

	if (c->output_type.n)
		return;
	if (json_is(type, "text"))
		c->output_type = VIEW("text");
	else if (json_is(type, "json_object") || json_is(type, "json_schema"))
		c->output_type = VIEW("json");
}

void openai_service_tier(struct gen_call *c, struct json tier)
{
	if (!json_is(tier, "auto"))
		gen_set_text(c, &c->request_service_tier, tier);
}

static void tool(struct msgs *m, struct json v)
{
	enum { TYPE, NAME, FUNCTION, CUSTOM, SERVER_LABEL, KEYS };
	static const char *const keys[] = { "type", "name", "function", "custom", "server_label" };
	struct json f[KEYS], name;
	struct view type;

	gen_pick(v, keys, f, KEYS);
	type = msgs_role(f[TYPE], VIEW("function"));
	name = f[NAME];
	for (size_t i = FUNCTION; i <= CUSTOM && !gen_is_text(name); i++)
		name = json_get(f[i], "name");
	if (!gen_is_text(name) && !v.cut)
		name = gen_is_text(f[SERVER_LABEL]) ? f[SERVER_LABEL] : f[TYPE];
	msgs_definition(m, type, name);
}

void openai_tools(struct gen_call *c, struct json tools)
{
	struct json_iter it = json_each(tools);
	struct json_member e;
	struct msgs m;

	gen_offers(c, tools);
	if (!c->want_content || tools.type != JSON_ARRAY || c->tool_definitions.n)
		return;
	msgs_open(&m, &c->tool_definitions);
	while (json_next(&it, &e))
		tool(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

void openai_path_model(struct gen_call *c, const struct exchange *x)
{
	static const char *const markers[] = { "/deployments/", "/engines/" };
	struct view model = VIEW_NONE;

	for (size_t i = 0; i < 2 && !model.n; i++)
		model = gen_path_part(c, x, markers[i], "/");
	if (model.n)
		c->request_model = model;
}

void openai_audio(struct msgs *m, struct json audio)
{
	static const char *const keys[] = { "data", "format" };
	struct json f[2];

	gen_pick(audio, keys, f, 2);
	part_blob(m, "audio",
		  json_is(f[1], "wav")	 ? VIEW("audio/wav")
		  : json_is(f[1], "mp3") ? VIEW("audio/mpeg")
					 : VIEW_NONE,
		  f[0]);
}

void openai_file(struct msgs *m, struct json file)
{
	static const char *const keys[] = { "file_id", "file_url", "file_data" };
	struct json f[3];

	gen_pick(file, keys, f, 3);
	if (gen_is_text(f[0]))
		part_file(m, "document", f[0]);
	else if (gen_is_text(f[1]))
		part_uri(m, "document", f[1]);
	else if (view_starts(f[2].raw, VIEW("\"data:")))
		part_uri(m, "document", f[2]);
	else if (gen_is_text(f[2]) && !f[2].cut)
		part_blob(m, "document", VIEW_NONE, f[2]);
}
