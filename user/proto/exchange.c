// SPDX-License-Identifier: Apache-2.0
/*
 * Exchanges of one HTTP/1 connection.
 *
 * Each direction is a struct side that pulls from its decoder one event at a time;
 * a body is drained through its pipe before the next event is asked for.
 *
 * Responses answer requests in order (RFC 9112 section 9.3).  That order is all there is
 * to pair them by, so what a gap may have swallowed matters: a response behind one is
 * given to the request that was sent last, unless the client is known to
 * pipeline; then nobody can tell and it belongs to none.
 */
#include <stdlib.h>

#include "proto/body.h"
#include "proto/exchange.h"
#include "proto/http1.h"
#include "proto/pipe.h"

#define OPEN_MAX 1024			/* exchanges of a connection at once */
#define HOLD_MAX (48 * 1024 * 1024)	/* bytes of headers and bodies of a connection */
#define ARENA_MAX (1024 * 1024)

enum { MORE = 0, EVENT = 1, AGAIN = 2 };

struct xch {
	struct exchange x;
	struct xch *next;
	size_t held;		/* of the conn's HOLD_MAX */
	bool has_request;	/* its request line came */
	bool answered;		/* its final status line came */
	bool req_over, resp_over;
	bool damaged;
	bool upgraded;		/* ends with the connection */
};

struct side {
	int dir;
	void *h1;
	struct view in;
	uint64_t ts, start_ts;	/* of this piece; of the one in which the coming message began */
	bool live;		/* bytes are what is being worked on: their time counts */
	bool eof, ended;
	bool lost;		/* since the last head: bytes are missing or made no sense */
	bool dirty;		/* the same, ever */

	/* the message */
	struct xch *cur;	/* NULL: none, or nobody's */
	struct message *msg;	/* of cur */
	bool interim;		/* 1xx */
	bool refused;		/* more than OPEN_MAX, or no memory */
	bool over;		/* its EV_END came; what is still in the pipe comes first */
	bool whole;		/* and it was in good order */

	struct pipe pipe;	/* its body */
};

struct conn {
	enum conn_role role;
	bool joined;
	bool gapped;		/* before the role was known */
	bool pipelined;
	bool refusing;		/* a request was refused: later answers can no longer be told apart */
	bool ending, close_due;
	uint64_t no, ts;
	struct side side[2];
	struct xch *open, **open_end;
	unsigned open_cnt;
	struct xch *over, **over_end;	/* to be handed out as XEV_DONE */
	struct xch *done;	/* it was */
	struct xch *upgraded;
	uint64_t idle_lost;	/* bytes of requests lost while no exchange was open */
	size_t held;
	struct conn_books books;
};

struct view message_header(const struct message *m, const char *name)
{
	struct view want = view_of(name);

	for (const struct header *h = m->headers; h; h = h->next)
		if (view_eq_nocase(h->name, want))
			return h->value;
	return VIEW_NONE;
}

static int request_dir(const struct conn *c)
{
	return c->role == CONN_SERVER ? 1 : 0;
}

static bool is_request_side(const struct conn *c, const struct side *s)
{
	return s->dir == request_dir(c);
}

/* --- birth and death --- */

static bool side_init(struct side *s, int dir, bool joined)
{
	s->dir = dir;
	s->lost = s->dirty = joined;
	s->h1 = malloc(proto_http1.state_size);
	if (!s->h1)
		return false;
	proto_http1.init(s->h1);
	if (joined)
		proto_http1.gap(s->h1, UINT64_MAX);
	return true;
}

static void side_release(struct side *s)
{
	pipe_close(&s->pipe);
	if (s->h1)
		proto_http1.fini(s->h1);
	free(s->h1);
}

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
	if (side_init(&c->side[0], 0, joined) && side_init(&c->side[1], 1, joined))
		return c;
	conn_free(c);
	return NULL;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	xch_free(c, c->done);
	xch_free_all(c, c->over);
	xch_free_all(c, c->open);
	side_release(&c->side[0]);
	side_release(&c->side[1]);
	free(c);
}

/* --- exchanges --- */

static void hold(struct conn *c, struct xch *x, size_t before, size_t after)
{
	x->held += after - before;
	c->held += after - before;
}

/* A copy in the exchange's arena, as long as the connection may hold more. */
static struct view keep(struct conn *c, struct xch *x, struct view v)
{
	size_t before = x->x.arena.used;
	struct view copy = VIEW_NONE;

	if (c->held < HOLD_MAX)
		copy = arena_copy(&x->x.arena, v);
	hold(c, x, before, x->x.arena.used);
	return copy;
}

static struct xch *xch_open(struct conn *c)
{
	struct xch *x = c->open_cnt < OPEN_MAX ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return NULL;
	x->x.no = c->no++;
	x->x.joined = c->joined;
	arena_init(&x->x.arena, ARENA_MAX);
	body_init(&x->x.req.body);
	body_init(&x->x.resp.body);
	*c->open_end = x;
	c->open_end = &x->next;
	c->open_cnt++;
	return x;
}

static void xch_unlink(struct conn *c, struct xch *x)
{
	struct xch **at = &c->open;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	if (!x->next)
		c->open_end = at;
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

static void settle(struct conn *c, struct xch *x)
{
	if (!x->req_over || !x->resp_over || x->upgraded)
		return;
	xch_unlink(c, x);
	x->x.end = how_it_ended(x);
	*c->over_end = x;
	c->over_end = &x->next;
}

/* Its response will not come, or cannot be told from others. */
static void abandon(struct conn *c, struct xch *x)
{
	x->resp_over = x->answered = x->damaged = true;
	settle(c, x);
}

static bool unanswered(const struct xch *x)
{
	return x->has_request && !x->answered;
}

static void abandon_all_but(struct conn *c, const struct xch *keep_it)
{
	struct xch *next;

	for (struct xch *x = c->open; x; x = next) {
		next = x->next;
		if (unanswered(x) && x != keep_it)
			abandon(c, x);
	}
}

/* The exchange that a final response belongs to; NULL: none. */
static struct xch *find_asker(struct conn *c, struct side *s)
{
	struct xch *first = NULL, *last = NULL;
	unsigned cnt = 0;

	for (struct xch *x = c->open; x; x = x->next) {
		if (!unanswered(x))
			continue;
		first = first ? first : x;
		last = x;
		cnt++;
	}
	if (!s->lost && cnt > 1)
		c->pipelined = true;
	if (!s->lost || cnt <= 1)
		return first;
	if (c->pipelined)
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
	struct xch *x = xch_open(c);

	if (!x)
		return NULL;
	x->req_over = c->side[0].dirty || c->side[1].dirty;
	x->x.lost_bytes = c->idle_lost;
	c->idle_lost = 0;
	return x;
}

/* --- heads --- */

static void become(struct conn *c, const struct side *s, enum http1_side side)
{
	struct side *other = &c->side[!s->dir];

	if (c->role != CONN_UNKNOWN)
		return;
	c->role = (side == HTTP1_REQUEST) == (s->dir == 0) ? CONN_CLIENT : CONN_SERVER;
	http1_be(other->h1, side == HTTP1_REQUEST ? HTTP1_RESPONSE : HTTP1_REQUEST);
}

static void begin_message(struct side *s, struct xch *x, bool request)
{
	s->cur = x;
	s->refused = !x;
	s->msg = NULL;
	if (!x)
		return;
	s->msg = request ? &x->x.req : &x->x.resp;
	s->msg->first_ts = s->start_ts;
	s->msg->last_ts = s->ts;
}

static int on_request(struct conn *c, struct side *s, const struct proto_event *pe)
{
	struct xch *x = find_awaiting(c);

	become(c, s, HTTP1_REQUEST);
	if (!x && !c->refusing)
		x = xch_open(c);
	begin_message(s, x, true);
	s->lost = false;
	c->idle_lost = 0;
	if (!x) {
		c->refusing = s->dirty = true;
		return AGAIN;
	}
	x->has_request = true;
	x->x.version = 10 + pe->num;
	x->x.method = keep(c, x, pe->name);
	x->x.target = keep(c, x, pe->value);
	return AGAIN;
}

static int on_status(struct conn *c, struct side *s, const struct proto_event *pe)
{
	struct xch *x;

	become(c, s, HTTP1_RESPONSE);
	s->interim = pe->num < 200 && pe->num != 101;
	if (s->interim)
		return AGAIN;
	x = find_asker(c, s);
	x = x ? x : orphan(c);
	begin_message(s, x, false);
	s->lost = false;
	if (!x)
		return AGAIN;
	x->answered = true;
	x->x.status = pe->num;
	if (!x->x.version)
		x->x.version = 10 + pe->num2;
	return AGAIN;
}

static int on_header(struct conn *c, struct side *s, const struct proto_event *pe)
{
	struct message *m = s->msg;
	struct header **end, *h;
	size_t before;

	if (!m || s->interim || m->header_cnt++ >= HEADERS_MAX || c->held >= HOLD_MAX)
		return AGAIN;
	before = s->cur->x.arena.used;
	h = arena_alloc(&s->cur->x.arena, sizeof(*h));
	hold(c, s->cur, before, s->cur->x.arena.used);
	if (!h)
		return AGAIN;
	h->name = keep(c, s->cur, pe->name);
	h->value = keep(c, s->cur, pe->value);
	for (end = &m->headers; *end; end = &(*end)->next)
		;
	if (h->name.p)
		*end = h;
	return AGAIN;
}

static void upgrade(struct conn *c, struct side *s)
{
	struct xch *x = s->cur;

	http1_response_opaque(s->h1);
	http1_request_opaque(c->side[!s->dir].h1);
	x->upgraded = true;
	x->x.end = XEND_UPGRADE;
	c->upgraded = x;
}

/* What the request says of the response (RFC 9112 section 6.3, cases 1 and 2). */
static void hint(struct conn *c, struct side *s)
{
	const struct exchange *e = &s->cur->x;

	if (view_eq(e->method, VIEW("HEAD")))
		http1_response_no_body(s->h1);
	if (e->status == 101 || (e->status / 100 == 2 && view_eq(e->method, VIEW("CONNECT"))))
		upgrade(c, s);
}

static int on_head(struct conn *c, struct side *s, const struct proto_event *pe, struct xev *ev)
{
	struct message *m = s->msg;

	if (!m || s->interim)
		return AGAIN;
	m->seen = true;
	m->header_cnt += pe->num;
	pipe_open(&s->pipe, m, !is_request_side(c, s));
	if (is_request_side(c, s))
		return AGAIN;
	hint(c, s);
	*ev = (struct xev){ .kind = XEV_RESPONSE, .x = &s->cur->x, .ts = s->ts };
	return EVENT;
}

/* --- bodies --- */

static int on_body(struct side *s, const struct proto_event *pe)
{
	if (s->msg && !s->interim)
		pipe_put(&s->pipe, pe->value);
	return AGAIN;
}

static int on_gap(struct side *s, const struct proto_event *pe)
{
	if (!s->msg || s->interim)
		return AGAIN;
	s->cur->damaged = true;
	pipe_gap(&s->pipe, pe->num);
	return AGAIN;
}

/* EVENT, or MORE when the pipe is empty. */
static int body_step(struct conn *c, struct side *s, struct xev *ev)
{
	struct message *m = s->msg;
	struct proto_event pe;
	size_t before;
	int r;

	if (!m || !pipe_busy(&s->pipe))
		return MORE;
	before = body_memory(&m->body);
	r = pipe_next(&s->pipe, &pe, c->held < HOLD_MAX ? HOLD_MAX - c->held : 0);
	hold(c, s->cur, before, body_memory(&m->body));
	if (!r)
		return MORE;
	if (!m->event_cnt++)
		m->first_event_ts = s->ts;
	*ev = (struct xev){
		.kind = XEV_EVENT,
		.x = &s->cur->x,
		.name = pe.name,
		.value = pe.value,
		.cut = pe.num,
		.ts = s->ts,
	};
	return EVENT;
}

/* --- ends --- */

static int on_end(struct side *s, const struct proto_event *pe)
{
	s->over = true;
	/* The end of a stream is the end of a message only where somebody saw it. */
	s->whole = pe->num == PROTO_END_OK && (!pe->num2 || s->eof);
	if (pe->num == PROTO_END_LOST) {
		s->lost = s->dirty = true;
		if (s->cur)
			s->cur->damaged = true;
	}
	return AGAIN;
}

static int end_message(struct conn *c, struct side *s, struct xev *ev)
{
	struct xch *x = s->cur;
	bool request = is_request_side(c, s);

	if (pipe_end(&s->pipe))
		return AGAIN;
	s->over = s->refused = false;
	if (!x || s->interim) {
		s->interim = false;
		return AGAIN;
	}
	s->msg->done = s->whole;
	pipe_finish(&s->pipe, s->msg, s->whole);
	pipe_close(&s->pipe);
	s->cur = NULL;
	s->msg = NULL;
	if (request)
		x->req_over = true;
	else
		x->resp_over = true;
	settle(c, x);
	*ev = (struct xev){ .kind = XEV_REQUEST, .x = &x->x, .ts = s->ts };
	return request ? EVENT : AGAIN;
}

static int on_opaque(struct conn *c, struct side *s, const struct proto_event *pe, struct xev *ev)
{
	if (c->role == CONN_UNKNOWN && !c->joined && !c->gapped) {
		c->role = CONN_OPAQUE;
		http1_request_opaque(c->side[0].h1);
		http1_request_opaque(c->side[1].h1);
	}
	c->books.decoded[s->dir] -= pe->value.n;
	c->books.opaque[s->dir] += pe->value.n;
	*ev = (struct xev){
		.kind = XEV_OPAQUE,
		.x = c->upgraded ? &c->upgraded->x : NULL,
		.value = pe->value,
		.dir = s->dir,
		.ts = s->ts,
	};
	return EVENT;
}

/* --- the pull --- */

static int take(struct conn *c, struct side *s, const struct proto_event *pe, struct xev *ev)
{
	switch (pe->kind) {
	case EV_REQUEST:
		return on_request(c, s, pe);
	case EV_STATUS:
		return on_status(c, s, pe);
	case EV_HEADER:
		return on_header(c, s, pe);
	case EV_HEADERS_END:
		return on_head(c, s, pe, ev);
	case EV_BODY:
		return on_body(s, pe);
	case EV_GAP:
		return on_gap(s, pe);
	case EV_END:
		return on_end(s, pe);
	case EV_OPAQUE:
		return on_opaque(c, s, pe, ev);
	default:
		return AGAIN;
	}
}

static void lose(struct conn *c, int dir, uint64_t n)
{
	c->books.decoded[dir] -= n;
	c->books.lost[dir] += n;
}

static int side_next(struct conn *c, struct side *s, struct xev *ev)
{
	struct proto_event pe;
	size_t had;
	int r = body_step(c, s, ev);

	if (r == EVENT)
		return r;
	if (s->over)
		return end_message(c, s, ev);
	if (s->live && http1_idle(s->h1))
		s->start_ts = s->ts;
	had = s->in.n;
	r = proto_http1.next(s->h1, &s->in, &pe);
	if (r < 0) {
		lose(c, s->dir, s->in.n);
		s->in = VIEW_NONE;
		s->over = s->cur;
		s->whole = false;
		if (s->cur)
			s->cur->damaged = true;
		return s->over ? AGAIN : MORE;
	}
	if (r)
		r = take(c, s, &pe, ev);
	if (s->msg && s->live && had > s->in.n)
		s->msg->last_ts = s->ts;
	if (s->refused && (!r || pe.kind != EV_OPAQUE))
		lose(c, s->dir, had - s->in.n);
	return r;
}

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

/* No answers will come any more, and at the end nothing at all. */
static void close_open(struct conn *c)
{
	struct xch *next;

	for (struct xch *x = c->open; x; x = next) {
		next = x->next;
		if (c->ending)
			x->req_over = x->resp_over = true;
		else if (unanswered(x))
			x->resp_over = x->answered = true;
		if (c->ending)
			x->upgraded = false;
		settle(c, x);
	}
	if (c->ending)
		c->upgraded = NULL;
	c->close_due = false;
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
		close_open(c);
	}
}

void conn_bytes(struct conn *c, int dir, struct view bytes, uint64_t ts)
{
	struct side *s = &c->side[dir];

	c->books.decoded[dir] += bytes.n;
	c->ts = s->ts = ts;
	s->live = true;
	s->in = bytes;
	if (s->ended) {
		lose(c, dir, bytes.n);
		s->in = VIEW_NONE;
	}
}

void conn_gap(struct conn *c, int dir, uint64_t n, uint64_t ts)
{
	struct side *s = &c->side[dir];
	struct xch *next;

	c->ts = s->ts = ts;
	s->live = false;
	s->dirty = true;
	c->gapped |= c->role == CONN_UNKNOWN;
	if (!s->cur)
		s->lost = true;
	if (!c->open && is_request_side(c, s))
		c->idle_lost += n;
	for (struct xch *x = c->open; x; x = next) {
		next = x->next;
		x->x.lost_bytes += n;
		if (!x->has_request && is_request_side(c, s)) {
			x->req_over = true;
			settle(c, x);
		}
	}
	proto_http1.gap(s->h1, n);
}

static void end_side(struct conn *c, struct side *s, uint64_t ts)
{
	if (s->ended)
		return;
	s->ended = true;
	s->live = false;
	c->ts = s->ts = ts;
	proto_http1.end(s->h1);
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

static size_t side_memory(const struct side *s)
{
	return proto_http1.state_size + proto_http1.memory(s->h1) + pipe_memory(&s->pipe);
}

size_t conn_memory(const struct conn *c)
{
	return sizeof(*c) + c->held + c->open_cnt * sizeof(struct xch) + side_memory(&c->side[0]) +
	       side_memory(&c->side[1]);
}
