// SPDX-License-Identifier: Apache-2.0
#include "base/json_walk.h"

/* What may stand at p. */
enum {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_CLOSE,
	EXPECT_KEY,
	EXPECT_KEY_OR_CLOSE,
	EXPECT_COMMA_OR_CLOSE,
	EXPECT_NOTHING,		/* the input ended inside a token */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

const char *json_skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

enum json_type json_type_at(char c)
{
	switch (c) {
	case '{': return JSON_OBJECT;
	case '[': return JSON_ARRAY;
	case '"': return JSON_STRING;
	case 't': return JSON_TRUE;
	case 'f': return JSON_FALSE;
	case 'n': return JSON_NULL;
	default:  return c == '-' || is_digit(c) ? JSON_NUMBER : JSON_NONE;
	}
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the first byte of a word is taken for its lowest"
#endif

/*
 * Sixteen bytes at a time, in the compiler's own vectors: a byte of all ones for each
 * that a string cannot hold as it is, a quote, a backslash, a control character.
 */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16 not_plain(const char *p)
{
	bytes16 v;

	memcpy(&v, p, sizeof(v));
	return (bytes16)(v < 0x20) | (bytes16)(v == '"') | (bytes16)(v == '\\');
}

/* Where its first byte of ones is, 16 if there is none. */
static inline size_t first_one(bytes16 found)
{
	uint64_t w[2];

	memcpy(w, &found, sizeof(w));
	return w[0] ? __builtin_ctzll(w[0]) / 8 : w[1] ? 8 + __builtin_ctzll(w[1]) / 8 : 16;
}

/* Long runs are read in steps of 64 bytes; short ones end before that pays. */
static const char *plain_blocks(const char *p, const char *end)
{
	while (end - p >= 64 &&
	       first_one(not_plain(p) | not_plain(p + 16) | not_plain(p + 32) | not_plain(p + 48)) == 16)
		p += 64;
	return p;
}

/* True: *p stands at one.  False: there is none in the first whole steps of 16, most of them. */
static inline bool plain_steps(const char **p, const char *end, ptrdiff_t most)
{
	for (; most-- && end - *p >= 16; *p += 16) {
		size_t n = first_one(not_plain(*p));

		*p += n < 16 ? n : 0;
		if (n < 16)
			return true;
	}
	return false;
}

static inline const char *plain_end(const char *p, const char *end)
{
	if (plain_steps(&p, end, 4))
		return p;
	p = plain_blocks(p, end);
	if (plain_steps(&p, end, 4))
		return p;
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	return p;
}

const char *json_plain_end(const char *p, const char *end)
{
	return plain_end(p, end);
}

static inline bool is_escaped(char c)
{
	switch (c) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return true;
	default:
		return false;
	}
}

int json_escape(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	if (p[1] != 'u')
		return is_escaped(p[1]) ? 2 : -1;
	for (int i = 2; i < 6; i++) {
		if (p + i == end)
			return 0;
		if (!is_hex(p[i]))
			return -1;
	}
	return 6;
}

const char *json_string_end(const char *p, const char *end, bool *flawed)
{
	int n;

	for (;;) {
		p = plain_end(p, end);
		if (p == end)
			return NULL;
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && end - p > 1 && is_escaped(p[1])) {
			p += 2;
			continue;
		}
		n = *p == '\\' ? json_escape(p, end) : -1;
		if (!n)
			return NULL;
		if (n < 0)
			*flawed = true;
		p += n < 0 ? 1 : n;
	}
}

/* At least one digit; leaves *p behind the last. */
static enum json_token digits(const char **p, const char *end)
{
	if (*p == end)
		return JSON_TOKEN_CUT;
	if (!is_digit(**p))
		return JSON_TOKEN_BAD;
	while (*p < end && is_digit(**p))
		(*p)++;
	return JSON_TOKEN_VALUE;
}

/* RFC 8259 section 6. */
static enum json_token number(const char **p, const char *end)
{
	enum json_token t = JSON_TOKEN_VALUE;

	if (**p == '-')
		(*p)++;
	if (*p < end && **p == '0')
		(*p)++;
	else
		t = digits(p, end);
	if (t == JSON_TOKEN_VALUE && *p < end && **p == '.') {
		(*p)++;
		t = digits(p, end);
	}
	if (t == JSON_TOKEN_VALUE && *p < end && (**p | 0x20) == 'e') {
		(*p)++;
		if (*p < end && (**p == '+' || **p == '-'))
			(*p)++;
		t = digits(p, end);
	}
	return t;
}

static enum json_token literal(const char **p, const char *end, struct view word)
{
	size_t i = 0;

	for (; i < word.n && *p < end; i++, (*p)++)
		if (**p != word.p[i])
			return JSON_TOKEN_BAD;
	return i < word.n ? JSON_TOKEN_CUT : JSON_TOKEN_VALUE;
}

static enum json_token word(struct json_walk *w, enum json_type type)
{
	enum json_token t;

	if (type == JSON_NUMBER)
		t = number(&w->p, w->end);
	else if (type == JSON_TRUE)
		t = literal(&w->p, w->end, VIEW("true"));
	else if (type == JSON_FALSE)
		t = literal(&w->p, w->end, VIEW("false"));
	else
		t = literal(&w->p, w->end, VIEW("null"));
	if (t == JSON_TOKEN_VALUE && type == JSON_NUMBER && w->p == w->end && (w->inner || w->depth))
		return JSON_TOKEN_CUT;
	return t;
}

static enum json_token string(struct json_walk *w, bool *flawed)
{
	const char *to = json_string_end(w->p + 1, w->end, flawed);

	w->p = to ? to : w->end;
	w->flawed |= *flawed;
	return to ? JSON_TOKEN_VALUE : JSON_TOKEN_CUT;
}

static enum json_token scalar(struct json_walk *w, enum json_type type)
{
	const char *from = w->p;
	bool flawed = false;
	enum json_token t = type == JSON_STRING ? string(w, &flawed) : word(w, type);

	if (t == JSON_TOKEN_BAD)
		return t;
	w->tok = (struct json){ .type = type, .cut = t == JSON_TOKEN_CUT, .bad = flawed, .raw = { from, w->p - from } };
	w->expect = w->tok.cut ? EXPECT_NOTHING : EXPECT_COMMA_OR_CLOSE;
	return JSON_TOKEN_VALUE;
}

bool json_walk_in_object(const struct json_walk *w)
{
	unsigned int d = w->depth - 1;

	return w->depth && w->objects[d / 64] >> d % 64 & 1;
}

static enum json_token open_bracket(struct json_walk *w, enum json_type type)
{
	unsigned int d = w->depth;
	uint64_t bit = 1ull << d % 64;

	if (d == JSON_DEPTH_MAX)
		return JSON_TOKEN_DEEP;
	if (type == JSON_OBJECT)
		w->objects[d / 64] |= bit;
	else
		w->objects[d / 64] &= ~bit;
	w->depth++;
	w->tok = (struct json){ .type = type, .raw = { w->p++, 1 } };
	w->expect = type == JSON_OBJECT ? EXPECT_KEY_OR_CLOSE : EXPECT_VALUE_OR_CLOSE;
	return JSON_TOKEN_OPEN;
}

static enum json_token close_bracket(struct json_walk *w)
{
	enum json_type type = json_walk_in_object(w) ? JSON_OBJECT : JSON_ARRAY;

	if (*w->p != (type == JSON_OBJECT ? '}' : ']'))
		return JSON_TOKEN_BAD;
	w->depth--;
	w->tok = (struct json){ .type = type, .raw = { w->p++, 1 } };
	w->expect = EXPECT_COMMA_OR_CLOSE;
	return JSON_TOKEN_CLOSE;
}

static enum json_token value(struct json_walk *w)
{
	enum json_type type = json_type_at(*w->p);

	if (type == JSON_NONE)
		return JSON_TOKEN_BAD;
	return type >= JSON_ARRAY ? open_bracket(w, type) : scalar(w, type);
}

static enum json_token key(struct json_walk *w)
{
	const char *from = w->p;
	bool flawed = false;

	if (*from != '"')
		return JSON_TOKEN_BAD;
	if (string(w, &flawed) == JSON_TOKEN_CUT)
		return JSON_TOKEN_CUT;
	w->tok = (struct json){ .type = JSON_STRING, .bad = flawed, .raw = { from, w->p - from } };
	w->p = json_skip_space(w->p, w->end);
	if (w->p == w->end)
		return JSON_TOKEN_CUT;
	if (*w->p != ':')
		return JSON_TOKEN_BAD;
	w->p++;
	w->expect = EXPECT_VALUE;
	return JSON_TOKEN_KEY;
}

void json_walk_init(struct json_walk *w, struct view in, bool inner)
{
	w->p = in.p;
	w->end = in.p + in.n;
	w->inner = inner;
	w->flawed = false;
	w->expect = EXPECT_VALUE;
	w->depth = 0;
}

static inline enum json_token next(struct json_walk *w)
{
	if (!w->depth && w->expect == EXPECT_COMMA_OR_CLOSE)
		return JSON_TOKEN_END;
	w->p = json_skip_space(w->p, w->end);
	if (w->p < w->end && w->expect == EXPECT_COMMA_OR_CLOSE && *w->p == ',') {
		w->expect = json_walk_in_object(w) ? EXPECT_KEY : EXPECT_VALUE;
		w->p = json_skip_space(w->p + 1, w->end);
	}
	if (w->p == w->end)
		return JSON_TOKEN_CUT;
	switch (w->expect) {
	case EXPECT_COMMA_OR_CLOSE:
		return close_bracket(w);
	case EXPECT_KEY_OR_CLOSE:
		return *w->p == '}' ? close_bracket(w) : key(w);
	case EXPECT_KEY:
		return key(w);
	case EXPECT_VALUE_OR_CLOSE:
		return *w->p == ']' ? close_bracket(w) : value(w);
	default:
		return value(w);
	}
}

enum json_token json_walk_next(struct json_walk *w)
{
	return next(w);
}

enum json_token json_walk_skip(struct json_walk *w)
{
	enum json_token t;

	do
		t = next(w);
	while (t < JSON_TOKEN_END);
	return t;
}

enum json_token json_walk_leave(struct json_walk *w)
{
	unsigned int d = w->depth - 1;
	enum json_token t;

	do
		t = next(w);
	while (t < JSON_TOKEN_END && w->depth != d);
	return t;
}
