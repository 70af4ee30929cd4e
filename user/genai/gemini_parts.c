// SPDX-License-Identifier: Apache-2.0
/*
 * Contents and their parts, which are alike in requests and answers.  Servers
 * accept and SDKs send camelCase and snake_case.
 */
#include "genai/gemini.h"
#include "genai/results.h"

enum {
	P_TEXT,
	P_THOUGHT,
	P_BLOB,
	P_FILE,
	P_CALL,
	P_RESPONSE,
	P_CODE,
	P_CODE_RESULT,
	P_BLOB2,
	P_FILE2,
	P_CALL2,
	P_RESPONSE2,
	P_CODE2,
	P_CODE_RESULT2,
	P_CNT
};

static const char *const part_keys[P_CNT] = {
	"text", "thought", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
	"codeExecutionResult", "inline_data", "file_data", "function_call", "function_response", "executable_code",
	"code_execution_result",
};

static void pick_part(struct json v, struct json *f)
{
	gen_pick(v, part_keys, f, P_CNT);
	for (size_t i = P_BLOB2; i < P_CNT; i++)
		if (f[i].type != JSON_NONE)
			f[i - P_BLOB2 + P_BLOB] = f[i];
}

/* Those that the message schema names; everything else is a document. */
static const char *modality(struct view mime)
{
	static const char *const names[] = { "image", "audio", "video" };

	for (size_t i = 0; i < 3; i++)
		if (view_starts(mime, view_of(names[i])))
			return names[i];
	return "document";
}

static void part_of_media(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "mimeType", "mime_type", "data", "fileUri", "file_uri" };
	struct view mime;
	struct json f[5];

	gen_pick(v, keys, f, 5);
	mime = msgs_role(gen_is_text(f[0]) ? f[0] : f[1], VIEW_NONE);
	if (f[2].type != JSON_NONE)
		part_blob(m, modality(mime), mime, f[2]);
	else
		part_uri(m, modality(mime), gen_is_text(f[3]) ? f[3] : f[4]);
}

static const struct json code_name = { .type = JSON_STRING, .raw = VIEW("\"code_execution\"") };
static const struct json code_type = { .type = JSON_STRING, .raw = VIEW("\"executable_code\"") };
static const struct json result_type = { .type = JSON_STRING, .raw = VIEW("\"code_execution_result\"") };

static void part_of_code(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "language", "code", NULL };

	part_server(m, &(struct part_server){
		.kind = "server_tool_call", .name = code_name, .type = code_type, .from = v, .keys = keys });
}

static void part_of_code_result(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "outcome", "output", NULL };

	part_server(m, &(struct part_server){
		.kind = "server_tool_call_response", .type = result_type, .from = v, .keys = keys });
}

static void part_of_call(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "id", "name", "args" };
	struct json f[3];

	gen_pick(v, keys, f, 3);
	part_tool_call(m, f[0], f[1], f[2]);
}

static void part_of_response(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "id", "response" };
	struct json f[2];

	gen_pick(v, keys, f, 2);
	part_tool_response(m, f[0], f[1], (struct json){ 0 });
}

static void part(struct msgs *m, struct json v)
{
	struct json f[P_CNT];

	pick_part(v, f);
	if (gen_is_text(f[P_TEXT]))
		part_text(m, f[P_THOUGHT].type == JSON_TRUE ? "reasoning" : "text", f[P_TEXT]);
	else if (f[P_BLOB].type == JSON_OBJECT)
		part_of_media(m, f[P_BLOB]);
	else if (f[P_FILE].type == JSON_OBJECT)
		part_of_media(m, f[P_FILE]);
	else if (f[P_CALL].type == JSON_OBJECT)
		part_of_call(m, f[P_CALL]);
	else if (f[P_RESPONSE].type == JSON_OBJECT)
		part_of_response(m, f[P_RESPONSE]);
	else if (f[P_CODE].type == JSON_OBJECT)
		part_of_code(m, f[P_CODE]);
	else if (f[P_CODE_RESULT].type == JSON_OBJECT)
		part_of_code_result(m, f[P_CODE_RESULT]);
}

/* Several, one, or a bare string. */
static void parts(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (v.type == JSON_STRING)
		part_text(m, "text", v);
	else if (v.type == JSON_OBJECT)
		part(m, v);
	while (v.type == JSON_ARRAY && json_next(&it, &e))
		part(m, e.value);
}

static void content(struct msgs *m, struct json v)
{
	static const char *const keys[] = { "role", "parts" };
	struct view role;
	struct json f[2];

	gen_pick(v, keys, f, 2);
	role = msgs_role(f[0], VIEW("user"));
	if (view_eq(role, VIEW("model")))
		role = VIEW("assistant");
	else if (view_eq(role, VIEW("function")))
		role = VIEW("tool");
	if (f[1].type == JSON_NONE || !msgs_begin(m, (struct msgs_head){ .role = role }))
		return;
	parts(m, f[1]);
	msgs_end(m);
}

void gemini_contents(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_results(c, v, &gen_result_gemini);
	if (!c->want_content || v.type < JSON_ARRAY || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (v.type == JSON_OBJECT)
		content(&m, v);
	while (v.type == JSON_ARRAY && json_next(&it, &e))
		content(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

void gemini_system(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type == JSON_NONE || c->system_instructions.n)
		return;
	msgs_open(&m, &c->system_instructions);
	parts(&m, v.type == JSON_OBJECT ? json_get(v, "parts") : v);
	c->request_cut |= !msgs_close(&m);
}

/* A tool is an object whose members are functions, or what the service has of its own. */
static void tool(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v), functions;
	struct json_member e, f;

	while (json_next(&it, &e)) {
		if (!json_is(e.key, "functionDeclarations") && !json_is(e.key, "function_declarations")) {
			msgs_definition(m, msgs_role(e.key, VIEW("unknown")), e.key);
			continue;
		}
		functions = json_each(e.value);
		while (json_next(&functions, &f))
			msgs_definition(m, VIEW("function"), json_get(f.value, "name"));
	}
}

void gemini_tools(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;
	struct msgs m;

	gen_offers(c, v);
	if (!c->want_content || v.type != JSON_ARRAY || c->tool_definitions.n)
		return;
	msgs_open(&m, &c->tool_definitions);
	while (json_next(&it, &e))
		tool(&m, e.value);
	c->request_cut |= !msgs_close(&m);
}

/* Answers */

static void add_text(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind, struct json text)
{
	struct gemini_state *s = c->state;
	struct gen_part *last = s ? s->last : NULL;

	if (!last || last->choice != ch || last->kind != kind)
		last = gen_part_new(c, ch, kind, c->part_cnt, -1);
	if (s)
		s->last = last;
	gen_part_add(c, last, text);
}

static void add_written(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind,
			void (*write)(struct msgs *m, struct json v), struct json v)
{
	struct gemini_state *s = c->state;

	if (s)
		s->last = NULL;
	gen_part_write(c, gen_part_new(c, ch, kind, c->part_cnt, -1), write, v);
}

static void begin_call(struct gen_call *c, struct gen_choice *ch, const struct json *f)
{
	struct gemini_state *s = c->state;
	struct gen_part *p = gen_part_new(c, ch, GEN_TOOL_CALL, c->part_cnt, -1);

	if (!p)
		return;
	gen_set_text(c, &p->id, f[0]);
	gen_set_text(c, &p->name, f[1]);
	gen_part_set(c, p, f[2]);
	if (s)
		s->call = p;
}

/* Whole, as a rule.  One that is not says willContinue, and what follows has no name. */
void gemini_answer_call(struct gen_call *c, struct gen_choice *ch, struct json call)
{
	enum { ID, NAME, ARGS, PARTIAL, MORE, KEYS };
	static const char *const keys[KEYS] = { "id", "name", "args", "partialArgs", "willContinue" };
	struct gemini_state *s = c->state;
	struct json f[KEYS];

	gen_pick(call, keys, f, KEYS);
	if (s)
		s->last = NULL;
	if (gen_is_text(f[NAME])) {
		gemini_args_end(c);
		begin_call(c, ch, f);
	}
	if (!s || !s->call)
		return;
	gemini_args_add(c, f[PARTIAL]);
	if (f[MORE].type != JSON_TRUE && !call.cut)
		gemini_args_end(c);
}

static void answer_part(struct gen_call *c, struct gen_choice *ch, struct json v)
{
	struct json f[P_CNT];

	pick_part(v, f);
	if (gen_is_text(f[P_TEXT]))
		add_text(c, ch, f[P_THOUGHT].type == JSON_TRUE ? GEN_REASONING : GEN_TEXT, f[P_TEXT]);
	else if (f[P_CALL].type == JSON_OBJECT)
		gemini_answer_call(c, ch, f[P_CALL]);
	else if (f[P_CODE].type == JSON_OBJECT)
		add_written(c, ch, GEN_SERVER_TOOL_CALL, part_of_code, f[P_CODE]);
	else if (f[P_CODE_RESULT].type == JSON_OBJECT)
		add_written(c, ch, GEN_SERVER_TOOL_RESULT, part_of_code_result, f[P_CODE_RESULT]);
	else if (f[P_BLOB].type == JSON_OBJECT || f[P_FILE].type == JSON_OBJECT)
		add_written(c, ch, GEN_OTHER, part_of_media,
			    f[P_BLOB].type == JSON_OBJECT ? f[P_BLOB] : f[P_FILE]);
}

void gemini_answer_parts(struct gen_call *c, struct gen_choice *ch, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	while (ch && v.type == JSON_ARRAY && json_next(&it, &e))
		answer_part(c, ch, e.value);
}
