// SPDX-License-Identifier: Apache-2.0
#include "genai/anthropic_blocks.h"

enum {
	B_TYPE,
	B_TEXT,
	B_THINKING,
	B_ID,
	B_NAME,
	B_INPUT,
	B_TOOL_USE_ID,
	B_CONTENT,
	B_IS_ERROR,
	B_SOURCE,
	B_FILE_ID,
	B_SERVER_NAME,
	B_CNT
};

static const char *const block_keys[B_CNT] = {
	"type", "text", "thinking", "id", "name", "input", "tool_use_id", "content", "is_error", "source", "file_id",
	"server_name",
};

static void part_of_text(struct msgs *m, struct json block, const struct json *f)
{
	part_text(m, "text", f[B_TEXT]);
}

static void part_of_thinking(struct msgs *m, struct json block, const struct json *f)
{
	part_text(m, "reasoning", f[B_THINKING]);
}

/* source: base64, url, file, text, or content, which has blocks of its own. */
static void part_of_source(struct msgs *m, const char *modality, struct json source)
{
	enum { TYPE, MEDIA_TYPE, DATA, URL, FILE_ID, CONTENT, CNT };
	static const char *const keys[CNT] = { "type", "media_type", "data",
					       "url",  "file_id",    "content" };
	struct json f[CNT];

	gen_pick(source, keys, f, CNT);
	if (json_is(f[TYPE], "base64"))
		part_blob(m, modality, msgs_role(f[MEDIA_TYPE], VIEW_NONE), f[DATA]);
	else if (json_is(f[TYPE], "url"))
		part_uri(m, modality, f[URL]);
	else if (json_is(f[TYPE], "file"))
		part_file(m, modality, f[FILE_ID]);
	else if (json_is(f[TYPE], "text"))
		part_text(m, "text", f[DATA]);
	else
		part_generic(m, f[TYPE]);
}

static void part_of_image(struct msgs *m, struct json block, const struct json *f)
{
	part_of_source(m, "image", f[B_SOURCE]);
}

static void part_of_document(struct msgs *m, struct json block, const struct json *f)
{
	part_of_source(m, "document", f[B_SOURCE]);
}

static void part_of_tool_use(struct msgs *m, struct json block, const struct json *f)
{
	part_tool_call(m, f[B_ID], f[B_NAME], f[B_INPUT]);
}

static void part_of_tool_result(struct msgs *m, struct json block, const struct json *f)
{
	part_tool_response(m, f[B_TOOL_USE_ID], f[B_CONTENT], f[B_IS_ERROR]);
}

static void part_of_server_use(struct msgs *m, struct json block, const struct json *f)
{
	static const char *const keys[] = { "server_name", "input", NULL };

	part_server(m, &(struct part_server){
		.kind = "server_tool_call",
		.id = f[B_ID],
		.name = gen_is_text(f[B_NAME]) ? f[B_NAME] : f[B_TYPE],
		.type = json_is(f[B_TYPE], "server_tool_use") ? f[B_NAME] : f[B_TYPE],
		.from = block,
		.keys = keys,
	});
}

static void part_of_server_result(struct msgs *m, struct json block, const struct json *f)
{
	static const char *const keys[] = { "content", "is_error", NULL };

	part_server(m, &(struct part_server){
		.kind = "server_tool_call_response",
		.id = f[B_TOOL_USE_ID],
		.type = f[B_TYPE],
		.from = block,
		.keys = keys,
	});
}

static void part_of_upload(struct msgs *m, struct json block, const struct json *f)
{
	part_file(m, "document", f[B_FILE_ID]);
}

static void part_of_compaction(struct msgs *m, struct json block, const struct json *f)
{
	part_compaction(m, (struct json){ 0 }, f[B_CONTENT]);
}

static const struct block_kind {
	const char *type;
	void (*part)(struct msgs *m, struct json block, const struct json *f);
	enum gen_part_kind kind;	/* in an answer */
} kinds[] = {
	{ "text", part_of_text, GEN_TEXT },
	{ "thinking", part_of_thinking, GEN_REASONING },
	{ "image", part_of_image, GEN_OTHER },
	{ "document", part_of_document, GEN_OTHER },
	{ "tool_use", part_of_tool_use, GEN_TOOL_CALL },
	{ "tool_result", part_of_tool_result, GEN_OTHER },
	{ "server_tool_use", part_of_server_use, GEN_SERVER_TOOL_CALL },
	{ "mcp_tool_use", part_of_server_use, GEN_SERVER_TOOL_CALL },
	{ "container_upload", part_of_upload, GEN_OTHER },
	{ "compaction", part_of_compaction, GEN_COMPACTION },
};

static const struct block_kind server_result = { "", part_of_server_result,
						 GEN_SERVER_TOOL_RESULT };

/*
 * NULL: one we do not know.  web_search_tool_result, mcp_tool_result and their like are all made
 * the same.
 */
static const struct block_kind *kind_of(struct json type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (json_is(type, kinds[i].type))
			return &kinds[i];
	return view_ends(type.raw, VIEW("_tool_result\"")) ? &server_result : NULL;
}

void anthropic_part(struct msgs *m, struct json block)
{
	const struct block_kind *k;
	struct json f[B_CNT];

	gen_pick(block, block_keys, f, B_CNT);
	k = kind_of(f[B_TYPE]);
	if (k)
		k->part(m, block, f);
	else
		part_generic(m, f[B_TYPE]);
}

void anthropic_content(struct msgs *m, struct json content)
{
	struct json_iter it = json_each(content);
	struct json_member e;

	if (gen_is_text(content))
		part_text(m, "text", content);
	while (content.type == JSON_ARRAY && json_next(&it, &e))
		anthropic_part(m, e.value);
}

/*
 * The input is complete in a whole answer, and in some servers' first event; else "{}" until deltas
 * come.
 */
static void call_block(struct gen_call *c, struct gen_part *p, const struct json *f, bool whole)
{
	gen_set_text(c, &p->id, f[B_ID]);
	gen_set_text(c, &p->name, f[B_NAME]);
	gen_set_text(c, &p->server, f[B_SERVER_NAME]);
	if (json_is(f[B_TYPE], "mcp_tool_use"))
		gen_set_text(c, &p->type, f[B_TYPE]);
	gen_part_set(c, p, f[B_INPUT]);
	p->initial = !whole;
}

void anthropic_block(struct gen_call *c, struct gen_choice *ch, struct json block, int64_t index,
		     bool whole)
{
	const struct block_kind *k;
	struct json f[B_CNT];
	struct gen_part *p;

	gen_pick(block, block_keys, f, B_CNT);
	if (f[B_TYPE].type != JSON_STRING || f[B_TYPE].cut)
		return;
	k = kind_of(f[B_TYPE]);
	p = gen_part_new(c, ch, k ? k->kind : GEN_OTHER, index, -1);
	if (!p)
		return;
	if (p->kind == GEN_TEXT)
		gen_part_set(c, p, f[B_TEXT]);
	else if (p->kind == GEN_REASONING)
		gen_part_set(c, p, f[B_THINKING]);
	else if (p->kind == GEN_COMPACTION)
		gen_part_set(c, p, f[B_CONTENT]);
	else if (p->kind == GEN_TOOL_CALL || p->kind == GEN_SERVER_TOOL_CALL)
		call_block(c, p, f, whole);
	else
		gen_part_write(c, p, anthropic_part, block);
	c->compacted |= p->kind == GEN_COMPACTION;
}
