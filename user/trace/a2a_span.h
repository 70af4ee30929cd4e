/* SPDX-License-Identifier: Apache-2.0 */
#ifndef A2A_SPAN_H
#define A2A_SPAN_H

#include "a2a/a2a.h"
#include "stream/stream.h"
#include "trace/clock.h"
#include "trace/span.h"

/* Name, kind, times, status and attributes of a call that is over; those of its connection are there already. */
void a2a_span_end(struct span *span, const struct a2a_call *c, const struct exchange *x, bool content,
		  const struct trace_clock *clock);

#endif /* A2A_SPAN_H */
