/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSON_WALK_H
#define JSON_WALK_H

#include "base/json.h"

/*
 * What the json_*.c files share; nobody else includes this.
 *
 * The grammar stands once, in json_walk_next(): a pull lexer that remembers the
 * brackets it is in as one bit each, so nesting costs no stack and no memory.
 * Skipping, checking and rewriting a value are loops around it.
 */
enum json_token {
	JSON_TOKEN_OPEN,	/* tok.type is JSON_ARRAY or JSON_OBJECT */
	JSON_TOKEN_CLOSE,	/* the same, of what is closed */
	JSON_TOKEN_KEY,		/* and the colon behind it */
	JSON_TOKEN_VALUE,	/* string, number or literal; cut: the input ends in it */
	JSON_TOKEN_END,		/* the value is complete; p stands right behind it */
	JSON_TOKEN_CUT,		/* the input ended before the value did */
	JSON_TOKEN_BAD,		/* a syntax error at p */
	JSON_TOKEN_DEEP,	/* nested too deep at p */
};

struct json_walk {
	const char *p, *end;
	struct json tok;
	bool inner;		/* a number that touches the end may go on behind it */
	bool flawed;		/* a string with bad escapes or control characters was seen */
	uint8_t expect;
	unsigned int depth;
	uint64_t objects[JSON_DEPTH_MAX / 64];	/* bit d: the bracket at depth d is a brace */
};

/* in is not empty and begins with the value itself. */
void json_walk_init(struct json_walk *w, struct view in, bool inner);
enum json_token json_walk_next(struct json_walk *w);
/* All that is left of the value: the first token that is JSON_TOKEN_END or behind it. */
enum json_token json_walk_skip(struct json_walk *w);
/* All that is left in the innermost bracket: its JSON_TOKEN_CLOSE, or why it did not come. */
enum json_token json_walk_leave(struct json_walk *w);
bool json_walk_in_object(const struct json_walk *w);

const char *json_skip_space(const char *p, const char *end);
enum json_type json_type_at(char c);

/* p stands behind the opening quote.  Returns where the string ends, behind its closing quote; NULL: cut. */
const char *json_string_end(const char *p, const char *end, bool *flawed);

/* The first quote, backslash or control character in p..end, or end. */
const char *json_plain_end(const char *p, const char *end);

/* The length of the escape at p, 0 if the input ends inside it, -1 if it is none. */
int json_escape(const char *p, const char *end);
unsigned int json_hex4(const char *p);

/* A string, read piece by piece. */
struct json_text {
	const char *p, *end;
	const char *run;	/* no backslash before here */
	bool cut;
	char utf8[4];
};

void json_text_init(struct json_text *t, struct json v);

/* The next piece: valid UTF-8, good until the next call.  False: that was all. */
bool json_text_next(struct json_text *t, struct view *ret);

/*
 * A decimal number without its point: 0.digits * 10^exp.  Digits past the 800th
 * are folded into a last 1: no double needs more than 767 to be rounded right.
 */
#define JSON_DIGITS 800

struct json_decimal {
	bool neg;
	int64_t exp;
	size_t n;		/* no leading, no trailing zeros: 0 is n == 0 */
	char digits[JSON_DIGITS + 1];
};

double json_decimal_value(const struct json_decimal *d);

#endif /* JSON_WALK_H */
