// SPDX-License-Identifier: Apache-2.0
#include "genai/hosts.h"
#include "genai/results.h"
#include "genai/responses_items.h"

/*
 * The last event of a stream has the whole answer once more, so the pieces count
 * only when it does not come.  They carry the place they belong to
 * (output_index, content_index), and are put there as they come.
 */

/* What could be the body of a request: nothing seen of it, or one of these in it. */
static bool could_be(struct json body, const char *const *keys)
{
	if (body.type != JSON_OBJECT)
		return false;
	for (; *keys; keys++)
		if (json_get(body, *keys).type != JSON_NONE)
			return true;
	return false;
}

static int responses_match(const struct exchange *x, struct json body)
{
	static const char *const usual[] = { "input", "prompt", "previous_response_id", NULL };
	static const char *const own[] = { "instructions", "previous_response_id", NULL };
	struct view path = gen_path(x);
	bool known = view_ends(path, VIEW("/v1/responses")) || hosts_provider(x);

	if (!gen_is_post(x))
		return 0;
	if (view_ends(path, VIEW("/responses")) || view_ends(path, VIEW("/responses/compact")))
		return could_be(body, usual)				 ? 3
		       : known && (body.type != JSON_OBJECT || body.cut) ? 2
									 : 0;
	if (view_ends(path, VIEW("/input_tokens")))
		return 0;
	return json_get(body, "input").type != JSON_NONE && could_be(body, own);
}

static bool responses_answers(struct view name, struct json data)
{
	struct json object = json_get(data, "object");

	return json_is(object, "response") || json_is(object, "response.compaction") ||
	       (view_starts(name, VIEW("response.")) && json_get(data, "type").type == JSON_STRING);
}

/* Request */

static void read_reasoning(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->reasoning_level, json_get(v, "effort"));
}

static void read_text(struct gen_call *c, struct json v)
{
	openai_format(c, json_get(v, "format"));
}

static void read_conversation(struct gen_call *c, struct json v)
{
	gen_set_text(c, &c->conversation_id, v.type == JSON_OBJECT ? json_get(v, "id") : v);
}

static void read_instructions(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_STRING || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	part_text(&m, "text", v);
	c->request_cut |= !msgs_close(&m);
}

static void input_text(struct msgs *m, struct json v)
{
	if (!msgs_begin(m, (struct msgs_head){ .role = VIEW("user") }))
		return;
	part_text(m, "text", v);
	msgs_end(m);
}

static void read_input(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_results(c, v, &gen_result_responses);
	if (c->input_messages.n || (v.type != JSON_STRING && v.type != JSON_ARRAY))
		return;
	if (c->want_content)
		msgs_open(&m, &c->input_messages);
	if (c->want_content && v.type == JSON_STRING)
		input_text(&m, v);
	while (json_next(&it, &e))
		responses_input_item(c->want_content ? &m : NULL, e.value, &c->compacted);
	if (c->want_content)
		c->request_cut |= !msgs_close(&m);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_DOUBLE_FIELD("temperature", temperature),
	GEN_DOUBLE_FIELD("top_p", top_p),
	GEN_DOUBLE_FIELD("frequency_penalty", frequency_penalty),
	GEN_DOUBLE_FIELD("presence_penalty", presence_penalty),
	GEN_INT_FIELD("seed", seed),
	GEN_INT_FIELD("max_output_tokens", max_tokens),
	GEN_FN_FIELD("reasoning", read_reasoning),
	GEN_FN_FIELD("text", read_text),
	GEN_FN_FIELD("service_tier", openai_service_tier),
	GEN_TEXT_FIELD("previous_response_id", previous_response_id),
	GEN_FN_FIELD("conversation", read_conversation),
	GEN_FN_FIELD("instructions", read_instructions),
	GEN_FN_FIELD("tools", openai_tools),
	GEN_FN_FIELD("input", read_input),
	{ 0 }
};

static void responses_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_CHAT;
	c->api_type = "responses";
	gen_read(c, body, request_fields);
	openai_path_model(c, x);
}

/* Answer */

static void read_output(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct gen_choice *ch = NULL;

	for (int64_t i = 0; json_next(&it, &e); i++) {
		if (!ch) {
			gen_parts_forget(c);
			ch = gen_choice(c, 0);
		}
		responses_output_item(c, ch, e.value, i, true);
	}
}

static void read_incomplete(struct gen_call *c, struct json v)
{
	struct json reason = json_get(v, "reason");
	struct gen_choice *ch = gen_is_text(reason) ? gen_choice(c, 0) : NULL;

	if (!ch)
		return;
	gen_set_text(c, &ch->finish, reason);
	if (view_eq(ch->finish, VIEW("max_output_tokens")))
		ch->finish = VIEW("length");
}

static const struct gen_field response_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("model", response_model),
	GEN_TEXT_FIELD("status", response_status),
	GEN_TEXT_FIELD("service_tier", response_service_tier),
	GEN_FN_FIELD("conversation", read_conversation),
	GEN_FN_FIELD("incomplete_details", read_incomplete),
	GEN_FN_FIELD("error", gen_error),
	GEN_FN_FIELD("usage", openai_usage),
	GEN_FN_FIELD("output", read_output),
	{ 0 }
};

static void responses_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, response_fields);
}

/* Before the end: who answers, but not yet what (service_tier may still be the one asked for). */
static const struct gen_field early_fields[] = {
	GEN_TEXT_FIELD("id", response_id),
	GEN_TEXT_FIELD("model", response_model),
	GEN_FN_FIELD("conversation", read_conversation),
	{ 0 }
};

static void on_early(struct gen_call *c, struct json v)
{
	gen_read(c, json_get(v, "response"), early_fields);
}

static void on_terminal(struct gen_call *c, struct json v)
{
	struct json response = json_get(v, "response");

	if (!gen_whole(response)) { /* what the pieces gave may be more than what is left of this */
		on_early(c, v);
		return;
	}
	gen_read(c, response, response_fields);
	c->terminal = true;
}

static void on_item(struct gen_call *c, struct json v, bool done)
{
	static const char *const keys[] = { "output_index", "item" };
	struct json f[2];
	int64_t index = 0;

	gen_pick(v, keys, f, 2);
	if (f[1].type != JSON_OBJECT || !gen_whole(f[1]) || (!json_int(f[0], &index) && v.cut))
		return;
	responses_output_item(c, gen_choice(c, 0), f[1], index, done);
}

static void on_added(struct gen_call *c, struct json v)
{
	on_item(c, v, false);
}

static void on_done(struct gen_call *c, struct json v)
{
	on_item(c, v, true);
}

static void on_error(struct gen_call *c, struct json v)
{
	struct json error = json_get(v, "error");
	static const char *const keys[] = { "code", "message" };
	struct json f[2];

	if (error.type == JSON_OBJECT || error.type == JSON_STRING) {
		gen_error(c, error);
		return;
	}
	gen_pick(v, keys, f, 2);	/* flat; its type is the event's name */
	c->failed = true;
	gen_set_text(c, &c->error_type, f[0]);
	gen_set_text(c, &c->error_message, f[1]);
}

static const struct {
	const char *name;
	void (*read)(struct gen_call *c, struct json v);
} events[] = {
	{ "response.created", on_early },
	{ "response.queued", on_early },
	{ "response.in_progress", on_early },
	{ "response.completed", on_terminal },
	{ "response.incomplete", on_terminal },
	{ "response.failed", on_terminal },
	{ "response.cancelled", on_terminal },
	{ "response.output_item.added", on_added },
	{ "response.output_item.done", on_done },
	{ "error", on_error },
};

static const struct delta {
	const char *name;
	enum gen_part_kind kind;
	const char *index2;	/* NULL: the item has one only */
	bool content;		/* see responses_content_index() */
	const char *text;
	bool whole;		/* text is all of it */
} deltas[] = {
	{ "response.output_text.delta", GEN_TEXT, "content_index", false, "delta", false },
	{ "response.output_text.done", GEN_TEXT, "content_index", false, "text", true },
	{ "response.refusal.delta", GEN_REFUSAL, "content_index", false, "delta", false },
	{ "response.refusal.done", GEN_REFUSAL, "content_index", false, "refusal", true },
	{ "response.reasoning_summary_text.delta", GEN_REASONING, "summary_index", false, "delta",
	  false },
	{ "response.reasoning_summary_text.done", GEN_REASONING, "summary_index", false, "text",
	  true },
	{ "response.reasoning_text.delta", GEN_REASONING, "content_index", true, "delta", false },
	{ "response.reasoning_text.done", GEN_REASONING, "content_index", true, "text", true },
	{ "response.function_call_arguments.delta", GEN_TOOL_CALL, NULL, false, "delta", false },
	{ "response.function_call_arguments.done", GEN_TOOL_CALL, NULL, false, "arguments", true },
	{ "response.custom_tool_call_input.delta", GEN_TOOL_CALL, NULL, false, "delta", false },
	{ "response.custom_tool_call_input.done", GEN_TOOL_CALL, NULL, false, "input", true },
};

static void on_delta(struct gen_call *c, const struct delta *d, struct json v)
{
	enum { OUTPUT, INDEX2, TEXT, KEYS };
	const char *const keys[KEYS] = { "output_index", d->index2 ? d->index2 : "", d->text };
	int64_t index = 0, index2 = 0;
	struct json f[KEYS];
	struct gen_part *p;
	bool placed;

	gen_pick(v, keys, f, KEYS);
	placed = json_int(f[OUTPUT], &index) & (json_int(f[INDEX2], &index2) | !d->index2);
	if ((v.cut && (!placed || d->whole)) || f[TEXT].type != JSON_STRING)
		return;
	index2 = !d->index2 ? -1 : d->content ? responses_content_index(index2) : index2;
	p = gen_part(c, gen_choice(c, 0), d->kind, index, index2);
	if (d->whole)
		gen_part_set(c, p, f[TEXT]);
	else
		gen_part_add(c, p, f[TEXT]);
}

static void responses_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct json type = json_get(v, "type");

	if (c->terminal)
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!json_is(type, events[i].name))
			continue;
		events[i].read(c, v);
		return;
	}
	for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++) {
		if (!json_is(type, deltas[i].name))
			continue;
		on_delta(c, &deltas[i], v);
		return;
	}
	if (view_eq(name, VIEW("error")) || json_get(v, "error").type == JSON_OBJECT)
		on_error(c, v);
}

static bool calls_tool(const struct gen_choice *ch)
{
	const struct gen_part *p = ch->parts;

	while (p && p->kind != GEN_TOOL_CALL)
		p = p->next;
	return p;
}

static bool is_pending(struct view status)
{
	return view_eq(status, VIEW("queued")) || view_eq(status, VIEW("in_progress"));
}

/*
 * There is no finish reason on the wire (semconv, OpenAI page): a failed or
 * cancelled one is "error", an incomplete one has its reason, and one that is
 * complete stopped, or wants tools run.
 */
static void responses_finish(struct gen_call *c, const struct exchange *x)
{
	bool failed = view_eq(c->response_status, VIEW("failed")) ||
		      view_eq(c->response_status, VIEW("cancelled"));
	struct gen_choice *ch;

	if (!c->terminal || is_pending(c->response_status) || !(c->response_status.n || c->choices))
		return;
	c->failed |= view_eq(c->response_status, VIEW("failed"));
	ch = gen_choice(c, 0);
	if (!ch || ch->finish.n)
		return;
	if (failed)
		ch->finish = VIEW("error");
	else if (!view_eq(c->response_status, VIEW("incomplete")))
		ch->finish = calls_tool(ch) ? VIEW("tool_call") : VIEW("stop");
}

static const char *const unread[] = { "sequence_number", "obfuscation", NULL };

const struct provider provider_openai_responses = {
	.name = "openai-responses",
	.flavour = "openai",
	.match = responses_match,
	.answers = responses_answers,
	.request = responses_request,
	.response = responses_response,
	.event = responses_event,
	.unread = unread,
	.finish = responses_finish,
};
