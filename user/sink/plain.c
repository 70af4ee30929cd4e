// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

#include "base/utf8.h"
#include "sink/plain.h"

#define BYTES_PER_COLUMN 8	/* accents can be heaped on one letter without end */

struct range {
	uint32_t first, last;
};

/* Unicode 15: Cf, Zl, Zp, private use, surrogates and what else has no glyph of its own. */
static const struct range unseen[] = {
	{ 0x80, 0x9f }, { 0xad, 0xad }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f }, { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xd800, 0xf8ff }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};

/* The usual combining marks and variation selectors. */
static const struct range marks[] = {
	{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
	{ 0x93c, 0x93c }, { 0x941, 0x948 }, { 0x94d, 0x94d }, { 0xe31, 0xe31 }, { 0xe34, 0xe3a },
	{ 0xe47, 0xe4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

/* East Asian Width W and F, and emoji. */
static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x2705, 0x2705 }, { 0x2728, 0x2728 },
	{ 0x274c, 0x274c }, { 0x2753, 0x2755 }, { 0x2795, 0x2797 }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf },
	{ 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 }, { 0x16fe0, 0x18aff }, { 0x1b000, 0x1b2ff }, { 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1faff }, { 0x20000, 0x3fffd },
};

static bool in_ranges(uint32_t c, const struct range *r, size_t n)
{
	size_t i;

	for (i = 0; i < n && c >= r[i].first; i++)
		if (c <= r[i].last)
			return true;
	return false;
}

#define IN(c, ranges) in_ranges(c, ranges, sizeof(ranges) / sizeof(ranges[0]))

/* The length of the character at the head of v, which is valid UTF-8 up to n bytes; its number in *ret. */
static size_t decode(struct view v, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)v.p;
	size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4, i;

	*ret = n == 1 ? *p : *p & (0x7f >> n);
	for (i = 1; i < n; i++)
		*ret = *ret << 6 | (p[i] & 0x3f);
	return n;
}

struct glyph {
	struct view bytes;	/* what to write */
	size_t cols;
	size_t took;		/* bytes of the text */
};

static struct glyph glyph_of(struct view text, bool utf8)
{
	struct glyph g = { .bytes = VIEW("?"), .cols = 1, .took = 1 };
	uint32_t c;

	if (!utf8_valid(view_take(text, 4)))
		return g;
	g.took = decode(text, &c);
	if (c == '\t' || c == '\n' || c == '\r')
		g.bytes = VIEW(" ");
	else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) || IN(c, unseen))
		return g;
	else
		g.bytes = view_take(text, g.took);
	g.cols = IN(c, marks) ? 0 : IN(c, wide) ? 2 : 1;
	return g;
}

static size_t width(struct view text, bool utf8, size_t max)
{
	size_t cols = 0;
	struct glyph g;

	for (; text.n && cols <= max; text = view_drop(text, g.took)) {
		g = glyph_of(text, utf8);
		cols += g.cols;
	}
	return cols;
}

size_t plain_columns(struct view text)
{
	return width(text, true, text.n);
}

size_t plain_add(struct buf *out, struct view text, size_t cols, bool utf8)
{
	struct view dots = utf8 ? VIEW("\xe2\x80\xa6") : VIEW("~");
	size_t bytes = cols * BYTES_PER_COLUMN, used = 0, room;
	bool cut = text.n > bytes || width(text, utf8, cols) > cols;
	struct glyph g;

	room = cut && cols ? cols - 1 : cols;
	text = view_take(text, bytes);
	for (; text.n; text = view_drop(text, g.took)) {
		g = glyph_of(text, utf8);
		if (used + g.cols > room || buf_add(out, g.bytes))
			break;
		used += g.cols;
	}
	if (cut && cols && !buf_add(out, dots))
		used++;
	return used;
}
