// SPDX-License-Identifier: Apache-2.0
#include "genai/responses_items.h"

enum item_form {
	ITEM_MESSAGE,
	ITEM_REASONING,
	ITEM_CALL,		/* the client shall run it */
	ITEM_OUTPUT,		/* what came of it */
	ITEM_SERVER,		/* the service ran it, results and all */
	ITEM_COMPACTION,
	ITEM_OTHER,
};

struct item_kind {
	const char *type;
	enum item_form form;
	struct view name;		/* the tool's, if the item has none; with quotes, as in JSON */
	const char *arguments;		/* ITEM_CALL: the member that has them */
	const char *const *call;	/* ITEM_SERVER: members that are the call */
	const char *const *result;	/* and those that are the result */
};

#define KEYS(...) ((const char *const []){ __VA_ARGS__, NULL })

static const struct item_kind kinds[] = {
	{ .type = "message", .form = ITEM_MESSAGE },
	{ .type = "reasoning", .form = ITEM_REASONING },
	{ .type = "function_call", .form = ITEM_CALL, .arguments = "arguments" },
	{ .type = "custom_tool_call", .form = ITEM_CALL, .arguments = "input" },
	{ .type = "local_shell_call",
	  .form = ITEM_CALL,
	  .name = VIEW("\"local_shell\""),
	  .arguments = "action" },
	{ .type = "shell_call",
	  .form = ITEM_CALL,
	  .name = VIEW("\"shell\""),
	  .arguments = "action" },
	{ .type = "apply_patch_call",
	  .form = ITEM_CALL,
	  .name = VIEW("\"apply_patch\""),
	  .arguments = "operation" },
	{ .type = "computer_call",
	  .form = ITEM_CALL,
	  .name = VIEW("\"computer\""),
	  .arguments = "action" },
	{ .type = "function_call_output", .form = ITEM_OUTPUT },
	{ .type = "custom_tool_call_output", .form = ITEM_OUTPUT },
	{ .type = "local_shell_call_output", .form = ITEM_OUTPUT },
	{ .type = "shell_call_output", .form = ITEM_OUTPUT },
	{ .type = "apply_patch_call_output", .form = ITEM_OUTPUT },
	{ .type = "computer_call_output", .form = ITEM_OUTPUT },
	{ .type = "web_search_call",
	  .form = ITEM_SERVER,
	  .name = VIEW("\"web_search\""),
	  .call = KEYS("action", "status"),
	  .result = KEYS("results") },
	{ .type = "file_search_call",
	  .form = ITEM_SERVER,
	  .name = VIEW("\"file_search\""),
	  .call = KEYS("queries", "status"),
	  .result = KEYS("results") },
	{ .type = "code_interpreter_call",
	  .form = ITEM_SERVER,
	  .name = VIEW("\"code_interpreter\""),
	  .call = KEYS("container_id", "code", "status"),
	  .result = KEYS("outputs") },
	{ .type = "image_generation_call",
	  .form = ITEM_SERVER,
	  .name = VIEW("\"image_generation\""),
	  .call = KEYS("revised_prompt", "status") },
	{ .type = "mcp_call",
	  .form = ITEM_SERVER,
	  .call = KEYS("server_label", "arguments", "approval_request_id", "status"),
	  .result = KEYS("output", "error") },
	{ .type = "mcp_approval_request",
	  .form = ITEM_SERVER,
	  .call = KEYS("server_label", "arguments"),
	  .result = KEYS("error") },
	{ .type = "mcp_list_tools",
	  .form = ITEM_SERVER,
	  .name = VIEW("\"mcp_list_tools\""),
	  .call = KEYS("server_label"),
	  .result = KEYS("error") },
	{ .type = "compaction", .form = ITEM_COMPACTION },
};

static const struct item_kind other = { .type = "", .form = ITEM_OTHER };

static const struct item_kind *kind_of(struct json type)
{
	if (type.type == JSON_NONE)	/* a bare {role, content} */
		return &kinds[0];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (json_is(type, kinds[i].type))
			return &kinds[i];
	return &other;
}

enum {
	I_TYPE,
	I_ROLE,
	I_CONTENT,
	I_SUMMARY,
	I_ID,
	I_CALL_ID,
	I_NAME,
	I_OUTPUT,
	I_RESULT,
	I_SERVER_LABEL,
	I_CNT
};

static const char *const item_keys[I_CNT] = {
	"type", "role", "content", "summary", "id", "call_id", "name", "output", "result", "server_label",
};

void responses_content_part(struct msgs *m, struct json v)
{
	enum { TYPE, TEXT, REFUSAL, IMAGE_URL, FILE_ID, INPUT_AUDIO, DATA, TRANSCRIPT, CNT };
	static const char *const keys[CNT] = {
		"type", "text", "refusal", "image_url", "file_id", "input_audio", "data", "transcript",
	};
	struct json f[CNT];

	gen_pick(v, keys, f, CNT);
	if (json_is(f[TYPE], "input_text") || json_is(f[TYPE], "output_text") ||
	    json_is(f[TYPE], "text") || json_is(f[TYPE], "summary_text") ||
	    json_is(f[TYPE], "reasoning_text"))
		part_text(m, "text", f[TEXT]);
	else if (json_is(f[TYPE], "refusal"))
		part_text(m, "refusal", f[REFUSAL]);
	else if (json_is(f[TYPE], "input_image") && gen_is_text(f[FILE_ID]))
		part_file(m, "image", f[FILE_ID]);
	else if (json_is(f[TYPE], "input_image"))
		part_uri(m, "image", f[IMAGE_URL]);
	else if (json_is(f[TYPE], "input_file"))
		openai_file(m, v);
	else if (json_is(f[TYPE], "input_audio"))
		openai_audio(m, f[INPUT_AUDIO]);
	else if (json_is(f[TYPE], "output_audio") && gen_is_text(f[DATA]))
		part_blob(m, "audio", VIEW_NONE, f[DATA]);
	else
		part_generic(m, f[TYPE]);
}

static void content(struct msgs *m, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member e;

	if (gen_is_text(v))
		part_text(m, "text", v);
	while (v.type == JSON_ARRAY && json_next(&it, &e))
		responses_content_part(m, e.value);
}

static size_t reasoning_texts(struct msgs *m, struct json list)
{
	struct json_iter it = json_each(list);
	struct json_member e;
	size_t n = 0;

	for (; json_next(&it, &e); n++)
		part_text(m, "reasoning", json_get(e.value, "text"));
	return n;
}

/* All of it may be encrypted: then there was reasoning, and nothing of it to read. */
static void reasoning(struct msgs *m, const struct json *f)
{
	size_t n = reasoning_texts(m, f[I_SUMMARY]);

	if (!(n + reasoning_texts(m, f[I_CONTENT])))
		part_text(m, "reasoning", (struct json){ 0 });
}

static struct json item_name(const struct item_kind *k, const struct json *f)
{
	struct view name = k->name.n ? k->name : VIEW("\"\"");

	return gen_is_text(f[I_NAME]) ? f[I_NAME]
				      : (struct json){ .type = JSON_STRING, .raw = name };
}

static void server_call(struct msgs *m, struct json item)
{
	const struct item_kind *k;
	struct json f[I_CNT];

	gen_pick(item, item_keys, f, I_CNT);
	k = kind_of(f[I_TYPE]);
	part_server(m, &(struct part_server){
		.kind = "server_tool_call",
		.id = f[I_ID],
		.name = item_name(k, f),
		.type = f[I_TYPE],
		.from = item,
		.keys = k->call,
	});
}

static void server_result(struct msgs *m, struct json item)
{
	struct json f[I_CNT];

	gen_pick(item, item_keys, f, I_CNT);
	part_server(m, &(struct part_server){
		.kind = "server_tool_call_response",
		.id = f[I_ID],
		.type = f[I_TYPE],
		.from = item,
		.keys = kind_of(f[I_TYPE])->result,
	});
}

static bool has_result(struct json item, const struct item_kind *k)
{
	struct json v;

	for (const char *const *key = k->result; key && *key; key++) {
		v = json_get(item, *key);
		if (v.type != JSON_NONE && v.type != JSON_NULL)
			return true;
	}
	return false;
}

static void image(struct msgs *m, struct json base64)
{
	part_blob(m, "image", VIEW_NONE, base64);
}

static void server_parts(struct msgs *m, struct json item, const struct item_kind *k,
			 const struct json *f)
{
	server_call(m, item);
	if (has_result(item, k))
		server_result(m, item);
	if (gen_is_text(f[I_RESULT]))
		image(m, f[I_RESULT]);
}

static void item_parts(struct msgs *m, struct json item)
{
	const struct item_kind *k;
	struct json f[I_CNT];

	gen_pick(item, item_keys, f, I_CNT);
	k = kind_of(f[I_TYPE]);
	switch (k->form) {
	case ITEM_MESSAGE:
		content(m, f[I_CONTENT]);
		break;
	case ITEM_REASONING:
		reasoning(m, f);
		break;
	case ITEM_CALL:
		part_tool_call(m, f[I_CALL_ID], item_name(k, f), json_get(item, k->arguments));
		break;
	case ITEM_OUTPUT:
		part_tool_response(m, f[I_CALL_ID], f[I_OUTPUT], (struct json){ 0 });
		break;
	case ITEM_SERVER:
		server_parts(m, item, k, f);
		break;
	case ITEM_COMPACTION:
		part_compaction(m, f[I_ID], (struct json){ 0 });
		break;
	case ITEM_OTHER:
		part_generic(m, f[I_TYPE]);
		break;
	}
}

static struct view item_role(const struct item_kind *k, struct json role)
{
	static const struct view roles[] = {
		[ITEM_MESSAGE] = VIEW("unknown"),
		[ITEM_REASONING] = VIEW("assistant"),
		[ITEM_CALL] = VIEW("assistant"),
		[ITEM_OUTPUT] = VIEW("tool"),
		[ITEM_SERVER] = VIEW("assistant"),
		[ITEM_COMPACTION] = VIEW("assistant"),
		[ITEM_OTHER] = VIEW("unknown"),
	};

	return msgs_role(role, roles[k->form]);
}

void responses_input_item(struct msgs *m, struct json item, bool *compacted)
{
	const struct item_kind *k;
	struct json f[I_CNT];

	gen_pick(item, item_keys, f, I_CNT);
	if (f[I_TYPE].cut ||
	    (f[I_TYPE].type == JSON_NONE && (f[I_ROLE].type == JSON_NONE || f[I_ROLE].cut) &&
	     f[I_CONTENT].type == JSON_NONE))
		return;
	k = kind_of(f[I_TYPE]);
	*compacted |= k->form == ITEM_COMPACTION;
	if (!m || !msgs_begin(m, (struct msgs_head){ .role = item_role(k, f[I_ROLE]) }))
		return;
	item_parts(m, item);
	msgs_end(m);
}

/* Output */

static void out_message(struct gen_call *c, struct gen_choice *ch, const struct json *f,
			int64_t index)
{
	struct json_iter it = json_each(f[I_CONTENT]);
	struct json_member e;
	struct json type;

	gen_set_text(c, &ch->role, f[I_ROLE]);
	for (int64_t i = 0; json_next(&it, &e); i++) {
		type = json_get(e.value, "type");
		if (json_is(type, "output_text"))
			gen_part_set(c, gen_part(c, ch, GEN_TEXT, index, i),
				     json_get(e.value, "text"));
		else if (json_is(type, "refusal"))
			gen_part_set(c, gen_part(c, ch, GEN_REFUSAL, index, i),
				     json_get(e.value, "refusal"));
		else
			gen_part_write(c, gen_part(c, ch, GEN_OTHER, index, i),
				       responses_content_part, e.value);
	}
}

static int64_t out_texts(struct gen_call *c, struct gen_choice *ch, struct json list, int64_t index,
			 bool content_list)
{
	struct json_iter it = json_each(list);
	struct json_member e;
	int64_t n = 0;

	for (; json_next(&it, &e); n++)
		gen_part_set(c,
			     gen_part(c, ch, GEN_REASONING, index,
				      content_list ? responses_content_index(n) : n),
			     json_get(e.value, "text"));
	return n;
}

static void out_reasoning(struct gen_call *c, struct gen_choice *ch, const struct json *f,
			  int64_t index)
{
	int64_t n = out_texts(c, ch, f[I_SUMMARY], index, false);

	if (!(n + out_texts(c, ch, f[I_CONTENT], index, true)))
		gen_part(c, ch, GEN_REASONING, index, 0);	/* encrypted: there was some */
}

static void out_call(struct gen_call *c, struct gen_choice *ch, struct json item,
		     const struct item_kind *k, const struct json *f, int64_t index, bool whole)
{
	struct gen_part *p = gen_part(c, ch, GEN_TOOL_CALL, index, -1);
	struct json arguments = json_get(item, k->arguments);

	if (!p)
		return;
	gen_set_text(c, &p->id, f[I_CALL_ID]);
	gen_set_text(c, &p->name, item_name(k, f));
	if (arguments.type != JSON_NONE && arguments.type != JSON_NULL)
		gen_part_set(c, p, arguments);
	p->initial = !whole;
}

static void out_server(struct gen_call *c, struct gen_choice *ch, struct json item,
		       const struct item_kind *k, const struct json *f, int64_t index)
{
	struct gen_part *p = gen_part(c, ch, GEN_SERVER_TOOL_CALL, index, -1);

	if (!p)
		return;
	gen_set_text(c, &p->id, f[I_ID]);
	gen_set_text(c, &p->name, item_name(k, f));
	gen_part_write(c, p, server_call, item);
	if (has_result(item, k))
		gen_part_write(c, gen_part(c, ch, GEN_SERVER_TOOL_RESULT, index, -1), server_result,
			       item);
	if (gen_is_text(f[I_RESULT]))
		gen_part_write(c, gen_part(c, ch, GEN_OTHER, index, -1), image, f[I_RESULT]);
}

void responses_output_item(struct gen_call *c, struct gen_choice *ch, struct json item,
			   int64_t index, bool whole)
{
	const struct item_kind *k;
	struct json f[I_CNT];

	if (!ch || item.type != JSON_OBJECT)
		return;
	gen_pick(item, item_keys, f, I_CNT);
	if (f[I_TYPE].type == JSON_NONE || f[I_TYPE].cut)
		return;
	k = kind_of(f[I_TYPE]);
	if (k->form == ITEM_CALL) {
		out_call(c, ch, item, k, f, index, whole);
	} else if (k->form == ITEM_SERVER) {
		out_server(c, ch, item, k, f, index);
	} else if (k->form == ITEM_MESSAGE) {
		if (whole)
			out_message(c, ch, f, index);
	} else if (k->form == ITEM_REASONING) {
		if (whole)
			out_reasoning(c, ch, f, index);
	} else {
		c->compacted |= k->form == ITEM_COMPACTION;
		gen_part_write(c,
			       gen_part(c, ch,
					k->form == ITEM_COMPACTION ? GEN_COMPACTION : GEN_OTHER,
					index, -1),
			       item_parts, item);
	}
}
