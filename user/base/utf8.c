// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdint.h>

#include "base/utf8.h"

#define REPLACEMENT VIEW("\xef\xbf\xbd")

/*
 * Well-formed sequences by their first byte (Unicode 15 table 3-7): how long,
 * and the range of the second byte, which is what keeps out overlong forms,
 * surrogates and everything past U+10FFFF.  Later bytes are 80..BF.
 */
static const struct lead {
	uint8_t from, to, len, lo, hi;
} leads[] = {
	{ 0x00, 0x7f, 1, 0x00, 0x00 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

/*
 * How many bytes at the head of v (not empty) begin one character, 1 at least:
 * *ret_len is the length of that character, 0 if no character begins so.
 */
static size_t step(struct view v, size_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)v.p;
	const struct lead *l = leads;
	size_t i;

	while (p[0] > l->to || p[0] < l->from) {
		if (++l == leads + sizeof(leads) / sizeof(*leads)) {
			*ret_len = 0;
			return 1;
		}
	}
	*ret_len = l->len;
	if (l->len == 1 || v.n < 2 || p[1] < l->lo || p[1] > l->hi)
		return 1;
	for (i = 2; i < l->len && i < v.n && (p[i] & 0xc0) == 0x80; i++)
		;
	return i;
}

static size_t ascii(struct view v)
{
	size_t i = 0;
	uint64_t w[2];

	for (; v.n - i >= sizeof(w); i += sizeof(w)) {
		memcpy(w, v.p + i, sizeof(w));
		if ((w[0] | w[1]) & 0x8080808080808080ull)
			break;
	}
	while (i < v.n && !(v.p[i] & 0x80))
		i++;
	return i;
}

size_t utf8_valid(struct view v)
{
	size_t i = 0, got, len;

	while (i < v.n) {
		if (!(v.p[i] & 0x80)) {
			i += ascii(view_drop(v, i));
			continue;
		}
		got = step(view_drop(v, i), &len);
		if (got != len)
			break;
		i += len;
	}
	return i;
}

size_t utf8_bad(struct view v, bool *ret_cut)
{
	size_t got, len;

	*ret_cut = false;
	if (!v.n)
		return 0;
	got = step(v, &len);
	if (got == len)
		return 0;
	*ret_cut = len && got == v.n;
	return got;
}

int utf8_add(struct buf *out, struct view v)
{
	size_t room = out->max - out->n;
	int err;

	if (v.n <= room)
		return buf_add(out, v);
	while (room && (v.p[room] & 0xc0) == 0x80)
		room--;
	err = buf_add(out, view_take(v, room));
	return err ? err : -E2BIG;
}

int utf8_repair(struct buf *out, struct view v)
{
	int err = 0;
	size_t n;
	bool cut;

	while (v.n && !err) {
		n = utf8_valid(v);
		if (n) {
			err = utf8_add(out, view_take(v, n));
		} else {
			n = utf8_bad(v, &cut);
			err = utf8_add(out, REPLACEMENT);
		}
		v = view_drop(v, n);
	}
	return err;
}
