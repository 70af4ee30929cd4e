// SPDX-License-Identifier: Apache-2.0
/*
 * OTLP's binary encoding.  Spans and resources are encoded when they are
 * queued, each for itself; which of them travel together is known only when a
 * batch leaves.  A message in a message is a tag, a length and its bytes, so
 * the envelopes are written around the finished parts here and nothing is
 * encoded twice.
 */
#include <errno.h>
#include <stdlib.h>

#include "sink/otlp.h"
#include "sink/otlp_message.h"

/* Field number and wire type 2 (length-delimited) in one byte. */
enum tag {
	TAG_RESOURCE_SPANS = 1 << 3 | 2,	/* ExportTraceServiceRequest */
	TAG_RESOURCE = 1 << 3 | 2,		/* ResourceSpans */
	TAG_SCOPE_SPANS = 2 << 3 | 2,
	TAG_SCOPE = 1 << 3 | 2,			/* ScopeSpans */
	TAG_SPANS = 2 << 3 | 2,
};

static bytes bytes_id(const uint8_t *id, size_t n)
{
	return (bytes){ .len = n, .data = (uint8_t *)id };
}

static Otlp__Span__Event **make_events(struct scratch *m, const struct span *s, size_t *ret_n)
{
	Otlp__Span__Event **all = msg_take(m, s->event_cnt, sizeof(*all));
	const struct span_event *ev;
	size_t n = 0;

	for (ev = s->events; ev && !m->failed; ev = ev->next) {
		Otlp__Span__Event *e = msg_take(m, 1, sizeof(*e));

		if (!e)
			break;
		otlp__span__event__init(e);
		e->time_unix_nano = ev->ts;
		e->name = msg_text(m, view_of(ev->name));
		e->attributes = msg_attrs(m, &ev->attrs, &e->n_attributes);
		e->dropped_attributes_count = ev->attrs.dropped;
		all[n++] = e;
	}
	*ret_n = n;
	return all;
}

static Otlp__Span__Link **make_links(struct scratch *m, const struct span *s, size_t *ret_n)
{
	Otlp__Span__Link **all = msg_take(m, s->link_cnt, sizeof(*all));
	const struct span_link *link;
	size_t n = 0;

	for (link = s->links; link && !m->failed; link = link->next) {
		Otlp__Span__Link *l = msg_take(m, 1, sizeof(*l));

		if (!l)
			break;
		otlp__span__link__init(l);
		l->trace_id = bytes_id(link->trace_id, sizeof(link->trace_id));
		l->span_id = bytes_id(link->span_id, sizeof(link->span_id));
		l->attributes = msg_attrs(m, &link->attrs, &l->n_attributes);
		l->dropped_attributes_count = link->attrs.dropped;
		all[n++] = l;
	}
	*ret_n = n;
	return all;
}

static Otlp__Status *make_status(struct scratch *m, const struct span *s)
{
	Otlp__Status *status = s->error ? msg_take(m, 1, sizeof(*status)) : NULL;

	if (!status)
		return NULL;
	otlp__status__init(status);
	status->code = OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
	status->message = msg_text(m, s->error_message);
	return status;
}

int otlp_encode_span(struct buf *out, const struct span *s)
{
	Otlp__Span msg = OTLP__SPAN__INIT;
	struct scratch m = {};
	int err;

	arena_init(&m.arena, MSG_MAX);
	msg.trace_id = bytes_id(s->trace_id, sizeof(s->trace_id));
	msg.span_id = bytes_id(s->span_id, sizeof(s->span_id));
	msg.trace_state = msg_text(&m, s->trace_state);
	if (otlp_has_parent(s))
		msg.parent_span_id = bytes_id(s->parent_id, sizeof(s->parent_id));
	msg.name = msg_text(&m, s->name);
	msg.kind = (Otlp__Span__SpanKind)s->kind;
	msg.start_time_unix_nano = s->start;
	msg.end_time_unix_nano = s->end;
	msg.attributes = msg_attrs(&m, &s->attrs, &msg.n_attributes);
	msg.dropped_attributes_count = s->attrs.dropped;
	msg.events = make_events(&m, s, &msg.n_events);
	msg.dropped_events_count = s->event_dropped;
	msg.links = make_links(&m, s, &msg.n_links);
	msg.dropped_links_count = s->link_dropped;
	msg.status = make_status(&m, s);
	msg.flags = otlp_flags(s);
	err = msg_pack(out, &m, &msg.base);
	arena_release(&m.arena);
	return err;
}

int otlp_encode_log(struct buf *out, const struct span *s)
{
	Otlp__LogRecord msg = OTLP__LOG_RECORD__INIT;
	Otlp__AnyValue body;
	struct scratch m = {};
	int err;

	otlp__any_value__init(&body);
	arena_init(&m.arena, MSG_MAX);
	msg.time_unix_nano = msg.observed_time_unix_nano = s->start;
	msg.severity_number = 13;
	msg.severity_text = msg_bytes(VIEW("WARN"));
	body.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	body.string_value = msg_text(&m, s->error_message);
	msg.body = &body;
	msg.attributes = msg_attrs(&m, &s->attrs, &msg.n_attributes);
	msg.dropped_attributes_count = s->attrs.dropped;
	msg.event_name = msg_text(&m, s->name);
	err = msg_pack(out, &m, &msg.base);
	arena_release(&m.arena);
	return err;
}

int otlp_encode_resource(struct buf *out, const struct resource *r)
{
	Otlp__Resource msg = OTLP__RESOURCE__INIT;
	struct scratch m = {};
	int err;

	if (!r)
		return 0;
	arena_init(&m.arena, MSG_MAX);
	msg.attributes = msg_attrs(&m, &r->attrs, &msg.n_attributes);
	msg.dropped_attributes_count = r->attrs.dropped;
	err = msg_pack(out, &m, &msg.base);
	arena_release(&m.arena);
	return err;
}

static size_t varint_size(size_t n)
{
	size_t sz = 1;

	while (n >>= 7)
		sz++;
	return sz;
}

static size_t field_size(size_t n)
{
	return 1 + varint_size(n) + n;
}

static int put_head(struct buf *out, enum tag tag, size_t n)
{
	char head[1 + 10];
	size_t at = 0;

	head[at++] = tag;
	for (; n > 0x7f; n >>= 7)
		head[at++] = n | 0x80;
	head[at++] = n;
	return buf_add(out, (struct view){ head, at });
}

static int put_field(struct buf *out, enum tag tag, struct view v)
{
	int err = put_head(out, tag, v.n);

	return err ? err : buf_add(out, v);
}

static size_t scope_size(void)
{
	return field_size(strlen(OTLP_SCOPE)) + field_size(strlen(ONLOOKER_VERSION));
}

static int put_scope(struct buf *out)
{
	Otlp__InstrumentationScope msg = OTLP__INSTRUMENTATION_SCOPE__INIT;
	uint8_t text[64 + sizeof(OTLP_SCOPE ONLOOKER_VERSION)];

	msg.name = msg_bytes(VIEW(OTLP_SCOPE));
	msg.version = msg_bytes(VIEW(ONLOOKER_VERSION));
	return put_field(out, TAG_SCOPE,
			 (struct view){ (char *)text, otlp__instrumentation_scope__pack(&msg, text) });
}

size_t otlp_part_size(const struct otlp_part *p)
{
	size_t spans = field_size(scope_size()) + field_size(p->span.n);

	return field_size(field_size(p->resource.n) + field_size(spans));
}

static bool same_resource(const struct otlp_part *a, const struct otlp_part *b)
{
	return (a->resource.p == b->resource.p && a->resource.n == b->resource.n) ||
	       view_eq(a->resource, b->resource);
}

/* lead[i]: the first part with the resource of part i. */
static void find_leads(unsigned *lead, const struct otlp_part *parts, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			if (lead[j] == j && same_resource(&parts[i], &parts[j]))
				break;
		lead[i] = j;
	}
}

static int put_group(struct buf *out, const struct otlp_part *parts, const unsigned *lead, size_t first, size_t n)
{
	size_t spans = field_size(scope_size()), i;
	int err;

	for (i = first; i < n; i++)
		if (lead[i] == first)
			spans += field_size(parts[i].span.n);
	err = put_head(out, TAG_RESOURCE_SPANS, field_size(parts[first].resource.n) + field_size(spans));
	err = err ? err : put_field(out, TAG_RESOURCE, parts[first].resource);
	err = err ? err : put_head(out, TAG_SCOPE_SPANS, spans);
	err = err ? err : put_scope(out);
	for (i = first; i < n && !err; i++)
		if (lead[i] == first)
			err = put_field(out, TAG_SPANS, parts[i].span);
	return err;
}

int otlp_encode_request(struct buf *out, const struct otlp_part *parts, size_t n)
{
	unsigned *lead = calloc(n + 1, sizeof(*lead));
	size_t before = out->n, i;
	int err = lead ? 0 : -ENOMEM;

	if (lead)
		find_leads(lead, parts, n);
	for (i = 0; i < n && !err; i++)
		if (lead[i] == i)
			err = put_group(out, parts, lead, i, n);
	if (err)
		out->n = before;
	free(lead);
	return err;
}
