// SPDX-License-Identifier: Apache-2.0
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_walk.h"
#include "base/utf8.h"

#define REPLACEMENT VIEW("\xef\xbf\xbd")

void jsonw_init(struct jsonw *w, struct buf *out)
{
	*w = (struct jsonw){ .out = out };
}

static void put(struct jsonw *w, struct view v)
{
	if (!w->err)
		w->err = buf_add(w->out, v);
}

static void put_comma(struct jsonw *w)
{
	if (w->comma)
		put(w, VIEW(","));
}

static void put_value(struct jsonw *w, struct view v)
{
	put_comma(w);
	put(w, v);
	w->comma = true;
}

static void put_escape(struct jsonw *w, char c)
{
	static const char *const shorts[0x80] = {
		['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
		['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t",
	};
	char hex[8];

	if (shorts[(unsigned char)c]) {
		put(w, view_of(shorts[(unsigned char)c]));
		return;
	}
	snprintf(hex, sizeof(hex), "\\u%04x", (unsigned int)c);
	put(w, view_of(hex));
}

/* valid is UTF-8. */
static void put_text(struct jsonw *w, struct view valid)
{
	const char *p = valid.p, *end = p + valid.n, *to;

	while (p < end && !w->err) {
		to = json_plain_end(p, end);
		put(w, (struct view){ p, to - p });
		if (to < end)
			put_escape(w, *to++);
		p = to;
	}
}

static void put_repaired(struct jsonw *w, struct view text)
{
	size_t n;
	bool cut;

	while (text.n && !w->err) {
		n = utf8_valid(text);
		if (n) {
			put_text(w, view_take(text, n));
		} else {
			n = utf8_bad(text, &cut);
			put(w, REPLACEMENT);
		}
		text = view_drop(text, n);
	}
}

void jsonw_open(struct jsonw *w, char bracket)
{
	put_comma(w);
	put(w, (struct view){ &bracket, 1 });
	w->comma = false;
}

void jsonw_close(struct jsonw *w, char bracket)
{
	put(w, (struct view){ &bracket, 1 });
	w->comma = true;
}

void jsonw_key_view(struct jsonw *w, struct view key)
{
	jsonw_str(w, key);
	put(w, VIEW(":"));
	w->comma = false;
}

void jsonw_key(struct jsonw *w, const char *key)
{
	jsonw_key_view(w, view_of(key));
}

void jsonw_str(struct jsonw *w, struct view text)
{
	put_value(w, VIEW("\""));
	put_repaired(w, text);
	put(w, VIEW("\""));
}

void jsonw_int(struct jsonw *w, int64_t n)
{
	char s[24];

	snprintf(s, sizeof(s), "%" PRId64, n);
	put_value(w, view_of(s));
}

void jsonw_uint(struct jsonw *w, uint64_t n)
{
	char s[24];

	snprintf(s, sizeof(s), "%" PRIu64, n);
	put_value(w, view_of(s));
}

/* Takes "d.ddde-dd" apart; the point may be anything, printf() takes it from the locale. */
static void scan_decimal(const char *s, struct json_decimal *d)
{
	d->neg = *s == '-';
	d->n = 0;
	for (; *s != 'e'; s++)
		if (*s >= '0' && *s <= '9')
			d->digits[d->n++] = *s;
	d->exp = strtol(s + 1, NULL, 10) + 1;
	while (d->n && d->digits[d->n - 1] == '0')
		d->n--;
}

/* Any 15 digits survive a normal double, a subnormal has fewer; 17 tell any two apart. */
static void shortest(double x, struct json_decimal *d)
{
	char s[48];

	for (int digits = fabs(x) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
		snprintf(s, sizeof(s), "%.*e", digits - 1, x);
		scan_decimal(s, d);
		if (json_decimal_value(d) == x)
			break;
	}
}

/* As %.17g would lay it out. */
static void put_decimal(struct jsonw *w, const struct json_decimal *d)
{
	static const char zeros[] = "00000000000000000000";
	const char *sign = d->neg ? "-" : "";
	int n = d->n, exp = d->exp;
	char s[64];

	if (!n)
		snprintf(s, sizeof(s), "%s0", sign);
	else if (exp > 17 || exp < -3)
		snprintf(s, sizeof(s), "%s%c%s%.*se%d", sign, d->digits[0], n > 1 ? "." : "", n - 1,
			 d->digits + 1, exp - 1);
	else if (exp <= 0)
		snprintf(s, sizeof(s), "%s0.%.*s%.*s", sign, -exp, zeros, n, d->digits);
	else if (n <= exp)
		snprintf(s, sizeof(s), "%s%.*s%.*s", sign, n, d->digits, exp - n, zeros);
	else
		snprintf(s, sizeof(s), "%s%.*s.%.*s", sign, exp, d->digits, n - exp, d->digits + exp);
	put_value(w, view_of(s));
}

void jsonw_double(struct jsonw *w, double x)
{
	struct json_decimal d;

	if (!isfinite(x)) {
		jsonw_null(w);
		return;
	}
	shortest(x, &d);
	put_decimal(w, &d);
}

void jsonw_bool(struct jsonw *w, bool b)
{
	put_value(w, b ? VIEW("true") : VIEW("false"));
}

void jsonw_null(struct jsonw *w)
{
	put_value(w, VIEW("null"));
}

static void put_read_string(struct jsonw *w, struct json v)
{
	struct json_text t;
	struct view piece;

	put_value(w, VIEW("\""));
	json_text_init(&t, v);
	while (!w->err && json_text_next(&t, &piece))
		put_text(w, piece);
	put(w, VIEW("\""));
}

/* Half a number is another number, so what is not whole is null. */
static void put_scalar(struct jsonw *w, struct json v)
{
	if (v.type == JSON_STRING)
		put_read_string(w, v);
	else
		put_value(w, v.cut ? VIEW("null") : v.raw);
}

/* A key waits until its value begins: without one it is dropped. */
static void put_read_key(struct jsonw *w, struct json *key)
{
	if (key->type != JSON_STRING)
		return;
	put_read_string(w, *key);
	put(w, VIEW(":"));
	w->comma = false;
	key->type = JSON_NONE;
}

static void put_token(struct jsonw *w, enum json_token t, struct json tok, struct json *key)
{
	if (t == JSON_TOKEN_KEY) {
		*key = tok;
	} else if (t == JSON_TOKEN_CLOSE) {
		jsonw_close(w, tok.raw.p[0]);
	} else {
		put_read_key(w, key);
		if (t == JSON_TOKEN_OPEN)
			jsonw_open(w, tok.raw.p[0]);
		else
			put_scalar(w, tok);
	}
}

static void put_container(struct jsonw *w, struct json v)
{
	struct json key = { 0 };
	struct json_walk in;
	enum json_token t;

	json_walk_init(&in, v.raw, true);
	while (!w->err && (t = json_walk_next(&in)) < JSON_TOKEN_END)
		put_token(w, t, in.tok, &key);
	for (; in.depth; in.depth--)
		jsonw_close(w, json_walk_in_object(&in) ? '}' : ']');
}

void jsonw_value(struct jsonw *w, struct json v)
{
	if (!v.raw.n || v.type == JSON_NONE)
		jsonw_null(w);
	else if (v.type >= JSON_ARRAY)
		put_container(w, v);
	else if (v.bad && v.type != JSON_STRING)
		jsonw_null(w);
	else
		put_scalar(w, v);
}
