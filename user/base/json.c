// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/json_walk.h"
#include "base/utf8.h"

/*
 * How cut and bad travel.  The raw view of a value that is not whole ends where
 * the input ended (cut) or where the grammar was broken (bad).  Whoever reads
 * that view again runs into its end, and the flags of the outer value say which
 * of the two it was.  A string with wrong bytes or escapes inside is bad as
 * well, but it has an end, so reading goes on behind it.
 */

/* What begins at from and was walked to this token, END or behind it. */
static struct json value_of(const struct json_walk *w, enum json_token t, const char *from)
{
	return (struct json){
		.type = json_type_at(*from),
		.cut = t == JSON_TOKEN_CUT,
		.bad = t > JSON_TOKEN_CUT || w->flawed,
		.raw = { from, w->p - from },
	};
}

/* The value that in begins with. */
static struct json take(struct view in, bool inner, enum json_token *ret_why)
{
	struct json_walk w;
	enum json_token t;

	json_walk_init(&w, in, inner);
	t = json_walk_skip(&w);
	*ret_why = t;
	return value_of(&w, t, in.p);
}

/* Where the value of doc begins; NULL: there is nothing but white space. */
static const char *first_of(struct view doc, const char **ret_end)
{
	const char *p;

	if (!doc.n)
		return NULL;
	*ret_end = doc.p + doc.n;
	p = json_skip_space(doc.p, *ret_end);
	return p < *ret_end ? p : NULL;
}

struct json json_read(struct view doc)
{
	const char *end, *p = first_of(doc, &end);
	enum json_token why;
	struct json v;

	if (!p)
		return (struct json){ .cut = true };
	v = take((struct view){ p, end - p }, false, &why);
	if (why == JSON_TOKEN_END && json_skip_space(v.raw.p + v.raw.n, end) != end)
		v.bad = true;
	return v;
}

/*
 * The members of the object that w has just opened, up to its end.  A value begins and
 * ends at depth 1, and what is in it is skipped.
 */
static enum json_token note_members(struct json_walk *w, struct json_index *ret)
{
	struct json_member m = { 0 };
	enum json_token t;

	for (ret->cnt = 0; (t = json_walk_next(w)) < JSON_TOKEN_END;) {
		if (t == JSON_TOKEN_CLOSE)
			continue;		/* its own bracket: the next one is the end */
		if (t == JSON_TOKEN_KEY) {
			m.key = w->tok;
			continue;
		}
		m.value = w->tok;
		if (t == JSON_TOKEN_OPEN && (t = json_walk_leave(w)) != JSON_TOKEN_CLOSE)
			break;
		m.value.raw.n = w->p - m.value.raw.p;
		if (ret->cnt < JSON_INDEX_MAX)
			ret->members[ret->cnt] = m;
		ret->cnt++;
	}
	return t;
}

struct json json_read_index(struct view doc, struct json_index *ret)
{
	const char *end, *p = first_of(doc, &end);
	struct json_walk w;
	enum json_token t;
	struct json v;

	if (!p || *p != '{')
		return json_read(doc);
	json_walk_init(&w, (struct view){ p, end - p }, false);
	json_walk_next(&w);
	t = note_members(&w, ret);
	v = value_of(&w, t, p);
	if (t == JSON_TOKEN_END && json_skip_space(w.p, end) != end)
		v.bad = true;
	if (!v.cut && !v.bad && ret->cnt <= JSON_INDEX_MAX)
		v.index = ret;
	return v;
}

struct json_iter json_each(struct json v)
{
	if ((v.type != JSON_ARRAY && v.type != JSON_OBJECT) || !v.raw.n)
		return (struct json_iter){ 0 };
	return (struct json_iter){
		.rest = view_drop(v.raw, 1),
		.in = v.type,
		.first = true,
		.cut = v.cut,
		.bad = v.bad,
		.index = v.index,
	};
}

static bool stop(struct json_iter *it, bool cut, bool bad)
{
	*it = (struct json_iter){ .cut = cut, .bad = bad };
	return false;
}

/* The view ended: see above. */
static bool ran_out(struct json_iter *it)
{
	return stop(it, it->cut, !it->cut);
}

static const char *skip_space(struct json_iter *it, const char *p)
{
	return json_skip_space(p, it->rest.p + it->rest.n);
}

/* Leaves *p at the value behind the key. */
static bool take_key(struct json_iter *it, const char **p, struct json *ret)
{
	const char *end = it->rest.p + it->rest.n, *to;
	bool flawed = false;

	if (**p != '"')
		return stop(it, false, true);
	to = json_string_end(*p + 1, end, &flawed);
	if (!to)
		return ran_out(it);
	*ret = (struct json){ .type = JSON_STRING, .bad = flawed, .raw = { *p, to - *p } };
	*p = skip_space(it, to);
	if (*p < end && **p != ':')
		return stop(it, false, true);
	if (*p < end)
		*p = skip_space(it, *p + 1);
	return *p < end || ran_out(it);
}

/*
 * The end of a value inside of one that was found whole and good: its grammar
 * was checked then, so strings and brackets are all there is to look at.  This
 * is what keeps the levels of a document from being parsed again and again.
 */
static const char *sound_end(const char *p, const char *end)
{
	bool flawed = false;
	int depth = 0;

	for (; p < end; p++) {
		switch (*p) {
		case '"':
			p = json_string_end(p + 1, end, &flawed);
			if (!p || !depth)
				return p ? p : end;
			p--;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (!depth)
				return p;
			if (!--depth)
				return p + 1;
			break;
		case ',':
		case ' ':
		case '\t':
		case '\n':
		case '\r':
			if (!depth)
				return p;
			break;
		}
	}
	return end;
}

static struct json take_sound(struct json_iter *it, const char *p)
{
	const char *end = it->rest.p + it->rest.n, *to = sound_end(p, end);

	it->rest = (struct view){ to, end - to };
	it->first = false;
	return (struct json){ .type = json_type_at(*p), .raw = { p, to - p } };
}

static bool take_value(struct json_iter *it, const char *p, struct json *ret)
{
	const char *end = it->rest.p + it->rest.n;
	enum json_token why;
	struct json v;

	if (!it->cut && !it->bad) {
		*ret = take_sound(it, p);
		return true;
	}
	v = take((struct view){ p, end - p }, true, &why);
	if (v.type == JSON_NONE)
		return stop(it, false, true);
	if (v.cut && !it->cut) {
		v.cut = false;
		v.bad = true;
	}
	p = why == JSON_TOKEN_END ? p + v.raw.n : end;
	it->rest = (struct view){ p, end - p };
	it->first = false;
	*ret = v;
	return true;
}

bool json_next(struct json_iter *it, struct json_member *ret)
{
	const char *p = it->rest.p, *end;
	struct json_member m = { 0 };

	if (it->in == JSON_NONE)
		return false;
	if (it->index && it->at == it->index->cnt)
		return stop(it, false, false);
	if (it->index) {
		*ret = it->index->members[it->at++];
		return true;
	}
	end = p + it->rest.n;
	p = skip_space(it, p);
	if (p < end && *p == (it->in == JSON_OBJECT ? '}' : ']'))
		return stop(it, false, false);
	if (p < end && !it->first) {
		if (*p != ',')
			return stop(it, false, true);
		p = skip_space(it, p + 1);
	}
	if (p == end)
		return ran_out(it);
	if (it->in == JSON_OBJECT && !take_key(it, &p, &m.key))
		return false;
	if (!take_value(it, p, &m.value))
		return false;
	*ret = m;
	return true;
}

struct json json_get(struct json v, const char *key)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	if (v.type != JSON_OBJECT)
		return (struct json){ 0 };
	while (json_next(&it, &m))
		if (json_is(m.key, key))
			return m.value;
	return (struct json){ 0 };
}

bool json_bool(struct json v, bool *ret)
{
	if ((v.type != JSON_TRUE && v.type != JSON_FALSE) || v.cut || v.bad)
		return false;
	*ret = v.type == JSON_TRUE;
	return true;
}

/* Outside of strings the grammar is ASCII, so one look over the whole document is enough. */
static bool wrong_encoding(struct view doc, bool cut)
{
	size_t n = utf8_valid(doc);
	bool cut_char = false;

	if (n < doc.n)
		utf8_bad(view_drop(doc, n), &cut_char);
	return n < doc.n && !(cut && cut_char);
}

int json_check(struct view doc)
{
	const char *end, *p = first_of(doc, &end);
	enum json_token why;
	struct json v;

	if (!p)
		return -ENODATA;
	v = take((struct view){ p, end - p }, false, &why);
	if (why == JSON_TOKEN_DEEP)
		return -E2BIG;
	if (v.bad || wrong_encoding(doc, v.cut))
		return -EILSEQ;
	if (v.cut)
		return -ENODATA;
	return json_skip_space(v.raw.p + v.raw.n, end) == end ? 0 : -EILSEQ;
}
