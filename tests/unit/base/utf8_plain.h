/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UTF8_PLAIN_H
#define UTF8_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * RFC 3629 from its prose: decode by the mask, then refuse overlong forms,
 * surrogates and what is past 10FFFF.  *len: as the first byte promises, or 0.
 */
static inline bool utf8_plain(const unsigned char *p, size_t n, size_t *len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;

	*len = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (!*len || *len > n)
		return false;
	c = *len == 1 ? p[0] : p[0] & (0x7f >> *len);
	for (size_t i = 1; i < *len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c >= least[*len] && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000);
}

#endif /* UTF8_PLAIN_H */
