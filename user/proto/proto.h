/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROTO_H
#define PROTO_H

#include <stdint.h>

#include "base/view.h"

/*
 * A protocol turns the bytes of one direction into events and does nothing
 * else: no I/O, no clock, no logging.  The caller owns the bytes and the state;
 * the decoder is a plain object that can sit in a unit test, a fuzzer or a
 * replay as well as in the daemon.  However the bytes are cut into pieces, the
 * events are the same, except that a body may come in more or fewer EV_BODY.
 */
enum proto_kind {
	EV_REQUEST,		/* HTTP request line; name: method, value: target, num: minor version */
	EV_STATUS,		/* HTTP status line; num: code, value: reason, num2: minor version */
	EV_HEADER,		/* name, value (a trailer when it comes after a body); num: bytes left out at the end of a huge value */
	/* num: header lines not handed out (no header, over the limit of a head, not known); num2: 1 when its end is missing */
	EV_HEADERS_END,
	EV_BODY,		/* value: a piece of the body, in order, framing removed */
	EV_GAP,			/* num: bytes of the body that are missing here; UINT64_MAX: unknown how many */
	EV_END,			/* message complete; num: PROTO_END_*, num2: 1 when the end of the stream was its end */
	EV_OPAQUE,		/* value: bytes that are none of this protocol's (after an upgrade or lost sync) */
	/*
	 * One message of a stream of them: name: its type ("message" where there are none), value: its data,
	 * num: 1 if it was cut.  Of SSE, JSON lines, arrays, AWS event streams, WebSocket.
	 */
	EV_EVENT,
	EV_RESET,		/* HTTP/2: the stream is over, num: error code; UINT64_MAX: unknown */
	EV_GOAWAY,		/* HTTP/2: num: error code, num2: the last stream that will be answered */
};

enum proto_end {
	PROTO_END_OK = 0,
	PROTO_END_CUT = 1,	/* the stream ended before the message did */
	PROTO_END_LOST = 2,	/* a gap or a framing error: the rest of the message is not known */
};

struct proto_event {
	enum proto_kind kind;
	struct view name;
	struct view value;	/* both borrowed until the next call on this state */
	uint64_t num, num2;
	uint32_t stream;	/* HTTP/2: whose it is; 0: all streams' */
};

struct proto {
	const char *name;
	size_t state_size;

	void (*init)(void *state);
	void (*fini)(void *state);

	/*
	 * Takes what it can from *in.  1: *ev is set, call again.  0: *in is used
	 * up, come back with more.  < 0: lost sync for good, -EPROTO, -E2BIG or
	 * -ENOMEM; *in is left where it was, and further calls say the same.
	 */
	int (*next)(void *state, struct view *in, struct proto_event *ev);

	/* n bytes are missing here.  Events that follow from it come out of next(). */
	void (*gap)(void *state, uint64_t n);

	/* No more bytes will come.  Events that follow from it come out of next() with an empty view. */
	void (*end)(void *state);

	/* Bytes it holds beyond state_size. */
	size_t (*memory)(const void *state);
};

extern const struct proto proto_http1_request;
extern const struct proto proto_http1_response;
extern const struct proto proto_http1;		/* either: the first head says which it is */
extern const struct proto proto_http2;		/* of either side; headers have their pseudo-headers (":path") */
extern const struct proto proto_grpc;
extern const struct proto proto_sse;
extern const struct proto proto_jsonl;
extern const struct proto proto_json_array;
extern const struct proto proto_eventstream;
extern const struct proto proto_ws;
extern const struct proto proto_ws_deflate;

extern const struct proto *const protos[];	/* NULL at the end: what the split, gap and fuzz tests walk */

/*
 * What the response decoder has to be told about the request it answers
 * (RFC 9112 section 6.3); call it when EV_HEADERS_END of the response was handed out, before the
 * next next().
 */
void http1_response_no_body(void *state);	/* HEAD, or an answer that has none by its request */
void http1_response_opaque(void *state);	/* CONNECT was granted, or 101: what follows is another protocol */
void http1_request_opaque(void *state);		/* the same for the other direction; after the request's EV_END */

#endif /* PROTO_H */
