/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BODY_H
#define BODY_H

#include "proto/exchange.h"

/* Fills a struct body while its message passes: head, then tail, and the middle is counted. */
struct body_fill {
	size_t head_max;
	bool closed;		/* what comes does not follow on what is in head */
};

void body_init(struct body *b);
void body_release(struct body *b);

/* How much of a body of this media type is worth keeping: text and whatever may be text in full, images and downloads hardly. */
struct body_fill body_fill(struct view content_type);

/* Decoded bytes.  Keeps at most room of them more than before. */
void body_add(struct body *b, struct body_fill *f, struct view v, size_t room);

/* Bytes are missing here. */
void body_gap(struct body *b, struct body_fill *f);

/* No more comes; whole: by the message's framing. */
void body_finish(struct body *b, bool whole);

size_t body_memory(const struct body *b);

/* "text/event-stream", parameters or not. */
bool media_type_is(struct view content_type, const char *type);

#endif /* BODY_H */
