/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HPACK_H
#define HPACK_H

#include "base/buf.h"

/*
 * HPACK (RFC 7541), the decoder of one direction of a connection, for an
 * observer: it may join late, and bytes may be missing.  The index of an entry counts
 * from the newest, so what was inserted while we looked is found exactly; a
 * reference to something older is known to be one, but not what it says.  Once a
 * size update or enough insertions have pushed the older entries out, nothing is unknown any more.
 */
struct hpack {
	struct hpack_entry *ring;
	uint32_t cap, cnt, newest;
	size_t held;		/* size of the entries (RFC 7541 section 4.1), at least */
	uint64_t max;		/* of the encoder's table; UINT64_MAX: not known */
	bool older;		/* it may have more entries than we */
	bool begun;		/* the block's first field came: no size update behind it */
	struct buf text;	/* decoded literals, until the next call */
	char *spare;		/* an entry too big for the table, until the next call */
};

#define HPACK_KEEP	(64 * 1024)	/* of the encoder's table; what is pushed out of this is unknown */
#define HPACK_KEEP_BLIND (16 * 1024)	/* as long as the size of the table is not known */
#define HPACK_DEFAULT	4096		/* RFC 9113 section 6.5.2 */

struct hpack_field {
	struct view name, value;
	bool name_unknown, value_unknown;	/* it refers to what was inserted before we looked */
};

void hpack_init(struct hpack *h);
void hpack_release(struct hpack *h);

/* Header blocks are missing here, or may be. */
void hpack_forget(struct hpack *h);

/*
 * *block is a whole header block, advanced.  1: *f is set, good until the next
 * call.  0: the block is used up.  < 0: broken (-EILSEQ) or -ENOMEM; the rest of it is lost, and the
 * table is forgotten.
 */
int hpack_next(struct hpack *h, struct view *block, struct hpack_field *f);

/* Bytes it holds beyond its own size. */
size_t hpack_memory(const struct hpack *h);

/* Appends what the Huffman code says.  0; -EILSEQ: it is none; -ENOMEM, -E2BIG. */
int hpack_huffman(struct view coded, struct buf *out);

#endif /* HPACK_H */
