// SPDX-License-Identifier: Apache-2.0
/*
 * What a connection speaks, when nobody said: HTTP/2 is known by its preface, by the
 * server's SETTINGS, or, where we joined late, by its frames; HTTP/1 by the head of
 * a message.  Until one of them is found a proto_http2 stands in front of conn_http1 in each
 * direction: what it says is opaque is what HTTP/1 gets to see.
 */
#include <stdlib.h>

#include "proto/conn.h"
#include "proto/h2.h"

struct post {
	void *h2;		/* NULL: bytes go past it */
	struct view raw;	/* what it has not taken */
	uint64_t ts, held_ts;	/* of this piece; of the first it holds */
	uint64_t gap;		/* to be told when what stands before it is through */
	bool gapped, ended;
};

struct scout {
	struct post post[2];
	bool found;		/* HTTP/2: what HTTP/1 holds has to come out */
	bool has_first;
	int first_dir;
	struct proto_event first;	/* the event that told */
};

int scout_init(struct conn *c)
{
	struct scout *sc = calloc(1, sizeof(*sc));

	c->scout = sc;
	if (!sc)
		return -1;
	for (int dir = 0; dir < 2; dir++) {
		sc->post[dir].h2 = h2_new();
		if (!sc->post[dir].h2)
			return -1;
		if (c->joined)
			proto_http2.gap(sc->post[dir].h2, UINT64_MAX);
	}
	return 0;
}

void scout_free(struct conn *c)
{
	struct scout *sc = c->scout;

	if (!sc)
		return;
	h2_free(sc->post[0].h2);
	h2_free(sc->post[1].h2);
	free(sc);
	c->scout = NULL;
}

void scout_bytes(struct conn *c, struct side *s, struct view bytes)
{
	struct post *p = &c->scout->post[s->dir];

	if (!p->h2) {
		s->in = bytes;
		return;
	}
	p->raw = bytes;
	p->ts = s->ts;
	if (!h2_undecided(p->h2))
		p->held_ts = s->ts;
}

void scout_gap(struct conn *c, struct side *s, uint64_t n)
{
	struct post *p = &c->scout->post[s->dir];

	if (!p->h2) {
		c->proto->gap(c, s, n);
		return;
	}
	proto_http2.gap(p->h2, n);
	p->gapped = true;
	p->gap = n;
}

void scout_end(struct conn *c, struct side *s)
{
	struct post *p = &c->scout->post[s->dir];

	if (!p->h2) {
		c->proto->end(c, s);
		return;
	}
	proto_http2.end(p->h2);
	p->ended = true;
}

/* What has been held back is through. */
static int pass_on(struct conn *c, struct side *s, struct post *p)
{
	if (p->gapped) {
		p->gapped = false;
		c->proto->gap(c, s, p->gap);
		return AGAIN;
	}
	if (p->ended) {
		p->ended = false;
		c->proto->end(c, s);
		return AGAIN;
	}
	return MORE;
}

/* It is not HTTP/2: once what it holds is out, it goes. */
static int retire(struct conn *c, struct side *s, struct post *p)
{
	struct scout *sc = c->scout;
	int r = AGAIN;

	h2_give_up(p->h2);
	if (h2_undecided(p->h2))
		return MORE;
	h2_free(p->h2);
	p->h2 = NULL;
	s->in = p->raw;
	s->ts = p->ts;
	p->raw = VIEW_NONE;
	while (r == AGAIN)
		r = pass_on(c, s, p);
	if (!sc->post[!s->dir].h2)
		scout_free(c);
	return AGAIN;
}

/* HTTP/1 hands out what it held; then HTTP/2 takes over. */
static int hand_over(struct conn *c, struct xev *ev)
{
	struct scout *sc = c->scout;
	void *h2[2] = { sc->post[0].h2, sc->post[1].h2 };
	struct side *s = &c->side[sc->first_dir];
	struct proto_event first = sc->first;
	bool has_first = sc->has_first;
	int r;

	for (int dir = 0; dir < 2; dir++) {
		r = c->proto->next(c, &c->side[dir], ev);
		if (r != MORE)
			return r;
		c->side[dir].ts = sc->post[dir].ts;
	}
	if (http2_conn_init(c, h2)) {
		c->role = CONN_OPAQUE;
		sc->found = false;
		return AGAIN;
	}
	for (int dir = 0; dir < 2; dir++) {
		c->side[dir].in = sc->post[dir].raw;
		sc->post[dir].h2 = NULL;
	}
	scout_free(c);
	return has_first ? http2_conn_take(c, s, &first, ev) : AGAIN;
}

static int found_http2(struct conn *c, struct side *s, const struct proto_event *pe)
{
	struct scout *sc = c->scout;

	sc->found = true;
	sc->first_dir = s->dir;
	sc->has_first = pe;
	if (pe)
		sc->first = *pe;
	for (int dir = 0; dir < 2; dir++)
		c->proto->end(c, &c->side[dir]);
	return AGAIN;
}

int scout_next(struct conn *c, struct side *s, struct xev *ev)
{
	struct scout *sc = c->scout;
	struct post *p = &sc->post[s->dir];
	struct proto_event pe;
	int r;

	if (sc->found)
		return hand_over(c, ev);
	r = c->proto->next(c, s, ev);
	if (r != MORE || !p->h2)
		return r;
	if (c->role != CONN_UNKNOWN && retire(c, s, p) == AGAIN)
		return AGAIN;
	s->ts = h2_undecided(p->h2) ? p->held_ts : p->ts;
	r = proto_http2.next(p->h2, &p->raw, &pe);
	if (r < 0) {
		h2_give_up(p->h2);
		conn_lose(c, s->dir, p->raw.n);
		p->raw = VIEW_NONE;
		return pass_on(c, s, p);
	}
	if (r && pe.kind == EV_OPAQUE) {
		s->in = pe.value;
		return AGAIN;
	}
	if (r || h2_synced(p->h2))
		return found_http2(c, s, r ? &pe : NULL);
	s->ts = p->ts;
	return pass_on(c, s, p);
}

size_t scout_memory(const struct conn *c)
{
	size_t n = sizeof(*c->scout);

	for (int dir = 0; dir < 2; dir++)
		if (c->scout->post[dir].h2)
			n += proto_http2.state_size + proto_http2.memory(c->scout->post[dir].h2);
	return n;
}
