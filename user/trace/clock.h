/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACE_CLOCK_H
#define TRACE_CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME ns of a record as unix ns. */
struct trace_clock {
	uint64_t unix_offset;
};

static inline uint64_t clock_unix(const struct trace_clock *c, uint64_t ts)
{
	return ts + c->unix_offset;
}

#endif /* TRACE_CLOCK_H */
