// SPDX-License-Identifier: Apache-2.0
/*
 * The door of the room.  Taking a record changes who there is and puts streams
 * that may have something to say into the ready list; pieces are then pulled
 * from it one by one, so that a single record (the end of a process, of the
 * observation) may give any number of them in constant memory.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "stream/sni.h"
#include "stream/table.h"

struct streams *streams_new(size_t max)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (s)
		table_init(s, max);
	return s;
}

static void free_spent(struct streams *s)
{
	while (s->spent) {
		struct waiting *w = s->spent;

		s->spent = w->next;
		free(w);
	}
	if (s->dead)
		live_free(s, s->dead);
	s->dead = NULL;
}

void streams_free(struct streams *s)
{
	struct link *l;

	if (!s)
		return;
	free_spent(s);
	while ((l = list_first(&s->by_age)))
		live_free(s, link_owner(l, struct live, by_age));
	table_release(s);
	free(s);
}

static void make_ready(struct streams *s, struct live *l)
{
	if (link_alone(&l->ready))
		list_append(&s->ready, &l->ready);
}

static void arm(struct streams *s, struct live *l)
{
	if (!link_alone(&l->due))
		return;
	l->due_since = s->now;
	list_append(&s->due, &l->due);
}

/*
 * Ends a stream, now if all that the kernel counted has come, else when that is
 * late.  A process that ended leaves no final offsets behind: what may be on its
 * way is waited for.
 */
static void end(struct streams *s, struct live *l, uint64_t ts, bool at_once)
{
	if (!l->ending)
		l->end_ts = ts;
	l->ending = true;
	if (l->held)
		make_ready(s, l);
	l->held = false;
	link_out(&l->due);
	if (at_once)
		order_finish(l);
	if (at_once || (l->gone && order_quiet(l)))
		make_ready(s, l);
	else
		arm(s, l);
}

static void take_data(struct streams *s, const struct wire_data *d)
{
	struct view v = wire_data_bytes(d);
	struct waiting w = {
		.off = d->off, .len = d->len, .have = v.n, .bytes = v.p, .eof = d->flags & WIRE_F_EOF,
		.ts = d->hdr.ts, .arrived = s->now, .pid = d->hdr.pid, .start = d->hdr.start, .tid = d->hdr.tid,
	};
	bool is_new = !live_get(s, d->stream);
	struct live *l = live_open(s, d->stream, &d->hdr, d->source, d->lib);
	struct grave *g;

	if (!l) {
		g = grave_get(s, d->stream);
		if (g)
			grave_count(s, g, d->dir, d->off + d->len);
		return;
	}
	if (is_new)
		moved_hold(l);
	w.off += moved_base(l, d->stream, d->dir);
	l->s.joined |= d->flags & WIRE_F_JOINED && d->stream == l->s.id;
	l->s.last_ts = d->hdr.ts;
	l->s.lib = d->lib;		/* a bind that came before it did not know */
	if (d->source != WIRE_SRC_TLS)
		peer_open(s, d->stream, &d->hdr);
	else
		bind_call(s, l, d);
	order_take(s, l, d->dir, &w);
	make_ready(s, l);
}

/*
 * The socket below a TLS stream has no more.  A library with a buffer of its own
 * may still hold bytes it has not handed to the program.
 */
static void socket_eof(struct streams *s, struct live *l, int dir)
{
	l->soft_eof[dir] = !l->s.dir[dir].eof;
	if (l->soft_eof[dir])
		arm(s, l);
}

static void take_stream_end(struct streams *s, const struct wire_stream_end *e)
{
	struct peer *p = peer_get(s, e->stream);
	struct grave *g = grave_get(s, e->stream);
	struct live *l = live_get(s, e->stream);

	if (g)
		g->why = GRAVE_GONE;
	/* All of its records were lost: its bytes are counted by making it, if only for that. */
	if (!l && !g && (e->off[0] || e->off[1]))
		l = live_open(s, e->stream, &e->hdr, p ? WIRE_SRC_SOCKET : WIRE_SRC_TLS, 0);
	if (l && moved_end(s, l, e))
		return;
	for (int dir = 0; dir < 2; dir++) {
		if (l)
			order_expect(s, l, dir, e->off[dir] + moved_base(l, e->stream, dir));
		else if ((g = grave_get(s, e->stream)))
			grave_count(s, g, dir, e->off[dir]);
	}
	if (l) {
		l->gone = true;
		end(s, l, e->hdr.ts, false);
	}
	if (!p)
		return;
	if (p->tls)
		socket_eof(s, p->tls, WIRE_IN);
	peer_leave(s, p);
}

/*
 * Seen in node: its handshake callback runs inside the library's call, and a
 * program that writes there to another connection makes that connection's
 * socket look like this one's.  A socket carries one TLS stream of a process.
 */
static bool taken(const struct peer *p, const struct live *l, unsigned basis)
{
	return basis == WIRE_BIND_CALL && p->tls && p->tls != l && p->tls->holder == l->holder;
}

/* What the kernel saw is better than what lengths tell, a call inside a call better than a set_fd. */
static unsigned worth(unsigned basis)
{
	static const uint8_t rank[] = {
		[WIRE_BIND_CALL] = 5, [WIRE_BIND_FD] = 4, [WIRE_BIND_OBJECT] = 3, [WIRE_BIND_THREAD] = 2,
		[WIRE_BIND_RECORD] = 1,
	};

	return basis < sizeof(rank) ? rank[basis] : 0;
}

static void take_bind(struct streams *s, const struct wire_bind *b)
{
	struct live *l = live_open(s, b->stream, &b->hdr, WIRE_SRC_TLS, 0);
	struct peer *p;

	if (!l || (l->s.sock && worth(l->s.bind_basis) > worth(b->basis)))
		return;
	p = peer_open(s, b->sock, &b->hdr);
	if (!p)
		return;
	if (taken(p, l, b->basis)) {
		s->stats.contested++;
		return;
	}
	if (b->basis == WIRE_BIND_THREAD) {
		struct live *before;

		if (l->holder) {
			l->holder->moves = true;
			bind_likely(s, p, l);
		}
		before = p->tls;
		if (moved_join(s, l, p)) {
			make_ready(s, before);
			return;
		}
	}
	if (l->held) {
		l->held = false;
		make_ready(s, l);
	}
	bind_forget_stream(s, l);
	bind_forget_peer(p);
	live_set_peer(s, l, p, b->basis);
}

/* An IPv4 peer of either family of sockets, as DNS answers are kept. */
static void peer_address(const struct sock *k, uint8_t ret[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(ret, k->raddr, 16);
	if (k->family != AF_INET)
		return;
	memcpy(ret, mapped, sizeof(mapped));
	memcpy(ret + sizeof(mapped), k->raddr, 4);
}

static void name_peer(struct streams *s, struct peer *p, const struct wire_hdr *h)
{
	uint8_t addr[16];
	const char *name;

	if (p->k.dns || p->k.role == WIRE_ROLE_SERVER)
		return;
	peer_address(&p->k, addr);
	name = names_get(&s->names, h->pid, h->start, addr, h->ts);
	if (name)
		p->k.dns = strdup(name);
}

static void take_sock(struct streams *s, const struct wire_sock *k)
{
	struct peer *p = peer_open(s, k->sock, &k->hdr);

	if (!p)
		return;
	p->k.family = k->family;
	p->k.lport = k->lport;
	p->k.rport = k->rport;
	p->k.role = k->role <= WIRE_ROLE_SERVER ? k->role : WIRE_ROLE_UNKNOWN;
	memcpy(p->k.laddr, k->laddr, sizeof(p->k.laddr));
	memcpy(p->k.raddr, k->raddr, sizeof(p->k.raddr));
	name_peer(s, p, &k->hdr);
}

static void take_hello(struct streams *s, const struct wire_hello *h)
{
	struct peer *p = peer_open(s, h->sock, &h->hdr);
	struct view name;

	if (!p || p->k.sni[0] || !sni_find(wire_hello_bytes(h), &name) || name.n >= sizeof(p->k.sni))
		return;
	memcpy(p->k.sni, name.p, name.n);
	p->k.sni[name.n] = '\0';
}

static void take_record(struct streams *s, const struct wire_record *r)
{
	struct peer *p = peer_open(s, r->sock, &r->hdr);

	if (!p)
		return;
	if (!r->len && p->tls)
		socket_eof(s, p->tls, r->dir);
	else if (r->len && (!p->tls || p->tls->holder != p->holder))
		bind_record(s, p, r);
}

/* The process is gone, or became another program: TLS objects go with its memory, sockets may have other users. */
static void take_process_end(struct streams *s, const struct wire_hdr *h)
{
	struct holder *o = holder_get(s, h->pid, h->start);
	struct link *l;

	if (!o)
		return;
	for (l = o->streams.next; l != &o->streams; l = l->next)
		end(s, link_owner(l, struct live, by_holder), h->ts, false);
	if (h->kind != WIRE_EXIT)
		return;
	while ((l = list_first(&o->peers))) {
		struct peer *p = link_owner(l, struct peer, by_holder);

		bind_forget_peer(p);
		link_out(&p->by_holder);
		p->holder = NULL;
		p->orphan_since = s->now;
		list_append(&s->orphans, &p->orphan);
	}
	holder_rest(s, o);
}

static void take_finish(struct streams *s, uint64_t ts)
{
	for (struct link *l = s->by_age.next; l != &s->by_age; l = l->next)
		end(s, link_owner(l, struct live, by_age), ts, true);
}

/* Both lists are in the order of their times, since all wait equally long. */
static void expire(struct streams *s)
{
	struct link *first;

	while ((first = list_first(&s->due))) {
		struct live *l = link_owner(first, struct live, due);

		if (s->now - l->due_since < STREAM_WAIT_NS)
			break;
		link_out(&l->due);
		l->held = false;
		if (l->ending)
			order_finish(l);
		else
			order_expire(s, l);
		make_ready(s, l);
	}
	while ((first = list_first(&s->orphans))) {
		struct peer *p = link_owner(first, struct peer, orphan);
		struct live *l = live_get(s, p->k.id);

		if (s->now - p->orphan_since < STREAM_LINGER_NS)
			break;
		link_out(&p->orphan);
		if (l)
			end(s, l, l->s.last_ts, true);
		peer_leave(s, p);
	}
}

void streams_take(struct streams *s, const struct wire_hdr *h)
{
	s->cur_live = NULL;
	free_spent(s);
	if (h->ts > s->now)
		s->now = h->ts;
	switch (h->kind) {
	case WIRE_DATA:
		take_data(s, (const void *)h);
		break;
	case WIRE_STREAM_END:
		take_stream_end(s, (const void *)h);
		break;
	case WIRE_BIND:
		take_bind(s, (const void *)h);
		break;
	case WIRE_SOCK:
		take_sock(s, (const void *)h);
		break;
	case WIRE_RECORD:
		take_record(s, (const void *)h);
		break;
	case WIRE_DNS:
		names_take(&s->names, (const void *)h);
		break;
	case WIRE_HELLO:
		take_hello(s, (const void *)h);
		break;
	case WIRE_EXEC:
	case WIRE_EXIT:
		take_process_end(s, h);
		break;
	case WIRE_FINISH:
		take_finish(s, h->ts);
		break;
	}
	expire(s);
}

static bool soft_eof(struct live *l, int dir, struct piece *ret)
{
	if (!l->soft_eof[dir] || !link_alone(&l->due))
		return false;
	l->soft_eof[dir] = false;
	if (l->s.dir[dir].eof)
		return false;
	l->s.dir[dir].eof = true;
	*ret = (struct piece){
		.kind = PIECE_EOF, .stream = &l->s, .dir = dir,
		.ts = l->s.last_ts, .pid = l->s.pid, .start = l->s.start,
	};
	return true;
}

/* The next piece of one stream, its end when there is no other, or nothing for now. */
static bool live_next(struct streams *s, struct live *l, struct piece *ret)
{
	if (l->held && !order_crowded(s, l)) {
		arm(s, l);
		return false;
	}
	l->held = false;
	for (int dir = 0; dir < 2; dir++)
		if (order_next(s, l, dir, ret) || soft_eof(l, dir, ret))
			return true;
	if (!order_quiet(l)) {
		arm(s, l);
		return false;
	}
	if (!l->ending || !(l->gone || link_alone(&l->due)))
		return false;
	*ret = (struct piece){
		.kind = PIECE_END, .stream = &l->s,
		.ts = l->end_ts, .pid = l->s.pid, .start = l->s.start,
	};
	return true;
}

int streams_next(struct streams *s, struct piece *ret)
{
	struct link *first;

	free_spent(s);
	while ((first = list_first(&s->ready))) {
		struct live *l = link_owner(first, struct live, ready);

		if (live_next(s, l, ret)) {
			if (ret->kind == PIECE_END)
				s->dead = l;
			return 1;
		}
		link_out(&l->ready);
	}
	return 0;
}

const struct stream_stats *streams_stats(const struct streams *s)
{
	return &s->stats;
}

size_t streams_open(const struct streams *s)
{
	return s->streams.cnt;
}
