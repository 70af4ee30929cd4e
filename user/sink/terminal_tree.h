/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TERMINAL_TREE_H
#define TERMINAL_TREE_H

#include "base/buf.h"
#include "trace/span.h"

/*
 * Spans as a tree.  Children are shown in the order they started, spans whose
 * parent is not here as roots.  What is kept of a span is its text, of the first 10,000 spans.
 */
struct tree;

struct tree_style {
	bool utf8, color;
	size_t width;
};

struct tree *tree_new(bool utf8);
void tree_free(struct tree *t);		/* NULL is fine */

/* False: full, or no memory; it is counted. */
bool tree_add(struct tree *t, const struct span *s);
uint64_t tree_left_out(const struct tree *t);

/* Appends the drawing. */
void tree_draw(struct tree *t, const struct tree_style *style, struct buf *out);

/* Colours, or nothing: "2" dim, "31" red, "0" off. */
void tree_paint(struct buf *out, bool color, const char *code);

/* Text in a field of so many columns; longer text is cut, with a mark. */
void tree_field(struct buf *out, const char *text, size_t cols, bool utf8);

#endif /* TERMINAL_TREE_H */
