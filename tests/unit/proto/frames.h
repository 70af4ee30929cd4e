/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FRAMES_H
#define FRAMES_H

#include <assert.h>

#include "base/buf.h"

/* HTTP/2 frames as a test writes them down. */
#define PREFACE VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

enum { F_DATA, F_HEADERS, F_PRIORITY, F_RST, F_SETTINGS, F_PUSH, F_PING, F_GOAWAY, F_WINDOW, F_CONT };

#define F_END 0x01
#define F_EH 0x04
#define F_PAD 0x08

static inline void frame_add(struct buf *b, int type, int flags, uint32_t stream, struct view payload)
{
	const char head[9] = {
		payload.n >> 16, payload.n >> 8, payload.n, type, flags, stream >> 24, stream >> 16, stream >> 8, stream,
	};

	assert(!buf_add(b, (struct view){ head, sizeof(head) }));
	assert(!buf_add(b, payload));
}

/* How long the frame at the head of v is; a preface counts as one. */
static inline size_t frame_len(struct view v)
{
	const unsigned char *p = (const unsigned char *)v.p;

	if (view_starts(v, VIEW("PRI ")))
		return PREFACE.n;
	assert(v.n >= 9);
	return 9 + ((size_t)p[0] << 16 | p[1] << 8 | p[2]);
}

#endif /* FRAMES_H */
