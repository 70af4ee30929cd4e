// SPDX-License-Identifier: Apache-2.0
#include "trace/ids.h"

void ids_init(struct ids *ids, const uint64_t seed[static 2])
{
	*ids = (struct ids){ seed[0], seed[1] | 1 };
}

/* splitmix64, stepped by an odd number of the seed's own. */
static uint64_t next(struct ids *ids)
{
	uint64_t z = ids->a += ids->b;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void fill(struct ids *ids, uint8_t *ret)
{
	uint64_t n;

	do
		n = next(ids);
	while (!n);
	for (int i = 0; i < 8; i++)
		ret[i] = n >> (56 - 8 * i);
}

void ids_span(struct ids *ids, uint8_t ret[static 8])
{
	fill(ids, ret);
}

void ids_trace(struct ids *ids, uint8_t ret[static 16])
{
	fill(ids, ret);
	fill(ids, ret + 8);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower-case hex only, as the standard has it.  False also when all bytes are zero. */
static bool hex_bytes(const char *p, uint8_t *ret, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(p[2 * i]), lo = hex_digit(p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		any |= ret[i] = hi << 4 | lo;
	}
	return any;
}

bool traceparent_parse(struct view v, uint8_t ret_trace[static 16], uint8_t ret_span[static 8])
{
	uint8_t version, trace[16], span[8];

	if (v.n < 55 || v.p[2] != '-' || v.p[35] != '-' || v.p[52] != '-')
		return false;
	if (memcmp(v.p, "00", 2) && (!hex_bytes(v.p, &version, 1) || version == 0xff))
		return false;
	if (v.n > 55 && (!memcmp(v.p, "00", 2) || v.p[55] != '-'))
		return false;
	if (!hex_bytes(v.p + 3, trace, 16) || !hex_bytes(v.p + 36, span, 8))
		return false;
	memcpy(ret_trace, trace, 16);
	memcpy(ret_span, span, 8);
	return true;
}
