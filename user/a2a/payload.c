// SPDX-License-Identifier: Apache-2.0
/*
 * What is sent and answered, folded to messages: an answer's text is that of the task's artifacts, whose parts
 * may come piece by piece, and of its last status message (specification 1.0.1, section 4.1 and 7).  Parts wait as they were on the
 * wire and are translated once, at the end.
 */
#include <stdlib.h>

#include "a2a/methods.h"
#include "a2a/payload.h"
#include "genai/messages.h"

#define ARTIFACTS_MAX	256
#define PARTS_MAX	65536		/* that are looked at, of one message */
#define TEXT_MAX	4096		/* of an id or a message */

struct view a2a_text(struct a2a_call *c, struct json v)
{
	struct view copy = VIEW_NONE;
	struct buf b;

	if (v.type == JSON_NUMBER)
		return arena_copy(&c->arena, view_take(v.raw, TEXT_MAX));
	buf_init(&b, TEXT_MAX);
	json_text(v, &b);
	if (b.n)
		copy = arena_copy(&c->arena, buf_view(&b));
	buf_release(&b);
	return copy;
}

/* An empty string says nothing: 1.0 leaves default values out, 0.3 may write them. */
static void note(struct a2a_call *c, struct view *at, struct json v)
{
	struct view text;

	if (v.type != JSON_STRING || (at->n && json_is(v, at->p)))
		return;
	text = a2a_text(c, v);
	if (text.n)
		*at = text;
}

/*
 * 0.3's REST binding is its a2a.proto as JSON, which some write with camel case and json_name (as the mapping of protobuf to JSON
 * has it), the Python SDK with the names of the .proto.
 */
static const struct {
	const char *name, *proto;
} spellings[] = {
	{ "message", "request" }, { "message", "msg" }, { "message", "update" }, { "parts", "content" },
	{ "messageId", "message_id" }, { "contextId", "context_id" }, { "taskId", "task_id" },
	{ "artifactId", "artifact_id" }, { "statusUpdate", "status_update" }, { "artifactUpdate", "artifact_update" },
	{ "bytes", "fileWithBytes" }, { "bytes", "file_with_bytes" }, { "uri", "fileWithUri" }, { "uri", "file_with_uri" },
	{ "mimeType", "mime_type" },
};

struct json a2a_get(struct json v, const char *name)
{
	struct json found = json_get(v, name);

	for (size_t i = 0; found.type == JSON_NONE && i < sizeof(spellings) / sizeof(spellings[0]); i++)
		if (!strcmp(spellings[i].name, name))
			found = json_get(v, spellings[i].proto);
	return found;
}

/* Messages */

static const char *modality_of(struct json mime)
{
	static const char *const kinds[] = { "image", "audio", "video" };

	for (size_t i = 0; i < 3; i++)
		if (mime.raw.n > 6 && !strncmp(mime.raw.p + 1, kinds[i], 5) && mime.raw.p[6] == '/')
			return kinds[i];
	return "document";
}

/* The inside of a plain string: media types have no escapes. */
static struct view plain(struct json v)
{
	if (v.type != JSON_STRING || v.cut || v.raw.n < 2 || memchr(v.raw.p, '\\', v.raw.n))
		return VIEW_NONE;
	return (struct view){ v.raw.p + 1, v.raw.n - 2 };
}

static void media(struct msgs *m, struct json mime, struct json bytes, struct json url)
{
	if (bytes.type == JSON_STRING)
		part_blob(m, modality_of(mime), plain(mime), bytes);
	else
		part_uri(m, modality_of(mime), url);
}

static void data(struct msgs *m, struct json v)
{
	if (!part_open(m, "data"))
		return;
	jsonw_key(&m->w, "data");
	jsonw_value(&m->w, v);
	part_close(m);
}

/* 1.0 tells a part by its member, 0.3 by its kind, 0.2 by its type; text and data are the same in all. */
static void part(struct msgs *m, struct json v)
{
	struct json text = json_get(v, "text"), raw = json_get(v, "raw"), url = json_get(v, "url");
	struct json file = json_get(v, "file"), value = json_get(v, "data");

	if (text.type == JSON_STRING)
		part_text(m, "text", text);
	else if (raw.type == JSON_STRING || url.type == JSON_STRING)
		media(m, json_get(v, "mediaType"), raw, url);
	else if (file.type == JSON_OBJECT)
		media(m, a2a_get(file, "mimeType"), a2a_get(file, "bytes"), a2a_get(file, "uri"));
	else if (value.type != JSON_NONE)
		data(m, value);
}

static void parts(struct msgs *m, struct json list)
{
	struct json_iter it = json_each(list);
	struct json_member e;

	for (int i = 0; i < PARTS_MAX && json_next(&it, &e); i++)
		part(m, e.value);
}

/* The arena's copy of a finished list of messages. */
static struct view close_list(struct a2a_call *c, struct msgs *m, struct buf *out)
{
	struct view v;

	c->content_cut |= !msgs_close(m);
	v = arena_copy(&c->arena, buf_view(out));
	c->content_cut |= !v.n;
	buf_release(out);
	return v;
}

static bool is_agent(struct json role)
{
	return json_is(role, "ROLE_AGENT") || json_is(role, "agent");
}

void payload_sent(struct a2a_call *c, struct json message)
{
	struct msgs m;
	struct buf out;

	note(c, &c->context, a2a_get(message, "contextId"));
	note(c, &c->task, a2a_get(message, "taskId"));
	note(c, &c->message, a2a_get(message, "messageId"));
	if (!c->want_content || message.type != JSON_OBJECT)
		return;
	buf_init(&out, A2A_CONTENT_MAX);
	msgs_open(&m, &out);
	if (msgs_begin(&m, (struct msgs_head){ .role = is_agent(json_get(message, "role")) ? VIEW("assistant") :
									       VIEW("user") })) {
		parts(&m, a2a_get(message, "parts"));
		msgs_end(&m);
	}
	c->input = close_list(c, &m, &out);
}

/* Answers */

/* Appends the elements of a list. */
static void keep(struct a2a_call *c, struct buf *at, struct json list)
{
	struct json_iter it = json_each(list);
	struct json_member e;
	struct jsonw w;
	size_t from;

	while (json_next(&it, &e)) {
		from = at->n;
		if (from)
			buf_add_byte(at, ',');
		jsonw_init(&w, at);
		jsonw_value(&w, e.value);
		if (!w.err && at->n - from <= c->room) {
			c->room -= at->n - from;
			continue;
		}
		at->n = from;
		c->content_cut = true;
	}
}

static void replace(struct a2a_call *c, struct buf *at, struct json list)
{
	if (!c->want_content)
		return;
	c->room += at->n;
	buf_reset(at);
	keep(c, at, list);
}

static struct a2a_artifact *artifact_of(struct a2a_call *c, struct json id)
{
	struct a2a_artifact **at = &c->artifacts, *a;

	for (; *at; at = &(*at)->next)
		if (id.type == JSON_STRING && (*at)->id.n && json_is(id, (*at)->id.p))
			return *at;
	a = c->artifact_cnt < ARTIFACTS_MAX ? arena_alloc(&c->arena, sizeof(*a)) : NULL;
	if (!a)
		return NULL;
	c->artifact_cnt++;
	a->id = a2a_text(c, id);
	buf_init(&a->parts, A2A_CONTENT_MAX);
	*at = a;
	return a;
}

static void on_artifact(struct a2a_call *c, struct json artifact, bool append)
{
	struct a2a_artifact *a = c->want_content ? artifact_of(c, a2a_get(artifact, "artifactId")) : NULL;

	c->content_cut |= c->want_content && !a;
	if (!a)
		return;
	if (append)
		keep(c, &a->parts, a2a_get(artifact, "parts"));
	else
		replace(c, &a->parts, a2a_get(artifact, "parts"));
}

/* What comes after a terminal state is no part of the work: the first one ends it. */
static void on_status(struct a2a_call *c, struct json status, uint64_t ts)
{
	struct a2a_state s = a2a_state_of(json_get(status, "state"));

	if (s.name && c->state.phase == A2A_RUNS)
		c->last_ts = ts;
	if (s.name)
		c->state = s;
	replace(c, &c->last_words, a2a_get(a2a_get(status, "message"), "parts"));
}

static void on_message(struct a2a_call *c, struct json message, uint64_t ts)
{
	note(c, &c->context, a2a_get(message, "contextId"));
	note(c, &c->task, a2a_get(message, "taskId"));
	c->last_ts = ts;
	c->said = true;
	replace(c, &c->last_words, a2a_get(message, "parts"));
}

static void on_update(struct a2a_call *c, struct json v)
{
	note(c, &c->context, a2a_get(v, "contextId"));
	note(c, &c->task, a2a_get(v, "taskId"));
}

static void on_task(struct a2a_call *c, struct json task, uint64_t ts)
{
	struct json_iter it = json_each(json_get(task, "artifacts"));
	struct json_member e;

	note(c, &c->context, a2a_get(task, "contextId"));
	note(c, &c->task, json_get(task, "id"));
	on_status(c, json_get(task, "status"), ts);
	while (json_next(&it, &e))
		on_artifact(c, e.value, false);
}

static void on_artifact_update(struct a2a_call *c, struct json v, uint64_t ts)
{
	bool append = false;

	on_update(c, v);
	json_bool(json_get(v, "append"), &append);
	on_artifact(c, json_get(v, "artifact"), append);
	if (c->state.phase == A2A_RUNS)
		c->last_ts = ts;
}

static void on_status_update(struct a2a_call *c, struct json v, uint64_t ts)
{
	on_update(c, v);
	on_status(c, json_get(v, "status"), ts);
}

static const struct {
	const char *wrapped, *kind;	/* 1.0's member, 0.3's kind */
	void (*take)(struct a2a_call *c, struct json v, uint64_t ts);
} shapes[] = {
	{ "task", "task", on_task },
	{ "message", "message", on_message },
	{ "statusUpdate", "status-update", on_status_update },
	{ "artifactUpdate", "artifact-update", on_artifact_update },
};

bool payload_take(struct a2a_call *c, struct json v, uint64_t ts)
{
	struct json kind = json_get(v, "kind"), inner;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		inner = a2a_get(v, shapes[i].wrapped);
		if (kind.type == JSON_STRING ? !json_is(kind, shapes[i].kind) : inner.type != JSON_OBJECT)
			continue;
		shapes[i].take(c, kind.type == JSON_STRING ? v : inner, ts);
		return true;
	}
	/* A task by itself: GetTask of 1.0, everything of 0.2. */
	if (json_get(v, "id").type != JSON_STRING || json_get(v, "status").type != JSON_OBJECT)
		return false;
	on_task(c, v, ts);
	return true;
}

static struct view finish_word(const struct a2a_call *c)
{
	if (!c->state.name || c->state.phase == A2A_OVER)
		return VIEW("stop");
	return c->state.phase == A2A_FAILED ? VIEW("error") : view_of(c->state.name);
}

static void list_of(struct msgs *m, const struct buf *kept)
{
	struct buf list;

	buf_init(&list, kept->n + 2);
	if (!buf_add_byte(&list, '[') && !buf_add(&list, buf_view(kept)) && !buf_add_byte(&list, ']'))
		parts(m, json_read(buf_view(&list)));
	buf_release(&list);
}

void payload_finish(struct a2a_call *c)
{
	size_t n = c->last_words.n;
	struct msgs m;
	struct buf out;

	for (struct a2a_artifact *a = c->artifacts; a; a = a->next)
		n += a->parts.n;
	if (!n)
		return;
	buf_init(&out, 2 * A2A_CONTENT_MAX);
	msgs_open(&m, &out);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("assistant"), .finish = finish_word(c) })) {
		for (struct a2a_artifact *a = c->artifacts; a; a = a->next)
			list_of(&m, &a->parts);
		list_of(&m, &c->last_words);
		msgs_end(&m);
	}
	c->output = close_list(c, &m, &out);
}

void payload_release(struct a2a_call *c)
{
	for (struct a2a_artifact *a = c->artifacts; a; a = a->next)
		buf_release(&a->parts);
	buf_release(&c->last_words);
}
