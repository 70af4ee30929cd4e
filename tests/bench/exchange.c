// SPDX-License-Identifier: Apache-2.0
/*
 * What one exchange costs on the whole way from records to spans: allocations, bytes asked for, microseconds, and MB/s of
 * its bytes.  One JSON object.  Linked with --wrap, so libraries' own allocations (zlib, libc) are not counted.
 * exchange ROUNDS [NAME REQ RESP]...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "flow.h"
#include "unit/wire_make.h"

#define WARM 3

static uint64_t allocs, asked;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
	allocs++;
	asked += n;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocs++;
	asked += n * size;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	allocs++;
	asked += n;
	return __real_realloc(p, n);
}

struct counter {
	struct sink sink;
	unsigned calls;
};

static int count(struct sink *s, const struct span *span)
{
	((struct counter *)s)->calls += span->kind == SPAN_CLIENT;
	return 0;
}

static const struct sink_type count_type = { .name = "count", .put = count };

static struct view slurp(const char *path)
{
	static char mem[2][4 << 20];
	static int which;
	char *p = mem[which++ & 1];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(p, 1, 4 << 20, f) : 0;

	if (!f) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return (struct view){ p, n };
}

/* A WebSocket's frames begin when both heads are there. */
static size_t handshake(struct view v)
{
	const char *end = memmem(v.p, v.n, "\r\n\r\n", 4), *upgrade = memmem(v.p, v.n, "Upgrade: websocket", 18);

	return end && upgrade && upgrade < end ? end + 4 - v.p : 0;
}

/* A stream that was not there before: what comes again under an old one's id is a late record. */
static void rename_stream(struct wire_list *l, uint64_t stream)
{
	for (size_t i = 0; i < l->n; i++) {
		struct wire_data *d = (struct wire_data *)l->recs[i];

		if (d->hdr.kind == WIRE_DATA)
			d->stream = d->obj = stream;
		else
			((struct wire_stream_end *)d)->stream = stream;
	}
}

static void fill(struct wire_list *l, struct view req, struct view resp)
{
	size_t n[2] = { handshake(req), handshake(resp) };
	const uint64_t stream = 1;

	l->off[stream][0] = l->off[stream][1] = 0;
	if (n[0]) {
		wire_add_data(l, 10, stream, WIRE_OUT, WIRE_SRC_SOCKET, view_take(req, n[0]));
		wire_add_data(l, 10, stream, WIRE_IN, WIRE_SRC_SOCKET, view_take(resp, n[1]));
	}
	wire_add_data(l, 10, stream, WIRE_OUT, WIRE_SRC_SOCKET, view_drop(req, n[0]));
	for (resp = view_drop(resp, n[1]); resp.n; resp = view_drop(resp, view_take(resp, 1400).n))
		wire_add_data(l, 10, stream, WIRE_IN, WIRE_SRC_SOCKET, view_take(resp, 1400));
	wire_add_end(l, 10, stream);
}

static void give(struct flow *f, struct wire_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		flow_record(f, l->recs[i], l->recs[i]->size);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double measure(struct flow *f, struct wire_list *l, int rounds, struct view req, struct view resp)
{
	double t = 0;

	for (int i = -WARM; i < rounds; i++) {
		double begin;

		if (!i) {
			t = 0;
			allocs = asked = 0;
		}
		uint64_t a = allocs, b = asked;

		fill(l, req, resp);
		rename_stream(l, 100 + i);
		allocs = a;
		asked = b;
		begin = seconds();
		give(f, l);
		t += seconds() - begin;
		wire_list_release(l);
	}
	return t;
}

static void one(const char *name, struct view req, struct view resp, int rounds, bool content)
{
	struct flow_config c = { .content = content, .trace = { .content = content, .processes = true } };
	struct counter n = { .sink = { .type = &count_type } };
	struct wire_list *l = calloc(1, sizeof(*l));
	struct flow *f = flow_new(&c);
	double t;

	flow_add_sink(f, &n.sink);
	wire_add_clock(l, 10);
	wire_add_facts(l, 10, "/usr/bin/agent");
	wire_add_exec(l, 10, "/usr/bin/agent");
	give(f, l);
	wire_list_release(l);
	t = measure(f, l, rounds, req, resp);
	printf("\"%s%s\":{\"allocs\":%.1f,\"bytes\":%.0f,\"us\":%.1f,\"mb_s\":%.1f,\"calls\":%.2f,\"wire\":%zu}", name,
	       content ? ", content" : "", (double)allocs / rounds, (double)asked / rounds, t / rounds * 1e6,
	       (req.n + resp.n) * rounds / t / 1e6, (double)n.calls / (rounds + WARM), req.n + resp.n);
	flow_free(f);
	free(l);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0;

	if (rounds <= 0 || argc % 3 != 2) {
		fprintf(stderr, "exchange ROUNDS [NAME REQ RESP]...\n");
		return 2;
	}
	printf("{");
	for (int i = 2; i < argc; i += 3) {
		struct view req = slurp(argv[i + 1]), resp = slurp(argv[i + 2]);

		for (int content = 0; content < 2; content++) {
			printf("%s", i > 2 || content ? "," : "");
			one(argv[i], req, resp, rounds, content);
		}
	}
	printf("}\n");
	return 0;
}
