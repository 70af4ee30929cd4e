// SPDX-License-Identifier: Apache-2.0
/*
 * Converse and ConverseStream: one shape for all models.  A content block is an
 * object with one member, whose name is what it is.
 */
#include "genai/bedrock.h"
#include "genai/results.h"

/* Content blocks */

static struct view mime_of(struct buf *b, const char *kind, struct json format)
{
	buf_addf(b, "%s/", kind);
	buf_add(b, msgs_role(format, VIEW("*")));
	return buf_view(b);
}

static void media(struct msgs *m, const char *modality, const char *kind, struct json v)
{
	static const char *const keys[] = { "format", "source" }, *const sources[] = { "bytes", "s3Location", "text" };
	struct json f[2], s[3];
	struct buf mime;

	gen_pick(v, keys, f, 2);
	gen_pick(f[1], sources, s, 3);
	buf_init(&mime, 128);
	if (gen_is_text(s[0]))
		part_blob(m, modality, mime_of(&mime, kind, f[0]), s[0]);
	else if (s[1].type == JSON_OBJECT)
		part_uri(m, modality, json_get(s[1], "uri"));
	else if (gen_is_text(s[2]))
		part_text(m, "text", s[2]);
	buf_release(&mime);
}

static void block_text(struct msgs *m, struct json v)
{
	if (gen_is_text(v))
		part_text(m, "text", v);
}

static void block_image(struct msgs *m, struct json v)
{
	media(m, "image", "image", v);
}

static void block_audio(struct msgs *m, struct json v)
{
	media(m, "audio", "audio", v);
}

static void block_video(struct msgs *m, struct json v)
{
	media(m, "video", "video", v);
}

static void block_document(struct msgs *m, struct json v)
{
	media(m, "document", "application", v);
}

static void block_tool_use(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "toolUseId", "name", "input" };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	part_tool_call(m, f[0], f[1], f[2]);
}

static void block_tool_result(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "toolUseId", "content", "status" };
	struct json f[3], error = { 0 };

	gen_pick(v, keys, f, 3);
	if (json_is(f[2], "error"))
		error.type = JSON_TRUE;
	part_tool_response(m, f[0], f[1], error);
}

static void block_reasoning(struct msgs *m, struct json v)
{
	part_text(m, "reasoning", json_get(json_get(v, "reasoningText"), "text"));
}

static void block_guard(struct msgs *m, struct json v)
{
	block_text(m, json_get(json_get(v, "text"), "text"));
}

static void block_citations(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(json_get(v, "content"));
	struct json_member e;

	while (json_next(&it, &e))
		block_text(m, json_get(e.value, "text"));
}

static const struct block {
	const char *key;
	void (*write)(struct msgs *m, struct json v);
} blocks[] = {
	{ "text", block_text },
	{ "image", block_image },
	{ "audio", block_audio },
	{ "video", block_video },
	{ "document", block_document },
	{ "toolUse", block_tool_use },
	{ "toolResult", block_tool_result },
	{ "reasoningContent", block_reasoning },
	{ "guardContent", block_guard },
	{ "citationsContent", block_citations },
};

static const struct block *block_of(struct json v, struct json *ret)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	while (json_next(&it, &e)) {
		for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
			if (!json_is(e.key, blocks[i].key))
				continue;
			*ret = e.value;
			return &blocks[i];
		}
	}
	return NULL;
}

static void block(struct msgs *m, struct json v)
{
	struct json what;
	const struct block *b = block_of(v, &what);

	if (b)
		b->write(m, what);
}

static void content(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	block_text(m, v);
	while (v.type == JSON_ARRAY && json_next(&it, &e))
		block(m, e.value);
}

/* Request */

static void message(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "role", "content" };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	if (f[1].type == JSON_NONE ||
	    !msgs_begin(m, (struct msgs_head){ .role = msgs_role(f[0], VIEW("unknown")) }))
		return;
	content(m, f[1]);
	msgs_end(m);
}

static void read_messages(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_results(c, v, &gen_result_converse);
	if (!c->want_content || v.type != JSON_ARRAY || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	while (json_next(&it, &e))
		message(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

static void read_system(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_ARRAY || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	content(&m, v);
	c->request_cut |= !msgs_close(&m);
}

static void read_tools(struct gen_call *c, struct json v)
{
	struct json tools = json_get(v, "tools"), name;
	struct json_iter it = json_each(tools);
	struct json_member e;
	struct msgs m;

	gen_offers(c, tools);
	if (!c->want_content || tools.type != JSON_ARRAY || c->tool_definitions.n)
		return;
	msgs_open(&m, &c->tool_definitions);
	while (json_next(&it, &e)) {
		name = json_get(json_get(e.value, "toolSpec"), "name");
		msgs_definition(&m, VIEW("function"), name);
		msgs_definition(&m, VIEW("system_tool"), json_get(json_get(e.value, "systemTool"), "name"));
	}
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field config_fields[] = {
	GEN_INT_FIELD("maxTokens", max_tokens),
	GEN_INT_FIELD("max_new_tokens", max_tokens),	/* Nova */
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("topP", top_p),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_INT_FIELD("topK", top_k),
	GEN_INT_FIELD("top_k", top_k),
	GEN_FN_FIELD("stopSequences", gen_read_stop),
	{ 0 }
};

static void read_config(struct gen_call *c, struct json v)
{
	gen_read(c, v, config_fields);
}

static void read_more(struct gen_call *c, struct json v)
{
	gen_set_int(&c->top_k, json_get(v, "top_k"));
	gen_set_int(&c->top_k, json_get(json_get(v, "inferenceConfig"), "topK"));
}

static void read_guardrail(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->guardrail_id, json_get(v, "guardrailIdentifier"));
}

static void read_output_config(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->reasoning_level, json_get(v, "effort"));
	if (json_get(v, "textFormat").type == JSON_OBJECT)
		c->output_type = VIEW("json");
}

static const struct gen_field request_fields[] = {
	GEN_FN_FIELD("messages", read_messages),
	GEN_FN_FIELD("system", read_system),
	GEN_FN_FIELD("inferenceConfig", read_config),
	GEN_FN_FIELD("toolConfig", read_tools),
	GEN_FN_FIELD("additionalModelRequestFields", read_more),
	GEN_FN_FIELD("guardrailConfig", read_guardrail),
	GEN_FN_FIELD("outputConfig", read_output_config),
	{ 0 }
};

void converse_request_body(struct gen_call *c, struct json body)
{
	gen_read(c, body, request_fields);
}

static int converse_match(const struct exchange *x, struct json body)
{
	return bedrock_operation(x, "converse") || bedrock_operation(x, "converse-stream") ? 3 : 0;
}

static void converse_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	c->stream |= bedrock_operation(x, "converse-stream");
	converse_request_body(c, body);
	bedrock_path_model(c, x);
}

/* Answer */

static bool converse_answers(struct view name, struct json data)
{
	return json_get(json_get(data, "output"), "message").type == JSON_OBJECT &&
	       json_get(data, "stopReason").type == JSON_STRING;
}

static void answer_call(struct gen_call *c, struct gen_choice *ch, int64_t index, struct json v)
{
	static const char *const keys[] = { "toolUseId", "name", "input" };
	struct gen_part *p = gen_part(c, ch, GEN_TOOL_CALL, index, -1);
	struct json f[3];

	if (!p)
		return;
	gen_pick(v, keys, f, 3);
	gen_set_text(c, &p->id, f[0]);
	gen_set_text(c, &p->name, f[1]);
	if (f[2].type != JSON_NONE)
		gen_part_set(c, p, f[2]);
}

static void answer_block(struct gen_call *c, struct gen_choice *ch, int64_t index, struct json v)
{
	static const char *const keys[] = { "text", "toolUse", "reasoningContent" };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	if (gen_is_text(f[0]))
		gen_part_add(c, gen_part(c, ch, GEN_TEXT, index, -1), f[0]);
	else if (f[1].type == JSON_OBJECT)
		answer_call(c, ch, index, f[1]);
	else if (f[2].type == JSON_OBJECT)
		gen_part_set(c, gen_part(c, ch, GEN_REASONING, index, -1),
			     json_get(json_get(f[2], "reasoningText"), "text"));
	else
		gen_part_write(c, gen_part(c, ch, GEN_OTHER, index, -1), block, v);
}

static void read_output(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "role", "content" };
	struct json_member e;
	struct json_iter it;
	struct gen_choice *ch;
	struct json f[2];

	gen_pick(json_get(v, "message"), keys, f, 2);
	ch = f[1].type == JSON_ARRAY ? gen_choice(c, 0) : NULL;
	if (!ch)
		return;
	gen_set_text(c, &ch->role, f[0]);
	it = json_each(f[1]);
	for (int64_t i = 0; json_next(&it, &e); i++)
		answer_block(c, ch, i, e.value);
}

static void read_stop_reason(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_is_text(v) ? gen_choice(c, 0) : NULL;

	if (ch)
		gen_set_text(c, &ch->finish, v);
}

static void read_router(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->response_model, json_get(json_get(v, "promptRouter"), "invokedModelId"));
}

static const struct gen_field answer_fields[] = {
	GEN_FN_FIELD("output", read_output),
	GEN_FN_FIELD("stopReason", read_stop_reason),
	GEN_FN_FIELD("usage", bedrock_usage),
	GEN_FN_FIELD("trace", read_router),
	{ 0 }
};

void converse_answer_body(struct gen_call *c, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void converse_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	converse_answer_body(c, body);
}

/* Stream: only tools have a start; text and reasoning begin with their first delta. */

static void on_message_start(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_choice(c, 0);

	if (ch)
		gen_set_text(c, &ch->role, json_get(v, "role"));
}

static bool block_index(struct json v, struct json *f, const char *what, int64_t *ret)
{
	const char *const keys[] = { "contentBlockIndex", what };

	gen_pick(v, keys, f, 2);
	return json_int(f[0], ret) && f[1].type == JSON_OBJECT;
}

static void on_block_start(struct gen_call *c, struct json v)
{
	struct json f[2], tool;
	int64_t index;

	if (!block_index(v, f, "start", &index))
		return;
	tool = json_get(f[1], "toolUse");
	if (tool.type == JSON_OBJECT)
		answer_call(c, gen_choice(c, 0), index, tool);
}

static void on_block_delta(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "text", "toolUse", "reasoningContent" };
	struct gen_choice *ch = gen_choice(c, 0);
	struct json f[2], d[3], text;
	int64_t index;

	if (!ch || !block_index(v, f, "delta", &index))
		return;
	gen_pick(f[1], keys, d, 3);
	if (gen_is_text(d[0])) {
		gen_part_add(c, gen_part(c, ch, GEN_TEXT, index, -1), d[0]);
	} else if (d[1].type == JSON_OBJECT) {
		text = json_get(d[1], "input");
		if (gen_is_text(text))
			gen_part_add(c, gen_part(c, ch, GEN_TOOL_CALL, index, -1), text);
	} else if (d[2].type == JSON_OBJECT) {
		text = json_get(d[2], "text");
		if (gen_is_text(text))
			gen_part_add(c, gen_part(c, ch, GEN_REASONING, index, -1), text);
	}
}

static void on_message_stop(struct gen_call *c, struct json v)
{
	read_stop_reason(c, json_get(v, "stopReason"));
}

/* The last one. */
static void on_metadata(struct gen_call *c, struct json v)
{
	bedrock_usage(c, json_get(v, "usage"));
	read_router(c, json_get(v, "trace"));
	c->terminal = true;
}

void converse_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	static const struct {
		struct view name;
		void (*read)(struct gen_call *c, struct json v);
	} events[] = {
		{ VIEW("contentBlockDelta"), on_block_delta },
		{ VIEW("contentBlockStart"), on_block_start },
		{ VIEW("messageStart"), on_message_start },
		{ VIEW("messageStop"), on_message_stop },
		{ VIEW("metadata"), on_metadata },
	};

	if (bedrock_exception(c, name, v))
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!view_eq(name, events[i].name))
			continue;
		events[i].read(c, v);
		return;
	}
}

static const char *const unread[] = { "p", NULL };	/* padding */

const struct provider provider_bedrock_converse = {
	.name = "bedrock-converse",
	.flavour = "aws.bedrock",
	.match = converse_match,
	.answers = converse_answers,
	.request = converse_request,
	.response = converse_response,
	.event = converse_event,
	.unread = unread,
	.finish = bedrock_finish,
};
