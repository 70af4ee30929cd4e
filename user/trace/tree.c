// SPDX-License-Identifier: Apache-2.0
/*
 * The edges of the tree that nobody tells: which agent a call is of, which conversation, which tool calls were run
 * and which processes they started.  Each says what it rests on; what cannot be told stays where the kernel
 * saw it, under the process that forked it.  docs/tracing.md has the rules.
 */
#include <stdio.h>
#include <stdlib.h>

#include "trace/inside.h"
#include "trace/proc_span.h"

#define HOPS_MAX	1024
#define LINGER_NS	1000000000ull	/* calls that a process made may be read after its exit */

void tree_init(struct trace *t)
{
	tools_init(&t->tools);
	t->agents_end = &t->agents;
}

void tree_release(struct trace *t)
{
	struct tool *tool;
	struct agent *a;

	while ((tool = tools_oldest(&t->tools))) {
		tools_take(&t->tools, tool);
		tool_free(tool);
	}
	while ((a = t->agents)) {
		t->agents = a->next_all;
		agent_free(a);
	}
}

/* --- agents --- */

static bool is_inference(const struct gen_call *c)
{
	return c->op == GEN_CHAT || c->op == GEN_GENERATE_CONTENT || c->op == GEN_COMPLETION;
}

/* Who says so, whose program is known, or who is offered tools; and what run was asked to observe. */
static bool is_agent(const struct trace *t, const struct proc *p, const struct gen_call *c, const struct agent_says *says)
{
	return is_inference(c) && (trace_is_root(t, p) || says->name || agent_of_exe(proc_exe_name(p)) ||
				   c->offers_tools || c->result_cnt);
}

static struct agent *find_agent(const struct proc *p, uint64_t key)
{
	struct agent *a = p->agents;

	while (a && a->key != key)
		a = a->next;
	return a;
}

/* The first agent of a process stands above its span, when that is not out yet. */
static void place_first(struct agent *a, struct proc *p)
{
	a->above = !p->reported;
	memcpy(a->parent_id, a->above ? p->parent_id : p->span_id, sizeof(a->parent_id));
	a->depth = a->above ? p->depth++ : p->depth + 1;
	if (!a->above)
		return;
	a->parent_remote = p->parent_remote;
	p->parent_remote = false;
	memcpy(p->parent_id, a->span_id, sizeof(p->parent_id));
}

static struct agent *new_agent(struct trace *t, struct proc *p, uint64_t key, const struct agent *under)
{
	struct agent *a = calloc(1, sizeof(*a)), **end = &p->agents;
	struct view name = proc_service_name(p);
	unsigned n = 0;

	for (; *end; end = &(*end)->next)
		n++;
	if (!a || n == AGENTS_MAX) {
		free(a);
		return NULL;
	}
	a->proc = p;
	a->key = key;
	p->refs++;
	snprintf(a->name, sizeof(a->name), "%.*s", VIEW_ARG(view_take(name, sizeof(a->name) - 1)));
	memcpy(a->trace_id, p->trace_id, sizeof(a->trace_id));
	ids_span(&t->ids, a->span_id);
	if (under) {
		memcpy(a->parent_id, under->span_id, sizeof(a->parent_id));
		a->depth = under->depth + 1;
	} else {
		place_first(a, p);
	}
	*end = a;
	*t->agents_end = a;
	t->agents_end = &a->next_all;
	return a;
}

struct agent *tree_agent(struct trace *t, struct proc *p, const struct gen_call *c, const struct exchange *x)
{
	struct agent_says says = agent_says(x);
	uint64_t key = says.id.n ? gen_hash(says.id) : 0;
	struct agent *first = p->agents, *a, *under;

	if (!t->run_pid || !is_inference(c) || (!first && !is_agent(t, p, c, &says)))
		return first;
	if (!first)
		first = new_agent(t, p, 0, NULL);
	if (!first)
		return NULL;
	a = find_agent(p, key);
	if (!a) {
		under = says.parent_id.n ? find_agent(p, gen_hash(says.parent_id)) : NULL;
		a = new_agent(t, p, key, under ? under : first);
	}
	if (!a)
		a = first;
	agent_note(a, &says, x);
	return a;
}

static void emit_agent(struct trace *t, struct agent *a, uint64_t ts)
{
	bool root = !a->key && trace_is_root(t, a->proc);
	struct span *s = span_new();

	if (!s) {
		t->stats.lost++;
		return;
	}
	memcpy(s->trace_id, a->trace_id, sizeof(s->trace_id));
	memcpy(s->span_id, a->span_id, sizeof(s->span_id));
	memcpy(s->parent_id, a->parent_id, sizeof(s->parent_id));
	s->parent_remote = a->parent_remote;
	s->depth = a->depth;
	s->pid = a->proc->pid;
	s->resource = resource_get(proc_resource(a->proc, t->config.resource_attributes, &t->clock));
	agent_span_fill(s, a, root ? &t->run : NULL, ts, &t->clock);
	trace_finish(t, s);
}

/* Out with those whose process is over. */
static void emit_agents(struct trace *t, uint64_t ts)
{
	struct agent **at = &t->agents, **of, *a;

	while ((a = *at)) {
		if (!t->over && !(a->proc->exit_ts && a->proc->exit_ts + LINGER_NS < ts)) {
			at = &a->next_all;
			continue;
		}
		*at = a->next_all;
		emit_agent(t, a, ts);
		for (of = &a->proc->agents; *of != a; of = &(*of)->next)
			;
		*of = a->next;
		a->proc->refs--;
		agent_free(a);
	}
	t->agents_end = at;
}

/* --- processes and the tool calls that started them --- */

static void set_parent(struct proc *p, const struct tool *tool, const char *basis, double confidence)
{
	struct agent *a = p->agents && p->agents->above ? p->agents : NULL;

	memcpy(a ? a->parent_id : p->parent_id, tool->span_id, sizeof(p->parent_id));
	p->depth = tool->depth + 1 + (a != NULL);
	if (a)
		a->depth = tool->depth + 1;
	p->basis = basis;
	p->confidence = confidence;
}

/*
 * A command line that has what the tool was called with is a reason.  That a process started while one call was open is
 * one when it was the only process, and no model call was waited for that could have asked for another.
 */
static void settle_process(struct trace *t, struct proc *p, const struct tool *tool, bool run)
{
	bool alone = tool->guess_cnt == 1;

	p->tool = NULL;
	p->refs--;
	if (run && (p->confidence > 0.9 || alone)) {
		set_parent(p, tool, p->basis, p->confidence);
	} else if (run) {
		memcpy(p->maybe, tool->span_id, sizeof(p->maybe));
		p->has_maybe = true;
		p->confidence = 1.0 / (tool->guess_cnt + 1);
	} else {
		p->basis = NULL;
	}
	if (p->held)
		trace_report(t, p, p->held_ts);
}

static void settle(struct trace *t, struct tool *tool, bool run)
{
	for (unsigned i = 0; i < tool->proc_cnt; i++)
		settle_process(t, tool->procs[i], tool, run);
	tools_take(&t->tools, tool);
	tool->proc->refs--;
	tool_free(tool);
}

void tree_started(struct trace *t, struct proc *p)
{
	struct tool_match m = { 0 };
	const struct proc *up = p->parent;
	unsigned open = 0;

	if (!t->tools.cnt || p->exec_cnt != 1)
		return;
	for (int hops = 0; up && hops < HOPS_MAX; up = up->parent, hops++) {
		m = tools_starter(&t->tools, up, (struct view){ p->argv, p->argv_n }, &open);
		if (open || trace_has_id(up))
			break;
	}
	if (open && !m.tool)
		p->candidates = open;
	if (!m.tool)
		return;
	if (m.confidence < 0.9)
		m.tool->guess_cnt += up->open_calls ? 2 : 1;
	if (m.tool->proc_cnt == TOOL_PROCS_MAX)
		return;
	m.tool->procs[m.tool->proc_cnt++] = p;
	p->refs++;
	p->tool = m.tool;
	p->basis = m.basis;
	p->confidence = m.confidence;
}

/* --- tool calls --- */

/* Nobody will tell its result any more. */
static void give_up(struct trace *t, struct tool *tool)
{
	struct proc *p = trace_has_id(tool->proc) ? tool->proc : (struct proc *)trace_above(tool->proc);

	t->run.unanswered++;
	if (p && p->agents)
		agent_note_unanswered(p->agents, tool);
	settle(t, tool, false);
}

static void emit_tool(struct trace *t, const struct tool_match *m, const struct gen_call *c, const struct gen_result *r,
		      uint64_t ts)
{
	const struct tool *tool = m->tool;
	struct proc *p = tool->proc;
	struct span *s = span_new();

	if (!s) {
		t->stats.lost++;
		return;
	}
	memcpy(s->trace_id, tool->trace_id, sizeof(s->trace_id));
	memcpy(s->span_id, tool->span_id, sizeof(s->span_id));
	memcpy(s->parent_id, tool->parent_id, sizeof(s->parent_id));
	s->depth = tool->depth;
	s->pid = p->pid;
	s->resource = resource_get(proc_resource(p, t->config.resource_attributes, &t->clock));
	tool_span_fill(s, tool, m, c, r, ts, t->config.content, &t->clock);
	t->stats.tools++;
	trace_finish(t, s);
}

/* The results that a request brings.  *ret_chain: the conversation's number.  False: none of a call that we saw asked for. */
static bool answer_tools(struct trace *t, const struct gen_call *c, const struct exchange *x, struct proc *p,
			 unsigned *ret_chain)
{
	unsigned n = c->result_cnt, i = n > GEN_RESULTS_MAX ? n - GEN_RESULTS_MAX : 0;
	uint64_t ts = x->req.first_ts;
	bool any = false;

	for (; ts && i < n && t->tools.cnt; i++) {
		const struct gen_result *r = &c->results[i % GEN_RESULTS_MAX];
		struct tool_match m = tools_match(&t->tools, c, r, p, ts);

		if (!m.tool)
			continue;
		any = true;
		*ret_chain = m.tool->chain;
		t->run.tools++;
		t->run.tools_failed += r->failed;
		emit_tool(t, &m, c, r, ts);
		settle(t, m.tool, true);
	}
	return any;
}

static void ask_tool(struct trace *t, const struct gen_part *part, const struct gen_call *c, const struct exchange *x,
		     struct proc *p, const struct agent *a, const struct span *span, unsigned chain)
{
	const struct proc *up = trace_has_id(p) ? p : trace_above(p);
	struct tool *tool;

	if (tools_full(&t->tools))
		give_up(t, tools_oldest(&t->tools));
	tool = up ? tools_add(&t->tools, p, part) : NULL;
	if (!tool)
		return;
	tool->asked_ts = x->resp.last_ts;
	tool->answer_ts = x->resp.first_ts;
	tool->head = c->head;
	tool->message_cnt = c->message_cnt;
	tool->response = c->response_id.n ? gen_hash(c->response_id) : 0;
	tool->chain = chain;
	memcpy(tool->trace_id, a ? a->trace_id : up->trace_id, sizeof(tool->trace_id));
	memcpy(tool->parent_id, a ? a->span_id : up->span_id, sizeof(tool->parent_id));
	tool->depth = (a ? a->depth : up->depth) + 1;
	ids_span(&t->ids, tool->span_id);
}

static void ask_tools(struct trace *t, const struct gen_call *c, const struct exchange *x, struct proc *p,
		      const struct agent *a, const struct span *span, unsigned chain)
{
	for (const struct gen_choice *ch = c->choices; ch; ch = ch->next)
		for (const struct gen_part *part = ch->parts; part; part = part->next)
			if (part->kind == GEN_TOOL_CALL && part->name.n)
				ask_tool(t, part, c, x, p, a, span, chain);
}

/* Conversations of two runs are two, and so are those with two APIs: the process at the top stands for the run. */
static uint64_t run_key(const struct proc *p, const struct gen_call *c)
{
	for (int hops = 0; p->parent && hops < HOPS_MAX; hops++)
		p = p->parent;
	return (p->start ^ (uint64_t)p->pid << 40) + gen_hash(view_of(c->provider->name));
}

void tree_call(struct trace *t, struct span *span, const struct gen_call *c, const struct exchange *x, struct proc *p,
	       struct agent *a)
{
	bool answers, retry = attrs_get(&span->attrs, ATTR_HTTP_REQUEST_RESEND_COUNT);
	struct chain_of of = { .run = run_key(p, c), .failed = span->error };
	unsigned chain = 0;

	tally_call(&t->run, span);
	if (a)
		tally_call(&a->tally, span);
	if (!is_inference(c) || !t->config.processes)
		return;
	answers = answer_tools(t, c, x, p, &of.hint);
	if (c->message_cnt || c->previous_response_id.n)
		chain = chains_add(&t->chains, &of, c);
	if (chain)
		attrs_int(&span->attrs, &span->arena, ATTR_ONLOOKER_CONVERSATION_CHAIN, chain);
	t->run.conversations = t->chains.cnt;
	t->run.turns += !answers && !retry;
	ask_tools(t, c, x, p, a, span, chain);
}

/* --- the end --- */

void tree_tick(struct trace *t, uint64_t ts)
{
	struct tool *tool, *next;

	for (tool = t->tools.first; tool; tool = next) {
		next = tool->next;
		if (t->over || (tool->proc->exit_ts && tool->proc->exit_ts + PROCS_LINGER_NS < ts))
			give_up(t, tool);
	}
}

void tree_finish(struct trace *t, uint64_t ts)
{
	emit_agents(t, ts);
}
