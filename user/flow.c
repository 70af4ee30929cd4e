// SPDX-License-Identifier: Apache-2.0
/*
 * The whole way of the data, in order.  The rooms do not know each other; this
 * is the only file that calls them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow.h"
#include "a2a/a2a.h"
#include "cover/interest.h"
#include "genai/genai.h"
#include "genai/hosts.h"
#include "genai/session.h"
#include "mcp/mcp.h"
#include "proto/exchange.h"
#include "sink/compat.h"

#define STREAMS_MAX	(64 * 1024)
#define RPC_HEAD	256
#define REQUEST_WEIGHT	(BODY_HEAD_MAX / INTEREST_STREAM)
#define OPAQUE_ENOUGH	(64 * 1024)	/* bytes of no known protocol after which the rest is not wanted */
#define OPAQUE_TURNS	4		/* of a connection that was joined: it may speak HTTP all the same */

struct flow {
	struct flow_config config;
	struct flow_stats stats;
	struct wire_stats kernel;
	struct streams *streams;
	struct cover *cover;
	struct mcp *mcp;
	struct a2a *a2a;
	struct trace *trace;
	struct interest_all undecided;
	bool choosy;			/* WIRE_MODE_WATCH_ALL */
	struct guard guard;
	struct sink *sinks[FLOW_SINKS_MAX];
	bool broken[FLOW_SINKS_MAX];
	char sink_error[160];
};

/* What flow keeps of a stream: its connection, and who talks. */
struct talk {
	struct conn *conn;
	uint64_t opaque;
	struct interest interest[2];	/* what each direction took */
	bool wanted;
	unsigned turns;			/* how often it was let go of for being of no known protocol */
};

/* What flow keeps of an exchange: the model call it may be, and who made it. */
struct asked {
	struct gen_call *call;
	struct gen_session *session;	/* of calls inside what it was upgraded to */
	struct a2a_call *a2a;
	bool mcp;
	bool card;			/* or another exchange of A2A that is over */
	bool asking;			/* trace was told that it waits for an answer */
	uint32_t pid;
	uint64_t start;
};

struct flow *flow_new(const struct flow_config *c)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->config = *c;
	f->guard.content = c->content;
	f->streams = streams_new(STREAMS_MAX);
	f->cover = cover_new();
	f->mcp = mcp_new(c->content);
	f->a2a = a2a_new(c->content);
	f->trace = trace_new(&c->trace);
	if (f->streams && f->cover && f->mcp && f->a2a && f->trace)
		return f;
	flow_free(f);
	return NULL;
}

/* Spans that began and whose call never ended are ours. */
static void free_mcp(struct flow *f)
{
	struct mcp_event e;

	if (!f->mcp)
		return;
	mcp_finish(f->mcp, 0);
	while (mcp_next(f->mcp, &e)) {
		if (!e.over)
			continue;
		span_free(e.call->user);
		mcp_call_free(e.call);
	}
	mcp_free(f->mcp);
}

void flow_free(struct flow *f)
{
	if (!f)
		return;
	streams_free(f->streams);
	cover_free(f->cover);
	free_mcp(f);
	a2a_free(f->a2a);
	trace_free(f->trace);
	free(f);
}

int flow_add_sink(struct flow *f, struct sink *s)
{
	for (size_t i = 0; i < FLOW_SINKS_MAX; i++) {
		if (f->sinks[i])
			continue;
		f->sinks[i] = s;
		return 0;
	}
	return -E2BIG;
}

/* trace -> guard -> metric and sinks */
static void deliver(struct flow *f)
{
	struct span *s;
	int err;

	while ((s = trace_next(f->trace))) {
		guard_apply(&f->guard, s);
		if (f->config.metrics)
			metrics_span(f->config.metrics, s);
		compat_apply(f->config.compat, s);
		for (size_t i = 0; i < FLOW_SINKS_MAX && f->sinks[i]; i++) {
			if (f->broken[i]) {
				sink_skip(f->sinks[i]);
				continue;
			}
			err = sink_put(f->sinks[i], s);
			if (!err)
				continue;
			f->broken[i] = true;
			snprintf(f->sink_error, sizeof(f->sink_error), "%s: %s; going on without it",
				 f->sinks[i]->type->name, strerror(-err));
		}
		span_free(s);
	}
}

static struct asked *asked_of(struct exchange *x, const struct piece *p)
{
	struct asked *a = x->user;

	if (!a) {
		a = x->user = calloc(1, sizeof(*a));
		if (a) {
			a->pid = p->pid;
			a->start = p->start;
		}
	}
	return a;
}

/* genai -> trace */
static void on_done(struct flow *f, const struct piece *p, const struct xev *ev, struct asked *a)
{
	f->stats.exchanges++;
	if (!a->call) {
		f->stats.other_exchanges += !a->mcp && !a->card;
		f->stats.mcp_exchanges += a->mcp;
		f->stats.a2a_exchanges += a->card;
		return;
	}
	gen_finish(a->call, ev->x);
	if (a->asking)
		trace_asking(f->trace, a->pid, a->start, false);
	if (a->call->not_inference)
		f->stats.other_exchanges++;
	else
		trace_call(f->trace, a->call, ev->x, p->stream, a->pid, a->start, ev->ts);
	gen_free(a->call);
	a->call = NULL;
}

/* A JSON-RPC message names its version in the first members: MCP over HTTP. */
static bool is_rpc(const struct exchange *x)
{
	struct view head = view_take(buf_view(&x->req.body.head), RPC_HEAD);

	return head.n && memmem(head.p, head.n, "\"jsonrpc\"", 9);
}

/* Who speaks to a model is an agent; its connection, and one to a model's host or a tool's, is wanted. */
static void on_decided(struct flow *f, const struct piece *p, const struct exchange *x, const struct asked *a)
{
	struct talk *t = p->stream->user;
	bool model = a->session || (a->call && !a->call->not_inference);

	if (!f->choosy)
		return;
	t->wanted |= model || hosts_provider(x) || is_rpc(x);
	if (!model || trace_is_agent(f->trace, a->pid, a->start))
		return;
	trace_agent(f->trace, a->pid, a->start);
	if (f->config.agent)
		f->config.agent(f->config.ignore_arg, a->pid, a->start);
}

static void turns(struct flow *f, const struct piece *p, const struct xev *ev, struct asked *a)
{
	struct gen_turn *t;

	while ((t = gen_session_next(a->session))) {
		if (!t->call->not_inference)
			trace_call(f->trace, t->call, &t->x, p->stream, a->pid, a->start, ev->ts);
		gen_turn_free(t);
	}
}

/* mcp -> trace.  p, x: what carried it; NULL: observation ends */
static void mcp_calls(struct flow *f, const struct piece *p, const struct exchange *x)
{
	struct mcp_event e;

	while (mcp_next(f->mcp, &e)) {
		if (!e.over) {
			e.call->user = trace_mcp_begin(f->trace, e.call, x, p ? p->stream : NULL);
			continue;
		}
		if (e.call->user)
			trace_mcp_end(f->trace, e.call->user, e.call);
		mcp_call_free(e.call);
	}
}

/* The same for both of its ends; 0: not known. */
static uint64_t connection(const struct stream *s, bool serves)
{
	const struct sock *k = s->sock;
	uint64_t h = 0xcbf29ce484222325;

	if (!k)
		return 0;
	for (int end = 0; end < 2; end++) {
		bool local = serves == (end == 1);
		const uint8_t *a = local ? k->laddr : k->raddr;
		uint16_t port = local ? k->lport : k->rport;

		for (int i = 0; i < 16; i++)
			h = (h ^ a[i]) * 0x100000001b3;	/* FNV-1a */
		h = (h ^ port) * 0x100000001b3;
	}
	return h;
}

/* proto -> mcp */
static void on_mcp(struct flow *f, const struct piece *p, const struct xev *ev, struct asked *a, bool serves)
{
	struct mcp_who who = { .pid = a->pid, .start = a->start, .serves = serves };

	if (a->call)
		return;
	if (ev->kind == XEV_REQUEST)
		a->mcp = mcp_http_request(f->mcp, ev->x, &who, connection(p->stream, serves));
	if (ev->kind == XEV_EVENT)
		a->mcp |= view_eq(ev->name, VIEW("endpoint"));
	if (ev->kind == XEV_EVENT && a->mcp)
		mcp_http_event(f->mcp, ev->x, &who, ev->name, ev->value, ev->ts);
	if (ev->kind == XEV_DONE && a->mcp)
		mcp_http_done(f->mcp, ev->x, &who, ev->ts);
	mcp_calls(f, p, ev->x);
}

/* proto -> a2a -> trace */
static void on_a2a(struct flow *f, const struct piece *p, const struct xev *ev, struct asked *a, bool serves)
{
	struct a2a_who who = { .pid = a->pid, .start = a->start, .serves = serves };
	struct talk *t = p->stream->user;

	if (a->call)
		return;
	if (ev->kind == XEV_REQUEST && (a->a2a = a2a_open(f->a2a, ev->x, &who, connection(p->stream, serves)))) {
		t->wanted = true;
		a->a2a->user = trace_a2a_begin(f->trace, a->a2a, ev->x, p->stream);
	}
	if (ev->kind == XEV_EVENT && a->a2a)
		a2a_event(a->a2a, ev->value, ev->ts);
	if (ev->kind != XEV_DONE)
		return;
	a->card = a2a_card(f->a2a, ev->x) || a->a2a;
	if (!a->a2a)
		return;
	a2a_done(f->a2a, a->a2a, ev->x, ev->ts);
	if (a->a2a->user)
		trace_a2a_end(f->trace, a->a2a->user, a->a2a, ev->x);
	a2a_call_free(a->a2a);
	a->a2a = NULL;
}

/* Whatever protocol agents speak to tools and to each other. */
static void on_agents(struct flow *f, const struct piece *p, const struct xev *ev, struct asked *a, bool serves)
{
	bool a2a = a->a2a;

	on_a2a(f, p, ev, a, serves);
	if (!a2a && !a->a2a)
		on_mcp(f, p, ev, a, serves);
}

/* An exchange that the process answers: nobody's model call. */
static void on_served(struct flow *f, const struct piece *p, const struct xev *ev)
{
	struct asked *a = asked_of(ev->x, p);

	f->stats.server_exchanges += ev->kind == XEV_DONE;
	if (!a)
		return;
	on_agents(f, p, ev, a, true);
	if (ev->kind != XEV_DONE)
		return;
	free(a);
	ev->x->user = NULL;
}

/* When the request was not seen, the first bytes of the answer or the whole of it may tell. */
static bool worth_asking(const struct xev *ev)
{
	if (ev->kind == XEV_REQUEST)
		return true;
	return !ev->x->target.n && (ev->kind == XEV_DONE || (ev->kind == XEV_EVENT && ev->x->resp.event_cnt <= 1));
}

/* proto -> genai */
static void on_exchange(struct flow *f, const struct piece *p, const struct xev *ev)
{
	struct asked *a = asked_of(ev->x, p);

	if (!a)
		return;
	if (ev->kind == XEV_REQUEST) {		/* its last byte says best who sent it */
		a->pid = p->pid;
		a->start = p->start;
		((struct talk *)p->stream->user)->interest[WIRE_OUT].spent = 0;
	}
	if (!a->call && worth_asking(ev)) {
		a->call = gen_open(ev->x, f->config.content);
		on_decided(f, p, ev->x, a);
		a->asking = a->call && ev->kind == XEV_REQUEST;
		if (a->asking)
			trace_asking(f->trace, a->pid, a->start, true);
	}
	if (ev->kind == XEV_RESPONSE && !a->session) {
		a->session = gen_session_new(ev->x, f->config.content);
		on_decided(f, p, ev->x, a);
	}
	if (ev->kind == XEV_EVENT && a->call) {
		gen_chunks_add(&a->call->chunks, ev->ts);
		gen_event(a->call, ev->x, ev->name, ev->value);
	}
	on_agents(f, p, ev, a, false);
	if (ev->kind != XEV_DONE)
		return;
	on_done(f, p, ev, a);
	if (a->session) {
		gen_session_end(a->session);
		turns(f, p, ev, a);
	}
	gen_session_free(a->session);
	free(a);
	ev->x->user = NULL;
}

/*
 * Nobody wants more of this direction until the other one goes on: HTTP answers are let go of
 * one by one, for the next request on a kept connection may be a model's.
 */
static void mute(struct flow *f, struct stream *s, int dir)
{
	uint64_t how = s->ignored ? 0 : stream_mute(s, dir);

	if (!how)
		return;
	cover_mute(f->cover, s->id, dir);
	if (f->config.ignore)
		f->config.ignore(f->config.ignore_arg, s->id, how);
}

/* Nobody wants the rest of it. */
static void let_go(struct flow *f, struct stream *s)
{
	if (s->ignored)
		return;
	s->ignored = true;
	cover_ignore(f->cover, s->id);
	if (f->config.ignore)
		f->config.ignore(f->config.ignore_arg, s->id, MUTE_FOR_GOOD);
}

/* False: of a session that is none of ours. */
static bool on_message(struct flow *f, const struct piece *p, const struct xev *ev)
{
	struct talk *t = p->stream->user;
	struct asked *a = conn_role(t->conn) == CONN_SERVER ? NULL : asked_of(ev->x, p);

	if (!a || !a->session)
		return false;
	if (!ev->dir) {
		a->pid = p->pid;
		a->start = p->start;
	}
	gen_session_message(a->session, &(struct gen_message){ .client = !ev->dir, .name = ev->name,
							       .data = ev->value, .cut = ev->cut, .ts = ev->ts });
	turns(f, p, ev, a);
	return true;
}

/* These bytes may be the middle of something that began before we looked, or in what was let go of. */
static bool may_be_http(const struct piece *p, struct talk *t, const struct xev *ev)
{
	enum conn_role role = conn_role(t->conn);

	if (role == CONN_CLIENT || role == CONN_SERVER)
		return !ev->x;			/* else behind an upgrade: nothing follows */
	return role == CONN_UNKNOWN && p->stream->joined && ++t->turns <= OPAQUE_TURNS;
}

/* What nobody here reads, past which it is of no use; an HTTP/2 connection carries other things beside a tunnel. */
static void on_opaque(struct flow *f, const struct piece *p, const struct xev *ev)
{
	struct talk *t = p->stream->user;

	if (ev->x && ev->x->version == 20)
		return;
	t->opaque += ev->value.n;
	if (t->opaque < OPAQUE_ENOUGH)
		return;
	t->opaque = 0;
	if (may_be_http(p, t, ev))
		mute(f, p->stream, p->dir);
	else
		let_go(f, p->stream);
}

/*
 * Of a whole machine, what nobody has wanted so far may take only so much.  What a request is for is known
 * when it is whole, so its bytes weigh little: a prompt may be as long as a body that is kept.
 */
static void spend(struct flow *f, const struct piece *p, struct talk *t)
{
	bool request = conn_role(t->conn) == CONN_CLIENT && p->dir == WIRE_OUT;
	uint64_t n = request ? p->bytes.n / REQUEST_WEIGHT : p->bytes.n;

	if (!f->choosy || p->stream->ignored || t->wanted)
		return;
	if (p->stream->muted[!p->dir] && p->bytes.n <= MUTE_SLACK)
		mute(f, p->stream, !p->dir);	/* so little is no request */
	if (!interest_spend(&f->undecided, &t->interest[p->dir], n, p->ts))
		return;
	if (conn_role(t->conn) == CONN_CLIENT && trace_is_agent(f->trace, p->pid, p->start))
		t->wanted = true;
	else
		mute(f, p->stream, p->dir);
}

static void walk(struct flow *f, const struct piece *p, struct talk *t)
{
	struct xev ev;

	while (conn_next(t->conn, &ev)) {
		if (ev.kind == XEV_OPAQUE || (ev.kind == XEV_MESSAGE && !on_message(f, p, &ev)))
			on_opaque(f, p, &ev);
		else if (conn_role(t->conn) == CONN_SERVER)
			on_served(f, p, &ev);
		else if (ev.kind != XEV_MESSAGE)
			on_exchange(f, p, &ev);
	}
}

static struct talk *talk_of(struct flow *f, struct stream *s)
{
	struct talk *t = s->user;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (t)
		t->conn = conn_new(s->joined);
	if (t && t->conn)
		return s->user = t;
	free(t);
	f->stats.conns_refused++;
	return NULL;
}

static void close_talk(struct flow *f, struct stream *s, struct talk *t)
{
	const struct conn_books *b = conn_books(t->conn);

	for (int dir = 0; dir < 2; dir++) {
		f->stats.decoded += b->decoded[dir];
		f->stats.opaque += b->opaque[dir];
		f->stats.lost += b->lost[dir];
	}
	conn_free(t->conn);
	free(t);
	s->user = NULL;
}

/* What flow keeps of a way between two processes. */
struct local {
	struct mcp_way *way;
	uint64_t bytes;
};

static struct local *local_of(struct flow *f, struct stream *s)
{
	struct local *l = s->user;

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (l)
		l->way = mcp_way(f->mcp, s->id);
	if (l && l->way)
		return s->user = l;
	free(l);
	f->stats.conns_refused++;
	return NULL;
}

static void close_local(struct flow *f, const struct piece *p, struct local *l)
{
	*(mcp_way_spoke(l->way) ? &f->stats.decoded : &f->stats.opaque) += l->bytes;
	mcp_way_end(f->mcp, l->way, p->ts);
	free(l);
	p->stream->user = NULL;
}

/* stream -> mcp */
static void on_local(struct flow *f, const struct piece *p)
{
	struct local *l = local_of(f, p->stream);

	if (!l) {
		f->stats.lost += p->kind == PIECE_BYTES ? p->bytes.n : 0;
		return;
	}
	if (p->kind == PIECE_BYTES) {
		l->bytes += p->bytes.n;
		mcp_way_bytes(f->mcp, l->way, p->bytes, p->ts);
	}
	if (p->kind == PIECE_GAP)
		mcp_way_gap(f->mcp, l->way, p->n, p->ts);
	if (!mcp_way_wanted(l->way))
		let_go(f, p->stream);
	if (p->kind == PIECE_END)
		close_local(f, p, l);
	mcp_calls(f, NULL, NULL);
}

/* stream -> proto */
static void on_conn(struct flow *f, const struct piece *p)
{
	struct talk *t = talk_of(f, p->stream);

	if (!t) {
		f->stats.lost += p->kind == PIECE_BYTES ? p->bytes.n : 0;
		return;
	}
	switch (p->kind) {
	case PIECE_BYTES:
		conn_bytes(t->conn, p->dir, p->bytes, p->ts);
		break;
	case PIECE_GAP:
		if (p->muted)
			conn_skip(t->conn, p->dir, p->n, p->ts);
		else
			conn_gap(t->conn, p->dir, p->n, p->ts);
		break;
	case PIECE_EOF:
		conn_eof(t->conn, p->dir, p->ts);
		break;
	case PIECE_END:
		conn_end(t->conn, p->ts);
		break;
	}
	walk(f, p, t);
	if (p->kind == PIECE_BYTES)
		spend(f, p, t);
	if (p->kind == PIECE_END)
		close_talk(f, p->stream, t);
}

static void on_piece(struct flow *f, const struct piece *p)
{
	if (p->stream->source == WIRE_SRC_LOCAL)
		on_local(f, p);
	else
		on_conn(f, p);
}

/* feed -> stream, and feed -> trace for what is no stream's */
void flow_record(struct flow *f, const struct wire_hdr *h, size_t room)
{
	struct piece p;

	f->stats.records++;
	if (!feed_valid(h, room)) {
		f->stats.bad_records++;
		return;
	}
	if (h->kind == WIRE_CLOCK)
		f->choosy = ((const struct wire_clock *)h)->mode == WIRE_MODE_WATCH_ALL;
	if (h->kind == WIRE_BOOKS)
		f->kernel = ((const struct wire_books *)h)->stats;
	cover_record(f->cover, h);
	if (h->kind == WIRE_CHANNEL)
		mcp_channel(f->mcp, (const struct wire_channel *)h);
	mcp_time(f->mcp, h->ts);
	streams_take(f->streams, h);
	while (streams_next(f->streams, &p))
		on_piece(f, &p);
	if (h->kind == WIRE_FINISH)
		mcp_finish(f->mcp, h->ts);
	mcp_calls(f, NULL, NULL);
	trace_record(f->trace, h);
	deliver(f);
}

const struct flow_stats *flow_stats(const struct flow *f)
{
	return &f->stats;
}

const struct stream_stats *flow_stream_stats(const struct flow *f)
{
	return streams_stats(f->streams);
}

const struct trace_stats *flow_trace_stats(const struct flow *f)
{
	return trace_stats(f->trace);
}

const struct guard *flow_guard(const struct flow *f)
{
	return &f->guard;
}

struct cover *flow_cover(struct flow *f)
{
	return f->cover;
}

const struct wire_stats *flow_kernel_stats(const struct flow *f)
{
	return &f->kernel;
}

const char *flow_sink_error(struct flow *f)
{
	static char said[sizeof(f->sink_error)];

	if (!f->sink_error[0])
		return NULL;
	memcpy(said, f->sink_error, sizeof(said));
	f->sink_error[0] = '\0';
	return said;
}
