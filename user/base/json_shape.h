/* SPDX-License-Identifier: Apache-2.0 */
#ifndef JSON_SHAPE_H
#define JSON_SHAPE_H

#include "base/json.h"

/*
 * A document that has been read, as a stencil for those that come after it: all
 * its bytes but those of a few values, which may be others.
 *
 * What json_shape_match() promises of doc: json_read(doc) is whole, and it is the
 * same tree as the stencil's, member for member and byte for byte, but for the
 * values in the slots.  These are given as json_each() would give them, and are
 * of the same type as in the stencil: any good string for a string, an integer
 * for a number.  So whoever knows what the stencil says and does not care what
 * stands in the slots knows what doc says.
 *
 * Why it holds: json_shape_init() takes whole documents only, so outside of the
 * slots the bytes are the same ones in the same places of the grammar, and a slot
 * holds one complete token of the same kind, which ends where the stencil goes on.
 */
#define JSON_SHAPE_SLOTS 8
#define JSON_SHAPE_MAX (4 * 1024)	/* bytes of a stencil: what comes again and again is short */

struct json_shape {
	struct buf bytes;		/* the stencil, slots and all */
	unsigned slot_cnt;
	struct json_slot {
		enum json_type type;
		uint16_t from, to;	/* in bytes */
	} slots[JSON_SHAPE_SLOTS];
};

/*
 * read: json_read(doc).  values: those in slots, n of them, strings and numbers as readers of doc
 * have them, in order.  False, and no stencil: doc is not whole or too long, values are no such, too
 * many, or memory is short.  Replaces what was there; all zero is an empty one.
 */
bool json_shape_init(struct json_shape *s, struct view doc, struct json read, const struct json *values, size_t n);
void json_shape_release(struct json_shape *s);

/* True: doc is of this shape; ret[i] is what stands in slot i. */
bool json_shape_match(const struct json_shape *s, struct view doc, struct json ret[static JSON_SHAPE_SLOTS]);

#endif /* JSON_SHAPE_H */
