// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

#include "tls_client.h"

struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_net_context net;
};

static mbedtls_ssl_config conf;
static mbedtls_x509_crt roots;
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context rng;

static void tls_setup(const char *ca)
{
	mbedtls_ssl_config_init(&conf);
	mbedtls_x509_crt_init(&roots);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&rng);
	if (mbedtls_ctr_drbg_seed(&rng, mbedtls_entropy_func, &entropy, NULL, 0) ||
	    mbedtls_x509_crt_parse_file(&roots, ca) ||
	    mbedtls_ssl_config_defaults(&conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
					MBEDTLS_SSL_PRESET_DEFAULT))
		die("mbedtls setup");
	mbedtls_ssl_conf_ca_chain(&conf, &roots, NULL);
	mbedtls_ssl_conf_rng(&conf, mbedtls_ctr_drbg_random, &rng);
}

static struct tls *tls_open(const char *host, int fd)
{
	static struct tls t;	/* the same memory for each connection: init begins a new one in it */

	t.net.fd = fd;
	mbedtls_ssl_init(&t.ssl);
	if (mbedtls_ssl_setup(&t.ssl, &conf) || mbedtls_ssl_set_hostname(&t.ssl, host))
		die("mbedtls_ssl_setup");
	mbedtls_ssl_set_bio(&t.ssl, &t.net, mbedtls_net_send, mbedtls_net_recv, NULL);
	if (mbedtls_ssl_handshake(&t.ssl))
		die("handshake");
	return &t;
}

static long tls_write(struct tls *t, const char *p, size_t n)
{
	return mbedtls_ssl_write(&t->ssl, (const unsigned char *)p, n);
}

static long tls_read(struct tls *t, char *p, size_t n)
{
	return mbedtls_ssl_read(&t->ssl, (unsigned char *)p, n);
}

static void tls_close(struct tls *t)
{
	mbedtls_ssl_close_notify(&t->ssl);
	close(t->net.fd);
	mbedtls_ssl_free(&t->ssl);
}

int main(int argc, char **argv)
{
	return client_main(argc, argv);
}
