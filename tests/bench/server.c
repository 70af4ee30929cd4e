// SPDX-License-Identifier: Apache-2.0
/*
 * The other end of the load: a model server that is as fast as it is told to
 * be.  A request's X-Bench header says what the answer is:
 *
 *	kind=0 down=N			N bytes
 *	kind=1 down=N			a chat completion with N bytes of text
 *	kind=2 chunks=N size=N batch=N	a streamed one: events of size bytes of text, batch of them a write
 *	think_ms=N gap_us=N		pauses before the answer and between its writes
 *
 * server [tls]: prints its port, serves until its standard input ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define OUT_MAX (256 * 1024)

enum kind { KIND_BYTES, KIND_JSON, KIND_SSE };

struct served {
	struct peer peer;
	SSL_CTX *ctx;
	char in[64 * 1024];
	size_t in_n;
	char out[OUT_MAX];
	size_t out_n;
};

static void pause_us(long us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	if (us > 0)
		nanosleep(&ts, NULL);
}

/* Letters in words: what a model says compresses, but not to nothing. */
static void fill_text(char *p, size_t n)
{
	static unsigned seed = 1;
	unsigned x = __atomic_add_fetch(&seed, 0x9e3779b9, __ATOMIC_RELAXED);

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = x >> 29 ? 'a' + (x >> 24) % 26 : ' ';
	}
}

static int flush(struct served *s)
{
	int err = peer_write(&s->peer, s->out, s->out_n);

	s->out_n = 0;
	return err;
}

static int answer_bytes(struct served *s, long down)
{
	s->out_n = sprintf(s->out, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
				   "Content-Length: %ld\r\n\r\n", down);
	for (; down > 0; down -= OUT_MAX) {
		if (flush(s))
			return -1;
		s->out_n = down < OUT_MAX ? down : OUT_MAX;
	}
	return flush(s);
}

static int answer_json(struct served *s, long down)
{
	static const char head[] = "{\"id\":\"chatcmpl-b\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m-1\","
		"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
	static const char tail[] = "\"},\"finish_reason\":\"stop\"}],"
		"\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150}}";

	if (down > OUT_MAX / 2)
		down = OUT_MAX / 2;
	s->out_n = sprintf(s->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			   sizeof(head) - 1 + down + sizeof(tail) - 1, head);
	fill_text(s->out + s->out_n, down);
	s->out_n += down;
	s->out_n += sprintf(s->out + s->out_n, "%s", tail);
	return flush(s);
}

/* One event in a chunk of its own, as model servers send them. */
static void add_event(struct served *s, const char *delta, long size, const char *rest)
{
	static const char head[] = "data: {\"id\":\"chatcmpl-b\",\"object\":\"chat.completion.chunk\",\"created\":1,"
		"\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{";

	s->out_n += sprintf(s->out + s->out_n, "%zx\r\n%s%s",
			    sizeof(head) - 1 + strlen(delta) + size + strlen(rest), head, delta);
	fill_text(s->out + s->out_n, size);
	s->out_n += size;
	s->out_n += sprintf(s->out + s->out_n, "%s\r\n", rest);
}

static int answer_sse(struct served *s, const char *ask)
{
	long chunks = word_number(ask, "chunks", 100), size = word_number(ask, "size", 20);
	long batch = word_number(ask, "batch", 1), gap = word_number(ask, "gap_us", 0);

	if (size > 16 * 1024)
		size = 16 * 1024;
	s->out_n = sprintf(s->out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n");
	for (long i = 1; i <= chunks; i++) {
		add_event(s, i == 1 ? "\"role\":\"assistant\",\"content\":\"" : "\"content\":\"", size,
			  "\"},\"finish_reason\":null}]}\n\n");
		if (i % batch && s->out_n < OUT_MAX - 20 * 1024)
			continue;
		if (flush(s))
			return -1;
		pause_us(gap);
	}
	add_event(s, "", 0, "},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,"
			    "\"completion_tokens\":50,\"total_tokens\":150}}\n\n");
	s->out_n += sprintf(s->out + s->out_n, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
	return flush(s);
}

static int answer(struct served *s, const char *ask)
{
	pause_us(word_number(ask, "think_ms", 0) * 1000);
	switch (word_number(ask, "kind", KIND_BYTES)) {
	case KIND_JSON:
		return answer_json(s, word_number(ask, "down", 100));
	case KIND_SSE:
		return answer_sse(s, ask);
	default:
		return answer_bytes(s, word_number(ask, "down", 0));
	}
}

static long header_number(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

/* Reads n bytes of body; what of it is in s->in already goes first. */
static int skip_body(struct served *s, long n)
{
	long have = (long)s->in_n < n ? (long)s->in_n : n;
	ssize_t got;

	memmove(s->in, s->in + have, s->in_n - have);
	s->in_n -= have;
	for (n -= have; n > 0; n -= got) {
		got = peer_read(&s->peer, s->out, n < OUT_MAX ? n : OUT_MAX);
		if (got <= 0)
			return -1;
	}
	return 0;
}

/* Head into ret (ended by NUL).  0 or -1. */
static int read_head(struct served *s, char *ret, size_t max)
{
	char *end;
	ssize_t got;
	size_t n;

	while (!(end = memmem(s->in, s->in_n, "\r\n\r\n", 4))) {
		got = peer_read(&s->peer, s->in + s->in_n, sizeof(s->in) - s->in_n);
		if (got <= 0)
			return -1;
		s->in_n += got;
	}
	n = end + 4 - s->in;
	if (n >= max)
		return -1;
	memcpy(ret, s->in, n);
	ret[n] = '\0';
	memmove(s->in, s->in + n, s->in_n - n);
	s->in_n -= n;
	return 0;
}

static void *serve(void *arg)
{
	struct served *s = arg;
	char head[8192];
	const char *ask;

	if (peer_accept(&s->peer, s->peer.fd, s->ctx))
		goto out;
	while (!read_head(s, head, sizeof(head))) {
		if (skip_body(s, header_number(head, "\r\ncontent-length:")))
			break;
		ask = strcasestr(head, "\r\nx-bench:");
		if (answer(s, ask ? ask : ""))
			break;
	}
	peer_close(&s->peer);
out:
	free(s);
	return NULL;
}

static void *until_stdin_ends(void *arg)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	exit(0);
}

static int listen_any(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		return -1;
	*ret_port = ntohs(a.sin_port);
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	SSL_CTX *ctx = argc > 1 && !strcmp(argv[1], "tls") ? peer_server_ctx() : NULL;
	pthread_attr_t small;
	struct served *s;
	pthread_t t;
	uint16_t port;
	int fd = listen_any(&port);

	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	pthread_create(&t, NULL, until_stdin_ends, NULL);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 * 1024);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	printf("%u\n", port);
	fflush(stdout);
	for (;;) {
		s = malloc(sizeof(*s));
		if (!s)
			return 1;
		s->ctx = ctx;
		s->in_n = s->out_n = 0;
		s->peer = (struct peer){ .fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC) };
		if (s->peer.fd < 0 || pthread_create(&t, &small, serve, s)) {
			peer_close(&s->peer);
			free(s);
		}
	}
}
