/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UTF8_H
#define UTF8_H

#include "base/buf.h"

/* How many bytes at the head of v are valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
size_t utf8_valid(struct view v);

/*
 * The length of the maximal subpart at the head of v that is no character; 0 if
 * a character stands there, or nothing.  *ret_cut: what is there could be the
 * beginning of one, v just ends too soon.
 */
size_t utf8_bad(struct view v, bool *ret_cut);

/* Appends valid UTF-8.  0, -ENOMEM, -E2BIG (what fits was added, never half a character). */
int utf8_add(struct buf *out, struct view v);

/*
 * Appends v with every invalid sequence replaced by U+FFFD, one for each
 * maximal subpart (Unicode 15 section 3.9).  0, -ENOMEM, -E2BIG (what fits was
 * added, never half a character).
 */
int utf8_repair(struct buf *out, struct view v);

#endif /* UTF8_H */
