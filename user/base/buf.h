/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BUF_H
#define BUF_H

#include <stdint.h>

#include "base/view.h"

/*
 * A growing buffer that knows how much is too much.  Everything we parse was
 * sent by someone else, so the limit is set where the buffer is made and not
 * at each append.
 */
struct buf {
	char *p;
	size_t n, cap, max;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);		/* frees the bytes; b may be used again */
void buf_reset(struct buf *b);			/* empty, memory kept */

/* 0, -ENOMEM, or -E2BIG with the buffer unchanged. */
int buf_add(struct buf *b, struct view v);
int buf_add_byte(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes the first n bytes away; n <= b->n. */
void buf_drop(struct buf *b, size_t n);

static inline struct view buf_view(const struct buf *b)
{
	return (struct view){ b->p, b->n };
}

#endif /* BUF_H */
