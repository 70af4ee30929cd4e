// SPDX-License-Identifier: Apache-2.0
/*
 * Exchanges of one HTTP/1 connection.
 *
 * Responses answer requests in order (RFC 9112 section 9.3).  That order is all there is
 * to pair them by, so what a gap may have swallowed matters: a response behind one is
 * given to the request that was sent last, unless the client is known to
 * pipeline; then nobody can tell and it belongs to none.
 */
#include <errno.h>
#include <stdlib.h>

#include "proto/conn.h"
#include "proto/h2.h"
#include "proto/http1.h"
#include "proto/tunnel.h"

struct half {
	void *h1;
	uint64_t start_ts;	/* of the piece in which the coming message began */
	bool lost;		/* since the last head: bytes are missing or made no sense */
	bool dirty;		/* the same, ever */
	bool refused;		/* its message: too many exchanges are open, or no memory */
	struct leg leg;
	struct tunnel tunnel;
};

struct http1_conn {
	struct half half[2];
	bool pipelined;
	bool refusing;		/* a request was refused: later answers can no longer be told apart */
	struct xch *h2c;	/* asked for HTTP/2, and got it */
	uint64_t idle_lost;	/* bytes of requests lost while no exchange was open */
};

/* --- birth and death --- */

static bool half_init(struct half *h, bool joined)
{
	h->lost = h->dirty = joined;
	h->h1 = malloc(proto_http1.state_size);
	if (!h->h1)
		return false;
	proto_http1.init(h->h1);
	if (joined)
		proto_http1.gap(h->h1, UINT64_MAX);
	return true;
}

static void half_release(struct half *h)
{
	pipe_close(&h->leg.pipe);
	tunnel_close(&h->tunnel);
	if (h->h1)
		proto_http1.fini(h->h1);
	free(h->h1);
}

int http1_conn_init(struct conn *c)
{
	struct http1_conn *hc = calloc(1, sizeof(*hc));

	c->own = hc;
	if (hc && half_init(&hc->half[0], c->joined) && half_init(&hc->half[1], c->joined))
		return 0;
	return -ENOMEM;
}

static void http1_free(struct conn *c)
{
	struct http1_conn *hc = c->own;

	if (!hc)
		return;
	half_release(&hc->half[0]);
	half_release(&hc->half[1]);
	free(hc);
	c->own = NULL;
}

/* --- whose answer --- */

static void abandon_all_but(struct conn *c, const struct xch *keep_it)
{
	struct xch *next;

	for (struct xch *x = c->open; x; x = next) {
		next = x->next;
		if (xch_unanswered(x) && x != keep_it)
			xch_abandon(c, x);
	}
}

/* The exchange that a final response belongs to; NULL: none. */
static struct xch *find_asker(struct conn *c, bool lost)
{
	struct http1_conn *hc = c->own;
	struct xch *first = NULL, *last = NULL;
	unsigned cnt = 0;

	for (struct xch *x = c->open; x; x = x->next) {
		if (!xch_unanswered(x))
			continue;
		first = first ? first : x;
		last = x;
		cnt++;
	}
	if (!lost && cnt > 1)
		hc->pipelined = true;
	if (!lost || cnt <= 1)
		return first;
	if (hc->pipelined)
		last = NULL;
	abandon_all_but(c, last);
	return last;
}

/* A response came first: records of two threads may arrive out of order, as long as nothing was lost. */
static struct xch *find_awaiting(struct conn *c)
{
	for (struct xch *x = c->open; x; x = x->next)
		if (!x->has_request && !x->req_over)
			return x;
	return NULL;
}

static struct xch *orphan(struct conn *c)
{
	struct http1_conn *hc = c->own;
	struct xch *x = xch_open(c);

	if (!x)
		return NULL;
	x->req_over = hc->half[0].dirty || hc->half[1].dirty;
	x->x.lost_bytes = hc->idle_lost;
	hc->idle_lost = 0;
	return x;
}

/* --- heads --- */

static void become(struct conn *c, const struct side *s, enum http1_side side)
{
	struct http1_conn *hc = c->own;

	if (c->role != CONN_UNKNOWN)
		return;
	c->role = (side == HTTP1_REQUEST) == (s->dir == 0) ? CONN_CLIENT : CONN_SERVER;
	http1_be(hc->half[!s->dir].h1, side == HTTP1_REQUEST ? HTTP1_RESPONSE : HTTP1_REQUEST);
}

static void begin_message(struct half *h, const struct side *s, struct xch *x, bool request)
{
	h->refused = !x;
	h->lost = false;
	leg_begin(&h->leg, x, request, h->start_ts, s->ts);
}

static int on_request(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct http1_conn *hc = c->own;
	struct xch *x = find_awaiting(c);

	become(c, s, HTTP1_REQUEST);
	if (!x && !hc->refusing)
		x = xch_open(c);
	begin_message(h, s, x, true);
	hc->idle_lost = 0;
	if (!x) {
		hc->refusing = h->dirty = true;
		return AGAIN;
	}
	x->has_request = true;
	x->x.version = 10 + pe->num;
	x->x.method = xch_keep(c, x, pe->name);
	x->x.target = xch_keep(c, x, pe->value);
	return AGAIN;
}

static int on_status(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct xch *x;

	become(c, s, HTTP1_RESPONSE);
	h->leg.interim = pe->num < 200 && pe->num != 101;
	if (h->leg.interim)
		return AGAIN;
	x = find_asker(c, h->lost);
	x = x ? x : orphan(c);
	begin_message(h, s, x, false);
	if (!x)
		return AGAIN;
	x->answered = true;
	x->x.status = pe->num;
	if (!x->x.version)
		x->x.version = 10 + pe->num2;
	return AGAIN;
}

/* RFC 7540 section 3.2; HTTP/2 takes over when both messages are through. */
static bool is_h2c(const struct exchange *x)
{
	return x->status == 101 && view_eq_nocase(message_header(&x->resp, "upgrade"), VIEW("h2c"));
}

static int become_http2(struct conn *c)
{
	struct http1_conn *hc = c->own;
	struct xch *x = hc->h2c;
	void *h2[2] = { h2_new(), h2_new() };

	hc->h2c = NULL;
	if (!h2[0] || !h2[1] || http2_conn_init(c, h2)) {
		h2_free(h2[0]);
		h2_free(h2[1]);
		return AGAIN;
	}
	http2_conn_adopt(c, x);
	return AGAIN;
}

static void upgrade(struct conn *c, struct side *s, struct xch *x)
{
	struct http1_conn *hc = c->own;

	hc->h2c = is_h2c(&x->x) ? x : NULL;
	http1_response_opaque(hc->half[s->dir].h1);
	http1_request_opaque(hc->half[!s->dir].h1);
	x->upgraded = true;
	x->x.end = XEND_UPGRADE;
	for (int dir = 0; dir < 2; dir++)
		tunnel_open(&hc->half[dir].tunnel, x, dir, dir != s->dir);
}

/* What the request says of the response (RFC 9112 section 6.3, cases 1 and 2). */
static void hint(struct conn *c, struct side *s, struct half *h)
{
	const struct exchange *e = &h->leg.xch->x;

	if (view_eq(e->method, VIEW("HEAD")))
		http1_response_no_body(h->h1);
	if (e->status == 101 || (e->status / 100 == 2 && view_eq(e->method, VIEW("CONNECT"))))
		upgrade(c, s, h->leg.xch);
}

static int on_head(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe,
		   struct xev *ev)
{
	struct leg *l = &h->leg;

	if (!l->msg || l->interim)
		return AGAIN;
	leg_head(l, pe->num);
	if (l->request)
		return AGAIN;
	hint(c, s, h);
	if (is_h2c(&l->xch->x))
		return AGAIN;
	*ev = (struct xev){ .kind = XEV_RESPONSE, .x = &l->xch->x, .ts = s->ts };
	return EVENT;
}

/* --- bodies and ends --- */

static int on_end(struct side *s, struct half *h, const struct proto_event *pe)
{
	h->leg.over = true;
	/* The end of a stream is the end of a message only where somebody saw it. */
	h->leg.whole = pe->num == PROTO_END_OK && (!pe->num2 || s->eof);
	if (pe->num == PROTO_END_LOST) {
		h->lost = h->dirty = true;
		if (h->leg.xch)
			h->leg.xch->damaged = true;
	}
	return AGAIN;
}

static int on_opaque(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe,
		     struct xev *ev)
{
	struct http1_conn *hc = c->own;

	if (h->tunnel.xch) {
		tunnel_put(&h->tunnel, pe->value);
		return AGAIN;
	}
	if (c->role == CONN_UNKNOWN && !c->joined && !c->gapped) {
		c->role = CONN_OPAQUE;
		http1_request_opaque(hc->half[0].h1);
		http1_request_opaque(hc->half[1].h1);
	}
	return conn_opaque(c, NULL, s, pe->value, ev);
}

/* --- the pull --- */

static int take(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe,
		struct xev *ev)
{
	switch (pe->kind) {
	case EV_REQUEST:
		return on_request(c, s, h, pe);
	case EV_STATUS:
		return on_status(c, s, h, pe);
	case EV_HEADER:
		leg_header(c, &h->leg, pe->name, pe->value);
		return AGAIN;
	case EV_HEADERS_END:
		return on_head(c, s, h, pe, ev);
	case EV_BODY:
		leg_put(&h->leg, pe->value);
		return AGAIN;
	case EV_GAP:
		leg_gap(&h->leg, pe->num);
		return AGAIN;
	case EV_END:
		return on_end(s, h, pe);
	case EV_OPAQUE:
		return on_opaque(c, s, h, pe, ev);
	default:
		return AGAIN;
	}
}

/* Its decoder has no memory. */
static int give_up(struct conn *c, struct side *s, struct half *h)
{
	conn_lose(c, s->dir, s->in.n);
	s->in = VIEW_NONE;
	h->leg.over = h->leg.xch;
	h->leg.whole = false;
	if (h->leg.xch)
		h->leg.xch->damaged = true;
	return h->leg.over ? AGAIN : MORE;
}

static int end_message(struct conn *c, struct side *s, struct half *h, struct xev *ev)
{
	int r = leg_end(c, &h->leg, s->ts, ev);

	if (!h->leg.over)
		h->refused = false;
	return r;
}

static int http1_next(struct conn *c, struct side *s, struct xev *ev)
{
	struct http1_conn *hc = c->own;
	struct half *h = &hc->half[s->dir];
	struct proto_event pe;
	size_t had;
	int r = leg_step(c, &h->leg, s->ts, ev);

	if (r == MORE)
		r = tunnel_next(c, &h->tunnel, s, ev);
	if (r == EVENT)
		return r;
	if (h->leg.over)
		return end_message(c, s, h, ev);
	if (hc->h2c && !hc->half[0].leg.msg && !hc->half[1].leg.msg)
		return become_http2(c);
	if (s->live && http1_idle(h->h1))
		h->start_ts = s->ts;
	had = s->in.n;
	r = proto_http1.next(h->h1, &s->in, &pe);
	if (r < 0)
		return give_up(c, s, h);
	if (r)
		r = take(c, s, h, &pe, ev);
	if (h->leg.msg && s->live && had > s->in.n)
		h->leg.msg->last_ts = s->ts;
	if (h->refused && (!r || pe.kind != EV_OPAQUE))
		conn_lose(c, s->dir, had - s->in.n);
	return r;
}

static void http1_gap(struct conn *c, struct side *s, uint64_t n)
{
	struct http1_conn *hc = c->own;
	struct half *h = &hc->half[s->dir];
	struct xch *next;

	h->dirty = true;
	c->gapped |= c->role == CONN_UNKNOWN;
	if (!h->leg.xch)
		h->lost = true;
	if (!c->open && is_request_side(c, s))
		hc->idle_lost += n;
	for (struct xch *x = c->open; x; x = next) {
		next = x->next;
		x->x.lost_bytes += n;
		if (!x->has_request && is_request_side(c, s)) {
			x->req_over = true;
			xch_settle(c, x);
		}
	}
	if (h->tunnel.xch)
		tunnel_gap(&h->tunnel, n);
	proto_http1.gap(h->h1, n);
}

static void http1_end(struct conn *c, struct side *s)
{
	struct http1_conn *hc = c->own;
	struct half *h = &hc->half[s->dir];

	if (h->tunnel.xch)
		tunnel_end(&h->tunnel);
	proto_http1.end(h->h1);
}

static void http1_close(struct conn *c)
{
	struct http1_conn *hc = c->own;
	struct xch *next;

	for (struct xch *x = c->open; x; x = next) {
		next = x->next;
		if (c->ending)
			x->req_over = x->resp_over = true;
		else if (xch_unanswered(x))
			x->resp_over = x->answered = true;
		if (c->ending)
			x->upgraded = false;
		xch_settle(c, x);
	}
	for (int dir = 0; c->ending && dir < 2; dir++)
		tunnel_close(&hc->half[dir].tunnel);
}

static size_t half_memory(const struct half *h)
{
	return proto_http1.state_size + proto_http1.memory(h->h1) + pipe_memory(&h->leg.pipe) +
	       tunnel_memory(&h->tunnel);
}

static size_t http1_memory(const struct conn *c)
{
	const struct http1_conn *hc = c->own;

	return sizeof(*hc) + half_memory(&hc->half[0]) + half_memory(&hc->half[1]);
}

const struct conn_proto conn_http1 = {
	.next = http1_next,
	.gap = http1_gap,
	.end = http1_end,
	.close = http1_close,
	.free = http1_free,
	.memory = http1_memory,
};
