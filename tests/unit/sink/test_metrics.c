// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "otlp.pb-c.h"
#include "sink/metrics_export.h"
#include "spans.h"

static struct metrics *some_metrics(void)
{
	struct resource *r = a_resource("the \"agent\"\n");
	struct metrics *m = metrics_new(5);
	struct span *s = a_span(1, r);

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_PROVIDER_NAME, VIEW("openai"));
	attrs_int(&s->attrs, &s->arena, ATTR_SERVER_PORT, 443);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 1000);
	attrs_double(&s->attrs, &s->arena, ATTR_ONLOOKER_COST_USD, 0.125);
	metrics_span(m, s);
	metrics_book(m, "onlooker.capture.bytes", "delivered", 12345678901234);
	span_free(s);
	resource_put(r);
	return m;
}

static bool is(ProtobufCBinaryData d, const char *text)
{
	return view_eq((struct view){ (char *)d.data, d.len }, view_of(text));
}

static Otlp__Metric *metric(Otlp__ResourceMetrics *r, const char *name)
{
	for (size_t i = 0; i < r->scope_metrics[0]->n_metrics; i++)
		if (is(r->scope_metrics[0]->metrics[i]->name, name))
			return r->scope_metrics[0]->metrics[i];
	fail_msg("no %s", name);
	return NULL;
}

/* Read back by the generated decoder. */
static void test_encode(void **state)
{
	struct metrics *m = some_metrics();
	Otlp__ExportMetricsServiceRequest *r;
	Otlp__HistogramDataPoint *h;
	Otlp__NumberDataPoint *n;
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(metrics_encode(&out, m, 99), 0);
	r = otlp__export_metrics_service_request__unpack(NULL, out.n, (uint8_t *)out.p);
	assert_non_null(r);
	assert_int_equal(r->n_resource_metrics, 2);
	n = metric(r->resource_metrics[0], "onlooker.capture.bytes")->sum->data_points[0];
	assert_int_equal(n->as_int, 12345678901234);
	assert_int_equal(n->start_time_unix_nano, 5);
	assert_int_equal(n->time_unix_nano, 99);
	assert_true(is(r->resource_metrics[0]->resource->attributes[0]->value->string_value, "onlooker"));
	assert_true(is(r->resource_metrics[1]->resource->attributes[0]->value->string_value, "the \"agent\"\n"));
	assert_true(is(metric(r->resource_metrics[1], "gen_ai.client.token.usage")->unit, "{token}"));
	assert_int_equal(metric(r->resource_metrics[1], "gen_ai.client.token.usage")->histogram->aggregation_temporality, 2);
	h = metric(r->resource_metrics[1], "gen_ai.client.token.usage")->histogram->data_points[0];
	assert_int_equal(h->n_explicit_bounds, 14);
	assert_int_equal(h->n_bucket_counts, 15);
	assert_int_equal(h->bucket_counts[5], 1);
	assert_true(h->sum == 1000 && h->min == 1000 && h->max == 1000);
	assert_true(metric(r->resource_metrics[1], "onlooker.cost")->sum->data_points[0]->as_double == 0.125);
	assert_true(metric(r->resource_metrics[1], "onlooker.cost")->sum->is_monotonic);
	otlp__export_metrics_service_request__free_unpacked(r, NULL);
	buf_release(&out);
	metrics_free(m);
}

static void test_nothing(void **state)
{
	struct metrics *m = metrics_new(5);
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(metrics_encode(&out, m, 99), 0);
	assert_int_equal(metrics_text(&out, m), 0);
	assert_int_equal(out.n, 0);
	metrics_free(m);
}

static void test_text(void **state)
{
	static const char *const lines[] = {
		"# TYPE onlooker_capture_bytes_total counter\n",
		"onlooker_capture_bytes_total{onlooker_state=\"delivered\"} 12345678901234\n",
		"# TYPE gen_ai_client_token_usage histogram\n",
		"gen_ai_client_token_usage_bucket{service_name=\"the \\\"agent\\\"\\n\",gen_ai_provider_name=\"openai\","
		"server_port=\"443\",gen_ai_token_type=\"input\",le=\"256\"} 0\n",
		",le=\"1024\"} 1\n",
		",gen_ai_token_type=\"input\",le=\"+Inf\"} 1\n",
		",gen_ai_token_type=\"input\"} 1000\n",
		"gen_ai_client_operation_duration_seconds_sum{service_name=\"the \\\"agent\\\"\\n\","
		"gen_ai_provider_name=\"openai\",server_port=\"443\"} 1.5\n",
		"onlooker_cost_usd_total{service_name=\"the \\\"agent\\\"\\n\",gen_ai_provider_name=\"openai\","
		"server_port=\"443\"} 0.125\n",
	};
	struct metrics *m = some_metrics();
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(metrics_text(&out, m), 0);
	buf_add_byte(&out, '\0');
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(out.p, lines[i]))
			fail_msg("no %s in\n%s", lines[i], out.p);
	buf_release(&out);
	metrics_free(m);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "", ":", "nonsense", "127.0.0.1:", "127.0.0.1:99999999", "[::1:9464", "1.2.3.4.5:80" };
	struct metrics *m = metrics_new(1);
	const char *why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		assert_null(prometheus_new(bad[i], m, &why));
		assert_non_null(why);
	}
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
