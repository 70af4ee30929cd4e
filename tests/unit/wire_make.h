/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIRE_MAKE_H
#define WIRE_MAKE_H

#include <stdlib.h>

#include "base/view.h"
#include "wire.h"

/* Records as the kernel half makes them, for tests: put into a list, in order. */
struct wire_list {
	struct wire_hdr *recs[4096];
	size_t n;
	uint64_t ts;			/* of the next record; steps by a millisecond */
	uint64_t off[16][2];		/* by stream id */
};

static inline void *wire_add(struct wire_list *l, enum wire_kind kind, size_t size, uint32_t pid)
{
	struct wire_hdr *h = calloc(1, size);

	l->ts += 1000000;
	*h = (struct wire_hdr){ .size = size, .kind = kind, .pid = pid, .tid = pid, .ts = l->ts, .start = pid * 1000ull };
	l->recs[l->n++] = h;
	return h;
}

static inline void wire_add_clock(struct wire_list *l, uint32_t root)
{
	struct wire_clock *c = wire_add(l, WIRE_CLOCK, sizeof(*c), 0);

	c->unix_offset = 1700000000000000000ull;
	c->seed[0] = 42;
	c->seed[1] = 43;
	c->mode = WIRE_MODE_RUN;
	c->root_pid = root;
}

static inline void wire_add_fork(struct wire_list *l, uint32_t pid, uint32_t child)
{
	struct wire_fork *f = wire_add(l, WIRE_FORK, sizeof(*f), pid);

	f->child = child;
	f->child_start = child * 1000ull;
}

static inline void wire_add_exec(struct wire_list *l, uint32_t pid, const char *exe)
{
	size_t n = strlen(exe) + 1;
	struct wire_exec *e = wire_add(l, WIRE_EXEC, sizeof(*e) + 2 * n, pid);

	e->filename_len = n;
	e->argv_len = e->argv_total = n;
	memcpy(e + 1, exe, n);
	memcpy((char *)(e + 1) + n, exe, n);
}

/* Facts with the executable's path alone. */
static inline void wire_add_facts(struct wire_list *l, uint32_t pid, const char *exe)
{
	size_t n = strlen(exe);
	struct wire_facts *f = wire_add(l, WIRE_FACTS, sizeof(*f) + n + WIRE_FACT_CNT, pid);

	memcpy(f + 1, exe, n);
}

static inline void wire_add_exit(struct wire_list *l, uint32_t pid, int code)
{
	struct wire_exit *e = wire_add(l, WIRE_EXIT, sizeof(*e), pid);

	e->code = code;
}

static inline void wire_add_sock(struct wire_list *l, uint32_t pid, uint64_t id, uint16_t port)
{
	struct wire_sock *k = wire_add(l, WIRE_SOCK, sizeof(*k), pid);

	*k = (struct wire_sock){ .hdr = k->hdr, .sock = id, .family = 2, .rport = port, .proto = 6,
				 .role = WIRE_ROLE_CLIENT, .raddr = { 127, 0, 0, 1 } };
}

static inline struct wire_data *wire_add_data(struct wire_list *l, uint32_t pid, uint64_t stream, int dir,
					      enum wire_source source, struct view bytes)
{
	struct wire_data *d = wire_add(l, WIRE_DATA, sizeof(*d) + bytes.n, pid);

	d->stream = stream;
	d->obj = stream;
	d->off = l->off[stream][dir];
	d->len = d->call_len = bytes.n;
	d->source = source;
	d->dir = dir;
	d->flags = WIRE_F_LAST;
	memcpy(d + 1, bytes.p, bytes.n);
	l->off[stream][dir] += bytes.n;
	return d;
}

static inline void wire_add_end(struct wire_list *l, uint32_t pid, uint64_t stream)
{
	struct wire_stream_end *e = wire_add(l, WIRE_STREAM_END, sizeof(*e), pid);

	e->stream = stream;
	e->off[0] = l->off[stream][0];
	e->off[1] = l->off[stream][1];
}

static inline void wire_list_release(struct wire_list *l)
{
	while (l->n)
		free(l->recs[--l->n]);
}

#endif /* WIRE_MAKE_H */
