// SPDX-License-Identifier: Apache-2.0
/*
 * Who takes a text's address on x86-64: lea r64,[rip+d]; where code cannot move, mov
 * r32,imm32, mov r64,imm32 and push imm32 too.  For those every four bytes may be the
 * field; what stands before it says if it is one.
 */
#include <string.h>

#include "find/scan_room.h"

#define BEFORE 3	/* bytes of an instruction before its field */

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* p[i] is the opcode, 8d. */
static void take_lea(struct scan *s, uint64_t va, const uint8_t *p, size_t i)
{
	uint64_t to = va + i + 6 + (int64_t)(int32_t)load32(p + i + 2);

	if ((p[i - 1] & 0xf8) != 0x48 || (p[i + 1] & 0xc7) != 0x05 || to < s->target_lo || to > s->target_hi)
		return;
	scan_take_reference(s, to, (struct scan_ref){
		.va = va + i - 1, .len = 7, .reg = (p[i + 1] >> 3 & 7) | (p[i - 1] & 4) << 1 });
}

static void take_leas(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	const uint8_t *q = p + (fresh > 6 ? fresh - 5 : 1), *end = p + n - 5;

	for (; q < end && (q = memchr(q, 0x8d, end - q)); q++)
		take_lea(s, va, p, q - p);
}

static void take_imm(struct scan *s, uint64_t va, const uint8_t *p, size_t i)
{
	struct scan_ref r = { .va = va + i - 1, .len = 5, .reg = p[i - 1] & 7 };

	if ((p[i - 1] & 0xf8) == 0xb8) {
		if (p[i - 2] == 0x41) {
			r.va--;
			r.len++;
			r.reg |= 8;
		}
	} else if ((p[i - 3] & 0xfe) == 0x48 && p[i - 2] == 0xc7 && (p[i - 1] & 0xf8) == 0xc0) {
		r = (struct scan_ref){ .va = va + i - 3, .len = 7, .reg = (p[i - 1] & 7) | (p[i - 3] & 1) << 3 };
	} else if (p[i - 1] == 0x68) {
		r.reg = 0xff;
	} else {
		return;
	}
	scan_take_reference(s, load32(p + i), r);
}

static void take_calls(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	const uint8_t *q = p + (fresh > 4 ? fresh - 4 : 0), *end = p + n - 4;

	for (; q < end && (q = memchr(q, 0xe8, end - q)); q++)
		scan_take_call(s, va + (q - p), va + (q - p) + 5 + (int64_t)(int32_t)load32(q + 1));
}

/* Fields that end behind `fresh`, each with BEFORE bytes before it. */
static void take_imms(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	uint32_t lo = s->target_lo, span = s->target_hi - s->target_lo;

	if (s->target_hi > UINT32_MAX)
		return;
	for (size_t i = fresh > 3 + BEFORE ? fresh - 3 : BEFORE; i + 4 <= n; i++)
		if (load32(p + i) - lo <= span)
			take_imm(s, va, p, i);
}

void scan_x86(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	if (n < 8)
		return;
	take_calls(s, va, p, n, fresh);
	if (s->callee || !s->target_cnt)
		return;
	take_leas(s, va, p, n, fresh);
	if (!image_is_pie(s->im))
		take_imms(s, va, p, n, fresh);
}
