/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/proto.h"

/*
 * Requests and the answers to them, whatever the connection's protocol.  A
 * conn is fed the bytes of both directions of one stream and hands out
 * exchanges as they progress: the layers under it (HTTP framing, content
 * coding, SSE) are its business.  Pure like the decoders; times are the
 * caller's (CLOCK_BOOTTIME ns of the pieces).
 */
/* BODY_EVENTS: a stream of SSE, JSON lines, AWS event stream messages, the elements of an array. */
enum body_kind { BODY_BYTES, BODY_EVENTS };

struct body {
	struct buf head;	/* decoded bytes from the start; at most BODY_HEAD_MAX */
	struct buf tail;	/* the last bytes of one that was longer; at most BODY_TAIL_MAX */
	uint64_t coded;		/* bytes on the wire, without HTTP framing */
	uint64_t decoded;	/* bytes after content codings */
	uint64_t cut;		/* decoded bytes kept neither in head nor in tail */
	uint64_t lost;		/* bytes of the body that a gap took (a coded body: coded bytes) */
	bool complete;		/* all of it passed and stands in head, or went out as events; nothing lost */
	const char *error;	/* static text when a coding failed ("gzip: broken data"); NULL */
};

#define BODY_HEAD_MAX (16 * 1024 * 1024)
#define BODY_TAIL_MAX (64 * 1024)

struct header {
	struct view name, value;
	struct header *next;
};

struct message {
	struct header *headers;	/* in order, the first HEADERS_MAX; in the exchange's arena */
	unsigned header_cnt;	/* all there were */
	struct body body;
	enum body_kind kind;
	uint64_t first_ts, last_ts;	/* of the pieces with its first and last byte; 0: none came */
	uint64_t event_cnt;	/* events handed out */
	uint64_t first_event_ts;	/* of the first of them; 0 */
	bool seen;		/* its head passed */
	bool done;		/* its end passed, in good order */
};

#define HEADERS_MAX 256

enum exchange_end {
	XEND_OPEN = 0,
	XEND_OK,		/* both messages complete */
	XEND_CUT,		/* the connection ended, or observation did, before they were */
	XEND_LOST,		/* bytes are missing or made no sense */
	XEND_UPGRADE,		/* another protocol took over (101, CONNECT) */
};

struct exchange {
	uint64_t no;		/* counts the conn's exchanges from 0 */
	struct arena arena;	/* what belongs to the exchange lives and dies with it; 1 MiB at most */
	struct view method, target;	/* target as sent; VIEW_NONE when the request was not seen */
	unsigned version;	/* 10, 11, 20 */
	unsigned status;	/* of the final response; 0: none seen */
	struct message req, resp;
	enum exchange_end end;
	uint64_t lost_bytes;	/* bytes lost on the stream while this exchange was open */
	bool joined;		/* the stream was in use before we looked */
	void *user;		/* flow's */
};

/* First header with this name (case ignored); VIEW_NONE: none. */
struct view message_header(const struct message *m, const char *name);

enum xev_kind {
	XEV_REQUEST,		/* the request is as complete as it will be: req.body is ready */
	XEV_RESPONSE,		/* the final response's head is there (may come before XEV_REQUEST) */
	XEV_EVENT,		/* one event of the response: name, value */
	XEV_DONE,		/* last one of the exchange; it is freed by the next conn_next() */
	/*
	 * A message of what an upgraded exchange x speaks (WebSocket); dir says which way, name what it is: "text",
	 * "binary", "close", or "gap" where messages are missing.  Comes after x's XEV_RESPONSE, before its XEV_DONE.
	 */
	XEV_MESSAGE,
	XEV_OPAQUE,		/* value: bytes of no exchange, dir says which way; exchange is the one that upgraded, or NULL */
};

struct xev {
	enum xev_kind kind;
	struct exchange *x;
	struct view name, value;	/* borrowed until the next call */
	uint64_t ts;
	int dir;		/* XEV_MESSAGE, XEV_OPAQUE */
	bool cut;		/* XEV_EVENT, XEV_MESSAGE: not all of it was seen */
};

enum conn_role { CONN_UNKNOWN, CONN_CLIENT, CONN_SERVER, CONN_OPAQUE };

struct conn;

/* joined: the stream was in use before we looked; the conn then waits for the head of a message. */
struct conn *conn_new(bool joined);
void conn_free(struct conn *c);			/* NULL is fine */

/*
 * dir: 0 the observed process sent it, 1 it received it (enum wire_dir).
 * After each of these, call conn_next() until it says 0.  The view has to stay
 * good until then.
 */
void conn_bytes(struct conn *c, int dir, struct view bytes, uint64_t ts);
void conn_gap(struct conn *c, int dir, uint64_t n, uint64_t ts);
/* The same of bytes that passed before the last bytes of the other direction. */
void conn_skip(struct conn *c, int dir, uint64_t n, uint64_t ts);
void conn_eof(struct conn *c, int dir, uint64_t ts);	/* this direction ended in good order */
void conn_end(struct conn *c, uint64_t ts);		/* nothing more will come in either direction */

/* 1: *ev is set.  0: nothing more for now. */
int conn_next(struct conn *c, struct xev *ev);

/* CONN_CLIENT: the observed process sends the requests. CONN_OPAQUE: no protocol we know, its bytes come as XEV_OPAQUE. */
enum conn_role conn_role(const struct conn *c);

/*
 * Bytes given to conn_bytes() by what became of them: delivered = decoded +
 * opaque + lost, for each direction; exact after conn_end().  lost: refused (too many
 * exchanges, no memory).  What a gap took was never delivered: it is in no book of
 * the conn but in lost_bytes of the exchanges.
 */
struct conn_books {
	uint64_t decoded[2], opaque[2], lost[2];
};
const struct conn_books *conn_books(const struct conn *c);

/* Bytes of memory it holds now. */
size_t conn_memory(const struct conn *c);

#endif /* EXCHANGE_H */
