// SPDX-License-Identifier: Apache-2.0
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls_client.h"

static WOLFSSL_CTX *ctx;

static void tls_setup(const char *ca)
{
	wolfSSL_Init();
	ctx = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
	if (!ctx || wolfSSL_CTX_load_verify_locations(ctx, ca, NULL) != WOLFSSL_SUCCESS)
		die("wolfssl setup");
}

static struct tls *tls_open(const char *host, int fd)
{
	WOLFSSL *ssl = wolfSSL_new(ctx);

	if (!ssl || wolfSSL_set_fd(ssl, fd) != WOLFSSL_SUCCESS ||
	    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, host, strlen(host)) != WOLFSSL_SUCCESS ||
	    wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
		die("handshake");
	return (struct tls *)ssl;
}

static long tls_write(struct tls *t, const char *p, size_t n)
{
	return wolfSSL_write((WOLFSSL *)t, p, n);
}

static long tls_read(struct tls *t, char *p, size_t n)
{
	return wolfSSL_read((WOLFSSL *)t, p, n);
}

static void tls_close(struct tls *t)
{
	int fd = wolfSSL_get_fd((WOLFSSL *)t);

	wolfSSL_shutdown((WOLFSSL *)t);
	wolfSSL_free((WOLFSSL *)t);
	close(fd);
}

int main(int argc, char **argv)
{
	return client_main(argc, argv);
}
