/* SPDX-License-Identifier: Apache-2.0 */
#ifndef A2A_H
#define A2A_H

#include "base/arena.h"
#include "proto/exchange.h"

/*
 * The Agent2Agent protocol, 0.2 to 1.0, over HTTP: its JSON-RPC and its REST binding, answered with JSON or an event
 * stream.  An exchange is one operation.  Pure: times are the caller's (CLOCK_BOOTTIME ns).
 */
struct a2a_method {
	const char *name;		/* as 1.0 calls it */
	const char *v03, *v02;		/* JSON-RPC before 1.0; NULL: it had none */
	const char *verb, *tail;	/* REST: the end of the path, * for a name */
	enum a2a_does {
		A2A_INVOKES,		/* a message to the agent: work is asked for */
		A2A_FOLLOWS,		/* the rest of an answer to an earlier one */
		A2A_TASK,		/* about one task: params.id */
		A2A_OTHER,
		A2A_CARD,
	} does;
};

enum a2a_end {
	A2A_OPEN = 0,
	A2A_ANSWERED,
	A2A_REFUSED,		/* HTTP answered without the protocol: status says how */
	A2A_CUT,		/* the connection or the observation ended before the answer did */
};

enum a2a_phase { A2A_RUNS, A2A_WAITS, A2A_OVER, A2A_FAILED };

struct a2a_state {
	const char *name;	/* as we write it; NULL: none was said, or none that we know */
	enum a2a_phase phase;
};

struct a2a_artifact;

/* One operation: its request and what was answered.  Views are its arena's. */
struct a2a_call {
	struct arena arena;	/* 64 KiB without content, else 56 MiB */
	const struct a2a_method *method;
	enum a2a_end end;
	bool serves, rpc, stream;
	uint32_t pid;
	uint64_t start;			/* of the process, with pid */
	uint64_t first_ts, last_ts;	/* last: of what ended the task or interrupted it, else of the answer */
	struct view agent_name, agent_version, agent_description;	/* of the agent's card; VIEW_NONE: not seen */
	struct view version;		/* A2A-Version */
	struct view id;			/* JSON-RPC's, as text */
	struct view context, task, message;	/* contextId, task id, messageId of what was sent */
	struct a2a_state state;		/* the last one */
	struct view error_code, error_message;	/* of JSON-RPC, or of REST's error object */
	unsigned status;		/* HTTP's; 0: none */
	bool content_cut;		/* some of it was too much to keep */
	struct view input, output;	/* gen_ai.input.messages and its like; VIEW_NONE without content */
	uint64_t key;			/* pairs the two ends of one call that are both observed; 0: cannot */
	uint64_t task_key;		/* the same for all calls of this process about this task; 0: none known */
	void *user;			/* flow's */

	/* this room's own */
	bool want_content;
	bool answered;			/* something of the protocol came back */
	bool said;			/* a message came back: there is nothing more to come */
	struct a2a_artifact *artifacts;
	unsigned artifact_cnt;
	struct buf last_words;		/* the parts of the newest status message, or of the answer's message */
	size_t room;			/* bytes of content that may still be kept */
};

/* Who talks: one process's end of an exchange. */
struct a2a_who {
	uint32_t pid;
	uint64_t start;
	bool serves;
};

struct a2a;

struct a2a *a2a_new(bool want_content);		/* NULL: no memory */
void a2a_free(struct a2a *a);			/* NULL is fine */

/*
 * When the request is as complete as it will be.  NULL: it is no operation of this protocol, as far as can be told (or no
 * memory, counted).  conn: names the connection the same for both of its ends, 0: not known.
 */
struct a2a_call *a2a_open(struct a2a *a, const struct exchange *x, const struct a2a_who *who, uint64_t conn);
void a2a_event(struct a2a_call *c, struct view data, uint64_t ts);
/* The exchange is over; then the call is told and freed. */
void a2a_done(struct a2a *a, struct a2a_call *c, const struct exchange *x, uint64_t ts);
void a2a_call_free(struct a2a_call *c);		/* NULL is fine */

/* An exchange that is over: does it carry an agent's card?  What it says of the agent is kept. */
bool a2a_card(struct a2a *a, const struct exchange *x);

struct a2a_stats {
	uint64_t calls;
	uint64_t cards;		/* read */
	uint64_t lost;		/* no memory */
};
const struct a2a_stats *a2a_stats(const struct a2a *a);

#endif /* A2A_H */
