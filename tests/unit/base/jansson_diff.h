/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JANSSON_DIFF_H
#define JANSSON_DIFF_H

#include <errno.h>
#include <stdint.h>

/* Its names for types are ours too; json_is_object() and its like must not be used behind this. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL JANSSON_REAL
#define JSON_TRUE JANSSON_TRUE
#define JSON_FALSE JANSSON_FALSE
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#include "base/json.h"

/*
 * Our reader and writer beside jansson's.  Where they differ on purpose:
 *
 *	deeper than 512			we refuse (-E2BIG), jansson refuses from 2,048
 *	numbers no int64 or double holds	we take them, json_int() and json_double() say no; jansson refuses
 *	lone surrogate escapes		valid by the grammar of RFC 8259, text gets U+FFFD; jansson refuses
 *	\u0000 in a key			we take it; jansson refuses (in values it takes JSON_ALLOW_NUL)
 *	a NUL byte			never valid; jansson 2.14 overlooks one right behind a number or literal
 *	keys that appear twice		we hand out both; jansson keeps the last
 */
#define JANSSON_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

static inline bool is(const json_t *j, json_type type)
{
	return j && j->type == type;
}

static inline bool refused_on_purpose(const json_error_t *e, bool rewritten)
{
	enum json_error_code code = json_error_code(e);

	if (code == json_error_numeric_overflow || code == json_error_null_byte_in_key)
		return true;
	return !rewritten && view_starts(view_of(e->text), VIEW("invalid Unicode '\\u"));
}

static inline unsigned jansson_depth(json_t *j)
{
	unsigned deepest = 0, d;
	const char *key;
	json_t *child;
	size_t i;

	if (is(j, JANSSON_OBJECT))
		json_object_foreach(j, key, child)
			deepest = (d = jansson_depth(child)) > deepest ? d : deepest;
	if (is(j, JANSSON_ARRAY))
		json_array_foreach(j, i, child)
			deepest = (d = jansson_depth(child)) > deepest ? d : deepest;
	return deepest + (is(j, JANSSON_OBJECT) || is(j, JANSSON_ARRAY));
}

static inline bool same_string(struct json v, const char *p, size_t n)
{
	struct buf b;
	bool same;

	buf_init(&b, SIZE_MAX / 2);
	same = !json_text(v, &b) && view_eq(buf_view(&b), (struct view){ p, n });
	buf_release(&b);
	return same;
}

static inline bool same_value(struct json v, json_t *j);

static inline bool same_children(struct json v, json_t *j)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	size_t n = 0;

	for (; json_next(&it, &m); n++)
		if (v.type == JSON_ARRAY && !same_value(m.value, json_array_get(j, n)))
			return false;
	if (it.cut || it.bad)
		return false;
	if (v.type == JSON_ARRAY)
		return n == json_array_size(j);
	if (n != json_object_size(j))
		return n > json_object_size(j);		/* a key stood there twice */
	it = json_each(v);
	while (json_next(&it, &m)) {
		struct buf key;
		json_t *child;

		buf_init(&key, SIZE_MAX / 2);
		child = json_text(m.key, &key) ? NULL : json_object_getn(j, key.n ? key.p : "", key.n);
		buf_release(&key);
		if (!same_value(m.value, child))
			return false;
	}
	return true;
}

static inline bool same_value(struct json v, json_t *j)
{
	int64_t i;
	double d;

	switch (v.type) {
	case JSON_NULL:
		return is(j, JANSSON_NULL);
	case JSON_TRUE:
	case JSON_FALSE:
		return is(j, v.type == JSON_TRUE ? JANSSON_TRUE : JANSSON_FALSE);
	case JSON_NUMBER:
		if (is(j, JANSSON_INTEGER))
			return json_int(v, &i) && i == json_integer_value(j);
		return is(j, JANSSON_REAL) && json_double(v, &d) && d == json_real_value(j);
	case JSON_STRING:
		return is(j, JANSSON_STRING) && same_string(v, json_string_value(j), json_string_length(j));
	case JSON_ARRAY:
		return is(j, JANSSON_ARRAY) && same_children(v, j);
	case JSON_OBJECT:
		return is(j, JANSSON_OBJECT) && same_children(v, j);
	default:
		return false;
	}
}

/* What we write parses, and to the same value (j: what doc parsed to, NULL if jansson does not take it). */
static inline const char *rewritten_differs(struct view doc, json_t *j)
{
	const char *why = NULL;
	json_error_t e;
	struct jsonw w;
	struct buf b;
	json_t *again;

	buf_init(&b, SIZE_MAX / 2);
	jsonw_init(&w, &b);
	jsonw_value(&w, json_read(doc));
	again = json_loadb(b.p, b.n, JANSSON_FLAGS, &e);
	if (!again && !refused_on_purpose(&e, true))
		why = "jansson does not take what we wrote";
	else if (j && !again)
		why = "jansson takes the document but not what we wrote of it";
	else if (j && !json_equal(j, again))
		why = "what we wrote has another value";
	json_decref(again);
	buf_release(&b);
	return why;
}

/* NULL: the two agree, or differ on purpose. */
static inline const char *jansson_differs(struct view doc)
{
	int err = json_check(doc);
	const char *why = NULL;
	json_error_t e;
	json_t *j = json_loadb(doc.n ? doc.p : "", doc.n, JANSSON_FLAGS, &e);

	if (err == -E2BIG && j && jansson_depth(j) <= JSON_DEPTH_MAX)
		why = "called too deep, and is not";
	else if (err && err != -E2BIG && j && !memchr(doc.p, 0, doc.n))
		why = "we refuse, jansson takes";
	else if (!err && !j && !refused_on_purpose(&e, false))
		why = "we take, jansson refuses";
	else if (!err && j && !same_value(json_read(doc), j))
		why = "read another value";
	else
		why = rewritten_differs(doc, err ? NULL : j);
	json_decref(j);
	return why;
}

#endif /* JANSSON_DIFF_H */
