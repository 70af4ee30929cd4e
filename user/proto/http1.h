/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP1_H
#define HTTP1_H

#include "proto/proto.h"

/*
 * What exchange.c wants of an HTTP/1 decoder beyond struct proto.  A state of
 * proto_http1 does not know its side: the first message head decides.
 */
enum http1_side { HTTP1_ANY, HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_side http1_side(const void *state);

/* The other direction has told.  Only while http1_side() says HTTP1_ANY. */
void http1_be(void *state, enum http1_side side);

/* Nothing of a coming message was taken yet: its first byte is still to come. */
bool http1_idle(const void *state);

#endif /* HTTP1_H */
