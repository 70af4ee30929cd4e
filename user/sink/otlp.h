/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLP_H
#define OTLP_H

#include "base/buf.h"
#include "trace/span.h"

/* Spans in OTLP's two encodings (opentelemetry-proto v1.11.0). */

#define OTLP_SCOPE		"onlooker"
#define OTLP_REQUEST_MAX	(64u * 1024 * 1024)	/* a client should refuse to send more */
#define OTLP_BATCH_MAX		(4u * 1024 * 1024)	/* what receivers commonly take at once */

/* Bits 8 and 9 of Span.flags: whether the parent lives in another process is known; it does. */
#define OTLP_FLAG_REMOTE_KNOWN	0x100u
#define OTLP_FLAG_REMOTE	0x200u

uint32_t otlp_flags(const struct span *s);
bool otlp_has_parent(const struct span *s);

/* Appends one TracesData object in OTLP/JSON, without a newline; the same span gives the same bytes.  0, -ENOMEM, -E2BIG. */
int otlp_json(struct buf *out, const struct span *s);

/*
 * Appends the bytes of a LogRecord (logs.v1), severity WARN: an event that was worth a span of its own but has no
 * duration.  name: the event's name, error_message: the body, start: when.  0, -ENOMEM, -E2BIG with out unchanged.
 */
int otlp_encode_log(struct buf *out, const struct span *s);

/* Appends the bytes of a Span or Resource message (NULL: an empty one).  0, -ENOMEM, -E2BIG with out unchanged. */
int otlp_encode_span(struct buf *out, const struct span *s);
int otlp_encode_resource(struct buf *out, const struct resource *r);

/* A span on its way: both parts encoded already, so it outlives the span it was made from. */
struct otlp_part {
	struct view resource, span;
};

/* How much a part adds to a request at most: its bytes and the envelopes around them. */
size_t otlp_part_size(const struct otlp_part *p);

/*
 * Appends an ExportTraceServiceRequest: one ResourceSpans for each resource, in order of first
 * appearance, one scope in it, its spans in order.  n of 0 adds nothing.  0, -ENOMEM, -E2BIG with out unchanged.
 */
int otlp_encode_request(struct buf *out, const struct otlp_part *parts, size_t n);

/*
 * The next entry of a header list (k=v,k2=v2; W3C Baggage without properties), values percent-decoded.
 * 1: name and value are set; 0: no more; -EINVAL: that entry makes no sense and is passed over; -ENOMEM.
 */
int otlp_header_next(struct view *list, struct buf *name, struct buf *value);

#endif /* OTLP_H */
