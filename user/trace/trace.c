// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "trace/a2a_span.h"
#include "trace/call_span.h"
#include "trace/http_span.h"
#include "trace/inside.h"
#include "trace/mcp_span.h"
#include "trace/proc_span.h"

struct trace *trace_new(const struct trace_config *c)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->config = *c;
	t->done_end = &t->done;
	procs_init(&t->procs);
	pairs_init(&t->pairs);
	pairs_init(&t->tasks);
	tree_init(t);
	return t;
}

void trace_free(struct trace *t)
{
	struct span *s;

	if (!t)
		return;
	while ((s = trace_next(t)))
		span_free(s);
	tree_release(t);
	procs_release(&t->procs);
	pairs_release(&t->pairs);
	pairs_release(&t->tasks);
	free(t);
}

struct span *trace_next(struct trace *t)
{
	struct done *d = t->done;
	struct span *s;

	if (!d)
		return NULL;
	s = d->span;
	t->done = d->next;
	if (!t->done)
		t->done_end = &t->done;
	free(d);
	return s;
}

void trace_finish(struct trace *t, struct span *s)
{
	struct done *d = malloc(sizeof(*d));

	if (!d) {
		t->stats.lost++;
		span_free(s);
		return;
	}
	*d = (struct done){ .span = s };
	*t->done_end = d;
	t->done_end = &d->next;
}

bool trace_has_id(const struct proc *p)
{
	static const uint8_t zero[8];

	return memcmp(p->span_id, zero, sizeof(zero));
}

/* The nearest process above that has a span of its own: a fork without an exec has none. */
const struct proc *trace_above(const struct proc *p)
{
	const struct proc *up = p->parent;

	for (int hops = 0; up && hops < 1024; up = up->parent, hops++)
		if (trace_has_id(up))
			return up;
	return NULL;
}

/* Gives the process its place in a trace: under the process that started it, or as a root. */
static void place(struct trace *t, struct proc *p)
{
	const struct proc *up = trace_above(p);

	if (trace_has_id(p))
		return;
	ids_span(&t->ids, p->span_id);
	if (up) {
		memcpy(p->trace_id, up->trace_id, sizeof(p->trace_id));
		memcpy(p->parent_id, up->span_id, sizeof(p->parent_id));
		p->depth = up->depth + 1;
		return;
	}
	p->root = true;
	p->parent_remote = p->traceparent &&
		traceparent_parse(view_of(p->traceparent), p->trace_id, p->parent_id);
	if (!p->parent_remote)
		ids_trace(&t->ids, p->trace_id);
}

bool trace_is_root(const struct trace *t, const struct proc *p)
{
	return p->root && t->run_pid && p->pid == t->run_pid;
}

/* What started it may not be known yet; and the root of a run has sums of all of it. */
static bool hold(struct trace *t, struct proc *p, uint64_t ts)
{
	bool root = trace_is_root(t, p) && !t->over;

	if (!p->tool && !root)
		return false;
	if (!p->held && root)
		p->refs++;		/* for as long as there is a run */
	p->held = true;
	p->held_ts = ts;
	return true;
}

/* Who started it, when that is no fork alone. */
static void put_starter(struct span *s, const struct proc *p)
{
	struct span_link *link = p->has_maybe ? span_add_link(s, p->trace_id, p->maybe) : NULL;
	struct attrs *as = link ? &link->attrs : &s->attrs;

	if (p->basis) {
		attrs_str(as, &s->arena, ATTR_ONLOOKER_LINK_BASIS, view_of(p->basis));
		attrs_double(as, &s->arena, ATTR_ONLOOKER_LINK_CONFIDENCE, p->confidence);
	}
	if (p->candidates)
		attrs_int(&s->attrs, &s->arena, ATTR_ONLOOKER_LINK_CANDIDATES, p->candidates);
}

/* A span for a process, handed out once: at its exit, or when observation ends. */
void trace_report(struct trace *t, struct proc *p, uint64_t ts)
{
	struct span *s;

	if (p->reported || !trace_has_id(p) || !t->config.processes || (t->agents_only && !p->agent))
		return;
	if (p->pid == t->run_pid && !p->exec_cnt)
		return;		/* there was nothing to execute: a process of ours that never became CMD */
	if (hold(t, p, ts))
		return;
	p->reported = true;
	t->run.processes++;
	s = span_new();
	if (!s) {
		t->stats.lost++;
		return;
	}
	memcpy(s->trace_id, p->trace_id, sizeof(s->trace_id));
	memcpy(s->span_id, p->span_id, sizeof(s->span_id));
	memcpy(s->parent_id, p->parent_id, sizeof(s->parent_id));
	s->parent_remote = p->parent_remote;
	s->depth = p->depth;
	s->pid = p->pid;
	s->resource = resource_get(proc_resource(p, t->config.resource_attributes, &t->clock));
	proc_span_fill(s, p, t->config.content, ts, &t->clock);
	put_starter(s, p);
	if (trace_is_root(t, p) && t->run.calls && !p->agents)
		run_attrs(s, &t->run);
	trace_finish(t, s);
}

/* A process ends, or observation does: was it silent, or did we not hear it? */
static void count_unseen(struct trace *t, const struct proc *p)
{
	unsigned n = proc_unseen_tls(p);
	struct view exe = proc_exe_name(p);

	if (!n)
		return;
	if (!t->stats.unseen_processes++)
		snprintf(t->stats.unseen_exe, sizeof(t->stats.unseen_exe), "%.*s", (int)exe.n, exe.p);
	t->stats.unseen_tls += n;
}

static int by_start(const void *a, const void *b)
{
	const struct proc *x = *(const struct proc *const *)a, *y = *(const struct proc *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Observation ends: what still runs is reported so, children before parents as if they had ended. */
static void report_all(struct trace *t, uint64_t ts)
{
	struct proc **all = calloc(t->procs.by_id.cnt + 1, sizeof(*all)), *p;
	size_t pos = 0, n = 0;

	if (!all) {
		t->stats.lost += t->procs.by_id.cnt;
		return;
	}
	while ((p = map_next(&t->procs.by_id, &pos, NULL)))
		all[n++] = p;
	qsort(all, n, sizeof(*all), by_start);
	while (n) {
		if (!all[--n]->exit_ts) {
			t->stats.still_running++;
			count_unseen(t, all[n]);
		}
		trace_report(t, all[n], ts);
	}
	free(all);
}

static void on_clock(struct trace *t, const struct wire_clock *r)
{
	t->clock.unix_offset = r->unix_offset;
	t->run_pid = r->mode == WIRE_MODE_RUN ? r->root_pid : 0;
	t->agents_only = r->mode == WIRE_MODE_WATCH_ALL;
	if (!t->ids.b)
		ids_init(&t->ids, (const uint64_t[]){ r->seed[0], r->seed[1] });
}

static void on_exec(struct trace *t, const struct wire_exec *r)
{
	struct proc *p = procs_exec(&t->procs, r);

	if (!p) {
		t->stats.lost++;
	} else if (p->parent) {
		place(t, p);
		tree_started(t, p);
	}
}

/* Not a mere fork of another. */
static bool own_span(const struct proc *p)
{
	return p->exec_cnt || p->other_image;
}

/* Facts come right after the exec, and are all there is of a process that was running before. */
static void on_facts(struct trace *t, const struct wire_facts *r)
{
	struct proc *p = procs_facts(&t->procs, r);

	if (!p)
		t->stats.lost++;
	else if (own_span(p) || !p->parent)
		place(t, p);
}

static void on_exited(struct trace *t, const struct wire_exit *r)
{
	struct proc *p = procs_exit(&t->procs, r);

	if (!p)
		return;
	if (own_span(p))
		place(t, p);
	count_unseen(t, p);
	trace_report(t, p, r->hdr.ts);
}

static void on_hello(struct trace *t, const struct wire_hdr *h)
{
	struct proc *p = procs_get(&t->procs, h->pid, h->start);

	if (p)
		p->hello_cnt++;
}

static void on_notice(struct trace *t, const struct wire_notice *n)
{
	struct proc *p = procs_get(&t->procs, n->hdr.pid, n->hdr.start);

	if (p && n->what < WIRE_NOTICE_CNT)
		p->noticed |= 1u << n->what;
}

static void on_tls(struct trace *t, const struct wire_hdr *h)
{
	struct proc *p = procs_get(&t->procs, h->pid, h->start);

	if (p)
		p->tls_seen = true;
}

void trace_record(struct trace *t, const struct wire_hdr *h)
{
	size_t before = t->procs.by_id.cnt;

	switch (h->kind) {
	case WIRE_CLOCK:
		on_clock(t, (const void *)h);
		break;
	case WIRE_FORK:
		if (!procs_fork(&t->procs, (const void *)h))
			t->stats.lost++;
		break;
	case WIRE_EXEC:
		on_exec(t, (const void *)h);
		break;
	case WIRE_SEEN:
		if (!procs_seen(&t->procs, (const void *)h))
			t->stats.lost++;
		break;
	case WIRE_FACTS:
		on_facts(t, (const void *)h);
		break;
	case WIRE_EXIT:
		on_exited(t, (const void *)h);
		break;
	case WIRE_HELLO:
		on_hello(t, h);
		break;
	case WIRE_NOTICE:
		on_notice(t, (const void *)h);
		break;
	case WIRE_BIND:
		on_tls(t, h);
		break;
	case WIRE_DATA:
		if (((const struct wire_data *)h)->source == WIRE_SRC_TLS)
			on_tls(t, h);
		break;
	case WIRE_FINISH:
		t->over = true;
		tree_tick(t, h->ts);
		report_all(t, h->ts);
		tree_finish(t, h->ts);
		break;
	case WIRE_TICK:
		tree_tick(t, h->ts);
		tree_finish(t, h->ts);
		procs_sweep(&t->procs, h->ts);
		return;
	}
	t->stats.processes += t->procs.by_id.cnt - before;
}

void trace_agent(struct trace *t, uint32_t pid, uint64_t start)
{
	struct proc *p = procs_add(&t->procs, pid, start);

	if (p)
		p->agent = true;
	else
		t->stats.lost++;
}

bool trace_is_agent(const struct trace *t, uint32_t pid, uint64_t start)
{
	const struct proc *p = procs_get(&t->procs, pid, start);

	return p && p->agent;
}

/* Where a call belongs, unless the agent itself names a trace. */
struct place {
	const uint8_t *trace_id, *span_id;	/* NULL: nowhere */
	uint32_t depth;
};

static struct place place_of(const struct proc *up, const struct agent *a)
{
	if (a)
		return (struct place){ a->trace_id, a->span_id, a->depth };
	return up ? (struct place){ up->trace_id, up->span_id, up->depth } : (struct place){ 0 };
}

/* The process with a span that this one is or stands for. */
static struct proc *stands_for(struct trace *t, struct proc *p)
{
	if (!p || !t->config.processes)
		return NULL;
	if (!trace_has_id(p) && !trace_above(p))
		place(t, p);
	return trace_has_id(p) ? p : (struct proc *)trace_above(p);
}

/* The call under the agent or the process that made it, or in the trace that the agent itself named. */
static void link_call(struct trace *t, struct span *s, struct place up, struct view traceparent, struct view tracestate)
{
	ids_span(&t->ids, s->span_id);
	s->depth = up.span_id ? up.depth + 1 : 0;
	if (traceparent_parse(view_trim(traceparent), s->trace_id, s->parent_id)) {
		s->parent_remote = true;
		s->trace_state = arena_copy(&s->arena, tracestate);
		if (up.span_id)
			span_add_link(s, up.trace_id, up.span_id);
		return;
	}
	if (!up.span_id) {
		ids_trace(&t->ids, s->trace_id);
		return;
	}
	memcpy(s->trace_id, up.trace_id, sizeof(s->trace_id));
	memcpy(s->parent_id, up.span_id, sizeof(s->parent_id));
}

static const char *source_name(const struct trace *t, const struct stream *s)
{
	if (!s || s->source != WIRE_SRC_TLS)
		return "socket";
	return t->config.lib_name ? t->config.lib_name(s->lib) : "tls";
}

/* Its own word for the conversation, where the API has none. */
static void put_session(struct span *span, const struct exchange *x)
{
	struct agent_says says = agent_says(x);

	if (says.session.n)
		attrs_str(&span->attrs, &span->arena, ATTR_GEN_AI_CONVERSATION_ID, says.session);
}

void trace_asking(struct trace *t, uint32_t pid, uint64_t start, bool begins)
{
	struct proc *p = procs_get(&t->procs, pid, start);

	if (p && (begins || p->open_calls))
		p->open_calls += begins ? 1 : -1;
}

void trace_call(struct trace *t, const struct gen_call *call, const struct exchange *x,
		const struct stream *s, uint32_t pid, uint64_t start, uint64_t ts)
{
	struct call_facts f = { call, x, s, source_name(t, s), ts, t->config.content, t->config.prices };
	struct proc *p = procs_add(&t->procs, pid, start);
	struct span *span = span_new();
	struct agent *agent;
	struct proc *up;
	const struct value *complete;

	if (!span) {
		t->stats.lost++;
		return;
	}
	up = stands_for(t, p);
	agent = up ? tree_agent(t, up, call, x) : NULL;
	span->pid = pid;
	link_call(t, span, place_of(up, agent), message_header(&x->req, "traceparent"),
		  message_header(&x->req, "tracestate"));
	if (p)
		span->resource = resource_get(proc_resource(p, t->config.resource_attributes, &t->clock));
	call_span_fill(span, &f, &t->clock);
	complete = attrs_get(&span->attrs, ATTR_ONLOOKER_CAPTURE_COMPLETE);
	t->stats.incomplete += complete && !complete->b;
	t->stats.calls++;
	if (agent && !call->conversation_id.n)
		put_session(span, x);
	if (up)
		tree_call(t, span, call, x, p, agent);
	trace_finish(t, span);
}

/* A span that is not over: its place, and who it is of. */
static struct span *open_span(struct trace *t, uint32_t pid, uint64_t start, struct view traceparent, struct view tracestate,
			      const char *source)
{
	struct proc *p = procs_add(&t->procs, pid, start);
	struct span *span = span_new();
	struct proc *up;

	if (!span) {
		t->stats.lost++;
		return NULL;
	}
	up = stands_for(t, p);
	span->pid = pid;
	link_call(t, span, place_of(up, up ? up->agents : NULL), traceparent, tracestate);
	if (p)
		span->resource = resource_get(proc_resource(p, t->config.resource_attributes, &t->clock));
	attrs_str(&span->attrs, &span->arena, ATTR_ONLOOKER_CAPTURE_SOURCE, view_of(source));
	return span;
}

struct span *trace_mcp_begin(struct trace *t, const struct mcp_call *c, const struct exchange *x, const struct stream *s)
{
	struct span *span = open_span(t, c->pid, c->start, c->traceparent, c->tracestate,
				      c->local ? "pipe" : source_name(t, s));

	if (!span)
		return NULL;
	mcp_span_begin(span, c, x, s);
	if (c->side == MCP_CLIENT && c->key)
		pairs_put(&t->pairs, c->key, span->trace_id, span->span_id);
	return span;
}

/*
 * The asked side's span under the asking side's, as the conventions want it.  Only at the end: the two processes' records may
 * come in any order, but nobody answers what was not asked.
 */
static void join_pair(struct trace *t, struct span *span, uint64_t key, const char *basis)
{
	const struct pair *asker = key && !span->parent_remote ? pairs_get(&t->pairs, key) : NULL;

	if (!asker)
		return;
	if (memcmp(span->parent_id, (uint8_t[8]){ 0 }, sizeof(span->parent_id)))
		span_add_link(span, span->trace_id, span->parent_id);
	memcpy(span->trace_id, asker->trace_id, sizeof(span->trace_id));
	memcpy(span->parent_id, asker->span_id, sizeof(span->parent_id));
	attrs_str(&span->attrs, &span->arena, ATTR_ONLOOKER_LINK_BASIS, view_of(basis));
}

void trace_mcp_end(struct trace *t, struct span *span, const struct mcp_call *c)
{
	if (c->side == MCP_SERVER)
		join_pair(t, span, c->key, c->local ? "pipe_peer" : "jsonrpc_id");
	mcp_span_end(span, c, t->config.content, &t->clock);
	t->stats.mcp++;
	trace_finish(t, span);
}

struct span *trace_a2a_begin(struct trace *t, const struct a2a_call *c, const struct exchange *x, const struct stream *s)
{
	struct span *span = open_span(t, c->pid, c->start, message_header(&x->req, "traceparent"),
				      message_header(&x->req, "tracestate"), source_name(t, s));

	if (!span)
		return NULL;
	http_span_begin(span, !c->serves, x, s);
	if (!c->serves && c->key)
		pairs_put(&t->pairs, c->key, span->trace_id, span->span_id);
	return span;
}

/* Calls about one task know each other: a poll the call that began it, a further message the one before it. */
static void join_task(struct trace *t, struct span *span, const struct a2a_call *c)
{
	const struct pair *first = c->task_key ? pairs_get(&t->tasks, c->task_key) : NULL;
	struct span_link *link = first ? span_add_link(span, first->trace_id, first->span_id) : NULL;

	if (link)
		attrs_str(&link->attrs, &span->arena, ATTR_ONLOOKER_LINK_BASIS, VIEW("a2a_task_id"));
	if (c->task_key && c->method->does == A2A_INVOKES)
		pairs_put(&t->tasks, c->task_key, span->trace_id, span->span_id);
}

void trace_a2a_end(struct trace *t, struct span *span, const struct a2a_call *c, const struct exchange *x)
{
	const struct value *complete;

	if (c->serves)
		join_pair(t, span, c->key, c->message.n ? "a2a_message_id" : "jsonrpc_id");
	join_task(t, span, c);
	a2a_span_end(span, c, x, t->config.content, &t->clock);
	complete = attrs_get(&span->attrs, ATTR_ONLOOKER_CAPTURE_COMPLETE);
	t->stats.incomplete += complete && !complete->b;
	t->stats.a2a++;
	trace_finish(t, span);
}

const struct trace_stats *trace_stats(const struct trace *t)
{
	return &t->stats;
}
