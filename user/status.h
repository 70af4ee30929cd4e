/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_H
#define STATUS_H

#include "session.h"

/* Where a running watch answers: root only, one JSON object a connection. */
#define STATUS_SOCKET "/run/onlooker.sock"

/* $ONLOOKER_SOCKET, for a second watch, or the above. */
const char *status_path(void);

/* A listening socket, or negative errno (-EADDRINUSE: another watch answers there). */
int status_listen(const char *path);
/* Answers those who wait; never blocks for longer than a slow reader's 100 ms. */
void status_answer(int fd, struct session *s);
void status_close(int fd, const char *path);

/* Asks.  0 and the JSON in out, or negative errno. */
int status_ask(const char *path, struct buf *out);

#endif /* STATUS_H */
