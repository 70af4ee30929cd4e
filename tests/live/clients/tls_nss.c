// SPDX-License-Identifier: Apache-2.0
/* Reads and writes a file and a plain pipe through NSPR besides: those are no TLS. */
#include <nspr.h>
#include <nss.h>
#include <private/pprio.h>
#include <ssl.h>

#include "tls_client.h"

static SECStatus any_certificate(void *arg, PRFileDesc *fd, PRBool sig, PRBool server)
{
	return SECSuccess;
}

static void tls_setup(const char *ca)
{
	char byte[64];
	PRFileDesc *f = PR_Open(ca, PR_RDONLY, 0), *ends[2];

	if (!f || PR_Read(f, byte, sizeof(byte)) != sizeof(byte) || PR_Close(f))
		die("PR_Read of a file");
	if (PR_NewTCPSocketPair(ends) || PR_Write(ends[0], "no TLS", 6) != 6 || PR_Read(ends[1], byte, 6) != 6)
		die("PR_Write to a socket");
	PR_Close(ends[0]);
	PR_Close(ends[1]);
	if (NSS_NoDB_Init(NULL) || NSS_SetDomesticPolicy())
		die("NSS_NoDB_Init");
}

static struct tls *tls_open(const char *host, int fd)
{
	PRFileDesc *s = SSL_ImportFD(NULL, PR_ImportTCPSocket(fd));

	if (!s || SSL_OptionSet(s, SSL_SECURITY, PR_TRUE) || SSL_OptionSet(s, SSL_HANDSHAKE_AS_CLIENT, PR_TRUE) ||
	    SSL_AuthCertificateHook(s, any_certificate, NULL) || SSL_SetURL(s, host) ||
	    SSL_ResetHandshake(s, PR_FALSE) || SSL_ForceHandshake(s))
		die("handshake");
	return (struct tls *)s;
}

/* The two pairs of calls in turns. */
static long tls_write(struct tls *t, const char *p, size_t n)
{
	static bool turn;

	turn = !turn;
	if (n > 5000)
		n = 5000;
	return turn ? PR_Write((PRFileDesc *)t, p, n) :
		      PR_Send((PRFileDesc *)t, p, n, 0, PR_INTERVAL_NO_TIMEOUT);
}

static long tls_read(struct tls *t, char *p, size_t n)
{
	static bool turn;

	turn = !turn;
	/* A peek takes nothing. */
	if (turn && PR_Recv((PRFileDesc *)t, p, n, PR_MSG_PEEK, PR_INTERVAL_NO_TIMEOUT) < 0)
		return -1;
	return turn ? PR_Read((PRFileDesc *)t, p, n) :
		      PR_Recv((PRFileDesc *)t, p, n, 0, PR_INTERVAL_NO_TIMEOUT);
}

static void tls_close(struct tls *t)
{
	PR_Close((PRFileDesc *)t);
}

int main(int argc, char **argv)
{
	return client_main(argc, argv);
}
