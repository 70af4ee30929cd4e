/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROC_SPAN_H
#define PROC_SPAN_H

#include "trace/clock.h"
#include "trace/procs.h"
#include "trace/span.h"

/*
 * The resource of what this process does; borrowed from the process.
 * defaults: OTEL_RESOURCE_ATTRIBUTES for all, or NULL.  NULL: no memory.
 */
struct resource *proc_resource(struct proc *p, const char *defaults, const struct trace_clock *clock);

/* Fills name, kind, times, status and attributes; ts: when observation of it ended. */
void proc_span_fill(struct span *span, const struct proc *p, bool content, uint64_t ts,
		    const struct trace_clock *clock);

#endif /* PROC_SPAN_H */
