// SPDX-License-Identifier: Apache-2.0
/*
 * Bedrock's agent runtime: a hosted agent is invoked (its words come in base64, its model calls only show in
 * traces, when those were asked for), and a knowledge base answers through a model.
 */
#include "genai/bedrock.h"
#include "genai/hosts.h"

enum operation { NONE, INVOKE, INLINE, GENERATE, GENERATE_STREAM };

static bool has(struct view path, const char *part)
{
	return path.n && memmem(path.p, path.n, part, strlen(part));
}

static enum operation operation_of(const struct exchange *x)
{
	const char *host = hosts_provider(x);
	struct view path = gen_path(x);

	if (!gen_is_post(x))
		return NONE;
	if (has(path, "/agents/") && has(path, "/agentAliases/") && has(path, "/sessions/") && view_ends(path, VIEW("/text")))
		return INVOKE;
	if (view_ends(path, VIEW("/retrieveAndGenerate")))
		return GENERATE;
	if (view_ends(path, VIEW("/retrieveAndGenerateStream")))
		return GENERATE_STREAM;
	if (view_starts(path, VIEW("/agents/")) && host && !strcmp(host, "aws.bedrock") && !has(path, "/agentAliases/"))
		return INLINE;
	return NONE;
}

static int agent_match(const struct exchange *x, struct json body)
{
	static const char *const keys[] = { "inputText", "sessionState", "endSession", "input" };
	struct json f[4];

	if (!operation_of(x))
		return 0;
	gen_pick(body, keys, f, 4);
	for (size_t i = 0; i < 4; i++)
		if (f[i].type != JSON_NONE)
			return 3;
	return body.type != JSON_OBJECT || body.cut ? 2 : 0;
}

static bool agent_answers(struct view name, struct json data)
{
	return json_get(data, "agentAliasId").type == JSON_STRING && json_get(data, "trace").type == JSON_OBJECT;
}

/* Request */

static void read_input(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (v.type == JSON_OBJECT)
		v = json_get(v, "text");
	if (!c->want_content || v.type != JSON_STRING || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text(&m, "text", v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static void read_base(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "knowledgeBaseId", "modelArn" };
	struct json base = json_get(v, "knowledgeBaseConfiguration"), f[2];

	gen_pick(base, keys, f, 2);
	gen_set_text(c, &c->data_source_id, f[0]);
	gen_set_text(c, &c->request_model, f[1]);
}

static const struct gen_field request_fields[] = {
	GEN_FN_FIELD("inputText", read_input),
	GEN_FN_FIELD("input", read_input),
	GEN_TEXT_FIELD("foundationModel", request_model),
	GEN_TEXT_FIELD("sessionId", conversation_id),
	GEN_FN_FIELD("retrieveAndGenerateConfiguration", read_base),
	{ 0 }
};

static void agent_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	enum operation op = operation_of(x);

	c->op = op == GENERATE || op == GENERATE_STREAM ? GEN_CHAT : GEN_INVOKE_AGENT;
	/* Its texts stand in base64: none of its events is one that came before. */
	c->state = arena_alloc(&c->arena, 1);
	c->stream = op == GENERATE_STREAM;
	if (op == INVOKE) {
		c->agent_id = gen_path_part(c, x, "/agents/", "/");
		c->conversation_id = gen_path_part(c, x, "/sessions/", "/");
	} else if (op == INLINE) {
		c->conversation_id = gen_path_part(c, x, "/agents/", "/");
	}
	gen_read(c, body, request_fields);
}

/* Answer */

static void add_text(struct gen_call *c, struct json v)
{
	if (gen_is_text(v))
		gen_part_add(c, gen_part(c, gen_choice(c, 0), GEN_TEXT, 0, -1), v);
}

static void on_chunk(struct gen_call *c, struct json v)
{
	struct json bytes = json_get(v, "bytes");
	struct buf text, string;
	struct jsonw w;

	if (bytes.type != JSON_STRING)
		return;
	buf_init(&text, bytes.raw.n);
	buf_init(&string, 6 * bytes.raw.n + 2);
	bedrock_base64(&text, bytes.raw);
	jsonw_init(&w, &string);
	jsonw_str(&w, buf_view(&text));
	if (!w.err)
		add_text(c, json_read(buf_view(&string)));
	buf_release(&text);
	buf_release(&string);
}

static void add(struct opt_int *to, struct json v)
{
	struct opt_int n = { 0 };
	int64_t sum;

	gen_set_count(&n, v);
	if (n.set && !__builtin_add_overflow(to->v, n.v, &sum))
		*to = (struct opt_int){ true, sum };
}

/* Of each model call of the agent, in whichever of the steps. */
static void on_trace(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(json_get(v, "trace"));
	struct json_member step;
	struct json usage;

	while (json_next(&it, &step)) {
		usage = json_get(json_get(json_get(step.value, "modelInvocationOutput"), "metadata"), "usage");
		add(&c->input_tokens, json_get(usage, "inputTokens"));
		add(&c->output_tokens, json_get(usage, "outputTokens"));
		if (json_is(step.key, "failureTrace")) {
			c->failed = true;
			gen_set_text(c, &c->error_message, json_get(step.value, "failureReason"));
		}
	}
}

/* The caller has to run something, and to come again. */
static void on_return_control(struct gen_call *c, struct json v)
{
	struct gen_choice *ch = gen_choice(c, 0);

	if (ch)
		ch->finish = VIEW("tool_call");
}

static void on_output(struct gen_call *c, struct json v)
{
	add_text(c, json_get(v, "text"));
}

static void agent_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	static const struct {
		struct view name;
		void (*read)(struct gen_call *c, struct json v);
	} events[] = {
		{ VIEW("chunk"), on_chunk },
		{ VIEW("trace"), on_trace },
		{ VIEW("returnControl"), on_return_control },
		{ VIEW("output"), on_output },
	};

	if (bedrock_exception(c, name, v))
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (view_eq(name, events[i].name))
			events[i].read(c, v);
}

static void agent_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	on_output(c, json_get(body, "output"));
	gen_set_text(c, &c->conversation_id, json_get(body, "sessionId"));
}

/* Nothing is said at the end: an answer whose stream ended well is whole. */
static void agent_finish(struct gen_call *c, const struct exchange *x)
{
	struct view session = message_header(&x->resp, "x-amzn-bedrock-knowledge-base-session-id");

	if (!c->conversation_id.n)
		c->conversation_id = gen_copy(c, session);
	bedrock_finish(c, x);
	c->terminal |= x->resp.done && !c->failed && x->status < 400;
	if (c->terminal && c->choices && !c->choices->finish.n && !c->failed)
		c->choices->finish = VIEW("stop");
}

const struct provider provider_bedrock_agent = {
	.name = "bedrock-agent",
	.flavour = "aws.bedrock",
	.match = agent_match,
	.answers = agent_answers,
	.request = agent_request,
	.response = agent_response,
	.event = agent_event,
	.finish = agent_finish,
};
