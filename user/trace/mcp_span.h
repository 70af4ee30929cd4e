/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MCP_SPAN_H
#define MCP_SPAN_H

#include "mcp/mcp.h"
#include "stream/stream.h"
#include "trace/clock.h"
#include "trace/span.h"

/* Attributes of the connection: when the call opens, while it is there.  x, s: NULL: not known. */
void mcp_span_begin(struct span *span, const struct mcp_call *c, const struct exchange *x, const struct stream *s);
/* All others, name, kind, times and status (semantic-conventions-genai, MCP): when the call is over. */
void mcp_span_end(struct span *span, const struct mcp_call *c, bool content, const struct trace_clock *clock);

#endif /* MCP_SPAN_H */
