/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

/*
 * PROGRAM HOST PORT CA SIZE...: for each SIZE a connection, and over it one chat request with
 * a message of so many bytes.  A library gives what is declared here and calls client_main().
 */
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls;	/* the library's connection */

static void tls_setup(const char *ca);
static struct tls *tls_open(const char *host, int fd);
static long tls_write(struct tls *t, const char *p, size_t n);	/* how many were taken, 0 or less: failed */
static long tls_read(struct tls *t, char *p, size_t n);	/* 0 or less: the end */
static void tls_close(struct tls *t);

static void die(const char *what)
{
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static int client_connect(const char *host, const char *port)
{
	struct addrinfo hint = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *a;
	int fd;

	if (getaddrinfo(host, port, &hint, &a))
		die("getaddrinfo");
	fd = socket(a->ai_family, a->ai_socktype, 0);
	if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen))
		die("connect");
	freeaddrinfo(a);
	return fd;
}

static char *client_request(const char *host, const char *port, size_t size, size_t *ret_n)
{
	static const char after[] = "\"}]}";
	char before[128], *p;
	size_t body;
	int at;

	body = sprintf(before, "{\"model\":\"gpt-tls-%zu\",\"messages\":[{\"role\":\"user\",\"content\":\"", size) + size +
	       sizeof(after) - 1;
	p = malloc(body + 1024);
	if (!p)
		die("malloc");
	at = sprintf(p, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
		     "Connection: close\r\nContent-Length: %zu\r\n\r\n%s", host, port, body, before);
	for (size_t i = 0; i < size; i++)
		p[at + i] = 'a' + i % 26;
	memcpy(p + at + size, after, sizeof(after));
	*ret_n = at + size + sizeof(after) - 1;
	return p;
}

static void client_once(const char *host, const char *port, size_t size)
{
	size_t n, at = 0;
	char *request = client_request(host, port, size, &n), answer[3000];
	struct tls *t = tls_open(host, client_connect(host, port));
	long got;

	while (at < n) {
		got = tls_write(t, request + at, n - at);
		if (got <= 0)
			die("write");
		at += got;
	}
	got = tls_read(t, answer, sizeof(answer));
	if (got < 12 || memcmp(answer, "HTTP/1.1 200", 12))
		die("the request");
	while (got > 0)
		got = tls_read(t, answer, sizeof(answer));
	tls_close(t);
	free(request);
}

static int client_main(int argc, char **argv)
{
	if (argc < 5)
		die("reading the arguments");
	tls_setup(argv[3]);
	for (int i = 4; i < argc; i++)
		client_once(argv[1], argv[2], strtoul(argv[i], NULL, 10));
	return 0;
}

#endif /* TLS_CLIENT_H */
