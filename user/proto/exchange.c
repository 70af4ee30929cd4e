// SPDX-License-Identifier: Apache-2.0
/*
 * What is the same for the exchanges of every protocol: see conn.h.
 *
 * Each direction is a struct side that its protocol pulls from one event at a time;
 * a body is drained through its pipe before the next event is asked for.
 */
#include <stdlib.h>

#include "proto/body.h"
#include "proto/conn.h"

#define OPEN_MAX 1024			/* exchanges of a connection at once */
#define ARENA_MAX (1024 * 1024)

struct view message_header(const struct message *m, const char *name)
{
	struct view want = view_of(name);

	for (const struct header *h = m->headers; h; h = h->next)
		if (view_eq_nocase(h->name, want))
			return h->value;
	return VIEW_NONE;
}

/* --- birth and death --- */

static void xch_free(struct conn *c, struct xch *x)
{
	if (!x)
		return;
	c->held -= x->held;
	body_release(&x->x.req.body);
	body_release(&x->x.resp.body);
	arena_release(&x->x.arena);
	free(x);
}

static void xch_free_all(struct conn *c, struct xch *x)
{
	struct xch *next;

	for (; x; x = next) {
		next = x->next;
		xch_free(c, x);
	}
}

struct conn *conn_new(bool joined)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->joined = joined;
	c->open_end = &c->open;
	c->over_end = &c->over;
	c->side[1].dir = 1;
	c->proto = &conn_http1;
	if (!http1_conn_init(c) && !scout_init(c))
		return c;
	conn_free(c);
	return NULL;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	scout_free(c);
	c->proto->free(c);
	xch_free(c, c->done);
	xch_free_all(c, c->over);
	xch_free_all(c, c->open);
	free(c);
}

/* --- exchanges --- */

static void hold(struct conn *c, struct xch *x, size_t before, size_t after)
{
	x->held += after - before;
	c->held += after - before;
}

struct view xch_keep(struct conn *c, struct xch *x, struct view v)
{
	size_t before = x->x.arena.used;
	struct view copy = VIEW_NONE;

	if (c->held < HOLD_MAX)
		copy = arena_copy(&x->x.arena, v);
	hold(c, x, before, x->x.arena.used);
	return copy;
}

struct xch *xch_open(struct conn *c)
{
	struct xch *x = c->open_cnt < OPEN_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return NULL;
	x->x.no = c->no++;
	x->x.joined = c->joined;
	arena_init(&x->x.arena, ARENA_MAX);
	body_init(&x->x.req.body);
	body_init(&x->x.resp.body);
	x->at = c->open_end;
	*c->open_end = x;
	c->open_end = &x->next;
	c->open_cnt++;
	return x;
}

static void unlink_open(struct conn *c, struct xch *x)
{
	*x->at = x->next;
	if (x->next)
		x->next->at = x->at;
	else
		c->open_end = x->at;
	x->next = NULL;
	c->open_cnt--;
}

static enum exchange_end how_it_ended(const struct xch *x)
{
	const struct exchange *e = &x->x;

	if (e->end == XEND_UPGRADE)
		return XEND_UPGRADE;
	if (x->damaged || !x->has_request || e->req.body.lost || e->resp.body.lost)
		return XEND_LOST;
	return e->req.done && e->resp.done ? XEND_OK : XEND_CUT;
}

void xch_settle(struct conn *c, struct xch *x)
{
	if (!x->req_over || !x->resp_over || x->upgraded)
		return;
	unlink_open(c, x);
	x->x.end = how_it_ended(x);
	*c->over_end = x;
	c->over_end = &x->next;
}

void xch_abandon(struct conn *c, struct xch *x)
{
	x->resp_over = x->answered = x->damaged = true;
	xch_settle(c, x);
}

/* --- messages --- */

void leg_begin(struct leg *l, struct xch *x, bool request, uint64_t first_ts, uint64_t ts)
{
	l->xch = x;
	l->msg = NULL;
	l->request = request;
	if (!x)
		return;
	l->msg = request ? &x->x.req : &x->x.resp;
	l->msg->first_ts = first_ts;
	l->msg->last_ts = ts;
}

void leg_header(struct conn *c, struct leg *l, struct view name, struct view value)
{
	struct message *m = l->msg;
	struct header **end, *h;
	size_t before;

	if (!m || l->interim || m->header_cnt++ >= HEADERS_MAX || c->held >= HOLD_MAX)
		return;
	before = l->xch->x.arena.used;
	h = arena_alloc(&l->xch->x.arena, sizeof(*h));
	hold(c, l->xch, before, l->xch->x.arena.used);
	if (!h)
		return;
	h->name = xch_keep(c, l->xch, name);
	h->value = xch_keep(c, l->xch, value);
	for (end = &m->headers; *end; end = &(*end)->next)
		;
	if (h->name.p)
		*end = h;
}

void leg_head_blind(struct leg *l, uint64_t left_out)
{
	l->msg->seen = true;
	l->msg->header_cnt += left_out;
}

void leg_head(struct leg *l, uint64_t left_out)
{
	leg_head_blind(l, left_out);
	pipe_open(&l->pipe, l->msg, l->request ? NULL : &l->xch->x);
}

void leg_guess(struct leg *l, char first, bool from_start)
{
	if (!pipe_guess(&l->pipe, l->msg, l->request ? NULL : &l->xch->x, first) && !from_start)
		pipe_gap(&l->pipe, UINT64_MAX);
}

void leg_put(struct leg *l, struct view piece)
{
	if (!l->msg || l->interim)
		return;
	if (l->pipe.msg)
		pipe_put(&l->pipe, piece);
	else
		l->msg->body.lost += piece.n;
}

void leg_refuse(struct leg *l, const char *why)
{
	pipe_close(&l->pipe);
	l->msg->body.error = why;
	l->xch->damaged = true;
}

void leg_gap(struct leg *l, uint64_t n)
{
	if (!l->msg || l->interim)
		return;
	l->xch->damaged = true;
	if (l->pipe.msg)
		pipe_gap(&l->pipe, n);
	else if (n != UINT64_MAX)
		l->msg->body.lost += n;
}

int leg_step(struct conn *c, struct leg *l, uint64_t ts, struct xev *ev)
{
	struct message *m = l->msg;
	struct proto_event pe;
	size_t before;
	int r;

	if (!m || !pipe_busy(&l->pipe))
		return MORE;
	before = body_memory(&m->body);
	r = pipe_next(&l->pipe, &pe, c->held < HOLD_MAX ? HOLD_MAX - c->held : 0);
	hold(c, l->xch, before, body_memory(&m->body));
	if (!r)
		return MORE;
	if (!m->event_cnt++)
		m->first_event_ts = ts;
	*ev = (struct xev){
		.kind = XEV_EVENT,
		.x = &l->xch->x,
		.name = pe.name,
		.value = pe.value,
		.cut = pe.num,
		.ts = ts,
	};
	return EVENT;
}

int leg_end(struct conn *c, struct leg *l, uint64_t ts, struct xev *ev)
{
	struct xch *x = l->xch;

	if (pipe_end(&l->pipe))
		return AGAIN;
	l->over = false;
	if (!x || l->interim) {
		l->interim = false;
		return AGAIN;
	}
	l->msg->done = l->whole;
	pipe_finish(&l->pipe, l->msg, l->whole);
	pipe_close(&l->pipe);
	l->xch = NULL;
	l->msg = NULL;
	if (l->request)
		x->req_over = true;
	else
		x->resp_over = true;
	xch_settle(c, x);
	*ev = (struct xev){ .kind = XEV_REQUEST, .x = &x->x, .ts = ts };
	return l->request ? EVENT : AGAIN;
}

/* --- bytes of no message --- */

void conn_lose(struct conn *c, int dir, uint64_t n)
{
	c->books.decoded[dir] -= n;
	c->books.lost[dir] += n;
}

int conn_opaque(struct conn *c, struct xch *x, const struct side *s, struct view bytes, struct xev *ev)
{
	c->books.decoded[s->dir] -= bytes.n;
	c->books.opaque[s->dir] += bytes.n;
	*ev = (struct xev){
		.kind = XEV_OPAQUE,
		.x = x ? &x->x : NULL,
		.value = bytes,
		.dir = s->dir,
		.ts = s->ts,
	};
	return EVENT;
}

/* --- the pull --- */

static int hand_out_done(struct conn *c, struct xev *ev)
{
	struct xch *x = c->over;

	c->over = x->next;
	if (!c->over)
		c->over_end = &c->over;
	c->done = x;
	*ev = (struct xev){ .kind = XEV_DONE, .x = &x->x, .ts = c->ts };
	return 1;
}

static int side_next(struct conn *c, struct side *s, struct xev *ev)
{
	return c->scout ? scout_next(c, s, ev) : c->proto->next(c, s, ev);
}

int conn_next(struct conn *c, struct xev *ev)
{
	int first = request_dir(c), r;

	xch_free(c, c->done);
	c->done = NULL;
	for (;;) {
		if (c->over)
			return hand_out_done(c, ev);
		r = side_next(c, &c->side[first], ev);
		if (r == MORE)
			r = side_next(c, &c->side[!first], ev);
		if (r == EVENT)
			return 1;
		if (r == AGAIN || c->over)
			continue;
		if (!c->close_due)
			return 0;
		c->close_due = false;
		c->proto->close(c);
	}
}

void conn_bytes(struct conn *c, int dir, struct view bytes, uint64_t ts)
{
	struct side *s = &c->side[dir];

	c->books.decoded[dir] += bytes.n;
	c->ts = s->ts = ts;
	s->live = true;
	if (s->ended)
		conn_lose(c, dir, bytes.n);
	else if (c->scout)
		scout_bytes(c, s, bytes);
	else
		s->in = bytes;
}

void conn_skip(struct conn *c, int dir, uint64_t n, uint64_t ts)
{
	for (struct xch *x = c->open; x; x = x->next)
		x->skipped = x->x.lost_bytes;
	conn_gap(c, dir, n, ts);
	for (struct xch *x = c->open; x; x = x->next)
		if (!x->answered && dir != request_dir(c))
			x->x.lost_bytes = x->skipped;	/* its answer is yet to come */
}

void conn_gap(struct conn *c, int dir, uint64_t n, uint64_t ts)
{
	struct side *s = &c->side[dir];

	c->ts = s->ts = ts;
	s->live = false;
	if (c->scout)
		scout_gap(c, s, n);
	else
		c->proto->gap(c, s, n);
}

static void end_side(struct conn *c, struct side *s, uint64_t ts)
{
	if (s->ended)
		return;
	s->ended = true;
	s->live = false;
	c->ts = s->ts = ts;
	if (c->scout)
		scout_end(c, s);
	else
		c->proto->end(c, s);
}

void conn_eof(struct conn *c, int dir, uint64_t ts)
{
	struct side *s = &c->side[dir];

	s->eof = true;
	end_side(c, s, ts);
	c->close_due |= c->role != CONN_UNKNOWN && !is_request_side(c, s);
}

void conn_end(struct conn *c, uint64_t ts)
{
	end_side(c, &c->side[0], ts);
	end_side(c, &c->side[1], ts);
	c->ts = ts;
	c->ending = c->close_due = true;
}

enum conn_role conn_role(const struct conn *c)
{
	return c->role;
}

const struct conn_books *conn_books(const struct conn *c)
{
	return &c->books;
}

size_t conn_memory(const struct conn *c)
{
	return sizeof(*c) + c->held + c->open_cnt * sizeof(struct xch) + c->proto->memory(c) +
	       (c->scout ? scout_memory(c) : 0);
}
