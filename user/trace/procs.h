/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCS_H
#define PROCS_H

#include "base/map.h"
#include "feed/feed.h"
#include "trace/span.h"

/*
 * The observed processes.  (pid, start time) names one; a bare pid never does.
 * One stays for PROCS_LINGER_NS after its exit, because its sockets are closed
 * after it.
 */
#define PROCS_MAX	(256 * 1024)
#define PROCS_LINGER_NS	(10 * 1000000000ull)

struct proc {
	uint32_t pid, ppid, vpid, uid;
	uint64_t start;
	uint64_t exec_ts;	/* of the last exec; 0: it was running before we looked, or is a fork without exec */
	uint64_t first_exec_ts;
	uint64_t exit_ts;	/* 0: alive */
	int32_t exit_code;	/* as wait(2) */
	unsigned exec_cnt;
	unsigned noticed;	/* bits by enum wire_notice_what */
	unsigned hello_cnt;	/* TLS handshakes seen on its sockets */
	bool tls_seen;		/* plaintext of TLS, or which socket carries it, was seen of it */
	bool other_image;	/* not its parent's program, though no exec of it was seen */
	bool agent;		/* it spoke to a model, or descends from one that did */
	bool has_uid;
	bool root;		/* a trace begins here */
	bool reported;		/* its span was handed out */
	uint8_t trace_id[16], span_id[8], parent_id[8];
	bool parent_remote;
	uint32_t depth;
	struct proc *parent;	/* the process that forked it, while known */
	unsigned refs;		/* children */
	char *exe;		/* path; NULL: unknown */
	char *cwd, *user, *service, *traceparent, *resource_attributes, *container, *host, *host_id, *argv0;
	char *argv;		/* NUL-separated, of the last exec */
	size_t argv_n;
	uint32_t argv_total;
	unsigned open_calls;	/* model calls that it waits for */
	struct tool *tool;	/* the tool call that may have started it, not settled yet */
	const char *basis;	/* of its parent, or of maybe, when that is no fork */
	double confidence;
	unsigned candidates;	/* tool calls that may have started it; more than one: none is asserted */
	bool has_maybe;
	uint8_t maybe[8];	/* the tool call that it may belong to */
	bool held;		/* it ended, and is reported when tool is settled, or the run is over */
	uint64_t held_ts;
	struct agent *agents;	/* that are this process; NULL: it is none */
	struct resource *resource;	/* made when first asked for; thrown away at exec */
	struct proc *next_dead;
};

struct procs {
	struct map by_id;
	struct proc *dead, **dead_end;	/* in order of exit */
};

void procs_init(struct procs *ps);
void procs_release(struct procs *ps);

struct proc *procs_get(const struct procs *ps, uint32_t pid, uint64_t start);	/* NULL: unknown */
struct proc *procs_add(struct procs *ps, uint32_t pid, uint64_t start);		/* found or made; NULL: full */

/* Bookkeeping that a record asks for.  Return the process concerned (fork: the child), NULL: none. */
struct proc *procs_fork(struct procs *ps, const struct wire_fork *r);
struct proc *procs_exec(struct procs *ps, const struct wire_exec *r);
struct proc *procs_facts(struct procs *ps, const struct wire_facts *r);
struct proc *procs_seen(struct procs *ps, const struct wire_seen *r);
struct proc *procs_exit(struct procs *ps, const struct wire_exit *r);

/* Forgets those that ended more than PROCS_LINGER_NS before now. */
void procs_sweep(struct procs *ps, uint64_t now);

/* TLS connections of a process none of whose plaintext is seen: no TLS library that we know is in it. */
unsigned proc_unseen_tls(const struct proc *p);

/* Last component of the executable's path, without " (deleted)"; "unknown". */
struct view proc_exe_name(const struct proc *p);

#endif /* PROCS_H */
