// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "proto/hpack.h"

#define ENTRY_EXTRA	32		/* RFC 7541 section 4.1 */
#define TEXT_MAX	(1024 * 1024)
#define TEXT_KEEP	4096		/* of the memory from block to block */

struct hpack_entry {
	char *p;		/* name, value */
	uint32_t name_n, value_n;
	bool name_unknown;
};

/* RFC 7541 appendix A. */
static const struct static_entry {
	const char *name, *value;
} statics[] = {
	{ ":authority", "" },
	{ ":method", "GET" },
	{ ":method", "POST" },
	{ ":path", "/" },
	{ ":path", "/index.html" },
	{ ":scheme", "http" },
	{ ":scheme", "https" },
	{ ":status", "200" },
	{ ":status", "204" },
	{ ":status", "206" },
	{ ":status", "304" },
	{ ":status", "400" },
	{ ":status", "404" },
	{ ":status", "500" },
	{ "accept-charset", "" },
	{ "accept-encoding", "gzip, deflate" },
	{ "accept-language", "" },
	{ "accept-ranges", "" },
	{ "accept", "" },
	{ "access-control-allow-origin", "" },
	{ "age", "" },
	{ "allow", "" },
	{ "authorization", "" },
	{ "cache-control", "" },
	{ "content-disposition", "" },
	{ "content-encoding", "" },
	{ "content-language", "" },
	{ "content-length", "" },
	{ "content-location", "" },
	{ "content-range", "" },
	{ "content-type", "" },
	{ "cookie", "" },
	{ "date", "" },
	{ "etag", "" },
	{ "expect", "" },
	{ "expires", "" },
	{ "from", "" },
	{ "host", "" },
	{ "if-match", "" },
	{ "if-modified-since", "" },
	{ "if-none-match", "" },
	{ "if-range", "" },
	{ "if-unmodified-since", "" },
	{ "last-modified", "" },
	{ "link", "" },
	{ "location", "" },
	{ "max-forwards", "" },
	{ "proxy-authenticate", "" },
	{ "proxy-authorization", "" },
	{ "range", "" },
	{ "referer", "" },
	{ "refresh", "" },
	{ "retry-after", "" },
	{ "server", "" },
	{ "set-cookie", "" },
	{ "strict-transport-security", "" },
	{ "transfer-encoding", "" },
	{ "user-agent", "" },
	{ "vary", "" },
	{ "via", "" },
	{ "www-authenticate", "" },
};

#define STATIC_CNT (sizeof(statics) / sizeof(statics[0]))

void hpack_init(struct hpack *h)
{
	*h = (struct hpack){ .max = HPACK_DEFAULT };
	buf_init(&h->text, TEXT_MAX);
}

static struct hpack_entry *entry(const struct hpack *h, uint32_t i)
{
	return &h->ring[(h->newest - i) & (h->cap - 1)];
}

static size_t entry_size(const struct hpack_entry *e)
{
	return (size_t)e->name_n + e->value_n + ENTRY_EXTRA;
}

static void drop_oldest(struct hpack *h)
{
	struct hpack_entry *e = entry(h, --h->cnt);

	h->held -= entry_size(e);
	free(e->p);
}

static void drop_all(struct hpack *h)
{
	while (h->cnt)
		drop_oldest(h);
}

static void rest(struct hpack *h)
{
	free(h->spare);
	h->spare = NULL;
	buf_reset(&h->text);
	if (h->text.cap > TEXT_KEEP)
		buf_release(&h->text);
}

void hpack_release(struct hpack *h)
{
	drop_all(h);
	rest(h);
	free(h->ring);
	buf_release(&h->text);
	*h = (struct hpack){ 0 };
}

void hpack_forget(struct hpack *h)
{
	drop_all(h);
	h->older = true;
	h->max = UINT64_MAX;
	h->begun = false;
}

/* Entries go from the oldest on: when one of ours has to, those we never saw are gone already. */
static void make_room(struct hpack *h, size_t n)
{
	size_t keep = h->max == UINT64_MAX ? HPACK_KEEP_BLIND : HPACK_KEEP;

	while (h->cnt && h->held + n > h->max) {
		drop_oldest(h);
		h->older = false;
	}
	while (h->cnt && h->held + n > keep) {
		drop_oldest(h);
		h->older = true;
	}
}

static int grow(struct hpack *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : 8;
	struct hpack_entry *ring = calloc(cap, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->cnt; i++)
		ring[(h->cnt - 1 - i) & (cap - 1)] = *entry(h, i);
	free(h->ring);
	h->ring = ring;
	h->cap = cap;
	h->newest = h->cnt - 1;
	return 0;
}

/* f's views may be those of an entry that has to go: it is copied first, and points to the copy then. */
static int insert(struct hpack *h, struct hpack_field *f)
{
	struct hpack_entry e = { NULL, f->name.n, f->value.n, f->name_unknown };
	size_t n = entry_size(&e);

	e.p = malloc(f->name.n + f->value.n + 1);
	if (!e.p)
		return -ENOMEM;
	if (f->name.n)
		memcpy(e.p, f->name.p, f->name.n);
	if (f->value.n)
		memcpy(e.p + f->name.n, f->value.p, f->value.n);
	f->name.p = e.p;
	f->value.p = e.p + f->name.n;
	make_room(h, n);
	if (n > h->max || n > HPACK_KEEP) {	/* then the table is empty, or none we could keep */
		h->older = n <= h->max;
		h->spare = e.p;
		return 0;
	}
	if (h->cnt == h->cap && grow(h)) {
		free(e.p);
		return -ENOMEM;
	}
	h->newest++;
	h->cnt++;
	*entry(h, 0) = e;
	h->held += n;
	return 0;
}

/* An integer behind a prefix of so many bits (RFC 7541 section 5.1). */
static bool integer(struct view *in, unsigned bits, uint32_t *ret)
{
	uint32_t mask = (1u << bits) - 1, n, add;
	unsigned shift = 0;
	uint8_t c;

	if (!in->n)
		return false;
	n = (uint8_t)in->p[0] & mask;
	*in = view_drop(*in, 1);
	if (n < mask) {
		*ret = n;
		return true;
	}
	do {
		if (!in->n || shift >= 32)
			return false;
		c = in->p[0];
		*in = view_drop(*in, 1);
		add = c & 0x7f;
		if (add > UINT32_MAX >> shift || add << shift > UINT32_MAX - n)
			return false;
		n += add << shift;
		shift += 7;
	} while (c & 0x80);
	*ret = n;
	return true;
}

/* What was decoded is at *ret_off of text: it may move until all is decoded.  Otherwise *ret is set. */
static int string(struct hpack *h, struct view *in, struct view *ret, size_t *ret_off)
{
	bool coded = in->n && (in->p[0] & 0x80);
	struct view raw;
	uint32_t n;

	if (!integer(in, 7, &n) || n > in->n)
		return -EILSEQ;
	raw = view_take(*in, n);
	*in = view_drop(*in, n);
	*ret = raw;
	if (!coded)
		return 0;
	*ret_off = h->text.n;
	*ret = VIEW_NONE;
	return hpack_huffman(raw, &h->text);
}

static int named(const struct hpack *h, uint32_t index, struct hpack_field *f)
{
	const struct hpack_entry *e;

	if (!index)
		return -EILSEQ;
	if (index <= STATIC_CNT) {
		f->name = view_of(statics[index - 1].name);
		f->value = view_of(statics[index - 1].value);
		return 0;
	}
	index -= STATIC_CNT + 1;
	if (index >= h->cnt) {
		f->name_unknown = f->value_unknown = true;
		return h->older ? 0 : -EILSEQ;
	}
	e = entry(h, index);
	f->name = (struct view){ e->p, e->name_n };
	f->value = (struct view){ e->p + e->name_n, e->value_n };
	f->name_unknown = e->name_unknown;
	return 0;
}

static int literal(struct hpack *h, struct view *in, unsigned bits, struct hpack_field *f)
{
	size_t name_off = SIZE_MAX, value_off = SIZE_MAX;
	uint32_t index;
	int err;

	if (!integer(in, bits, &index))
		return -EILSEQ;
	err = index ? named(h, index, f) : string(h, in, &f->name, &name_off);
	if (err)
		return err;
	err = string(h, in, &f->value, &value_off);
	f->value_unknown = false;
	if (err)
		return err;
	if (name_off != SIZE_MAX)
		f->name = view_drop(buf_view(&h->text), name_off);
	if (value_off == SIZE_MAX)
		return 0;
	f->value = view_drop(buf_view(&h->text), value_off);
	if (name_off != SIZE_MAX)
		f->name.n = value_off - name_off;
	return 0;
}

static int size_update(struct hpack *h, struct view *in)
{
	uint32_t max;

	if (h->begun || !integer(in, 5, &max))
		return -EILSEQ;
	h->max = max;
	make_room(h, 0);
	if (!max)
		h->older = false;
	return 0;
}

/* 1: a field; 0: none. */
static int take(struct hpack *h, struct view *in, struct hpack_field *f)
{
	uint8_t c = in->p[0];
	uint32_t index;
	int err;

	if ((c & 0xe0) == 0x20)
		return size_update(h, in);
	h->begun = true;
	if (c & 0x80)
		err = integer(in, 7, &index) ? named(h, index, f) : -EILSEQ;
	else
		err = literal(h, in, c & 0x40 ? 6 : 4, f);
	if (!err && (c & 0xc0) == 0x40)
		err = insert(h, f);
	return err ? err : 1;
}

int hpack_next(struct hpack *h, struct view *block, struct hpack_field *f)
{
	int r = 0;

	rest(h);
	*f = (struct hpack_field){ 0 };
	while (!r && block->n)
		r = take(h, block, f);
	if (r < 0)
		hpack_forget(h);
	if (r <= 0)
		h->begun = false;
	return r;
}

size_t hpack_memory(const struct hpack *h)
{
	return h->cap * sizeof(struct hpack_entry) + h->held + h->text.cap;
}
