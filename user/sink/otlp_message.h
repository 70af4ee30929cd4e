/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLP_MESSAGE_H
#define OTLP_MESSAGE_H

#include "otlp.pb-c.h"
#include "trace/span.h"

/* What messages of every signal are built from.  Text and bytes are borrowed, all else is the arena's. */
#define MSG_MAX	(512u * 1024 * 1024)	/* a span of 64 MiB may hold millions of empty strings */

typedef ProtobufCBinaryData bytes;

/* What was taken from an arena that gave out: everything after it is nonsense and is not sent. */
struct scratch {
	struct arena arena;
	bool failed;
};

/* n objects, zeroed; NULL: failed. */
void *msg_take(struct scratch *m, size_t n, size_t size);
bytes msg_bytes(struct view v);
/* Text that nobody repaired yet. */
bytes msg_text(struct scratch *m, struct view v);
Otlp__KeyValue **msg_attrs(struct scratch *m, const struct attrs *as, size_t *ret_n);

/* Appends the message.  0, -ENOMEM, -E2BIG. */
int msg_pack(struct buf *out, const struct scratch *m, const ProtobufCMessage *msg);

#endif /* OTLP_MESSAGE_H */
