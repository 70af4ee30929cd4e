/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "feed/feed.h"

/*
 * Records to ordered bytes.  The kernel counts an offset per stream and
 * direction that advances even when a record is dropped, so a gap describes
 * itself.  Two threads on one socket may put their records into the ring in
 * another order than their offsets: a record that comes early waits for the
 * ones before it, up to STREAM_WAIT_NS or STREAM_WAIT_BYTES.
 */
#define STREAM_WAIT_NS		(200 * 1000 * 1000ull)
#define STREAM_WAIT_BYTES	(4 * 1024 * 1024)

/* A kernel socket that a tracked process uses. */
struct sock {
	uint64_t id;
	uint16_t family, lport, rport;
	enum wire_role role;
	uint8_t laddr[16], raddr[16];
	char sni[256];		/* from the ClientHello; empty: none seen */
	unsigned refs;
};

struct stream_dir {
	uint64_t next;		/* offset of the next byte to hand on */
	uint64_t lost;		/* bytes that never came */
	struct waiting *wait;	/* records ahead of next, by offset */
	size_t wait_bytes;
	bool eof;
};

struct stream {
	uint64_t id;
	uint32_t pid;		/* who used it first */
	uint64_t start;
	enum wire_source source;
	unsigned lib;		/* WIRE_SRC_TLS */
	bool joined;
	struct sock *sock;	/* NULL: not bound yet */
	enum wire_bind_basis bind_basis;
	struct stream_dir dir[2];
	uint64_t last_ts;
	void *user;		/* flow's: its conn */
	struct stream *next_unbound;
};

enum piece_kind {
	PIECE_BYTES,
	PIECE_GAP,		/* n bytes are missing here */
	PIECE_EOF,		/* this direction ended */
	PIECE_END,		/* the stream ended; it is freed by the next streams_next() */
};

struct piece {
	enum piece_kind kind;
	struct stream *stream;
	int dir;
	struct view bytes;	/* borrowed until the next streams_next() */
	uint64_t n;		/* PIECE_GAP */
	uint64_t ts;
	uint32_t pid;		/* who moved these bytes */
	uint64_t start;
	uint32_t tid;
};

struct stream_stats {
	uint64_t seen[2];	/* bytes the kernel counted, by what arrived: delivered + lost */
	uint64_t delivered[2];
	uint64_t lost[2];
	uint64_t opened, closed, refused;	/* refused: more than streams_new's max at once */
	uint64_t reordered;
	uint64_t bound[4];	/* by enum wire_bind_basis; 0: closed unbound */
};

struct streams;

struct streams *streams_new(size_t max);
void streams_free(struct streams *s);

/* Takes any record (those that are not its business are ignored); then call streams_next() until 0. */
void streams_take(struct streams *s, const struct wire_hdr *h);
int streams_next(struct streams *s, struct piece *ret);

const struct stream_stats *streams_stats(const struct streams *s);
size_t streams_open(const struct streams *s);

#endif /* STREAM_H */
