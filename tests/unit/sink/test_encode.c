// SPDX-License-Identifier: Apache-2.0
/* Encoded by us, decoded by protobuf-c from the same .proto file; the official decoders see the export in the live tests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "otlp.pb-c.h"
#include "sink/otlp.h"
#include "spans.h"

#define assert_bytes(b, text) do { \
	assert_int_equal((b).len, sizeof(text) - 1); \
	assert_memory_equal((b).data, text, sizeof(text) - 1); \
} while (0)

struct encoded {
	struct buf resource, span;
};

static struct otlp_part encode(struct encoded *e, const struct span *s)
{
	buf_init(&e->resource, 1 << 20);
	buf_init(&e->span, 8 << 20);
	assert_int_equal(otlp_encode_resource(&e->resource, s->resource), 0);
	assert_int_equal(otlp_encode_span(&e->span, s), 0);
	return (struct otlp_part){ buf_view(&e->resource), buf_view(&e->span) };
}

static void encoded_release(struct encoded *e)
{
	buf_release(&e->resource);
	buf_release(&e->span);
}

static Otlp__ExportTraceServiceRequest *request_of(const struct otlp_part *parts, size_t n, size_t *ret_size)
{
	Otlp__ExportTraceServiceRequest *r;
	struct buf b;

	buf_init(&b, 16 << 20);
	assert_int_equal(otlp_encode_request(&b, parts, n), 0);
	if (ret_size)
		*ret_size = b.n;
	r = otlp__export_trace_service_request__unpack(NULL, b.n, (const uint8_t *)b.p);
	assert_non_null(r);
	buf_release(&b);
	return r;
}

static const Otlp__AnyValue *attr(Otlp__KeyValue **kv, size_t n, const char *key)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (kv[i]->key.len == strlen(key) && !memcmp(kv[i]->key.data, key, kv[i]->key.len))
			return kv[i]->value;
	fail_msg("no attribute %s", key);
	return NULL;
}

static void check_attributes(const Otlp__Span *s)
{
	const Otlp__AnyValue *v;

#define GET(key) (v = attr(s->attributes, s->n_attributes, key))
	assert_int_equal(s->n_attributes, 10);
	assert_bytes(GET("gen_ai.request.model")->string_value, "m\0\n\xc3\xa9");
	GET("gen_ai.response.id");
	assert_int_equal(v->value_case, OTLP__ANY_VALUE__VALUE_STRING_VALUE);
	assert_int_equal(v->string_value.len, 0);
	assert_true(GET("gen_ai.request.seed")->int_value == INT64_MIN);
	GET("gen_ai.usage.input_tokens");
	assert_int_equal(v->value_case, OTLP__ANY_VALUE__VALUE_INT_VALUE);
	assert_int_equal(v->int_value, 0);
	assert_true(GET("gen_ai.request.temperature")->double_value == 0.5);
	assert_true(__builtin_isnan(GET("gen_ai.request.top_p")->double_value));
	GET("onlooker.capture.complete");
	assert_int_equal(v->value_case, OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
	assert_false(v->bool_value);
	GET("gen_ai.response.finish_reasons");
	assert_int_equal(v->array_value->n_values, 2);
	assert_bytes(v->array_value->values[0]->string_value, "stop");
	assert_int_equal(v->array_value->values[1]->value_case, OTLP__ANY_VALUE__VALUE_STRING_VALUE);
	GET("gen_ai.request.stop_sequences");
	assert_int_equal(v->value_case, OTLP__ANY_VALUE__VALUE_ARRAY_VALUE);
	assert_int_equal(v->array_value->n_values, 0);
#undef GET
}

static void check_span(const Otlp__Span *s)
{
	assert_bytes(s->trace_id, "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11");
	assert_bytes(s->span_id, "\0\0\0\0\0\0\0\7");
	assert_bytes(s->parent_span_id, "\xc0\0\0\0\0\0\0\0");
	assert_bytes(s->trace_state, "vendor=1");
	assert_bytes(s->name, "chat m");
	assert_int_equal(s->kind, 3);
	assert_int_equal(s->flags, 0x300);
	assert_true(s->start_time_unix_nano == 1700000000000000000u);
	assert_true(s->end_time_unix_nano == 1700000001500000000u);
	assert_int_equal(s->status->code, 2);
	assert_bytes(s->status->message, "over \"loaded\"");
	assert_int_equal(s->dropped_attributes_count, 4);
	assert_int_equal(s->dropped_events_count, 5);
	assert_int_equal(s->dropped_links_count, 6);
	assert_int_equal(s->n_events, 1);
	assert_bytes(s->events[0]->name, "file");
	assert_true(s->events[0]->time_unix_nano == 1700000000000000001u);
	assert_int_equal(attr(s->events[0]->attributes, s->events[0]->n_attributes, "process.pid")->int_value, 42);
	assert_int_equal(s->n_links, 1);
	assert_int_equal(s->links[0]->trace_id.len, 16);
	assert_bytes(s->links[0]->span_id, "\xbb\0\0\0\0\0\0\0");
	assert_bytes(attr(s->links[0]->attributes, 1, "onlooker.link.basis")->string_value, "tool_call_id");
}

static void one_of_everything_comes_back(void **state)
{
	struct resource *r = a_resource("agent");
	struct span *s = a_full_span(r);
	Otlp__ExportTraceServiceRequest *req;
	struct encoded e;
	struct otlp_part part = encode(&e, s);
	const Otlp__ResourceSpans *rs;

	req = request_of(&part, 1, NULL);
	assert_int_equal(req->n_resource_spans, 1);
	rs = req->resource_spans[0];
	assert_bytes(attr(rs->resource->attributes, rs->resource->n_attributes, "service.name")->string_value, "agent");
	assert_int_equal(rs->n_scope_spans, 1);
	assert_bytes(rs->scope_spans[0]->scope->name, "onlooker");
	assert_bytes(rs->scope_spans[0]->scope->version, ONLOOKER_VERSION);
	assert_int_equal(rs->scope_spans[0]->n_spans, 1);
	check_span(rs->scope_spans[0]->spans[0]);
	check_attributes(rs->scope_spans[0]->spans[0]);
	otlp__export_trace_service_request__free_unpacked(req, NULL);
	encoded_release(&e);
	span_free(s);
	resource_put(r);
}

/* The bytes themselves, so that a wrong number in the .proto file cannot agree with itself. */
static void wire_format_is_as_published(void **state)
{
	struct span *s = a_span(7, NULL);
	static const char want[] =
		"\x0a\x10\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11"	/* 1 trace_id */
		"\x12\x08\0\0\0\0\0\0\0\7"		/* 2 span_id */
		"\x2a\x06" "chat m"			/* 5 name */
		"\x30\x03"				/* 6 kind */
		"\x39\0\0\x2a\x36\xfe\x9c\x97\x17"	/* 7 start, fixed64 */
		"\x41\0\x2f\x92\x8f\xfe\x9c\x97\x17"	/* 8 end, fixed64 */
		"\x7a\x02\x18\x02"			/* 15 status: 3 code */
		"\x85\x01\0\1\0\0";			/* 16 flags, fixed32 */
	struct encoded e;

	s->error = true;
	encode(&e, s);
	assert_int_equal(e.span.n, sizeof(want) - 1);
	assert_memory_equal(e.span.p, want, sizeof(want) - 1);
	encoded_release(&e);
	span_free(s);
}

static void spans_are_grouped_by_resource(void **state)
{
	struct resource *r[2] = { a_resource("one"), a_resource("two") };
	struct resource *twin = a_resource("one");	/* equal, another object */
	struct resource *of[] = { r[0], r[1], r[0], NULL, twin };
	Otlp__ExportTraceServiceRequest *req;
	struct otlp_part parts[5];
	struct encoded e[5];
	size_t i, size, most = 0;

	for (i = 0; i < 5; i++) {
		struct span *s = a_span(i, of[i]);

		parts[i] = encode(&e[i], s);
		most += otlp_part_size(&parts[i]);
		span_free(s);
	}
	req = request_of(parts, 5, &size);
	assert_true(size <= most);
	assert_int_equal(req->n_resource_spans, 3);
	assert_int_equal(req->resource_spans[0]->n_scope_spans, 1);
	assert_int_equal(req->resource_spans[0]->scope_spans[0]->n_spans, 3);
	assert_int_equal(req->resource_spans[0]->scope_spans[0]->spans[0]->span_id.data[7], 0);
	assert_int_equal(req->resource_spans[0]->scope_spans[0]->spans[1]->span_id.data[7], 2);
	assert_int_equal(req->resource_spans[0]->scope_spans[0]->spans[2]->span_id.data[7], 4);
	assert_int_equal(req->resource_spans[1]->scope_spans[0]->n_spans, 1);
	assert_int_equal(req->resource_spans[2]->resource->n_attributes, 0);
	otlp__export_trace_service_request__free_unpacked(req, NULL);
	for (i = 0; i < 5; i++)
		encoded_release(&e[i]);
	resource_put(r[0]);
	resource_put(r[1]);
	resource_put(twin);
}

static void nothing_makes_an_empty_request(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	assert_int_equal(otlp_encode_request(&b, NULL, 0), 0);
	assert_int_equal(b.n, 0);
	buf_release(&b);
}

/* For one part the size is exact, at every length of a length. */
static void sizes_are_exact(void **state)
{
	static const size_t lengths[] = { 1, 100, 127, 128, 200, 16300, 16384, 20000, 2097152 };
	char *text = calloc(1, 2097152);
	size_t i, size;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct span *s = a_span(1, NULL);
		struct encoded e;
		struct otlp_part part;

		s->name = (struct view){ text, lengths[i] };
		part = encode(&e, s);
		otlp__export_trace_service_request__free_unpacked(request_of(&part, 1, &size), NULL);
		assert_int_equal(size, otlp_part_size(&part));
		encoded_release(&e);
		span_free(s);
	}
	free(text);
}

static void bad_text_is_repaired(void **state)
{
	struct span *s = a_span(1, NULL);
	struct encoded e;
	Otlp__Span *got;

	s->name = VIEW("chat \xff");
	s->trace_state = VIEW("\xc0\x80");
	encode(&e, s);
	got = otlp__span__unpack(NULL, e.span.n, (const uint8_t *)e.span.p);
	assert_bytes(got->name, "chat \xef\xbf\xbd");
	assert_bytes(got->trace_state, "\xef\xbf\xbd\xef\xbf\xbd");
	otlp__span__free_unpacked(got, NULL);
	encoded_release(&e);
	span_free(s);
}

static void no_room_leaves_nothing(void **state)
{
	struct span *s = a_full_span(NULL);
	struct otlp_part part;
	struct encoded e;
	struct buf b;

	part = encode(&e, s);
	buf_init(&b, 60);
	buf_add(&b, VIEW("before"));
	assert_int_equal(otlp_encode_span(&b, s), -E2BIG);
	assert_int_equal(otlp_encode_request(&b, &part, 1), -E2BIG);
	assert_int_equal(b.n, 6);
	buf_release(&b);
	encoded_release(&e);
	span_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_everything_comes_back),
		cmocka_unit_test(wire_format_is_as_published),
		cmocka_unit_test(spans_are_grouped_by_resource),
		cmocka_unit_test(nothing_makes_an_empty_request),
		cmocka_unit_test(sizes_are_exact),
		cmocka_unit_test(bad_text_is_repaired),
		cmocka_unit_test(no_room_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
