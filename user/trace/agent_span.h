/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_SPAN_H
#define AGENT_SPAN_H

#include "trace/agents.h"
#include "trace/clock.h"
#include "trace/procs.h"
#include "trace/tools.h"

/*
 * An agent while it runs: a process that asks models, or one of several inside of it that name themselves.  The
 * first one of a process stands above the process' span, so that the root of a run is the agent; when that span is out
 * already, and for the others, below.
 */
#define AGENTS_MAX	16	/* of a process; further ones are the first one's */
#define UNANSWERED_MAX	32

struct tally {
	uint64_t turns, conversations, calls, failed, tools, tools_failed, unanswered, processes, priced, lost_bytes;
	int64_t input, output;
	bool has_input, has_output;
	double usd;
};

void tally_call(struct tally *n, const struct span *chat);

struct unanswered {
	uint64_t ts;
	char *name, *call_id;
};

struct agent {
	struct proc *proc;	/* held by a reference */
	uint64_t key;		/* hash of what it calls itself; 0: the process' first */
	uint8_t trace_id[16], span_id[8], parent_id[8];
	bool parent_remote, above;
	uint32_t depth;
	char name[128], version[40], session[260];
	bool named, sessions_differ;
	uint64_t first_ts, last_ts;
	struct tally tally;
	struct unanswered unanswered[UNANSWERED_MAX];
	unsigned unanswered_cnt;
	struct agent *next;	/* of the process */
	struct agent *next_all;
};

/* What a request says of the agent. */
void agent_note(struct agent *a, const struct agent_says *says, const struct exchange *x);
void agent_note_unanswered(struct agent *a, struct tool *t);	/* takes its texts */
void agent_free(struct agent *a);

/* invoke_agent; run: the sums of the run when this is its root, else NULL. */
void agent_span_fill(struct span *s, const struct agent *a, const struct tally *run, uint64_t ts,
		     const struct trace_clock *clock);
/* execute_tool; c: the request that brings its result, at ts. */
void tool_span_fill(struct span *s, const struct tool *t, const struct tool_match *m, const struct gen_call *c,
		    const struct gen_result *r, uint64_t ts, bool content, const struct trace_clock *clock);
/* onlooker.run.* */
void run_attrs(struct span *s, const struct tally *run);

#endif /* AGENT_SPAN_H */
