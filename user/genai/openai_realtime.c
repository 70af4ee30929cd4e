// SPDX-License-Identifier: Apache-2.0
/*
 * The Realtime API (WebSocket): sessions of text and sound.  A response is asked for by
 * response.create, or begun by the service when it hears the user stop; response.done has all of
 * it once more, so the pieces, most of them sound, are not read.
 */
#include "genai/responses_items.h"
#include "genai/session.h"

static bool realtime_is(const struct exchange *x)
{
	struct view query = VIEW_NONE, path = VIEW_NONE;

	view_cut(x->target, '?', &path, &query);
	return view_ends(gen_path(x), VIEW("/realtime")) &&
	       !(query.n && memmem(query.p, query.n, "intent=transcription", 20));
}

static struct gen_step realtime_read(bool client, struct json v)
{
	static const char *const keys[] = { "type", "response" };
	struct gen_step step = { 0 };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	if (client) {
		step.kind = json_is(f[0], "response.create") ? STEP_BEGIN : STEP_NONE;
		step.body = f[1].type == JSON_OBJECT ? f[1] : v;
		return step;
	}
	if (json_is(f[0], "error")) {	/* of whatever was asked last; a response that was begun has its own end */
		step.kind = STEP_END;
		step.only_if_idle = true;
	} else if (gen_is_text(f[0]) && view_starts(f[0].raw, VIEW("\"response."))) {
		step.kind = json_is(f[0], "response.done") ? STEP_END : STEP_EVENT;
		step.starts = step.by_itself = json_is(f[0], "response.created");
	}
	step.id = json_get(f[1], "id");
	return step;
}

static struct json realtime_setup(bool client, struct json v)
{
	struct json type = json_get(v, "type");

	return json_is(type, "session.created") || json_is(type, "session.updated") ? json_get(v, "session")
										     : (struct json){ 0 };
}

/* Over HTTP there is none. */
static int realtime_match(const struct exchange *x, struct json body)
{
	return 0;
}

static bool realtime_answers(struct view name, struct json data)
{
	return false;
}

static void read_instructions(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || !gen_is_text(v) || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	part_text(&m, "text", v);
	c->request_cut |= !msgs_close(&m);
}

static void read_modalities(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	while (json_next(&it, &e))
		c->output_type = json_is(e.value, "audio") ? VIEW("speech") : VIEW("text");
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_INT_FIELD("max_output_tokens", max_tokens),
	GEN_FN_FIELD("output_modalities", read_modalities),
	GEN_FN_FIELD("modalities", read_modalities),
	GEN_FN_FIELD("instructions", read_instructions),
	GEN_FN_FIELD("tools", openai_tools),
	{ 0 }
};

/* ?model=gpt-realtime */
static void query_model(struct gen_call *c, const struct exchange *x)
{
	struct view path, query = VIEW_NONE, item;

	view_cut(x->target, '?', &path, &query);
	while (query.n && !c->request_model.n) {
		item = query;
		if (!view_cut(query, '&', &item, &query))
			query = VIEW_NONE;
		if (view_starts(item, VIEW("model=")) || view_starts(item, VIEW("deployment=")))
			c->request_model = gen_copy(c, view_drop(item, item.p[0] == 'm' ? 6 : 11));
	}
}

static void realtime_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	gen_read(c, body, request_fields);
	query_model(c, x);
}

static void add_content(struct gen_call *c, struct gen_choice *ch, int64_t item, struct json v)
{
	static const char *const keys[] = { "text", "transcript" };
	struct json_iter it = json_each(v);
	struct json_member e;
	struct json f[2];

	for (int64_t i = 0; json_next(&it, &e); i++) {
		gen_pick(e.value, keys, f, 2);
		f[0] = gen_is_text(f[0]) ? f[0] : f[1];
		if (gen_is_text(f[0]))
			gen_part_add(c, gen_part(c, ch, GEN_TEXT, item, i), f[0]);
	}
}

static void read_output(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_choice(c, 0);
	struct json_iter it = json_each(v);
	struct json_member e;

	for (int64_t i = 0; ch && json_next(&it, &e); i++) {
		if (json_is(json_get(e.value, "type"), "message"))
			add_content(c, ch, i, json_get(e.value, "content"));
		else
			responses_output_item(c, ch, e.value, i, true);
	}
}

static void read_details(struct gen_call *c, struct json v)
{
	struct json reason = json_get(v, "reason");
	struct gen_choice *ch = gen_is_text(reason) ? gen_choice(c, 0) : NULL;

	gen_error(c, json_get(v, "error"));
	if (ch)
		gen_set_text(c, &ch->finish, reason);
}

static const struct gen_field done_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("conversation_id", conversation_id),
	GEN_TEXT_FIELD("status", response_status),
	GEN_FN_FIELD("status_details", read_details),
	GEN_FN_FIELD("usage", openai_usage),
	GEN_FN_FIELD("output", read_output),
	{ 0 }
};

static const struct gen_field created_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("conversation_id", conversation_id),
	{ 0 }
};

static void realtime_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	static const char *const keys[] = { "type", "response", "error" };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	gen_error(c, f[2]);
	if (json_is(f[0], "response.done") && gen_whole(v)) {
		gen_read(c, f[1], done_fields);
		c->terminal = true;
	} else if (json_is(f[0], "response.created")) {
		gen_read(c, f[1], created_fields);
	}
}

/* There is no finish reason on the wire; as with the Responses API. */
static void realtime_finish(struct gen_call *c, const struct exchange *x)
{
	struct gen_choice *ch = c->terminal ? gen_choice(c, 0) : NULL;
	const struct gen_part *p;

	c->failed |= view_eq(c->response_status, VIEW("failed"));
	if (!ch || ch->finish.n)
		return;
	for (p = ch->parts; p && p->kind != GEN_TOOL_CALL; p = p->next)
		;
	if (view_eq(c->response_status, VIEW("completed")))
		ch->finish = p ? VIEW("tool_call") : VIEW("stop");
	else
		ch->finish = VIEW("error");
}

static const struct provider provider_openai_realtime = {
	.name = "openai-realtime",
	.flavour = "openai",
	.match = realtime_match,
	.answers = realtime_answers,
	.request = realtime_request,
	.event = realtime_event,
	.finish = realtime_finish,
};

const struct dialect dialect_openai_realtime = {
	.name = "openai-realtime",
	.provider = &provider_openai_realtime,
	.match = realtime_is,
	.read = realtime_read,
	.setup = realtime_setup,
};
