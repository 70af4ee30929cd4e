/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <openssl/ssl.h>

/* One end of a loopback connection, plain or TLS. */
struct peer {
	int fd;
	SSL *ssl;	/* NULL: plain */
};

SSL_CTX *peer_client_ctx(void);
SSL_CTX *peer_server_ctx(void);		/* with a self-signed P-256 certificate of its own making */

/* ctx NULL: plain.  0 or -1. */
int peer_connect(struct peer *p, uint16_t port, SSL_CTX *ctx);
int peer_accept(struct peer *p, int fd, SSL_CTX *ctx);
void peer_close(struct peer *p);

int peer_write(struct peer *p, const void *buf, size_t n);	/* all of it: 0 or -1 */
ssize_t peer_read(struct peer *p, void *buf, size_t n);		/* as read(2) */

/* key=NUMBER in a list of such words; fallback when it is not there. */
long word_number(const char *words, const char *key, long fallback);

#endif /* BENCH_PEER_H */
