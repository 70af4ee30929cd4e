// SPDX-License-Identifier: Apache-2.0
/* The pass over code: references to texts, byte patterns, where calls go; and what is a function. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find/code.h"
#include "find/find.h"
#include "find/scan_room.h"

#define OVERLAP		64		/* more than an instruction or a pattern has */
#define BITMAP_MAX	(32ull << 20)	/* bytes */
#define FUNCTION_MAX	(64u << 10)	/* how far before a place its function may begin, when only calls tell */
#define TRIES_MAX	256		/* targets of calls that are looked at for one place */
#define SWEEPS_MAX	8		/* of them, whose code is looked at */
#define SWEEP_BYTES	(2u << 20)
#define TARGETS_MAX	(32u << 10)

static size_t slot_of(const struct scan *s, uint64_t va)
{
	return (va * 0x9e3779b97f4a7c15ull >> 40) & s->target_mask;
}

static void add_target(struct scan *s, uint64_t va, uint32_t row)
{
	size_t i = slot_of(s, va);

	while (s->target[i].va)
		i = (i + 1) & s->target_mask;
	s->target[i] = (struct target){ va, row };
	s->target_cnt++;
	if (va < s->target_lo)
		s->target_lo = va;
	if (va > s->target_hi)
		s->target_hi = va;
}

/*
 * What stands before a string need not be a NUL: constants of another kind may.
 * Any place in it may be where it begins, until it is seen which one is referred to.
 */
static size_t each_target(struct scan *s, void (*put)(struct scan *s, uint64_t va, uint32_t row))
{
	size_t n = 0;

	for (size_t i = 0; i < s->text_cnt; i++) {
		const struct text_row *r = &s->text[i];

		for (size_t k = 0; k < r->at.cnt; k++) {
			uint64_t last = k < r->tail.cnt && n < TARGETS_MAX ? r->tail.va[k] : r->at.va[k];

			for (uint64_t va = r->at.va[k]; va <= last; va++, n++)
				if (put && va)
					put(s, va, i);
		}
	}
	return n;
}

static bool list_targets(struct scan *s)
{
	size_t n = each_target(s, NULL), cap = 64;

	while (cap < n * 4)
		cap *= 2;
	s->target = calloc(cap, sizeof(*s->target));
	if (!s->target)
		return false;
	s->target_mask = cap - 1;
	s->target_lo = UINT64_MAX;
	each_target(s, add_target);
	return true;
}

static size_t refs_to(const struct text_row *r, uint64_t va)
{
	size_t n = 0;

	for (size_t i = 0; i < r->ref_cnt; i++)
		n += r->ref[i].to == va;
	return n;
}

/* The place in [at, tail] that most references name. */
static uint64_t most_referred(const struct text_row *r, uint64_t at, uint64_t tail)
{
	uint64_t best = at;
	size_t most = refs_to(r, at);

	for (size_t i = 0; i < r->ref_cnt; i++) {
		uint64_t to = r->ref[i].to;
		size_t n = to > at && to <= tail ? refs_to(r, to) : 0;

		if (n <= most)
			continue;
		best = to;
		most = n;
	}
	return best;
}

static void settle_strings(struct text_row *r)
{
	for (size_t i = 0; i < r->tail.cnt && r->ref_cnt; i++)
		r->at.va[i] = most_referred(r, r->at.va[i], r->tail.va[i]);
}

static void add_ref(struct scan *s, struct text_row *r, const struct scan_ref *ref)
{
	struct scan_ref *more;

	if (r->ref_cnt == SCAN_HITS_MAX) {
		r->more_refs = true;
		return;
	}
	if (!(r->ref_cnt & (r->ref_cnt - 1))) {
		more = realloc(r->ref, (r->ref_cnt ? 2 * r->ref_cnt : 1) * sizeof(*more));
		if (!more) {
			s->err = -ENOMEM;
			return;
		}
		r->ref = more;
	}
	r->ref[r->ref_cnt++] = *ref;
}

void scan_take_reference(struct scan *s, uint64_t to, struct scan_ref ref)
{
	ref.to = to;
	for (size_t i = slot_of(s, to); s->target[i].va; i = (i + 1) & s->target_mask)
		if (s->target[i].va == to)
			add_ref(s, &s->text[s->target[i].row], &ref);
}

/* The bitmap's finest grain that fits, down to what an instruction's place can be. */
static bool make_bitmap(struct scan *s)
{
	const struct image_seg *seg;
	size_t n = image_segs(s->im, &seg);

	s->code_lo = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		if (!seg[i].exec || !seg[i].file_sz)
			continue;
		if (seg[i].va < s->code_lo)
			s->code_lo = seg[i].va & ~15ull;
		if (seg[i].va + seg[i].file_sz > s->code_hi)
			s->code_hi = seg[i].va + seg[i].file_sz;
	}
	if (s->code_lo >= s->code_hi)
		return true;
	s->shift = image_machine(s->im) == IMAGE_ARM64 ? 2 : 0;
	if ((s->code_hi - s->code_lo) >> s->shift > BITMAP_MAX * 8)
		s->shift = 4;
	if ((s->code_hi - s->code_lo) >> s->shift > BITMAP_MAX * 8) {
		s->code_lo = s->code_hi = 0;
		return true;
	}
	s->called = calloc(((s->code_hi - s->code_lo) >> s->shift) / 8 + 1, 1);
	return s->called;
}

void scan_take_call(struct scan *s, uint64_t at, uint64_t to)
{
	uint64_t bit = to - s->code_lo;

	if (s->callee) {
		if (to == s->callee && s->caller_cnt < s->caller_max)
			s->caller[s->caller_cnt++] = at;
		return;
	}
	if (to < s->code_lo || to >= s->code_hi || bit & ((1u << s->shift) - 1))
		return;
	bit >>= s->shift;
	s->called[bit / 8] |= 1u << bit % 8;
}

bool scan_called(const struct scan *s, uint64_t va)
{
	uint64_t at = va - s->code_lo;

	if (!s->called || va < s->code_lo || va >= s->code_hi || at & ((1u << s->shift) - 1))
		return false;
	at >>= s->shift;
	return s->called[at / 8] >> at % 8 & 1;
}

static bool matches(const struct scan_code *c, const uint8_t *p)
{
	for (unsigned i = 0; i < c->n; i++)
		if ((p[i] & c->mask[i]) != (c->byte[i] & c->mask[i]))
			return false;
	return true;
}

static void take_pattern(struct scan *s, struct code_row *r, uint64_t va, const uint8_t *p, size_t n, size_t fresh)
{
	const struct scan_code *c = r->c;
	const uint8_t *q = p + c->anchor, *end = p + n;

	if (fresh + 1 > c->n)
		q += fresh + 1 - c->n;
	for (; q < end && (q = memchr(q, c->byte[c->anchor], end - q)); q++) {
		const uint8_t *at = q - c->anchor;

		if ((size_t)(end - at) < c->n)
			break;
		if (matches(c, at) && !places_add(&r->at, va + (at - p)))
			s->err = -ENOMEM;
	}
}

static bool owner_has_text(const struct scan *s, const struct finder *f)
{
	for (size_t i = 0; i < s->text_cnt; i++)
		if (s->text[i].owner == f && s->text[i].at.cnt)
			return true;
	return false;
}

static bool put_code(void *arg, uint64_t va, const uint8_t *p, size_t n)
{
	struct scan *s = arg;
	size_t fresh = s->seen > va && s->seen < va + n ? s->seen - va : 0;

	if (image_machine(s->im) == IMAGE_ARM64)
		scan_arm64(s, va, p, n, fresh);
	else
		scan_x86(s, va, p, n, fresh);
	for (size_t i = 0; i < s->code_cnt && !s->callee; i++)
		if (s->code[i].c->machine == image_machine(s->im) && owner_has_text(s, s->code[i].owner))
			take_pattern(s, &s->code[i], va, p, n, fresh);
	s->seen = va + n;
	return !s->err;
}

void scan_code_pass(struct scan *s)
{
	s->seen = 0;
	s->sweep_left = malloc(sizeof(*s->sweep_left));
	if (!s->sweep_left || !list_targets(s) || !make_bitmap(s)) {
		s->err = -ENOMEM;
		return;
	}
	*s->sweep_left = SWEEP_BYTES;
	if (s->called && !image_windows(s->im, IMAGE_CODE, OVERLAP, put_code, s) && !s->err)
		s->err = -EIO;
	for (size_t i = 0; i < s->text_cnt; i++)
		settle_strings(&s->text[i]);
}

/* What stands before a function's first byte: the end of another, or padding. */
static bool x86_after_an_end(const uint8_t *before, size_t n)
{
	uint8_t last = before[n - 1];

	return last == 0xcc || last == 0x90 || last == 0xc3 || last == 0x00 || before[n - 2] == 0xeb ||
	       before[n - 5] == 0xe9 || before[n - 5] == 0xe8 || (before[n - 2] == 0x0f && last == 0x0b);
}

/* Functions that are not aligned, as in builds for size, begin with a push at least. */
static bool x86_begins(const struct image *im, uint64_t va)
{
	static const uint8_t endbr64[4] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t b[9];

	if (va < 5 || image_read(im, va - 5, b, sizeof(b)) != sizeof(b) || !x86_after_an_end(b, 5))
		return false;
	return va % 16 == 0 || (b[5] & 0xf8) == 0x50 || (b[5] == 0x41 && (b[6] & 0xf8) == 0x50) ||
	       !memcmp(b + 5, endbr64, 4);
}

static bool begins(const struct scan *s, uint64_t va)
{
	return image_machine(s->im) == IMAGE_ARM64 || x86_begins(s->im, va);
}

/* A file that was made to keep us busy has a start before every place, and none is it. */
static bool reaches(const struct scan *s, uint64_t from, uint64_t va)
{
	if (*s->sweep_left < va - from)
		return false;
	*s->sweep_left -= va - from;
	return code_reaches(s->im, from, va);
}

static uint64_t next_start(const struct scan *s, uint64_t va)
{
	uint64_t step = 1ull << s->shift, hi = s->code_hi - va < FUNCTION_MAX ? s->code_hi : va + FUNCTION_MAX;

	int tries = 0;

	for (uint64_t at = va + step; at < hi && tries < TRIES_MAX; at += step) {
		if (!scan_called(s, at))
			continue;
		tries++;
		if (begins(s, at))
			return at;
	}
	return va;
}

static bool by_calls(const struct scan *s, uint64_t va, struct scan_func *ret)
{
	uint64_t step = 1ull << s->shift;
	uint64_t lo = va > s->code_lo + FUNCTION_MAX ? va - FUNCTION_MAX : s->code_lo;
	int tries = 0, sweeps = 0;

	if (!s->called || va < s->code_lo || va >= s->code_hi)
		return false;
	for (uint64_t at = s->code_lo + ((va - s->code_lo) & ~(step - 1));
	     at >= lo && at && tries < TRIES_MAX && sweeps < SWEEPS_MAX; at -= step) {
		if (!scan_called(s, at))
			continue;
		tries++;
		if (!begins(s, at))
			continue;
		sweeps++;
		if (!reaches(s, at, va))
			continue;
		*ret = (struct scan_func){ .va = at, .size = next_start(s, at) - at, .called = true };
		return true;
	}
	return false;
}

bool scan_function(const struct scan *s, uint64_t va, struct scan_func *ret)
{
	uint64_t start, size;

	if (!unwind_find(s->im, va, &start, &size))
		return by_calls(s, va, ret);
	*ret = (struct scan_func){ .va = start, .size = size, .unwind = true, .called = scan_called(s, start) };
	return true;
}

size_t scan_referrers(const struct scan *s, const struct scan_text *t, struct scan_func *ret, size_t max)
{
	const struct scan_ref *ref;
	struct scan_func f, last = { 0 };
	size_t n = scan_refs(s, t, &ref), cnt = 0;

	for (size_t i = 0; i < n; i++) {
		if (last.size && ref[i].va >= last.va && ref[i].va - last.va < last.size)
			continue;
		if (!scan_function(s, ref[i].va, &f) || f.va == last.va)
			continue;
		last = f;
		if (cnt < max)
			ret[cnt] = f;
		cnt++;
	}
	return cnt;
}

int scan_callers(const struct scan *s, uint64_t va, uint64_t *ret, size_t max)
{
	struct scan t = { .im = s->im, .callee = va, .caller = ret, .caller_max = max };

	if (!va)
		return 0;
	return image_windows(s->im, IMAGE_CODE, OVERLAP, put_code, &t) ? (int)t.caller_cnt : -EIO;
}
