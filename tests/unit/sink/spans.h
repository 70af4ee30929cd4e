/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPANS_H
#define SPANS_H

#include "trace/span.h"

/* Spans to put into sinks. */

static inline struct resource *a_resource(const char *service)
{
	struct resource *r = resource_new();

	attrs_str(&r->attrs, &r->arena, ATTR_SERVICE_NAME, view_of(service));
	return r;
}

/* The caller's reference to r stays the caller's. */
static inline struct span *a_span(uint8_t id, struct resource *r)
{
	struct span *s = span_new();

	memset(s->trace_id, 0x11, sizeof(s->trace_id));
	memset(s->span_id, 0, sizeof(s->span_id));
	s->span_id[7] = id;
	s->name = VIEW("chat m");
	s->kind = SPAN_CLIENT;
	s->start = 1700000000000000000;
	s->end = s->start + 1500000000;
	s->resource = resource_get(r);
	return s;
}

/* One of everything. */
static inline struct span *a_full_span(struct resource *r)
{
	static const struct view reasons[] = { VIEW("stop"), VIEW("") };
	static const uint8_t other_trace[16] = { 0xaa }, other_span[8] = { 0xbb };
	struct span *s = a_span(7, r);
	struct span_event *ev;
	struct span_link *link;

	s->parent_id[0] = 0xc0;
	s->parent_remote = true;
	s->trace_state = VIEW("vendor=1");
	s->error = true;
	s->error_message = VIEW("over \"loaded\"");
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, VIEW("m\0\n\xc3\xa9"));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_ID, VIEW(""));
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_SEED, INT64_MIN);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 0);
	attrs_double(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_TEMPERATURE, 0.5);
	attrs_double(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_TOP_P, __builtin_nan(""));
	attrs_double(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY, -__builtin_inf());
	attrs_bool(&s->attrs, &s->arena, ATTR_ONLOOKER_CAPTURE_COMPLETE, false);
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS, reasons, 2);
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_STOP_SEQUENCES, NULL, 0);
	s->attrs.dropped = 4;
	ev = span_add_event(s, s->start + 1, "file");
	attrs_int(&ev->attrs, &s->arena, ATTR_PROCESS_PID, 42);
	s->event_dropped = 5;
	link = span_add_link(s, other_trace, other_span);
	attrs_str(&link->attrs, &s->arena, ATTR_ONLOOKER_LINK_BASIS, VIEW("tool_call_id"));
	s->link_dropped = 6;
	return s;
}

#endif /* SPANS_H */
