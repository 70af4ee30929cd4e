/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCAN_ROOM_H
#define SCAN_ROOM_H

#include "find/scan.h"

/* What the files scan*.c share. */

/* Ascending by value as windows come, with a limit. */
struct places {
	uint64_t *va;
	size_t cnt, cap;
	bool more;
};

struct text_row {
	const struct scan_text *t;
	const struct finder *owner;
	size_t n;		/* bytes to compare, the NUL included */
	struct places at;
	struct places tail;	/* SCAN_ENDS: where the text itself is, for each of at */
	struct scan_ref *ref;
	size_t ref_cnt;
	bool more_refs;
};

struct code_row {
	const struct scan_code *c;
	const struct finder *owner;
	struct places at;
};

/* Addresses that are wanted, and whose. */
struct target {
	uint64_t va;		/* 0: empty */
	uint32_t row;
};

struct scan {
	const struct image *im;
	struct text_row *text;
	size_t text_cnt;
	struct code_row *code;
	size_t code_cnt;
	uint64_t seen;		/* the end of the window before, to see nothing twice */
	int err;

	struct target *target;	/* open addressing */
	size_t target_mask, target_cnt;
	uint64_t target_lo, target_hi;

	/* A bit for every place of code that a direct call goes to. */
	uint8_t *called;
	uint64_t code_lo, code_hi;
	unsigned shift;		/* places are this far apart, as a power of two */
	uint64_t *sweep_left;	/* bytes that may still be decoded to find where functions begin */

	uint64_t reg[32];	/* arm64: addresses that registers hold; 0: something else */

	uint64_t callee;	/* scan_callers(): whose calls are wanted */
	uint64_t *caller;
	size_t caller_cnt, caller_max;
};

bool places_add(struct places *p, uint64_t va);

/* Who refers to the texts, where the patterns are, where calls go. */
void scan_code_pass(struct scan *s);
void scan_take_reference(struct scan *s, uint64_t to, struct scan_ref ref);
void scan_take_call(struct scan *s, uint64_t at, uint64_t to);
/* One window of code, of which bytes before `fresh` have been looked at. */
void scan_x86(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh);
void scan_arm64(struct scan *s, uint64_t va, const uint8_t *p, size_t n, size_t fresh);

/* An entry of .eh_frame that covers va. */
bool unwind_find(const struct image *im, uint64_t va, uint64_t *ret_va, uint64_t *ret_size);

#endif /* SCAN_ROOM_H */
