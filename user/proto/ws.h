/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WS_H
#define WS_H

#include "proto/proto.h"

/* What the handshake agreed on for one direction (RFC 7692 section 7.1). */
struct ws_deflate {
	bool on;
	bool no_takeover;	/* each message is compressed on its own */
	int window_bits;	/* 8 to 15 */
};

/* Before the first byte. */
void ws_setup(void *state, struct ws_deflate d);

/* Of a Sec-WebSocket-Extensions value of the server's: server: for what the server sends, else for what the client does. */
struct ws_deflate ws_agreed(struct view extensions, bool server);

#endif /* WS_H */
