/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALL_SPAN_H
#define CALL_SPAN_H

#include "genai/genai.h"
#include "stream/stream.h"
#include "trace/clock.h"
#include "trace/prices.h"
#include "trace/span.h"

/* What one model call's span is made from. */
struct call_facts {
	const struct gen_call *call;
	const struct exchange *x;
	const struct stream *s;		/* NULL: not known any more */
	const char *source;		/* the TLS library, or "socket" */
	uint64_t ts;			/* when it was over */
	bool content;
	const struct prices *prices;	/* NULL: say no cost */
};

/*
 * Fills name, kind, times, status and attributes (semantic-conventions-genai,
 * inference span).  Ids, parent and resource are the caller's.
 */
void call_span_fill(struct span *span, const struct call_facts *f, const struct trace_clock *clock);

/* server.* and network.peer.* of an exchange, with what they are known by. */
void call_span_server(struct span *span, const struct exchange *x, const struct stream *s);

/* The peer's address as text; false: the socket has none. */
bool sock_peer_text(const struct sock *k, char text[static 46]);

/* host[:port] of a Host header or an absolute request target; *ret_port 0: none there. */
struct view authority_split(struct view v, uint16_t *ret_port);

#endif /* CALL_SPAN_H */
