// SPDX-License-Identifier: Apache-2.0
/* Who there is: streams, sockets, processes, graves.  All of them bounded at birth. */
#include <stdlib.h>

#include "stream/table.h"

void table_init(struct streams *s, size_t max)
{
	map_init(&s->streams, max);
	map_init(&s->peers, 2 * max);
	map_init(&s->holders, 3 * max);
	map_init(&s->graves, GRAVES);
	names_init(&s->names);
	link_init(&s->by_age);
	link_init(&s->ready);
	link_init(&s->due);
	link_init(&s->orphans);
}

void table_release(struct streams *s)
{
	size_t pos = 0;
	struct peer *p;
	struct holder *h;

	while ((p = map_next(&s->peers, &pos, NULL))) {
		bind_forget_peer(p);
		free(p->k.dns);
		free(p);
	}
	names_release(&s->names);
	for (pos = 0; (h = map_next(&s->holders, &pos, NULL));)
		free(h);
	map_release(&s->streams);
	map_release(&s->peers);
	map_release(&s->holders);
	map_release(&s->graves);
	free(s->grave_ring);
}

/* Two processes do not start in the same nanosecond; if they seem to, the second is kept without a holder. */
static uint64_t holder_key(uint32_t pid, uint64_t start)
{
	return start ^ (uint64_t)pid << 40;
}

struct holder *holder_get(const struct streams *s, uint32_t pid, uint64_t start)
{
	struct holder *h = map_get(&s->holders, holder_key(pid, start));

	return h && h->pid == pid && h->start == start ? h : NULL;
}

static struct holder *holder_open(struct streams *s, uint32_t pid, uint64_t start)
{
	uint64_t key = holder_key(pid, start);
	struct holder *h = map_get(&s->holders, key);

	if (h)
		return h->pid == pid && h->start == start ? h : NULL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	*h = (struct holder){ .key = key, .pid = pid, .start = start };
	link_init(&h->streams);
	link_init(&h->peers);
	link_init(&h->writers);
	link_init(&h->readers);
	if (!map_put(&s->holders, key, h))
		return h;
	free(h);
	return NULL;
}

void holder_rest(struct streams *s, struct holder *h)
{
	if (!h || !link_alone(&h->streams) || !link_alone(&h->peers))
		return;
	map_del(&s->holders, h->key);
	free(h);
}

struct grave *grave_get(const struct streams *s, uint64_t id)
{
	return map_get(&s->graves, id);
}

/* A stream that comes back after GRAVES others have ended is taken for a new one. */
struct grave *grave_dig(struct streams *s, uint64_t id, enum grave_why why)
{
	struct grave *g;

	if (!s->grave_ring)
		s->grave_ring = calloc(GRAVES, sizeof(*s->grave_ring));
	if (!s->grave_ring)
		return NULL;
	g = &s->grave_ring[s->grave_at++ % GRAVES];
	if (g->used)
		map_del(&s->graves, g->id);
	*g = (struct grave){ .id = id, .why = why };
	g->used = !map_put(&s->graves, id, g);
	return g->used ? g : NULL;
}

void grave_count(struct streams *s, struct grave *g, int dir, uint64_t end)
{
	if (end <= g->end[dir])
		return;
	s->stats.seen[dir] += end - g->end[dir];
	s->stats.lost[dir] += end - g->end[dir];
	g->end[dir] = end;
}

void grave_fill(struct streams *s, struct grave *g)
{
	map_del(&s->graves, g->id);
	g->used = false;
}

/* It was taken for ended, but somebody goes on using it. */
static void rise(struct streams *s, struct live *l, struct grave *g)
{
	for (int dir = 0; dir < 2; dir++) {
		l->s.dir[dir].next = l->s.dir[dir].top = l->s.dir[dir].give_up = g->end[dir];
		l->s.joined |= g->end[dir] > 0;
	}
	grave_fill(s, g);
}

struct live *live_get(const struct streams *s, uint64_t id)
{
	return map_get(&s->streams, id);
}

static struct live *live_new(struct streams *s, uint64_t id, const struct wire_hdr *h)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	link_init(&l->by_holder);
	link_init(&l->by_age);
	link_init(&l->ready);
	link_init(&l->due);
	suit_init(&l->suit);
	l->s.id = id;
	l->s.pid = h->pid;
	l->s.start = h->start;
	l->s.last_ts = h->ts;
	if (!map_put(&s->streams, id, l))
		return l;
	free(l);
	return NULL;
}

struct live *live_open(struct streams *s, uint64_t id, const struct wire_hdr *h, enum wire_source source,
		       unsigned lib)
{
	struct live *l = live_get(s, id);
	struct grave *g;

	if (l)
		return l;
	g = grave_get(s, id);
	if (g && g->why != GRAVE_LEFT)
		return NULL;
	l = live_new(s, id, h);
	if (!l) {
		s->stats.refused++;
		if (g)
			g->why = GRAVE_REFUSED;
		else
			grave_dig(s, id, GRAVE_REFUSED);
		return NULL;
	}
	l->s.source = source;
	l->s.lib = lib;
	if (g)
		rise(s, l, g);
	if (source != WIRE_SRC_TLS) {
		live_set_peer(s, l, peer_open(s, id, h), 0);
	} else {
		l->holder = holder_open(s, h->pid, h->start);
		if (l->holder)
			list_append(&l->holder->streams, &l->by_holder);
	}
	list_append(&s->by_age, &l->by_age);
	s->stats.opened++;
	return l;
}

static void bury(struct streams *s, struct live *l)
{
	struct grave *g = grave_dig(s, l->s.id, l->gone ? GRAVE_GONE : GRAVE_LEFT);

	for (int dir = 0; g && dir < 2; dir++)
		g->end[dir] = l->s.dir[dir].top;
}

/* Also at the very end, when there is no need for a grave any more. */
void live_free(struct streams *s, struct live *l)
{
	struct holder *h = l->holder;

	if (l->s.source == WIRE_SRC_TLS && !l->s.sock)
		s->stats.bound[0]++;
	bind_forget_stream(s, l);
	live_set_peer(s, l, NULL, 0);
	order_release(s, l);
	link_out(&l->by_holder);
	link_out(&l->by_age);
	link_out(&l->ready);
	link_out(&l->due);
	map_del(&s->streams, l->s.id);
	bury(s, l);
	moved_forget(s, l);
	holder_rest(s, h);
	s->stats.closed++;
	free(l);
}

struct peer *peer_get(const struct streams *s, uint64_t id)
{
	return map_get(&s->peers, id);
}

/* The process that used it last; when that one is gone and nobody else has come, nobody will. */
static void peer_adopt(struct streams *s, struct peer *p, const struct wire_hdr *h)
{
	struct holder *had = p->holder;

	if (had && had->pid == h->pid && had->start == h->start)
		return;
	bind_forget_peer(p);
	link_out(&p->orphan);
	p->holder = holder_open(s, h->pid, h->start);
	link_out(&p->by_holder);
	if (p->holder)
		list_append(&p->holder->peers, &p->by_holder);
	holder_rest(s, had);
}

struct peer *peer_open(struct streams *s, uint64_t id, const struct wire_hdr *h)
{
	struct peer *p = peer_get(s, id);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p || map_put(&s->peers, id, p)) {
			s->stats.socks_refused++;
			free(p);
			return NULL;
		}
		p->k.id = id;
		link_init(&p->by_holder);
		link_init(&p->orphan);
		inbox_init(&p->inbox);
	}
	if (!p->gone)
		peer_adopt(s, p, h);
	return p;
}

static void peer_rest(struct streams *s, struct peer *p)
{
	struct holder *h = p->holder;

	if (!p->gone || p->k.refs)
		return;
	bind_forget_peer(p);
	link_out(&p->by_holder);
	link_out(&p->orphan);
	map_del(&s->peers, p->k.id);
	holder_rest(s, h);
	free(p->k.dns);
	free(p);
}

void peer_leave(struct streams *s, struct peer *p)
{
	p->gone = true;
	peer_rest(s, p);
}

static struct peer *peer_of(const struct sock *k)
{
	return k ? link_owner(k, struct peer, k) : NULL;
}

void live_set_peer(struct streams *s, struct live *l, struct peer *p, enum wire_bind_basis basis)
{
	struct peer *had = peer_of(l->s.sock);

	if (p == had) {
		if (p && basis)
			s->stats.bound[l->s.bind_basis]--, s->stats.bound[basis]++;
		l->s.bind_basis = basis;
		return;
	}
	if (p) {
		p->k.refs++;
		s->stats.bound[basis] += basis > 0;
		if (basis)
			p->tls = l;
	}
	if (had && p)
		s->stats.bound[l->s.bind_basis] -= l->s.bind_basis > 0;
	l->s.sock = p ? &p->k : NULL;
	l->s.bind_basis = p ? basis : 0;
	if (!had)
		return;
	had->k.refs--;
	if (had->tls == l)
		had->tls = NULL;
	peer_rest(s, had);
}
