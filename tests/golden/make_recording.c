// SPDX-License-Identifier: Apache-2.0
/*
 * make_recording REQ RESP [REQ RESP] OUT: a recording of one exchange, or of two with a process in between, by a process that was
 * run, its answer in pieces of 1,000 bytes; or of a WebSocket session.  `make golden` walks it over the
 * exchanges of tests/golden/wire.
 */
#include <stdio.h>
#include <unistd.h>

#include "feed/feed.h"
#include "unit/wire_make.h"

#define PIECE 1000

static struct view slurp(const char *path)
{
	static char mem[4][4 << 20];
	static int which;
	char *p = mem[which++ & 3];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(p, 1, 4 << 20, f) : 0;

	if (!f) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return (struct view){ p, n };
}

static void put(struct wire_list *l, int dir, struct view v)
{
	while (v.n) {
		struct view piece = view_take(v, PIECE);

		wire_add_data(l, 10, 1, dir, WIRE_SRC_SOCKET, piece);
		v = view_drop(v, piece.n);
	}
}

/* A WebSocket's frames begin when both heads are there. */
static size_t handshake(struct view v)
{
	const char *end = memmem(v.p, v.n, "\r\n\r\n", 4);
	const char *upgrade = memmem(v.p, v.n, "\r\nUpgrade: websocket\r\n", 22);

	return end && upgrade && upgrade < end ? end + 4 - v.p : 0;
}

/* What the agent does between the answer and the request that tells what came of it. */
static void again(struct wire_list *l, struct view req, struct view resp)
{
	wire_add_fork(l, 10, 11);
	wire_add_exec(l, 11, "/bin/tool");
	wire_add_facts(l, 11, "/bin/tool");
	wire_add_exit(l, 11, 0);
	wire_add_data(l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, req);
	put(l, WIRE_IN, resp);
}

static void fill(struct wire_list *l, struct view req, struct view resp, const struct view *more)
{
	size_t n[2] = { handshake(req), handshake(resp) };

	wire_add_clock(l, 10);
	wire_add_facts(l, 10, "/usr/bin/agent");
	wire_add_exec(l, 10, "/usr/bin/agent");
	wire_add_facts(l, 10, "/usr/bin/agent");
	wire_add_sock(l, 10, 1, 80);
	if (n[0]) {
		wire_add_data(l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, view_take(req, n[0]));
		wire_add_data(l, 10, 1, WIRE_IN, WIRE_SRC_SOCKET, view_take(resp, n[1]));
	}
	wire_add_data(l, 10, 1, WIRE_OUT, WIRE_SRC_SOCKET, view_drop(req, n[0]));
	put(l, WIRE_IN, view_drop(resp, n[1]));
	if (more)
		again(l, more[0], more[1]);
	wire_add_end(l, 10, 1);
	wire_add_exit(l, 10, 0);
	wire_add(l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
}

int main(int argc, char **argv)
{
	struct wire_list l = { 0 };
	struct recording *r;
	struct view v[4];
	int err = 0;

	if (argc != 4 && argc != 6)
		return 2;
	for (int i = 0; i < argc - 2; i++)
		v[i] = slurp(argv[i + 1]);
	fill(&l, v[0], v[1], argc == 6 ? v + 2 : NULL);
	unlink(argv[argc - 1]);
	r = recording_create(argv[argc - 1], -1, -1, &err);
	for (size_t i = 0; r && !err && i < l.n; i++)
		err = recording_put(r, l.recs[i]);
	if (r)
		err = recording_close(r) ?: err;
	wire_list_release(&l);
	return !r || err;
}
