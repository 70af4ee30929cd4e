/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_H
#define SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "otlp.pb-c.h"

/* A receiver on loopback that does as it is told: one step for each request, the last step for all that follow. */
enum step_kind { STEP_ANSWER, STEP_HANG, STEP_CLOSE };

struct step {
	enum step_kind kind;
	struct view answer;
};

#define SEEN_MAX 32

struct seen {
	char head[2048];
	size_t spans, resources, body_sz, last_id;
};

struct server {
	int fd, conn;
	unsigned short port;
	char url[64];
	const struct step *steps;
	size_t step_cnt;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct seen seen[SEEN_MAX];
	size_t seen_cnt;
};

#define ANSWER(text) { STEP_ANSWER, { text, sizeof(text) - 1 } }
#define OK_200 "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"

static inline size_t server_content_length(const char *head)
{
	const char *at = strcasestr(head, "\r\nContent-Length:");

	return at ? strtoul(at + 17, NULL, 10) : 0;
}

static inline bool server_fill(int fd, struct buf *b)
{
	char piece[65536];
	ssize_t n = recv(fd, piece, sizeof(piece), 0);

	return n > 0 && !buf_add(b, (struct view){ piece, n });
}

/* Takes one request off b.  False: the connection ended. */
static inline bool server_read(int fd, struct buf *b, struct seen *ret, struct buf *body)
{
	char *end;
	size_t head, n;

	while (!b->n || !(end = memmem(b->p, b->n, "\r\n\r\n", 4)))
		if (!server_fill(fd, b))
			return false;
	head = end - b->p + 4;
	snprintf(ret->head, sizeof(ret->head), "%.*s", (int)head, b->p);
	n = server_content_length(ret->head);
	while (b->n < head + n)
		if (!server_fill(fd, b))
			return false;
	buf_reset(body);
	buf_add(body, (struct view){ b->p + head, n });
	buf_drop(b, head + n);
	return true;
}

static inline void server_unzip(struct buf *body)
{
	size_t max = 16 << 20;
	unsigned char *out = malloc(max);
	z_stream z = { .next_in = (unsigned char *)body->p, .avail_in = body->n, .next_out = out, .avail_out = max };

	inflateInit2(&z, 15 + 16);
	if (inflate(&z, Z_FINISH) != Z_STREAM_END)
		z.total_out = 0;
	inflateEnd(&z);
	buf_reset(body);
	buf_add(body, (struct view){ (char *)out, z.total_out });
	free(out);
}

static inline void server_count(struct seen *s, struct buf *body)
{
	Otlp__ExportTraceServiceRequest *r;
	size_t i;

	if (strcasestr(s->head, "Content-Encoding: gzip"))
		server_unzip(body);
	s->body_sz = body->n;
	r = otlp__export_trace_service_request__unpack(NULL, body->n, (uint8_t *)body->p);
	for (i = 0; r && i < r->n_resource_spans; i++) {
		Otlp__ScopeSpans *sc = r->resource_spans[i]->scope_spans[0];

		s->spans += sc->n_spans;
		s->last_id = sc->spans[sc->n_spans - 1]->span_id.data[7];
	}
	s->resources = i;
	if (r)
		otlp__export_trace_service_request__free_unpacked(r, NULL);
}

static inline const struct step *server_note(struct server *s, const struct seen *seen)
{
	const struct step *step;

	pthread_mutex_lock(&s->lock);
	step = &s->steps[s->seen_cnt < s->step_cnt ? s->seen_cnt : s->step_cnt - 1];
	if (s->seen_cnt < SEEN_MAX)
		s->seen[s->seen_cnt++] = *seen;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
	return step;
}

static inline void server_connection(struct server *s, int fd)
{
	struct buf in, body;
	struct seen seen = {};

	buf_init(&in, 16 << 20);
	buf_init(&body, 16 << 20);
	while (server_read(fd, &in, &seen, &body)) {
		const struct step *step;

		server_count(&seen, &body);
		step = server_note(s, &seen);
		seen = (struct seen){};
		if (step->kind == STEP_CLOSE)
			break;
		if (step->kind == STEP_ANSWER && send(fd, step->answer.p, step->answer.n, MSG_NOSIGNAL) < 0)
			break;
	}
	buf_release(&in);
	buf_release(&body);
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		pthread_mutex_lock(&s->lock);
		s->conn = fd;
		pthread_mutex_unlock(&s->lock);
		server_connection(s, fd);
		pthread_mutex_lock(&s->lock);
		s->conn = -1;
		pthread_mutex_unlock(&s->lock);
		close(fd);
	}
	return NULL;
}

static inline void server_start(struct server *s, const struct step *steps, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	*s = (struct server){ .steps = steps, .step_cnt = n, .conn = -1 };
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->fd, (void *)&at, sizeof(at)) || listen(s->fd, 16) || getsockname(s->fd, (void *)&at, &len))
		abort();
	s->port = ntohs(at.sin_port);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/v1/traces", s->port);
	pthread_create(&s->thread, NULL, server_run, s);
}

static inline void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_mutex_lock(&s->lock);
	if (s->conn >= 0)
		shutdown(s->conn, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

/* Waits until n requests came.  False: they did not within 5 s. */
static inline bool server_wait(struct server *s, size_t n)
{
	struct timespec until;
	bool ok;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	pthread_mutex_lock(&s->lock);
	while (s->seen_cnt < n && !pthread_cond_timedwait(&s->more, &s->lock, &until))
		;
	ok = s->seen_cnt >= n;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

#endif /* SERVER_H */
