/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IDS_H
#define IDS_H

#include <stdint.h>

#include "base/view.h"

/*
 * Trace and span ids: a stream of numbers that the recording's seed fixes, so a
 * replay makes the ones that the live run made.  Never all zero (W3C Trace
 * Context section 3.2.2).
 */
struct ids {
	uint64_t a, b;
};

void ids_init(struct ids *ids, const uint64_t seed[static 2]);
void ids_trace(struct ids *ids, uint8_t ret[static 16]);
void ids_span(struct ids *ids, uint8_t ret[static 8]);

/* A traceparent header, version 00 or a later one read as 00 (W3C Trace Context section 3.2). */
bool traceparent_parse(struct view v, uint8_t ret_trace[static 16], uint8_t ret_span[static 8]);

#endif /* IDS_H */
