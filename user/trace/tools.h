/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_H
#define TOOLS_H

#include "genai/genai.h"
#include "trace/procs.h"

/*
 * Tool calls that an answer asked for, until a request brings the result.  A result belongs to a call by its id
 * and by the conversation: ids are the provider's, the model's or a forger's choice, and many use the same ones again.
 */
#define TOOLS_MAX	1024	/* asked for and not yet answered, of all processes */
#define TOOL_PROCS_MAX	16	/* processes that wait to hear whether this call started them */
#define TOOL_TEXT_MAX	(64 * 1024)

struct tool {
	uint64_t id, name_hash;		/* id 0: the API has none */
	char *call_id, *name;
	struct buf args;		/* JSON text as sent; TOOL_TEXT_MAX at most, longer: empty */
	uint64_t asked_ts;		/* last byte of the answer */
	uint64_t answer_ts;		/* and its first */
	uint64_t head;			/* of the request that was answered */
	unsigned message_cnt;
	uint64_t response, conversation;	/* hashes of ids; 0: none */
	struct proc *proc;		/* whose answer; held by a reference */
	uint8_t trace_id[16], span_id[8], parent_id[8];
	uint32_t depth;
	unsigned chain;
	struct proc *procs[TOOL_PROCS_MAX];
	unsigned proc_cnt;
	unsigned guess_cnt;		/* processes that may be its, for no better reason than the time */
	struct tool *next;
};

struct tools {
	struct tool *first, **end;	/* as they were asked for */
	unsigned cnt;
	uint64_t ambiguous;		/* results that fit more than one call: no edge */
};

void tools_init(struct tools *ts);

/* A new one at the end, the table's; NULL: no memory.  When there are too many, take tools_oldest() out first. */
struct tool *tools_add(struct tools *ts, struct proc *p, const struct gen_part *part);
struct tool *tools_oldest(struct tools *ts);
bool tools_full(const struct tools *ts);
void tools_take(struct tools *ts, struct tool *t);	/* out of the table, the caller's now */
void tool_free(struct tool *t);

/* How sure it is that a result belongs to a call. */
struct tool_match {
	struct tool *tool;		/* NULL: none, or it cannot be told which */
	const char *basis;
	double confidence;
};

/* The call whose result r is, in request c of process p, which began at ts. */
struct tool_match tools_match(struct tools *ts, const struct gen_call *c, const struct gen_result *r,
			      const struct proc *p, uint64_t ts_asked);

/*
 * Which of the calls that this process has open started a child with these arguments (NUL-separated).  The basis is argv_match,
 * or process_lineage when it is the only one that is open.  *ret_open: how many there are.
 */
struct tool_match tools_starter(struct tools *ts, const struct proc *asker, struct view argv, unsigned *ret_open);

#endif /* TOOLS_H */
