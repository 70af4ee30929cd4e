// SPDX-License-Identifier: Apache-2.0
/*
 * stdio: the client writes to the server's standard input and reads its standard output, one JSON message a line.
 *
 * What arrives here are ways: one direction of a pipe each, of which is known who writes and who reads.  Two of them are one
 * connection when each one's writer reads the other, or, of a unix socket, when the inodes say so.  More than one that would fit
 * is none: an answer is then nobody's, and no edge is asserted.  So an id is only ever looked for in its own connection.
 *
 * A reader is known when it has read, and a server may take seconds to start.  Messages wait for that, so that the
 * first request is the server's span too; a way that has waited MCP_WAY_WAIT_NS is told with the ends that are known.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mcp/mcp_core.h"

#define WAYS_MAX	16384
#define HELD_MAX	(4 * 1024 * 1024)	/* that wait on one way */
#define BYTES_MAX	(256 * 1024 * 1024)	/* of all ways */
#define NOISE_MAX	16			/* lines that are no messages, before the first that is one */
#define STRANGE_MAX	16			/* messages that are no sign of this protocol, before the first that is one */

enum verdict { UNDECIDED, OURS, OTHERS };

struct held {
	struct held *next;
	uint64_t first_ts, ts;
	size_t n;
	char bytes[];
};

/* A connection: its two ways, or the one that is known. */
struct pair {
	struct link half;	/* in mcp_ways.halves */
	struct mcp_way *way[2];
	char name[24];
	enum verdict verdict;
	unsigned strange;
};

struct mcp_way {
	uint64_t id, ino, peer;
	struct mcp_who who[2];	/* by enum wire_channel_end; pid 0: not known */
	uint32_t fd[2];		/* of that process */
	bool is_socket;
	void *lines;		/* proto_jsonl's */
	size_t line_bytes;	/* that it holds */
	uint64_t line_ts;	/* of the first byte of the line that is not whole; 0: there is none */
	struct link waiting;
	uint64_t since;		/* it has waited */
	struct held *held, **held_end;
	size_t held_bytes;
	struct pair *pair;	/* NULL: it waits */
	int side;		/* in pair->way */
	unsigned noise, messages;
	bool given_up;
};

void mcp_ways_init(struct mcp_ways *ways)
{
	map_init(&ways->by_id, WAYS_MAX);
	link_init(&ways->waiting);
	link_init(&ways->halves);
}

struct mcp_way *mcp_way(struct mcp *m, uint64_t stream)
{
	struct mcp_ways *ways = mcp_ways(m);
	struct mcp_way *w = map_get(&ways->by_id, stream);

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (w)
		w->lines = calloc(1, proto_jsonl.state_size);
	if (!w || !w->lines || map_put(&ways->by_id, stream, w)) {
		mcp_lost(m);
		if (w)
			free(w->lines);
		free(w);
		return NULL;
	}
	proto_jsonl.init(w->lines);
	w->id = stream;
	w->held_end = &w->held;
	link_init(&w->waiting);
	return w;
}

/* Connections */

static bool same_who(const struct mcp_who *a, const struct mcp_who *b)
{
	return a->pid == b->pid && a->start == b->start;
}

/* The two ways of one socket. */
static bool same_socket(const struct mcp_way *w, const struct mcp_way *v)
{
	return w->is_socket && v->is_socket && w->ino && w->peer && w->ino == v->peer && w->peer == v->ino;
}

/* One process reads to as its standard input and writes from as its standard output. */
static bool is_stdio(const struct mcp_way *to, const struct mcp_way *from)
{
	return to->fd[WIRE_CHANNEL_READS] == 0 && from->fd[WIRE_CHANNEL_WRITES] == 1;
}

/*
 * v leads back where w comes from, as far as the processes tell.  A socket has another way of its own, so where node gives
 * a child one for each of its files, it has to be seen that they are that.
 */
static bool leads_back(const struct mcp_way *w, const struct mcp_way *v)
{
	if (!w->who[WIRE_CHANNEL_WRITES].pid && !w->who[WIRE_CHANNEL_READS].pid)
		return false;
	if ((w->is_socket || v->is_socket) && !is_stdio(w, v) && !is_stdio(v, w))
		return false;
	return same_who(&w->who[WIRE_CHANNEL_WRITES], &v->who[WIRE_CHANNEL_READS]) &&
	       same_who(&w->who[WIRE_CHANNEL_READS], &v->who[WIRE_CHANNEL_WRITES]);
}

static struct pair *half_of(struct mcp_ways *ways, const struct mcp_way *w)
{
	struct pair *found = NULL;
	unsigned fit = 0;

	for (struct link *l = ways->halves.next; l != &ways->halves; l = l->next) {
		struct pair *p = link_owner(l, struct pair, half);
		const struct mcp_way *v = p->way[0] ? p->way[0] : p->way[1];

		if (same_socket(w, v))
			return p;
		if (!leads_back(w, v))
			continue;
		fit++;
		found = p;
	}
	return fit == 1 ? found : NULL;
}

static struct pair *pair_new(struct mcp_ways *ways)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	link_init(&p->half);
	snprintf(p->name, sizeof(p->name), "%llu", (unsigned long long)++ways->pairs);
	list_append(&ways->halves, &p->half);
	return p;
}

/* False: no memory. */
static bool join(struct mcp_ways *ways, struct mcp_way *w)
{
	struct pair *p = half_of(ways, w);

	if (p)
		link_out(&p->half);
	else
		p = pair_new(ways);
	if (!p)
		return false;
	w->pair = p;
	w->side = p->way[0] != NULL;
	p->way[w->side] = w;
	return true;
}

/* An end that has been left stays alone: its other half is gone, no later one is it. */
static void leave(struct mcp_way *w)
{
	struct pair *p = w->pair;

	if (!p)
		return;
	link_out(&p->half);
	p->way[w->side] = NULL;
	if (!p->way[0] && !p->way[1])
		free(p);
}

/* Messages */

/* The session of one end; both of a connection's ways give the same, each end another. */
static struct mcp_session *session_of(struct mcp *m, const struct mcp_way *w, enum wire_channel_end end, struct mcp_who *who)
{
	*who = w->who[end];
	who->serves = w->side != (int)end;
	return who->pid ? mcp_session(m, who, view_of(w->pair->name), true) : NULL;
}

static void take(struct mcp *m, struct mcp_way *w, enum wire_channel_end end, struct json v, uint64_t first_ts, uint64_t ts)
{
	struct mcp_who who;
	struct mcp_session *s = session_of(m, w, end, &who);
	struct mcp_place at = {
		.who = &who, .where = w->pair, .conn = w->id * 0x9e3779b97f4a7c15, .first_ts = first_ts, .ts = ts, .local = true,
	};

	if (s)
		mcp_take(m, s, &at, v, end == WIRE_CHANNEL_WRITES);
}

/* Language servers and editors' agents speak JSON-RPC too, and begin with an initialize of their own. */
static enum verdict judge(struct pair *p, const struct rpc *r)
{
	if (p->verdict != UNDECIDED || (r->kind != RPC_REQUEST && r->kind != RPC_NOTIFICATION))
		return p->verdict;
	if (mcp_is_ours(r))
		p->verdict = OURS;
	else if (json_is(r->method, "initialize") || ++p->strange >= STRANGE_MAX)
		p->verdict = OTHERS;
	return p->verdict;
}

static void tell(struct mcp *m, struct mcp_way *w, struct view line, uint64_t first_ts, uint64_t ts)
{
	struct json v = json_read(line);
	struct rpc r;

	if (!mcp_first(v, &r) || judge(w->pair, &r) != OURS)
		return;
	take(m, w, WIRE_CHANNEL_WRITES, v, first_ts, ts);
	take(m, w, WIRE_CHANNEL_READS, v, first_ts, ts);
}

/* The ends are as well known as they will be. */
static void settle(struct mcp *m, struct mcp_way *w)
{
	struct mcp_ways *ways = mcp_ways(m);
	struct held *h;

	link_out(&w->waiting);
	if (!w->pair && !join(ways, w)) {
		mcp_lost(m);
		w->given_up = true;
	}
	while ((h = w->held)) {
		w->held = h->next;
		if (w->pair)
			tell(m, w, (struct view){ h->bytes, h->n }, h->first_ts, h->ts);
		ways->bytes -= sizeof(*h) + h->n;
		free(h);
	}
	w->held_end = &w->held;
	w->held_bytes = 0;
}

static bool keep(struct mcp *m, struct mcp_way *w, struct view line, uint64_t first_ts, uint64_t ts)
{
	struct mcp_ways *ways = mcp_ways(m);
	size_t size = sizeof(struct held) + line.n;
	struct held *h = w->held_bytes + size <= HELD_MAX && ways->bytes + size <= BYTES_MAX ? malloc(size) : NULL;

	if (!h)
		return false;
	*h = (struct held){ .first_ts = first_ts, .ts = ts, .n = line.n };
	memcpy(h->bytes, line.p, line.n);
	*w->held_end = h;
	w->held_end = &h->next;
	w->held_bytes += size;
	ways->bytes += size;
	if (link_alone(&w->waiting)) {
		w->since = ts;
		list_append(&ways->waiting, &w->waiting);
	}
	return true;
}

static void on_line(struct mcp *m, struct mcp_way *w, struct view line, uint64_t first_ts, uint64_t ts)
{
	struct rpc r;

	if (!mcp_first(json_read(line), &r)) {
		w->noise++;
		return;
	}
	w->messages++;
	if (!w->pair && w->who[0].pid && w->who[1].pid)
		settle(m, w);
	if (!w->pair && !w->given_up && keep(m, w, line, first_ts, ts))
		return;
	if (!w->pair && !w->given_up)
		settle(m, w);
	if (w->pair)
		tell(m, w, line, first_ts, ts);
}

static void weigh(struct mcp *m, struct mcp_way *w)
{
	struct mcp_ways *ways = mcp_ways(m);
	size_t now = proto_jsonl.memory(w->lines);

	ways->bytes += now - w->line_bytes;
	w->line_bytes = now;
}

static void pull(struct mcp *m, struct mcp_way *w, struct view in, uint64_t ts)
{
	struct proto_event ev;

	while (proto_jsonl.next(w->lines, &in, &ev) == 1) {
		on_line(m, w, ev.value, w->line_ts ? w->line_ts : ts, ts);
		w->line_ts = ts;
	}
	weigh(m, w);
}

/* Doors */

void mcp_way_bytes(struct mcp *m, struct mcp_way *w, struct view bytes, uint64_t ts)
{
	if (!bytes.n || !mcp_way_wanted(w))
		return;
	w->line_ts = w->line_ts ? w->line_ts : ts;
	pull(m, w, bytes, ts);
	if (bytes.p[bytes.n - 1] == '\n')
		w->line_ts = 0;
	if (mcp_ways(m)->bytes <= BYTES_MAX)
		return;
	mcp_lost(m);
	w->given_up = true;
	proto_jsonl.fini(w->lines);
	proto_jsonl.init(w->lines);
	weigh(m, w);
}

void mcp_way_gap(struct mcp *m, struct mcp_way *w, uint64_t n, uint64_t ts)
{
	if (!mcp_way_wanted(w))
		return;
	proto_jsonl.gap(w->lines, n);
	pull(m, w, VIEW_NONE, ts);
	w->line_ts = 0;
}

bool mcp_way_wanted(const struct mcp_way *w)
{
	if (w->given_up || (w->pair && w->pair->verdict == OTHERS))
		return false;
	return w->messages || w->noise < NOISE_MAX;
}

bool mcp_way_spoke(const struct mcp_way *w)
{
	return w->pair && w->pair->verdict == OURS;
}

void mcp_channel(struct mcp *m, const struct wire_channel *c)
{
	struct mcp_way *w = mcp_way(m, c->stream);

	if (!w)
		return;
	w->is_socket = c->kind == WIRE_CHANNEL_UNIX;
	w->ino = c->ino;
	w->peer = c->peer;
	if (!w->who[c->end].pid) {
		w->who[c->end] = (struct mcp_who){ .pid = c->hdr.pid, .start = c->hdr.start };
		w->fd[c->end] = c->fd;
	}
	if (w->held && w->who[0].pid && w->who[1].pid)
		settle(m, w);
}

/* What was asked one end of this way and is not answered yet will not be: the answer would have come here. */
static void cut(struct mcp *m, struct mcp_way *w, enum wire_channel_end end, uint64_t ts)
{
	enum mcp_side side = end == WIRE_CHANNEL_WRITES ? MCP_SERVER : MCP_CLIENT;
	struct mcp_who who;
	struct mcp_session *s = session_of(m, w, end, &who);
	struct mcp_call *c, *next;

	for (c = s ? s->open : NULL; c; c = next) {
		next = c->next;
		if (c->side == side)
			mcp_close(m, s, c, MCP_CUT, ts);
	}
}

static void way_free(struct mcp *m, struct mcp_way *w)
{
	struct mcp_ways *ways = mcp_ways(m);
	struct held *h;

	while ((h = w->held)) {
		w->held = h->next;
		ways->bytes -= sizeof(*h) + h->n;
		free(h);
	}
	leave(w);
	link_out(&w->waiting);
	proto_jsonl.fini(w->lines);
	ways->bytes -= w->line_bytes;
	map_del(&ways->by_id, w->id);
	free(w->lines);
	free(w);
}

void mcp_way_end(struct mcp *m, struct mcp_way *w, uint64_t ts)
{
	if (mcp_way_wanted(w)) {
		proto_jsonl.end(w->lines);
		pull(m, w, VIEW_NONE, ts);
	}
	if (w->held)
		settle(m, w);
	if (mcp_way_spoke(w)) {
		cut(m, w, WIRE_CHANNEL_WRITES, ts);
		cut(m, w, WIRE_CHANNEL_READS, ts);
	}
	way_free(m, w);
}

/* They began to wait in this order. */
void mcp_time(struct mcp *m, uint64_t ts)
{
	struct link *first;

	while ((first = list_first(&mcp_ways(m)->waiting))) {
		struct mcp_way *w = link_owner(first, struct mcp_way, waiting);

		if (ts < w->since + MCP_WAY_WAIT_NS)
			return;
		settle(m, w);
	}
}

void mcp_ways_release(struct mcp *m)
{
	struct mcp_ways *ways = mcp_ways(m);
	struct mcp_way *w;
	size_t pos = 0;

	while ((w = map_next(&ways->by_id, &pos, NULL))) {
		way_free(m, w);
		pos = 0;
	}
	map_release(&ways->by_id);
}
