// SPDX-License-Identifier: Apache-2.0
/*
 * The observed end of the load.  Words of the form key=NUMBER say what to do;
 * it stops at marks ("begin", "done", ...) printed on standard output with what
 * it measured, and goes on when a line comes on standard input, so that the
 * caller can look at the observer in between.
 *
 *	client load    port= tls= kind= mb= rate= up= down= chunks= size= batch=   exchanges until mb MB have passed
 *	client streams port= tls= count=		connections with half a request each
 *	client churn   port= tls= count= step=	connections with one exchange each
 *	client procs   count= step=			processes, one after another
 *	client stamp					the clock when it began to run
 *	client wait					nothing, until told to end
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

extern char **environ;

#define PIECE (64 * 1024)

struct job {
	const char *words;
	uint16_t port;
	SSL_CTX *ctx;
	char *request;
	size_t request_n;
	char in[256 * 1024];
};

static double seconds(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void mark(const char *json)
{
	char line[64];

	puts(json);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(3);
}

static void fill_text(char *p, size_t n)
{
	unsigned x = 7;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = x >> 29 ? 'a' + (x >> 24) % 26 : ' ';
	}
}

/* As texts of conversations are: every so often a line end, and every 2,000 bytes another message. */
static void fill_messages(char *p, size_t n, size_t line)
{
	static const char next[] = "\"},{\"role\":\"assistant\",\"content\":\"";

	fill_text(p, n);
	for (size_t i = line; i + 2 < n; i += line)
		memcpy(p + i, "\\n", 2);
	for (size_t i = 2000; i + sizeof(next) + 2 < n; i += 2000) {
		memcpy(p + i, next, sizeof(next) - 1);
		if (p[i - 1] == '\\')	/* half of a line end */
			p[i - 1] = ' ';
	}
}

/* A request with up bytes of body; kind 0: bytes, else a chat request with a long message, or many of short lines. */
static int make_request(struct job *j)
{
	long kind = word_number(j->words, "kind", 0), up = word_number(j->words, "up", 1000);
	const char *head = !kind ? "" : kind == 2 ?
		"{\"model\":\"m-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"" :
		"{\"model\":\"m-1\",\"messages\":[{\"role\":\"user\",\"content\":\"";
	const char *tail = kind ? "\"}]}" : "";
	size_t body = strlen(head) + up + strlen(tail);

	j->request = malloc(body + 1024);
	if (!j->request)
		return -1;
	j->request_n = sprintf(j->request, "POST %s HTTP/1.1\r\nHost: localhost:%u\r\nContent-Type: %s\r\n"
		"User-Agent: bench\r\nAuthorization: Bearer none\r\n"
		"X-Bench: kind=%ld down=%ld chunks=%ld size=%ld batch=%ld\r\nContent-Length: %zu\r\n\r\n%s",
		kind ? "/v1/chat/completions" : "/upload", j->port,
		kind ? "application/json" : "application/octet-stream", kind,
		word_number(j->words, "down", 1000), word_number(j->words, "chunks", 100),
		word_number(j->words, "size", 20), word_number(j->words, "batch", 1), body, head);
	if (word_number(j->words, "line", 0) > 2)
		fill_messages(j->request + j->request_n, up, word_number(j->words, "line", 0));
	else
		fill_text(j->request + j->request_n, up);
	j->request_n += up;
	j->request_n += sprintf(j->request + j->request_n, "%s", tail);
	return 0;
}

static int send_request(struct job *j, struct peer *p)
{
	size_t n;

	for (size_t at = 0; at < j->request_n; at += n) {
		n = j->request_n - at < PIECE ? j->request_n - at : PIECE;
		if (peer_write(p, j->request + at, n))
			return -1;
	}
	return 0;
}

static bool ends_with(const char *p, size_t n, const char *end)
{
	return n >= strlen(end) && !memcmp(p + n - strlen(end), end, strlen(end));
}

/* Reads one answer; returns its bytes or -1.  The last chunk comes in the same write as what is before it. */
static long read_answer(struct job *j, struct peer *p)
{
	char first[4096];
	const char *length = NULL, *body = NULL;
	long total = 0, want = -1;
	ssize_t n;

	while (want < 0 || total < want) {
		n = peer_read(p, j->in, sizeof(j->in));
		if (n <= 0)
			return -1;
		if (!total) {
			snprintf(first, sizeof(first), "%.*s", (int)n, j->in);
			length = strcasestr(first, "\r\ncontent-length:");
			body = strstr(first, "\r\n\r\n");
			if (length && body)
				want = body + 4 - first + strtol(length + 17, NULL, 10);
		}
		total += n;
		if (want < 0 && ends_with(j->in, n, "\r\n0\r\n\r\n"))
			return total;
	}
	return total;
}

static long exchange(struct job *j, struct peer *p)
{
	long n = send_request(j, p) ? -1 : read_answer(j, p);

	return n < 0 ? -1 : n + (long)j->request_n;
}

static void pace(double begin, double bytes, double rate)
{
	double ahead = rate > 0 ? begin + bytes / rate - seconds(CLOCK_MONOTONIC) : 0;
	struct timespec ts = { .tv_sec = ahead, .tv_nsec = (ahead - (long)ahead) * 1e9 };

	if (ahead > 0)
		nanosleep(&ts, NULL);
}

static int job_load(struct job *j)
{
	double rate = word_number(j->words, "rate", 0) * 1e6, most = word_number(j->words, "mb", 10) * 1e6;
	double begin, cpu, bytes = 0;
	long exchanges = 0, n;
	char line[200];
	struct peer p;

	if (peer_connect(&p, j->port, j->ctx) || exchange(j, &p) < 0)
		return 1;
	mark("{\"mark\":\"begin\"}");
	begin = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	while (bytes < most) {
		n = exchange(j, &p);
		if (n < 0)
			return 1;
		bytes += n;
		exchanges++;
		pace(begin, bytes, rate);
	}
	snprintf(line, sizeof(line), "{\"mark\":\"done\",\"bytes\":%.0f,\"exchanges\":%ld,\"wall\":%.6f,\"cpu\":%.6f}", bytes,
		 exchanges, seconds(CLOCK_MONOTONIC) - begin, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	mark(line);
	peer_close(&p);
	return 0;
}

static int job_streams(struct job *j)
{
	long count = word_number(j->words, "count", 100);
	struct peer *p = calloc(count, sizeof(*p));

	mark("{\"mark\":\"begin\"}");
	for (long i = 0; p && i < count; i++)
		if (peer_connect(&p[i], j->port, j->ctx) || peer_write(&p[i], j->request, j->request_n / 2))
			return 1;
	mark("{\"mark\":\"done\"}");
	for (long i = 0; p && i < count; i++)
		peer_close(&p[i]);
	mark("{\"mark\":\"closed\"}");
	free(p);
	return 0;
}

static int one_connection(struct job *j)
{
	struct peer p;
	int err = peer_connect(&p, j->port, j->ctx) || exchange(j, &p) < 0;

	peer_close(&p);
	return err;
}

static int one_process(struct job *j)
{
	static char path[] = "/bin/true", *const argv[] = { path, NULL };
	pid_t pid;

	return posix_spawn(&pid, path, NULL, NULL, argv, environ) || waitpid(pid, NULL, 0) != pid;
}

static int repeat(struct job *j, int (*once)(struct job *))
{
	long count = word_number(j->words, "count", 100), step = word_number(j->words, "step", count);
	char line[80];

	mark("{\"mark\":\"begin\"}");
	for (long i = 1; i <= count; i++) {
		if (once(j))
			return 1;
		if (i % step)
			continue;
		snprintf(line, sizeof(line), "{\"mark\":\"%s\",\"count\":%ld}", i == count ? "done" : "step", i);
		mark(line);
	}
	return 0;
}

static int job_stamp(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("%lld\n", ts.tv_sec * 1000000000ll + ts.tv_nsec);
	return 0;
}

static int work(struct job *j, const char *what)
{
	if (!strcmp(what, "stamp"))
		return job_stamp();
	if (!strcmp(what, "procs"))
		return repeat(j, one_process);
	if (make_request(j))
		return 1;
	if (!strcmp(what, "load"))
		return job_load(j);
	if (!strcmp(what, "streams"))
		return job_streams(j);
	if (!strcmp(what, "churn"))
		return repeat(j, one_connection);
	mark("{\"mark\":\"begin\"}");
	return 0;
}

/* The words as one string. */
static char *join(char **words)
{
	char *all = calloc(1, 4096);

	for (size_t n = 0; all && *words && n < 4000; words++)
		n += snprintf(all + n, 4096 - n, "%s ", *words);
	return all;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	struct job *j = calloc(1, sizeof(*j));
	int status;

	if (argc < 2 || !j)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	j->words = join(argv + 2);
	if (!j->words)
		return 1;
	j->port = word_number(j->words, "port", 0);
	j->ctx = word_number(j->words, "tls", 0) ? peer_client_ctx() : NULL;
	status = work(j, argv[1]);
	if (status)
		fprintf(stderr, "client %s: failed\n", argv[1]);
	return status;
}
