// SPDX-License-Identifier: Apache-2.0
/*
 * Who takes a text's address on arm64: adrp makes its page, one or two adds the place
 * in it (two where the compiler counts from an anchor), or adr does it all.  The adrp may stand far before
 * its adds and serve several, so what registers hold is remembered in the order of
 * the bytes.  Encodings: Arm ARM C4.1, C6.2.
 */
#include <string.h>

#include "find/scan_room.h"

static uint32_t op_at(const uint8_t *p, size_t i)
{
	uint32_t v;

	memcpy(&v, p + i, sizeof(v));
	return v;
}

/* immlo in bits 29 and 30, immhi in 5 to 23 */
static int64_t adr_imm(uint32_t op)
{
	return (int64_t)((uint64_t)((op >> 5 & 0x7ffff) << 2 | (op >> 29 & 3)) << 43) >> 43;
}

/* A register that gets something else; a store or a branch gives none. */
static bool writes_register(uint32_t op)
{
	if ((op & 0x0a000000) == 0x08000000)	/* loads and stores: bit 22 says load, bit 26 says not one of these registers */
		return (op >> 22 & 1) && !(op >> 26 & 1);
	return (op & 0x1c000000) == 0x10000000 || (op & 0x0e000000) == 0x0a000000;	/* arithmetic, not SIMD */
}

static void take_address(struct scan *s, uint64_t at, uint32_t reg, uint64_t to)
{
	s->reg[reg] = to;
	if (to >= s->target_lo && to <= s->target_hi)
		scan_take_reference(s, to, (struct scan_ref){ .va = at, .len = 4, .reg = reg });
}

static void take_op(struct scan *s, uint64_t at, uint32_t op)
{
	uint32_t to = op & 31, from = op >> 5 & 31;

	if ((op & 0x9f000000) == 0x90000000)	/* adrp */
		s->reg[to] = (at & ~0xfffull) + adr_imm(op) * 4096;
	else if ((op & 0x9f000000) == 0x10000000)	/* adr */
		take_address(s, at, to, at + adr_imm(op));
	else if ((op & 0xffc00000) == 0x91000000 && s->reg[from])	/* add x, x, #imm12 */
		take_address(s, at, to, s->reg[from] + (op >> 10 & 0xfff));
	else if (writes_register(op))
		s->reg[to] = 0;
}

void scan_arm64(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	size_t i = (fresh + 3) & ~3ull;

	i += -(va + i) & 3;
	if (!fresh)
		memset(s->reg, 0, sizeof(s->reg));
	for (; i + 4 <= n; i += 4) {
		uint32_t op = op_at(p, i);

		if ((op & 0xfc000000) == 0x94000000)	/* bl */
			scan_take_call(s, va + i, va + i + ((int64_t)((uint64_t)(op & 0x3ffffff) << 38) >> 36));
		else if (!s->callee)
			take_op(s, va + i, op);
	}
}
