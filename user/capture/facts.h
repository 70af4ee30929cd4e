/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FACTS_H
#define FACTS_H

#include <sys/types.h>

#include "base/buf.h"
#include "wire.h"

/*
 * What /proc says of a process, as a WIRE_FACTS record in out (emptied first).
 * Of its environment only the OTEL_ and TRACEPARENT variables that say who it
 * is are read.  What cannot be read is left empty.  0 or negative errno.
 */
int facts_make(pid_t pid, uint64_t start, uint64_t ts, struct buf *out);

/* The 64 hex digits of a container's id in /proc/PID/cgroup's text; empty: none. */
struct view facts_container(struct view cgroup);

#endif /* FACTS_H */
