/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACE_INSIDE_H
#define TRACE_INSIDE_H

#include "trace/agent_span.h"
#include "trace/chains.h"
#include "trace/ids.h"
#include "trace/pairs.h"
#include "trace/procs.h"
#include "trace/tools.h"
#include "trace/trace.h"

/* What trace.c and tree.c share: nobody else includes this. */
struct done {
	struct span *span;
	struct done *next;
};

struct trace {
	struct trace_config config;
	struct trace_stats stats;
	struct trace_clock clock;
	uint32_t run_pid;	/* run's command; 0: watch */
	bool agents_only;
	bool over;		/* observation ends */
	struct ids ids;
	struct procs procs;
	struct pairs pairs;	/* askers, for those who answer */
	struct pairs tasks;	/* calls that began a task, for those that are about it */
	struct tools tools;
	struct chains chains;
	struct agent *agents, **agents_end;
	struct tally run;
	struct done *done, **done_end;
};

/* trace.c */
void trace_finish(struct trace *t, struct span *s);	/* takes the span over */
void trace_report(struct trace *t, struct proc *p, uint64_t ts);
const struct proc *trace_above(const struct proc *p);
bool trace_has_id(const struct proc *p);
bool trace_is_root(const struct trace *t, const struct proc *p);	/* run's command */

/* tree.c: agents, conversations, tool calls, and what they started. */
void tree_init(struct trace *t);
void tree_release(struct trace *t);
/* The agent whose call this is; NULL: the process is none. */
struct agent *tree_agent(struct trace *t, struct proc *p, const struct gen_call *c, const struct exchange *x);
/* A call's span is made: what it goes on with, which tools it tells the results of, and which it asks for. */
void tree_call(struct trace *t, struct span *span, const struct gen_call *c, const struct exchange *x, struct proc *p,
	       struct agent *a);
/* A process was executed: by which tool call? */
void tree_started(struct trace *t, struct proc *p);
/* Before old processes are forgotten, and (t->over) when observation ends: what nobody will hear of any more. */
void tree_tick(struct trace *t, uint64_t ts);
void tree_finish(struct trace *t, uint64_t ts);

#endif /* TRACE_INSIDE_H */
