/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSON_H
#define JSON_H

#include <stdint.h>

#include "base/buf.h"

/*
 * A JSON reader (RFC 8259) that pulls: it hands out views into the document,
 * allocates nothing, and reads a document that was cut off as far as it goes.
 * Only what is asked for is looked at more than once, so walking a document of
 * n bytes nested d deep costs O(n * d) at most.
 *
 *	struct json v = json_read(doc);
 *	struct json_iter it = json_each(v);
 *	struct json_member m;
 *
 *	while (json_next(&it, &m))
 *		if (json_is(m.key, "model"))
 *			...m.value...
 */
enum json_type {
	JSON_NONE,		/* absent, or no JSON at all */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,		/* raw: with its quotes (the closing one is missing when cut) */
	JSON_ARRAY,
	JSON_OBJECT,
};

#define JSON_DEPTH_MAX 512	/* deeper nesting is an error, as is anything behind it */

struct json {
	enum json_type type;
	bool cut;		/* the input ended inside this value */
	bool bad;		/* a syntax error inside or at the end of this value; what stands before it can be read */
	struct view raw;	/* as it stands in the document */
	const struct json_index *index;	/* its members, when they are known; see json_read_index() */
};

struct json_member {
	struct json key;	/* JSON_STRING in objects, JSON_NONE in arrays */
	struct json value;	/* cut: it is the last one */
};

struct json_iter {
	struct view rest;
	enum json_type in;
	bool first;
	bool cut, bad;		/* after the last member: why there are no more */
	const struct json_index *index;
	size_t at;		/* of the members in index */
};

#define JSON_INDEX_MAX 64

struct json_index {
	size_t cnt;
	struct json_member members[JSON_INDEX_MAX];
};

/* The first value of doc; leading and trailing white space is allowed, trailing anything else sets bad. */
struct json json_read(struct view doc);

/*
 * The same, for a document whose members will be asked for again and again: they are
 * noted while it is read, so that none of json_each(), json_get() and what is
 * made of them walks it once more.  Nothing is noted, and nothing is different, when doc is
 * no whole object or has more than JSON_INDEX_MAX members.  ret lives as long as the value.
 */
struct json json_read_index(struct view doc, struct json_index *ret);

/* Members of an object or elements of an array, in order; no members for any other type. */
struct json_iter json_each(struct json v);
bool json_next(struct json_iter *it, struct json_member *ret);

/* The first member with this name, unescaped comparison; JSON_NONE if there is none or v is no object. */
struct json json_get(struct json v, const char *key);

/* True when v is a string that reads exactly so. */
bool json_is(struct json v, const char *text);

/* True and *ret set when v is a number that fits: integers may be written 1.0 or 1e3. */
bool json_int(struct json v, int64_t *ret);
bool json_double(struct json v, double *ret);
bool json_bool(struct json v, bool *ret);

/*
 * Appends the text of a string: escapes undone, always valid UTF-8 (bad bytes
 * and lone surrogates become U+FFFD).  Of a cut string: what is there.
 * Returns 0, -ENOMEM, -E2BIG (as much as fits was added, on a character boundary), -EINVAL (no string).
 */
int json_text(struct json v, struct buf *out);

/* Whole-document check: 0 valid, -EILSEQ invalid (also: invalid UTF-8, bad escapes), -ENODATA cut, -E2BIG too deep. */
int json_check(struct view doc);

/*
 * The writer.  Commas and quoting are its business; text that is no valid UTF-8
 * is repaired as above.  An error (-ENOMEM, -E2BIG) sticks in err and later
 * calls do nothing.
 */
struct jsonw {
	struct buf *out;
	int err;
	bool comma;		/* a value was written at this level */
};

void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_open(struct jsonw *w, char bracket);		/* '{' or '[' */
void jsonw_close(struct jsonw *w, char bracket);	/* '}' or ']' */
void jsonw_key(struct jsonw *w, const char *key);
void jsonw_key_view(struct jsonw *w, struct view key);
void jsonw_str(struct jsonw *w, struct view text);
void jsonw_int(struct jsonw *w, int64_t n);
void jsonw_uint(struct jsonw *w, uint64_t n);
void jsonw_double(struct jsonw *w, double d);		/* shortest that reads back the same; nan and infinities: null */
void jsonw_bool(struct jsonw *w, bool b);
void jsonw_null(struct jsonw *w);

/*
 * A value as it was read, made valid: white space dropped, strings repaired, and
 * what was cut or bad is closed, so the result is always one whole JSON value.
 */
void jsonw_value(struct jsonw *w, struct json v);

#endif /* JSON_H */
