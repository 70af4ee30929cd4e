// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trace/span.h"

#define assert_view(v, text) do { \
	assert_int_equal((v).n, sizeof(text) - 1); \
	assert_memory_equal((v).p, text, sizeof(text) - 1); \
} while (0)

static void table_is_whole(void **state)
{
	int i, j;

	for (i = 0; i < ATTR_CNT; i++) {
		assert_non_null(attr_defs[i].name);
		for (j = 0; j < i; j++)
			assert_string_not_equal(attr_defs[i].name, attr_defs[j].name);
		if (!strncmp(attr_defs[i].name, "onlooker.", 9))
			assert_true(attr_defs[i].text[0]);
	}
}

static void each_type_comes_back(void **state)
{
	struct view list[] = { VIEW("stop"), VIEW("") };
	struct span *s = span_new();
	const struct value *v;

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, VIEW("gpt"));
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_SEED, -7);
	attrs_double(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_TOP_P, 0.25);
	attrs_bool(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_STREAM, true);
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS, list, 2);
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_STOP_SEQUENCES, NULL, 0);
	assert_view(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_MODEL)->str, "gpt");
	assert_int_equal(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_SEED)->i, -7);
	assert_true(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_TOP_P)->d == 0.25);
	assert_true(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_STREAM)->b);
	v = attrs_get(&s->attrs, ATTR_GEN_AI_RESPONSE_FINISH_REASONS);
	assert_int_equal(v->arr.n, 2);
	assert_view(v->arr.v[0], "stop");
	assert_view(v->arr.v[1], "");
	assert_int_equal(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_STOP_SEQUENCES)->arr.n, 0);
	assert_null(attrs_get(&s->attrs, ATTR_GEN_AI_RESPONSE_ID));
	assert_int_equal(s->attrs.cnt, 6);
	span_free(s);
}

/* What was given is copied: the exchange it came from is gone when the span is sent. */
static void values_are_copies(void **state)
{
	char text[] = "before";
	struct view list[] = { { text, 6 } };
	struct span *s = span_new();

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, list[0]);
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS, list, 1);
	memset(text, 'x', 6);
	assert_view(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_MODEL)->str, "before");
	assert_view(attrs_get(&s->attrs, ATTR_GEN_AI_RESPONSE_FINISH_REASONS)->arr.v[0], "before");
	span_free(s);
}

static void text_is_repaired(void **state)
{
	struct view list[] = { VIEW("ok"), VIEW("\xc3(") };
	struct span *s = span_new();

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, VIEW("a\xff" "b\0c"));
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS, list, 2);
	assert_view(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_MODEL)->str, "a\xef\xbf\xbd" "b\0c");
	assert_view(attrs_get(&s->attrs, ATTR_GEN_AI_RESPONSE_FINISH_REASONS)->arr.v[1], "\xef\xbf\xbd(");
	span_free(s);
}

static void the_last_value_of_a_key_counts(void **state)
{
	struct span *s = span_new();

	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 1);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, 2);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 3);
	assert_int_equal(s->attrs.cnt, 2);
	assert_int_equal(attrs_get(&s->attrs, ATTR_GEN_AI_USAGE_INPUT_TOKENS)->i, 3);
	assert_ptr_equal(s->attrs.first->def, &attr_defs[ATTR_GEN_AI_USAGE_INPUT_TOKENS]);
	span_free(s);
}

static void the_129th_attribute_is_counted(void **state)
{
	struct resource *r = resource_new();
	char key[16];
	int i, n;

	for (i = 0; i < 130; i++) {
		n = snprintf(key, sizeof(key), "key.%d", i);
		attrs_free_key(&r->attrs, &r->arena, (struct view){ key, n }, VIEW("v"));
	}
	assert_int_equal(r->attrs.cnt, 128);
	assert_int_equal(r->attrs.dropped, 2);
	attrs_free_key(&r->attrs, &r->arena, VIEW("key.5"), VIEW("new"));
	attrs_int(&r->attrs, &r->arena, ATTR_PROCESS_PID, 1);
	attrs_str(&r->attrs, &r->arena, ATTR_HOST_NAME, VIEW("h"));
	assert_int_equal(r->attrs.cnt, 128);
	assert_int_equal(r->attrs.dropped, 4);
	resource_put(r);
}

static void free_keys_meet_the_table(void **state)
{
	struct resource *r = resource_new();

	attrs_free_key(&r->attrs, &r->arena, VIEW("service.name"), VIEW("mine"));
	attrs_free_key(&r->attrs, &r->arena, VIEW("team"), VIEW("a"));
	attrs_free_key(&r->attrs, &r->arena, VIEW("team"), VIEW("b"));
	attrs_free_key(&r->attrs, &r->arena, VIEW(""), VIEW("no name"));
	attrs_free_key(&r->attrs, &r->arena, VIEW("a\0b"), VIEW("half a name"));
	assert_int_equal(r->attrs.cnt, 2);
	assert_int_equal(r->attrs.dropped, 2);
	assert_view(attrs_get(&r->attrs, ATTR_SERVICE_NAME)->str, "mine");
	assert_string_equal(r->attrs.first->next->def->name, "team");
	assert_view(r->attrs.first->next->value.str, "b");
	resource_put(r);
}

static void what_does_not_fit_is_counted(void **state)
{
	struct resource *r = resource_new();
	size_t n = 2 * 1024 * 1024;
	char *big = malloc(n);

	memset(big, 'x', n);
	attrs_str(&r->attrs, &r->arena, ATTR_HOST_NAME, (struct view){ big, n });
	assert_null(attrs_get(&r->attrs, ATTR_HOST_NAME));
	assert_int_equal(r->attrs.dropped, 1);
	memset(big, 0xff, 500000);	/* three times as long when repaired */
	attrs_str(&r->attrs, &r->arena, ATTR_HOST_NAME, (struct view){ big, 500000 });
	assert_int_equal(r->attrs.dropped, 2);
	attrs_str(&r->attrs, &r->arena, ATTR_HOST_NAME, VIEW("small"));
	assert_view(attrs_get(&r->attrs, ATTR_HOST_NAME)->str, "small");
	free(big);
	resource_put(r);
}

static void events_and_links_have_a_limit(void **state)
{
	static const uint8_t trace_id[16] = { 1 }, span_id[8] = { 2 };
	struct span *s = span_new();
	int i;

	for (i = 0; i < 130; i++) {
		span_add_event(s, i, "e");
		span_add_link(s, trace_id, span_id);
	}
	assert_int_equal(s->event_cnt, 128);
	assert_int_equal(s->event_dropped, 2);
	assert_int_equal(s->link_cnt, 128);
	assert_int_equal(s->link_dropped, 2);
	assert_int_equal(s->events->ts, 0);
	assert_int_equal(s->events->next->ts, 1);
	assert_memory_equal(s->links->trace_id, trace_id, 16);
	span_free(s);
}

static void a_resource_lives_as_long_as_its_spans(void **state)
{
	struct resource *r = resource_new();
	struct span *a = span_new(), *b = span_new();

	attrs_str(&r->attrs, &r->arena, ATTR_SERVICE_NAME, VIEW("agent"));
	a->resource = resource_get(r);
	b->resource = resource_get(r);
	resource_put(r);
	span_free(a);
	assert_view(attrs_get(&b->resource->attrs, ATTR_SERVICE_NAME)->str, "agent");
	span_free(b);
	span_free(NULL);
	resource_put(NULL);
	assert_null(resource_get(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_whole),
		cmocka_unit_test(each_type_comes_back),
		cmocka_unit_test(values_are_copies),
		cmocka_unit_test(text_is_repaired),
		cmocka_unit_test(the_last_value_of_a_key_counts),
		cmocka_unit_test(the_129th_attribute_is_counted),
		cmocka_unit_test(free_keys_meet_the_table),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(events_and_links_have_a_limit),
		cmocka_unit_test(a_resource_lives_as_long_as_its_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
