// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/json_walk.h"
#include "base/utf8.h"

#define REPLACEMENT 0xfffd

void json_text_init(struct json_text *t, struct json v)
{
	struct view s = v.raw.n ? view_drop(v.raw, 1) : VIEW("");

	if (!v.cut && s.n)
		s.n--;
	*t = (struct json_text){ .p = s.p, .end = s.p + s.n, .run = s.p, .cut = v.cut };
}

/* Returns how many bytes. */
static size_t encode(char out[static 4], unsigned int c)
{
	static const uint8_t marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = 0x80 | (c & 0x3f);
	out[0] = marks[n] | c;
	return n;
}

unsigned int json_hex4(const char *p)
{
	unsigned int c = 0;

	for (int i = 0; i < 4; i++)
		c = c << 4 | ((p[i] & 0xf) + (p[i] > '9' ? 9 : 0));
	return c;
}

static char short_escape(char c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default:  return c;
	}
}

static bool is_high(unsigned int c)
{
	return c >= 0xd800 && c < 0xdc00;
}

static bool is_low(unsigned int c)
{
	return c >= 0xdc00 && c < 0xe000;
}

/*
 * The character of the n bytes long escape at t->p; 0 and *cut when it is one
 * half of a pair and the input ends where the other half might be.
 */
static unsigned int escaped(struct json_text *t, int n, bool *cut)
{
	unsigned int c = n == 2 ? (unsigned char)short_escape(t->p[1]) : json_hex4(t->p + 2), low;
	const char *p = t->p + n;
	int more;

	t->p = p;
	if (!is_high(c))
		return is_low(c) ? REPLACEMENT : c;
	if (p < t->end && *p != '\\')
		return REPLACEMENT;
	more = json_escape(p, t->end);
	*cut = !more && t->cut;
	if (more != 6)
		return REPLACEMENT;
	low = json_hex4(p + 2);
	if (!is_low(low))
		return REPLACEMENT;
	t->p += more;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static bool next_escape(struct json_text *t, struct view *ret)
{
	int n = json_escape(t->p, t->end);
	unsigned int c = REPLACEMENT;
	bool cut = !n && t->cut;

	if (n > 0)
		c = escaped(t, n, &cut);
	else
		t->p++;		/* a backslash that escapes nothing; what follows is text */
	if (cut) {
		t->p = t->end;
		return false;
	}
	*ret = (struct view){ t->utf8, encode(t->utf8, c) };
	return true;
}

static bool next_run(struct json_text *t, struct view *ret)
{
	struct view run = { t->p, t->run - t->p };
	size_t n = utf8_valid(run);
	bool cut;

	if (n) {
		*ret = view_take(run, n);
		t->p += n;
		return true;
	}
	n = utf8_bad(run, &cut);
	t->p += n;
	if (cut && t->cut && t->run == t->end)
		return false;
	*ret = (struct view){ t->utf8, encode(t->utf8, REPLACEMENT) };
	return true;
}

bool json_text_next(struct json_text *t, struct view *ret)
{
	if (t->p >= t->end)
		return false;
	if (t->p < t->run)
		return next_run(t, ret);
	if (*t->p == '\\')
		return next_escape(t, ret);
	t->run = memchr(t->p, '\\', t->end - t->p);
	if (!t->run)
		t->run = t->end;
	return next_run(t, ret);
}

int json_text(struct json v, struct buf *out)
{
	struct json_text t;
	struct view piece;
	int err = 0;

	if (v.type != JSON_STRING)
		return -EINVAL;
	json_text_init(&t, v);
	while (!err && json_text_next(&t, &piece))
		err = utf8_add(out, piece);
	return err;
}

/* A byte that may stand for another one, or be no text. */
static bool is_special(char c)
{
	return c == '\\' || c & 0x80;
}

static bool reads(struct json v, struct view want)
{
	struct view piece;
	struct json_text t;

	/* No byte of a text takes more than the six of \u0041: long strings are not even looked at. */
	if ((v.raw.n - 2) / 6 > want.n)
		return false;
	json_text_init(&t, v);
	while (json_text_next(&t, &piece)) {
		if (!view_starts(want, piece))
			return false;
		want = view_drop(want, piece.n);
	}
	return !want.n;
}

/* Most strings are as they are written, and most are others from their first byte on. */
bool json_is(struct json v, const char *text)
{
	const char *p, *end, *t = text;

	if (v.type != JSON_STRING || v.cut)
		return false;
	p = v.raw.p + 1;
	end = v.raw.p + v.raw.n - 1;
	while (p < end && *t && *p == *t && !is_special(*p)) {
		p++;
		t++;
	}
	if (p == end)
		return !*t;
	return is_special(*p) && reads(v, view_of(text));
}
