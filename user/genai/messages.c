// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "genai/messages.h"

#define RESERVE 64	/* more than all closing brackets */

static void keep_back(struct msgs *m)
{
	struct buf *out = m->w.out;

	out->max = m->max > RESERVE ? m->max - RESERVE : 0;
	if (out->n <= out->max)
		return;
	out->max = m->max;
	m->full = true;
}

static void msgs_init(struct msgs *m, struct buf *out)
{
	*m = (struct msgs){ .max = out->max, .start = out->n };
	jsonw_init(&m->w, out);
}

/* False: no room for anything more. */
static bool begin(struct msgs *m)
{
	m->mark = m->w.out->n;
	m->comma = m->w.comma;
	m->dropped |= m->full;
	return !m->full;
}

/* What was begun at the mark stays if all of it had room. */
static bool settle(struct msgs *m)
{
	if (!m->w.err)
		return true;
	m->w.out->n = m->mark;
	m->w.comma = m->comma;
	m->w.err = 0;
	m->full = m->dropped = true;
	return false;
}

static void close_with(struct msgs *m, const char *brackets)
{
	m->w.out->max = m->max;
	for (; *brackets; brackets++)
		jsonw_close(&m->w, *brackets);
	if (m->w.err)		/* no memory */
		m->full = true;
	keep_back(m);
}

void msgs_open(struct msgs *m, struct buf *out)
{
	msgs_init(m, out);
	jsonw_open(&m->w, '[');
	m->full = m->w.err;
	keep_back(m);
}

bool msgs_close(struct msgs *m)
{
	close_with(m, "]");
	m->w.out->max = m->max;
	if (m->w.err)
		m->w.out->n = m->start;
	return !m->dropped && !m->w.err;
}

struct view msgs_role(struct json role, struct view otherwise)
{
	struct view in;

	if (!gen_is_text(role) || role.cut)
		return otherwise;
	in = (struct view){ role.raw.p + 1, role.raw.n - 2 };
	return memchr(in.p, '\\', in.n) ? otherwise : in;
}

void msgs_put_text(struct jsonw *w, struct json v)
{
	if (v.type == JSON_STRING)
		jsonw_value(w, v);
	else if (v.type == JSON_NONE || v.type == JSON_NULL)
		jsonw_str(w, VIEW(""));
	else
		jsonw_str(w, v.raw);
}

/* Half a name or id is another one. */
static void put_whole(struct jsonw *w, const char *key, struct json v)
{
	if (v.type != JSON_STRING || v.cut)
		return;
	jsonw_key(w, key);
	jsonw_value(w, v);
}

bool msgs_begin(struct msgs *m, struct msgs_head head)
{
	struct jsonw *w = &m->w;

	if (!begin(m))
		return false;
	jsonw_open(w, '{');
	jsonw_key(w, "role");
	jsonw_str(w, head.role);
	put_whole(w, "name", head.name);
	if (head.finish.n) {
		jsonw_key(w, "finish_reason");
		jsonw_str(w, head.finish);
	}
	jsonw_key(w, "parts");
	jsonw_open(w, '[');
	return settle(m);
}

void msgs_end(struct msgs *m)
{
	close_with(m, "]}");
}

bool part_open(struct msgs *m, const char *type)
{
	if (!begin(m))
		return false;
	jsonw_open(&m->w, '{');
	jsonw_key(&m->w, "type");
	jsonw_str(&m->w, view_of(type));
	return true;
}

void part_close(struct msgs *m)
{
	jsonw_close(&m->w, '}');
	settle(m);
}

void part_text(struct msgs *m, const char *type, struct json content)
{
	if (!part_open(m, type))
		return;
	jsonw_key(&m->w, "content");
	msgs_put_text(&m->w, content);
	part_close(m);
}

void part_text_view(struct msgs *m, const char *type, struct view content)
{
	if (!part_open(m, type))
		return;
	jsonw_key(&m->w, "content");
	jsonw_str(&m->w, content);
	part_close(m);
}

static unsigned depth(struct view json)
{
	unsigned now = 0, max = 0;
	bool string = false;

	for (size_t i = 0; i < json.n; i++) {
		if (json.p[i] == '"')
			string = !string;
		else if (string)
			i += json.p[i] == '\\';
		else if (json.p[i] == '[' || json.p[i] == '{')
			max = ++now > max ? now : max;
		else if (json.p[i] == ']' || json.p[i] == '}')
			now--;
	}
	return max;
}

/*
 * A value of theirs inside of ours, where it stands deeper than it came.  Readers
 * have their limits (ours is JSON_DEPTH_MAX), so what is nested for no good is
 * given as text.
 */
static void put_value(struct jsonw *w, struct json v)
{
	if (v.type >= JSON_ARRAY && depth(v.raw) > JSON_DEPTH_MAX - 16)
		jsonw_str(w, v.raw);
	else
		jsonw_value(w, v);
}

void msgs_put_arguments(struct jsonw *w, struct view text)
{
	struct json v = json_read(text);

	if (v.type >= JSON_ARRAY && !json_check(text))
		put_value(w, v);
	else
		jsonw_str(w, text);
}

static void put_sent_arguments(struct jsonw *w, struct json v)
{
	struct buf text;

	if (v.type != JSON_STRING || v.cut) {
		put_value(w, v);
		return;
	}
	buf_init(&text, GEN_CONTENT_MAX);
	json_text(v, &text);
	msgs_put_arguments(w, text.n ? buf_view(&text) : VIEW(""));
	buf_release(&text);
}

void part_tool_call(struct msgs *m, struct json id, struct json name, struct json arguments)
{
	if (!part_open(m, "tool_call"))
		return;
	put_whole(&m->w, "id", id);
	jsonw_key(&m->w, "name");
	msgs_put_text(&m->w, name.cut ? (struct json){ 0 } : name);
	if (arguments.type != JSON_NONE) {
		jsonw_key(&m->w, "arguments");
		put_sent_arguments(&m->w, arguments);
	}
	part_close(m);
}

void part_tool_response(struct msgs *m, struct json id, struct json response, struct json is_error)
{
	if (!part_open(m, "tool_call_response"))
		return;
	put_whole(&m->w, "id", id);
	jsonw_key(&m->w, "response");
	put_value(&m->w, response);
	if (is_error.type == JSON_TRUE) {
		jsonw_key(&m->w, "is_error");
		jsonw_bool(&m->w, true);
	}
	part_close(m);
}

void part_ready(struct msgs *m, struct view part)
{
	if (!part.n || !begin(m))
		return;
	jsonw_value(&m->w, json_read(part));
	settle(m);
}

void part_compaction(struct msgs *m, struct json id, struct json content)
{
	if (!part_open(m, "compaction"))
		return;
	put_whole(&m->w, "id", id);
	if (content.type == JSON_STRING) {
		jsonw_key(&m->w, "content");
		jsonw_value(&m->w, content);
	}
	part_close(m);
}

void part_generic(struct msgs *m, struct json type)
{
	if (type.type != JSON_STRING || type.cut || !begin(m))
		return;
	jsonw_open(&m->w, '{');
	jsonw_key(&m->w, "type");
	jsonw_str(&m->w, msgs_role(type, VIEW("unknown")));
	part_close(m);
}

/* Values that only their maker can read. */
static bool is_opaque(struct json key)
{
	static const char *const keys[] = { "encrypted_content", "encrypted_index",
					    "encrypted_stdout", "signature" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_is(key, keys[i]))
			return true;
	return false;
}

static void put_key(struct jsonw *w, struct json key)
{
	struct buf text;

	buf_init(&text, GEN_CONTENT_MAX);
	json_text(key, &text);
	jsonw_key_view(w, buf_view(&text));
	buf_release(&text);
}

/* Opaque values stand near the top; below, a value is copied as it is. */
#define FILTER_LEVELS 4

static void put_readable(struct jsonw *w, struct json v, int levels)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	bool object = v.type == JSON_OBJECT;

	if (v.type < JSON_ARRAY || !levels) {
		put_value(w, v);
		return;
	}
	jsonw_open(w, object ? '{' : '[');
	while (!w->err && json_next(&it, &m)) {
		if (is_opaque(m.key))
			continue;
		if (object)
			put_key(w, m.key);
		put_readable(w, m.value, levels - 1);
	}
	jsonw_close(w, object ? '}' : ']');
}

static void put_server(struct jsonw *w, const struct part_server *s)
{
	struct json_iter it = json_each(s->from);
	struct json_member m;
	const char *const *key;

	jsonw_open(w, '{');
	jsonw_key(w, "type");
	jsonw_str(w, msgs_role(s->type, VIEW("unknown")));
	while (json_next(&it, &m)) {
		for (key = s->keys; *key && !json_is(m.key, *key); key++)
			;
		if (!*key || m.value.type == JSON_NULL)
			continue;
		jsonw_key(w, *key);
		put_readable(w, m.value, FILTER_LEVELS);
	}
	jsonw_close(w, '}');
}

void part_server(struct msgs *m, const struct part_server *s)
{
	if (!part_open(m, s->kind))
		return;
	put_whole(&m->w, "id", s->id);
	if (s->name.type != JSON_NONE) {
		jsonw_key(&m->w, "name");
		msgs_put_text(&m->w, s->name.cut ? (struct json){ 0 } : s->name);
	}
	jsonw_key(&m->w, s->kind);
	put_server(&m->w, s);
	part_close(m);
}

void msgs_definition(struct msgs *m, struct view type, struct json name)
{
	if (!gen_is_text(name) || name.cut || !begin(m))
		return;
	jsonw_open(&m->w, '{');
	jsonw_key(&m->w, "type");
	jsonw_str(&m->w, type);
	put_whole(&m->w, "name", name);
	part_close(m);
}

void gen_part_write(struct gen_call *c, struct gen_part *p,
		    void (*write)(struct msgs *m, struct json v), struct json v)
{
	struct msgs m;

	if (!p)
		return;
	gen_part_set(c, p, (struct json){ 0 });
	p->ready = true;
	if (!c->want_content)
		return;
	p->text.max = c->text_left;
	msgs_init(&m, &p->text);
	write(&m, v);
	c->text_left -= p->text.n;
	c->response_cut |= m.dropped;
}

struct view msgs_finish_word(struct view said)
{
	static const struct {
		struct view said, word;
	} words[] = {
		{ VIEW("end_turn"), VIEW("stop") },
		{ VIEW("stop_sequence"), VIEW("stop") },
		{ VIEW("eos"), VIEW("stop") },
		{ VIEW("max_tokens"), VIEW("length") },
		{ VIEW("model_length"), VIEW("length") },
		{ VIEW("model_context_window_exceeded"), VIEW("length") },
		{ VIEW("max_output_tokens"), VIEW("length") },
		{ VIEW("tool_calls"), VIEW("tool_call") },
		{ VIEW("function_call"), VIEW("tool_call") },
		{ VIEW("tool_use"), VIEW("tool_call") },
		{ VIEW("refusal"), VIEW("content_filter") },
		{ VIEW("insufficient_system_resource"), VIEW("error") },
		{ VIEW("abort"), VIEW("error") },
		/* Bedrock */
		{ VIEW("guardrail_intervened"), VIEW("content_filter") },
		{ VIEW("content_filtered"), VIEW("content_filter") },
		{ VIEW("malformed_model_output"), VIEW("error") },
		{ VIEW("malformed_tool_use"), VIEW("error") },
		/* llama.cpp, text-generation-inference */
		{ VIEW("word"), VIEW("stop") },
		{ VIEW("limit"), VIEW("length") },
		{ VIEW("eos_token"), VIEW("stop") },
		/* Cohere */
		{ VIEW("COMPLETE"), VIEW("stop") },
		{ VIEW("STOP_SEQUENCE"), VIEW("stop") },
		{ VIEW("TOOL_CALL"), VIEW("tool_call") },
		{ VIEW("ERROR"), VIEW("error") },
		{ VIEW("FINISH"), VIEW("stop") },
		{ VIEW("LENGTH"), VIEW("length") },
		/* Google; what is no word of its own there was stopped for what it says */
		{ VIEW("STOP"), VIEW("stop") },
		{ VIEW("MAX_TOKENS"), VIEW("length") },
		{ VIEW("SAFETY"), VIEW("content_filter") },
		{ VIEW("RECITATION"), VIEW("content_filter") },
		{ VIEW("BLOCKLIST"), VIEW("content_filter") },
		{ VIEW("PROHIBITED_CONTENT"), VIEW("content_filter") },
		{ VIEW("SPII"), VIEW("content_filter") },
		{ VIEW("IMAGE_SAFETY"), VIEW("content_filter") },
		{ VIEW("MALFORMED_FUNCTION_CALL"), VIEW("error") },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (view_eq(said, words[i].said))
			return words[i].word;
	return view_take(said, 64);
}
