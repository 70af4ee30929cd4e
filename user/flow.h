/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_H
#define FLOW_H

#include "cover/cover.h"
#include "guard/guard.h"
#include "metric/metric.h"
#include "sink/sink.h"
#include "stream/stream.h"
#include "trace/trace.h"

#define FLOW_SINKS_MAX 4

struct flow_config {
	bool content;
	struct trace_config trace;
	unsigned compat;		/* sets of sink/compat.h */
	struct metrics *metrics;	/* the caller's; NULL: none are kept */
	/* Tell the kernel half that a stream's payload is of no use; NULL (replay): nobody to tell. */
	void (*ignore)(void *arg, uint64_t stream, uint64_t mute);	/* MUTE(), MUTE_FOR_GOOD */
	/*
	 * WIRE_MODE_WATCH_ALL: what is no model, tool or MCP traffic is let go (cover/interest.h).  A process that
	 * spoke to a model is an agent, told here once; it and what it starts are wanted from then on.  May be NULL.
	 */
	void (*agent)(void *arg, uint32_t pid, uint64_t start);
	void *ignore_arg;	/* of both */
};

/* The books of the user half: delivered = decoded + opaque + lost, for all streams that have ended. */
struct flow_stats {
	uint64_t records;
	uint64_t decoded, opaque, lost;
	uint64_t exchanges;		/* HTTP exchanges that ended */
	uint64_t server_exchanges;	/* of them answered by an observed process: no spans are made of these */
	uint64_t mcp_exchanges;		/* of them carrying the Model Context Protocol */
	uint64_t a2a_exchanges;		/* of them carrying the Agent2Agent protocol, its cards too */
	uint64_t other_exchanges;	/* of them none of these */
	uint64_t bad_records;		/* damaged or unknown: skipped */
	uint64_t conns_refused;		/* no memory for a stream's decoder: its bytes are counted as lost */
};

struct flow;

struct flow *flow_new(const struct flow_config *c);	/* NULL: no memory */
void flow_free(struct flow *f);				/* NULL is fine; sinks are the caller's */
int flow_add_sink(struct flow *f, struct sink *s);	/* 0, -E2BIG */

/* Walks one record all the way. room: bytes behind h that may be read. */
void flow_record(struct flow *f, const struct wire_hdr *h, size_t room);

const struct flow_stats *flow_stats(const struct flow *f);
const struct stream_stats *flow_stream_stats(const struct flow *f);
const struct trace_stats *flow_trace_stats(const struct flow *f);
const struct guard *flow_guard(const struct flow *f);
/* What was seen of each process and what was not; pull its questions and reports after each record or turn. */
struct cover *flow_cover(struct flow *f);
/* The kernel half's counters as the records last told them. */
const struct wire_stats *flow_kernel_stats(const struct flow *f);

/* The first error of a sink since the last call, as one sentence; NULL: none. */
const char *flow_sink_error(struct flow *f);

#endif /* FLOW_H */
