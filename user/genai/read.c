// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/utf8.h"
#include "genai/read.h"

#define LIST_MAX	(64 * 1024)
#define MESSAGE_MAX	512	/* of what an error page says */

bool gen_whole(struct json v)
{
	return v.type != JSON_NONE && !v.cut && !v.bad;
}

bool gen_is_text(struct json v)
{
	return v.type == JSON_STRING && v.raw.n > (v.cut ? 1 : 2);
}

/* The same words come with every chunk of a stream. */
static bool already(struct view field, struct json v)
{
	struct view raw = { v.raw.p + 1, v.raw.n - 2 };

	return view_eq(field, raw) && !memchr(raw.p, '\\', raw.n);
}

void gen_set_text(struct gen_call *c, struct view *field, struct json v)
{
	struct view copy;
	struct buf text;

	if (!gen_is_text(v) || v.cut || already(*field, v))
		return;
	buf_init(&text, v.raw.n * 3);	/* a bad byte becomes three */
	if (!json_text(v, &text) && !view_eq(buf_view(&text), *field)) {
		copy = arena_copy(&c->arena, buf_view(&text));
		if (copy.p)
			*field = copy;
		else
			c->response_cut = true;
	}
	buf_release(&text);
}

void gen_set_int(struct opt_int *field, struct json v)
{
	if (json_int(v, &field->v))
		field->set = true;
}

void gen_set_count(struct opt_int *field, struct json v)
{
	int64_t n;

	if (json_int(v, &n) && n >= 0)
		*field = (struct opt_int){ true, n };
}

void gen_set_double(struct opt_double *field, struct json v)
{
	if (json_double(v, &field->v))
		field->set = true;
}

static void read_field(struct gen_call *c, const struct gen_field *f, struct json v)
{
	void *at = (char *)c + f->off;

	switch (f->type) {
	case GEN_FIELD_TEXT:
		gen_set_text(c, at, v);
		break;
	case GEN_FIELD_INT:
		gen_set_int(at, v);
		break;
	case GEN_FIELD_COUNT:
		gen_set_count(at, v);
		break;
	case GEN_FIELD_DOUBLE:
		gen_set_double(at, v);
		break;
	case GEN_FIELD_FN:
		f->read(c, v);
		break;
	}
}

void gen_read(struct gen_call *c, struct json object, const struct gen_field *fields)
{
	struct json_iter it = json_each(object);
	const struct gen_field *f;
	struct json_member m;

	while (json_next(&it, &m)) {
		for (f = fields; f->key && !json_is(m.key, f->key); f++)
			;
		if (f->key)
			read_field(c, f, m.value);
	}
}

void gen_pick(struct json object, const char *const *keys, struct json *ret, size_t n)
{
	struct json_iter it = json_each(object);
	struct json_member m;

	memset(ret, 0, n * sizeof(*ret));
	while (json_next(&it, &m))
		for (size_t i = 0; i < n; i++)
			if (ret[i].type == JSON_NONE && json_is(m.key, keys[i]))
				ret[i] = m.value;
}

static void add_string(struct jsonw *w, struct json v)
{
	size_t before = w->out->n;

	if (v.type != JSON_STRING || v.cut || w->err)
		return;
	if (!w->out->n)
		jsonw_open(w, '[');
	jsonw_value(w, v);
	if (w->err)
		w->out->n = before;
}

void gen_strings(struct buf *out, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	struct jsonw w;

	buf_reset(out);
	out->max = LIST_MAX - 1;
	jsonw_init(&w, out);
	add_string(&w, v);
	while (json_next(&it, &m))
		add_string(&w, m.value);
	out->max = LIST_MAX;
	if (out->n && buf_add_byte(out, ']'))
		buf_reset(out);
}

void gen_read_stream(struct gen_call *c, struct json v)
{
	json_bool(v, &c->stream);
}

void gen_read_stop(struct gen_call *c, struct json v)
{
	gen_strings(&c->stop_sequences, v);
}

static int64_t length(struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	int64_t n = 0;

	while (json_next(&it, &m))
		n++;
	return n;
}

void gen_read_vector(struct gen_call *c, struct json v)
{
	struct json_iter it;
	struct json_member m;

	for (int depth = 0; depth < 4 && !c->dimension_count.set; depth++) {
		it = json_each(v);
		if (v.type < JSON_ARRAY || !gen_whole(v) || !json_next(&it, &m))
			return;
		if (m.value.type == JSON_NUMBER)
			c->dimension_count = (struct opt_int){ true, length(v) };
		v = json_is(m.key, "embeddingType") ? json_get(v, "embedding") : m.value;
	}
}

struct view gen_path(const struct exchange *x)
{
	struct view v = x->target, head, rest;

	if (!v.n)
		return VIEW_NONE;
	if (view_cut(v, '?', &head, &rest) || view_cut(v, '#', &head, &rest))
		v = head;
	if (v.n && v.p[0] != '/' && view_cut(v, ':', &head, &rest) &&
	    view_starts(rest, VIEW("//"))) {
		rest = view_drop(rest, 2);
		v = view_cut(rest, '/', &head, &rest) ? (struct view){ rest.p - 1, rest.n + 1 }
						      : VIEW("/");
	}
	while (v.n > 1 && v.p[v.n - 1] == '/')
		v.n--;
	return v;
}

bool gen_is_post(const struct exchange *x)
{
	return view_eq(x->method, VIEW("POST"));
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 section 2.1. */
static void unescape(struct buf *out, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '%' && i + 2 < v.n && hex(v.p[i + 1]) >= 0 && hex(v.p[i + 2]) >= 0) {
			buf_add_byte(out, hex(v.p[i + 1]) << 4 | hex(v.p[i + 2]));
			i += 2;
		} else {
			buf_add_byte(out, v.p[i]);
		}
	}
}

struct view gen_copy(struct gen_call *c, struct view v)
{
	struct view copy;
	struct buf text;

	buf_init(&text, v.n * 3);	/* a bad byte becomes three */
	utf8_repair(&text, v);
	copy = text.n ? arena_copy(&c->arena, buf_view(&text)) : VIEW_NONE;
	buf_release(&text);
	return copy;
}

static struct view path_text(struct gen_call *c, struct view v)
{
	struct buf raw, text;
	struct view copy;

	buf_init(&raw, v.n);
	buf_init(&text, v.n * 3);	/* a bad byte becomes three */
	unescape(&raw, v);
	utf8_repair(&text, buf_view(&raw));
	copy = arena_copy(&c->arena, buf_view(&text));
	buf_release(&raw);
	buf_release(&text);
	return copy;
}

struct view gen_path_part(struct gen_call *c, const struct exchange *x, const char *marker,
			  const char *stops)
{
	struct view path = gen_path(x);
	const char *at = path.n ? memmem(path.p, path.n, marker, strlen(marker)) : NULL;
	size_t n = 0;

	if (!at)
		return VIEW_NONE;
	path = view_drop(path, at - path.p + strlen(marker));
	while (n < path.n && !strchr(stops, path.p[n]))
		n++;
	return n ? path_text(c, view_take(path, n)) : VIEW_NONE;
}

struct view gen_query_part(struct gen_call *c, const struct exchange *x, const char *name)
{
	struct view path, query, one, key, value;

	if (!view_cut(x->target, '?', &path, &query))
		return VIEW_NONE;
	while (query.n) {
		if (!view_cut(query, '&', &one, &query)) {
			one = query;
			query = VIEW_NONE;
		}
		if (view_cut(one, '=', &key, &value) && view_eq(key, view_of(name)))
			return path_text(c, value);
	}
	return VIEW_NONE;
}

void gen_forget_usage(struct gen_call *c)
{
	static const struct opt_int none;

	c->input_tokens = c->output_tokens = c->reasoning_tokens = none;
	c->cache_read_tokens = c->cache_write_tokens = none;
	c->input_text_tokens = c->input_image_tokens = c->input_audio_tokens = none;
	c->output_text_tokens = c->output_image_tokens = c->output_audio_tokens = none;
	c->cost_usd.set = false;
}

/*
 * A string code, a type, a status in words (Google's form); a number is most often the HTTP status
 * again.
 */
static void error_type(struct gen_call *c, struct json v)
{
	static const char *const keys[] = { "code", "type", "status" };
	struct json f[3];
	char digits[24];
	int64_t n;

	gen_pick(v, keys, f, 3);
	if (!gen_whole(v) &&
	    (!gen_is_text(f[0]) || f[0].cut)) /* a better one may have been cut off */
		return;
	for (size_t i = 0; i < 3 && !c->error_type.n; i++)
		if (!json_is(f[i], "error"))	/* says nothing */
			gen_set_text(c, &c->error_type, f[i]);
	if (!c->error_type.n && json_int(f[0], &n)) {
		snprintf(digits, sizeof(digits), "%lld", (long long)n);
		c->error_type = arena_copy(&c->arena, view_of(digits));
	}
}

static bool is_empty(struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	return v.type == JSON_OBJECT ? !v.cut && !json_next(&it, &m) : !gen_is_text(v);
}

void gen_error(struct gen_call *c, struct json v)
{
	struct json message = v.type == JSON_OBJECT ? json_get(v, "message") : v;

	if (is_empty(v))	/* null, "" and {} are none */
		return;
	c->failed = true;
	if (!c->error_message.n)
		gen_set_text(c, &c->error_message, message);
	if (!c->error_type.n && v.type == JSON_OBJECT)
		error_type(c, v);
}

/*
 * Validation errors of FastAPI and its like: [{"loc":…,"msg":…,"type":…}]; "input" may hold
 * content.
 */
static void error_detail(struct gen_call *c, struct json v)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	if (v.type == JSON_ARRAY && json_next(&it, &m))
		v = json_get(m.value, "msg");
	if (!c->error_message.n)
		gen_set_text(c, &c->error_message, v);
}

void gen_answer_error(struct gen_call *c, const struct exchange *x, struct json body)
{
	struct json error = json_get(body, "error");

	gen_error(c, error);
	if (x->status < 400 && !json_is(json_get(body, "object"), "error"))
		return;
	/* {"message","type","code"}, {"code","error":"words"}, {"detail"} */
	if (error.type != JSON_OBJECT)
		gen_error(c, body);
	error_detail(c, json_get(body, "detail"));
}

/* What a person would read of a page: its title. */
static struct view page_title(struct view page)
{
	const char *from = memmem(page.p, page.n, "<title>", 7), *to;
	struct view rest;

	if (!from)
		return VIEW_NONE;
	rest = view_drop(page, from + 7 - page.p);
	to = memmem(rest.p, rest.n, "</title>", 8);
	return to ? view_take(rest, to - rest.p) : VIEW_NONE;
}

static struct view trim(struct view v)
{
	while (v.n && strchr(" \t\r\n", v.p[0]))
		v = view_drop(v, 1);
	while (v.n && strchr(" \t\r\n", v.p[v.n - 1]))
		v.n--;
	return v;
}

void gen_status_error(struct gen_call *c, const struct exchange *x)
{
	struct view page = trim(buf_view(&x->resp.body.head));
	struct buf text;
	char status[12];

	c->failed = true;
	if (!c->error_type.n) {
		snprintf(status, sizeof(status), "%u", x->status);
		c->error_type = arena_copy(&c->arena, view_of(status));
	}
	if (c->error_message.n || !page.n || page.p[0] == '{' || page.p[0] == '[' ||
	    x->resp.body.error || x->resp.kind != BODY_BYTES)
		return;
	if (page.p[0] == '<')
		page = trim(page_title(view_take(page, 16 * 1024)));
	buf_init(&text, MESSAGE_MAX);
	utf8_repair(&text, page);
	c->error_message = arena_copy(&c->arena, buf_view(&text));
	buf_release(&text);
}
