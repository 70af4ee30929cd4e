/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLAIN_H
#define PLAIN_H

#include "base/buf.h"

/*
 * Text of strangers for a terminal.  Control characters, the C1 ones among
 * them, could move the cursor, rewrite the screen or type commands; invisible and
 * direction-changing characters (Unicode 15, general category Cf) make text
 * look like something else.  Each becomes '?' (white space a space), and without utf8 so does
 * everything that is not ASCII.  Text wider than cols columns ends in an ellipsis.
 *
 * Returns the columns added.  Memory that ran out shows as less text.
 */
size_t plain_add(struct buf *out, struct view text, size_t cols, bool utf8);

/* The columns that text takes after plain_add(). */
size_t plain_columns(struct view text);

#endif /* PLAIN_H */
