// SPDX-License-Identifier: Apache-2.0
/*
 * Exchanges of one HTTP/2 connection: one stream, one exchange (RFC 9113 section 8.1).
 *
 * A stream is opened by the head of its request.  Records of two threads may come out
 * of order, so it may as well be the answer that opens it; then the request is waited for,
 * unless bytes of that direction are missing.  Which streams can be waited for and which
 * are over is told by their numbers: they only go up, so of those up to the last request
 * seen all that are not open have ended, except for requests that passed before
 * we looked or in a gap (unseen).
 *
 * Where headers are unknown, the body's first byte says how it is read.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "proto/conn.h"
#include "proto/h2.h"
#include "proto/tunnel.h"

#define STREAMS_MAX	1024
#define PIPES_MAX	(64 * 1024 * 1024)	/* of what bodies of a connection run through: decoders of codings have large windows */
#define CLOSED_CNT	32

enum { REQ, RESP };

struct stream {
	struct stream *next, **at;
	struct xch *xch;		/* until both are over, and the tunnel closed */
	uint32_t id;
	bool over[2];			/* the request, the response */
	bool blind[2];			/* how the body is read waits for its first byte */
	bool headless[2];		/* its head was not seen: nobody knows where the body began */
	bool torn[2];			/* nobody knows how much of it is missing: it is never whole */
	bool tunnel_over[2];
	size_t piped[2];		/* of the conn's PIPES_MAX */
	uint32_t syncs[2];		/* of its direction, when the leg was last at work */
	struct leg leg[2];
	struct tunnel *tunnels;		/* two of them, by REQ and RESP; NULL: none */
};

/* The header block that is being read. */
struct head {
	bool open;
	bool interim;
	bool trailers;
	struct stream *stream;		/* NULL: nobody's */
};

struct half {
	void *h2;
	uint64_t start_ts;		/* of the piece in which the frame began */
	uint32_t syncs;			/* how often the frames were lost */
	struct head head;
	struct stream *cur;		/* something of it is on the way: */
	int cur_leg;
	struct stream *ending;		/* both legs of it are to be ended */
	bool ending_whole;
	uint32_t refuse_above;		/* GOAWAY: streams that will not be answered */
	bool refuse_due;
	bool dead;			/* out of memory */
};

struct http2_conn {
	struct half half[2];
	struct map streams;
	struct stream *first;
	uint32_t last_request;		/* highest stream that a request opened */
	uint32_t unseen;		/* up to here requests may have passed unseen */
	uint32_t closed[CLOSED_CNT];
	unsigned closed_cnt;
	bool refusing;			/* a stream was refused */
	size_t piped;
};

static int leg_of(const struct conn *c, const struct side *s)
{
	return is_request_side(c, s) ? REQ : RESP;
}

static struct half *half_of(const struct conn *c, int leg)
{
	struct http2_conn *hc = c->own;

	return &hc->half[leg == REQ ? request_dir(c) : !request_dir(c)];
}

/* --- streams --- */

static bool was_closed(const struct http2_conn *hc, uint32_t id)
{
	for (unsigned i = 0; i < CLOSED_CNT && i < hc->closed_cnt; i++)
		if (hc->closed[i] == id)
			return true;
	return false;
}

static void close_tunnels(struct stream *st)
{
	for (int i = 0; st->tunnels && i < 2; i++)
		tunnel_close(&st->tunnels[i]);
	free(st->tunnels);
	st->tunnels = NULL;
}

static void stream_free(struct stream *st)
{
	pipe_close(&st->leg[REQ].pipe);
	pipe_close(&st->leg[RESP].pipe);
	close_tunnels(st);
	free(st);
}

static void stream_drop(struct http2_conn *hc, struct stream *st)
{
	map_del(&hc->streams, st->id);
	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	hc->piped -= st->piped[REQ] + st->piped[RESP];
	hc->closed[hc->closed_cnt++ % CLOSED_CNT] = st->id;
	for (int dir = 0; dir < 2; dir++) {
		if (hc->half[dir].head.stream == st)
			hc->half[dir].head.stream = NULL;
		if (hc->half[dir].cur == st)
			hc->half[dir].cur = NULL;
		if (hc->half[dir].ending == st)
			hc->half[dir].ending = NULL;
	}
	stream_free(st);
}

static void drop_if_over(struct http2_conn *hc, struct stream *st)
{
	if (st->over[REQ] && st->over[RESP] && !st->tunnels)
		stream_drop(hc, st);
}

static struct stream *stream_add(struct conn *c, uint32_t id, struct xch *x)
{
	struct http2_conn *hc = c->own;
	struct stream *st = x ? calloc(1, sizeof(*st)) : NULL;

	if (!st)
		return NULL;
	if (map_put(&hc->streams, id, st)) {
		free(st);
		return NULL;
	}
	st->id = id;
	st->xch = x;
	x->x.version = 20;
	st->syncs[REQ] = half_of(c, REQ)->syncs;
	st->syncs[RESP] = half_of(c, RESP)->syncs;
	st->next = hc->first;
	st->at = &hc->first;
	if (st->next)
		st->next->at = &st->next;
	hc->first = st;
	return st;
}

static struct stream *stream_open(struct conn *c, uint32_t id)
{
	struct xch *x = xch_open(c);
	struct stream *st = stream_add(c, id, x);

	if (x && !st) {		/* no memory: an exchange that nothing is known of */
		x->req_over = x->resp_over = x->damaged = true;
		xch_settle(c, x);
	}
	return st;
}

static struct stream *open_request(struct conn *c, uint32_t id)
{
	struct http2_conn *hc = c->own;
	struct stream *st;

	if (id <= hc->last_request && id > hc->unseen)
		return NULL;
	if (id > hc->last_request) {
		if (hc->unseen > hc->last_request)	/* all below this one, now that it is known */
			hc->unseen = id - 1;
		hc->last_request = id;
	}
	st = stream_open(c, id);
	if (st)
		st->xch->has_request = true;
	else
		hc->refusing = true;
	return st;
}

/* An answer, or a body, of a stream whose request was not seen. */
static struct stream *open_orphan(struct conn *c, uint32_t id)
{
	struct http2_conn *hc = c->own;
	bool unseen = id <= hc->unseen;
	struct stream *st;

	if ((id <= hc->last_request && !unseen) || (unseen && was_closed(hc, id)))
		return NULL;
	st = stream_open(c, id);
	if (st && unseen)
		st->xch->req_over = st->over[REQ] = true;
	return st;
}

/* NULL: a promised stream, one that is over, or too many. */
static struct stream *stream_of(struct conn *c, uint32_t id, bool request_head)
{
	struct http2_conn *hc = c->own;
	struct stream *st = map_get(&hc->streams, id);

	if (st || !(id & 1))
		return st;
	return request_head ? open_request(c, id) : open_orphan(c, id);
}

/* --- birth and death --- */

static void http2_free(struct conn *c)
{
	struct http2_conn *hc = c->own;
	struct stream *next;

	if (!hc)
		return;
	for (struct stream *st = hc->first; st; st = next) {
		next = st->next;
		stream_free(st);
	}
	map_release(&hc->streams);
	for (int dir = 0; dir < 2; dir++)
		h2_free(hc->half[dir].h2);
	free(hc);
	c->own = NULL;
}

int http2_conn_init(struct conn *c, void *h2[2])
{
	struct http2_conn *hc = calloc(1, sizeof(*hc));

	if (!hc)
		return -ENOMEM;
	map_init(&hc->streams, STREAMS_MAX);
	for (int dir = 0; dir < 2; dir++) {
		hc->half[dir].h2 = h2[dir];
		hc->half[dir].start_ts = c->side[dir].ts;
		if (c->role == CONN_UNKNOWN && h2_from(h2[dir]) != H2_FROM_ANY)
			c->role = (h2_from(h2[dir]) == H2_FROM_CLIENT) == (dir == 0) ? CONN_CLIENT : CONN_SERVER;
	}
	if (c->joined || c->gapped)
		hc->unseen = UINT32_MAX;
	conn_http1.free(c);
	c->own = hc;
	c->proto = &conn_http2;
	return 0;
}

/*
 * h2c (RFC 7540 section 3.2): the request that asked for it is stream 1.  The
 * 101 was no answer.
 */
void http2_conn_adopt(struct conn *c, struct xch *x)
{
	struct message *m = &x->x.resp;
	struct stream *st = stream_add(c, 1, x);
	struct http2_conn *hc = c->own;

	hc->last_request = 1;
	if (!st) {
		x->upgraded = false;
		xch_settle(c, x);
		return;
	}
	x->answered = x->resp_over = x->upgraded = false;
	x->req_over = st->over[REQ] = true;
	x->x.end = XEND_OPEN;
	x->x.status = 0;
	m->headers = NULL;
	m->header_cnt = 0;
	m->first_ts = m->last_ts = 0;
	m->seen = m->done = m->body.complete = false;
}

/* --- heads --- */

static bool is_pseudo(struct view name)
{
	return name.n && name.p[0] == ':';
}

/* Nobody can answer what was asked of the other side: what was taken for it goes. */
static void forget_streams(struct conn *c)
{
	struct http2_conn *hc = c->own;

	while (hc->first) {
		struct stream *st = hc->first;

		st->xch->req_over = st->xch->resp_over = st->xch->damaged = true;
		st->xch->upgraded = false;
		xch_settle(c, st->xch);
		stream_drop(hc, st);
	}
}

/* Who asks, when the connection's beginning was not seen. */
static void learn_role(struct conn *c, const struct side *s, struct view name)
{
	bool response = view_eq(name, VIEW(":status"));

	if (c->role != CONN_UNKNOWN || !is_pseudo(name))
		return;
	c->role = response == (s->dir == 1) ? CONN_CLIENT : CONN_SERVER;
	if (c->role == CONN_SERVER)
		forget_streams(c);
}

static void begin_leg(struct half *h, struct stream *st, int leg, const struct side *s)
{
	if (st->leg[leg].msg || st->over[leg])
		return;
	leg_begin(&st->leg[leg], st->xch, leg == REQ, h->start_ts, s->ts);
	st->syncs[leg] = h->syncs;	/* what was lost before was not its */
	if (leg == REQ)
		st->xch->has_request = true;
	else
		st->xch->answered = true;
}

/* The block's first field came, or its end. */
static void begin_head(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct head *d = &h->head;
	bool status = pe->kind == EV_HEADER && view_eq(pe->name, VIEW(":status"));
	int leg;

	if (pe->kind == EV_HEADER)
		learn_role(c, s, pe->name);
	leg = leg_of(c, s);
	*d = (struct head){ .open = true, .stream = stream_of(c, pe->stream, leg == REQ) };
	if (!d->stream)
		return;
	if (d->stream->over[leg]) {
		d->stream = NULL;
		return;
	}
	d->trailers = d->stream->leg[leg].msg;
	d->interim = status && !d->trailers && pe->value.n == 3 && pe->value.p[0] == '1';
	if (!d->interim)
		begin_leg(h, d->stream, leg, s);
}

static unsigned status_of(struct view v)
{
	unsigned n = 0;

	if (v.n != 3)
		return 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return 0;
		n = n * 10 + (v.p[i] - '0');
	}
	return n;
}

/* What HTTP/1 says in its first line.  False: it is kept as a header. */
static bool first_line(struct conn *c, struct xch *x, int leg, struct view name, struct view value)
{
	if (leg == RESP && view_eq(name, VIEW(":status")))
		x->x.status = status_of(value);
	else if (leg == REQ && view_eq(name, VIEW(":method")))
		x->x.method = xch_keep(c, x, value);
	else if (leg == REQ && view_eq(name, VIEW(":path")))
		x->x.target = xch_keep(c, x, value);
	else
		return false;
	return true;
}

static int on_header(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct head *d = &h->head;
	int leg;

	if (!d->open)
		begin_head(c, s, h, pe);
	leg = leg_of(c, s);
	if (!d->stream || d->interim)
		return AGAIN;
	if (d->trailers || !first_line(c, d->stream->xch, leg, pe->name, pe->value))
		leg_header(c, &d->stream->leg[leg], pe->name, pe->value);
	return AGAIN;
}

/* The bytes behind it are another protocol's (RFC 9113 section 8.5, RFC 8441). */
static bool opens_tunnel(const struct exchange *x)
{
	return view_eq(x->method, VIEW("CONNECT")) && x->status / 100 == 2;
}

static void open_tunnel(struct conn *c, struct half *h, struct stream *st)
{
	int asks = request_dir(c);

	st->tunnels = calloc(2, sizeof(*st->tunnels));
	if (!st->tunnels)
		return;
	st->xch->upgraded = true;
	st->xch->x.end = XEND_UPGRADE;
	tunnel_open(&st->tunnels[REQ], st->xch, asks, true);
	tunnel_open(&st->tunnels[RESP], st->xch, !asks, false);
	h->ending = st;
	h->ending_whole = true;
}

static int on_head(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe, struct xev *ev)
{
	struct head d;
	struct stream *st;
	int leg;

	if (!h->head.open)
		begin_head(c, s, h, pe);
	d = h->head;
	st = d.stream;
	h->head = (struct head){ 0 };
	leg = leg_of(c, s);
	if (!st || d.interim)
		return AGAIN;
	st->xch->damaged |= pe->num2;
	if (d.trailers) {
		st->leg[leg].msg->header_cnt += pe->num;
		return AGAIN;
	}
	st->blind[leg] = (pe->num || pe->num2) && !message_header(st->leg[leg].msg, "content-type").n;
	if (st->blind[leg])
		leg_head_blind(&st->leg[leg], pe->num);
	else
		leg_head(&st->leg[leg], pe->num);
	if (leg == REQ)
		return AGAIN;
	if (opens_tunnel(&st->xch->x))
		open_tunnel(c, h, st);
	*ev = (struct xev){ .kind = XEV_RESPONSE, .x = &st->xch->x, .ts = s->ts };
	return EVENT;
}

/* --- bodies --- */

/* Frames were lost since the leg was last at work: some may have been its. */
static void catch_up(struct half *h, struct stream *st, int leg)
{
	if (st->syncs[leg] == h->syncs)
		return;
	st->syncs[leg] = h->syncs;
	st->torn[leg] = true;
	leg_gap(&st->leg[leg], UINT64_MAX);
}

/* What a DATA frame or the end of a stream belongs to; NULL: nothing. */
static struct stream *working(struct conn *c, struct side *s, struct half *h, uint32_t id)
{
	struct stream *st = stream_of(c, id, false);
	int leg = leg_of(c, s);

	if (!st || (st->over[leg] && !st->tunnels))
		return NULL;
	h->cur = st;
	h->cur_leg = leg;
	if (st->tunnels)
		return st;
	if (!st->leg[leg].msg) {	/* its head was not seen */
		begin_leg(h, st, leg, s);
		st->xch->damaged = st->blind[leg] = st->headless[leg] = st->torn[leg] = true;
	}
	catch_up(h, st, leg);
	return st;
}

static int on_body(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct http2_conn *hc = c->own;
	struct stream *st = working(c, s, h, pe->stream);
	int leg = h->cur_leg;

	if (!st) {
		if (hc->refusing)
			conn_lose(c, s->dir, pe->value.n);
		return AGAIN;
	}
	if (st->tunnels) {
		tunnel_put(&st->tunnels[leg], pe->value);
		return AGAIN;
	}
	if (st->blind[leg])
		leg_guess(&st->leg[leg], pe->value.p[0], !st->headless[leg]);
	st->blind[leg] = false;
	leg_put(&st->leg[leg], pe->value);
	return AGAIN;
}

static int on_gap(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct http2_conn *hc = c->own;
	struct stream *st;

	if (!pe->stream) {
		h->syncs++;
		h->head = (struct head){ 0 };
		hc->unseen = UINT32_MAX;
		return AGAIN;
	}
	st = working(c, s, h, pe->stream);
	if (!st)
		return AGAIN;
	if (st->tunnels)
		tunnel_gap(&st->tunnels[h->cur_leg], pe->num);
	else
		leg_gap(&st->leg[h->cur_leg], pe->num);
	st->torn[h->cur_leg] |= pe->num == UINT64_MAX;
	return AGAIN;
}

/* --- ends --- */

static int on_end(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	struct stream *st = working(c, s, h, pe->stream);
	int leg = h->cur_leg;

	if (!st)
		return AGAIN;
	if (st->tunnels) {
		tunnel_end(&st->tunnels[leg]);
		st->tunnel_over[leg] = true;
		return AGAIN;
	}
	st->leg[leg].over = true;
	st->leg[leg].whole = !st->torn[leg];
	return AGAIN;
}

static int on_reset(struct conn *c, struct half *h, const struct proto_event *pe)
{
	struct http2_conn *hc = c->own;
	struct stream *st = map_get(&hc->streams, pe->stream);

	h->ending = st;
	h->ending_whole = false;
	return AGAIN;
}

static int on_goaway(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe)
{
	if (is_request_side(c, s) || (h->refuse_above && pe->num2 >= h->refuse_above))
		return AGAIN;
	h->refuse_above = pe->num2 + 1;
	h->refuse_due = true;
	return AGAIN;
}

/* The next stream that a GOAWAY ends. */
static bool refuse(struct http2_conn *hc, struct half *h)
{
	for (struct stream *st = hc->first; st; st = st->next) {
		if (st->id < h->refuse_above || st->over[RESP])
			continue;
		h->ending = st;
		h->ending_whole = false;
		return true;
	}
	return h->refuse_due = false;
}

static void end_tunnels(struct conn *c, struct stream *st)
{
	struct http2_conn *hc = c->own;
	struct xch *x = st->xch;

	close_tunnels(st);
	x->upgraded = false;
	xch_settle(c, x);
	drop_if_over(hc, st);
}

/* A leg that was never begun: nothing of its message came. */
static void end_unbegun(struct conn *c, struct stream *st, int leg)
{
	struct http2_conn *hc = c->own;
	struct xch *x = st->xch;

	st->over[leg] = true;
	if (leg == REQ)
		x->req_over = true;
	else
		x->resp_over = x->answered = true;
	xch_settle(c, x);
	drop_if_over(hc, st);
}

/* One leg of a stream that is over for both sides. */
static int end_stream(struct conn *c, struct half *h)
{
	struct stream *st = h->ending;
	int leg = st->over[REQ] ? RESP : REQ;

	if (st->over[leg]) {
		h->ending = NULL;
		if (!h->ending_whole && st->tunnels)
			end_tunnels(c, st);
		return AGAIN;
	}
	if (!st->leg[leg].msg) {
		end_unbegun(c, st, leg);
		return AGAIN;
	}
	st->leg[leg].over = true;
	st->leg[leg].whole = h->ending_whole && !st->torn[leg];
	h->cur = st;
	h->cur_leg = leg;
	return AGAIN;
}

/* The direction is over: what is still open in it.  False: nothing. */
static bool end_open(struct conn *c, struct side *s, struct half *h)
{
	struct http2_conn *hc = c->own;
	int leg = leg_of(c, s);

	for (struct stream *st = hc->first; st; st = st->next) {
		if (st->leg[leg].msg) {
			st->leg[leg].over = true;
			st->leg[leg].whole = false;
		} else if (st->tunnels && !st->tunnel_over[leg]) {
			tunnel_end(&st->tunnels[leg]);
			st->tunnel_over[leg] = true;
		} else {
			continue;
		}
		h->cur = st;
		h->cur_leg = leg;
		return true;
	}
	return false;
}

/* Clients that count hang up before the frame that ends the stream; Content-Length says as much (RFC 9113 section 8.1.1). */
static bool all_came(const struct stream *st, int leg)
{
	const struct message *m = st->leg[leg].msg;
	struct view v = m ? message_header(m, "content-length") : VIEW_NONE;
	uint64_t n = 0;

	if (!v.n || v.n > 18 || st->torn[leg] || st->blind[leg] || st->xch->damaged || m->body.lost)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	return n == m->body.coded;
}

static int finish_leg(struct conn *c, struct side *s, struct half *h, struct xev *ev)
{
	struct http2_conn *hc = c->own;
	struct stream *st = h->cur;
	struct leg *l = &st->leg[h->cur_leg];
	int r;

	l->whole = l->whole || all_came(st, h->cur_leg);
	r = leg_end(c, l, s->ts, ev);
	if (l->over)
		return r;
	st->over[h->cur_leg] = true;
	h->cur = NULL;
	hc->piped -= st->piped[h->cur_leg];
	st->piped[h->cur_leg] = 0;
	drop_if_over(hc, st);
	return r;
}

/* --- the pull --- */

/* A piece of a body is through. */
static void weigh(struct http2_conn *hc, struct stream *st, int leg)
{
	struct leg *l = &st->leg[leg];
	size_t n;

	pipe_rest(&l->pipe);
	n = pipe_memory(&l->pipe);
	hc->piped += n - st->piped[leg];
	st->piped[leg] = n;
	if (hc->piped <= PIPES_MAX || !l->pipe.msg)
		return;
	leg_refuse(l, "too many coded bodies at once");
	hc->piped -= n;
	st->piped[leg] = 0;
}

/* What is on the way of the stream at work. */
static int work(struct conn *c, struct side *s, struct half *h, struct xev *ev)
{
	struct stream *st = h->cur;
	struct leg *l = &st->leg[h->cur_leg];
	int r = leg_step(c, l, s->ts, ev);

	if (r == MORE && l->over)
		return finish_leg(c, s, h, ev);
	if (r == MORE && st->tunnels)
		r = tunnel_next(c, &st->tunnels[h->cur_leg], s, ev);
	if (r != MORE)
		return r;
	h->cur = NULL;
	weigh(c->own, st, h->cur_leg);
	if (st->tunnels && st->tunnel_over[REQ] && st->tunnel_over[RESP])
		end_tunnels(c, st);
	return AGAIN;
}

static int take(struct conn *c, struct side *s, struct half *h, const struct proto_event *pe, struct xev *ev)
{
	switch (pe->kind) {
	case EV_HEADER:
		return on_header(c, s, h, pe);
	case EV_HEADERS_END:
		return on_head(c, s, h, pe, ev);
	case EV_BODY:
		return on_body(c, s, h, pe);
	case EV_GAP:
		return on_gap(c, s, h, pe);
	case EV_END:
		return on_end(c, s, h, pe);
	case EV_RESET:
		return on_reset(c, h, pe);
	case EV_GOAWAY:
		return on_goaway(c, s, h, pe);
	case EV_OPAQUE:
		return conn_opaque(c, NULL, s, pe->value, ev);
	default:
		return AGAIN;
	}
}

static void note_time(struct conn *c, const struct side *s, const struct half *h, uint32_t id)
{
	struct http2_conn *hc = c->own;
	struct stream *st = id ? map_get(&hc->streams, id) : NULL;
	struct message *m = st ? st->leg[leg_of(c, s)].msg : NULL;

	if (m && s->live)
		m->last_ts = s->ts;
}

int http2_conn_take(struct conn *c, struct side *s, const struct proto_event *pe, struct xev *ev)
{
	struct http2_conn *hc = c->own;
	struct half *h = &hc->half[s->dir];
	int r = take(c, s, h, pe, ev);

	note_time(c, s, h, pe->stream);
	return r;
}

static int give_up(struct conn *c, struct side *s, struct half *h)
{
	conn_lose(c, s->dir, s->in.n);
	s->in = VIEW_NONE;
	h->dead = true;
	return end_open(c, s, h) ? AGAIN : MORE;
}

static int http2_next(struct conn *c, struct side *s, struct xev *ev)
{
	struct http2_conn *hc = c->own;
	struct half *h = &hc->half[s->dir];
	struct proto_event pe;
	int r;

	if (h->cur)
		return work(c, s, h, ev);
	if (h->ending)
		return end_stream(c, h);
	if (h->refuse_due && refuse(hc, h))
		return AGAIN;
	if (s->live && h2_idle(h->h2))
		h->start_ts = s->ts;
	r = h->dead ? -ENOMEM : proto_http2.next(h->h2, &s->in, &pe);
	if (r < 0)
		return give_up(c, s, h);
	if (r)
		return http2_conn_take(c, s, &pe, ev);
	return s->ended && end_open(c, s, h) ? AGAIN : MORE;
}

static void http2_gap(struct conn *c, struct side *s, uint64_t n)
{
	struct http2_conn *hc = c->own;

	for (struct xch *x = c->open; x; x = x->next)
		x->x.lost_bytes += n;
	proto_http2.gap(hc->half[s->dir].h2, n);
}

static void http2_end(struct conn *c, struct side *s)
{
	struct http2_conn *hc = c->own;

	proto_http2.end(hc->half[s->dir].h2);
}

static void http2_close(struct conn *c)
{
	struct http2_conn *hc = c->own;
	struct stream *next;

	for (struct stream *st = hc->first; st; st = next) {
		next = st->next;
		if (c->ending) {
			st->xch->req_over = st->xch->resp_over = true;
			st->xch->upgraded = false;
			xch_settle(c, st->xch);
			stream_drop(hc, st);
		} else if (!st->over[RESP] && !st->leg[RESP].msg) {
			end_unbegun(c, st, RESP);
		}
	}
}

static size_t http2_memory(const struct conn *c)
{
	const struct http2_conn *hc = c->own;
	size_t n = sizeof(*hc) + hc->streams.cap * 16;

	for (int dir = 0; dir < 2; dir++)
		n += proto_http2.state_size + proto_http2.memory(hc->half[dir].h2);
	for (const struct stream *st = hc->first; st; st = st->next) {
		n += sizeof(*st) + pipe_memory(&st->leg[REQ].pipe) + pipe_memory(&st->leg[RESP].pipe);
		for (int i = 0; st->tunnels && i < 2; i++)
			n += sizeof(st->tunnels[i]) + tunnel_memory(&st->tunnels[i]);
	}
	return n;
}

const struct conn_proto conn_http2 = {
	.next = http2_next,
	.gap = http2_gap,
	.end = http2_end,
	.close = http2_close,
	.free = http2_free,
	.memory = http2_memory,
};
