// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "sink/otlp.h"
#include "spans.h"

static struct buf write_span(const struct span *s)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(otlp_json(&b, s), 0);
	assert_int_equal(json_check(buf_view(&b)), 0);
	return b;
}

#define assert_json(s, want) do { \
	struct buf got_ = write_span(s); \
	buf_add_byte(&got_, '\0'); \
	assert_string_equal(got_.p, want); \
	buf_release(&got_); \
} while (0)

static void the_least_span(void **state)
{
	struct span *s = a_span(7, NULL);

	assert_json(s,
		"{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"scope\":{\"name\":\"onlooker\",\"version\":\""
		ONLOOKER_VERSION "\"},\"spans\":[{\"traceId\":\"11111111111111111111111111111111\","
		"\"spanId\":\"0000000000000007\",\"flags\":256,\"name\":\"chat m\",\"kind\":3,"
		"\"startTimeUnixNano\":\"1700000000000000000\",\"endTimeUnixNano\":\"1700000001500000000\"}]}]}]}");
	span_free(s);
}

static void one_of_everything(void **state)
{
	struct resource *r = a_resource("agent");
	struct span *s = a_full_span(r);

	assert_json(s,
		"{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"agent\"}}]},"
		"\"scopeSpans\":[{\"scope\":{\"name\":\"onlooker\",\"version\":\"" ONLOOKER_VERSION "\"},\"spans\":[{"
		"\"traceId\":\"11111111111111111111111111111111\",\"spanId\":\"0000000000000007\",\"traceState\":\"vendor=1\","
		"\"parentSpanId\":\"c000000000000000\",\"flags\":768,\"name\":\"chat m\",\"kind\":3,"
		"\"startTimeUnixNano\":\"1700000000000000000\",\"endTimeUnixNano\":\"1700000001500000000\",\"attributes\":["
		"{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"m\\u0000\\n\xc3\xa9\"}},"
		"{\"key\":\"gen_ai.response.id\",\"value\":{\"stringValue\":\"\"}},"
		"{\"key\":\"gen_ai.request.seed\",\"value\":{\"intValue\":\"-9223372036854775808\"}},"
		"{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"0\"}},"
		"{\"key\":\"gen_ai.request.temperature\",\"value\":{\"doubleValue\":0.5}},"
		"{\"key\":\"gen_ai.request.top_p\",\"value\":{\"doubleValue\":\"NaN\"}},"
		"{\"key\":\"gen_ai.request.frequency_penalty\",\"value\":{\"doubleValue\":\"-Infinity\"}},"
		"{\"key\":\"onlooker.capture.complete\",\"value\":{\"boolValue\":false}},"
		"{\"key\":\"gen_ai.response.finish_reasons\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"stop\"},{\"stringValue\":\"\"}]}}},"
		"{\"key\":\"gen_ai.request.stop_sequences\",\"value\":{\"arrayValue\":{\"values\":[]}}}],"
		"\"droppedAttributesCount\":4,"
		"\"events\":[{\"timeUnixNano\":\"1700000000000000001\",\"name\":\"file\",\"attributes\":[{\"key\":\"process.pid\",\"value\":{\"intValue\":\"42\"}}]}],"
		"\"droppedEventsCount\":5,"
		"\"links\":[{\"traceId\":\"aa000000000000000000000000000000\",\"spanId\":\"bb00000000000000\","
		"\"attributes\":[{\"key\":\"onlooker.link.basis\",\"value\":{\"stringValue\":\"tool_call_id\"}}]}],"
		"\"droppedLinksCount\":6,"
		"\"status\":{\"message\":\"over \\\"loaded\\\"\",\"code\":2}}]}]}]}");
	span_free(s);
	resource_put(r);
}

/* The same span gives the same bytes, whatever was written before. */
static void it_is_repeatable(void **state)
{
	struct span *s = a_full_span(NULL);
	struct buf a = write_span(s), b = write_span(s);

	assert_true(view_eq(buf_view(&a), buf_view(&b)));
	buf_release(&a);
	buf_release(&b);
	span_free(s);
}

/* Texts of the span itself may be anything. */
static void bad_text_is_repaired(void **state)
{
	struct span *s = a_span(1, NULL);
	struct buf b;

	s->name = VIEW("chat \xff\x1b[31m");
	s->error = true;
	s->error_message = VIEW("\xe2\x82");
	b = write_span(s);
	assert_non_null(memmem(b.p, b.n, "chat \xef\xbf\xbd\\u001b[31m", 16));
	assert_null(memchr(b.p, 0x1b, b.n));
	buf_release(&b);
	span_free(s);
}

static void no_room_leaves_nothing(void **state)
{
	struct span *s = a_full_span(NULL);
	struct buf b;

	buf_init(&b, 300);
	buf_add(&b, VIEW("before"));
	assert_int_equal(otlp_json(&b, s), -E2BIG);
	assert_int_equal(b.n, 6);
	buf_release(&b);
	span_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_span),
		cmocka_unit_test(one_of_everything),
		cmocka_unit_test(it_is_repeatable),
		cmocka_unit_test(bad_text_is_repaired),
		cmocka_unit_test(no_room_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
