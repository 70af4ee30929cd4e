// SPDX-License-Identifier: Apache-2.0
/*
 * OTLP/JSON: proto3's mapping with three exceptions (specification v1.60.0,
 * OTLP/HTTP): ids are hexadecimal, enums are numbers, names are lowerCamelCase only.
 * As in proto3, 64-bit integers are strings, the doubles JSON cannot write are
 * words, and fields at their default are left out.
 */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "sink/otlp.h"

bool otlp_has_parent(const struct span *s)
{
	static const uint8_t none[sizeof(s->parent_id)];

	return memcmp(s->parent_id, none, sizeof(none));
}

uint32_t otlp_flags(const struct span *s)
{
	return OTLP_FLAG_REMOTE_KNOWN | (s->parent_remote ? OTLP_FLAG_REMOTE : 0);
}

static void put_text(struct jsonw *w, const char *key, struct view v)
{
	jsonw_key(w, key);
	jsonw_str(w, v);
}

static void put_hex(struct jsonw *w, const char *key, const uint8_t *id, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[32];
	size_t i;

	for (i = 0; i < n; i++) {
		text[2 * i] = digits[id[i] >> 4];
		text[2 * i + 1] = digits[id[i] & 15];
	}
	put_text(w, key, (struct view){ text, 2 * n });
}

static void put_time(struct jsonw *w, const char *key, uint64_t ns)
{
	char text[24];

	put_text(w, key, (struct view){ text, snprintf(text, sizeof(text), "%llu", (unsigned long long)ns) });
}

static void put_count(struct jsonw *w, const char *key, unsigned n)
{
	if (!n)
		return;
	jsonw_key(w, key);
	jsonw_uint(w, n);
}

static void put_double(struct jsonw *w, double d)
{
	jsonw_key(w, "doubleValue");
	if (isnan(d))
		jsonw_str(w, VIEW("NaN"));
	else if (isinf(d))
		jsonw_str(w, d > 0 ? VIEW("Infinity") : VIEW("-Infinity"));
	else
		jsonw_double(w, d);
}

static void put_strs(struct jsonw *w, const struct value *v)
{
	size_t i;

	jsonw_key(w, "arrayValue");
	jsonw_open(w, '{');
	jsonw_key(w, "values");
	jsonw_open(w, '[');
	for (i = 0; i < v->arr.n; i++) {
		jsonw_open(w, '{');
		put_text(w, "stringValue", v->arr.v[i]);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
	jsonw_close(w, '}');
}

static void put_value(struct jsonw *w, const struct value *v)
{
	char text[24];

	jsonw_open(w, '{');
	switch (v->type) {
	case VALUE_STR:
		put_text(w, "stringValue", v->str);
		break;
	case VALUE_INT:
		put_text(w, "intValue",
			 (struct view){ text, snprintf(text, sizeof(text), "%lld", (long long)v->i) });
		break;
	case VALUE_DOUBLE:
		put_double(w, v->d);
		break;
	case VALUE_BOOL:
		jsonw_key(w, "boolValue");
		jsonw_bool(w, v->b);
		break;
	case VALUE_STR_ARRAY:
		put_strs(w, v);
		break;
	}
	jsonw_close(w, '}');
}

static void put_attrs(struct jsonw *w, const struct attrs *as)
{
	const struct attr *at;

	if (as->first) {
		jsonw_key(w, "attributes");
		jsonw_open(w, '[');
		for (at = as->first; at; at = at->next) {
			jsonw_open(w, '{');
			put_text(w, "key", view_of(at->def->name));
			jsonw_key(w, "value");
			put_value(w, &at->value);
			jsonw_close(w, '}');
		}
		jsonw_close(w, ']');
	}
	put_count(w, "droppedAttributesCount", as->dropped);
}

static void put_events(struct jsonw *w, const struct span_event *ev)
{
	if (!ev)
		return;
	jsonw_key(w, "events");
	jsonw_open(w, '[');
	for (; ev; ev = ev->next) {
		jsonw_open(w, '{');
		put_time(w, "timeUnixNano", ev->ts);
		put_text(w, "name", view_of(ev->name));
		put_attrs(w, &ev->attrs);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

static void put_links(struct jsonw *w, const struct span_link *link)
{
	if (!link)
		return;
	jsonw_key(w, "links");
	jsonw_open(w, '[');
	for (; link; link = link->next) {
		jsonw_open(w, '{');
		put_hex(w, "traceId", link->trace_id, sizeof(link->trace_id));
		put_hex(w, "spanId", link->span_id, sizeof(link->span_id));
		put_attrs(w, &link->attrs);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

static void put_status(struct jsonw *w, const struct span *s)
{
	if (!s->error)
		return;
	jsonw_key(w, "status");
	jsonw_open(w, '{');
	if (s->error_message.n)
		put_text(w, "message", s->error_message);
	jsonw_key(w, "code");
	jsonw_uint(w, 2);
	jsonw_close(w, '}');
}

static void put_span(struct jsonw *w, const struct span *s)
{
	jsonw_open(w, '{');
	put_hex(w, "traceId", s->trace_id, sizeof(s->trace_id));
	put_hex(w, "spanId", s->span_id, sizeof(s->span_id));
	if (s->trace_state.n)
		put_text(w, "traceState", s->trace_state);
	if (otlp_has_parent(s))
		put_hex(w, "parentSpanId", s->parent_id, sizeof(s->parent_id));
	jsonw_key(w, "flags");
	jsonw_uint(w, otlp_flags(s));
	put_text(w, "name", s->name);
	jsonw_key(w, "kind");
	jsonw_uint(w, s->kind);
	put_time(w, "startTimeUnixNano", s->start);
	put_time(w, "endTimeUnixNano", s->end);
	put_attrs(w, &s->attrs);
	put_events(w, s->events);
	put_count(w, "droppedEventsCount", s->event_dropped);
	put_links(w, s->links);
	put_count(w, "droppedLinksCount", s->link_dropped);
	put_status(w, s);
	jsonw_close(w, '}');
}

static void put_resource(struct jsonw *w, const struct resource *r)
{
	jsonw_key(w, "resource");
	jsonw_open(w, '{');
	if (r)
		put_attrs(w, &r->attrs);
	jsonw_close(w, '}');
}

static void put_scope(struct jsonw *w)
{
	jsonw_key(w, "scope");
	jsonw_open(w, '{');
	put_text(w, "name", VIEW(OTLP_SCOPE));
	put_text(w, "version", VIEW(ONLOOKER_VERSION));
	jsonw_close(w, '}');
}

static void open_list(struct jsonw *w, const char *key)
{
	jsonw_key(w, key);
	jsonw_open(w, '[');
}

int otlp_json(struct buf *out, const struct span *s)
{
	size_t before = out->n;
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_open(&w, '{');
	open_list(&w, "resourceSpans");
	jsonw_open(&w, '{');
	put_resource(&w, s->resource);
	open_list(&w, "scopeSpans");
	jsonw_open(&w, '{');
	put_scope(&w);
	open_list(&w, "spans");
	put_span(&w, s);
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	if (w.err)
		out->n = before;
	return w.err;
}
