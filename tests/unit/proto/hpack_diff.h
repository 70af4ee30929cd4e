/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HPACK_DIFF_H
#define HPACK_DIFF_H

#include <assert.h>
#include <nghttp2/nghttp2.h>

#include "proto/hpack.h"

/* Header blocks read by libnghttp2 and by us: the fields have to be the same, and so has what is broken. */
#define DIFF_TABLE 65536	/* what the encoder may use */

struct hpack_diff {
	nghttp2_hd_inflater *theirs;
	struct hpack ours, late;	/* late joins at block `join` */
	unsigned join, block;
	uint64_t unknown, known;	/* fields of late */
};

static inline void diff_init(struct hpack_diff *d, unsigned join)
{
	*d = (struct hpack_diff){ .join = join };
	assert(!nghttp2_hd_inflate_new(&d->theirs));
	assert(!nghttp2_hd_inflate_change_table_size(d->theirs, DIFF_TABLE));
	hpack_init(&d->ours);
	hpack_init(&d->late);
	hpack_forget(&d->late);
}

static inline void diff_release(struct hpack_diff *d)
{
	nghttp2_hd_inflate_del(d->theirs);
	hpack_release(&d->ours);
	hpack_release(&d->late);
}

/* 1: a field; 0: the end; -1: broken. */
static inline int diff_theirs(struct hpack_diff *d, struct view *block, nghttp2_nv *nv)
{
	for (;;) {
		int flags = 0;
		ssize_t r = nghttp2_hd_inflate_hd2(d->theirs, nv, &flags, (const uint8_t *)block->p, block->n, 1);

		if (r < 0)
			return -1;
		*block = view_drop(*block, r);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			return 1;
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(d->theirs);
			return 0;
		}
	}
}

/* What is known has to be right. */
static inline void diff_late(struct hpack_diff *d, struct view *block, const nghttp2_nv *nv, int want)
{
	struct hpack_field f;
	int r = hpack_next(&d->late, block, &f);

	assert(r == want);
	if (!r)
		return;
	assert(f.name_unknown || view_eq(f.name, (struct view){ (const char *)nv->name, nv->namelen }));
	assert(f.value_unknown || view_eq(f.value, (struct view){ (const char *)nv->value, nv->valuelen }));
	if (f.name_unknown || f.value_unknown)
		d->unknown++;
	else
		d->known++;
}

/* A size update over what was allowed is broken to them; we do not know what was allowed. */
static inline bool diff_allowed(struct view block)
{
	while (block.n && (block.p[0] & 0xe0) == 0x20) {
		uint64_t n = block.p[0] & 0x1f;
		unsigned shift = 0;

		block = view_drop(block, 1);
		for (bool more = n == 0x1f; more && block.n && shift < 35; shift += 7) {
			n += (uint64_t)(block.p[0] & 0x7f) << shift;
			more = block.p[0] & 0x80;
			block = view_drop(block, 1);
		}
		if (n > DIFF_TABLE)
			return false;
	}
	return true;
}

/* False: both say it is broken, and nothing can follow. */
static inline bool diff_block(struct hpack_diff *d, struct view block)
{
	struct view theirs = block, late = block;
	bool joined = d->block++ >= d->join;
	struct hpack_field f;
	nghttp2_nv nv;
	int want, got;

	if (!diff_allowed(block))
		return false;
	for (;;) {
		want = diff_theirs(d, &theirs, &nv);
		got = hpack_next(&d->ours, &block, &f);
		assert((want < 0) == (got < 0) && (want < 0 || want == got));
		if (got < 0)
			return false;
		if (joined)
			diff_late(d, &late, &nv, got);
		if (!got)
			return true;
		assert(!f.name_unknown && !f.value_unknown);
		assert(view_eq(f.name, (struct view){ (const char *)nv.name, nv.namelen }));
		assert(view_eq(f.value, (struct view){ (const char *)nv.value, nv.valuelen }));
	}
}

/* Blocks as libnghttp2's encoder writes them, out of any bytes: fields, table sizes, the ends of blocks. */
struct hpack_maker {
	nghttp2_hd_deflater *d;
	uint8_t out[65536];
};

static inline void maker_init(struct hpack_maker *m)
{
	assert(!nghttp2_hd_deflate_new(&m->d, DIFF_TABLE));
}

static inline void maker_release(struct hpack_maker *m)
{
	nghttp2_hd_deflate_del(m->d);
}

static inline uint8_t maker_byte(struct view *in)
{
	uint8_t c = in->n ? (uint8_t)in->p[0] : 0;

	if (in->n)
		*in = view_drop(*in, 1);
	return c;
}

static inline nghttp2_nv maker_field(struct view *in)
{
	static const char *const names[] = { ":status", ":path", "content-type", "x-request-id", "date", "set-cookie",
					     "openai-model", "x-a" };
	uint8_t what = maker_byte(in);
	const char *name = names[what & 7];
	struct view value = view_take(*in, maker_byte(in) % 64);

	value = view_take(value, in->n);
	*in = view_drop(*in, value.n);
	if (what & 0x40)	/* the same values again and again */
		value = view_take(VIEW("the same value for all of them"), 8 + (what >> 4 & 3) * 4);
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value.p, strlen(name), value.n,
			     (what & 0x80) && (what & 8) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE };
}

/* The next block; VIEW_NONE: in is used up. */
static inline struct view maker_block(struct hpack_maker *m, struct view *in)
{
	uint8_t how = maker_byte(in);
	nghttp2_nv nv[16];
	size_t n = 1 + how % 16;
	ssize_t len;

	if (!in->n)
		return VIEW_NONE;
	if (how >= 0xf0)
		assert(!nghttp2_hd_deflate_change_table_size(m->d, how == 0xf0 ? 0 : maker_byte(in) * 64));
	for (size_t i = 0; i < n; i++)
		nv[i] = maker_field(in);
	len = nghttp2_hd_deflate_hd(m->d, m->out, sizeof(m->out), nv, n);
	assert(len >= 0);
	return (struct view){ (const char *)m->out, len };
}

#endif /* HPACK_DIFF_H */
