// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "trace/agent_span.h"
#include "trace/proc_span.h"

static void put(struct span *s, enum attr_id id, struct view v)
{
	if (v.n)
		attrs_str(&s->attrs, &s->arena, id, v);
}

static void put_num(struct span *s, enum attr_id id, int64_t n)
{
	attrs_int(&s->attrs, &s->arena, id, n);
}

static const struct value *number(const struct span *s, enum attr_id id)
{
	const struct value *v = attrs_get(&s->attrs, id);

	return v && v->type == VALUE_INT && v->i >= 0 ? v : NULL;
}

/* Counts are what a stranger wrote: sums stop at the largest number. */
static void add_up(int64_t *sum, bool *has, const struct value *v)
{
	if (v && __builtin_add_overflow(*sum, v->i, sum))
		*sum = INT64_MAX;
	*has |= v != NULL;
}

void tally_call(struct tally *n, const struct span *chat)
{
	const struct value *usd = attrs_get(&chat->attrs, ATTR_ONLOOKER_COST_USD);
	const struct value *lost = number(chat, ATTR_ONLOOKER_CAPTURE_LOST_BYTES);

	n->calls++;
	n->failed += chat->error;
	n->priced += usd != NULL;
	n->usd += usd ? usd->d : 0;
	n->lost_bytes += lost ? lost->i : 0;
	add_up(&n->input, &n->has_input, number(chat, ATTR_GEN_AI_USAGE_INPUT_TOKENS));
	add_up(&n->output, &n->has_output, number(chat, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS));
}

static void keep(char *to, size_t size, struct view v)
{
	if (v.n && v.n < size)
		snprintf(to, size, "%.*s", VIEW_ARG(v));
}

void agent_note(struct agent *a, const struct agent_says *says, const struct exchange *x)
{
	uint64_t first = x->req.first_ts ? x->req.first_ts : x->resp.first_ts;
	uint64_t last = x->resp.last_ts ? x->resp.last_ts : first;

	if (says->name && !a->named) {
		keep(a->name, sizeof(a->name), view_of(says->name));
		keep(a->version, sizeof(a->version), says->version);
		a->named = true;
	}
	a->sessions_differ |= a->session[0] && says->session.n && !view_eq(says->session, view_of(a->session));
	if (!a->session[0])
		keep(a->session, sizeof(a->session), says->session);
	if (!a->first_ts || first < a->first_ts)
		a->first_ts = first;
	if (last > a->last_ts)
		a->last_ts = last;
}

void agent_note_unanswered(struct agent *a, struct tool *t)
{
	struct unanswered *u = &a->unanswered[a->unanswered_cnt];

	a->tally.unanswered++;
	if (a->unanswered_cnt == UNANSWERED_MAX)
		return;
	*u = (struct unanswered){ .ts = t->asked_ts, .name = t->name, .call_id = t->call_id };
	t->name = t->call_id = NULL;
	a->unanswered_cnt++;
}

void agent_free(struct agent *a)
{
	for (unsigned i = 0; i < a->unanswered_cnt; i++) {
		free(a->unanswered[i].name);
		free(a->unanswered[i].call_id);
	}
	free(a);
}

static void set_name(struct span *s, const char *what, const char *of)
{
	char text[1200];

	snprintf(text, sizeof(text), "%s%s%s", what, of && *of ? " " : "", of ? of : "");
	s->name = arena_copy(&s->arena, view_of(text));
}

static void unanswered_events(struct span *s, const struct agent *a, const struct trace_clock *clock)
{
	for (unsigned i = 0; i < a->unanswered_cnt; i++) {
		const struct unanswered *u = &a->unanswered[i];
		struct span_event *ev = span_add_event(s, clock_unix(clock, u->ts), "onlooker.tool.unanswered");

		if (ev && u->name)
			attrs_str(&ev->attrs, &s->arena, ATTR_GEN_AI_TOOL_NAME, view_of(u->name));
		if (ev && u->call_id)
			attrs_str(&ev->attrs, &s->arena, ATTR_GEN_AI_TOOL_CALL_ID, view_of(u->call_id));
	}
}

void run_attrs(struct span *s, const struct tally *n)
{
	const struct {
		enum attr_id id;
		uint64_t n;
	} rows[] = {
		{ ATTR_ONLOOKER_RUN_TURNS, n->turns },
		{ ATTR_ONLOOKER_RUN_CONVERSATIONS, n->conversations },
		{ ATTR_ONLOOKER_RUN_CALLS, n->calls },
		{ ATTR_ONLOOKER_RUN_CALLS_FAILED, n->failed },
		{ ATTR_ONLOOKER_RUN_TOOLS, n->tools },
		{ ATTR_ONLOOKER_RUN_TOOLS_FAILED, n->tools_failed },
		{ ATTR_ONLOOKER_RUN_TOOLS_UNANSWERED, n->unanswered },
		{ ATTR_ONLOOKER_RUN_PROCESSES, n->processes },
		{ ATTR_ONLOOKER_RUN_LOST_BYTES, n->lost_bytes },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put_num(s, rows[i].id, rows[i].n);
	if (n->calls && n->priced == n->calls)
		attrs_double(&s->attrs, &s->arena, ATTR_ONLOOKER_RUN_COST_USD, n->usd);
}

static void times(struct span *s, uint64_t start, uint64_t end, const struct trace_clock *clock)
{
	s->start = clock_unix(clock, start);
	s->end = clock_unix(clock, end > start ? end : start);
}

static void agent_times(struct span *s, const struct agent *a, uint64_t ts, const struct trace_clock *clock)
{
	const struct proc *p = a->proc;
	uint64_t end = p->exit_ts ? p->exit_ts : ts;

	if (a->key)
		times(s, a->first_ts, a->last_ts, clock);
	else if (a->above)
		times(s, p->first_exec_ts ? p->first_exec_ts : p->start, end > a->last_ts ? end : a->last_ts, clock);
	else
		times(s, a->first_ts, end > a->last_ts ? end : a->last_ts, clock);
}

void agent_span_fill(struct span *s, const struct agent *a, const struct tally *run, uint64_t ts,
		     const struct trace_clock *clock)
{
	s->kind = SPAN_INTERNAL;
	set_name(s, "invoke_agent", a->name);
	agent_times(s, a, ts, clock);
	put(s, ATTR_GEN_AI_OPERATION_NAME, VIEW("invoke_agent"));
	put(s, ATTR_GEN_AI_AGENT_NAME, view_of(a->name));
	put(s, ATTR_ONLOOKER_AGENT_VERSION, view_of(a->version));
	if (!a->sessions_differ)
		put(s, ATTR_GEN_AI_CONVERSATION_ID, view_of(a->session));
	if (a->tally.has_input)
		put_num(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS, a->tally.input);
	if (a->tally.has_output)
		put_num(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, a->tally.output);
	if (a->key)
		put(s, ATTR_ONLOOKER_LINK_BASIS, VIEW("agent_id"));
	unanswered_events(s, a, clock);
	if (run)
		run_attrs(s, run);
}

/* The result as gen_ai.input.messages has it. */
static struct json result_of(const struct gen_call *c, const char *call_id)
{
	struct json_iter it = json_each(json_read(buf_view(&c->input_messages))), parts;
	struct json found = { 0 }, id;
	struct json_member m, p;

	while (call_id && json_next(&it, &m)) {
		parts = json_each(json_get(m.value, "parts"));
		while (json_next(&parts, &p)) {
			if (!json_is(json_get(p.value, "type"), "tool_call_response"))
				continue;
			id = json_get(p.value, "id");
			if (json_is(id, call_id))
				found = json_get(p.value, "response");
		}
	}
	return found;
}

/* A value as it is; text that spells none as it reads. */
static void content(struct span *s, const struct tool *t, const struct gen_call *c, const struct gen_result *r)
{
	struct json result = result_of(c, t->call_id);
	struct buf text;

	put(s, ATTR_GEN_AI_TOOL_CALL_ARGUMENTS, buf_view(&t->args));
	if (r->failed || result.type == JSON_NONE)
		return;
	buf_init(&text, GEN_CONTENT_MAX);
	if (result.type == JSON_STRING && !json_text(result, &text))
		put(s, ATTR_GEN_AI_TOOL_CALL_RESULT, buf_view(&text));
	else
		put(s, ATTR_GEN_AI_TOOL_CALL_RESULT, result.raw);
	buf_release(&text);
}

void tool_span_fill(struct span *s, const struct tool *t, const struct tool_match *m, const struct gen_call *c,
		    const struct gen_result *r, uint64_t ts, bool with_content, const struct trace_clock *clock)
{
	s->kind = SPAN_INTERNAL;
	set_name(s, "execute_tool", t->name);
	times(s, t->asked_ts < ts ? t->asked_ts : ts, ts, clock);
	put(s, ATTR_GEN_AI_OPERATION_NAME, VIEW("execute_tool"));
	put(s, ATTR_GEN_AI_TOOL_NAME, view_of(t->name));
	put(s, ATTR_GEN_AI_TOOL_CALL_ID, view_of(t->call_id));
	put(s, ATTR_GEN_AI_TOOL_TYPE, VIEW("function"));
	put(s, ATTR_ONLOOKER_LINK_BASIS, view_of(m->basis));
	attrs_double(&s->attrs, &s->arena, ATTR_ONLOOKER_LINK_CONFIDENCE, m->confidence);
	if (t->chain)
		put_num(s, ATTR_ONLOOKER_CONVERSATION_CHAIN, t->chain);
	if (r->failed) {
		s->error = true;
		put(s, ATTR_ERROR_TYPE, VIEW("tool_error"));
	}
	if (with_content)
		content(s, t, c, r);
}
