/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONN_H
#define CONN_H

#include "proto/exchange.h"
#include "proto/pipe.h"

/*
 * Inside the exchange layer.  exchange.c has what is the same for every
 * protocol: the conn, its exchanges, and the messages on their way; a struct conn_proto has
 * how exchanges are found in the bytes of a connection.
 */

/* What the functions below return on the way to conn_next(): input used up, *ev is set, call again. */
enum { MORE = 0, EVENT = 1, AGAIN = 2 };

#define HOLD_MAX (48 * 1024 * 1024)	/* bytes of headers and bodies of a connection */

struct xch {
	struct exchange x;
	struct xch *next;	/* in conn.open, then in conn.over */
	struct xch **at;	/* what points to it in conn.open */
	size_t held;		/* of the conn's HOLD_MAX */
	uint64_t skipped;	/* conn_skip()'s: lost_bytes before */
	bool has_request;	/* its request line came */
	bool answered;		/* its final status line came */
	bool req_over, resp_over;
	bool damaged;
	bool upgraded;		/* ends with what it opened a tunnel for */
};

/* A message on its way. */
struct leg {
	struct xch *xch;	/* NULL: none, or nobody's */
	struct message *msg;	/* of xch */
	bool request;
	bool interim;		/* 1xx: what comes is not kept */
	bool over;		/* its end came; what is still in the pipe comes first */
	bool whole;		/* and it was in good order */
	struct pipe pipe;	/* its body */
};

/* A direction of the connection. */
struct side {
	int dir;
	struct view in;
	uint64_t ts;		/* of this piece */
	bool live;		/* bytes are what is being worked on: their time counts */
	bool eof, ended;
};

struct conn_proto {
	/* Works on s->in.  MORE: it is used up, and so is what was collected of it. */
	int (*next)(struct conn *c, struct side *s, struct xev *ev);

	void (*gap)(struct conn *c, struct side *s, uint64_t n);
	void (*end)(struct conn *c, struct side *s);	/* s->eof: somebody saw it end */

	/* No answers will come any more, and if c->ending nothing at all.  Called when next() has nothing more. */
	void (*close)(struct conn *c);

	void (*free)(struct conn *c);			/* what it keeps at c->own; c->own may be NULL */
	size_t (*memory)(const struct conn *c);
};

extern const struct conn_proto conn_http1;
extern const struct conn_proto conn_http2;

struct conn {
	const struct conn_proto *proto;
	void *own;		/* proto's */
	enum conn_role role;
	struct scout *scout;	/* whether it is HTTP/2 is not decided yet; then proto is conn_http1 */
	bool joined;
	bool gapped;		/* before the role was known */
	bool ending, close_due;
	uint64_t no, ts;
	struct side side[2];
	struct xch *open, **open_end;
	unsigned open_cnt;
	struct xch *over, **over_end;	/* to be handed out as XEV_DONE */
	struct xch *done;	/* it was */
	size_t held;
	struct conn_books books;
};

int http1_conn_init(struct conn *c);		/* c->own; 0 or -ENOMEM */

/* Takes c over from conn_http1, with two proto_http2 that are past the first bytes.  0, or -ENOMEM and nothing happened. */
int http2_conn_init(struct conn *c, void *h2[2]);

/* x asked for HTTP/2 (h2c) and will be answered on stream 1. */
void http2_conn_adopt(struct conn *c, struct xch *x);

/* What a proto_http2 said before c was taken over. */
int http2_conn_take(struct conn *c, struct side *s, const struct proto_event *pe, struct xev *ev);

static inline int request_dir(const struct conn *c)
{
	return c->role == CONN_SERVER ? 1 : 0;
}

static inline bool is_request_side(const struct conn *c, const struct side *s)
{
	return s->dir == request_dir(c);
}

/* c->scout: what stands in front of conn_http1 until the protocol is known.  init: 0 or -1, no memory. */
int scout_init(struct conn *c);
void scout_free(struct conn *c);
void scout_bytes(struct conn *c, struct side *s, struct view bytes);
void scout_gap(struct conn *c, struct side *s, uint64_t n);
void scout_end(struct conn *c, struct side *s);
int scout_next(struct conn *c, struct side *s, struct xev *ev);
size_t scout_memory(const struct conn *c);

/* n bytes that were given turned out to be of no use: too many exchanges, no memory, behind the end. */
void conn_lose(struct conn *c, int dir, uint64_t n);

/* NULL: too many are open, or no memory. */
struct xch *xch_open(struct conn *c);

/* A copy in the exchange's arena, as long as the connection may hold more. */
struct view xch_keep(struct conn *c, struct xch *x, struct view v);

/* After a change of req_over, resp_over or upgraded: hands it out as done if it is. */
void xch_settle(struct conn *c, struct xch *x);

/* Its answer will not come, or cannot be told from others. */
void xch_abandon(struct conn *c, struct xch *x);

static inline bool xch_unanswered(const struct xch *x)
{
	return x->has_request && !x->answered;
}

/*
 * Bytes behind an upgrade (101, CONNECT, RFC 8441), of one direction of the tunnel that x opened; also
 * those of no exchange at all, then x is NULL.  Always EVENT.
 */
int conn_opaque(struct conn *c, struct xch *x, const struct side *s, struct view bytes, struct xev *ev);

/*
 * The life of a leg: begin, header..., head, then put or gap and step until MORE,
 * again and again; over and whole are set, and end is called until it is no longer over.
 */
void leg_begin(struct leg *l, struct xch *x, bool request, uint64_t first_ts, uint64_t ts);
void leg_header(struct conn *c, struct leg *l, struct view name, struct view value);
void leg_head(struct leg *l, uint64_t left_out);	/* left_out: header lines nobody was told of */

/* The head leaves open what the body is: before the first put, guess says how to read it. */
void leg_head_blind(struct leg *l, uint64_t left_out);
void leg_guess(struct leg *l, char first, bool from_start);

void leg_put(struct leg *l, struct view piece);
void leg_gap(struct leg *l, uint64_t n);
void leg_refuse(struct leg *l, const char *why);	/* the rest of its body is lost */
int leg_step(struct conn *c, struct leg *l, uint64_t ts, struct xev *ev);
int leg_end(struct conn *c, struct leg *l, uint64_t ts, struct xev *ev);

#endif /* CONN_H */
