// SPDX-License-Identifier: Apache-2.0
/* Legacy completions; what local servers still speak for filling in the middle. */
#include "genai/hosts.h"
#include "genai/openai.h"

static int completions_match(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);

	if (!gen_is_post(x) || !view_ends(path, VIEW("/completions")) ||
	    view_ends(path, VIEW("/chat/completions")))
		return 0;
	if (json_get(body, "prompt").type != JSON_NONE)
		return 3;
	return (body.type != JSON_OBJECT || body.cut) &&
	       (view_ends(path, VIEW("/v1/completions")) || hosts_provider(x)) ? 2 : 0;
}

static bool completions_answers(struct view name, struct json data)
{
	return json_is(json_get(data, "object"), "text_completion");
}

/* One prompt, several, or tokens, which nobody can read. */
static void read_prompt(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	if (!c->want_content || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		if (v.type == JSON_STRING)
			part_text(&m, "text", v);
		while (json_next(&it, &e))
			if (e.value.type == JSON_STRING)
				part_text(&m, "text", e.value);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("top_k", top_k),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_INT_FIELD("seed", seed),
	GEN_INT_FIELD("max_tokens", max_tokens),
	GEN_INT_FIELD("n", choice_count),
	GEN_FN_FIELD("stop", gen_read_stop),
	GEN_FN_FIELD("prompt", read_prompt),
	{ 0 }
};

static void completions_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_COMPLETION;
	gen_read(c, body, request_fields);
	openai_path_model(c, x);
}

const struct provider provider_openai_completions = {
	.name = "openai-completions",
	.flavour = "openai",
	.match = completions_match,
	.answers = completions_answers,
	.request = completions_request,
	.response = openai_chat_response,
	.event = openai_chat_event,
	.unread = openai_chat_unread,
	.finish = openai_chat_finish,
};
