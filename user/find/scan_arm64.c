// SPDX-License-Identifier: Apache-2.0
/*
 * Who takes a text's address on arm64: adrp (its page) and add (the place in it), or
 * adr.  The adrp may stand far before its add, and serve several; the nearest one
 * that sets the register counts.
 */
#include <string.h>

#include "find/scan_room.h"

#define LOOK_BACK	2048	/* instructions */

static uint32_t op_at(const uint8_t *p, size_t i)
{
	uint32_t v;

	memcpy(&v, p + i, sizeof(v));
	return v;
}

/* Arm ARM C6.2: immlo in bits 29 and 30, immhi in 5 to 23. */
static int64_t adr_imm(uint32_t op)
{
	return (int64_t)((uint64_t)((op >> 5 & 0x7ffff) << 2 | (op >> 29 & 3)) << 43) >> 43;
}

static void take_add(struct scan *s, uint64_t va, const uint8_t *p, size_t i, uint32_t op)
{
	uint32_t from = op >> 5 & 31;
	size_t floor = i > 4 * LOOK_BACK ? i - 4 * LOOK_BACK : i % 4;

	for (size_t k = i; k > floor; ) {
		uint32_t adrp;

		k -= 4;
		adrp = op_at(p, k);
		if ((adrp & 0x9f000000) != 0x90000000 || (adrp & 31) != from)
			continue;
		scan_take_reference(s, ((va + k) & ~0xfffull) + adr_imm(adrp) * 4096 + (op >> 10 & 0xfff),
				    (struct scan_ref){ .va = va + i, .len = 4, .reg = op & 31 });
		return;
	}
}

/* The low twelve bits of a wanted address. */
static void mark_places(const struct scan *s, uint8_t marks[static 512])
{
	for (size_t i = 0; i <= s->target_mask; i++) {
		uint32_t low = s->target[i].va & 0xfff;

		if (s->target[i].va)
			marks[low / 8] |= 1u << low % 8;
	}
}

void scan_arm64(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	size_t i = (fresh + 3) & ~3ull;
	uint8_t marks[512];

	i += -(va + i) & 3;
	memset(marks, 0, sizeof(marks));
	if (!s->callee)
		mark_places(s, marks);
	for (; i + 4 <= n; i += 4) {
		uint32_t op = op_at(p, i), low = op >> 10 & 0xfff;

		if ((op & 0xfc000000) == 0x94000000)	/* bl */
			scan_take_call(s, va + i, va + i + ((int64_t)((uint64_t)(op & 0x3ffffff) << 38) >> 36));
		else if ((op & 0xffc00000) == 0x91000000 && marks[low / 8] >> low % 8 & 1)	/* add x, x, #imm12 */
			take_add(s, va, p, i, op);
		else if ((op & 0x9f000000) == 0x10000000 && !s->callee)	/* adr */
			scan_take_reference(s, va + i + adr_imm(op),
					    (struct scan_ref){ .va = va + i, .len = 4, .reg = op & 31 });
	}
}
