// SPDX-License-Identifier: Apache-2.0
/*
 * InvokeModel with models that speak neither of the chat APIs: Titan, Llama, Mistral's
 * and Cohere's older ones, AI21's Jurassic, DeepSeek's R1, Claude's first, and those that embed.  Their
 * words do not collide, so one table reads them all.
 */
#include "genai/bedrock.h"

static void read_prompt(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_STRING || c->input_messages.n || c->op == GEN_EMBEDDINGS)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text(&m, "text", v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static void read_config(struct gen_call *c, struct json v);

static const struct gen_field request_fields[] = {
	GEN_FN_FIELD("prompt", read_prompt),
	GEN_FN_FIELD("inputText", read_prompt),
	GEN_FN_FIELD("message", read_prompt),
	GEN_FN_FIELD("textGenerationConfig", read_config),
	GEN_INT_FIELD("max_tokens", max_tokens),
	GEN_INT_FIELD("max_tokens_to_sample", max_tokens),
	GEN_INT_FIELD("max_gen_len", max_tokens),
	GEN_INT_FIELD("maxTokens", max_tokens),
	GEN_INT_FIELD("maxTokenCount", max_tokens),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_DOUBLE_FIELD("topP", top_p),
	GEN_DOUBLE_FIELD("p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_INT_FIELD("k", top_k),
	GEN_INT_FIELD("num_generations", choice_count),
	GEN_INT_FIELD("dimensions", dimension_count),
	GEN_FN_FIELD("stop_sequences", gen_read_stop),
	GEN_FN_FIELD("stopSequences", gen_read_stop),
	GEN_FN_FIELD("stop", gen_read_stop),
	{ 0 }
};

static void read_config(struct gen_call *c, struct json v)
{
	gen_read(c, v, request_fields);
}

void bedrock_text_request(struct gen_call *c, struct json body)
{
	gen_read(c, body, request_fields);
}

/* Answers: a text and a reason, at the top or in a list. */

static void add_output(struct gen_call *c, int64_t index, struct json v)
{
	enum { TEXT, OUTPUT_TEXT, COMPLETION, GENERATION, DATA, STOP, FINISH, COMPLETION_REASON, FINISH_REASON, COUNT, KEYS };
	static const char *const keys[KEYS] = { "text", "outputText", "completion", "generation", "data", "stop_reason",
						"finish_reason", "completionReason", "finishReason", "tokenCount" };
	struct gen_choice *ch;
	struct json f[KEYS];

	gen_pick(v, keys, f, KEYS);
	f[TEXT] = f[DATA].type == JSON_OBJECT ? json_get(f[DATA], "text") : f[TEXT];
	f[FINISH_REASON] = f[FINISH_REASON].type == JSON_OBJECT ? json_get(f[FINISH_REASON], "reason") : f[FINISH_REASON];
	for (size_t i = TEXT; i <= GENERATION; i++) {
		if (!gen_is_text(f[i]))
			continue;
		ch = gen_choice(c, index);
		gen_part_add(c, gen_part(c, ch, GEN_TEXT, 0, -1), f[i]);
		break;
	}
	for (size_t i = STOP; i <= FINISH_REASON; i++) {
		ch = gen_is_text(f[i]) ? gen_choice(c, index) : NULL;
		if (ch)
			gen_set_text(c, &ch->finish, f[i]);
	}
	gen_set_count(&c->output_tokens, f[COUNT]);
}

static void read_list(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	for (int64_t i = 0; v.type == JSON_ARRAY && json_next(&it, &e); i++)
		add_output(c, i, e.value);
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("generation_id", response_id),
	GEN_COUNT_FIELD("inputTextTokenCount", input_tokens),
	GEN_COUNT_FIELD("prompt_token_count", input_tokens),
	GEN_COUNT_FIELD("generation_token_count", output_tokens),
	GEN_COUNT_FIELD("totalOutputTextTokenCount", output_tokens),
	GEN_FN_FIELD("results", read_list),
	GEN_FN_FIELD("outputs", read_list),
	GEN_FN_FIELD("generations", read_list),
	GEN_FN_FIELD("completions", read_list),
	GEN_FN_FIELD("choices", read_list),
	GEN_FN_FIELD("embedding", gen_read_vector),
	GEN_FN_FIELD("embeddings", gen_read_vector),
	{ 0 }
};

void bedrock_text_answer(struct gen_call *c, struct json body)
{
	gen_read(c, body, answer_fields);
	if (c->op != GEN_EMBEDDINGS)
		add_output(c, 0, body);
}
