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
 * ones before it, up to STREAM_WAIT_NS (at most twice that) or STREAM_WAIT_BYTES.
 * Time is what the records say, so a replay waits as long as the observer did.
 *
 * A TLS stream ends with its object, or STREAM_WAIT_NS after its process; a
 * socket's with the socket, or STREAM_LINGER_NS after the process that last used
 * it, for one that inherited it may go on.
 */
#define STREAM_WAIT_NS		(200 * 1000 * 1000ull)
#define STREAM_WAIT_BYTES	(4 * 1024 * 1024)	/* per direction */
#define STREAM_WAIT_RECORDS	1024			/* per direction */
#define STREAM_WAIT_ALL		(64 * 1024 * 1024)	/* of all streams */
#define STREAM_LINGER_NS	(10 * 1000000000ull)

/* A kernel socket that a tracked process uses. */
struct sock {
	uint64_t id;
	uint16_t family, lport, rport;
	enum wire_role role;
	uint8_t laddr[16], raddr[16];
	char sni[256];		/* from the ClientHello; empty: none seen */
	char *dns;		/* name that its process was told for the peer's address; NULL: none */
	unsigned refs;
};

struct stream_dir {
	uint64_t next;		/* offset of the next byte to hand on */
	uint64_t top;		/* the kernel has counted so far, by what arrived */
	uint64_t give_up;	/* what is missing below this offset is not waited for */
	uint64_t lost;		/* bytes that never came */
	struct waiting *wait, *wait_last;	/* records ahead of next, by offset */
	size_t wait_bytes;
	unsigned wait_cnt;
	bool eof;
};

struct stream {
	uint64_t id;
	uint32_t pid;		/* who used it first */
	uint64_t start;
	enum wire_source source;
	unsigned lib;		/* WIRE_SRC_TLS */
	bool joined;		/* does not start at its beginning: in use before we looked, or the beginning is lost */
	bool ignored;		/* flow's: nobody wants the rest; what is missing from now on is no gap */
	uint64_t muted[2];	/* flow's, see stream_mute(): a MUTE() that the kernel half was told of; 0: none */
	struct sock *sock;	/* NULL: not bound yet */
	enum wire_bind_basis bind_basis;	/* 0: a socket's own payload */
	struct stream_dir dir[2];
	uint64_t last_ts;
	void *user;		/* flow's: its conn */
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
	bool muted;		/* PIECE_GAP: by stream_mute(), so they are from before the other direction went on */
	uint64_t ts;
	uint32_t pid;		/* who moved these bytes */
	uint64_t start;
	uint32_t tid;
};

/* seen = delivered + lost + ignored whenever no record waits, and after WIRE_FINISH none does. */
struct stream_stats {
	uint64_t seen[2];	/* bytes the kernel counted, by what arrived */
	uint64_t delivered[2];
	uint64_t lost[2];
	uint64_t ignored[2];	/* nobody wanted them */
	uint64_t opened, closed, refused;	/* refused: more than streams_new's max at once; their bytes are lost */
	uint64_t socks_refused;
	uint64_t reordered;	/* records that had to wait */
	uint64_t repeated;	/* bytes that came twice */
	uint64_t bound[WIRE_BIND_THREAD + 1];	/* TLS streams by enum wire_bind_basis; 0: closed unbound */
	uint64_t contested;	/* bindings to a socket that another stream of the process has: not believed */
	uint64_t moved;		/* streams that went on as another object */
};

/* What is missing of a direction is not wanted, as long as the other one has not gone on from here: a MUTE(), or 0: it is muted so already. */
uint64_t stream_mute(struct stream *st, int dir);

struct streams;

struct streams *streams_new(size_t max);
void streams_free(struct streams *s);

/* Takes any record (those that are not its business are ignored); then call streams_next() until 0. */
void streams_take(struct streams *s, const struct wire_hdr *h);
int streams_next(struct streams *s, struct piece *ret);

const struct stream_stats *streams_stats(const struct streams *s);
size_t streams_open(const struct streams *s);

#endif /* STREAM_H */
