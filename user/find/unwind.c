// SPDX-License-Identifier: Apache-2.0
/*
 * .eh_frame_hdr (LSB, 10.6.2) is a sorted table of where functions begin; the
 * entry of .eh_frame (10.6.1) that it names says how long this one is.  The length
 * matters: a file may have entries for some of its functions only, and the
 * nearest one before a place then belongs to another function.
 */
#include <string.h>

#include "find/scan_room.h"

#define TABLE_HEAD	12	/* version, three encodings, pointer to .eh_frame, count */
#define CIE_BYTES	64
#define PCREL_SDATA4	0x1b
#define DATAREL_SDATA4	0x3b
#define UDATA4		0x03

struct table {
	const struct image *im;
	uint64_t va;
	uint32_t cnt;
};

static bool open_table(const struct image *im, struct table *t)
{
	struct image_sec sec;
	uint8_t h[TABLE_HEAD];

	if (!image_unwind(im, &sec) || image_read(im, sec.va, h, sizeof(h)) != sizeof(h) ||
	    h[0] != 1 || h[2] != UDATA4 || h[3] != DATAREL_SDATA4)
		return false;
	*t = (struct table){ .im = im, .va = sec.va };
	memcpy(&t->cnt, h + 8, sizeof(t->cnt));
	if (t->cnt > (sec.size - sizeof(h)) / 8)
		t->cnt = (sec.size - sizeof(h)) / 8;
	return t->cnt;
}

static bool row(const struct table *t, uint32_t i, uint64_t *ret_va, uint64_t *ret_entry)
{
	int32_t r[2];

	if (image_read(t->im, t->va + TABLE_HEAD + 8ull * i, r, sizeof(r)) != sizeof(r))
		return false;
	*ret_va = t->va + (int64_t)r[0];
	*ret_entry = t->va + (int64_t)r[1];
	return true;
}

/* The last row that begins at va or before. */
static bool search(const struct table *t, uint64_t va, uint64_t *ret_va, uint64_t *ret_entry)
{
	uint32_t lo = 0, hi = t->cnt;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (!row(t, mid, ret_va, ret_entry))
			return false;
		if (*ret_va <= va)
			lo = mid;
		else
			hi = mid;
	}
	return row(t, lo, ret_va, ret_entry) && *ret_va <= va;
}

/* Steps over an LEB128 number; 0: it does not end. */
static size_t leb(const uint8_t *p, size_t at, size_t n)
{
	while (at && at < n && p[at] & 0x80)
		at++;
	return at && at < n ? at + 1 : 0;
}

/* The bytes of a pointer in this encoding; 0: not one that compilers emit here. */
static size_t encoded_size(uint8_t enc)
{
	switch (enc & 0x0f) {
	case 0x00: case 0x04: case 0x0c:
		return 8;
	case 0x03: case 0x0b:
		return 4;
	}
	return 0;
}

/* Function addresses of this entry's parent are four bytes from their own place. */
static bool is_pcrel(const struct image *im, uint64_t cie)
{
	uint8_t b[CIE_BYTES + 1] = { 0 };
	size_t n = image_read(im, cie, b, CIE_BYTES), at;
	const char *aug = (const char *)b + 9;

	if (n < 16 || memcmp(b + 4, "\0\0\0\0", 4) || aug[0] != 'z')
		return false;
	at = leb(b, leb(b, 9 + strlen(aug) + 1, n), n);	/* both alignments */
	at = leb(b, leb(b, at, n), n);			/* return register, size of what follows */
	for (aug++; at && at < n && *aug; aug++) {
		if (*aug == 'R')
			return b[at] == PCREL_SDATA4;
		if (*aug == 'P') {
			size_t sz = encoded_size(b[at]);

			at = sz ? at + 1 + sz : 0;
		} else if (*aug == 'L') {
			at++;
		}
	}
	return false;
}

bool unwind_find(const struct image *im, uint64_t va, uint64_t *ret_va, uint64_t *ret_size)
{
	uint64_t start, entry;
	uint32_t b[4];	/* length, distance to the parent, start, length of the function */
	struct table t;

	if (!open_table(im, &t) || !search(&t, va, &start, &entry) ||
	    image_read(im, entry, b, sizeof(b)) != sizeof(b) || !b[1] || !is_pcrel(im, entry + 4 - b[1]) ||
	    entry + 8 + (int64_t)(int32_t)b[2] != start || va - start >= b[3])
		return false;
	*ret_va = start;
	*ret_size = b[3];
	return true;
}
