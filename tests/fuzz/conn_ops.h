/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONN_OPS_H
#define CONN_OPS_H

#include "fuzz.h"
#include "proto/exchange.h"

/*
 * A connection as a fuzzer writes it down: bytes, and 0xf8 (no part of UTF-8)
 * with one byte behind it for what else can happen:
 *
 *	i o	from here on these are received, sent
 *	E	this direction ends
 *	?	a gap of 2^40 bytes
 *	other	a gap of so many bytes
 */
#define OP_MARK '\xf8'

struct conn_ops {
	struct conn *conn;
	int dir;
	uint64_t ts;
	uint64_t passed[2];	/* bytes; what gaps took is in the stream's books */
	void (*pull)(struct conn_ops *ops);
};

static inline void conn_ops_feed(struct conn_ops *o, struct view bytes, size_t step)
{
	while (bytes.n) {
		struct view piece = view_take(bytes, step);
		char *copy = fuzz_copy(piece);

		conn_bytes(o->conn, o->dir, (struct view){ copy, piece.n }, ++o->ts);
		o->pull(o);
		free(copy);
		o->passed[o->dir] += piece.n;
		bytes = view_drop(bytes, piece.n);
	}
}

static inline void conn_ops_operate(struct conn_ops *o, uint8_t op)
{
	uint64_t n = op == '?' ? 1ull << 40 : op;

	if (op == 'i' || op == 'o') {
		o->dir = op == 'i';
		return;
	}
	if (op == 'E')
		conn_eof(o->conn, o->dir, ++o->ts);
	else
		conn_gap(o->conn, o->dir, n, ++o->ts);
	o->pull(o);
}

/* o->conn is new, o->pull set. */
static inline void conn_ops_run(struct conn_ops *o, struct view in, size_t step)
{
	struct view head;

	while (view_cut(in, OP_MARK, &head, &in)) {
		conn_ops_feed(o, head, step);
		conn_ops_operate(o, fuzz_byte(&in));
	}
	conn_ops_feed(o, in, step);
	conn_end(o->conn, ++o->ts);
	o->pull(o);
}

#endif /* CONN_OPS_H */
