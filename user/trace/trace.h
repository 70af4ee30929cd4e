/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACE_H
#define TRACE_H

#include "a2a/a2a.h"
#include "feed/feed.h"
#include "genai/genai.h"
#include "mcp/mcp.h"
#include "stream/stream.h"
#include "trace/prices.h"
#include "trace/span.h"

/*
 * Spans, and what links them.  A process is a span from exec to exit, child of
 * the process that started it; a model call is a span, child of the process
 * that sent the request.  All of it hangs under the observed command's process
 * (run) or under each process that was named to watch.
 */
struct trace_config {
	bool content;				/* write what people said */
	bool processes;				/* make process spans; false: model calls only, each a trace of its own */
	const char *resource_attributes;	/* OTEL_RESOURCE_ATTRIBUTES for all resources, or NULL */
	const struct prices *prices;		/* the caller's, for costs; NULL: say none */
	const char *(*lib_name)(unsigned lib);	/* for wire_data.lib; NULL: not known */
};

struct trace;

struct trace *trace_new(const struct trace_config *c);	/* NULL: no memory */
void trace_free(struct trace *t);			/* NULL is fine */

/* Takes any record; those that are not its business are ignored.  Then call trace_next() until NULL. */
void trace_record(struct trace *t, const struct wire_hdr *h);

/* This process speaks to models.  WIRE_MODE_WATCH_ALL: of all processes only these, and what they start, become spans. */
void trace_agent(struct trace *t, uint32_t pid, uint64_t start);
bool trace_is_agent(const struct trace *t, uint32_t pid, uint64_t start);	/* or descends from one that did */

/* A process waits for a model's answer, or does not any more. */
void trace_asking(struct trace *t, uint32_t pid, uint64_t start, bool begins);

/* A model call that is over.  pid and start: who sent the request; ts: when it was over.  Then trace_next(). */
void trace_call(struct trace *t, const struct gen_call *call, const struct exchange *x,
		const struct stream *s, uint32_t pid, uint64_t start, uint64_t ts);

/*
 * An operation of the Model Context Protocol begins: a span that is not finished, the caller's to bring to trace_mcp_end(), which
 * takes it over, or to span_free().  x, s: what carried it, NULL: not known.  NULL: no memory.
 */
struct span *trace_mcp_begin(struct trace *t, const struct mcp_call *c, const struct exchange *x, const struct stream *s);
void trace_mcp_end(struct trace *t, struct span *span, const struct mcp_call *c);

/*
 * The same for an operation of the Agent2Agent protocol.  trace_a2a_end() takes the span over and leaves the call.
 */
struct span *trace_a2a_begin(struct trace *t, const struct a2a_call *c, const struct exchange *x, const struct stream *s);
void trace_a2a_end(struct trace *t, struct span *span, const struct a2a_call *c, const struct exchange *x);

/* The next finished span, the caller's from then on; NULL: none for now. */
struct span *trace_next(struct trace *t);

struct trace_stats {
	uint64_t processes;	/* seen */
	uint64_t calls;		/* model call spans made */
	uint64_t mcp;		/* MCP spans made */
	uint64_t a2a;		/* A2A spans made */
	uint64_t tools;		/* tool spans made */
	uint64_t incomplete;	/* of them with onlooker.capture.complete=false */
	uint64_t unseen_tls;	/* TLS connections of processes that ended with none of their plaintext seen */
	uint64_t unseen_processes;
	char unseen_exe[64];	/* the first of these */
	uint64_t still_running;	/* processes that had not ended when observation did */
	uint64_t lost;		/* spans that could not be made: no memory, or more processes at once than PROCS_MAX */
};

const struct trace_stats *trace_stats(const struct trace *t);

#endif /* TRACE_H */
