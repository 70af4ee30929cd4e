// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "metric/metric.h"

#define SECOND 1000000000ull

static struct span *call(const char *model, struct resource *r)
{
	struct span *s = span_new();

	s->kind = SPAN_CLIENT;
	s->start = SECOND;
	s->end = s->start + SECOND / 2;
	s->resource = resource_get(r);
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_OPERATION_NAME, VIEW("chat"));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_PROVIDER_NAME, VIEW("openai"));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, view_of(model));
	return s;
}

static void put(struct metrics *m, struct span *s)
{
	metrics_span(m, s);
	span_free(s);
}

struct wanted {
	const char *name, *token_type;
	struct metric_point got;
	unsigned cnt;
};

static bool look(void *arg, const struct metric_point *p)
{
	struct wanted *w = arg;
	const struct value *type = attrs_get(&p->attrs, ATTR_GEN_AI_TOKEN_TYPE);

	if (strcmp(p->def->name, w->name) || (w->token_type && (!type || !view_eq(type->str, view_of(w->token_type)))))
		return true;
	w->got = *p;
	w->cnt++;
	return true;
}

/* The one point of this metric. */
static struct metric_point point(struct metrics *m, const char *name, const char *token_type)
{
	struct wanted w = { .name = name, .token_type = token_type };

	metrics_each(m, look, &w);
	assert_int_equal(w.cnt, 1);
	return w.got;
}

static unsigned points(struct metrics *m, const char *name)
{
	struct wanted w = { .name = name };

	metrics_each(m, look, &w);
	return w.cnt;
}

static void test_call(void **state)
{
	struct metrics *m = metrics_new(7);
	struct metric_point p;
	struct span *s = call("m", NULL);

	assert_int_equal(metrics_started(m), 7);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 16);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, 17);
	attrs_double(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, 0.25);
	attrs_double(&s->attrs, &s->arena, ATTR_ONLOOKER_COST_USD, 0.5);
	metrics_span(m, s);
	put(m, s);
	p = point(m, "gen_ai.client.token.usage", "input");
	assert_int_equal(p.count, 2);
	assert_true(p.sum == 32 && p.min == 16 && p.max == 16);
	assert_int_equal(p.buckets[2], 2);		/* the upper end, 16, belongs to the bucket */
	p = point(m, "gen_ai.client.token.usage", "output");
	assert_int_equal(p.buckets[3], 2);
	p = point(m, "gen_ai.client.operation.duration", NULL);
	assert_true(p.sum == 1.0);
	assert_int_equal(p.buckets[6], 2);
	assert_int_equal(p.attrs.cnt, 3);
	assert_true(point(m, "gen_ai.client.operation.time_to_first_chunk", NULL).sum == 0.5);
	assert_true(point(m, "onlooker.cost", NULL).sum == 1.0);
	assert_int_equal(points(m, "gen_ai.client.operation.time_per_output_chunk"), 0);
	metrics_free(m);
}

/* Absent usage is absent: no value of 0 is recorded for it. */
static void test_absent(void **state)
{
	struct metrics *m = metrics_new(1);
	struct span *s = span_new();

	put(m, call("m", NULL));
	assert_int_equal(points(m, "gen_ai.client.token.usage"), 0);
	assert_int_equal(points(m, "onlooker.cost"), 0);
	attrs_str(&s->attrs, &s->arena, ATTR_PROCESS_EXECUTABLE_NAME, VIEW("ls"));
	put(m, s);					/* no call at all */
	assert_int_equal(point(m, "gen_ai.client.operation.duration", NULL).count, 1);
	metrics_free(m);
}

static void test_chunks(void **state)
{
	static const uint64_t at[] = { 100, 100 + 10000000, 100 + 10000000 + 10000001, 100 + 120 * SECOND };
	struct metrics *m = metrics_new(1);
	struct gen_chunks c = { 0 };
	struct metric_point p;
	struct span *s = call("m", NULL);

	for (size_t i = 0; i < 4; i++)
		gen_chunks_add(&c, at[i]);
	s->chunks = &c;
	put(m, s);
	p = point(m, "gen_ai.client.operation.time_per_output_chunk", NULL);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.buckets[0], 1);
	assert_int_equal(p.buckets[1], 1);
	assert_int_equal(p.buckets[14], 1);
	assert_true(p.min == 0.01 && p.max > 119 && p.sum > 119.99 && p.sum < 120.01);
	metrics_free(m);
}

static struct resource *program(const char *service, int64_t pid)
{
	struct resource *r = resource_new();

	attrs_str(&r->attrs, &r->arena, ATTR_SERVICE_NAME, view_of(service));
	attrs_int(&r->attrs, &r->arena, ATTR_PROCESS_PID, pid);
	return r;
}

/* Two processes of one service are one source, two services are two. */
static void test_sources(void **state)
{
	struct resource *a = program("a", 1), *a2 = program("a", 2), *b = program("b", 3);
	struct metrics *m = metrics_new(1);

	put(m, call("m", a));
	put(m, call("m", a2));
	put(m, call("m", b));
	put(m, call("m2", b));
	assert_int_equal(points(m, "gen_ai.client.operation.duration"), 3);
	resource_put(a);
	resource_put(a2);
	resource_put(b);
	metrics_free(m);
}

static bool find_overflow(void *arg, const struct metric_point *p)
{
	uint64_t *sum = arg;

	*sum += p->overflow ? p->count : 0;
	return true;
}

static void test_too_many(void **state)
{
	struct metrics *m = metrics_new(1);
	uint64_t over = 0;
	char model[16];

	for (int i = 0; i < 2500; i++) {
		snprintf(model, sizeof(model), "m%d", i);
		put(m, call(model, NULL));
	}
	assert_int_equal(points(m, "gen_ai.client.operation.duration"), 2000);
	metrics_each(m, find_overflow, &over);
	assert_int_equal(over, 501);
	assert_int_equal(metrics_stats(m).overflowed, 501);
	metrics_free(m);
}

static void test_books(void **state)
{
	struct metrics *m = metrics_new(1);

	metrics_book(m, "onlooker.capture.bytes", "dropped", 3);
	metrics_book(m, "onlooker.capture.bytes", "dropped", 5);
	metrics_book(m, "onlooker.capture.bytes", "delivered", 9);
	metrics_book(m, "nobody knows", NULL, 9);
	assert_int_equal(points(m, "onlooker.capture.bytes"), 2);
	metrics_book(m, "onlooker.capture.refused", NULL, 0);
	assert_true(point(m, "onlooker.capture.refused", NULL).sum == 0);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
