// SPDX-License-Identifier: Apache-2.0
/*
 * Arguments of a function call that come in pieces: each names the place of its value ("$.a.b[0]"), and the pieces of one
 * string its place again.  They come in the order of the document, so it is written as they come.
 */
#include "genai/gemini.h"

#define STEPS_MAX 32	/* of a path */

struct gemini_piece {
	struct view path, text;	/* text: a string's, or other JSON */
	bool string;
	struct gemini_piece *next;
};

struct path_step {
	bool index;
	struct view name;
};

struct path {
	struct path_step steps[STEPS_MAX];
	size_t n;
};

static bool quoted_name(struct view *v, struct path_step *step)
{
	const char *end;

	if (v->n < 2 || (v->p[0] != '\'' && v->p[0] != '"'))
		return false;
	end = memchr(v->p + 1, v->p[0], v->n - 1);
	if (!end)
		return false;
	*step = (struct path_step){ false, { v->p + 1, end - v->p - 1 } };
	*v = view_drop(*v, end + 1 - v->p);
	return true;
}

/* ".name", "[0]", "['name']"; RFC 9535, section 2.7 */
static bool next_step(struct view *v, struct path_step *step)
{
	size_t n = 1;

	if (v->p[0] == '[') {
		*v = view_drop(*v, 1);
		if (!quoted_name(v, step)) {
			for (n = 0; n < v->n && v->p[n] != ']'; n++)
				;
			*step = (struct path_step){ true, view_take(*v, n) };
			*v = view_drop(*v, n);
		}
		if (!v->n)
			return false;
		*v = view_drop(*v, 1);
		return step->name.n > 0;
	}
	while (n < v->n && v->p[n] != '.' && v->p[n] != '[')
		n++;
	*step = (struct path_step){ false, view_drop(view_take(*v, n), 1) };
	*v = view_drop(*v, n);
	return step->name.n > 0;
}

static bool read_path(struct view v, struct path *ret)
{
	ret->n = 0;
	if (!view_starts(v, VIEW("$")))
		return false;
	for (v = view_drop(v, 1); v.n; ret->n++)
		if (ret->n == STEPS_MAX || !next_step(&v, &ret->steps[ret->n]))
			return false;
	return ret->n && !ret->steps[0].index;
}

static void close_to(struct jsonw *w, struct path *p, size_t depth)
{
	while (p->n > depth)
		jsonw_close(w, p->steps[--p->n].index ? ']' : '}');
}

/* Goes from where the last value stands to this one.  False: there is no place for it. */
static bool go(struct jsonw *w, struct path *at, const struct path *to)
{
	size_t same = 0;

	while (same < at->n && same < to->n && at->steps[same].index == to->steps[same].index &&
	       view_eq(at->steps[same].name, to->steps[same].name))
		same++;
	if (same == to->n || (same == at->n && at->n) || (at->n && at->steps[same].index != to->steps[same].index))
		return false;
	close_to(w, at, at->n ? same + 1 : 0);
	for (size_t i = same; i < to->n; i++) {
		if (i == at->n)
			jsonw_open(w, to->steps[i].index ? '[' : '{');
		if (!to->steps[i].index)
			jsonw_key_view(w, to->steps[i].name);
		at->steps[i] = to->steps[i];
		at->n = i + 1;
	}
	return true;
}

/* All pieces of a string that stand in a row; the last of them. */
static const struct gemini_piece *put_value(struct jsonw *w, const struct gemini_piece *p)
{
	struct buf text;

	if (!p->string) {
		jsonw_value(w, json_read(p->text));
		return p;
	}
	buf_init(&text, GEN_TEXT_MAX);
	buf_add(&text, p->text);
	for (; p->next && p->next->string && view_eq(p->next->path, p->path); p = p->next)
		buf_add(&text, p->next->text);
	jsonw_str(w, buf_view(&text));
	buf_release(&text);
	return p;
}

void gemini_args_end(struct gen_call *c)
{
	struct gemini_state *s = c->state;
	struct path at = { .n = 0 }, to;
	struct jsonw w;
	struct buf out;

	if (!s || !s->call)
		return;
	buf_init(&out, GEN_TEXT_MAX);
	jsonw_init(&w, &out);
	for (const struct gemini_piece *p = s->pieces; p; p = p->next)
		if (read_path(p->path, &to) && go(&w, &at, &to))
			p = put_value(&w, p);
	close_to(&w, &at, 0);
	if (!w.err && out.n)
		gen_part_set(c, s->call, json_read(buf_view(&out)));
	buf_release(&out);
	s->call = NULL;
	s->pieces = s->last_piece = NULL;
}

static void add_piece(struct gen_call *c, struct json v)
{
	enum { PATH, STRING, NUMBER, BOOL, NUL, KEYS };
	static const char *const keys[KEYS] = { "jsonPath", "stringValue", "numberValue", "boolValue", "nullValue" };
	struct gemini_state *s = c->state;
	struct gemini_piece *p;
	struct json f[KEYS];

	gen_pick(v, keys, f, KEYS);
	p = gen_whole(v) ? arena_alloc(&c->arena, sizeof(*p)) : NULL;
	if (!p)
		return;
	*p = (struct gemini_piece){ .string = f[STRING].type == JSON_STRING };
	gen_set_text(c, &p->path, f[PATH]);
	gen_set_text(c, &p->text, f[STRING]);
	for (size_t i = NUMBER; i <= BOOL; i++)
		if (f[i].type != JSON_NONE)
			p->text = arena_copy(&c->arena, f[i].raw);
	if (f[NUL].type != JSON_NONE)
		p->text = VIEW("null");
	*(s->last_piece ? &s->last_piece->next : &s->pieces) = p;
	s->last_piece = p;
}

void gemini_args_add(struct gen_call *c, struct json pieces)
{
	struct json_iter it = json_each(pieces);
	struct json_member e;

	while (c->want_content && pieces.type == JSON_ARRAY && json_next(&it, &e))
		add_piece(c, e.value);
}
