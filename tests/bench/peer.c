// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "peer.h"

SSL_CTX *peer_client_ctx(void)
{
	return SSL_CTX_new(TLS_client_method());
}

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	return cert;
}

SSL_CTX *peer_server_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = self_signed(key);

	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, key);
	SSL_CTX_set_num_tickets(ctx, 0);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static int start_tls(struct peer *p, SSL_CTX *ctx, int (*shake)(SSL *))
{
	if (!ctx)
		return 0;
	p->ssl = SSL_new(ctx);
	if (p->ssl && SSL_set_fd(p->ssl, p->fd) == 1 && shake(p->ssl) == 1)
		return 0;
	peer_close(p);
	return -1;
}

int peer_connect(struct peer *p, uint16_t port, SSL_CTX *ctx)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;

	*p = (struct peer){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof(a))) {
		peer_close(p);
		return -1;
	}
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return start_tls(p, ctx, SSL_connect);
}

int peer_accept(struct peer *p, int fd, SSL_CTX *ctx)
{
	int on = 1;

	*p = (struct peer){ .fd = fd };
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return start_tls(p, ctx, SSL_accept);
}

void peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct peer){ .fd = -1 };
}

int peer_write(struct peer *p, const void *buf, size_t n)
{
	const char *at = buf;
	ssize_t got;

	if (p->ssl)
		return n && SSL_write(p->ssl, buf, n) != (int)n ? -1 : 0;
	for (; n; n -= got, at += got) {
		got = send(p->fd, at, n, MSG_NOSIGNAL);
		if (got <= 0)
			return -1;
	}
	return 0;
}

ssize_t peer_read(struct peer *p, void *buf, size_t n)
{
	return p->ssl ? SSL_read(p->ssl, buf, n) : recv(p->fd, buf, n, 0);
}

long word_number(const char *words, const char *key, long fallback)
{
	size_t n = strlen(key);

	for (const char *at = words; (at = strstr(at, key)); at += n)
		if (at[n] == '=' && (at == words || at[-1] == ' '))
			return strtol(at + n + 1, NULL, 10);
	return fallback;
}
