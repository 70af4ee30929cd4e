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

/* What the process is called: as it was told, as a known agent, or by its executable. */
struct view proc_service_name(const struct proc *p);

/* Fills name, kind, times, status and attributes; ts: when observation of it ended. */
void proc_span_fill(struct span *span, const struct proc *p, bool content, uint64_t ts,
		    const struct trace_clock *clock);

#endif /* PROC_SPAN_H */
