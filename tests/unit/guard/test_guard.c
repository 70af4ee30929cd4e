// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "guard/guard.h"

static struct span *span_with(enum attr_id id, const char *text)
{
	struct span *s = span_new();

	attrs_str(&s->attrs, &s->arena, id, view_of(text));
	return s;
}

static void test_content_is_withheld(void **state)
{
	struct span *s = span_with(ATTR_GEN_AI_INPUT_MESSAGES, "[]");
	struct guard g = { .content = false };

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, VIEW("m"));
	guard_apply(&g, s);
	assert_null(attrs_get(&s->attrs, ATTR_GEN_AI_INPUT_MESSAGES));
	assert_non_null(attrs_get(&s->attrs, ATTR_GEN_AI_REQUEST_MODEL));
	assert_int_equal(g.withheld, 1);
	attrs_str(&s->attrs, &s->arena, ATTR_ERROR_TYPE, VIEW("later"));
	assert_non_null(attrs_get(&s->attrs, ATTR_ERROR_TYPE));
	span_free(s);
}

static void test_content_stays_when_allowed(void **state)
{
	struct span *s = span_with(ATTR_GEN_AI_INPUT_MESSAGES, "[]");
	struct guard g = { .content = true };

	guard_apply(&g, s);
	assert_non_null(attrs_get(&s->attrs, ATTR_GEN_AI_INPUT_MESSAGES));
	span_free(s);
}

static void test_keys_are_masked(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "[{\"content\":\"use sk-ant-api03-0123456789abcdef now\"}]",
		  "[{\"content\":\"use ***************************** now\"}]" },
		{ "AKIAIOSFODNN7EXAMPLE", "********************" },
		{ "a task-force of risk-takers, sk-short", "a task-force of risk-takers, sk-short" },
		{ "disk-0123456789abcdef0123456789", "disk-0123456789abcdef0123456789" },
		{ "sk-proj-aaaaaaaaaaaaaaaaaaaa sk-proj-bbbbbbbbbbbbbbbbbbbb",
		  "**************************** ****************************" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span *s = span_with(ATTR_GEN_AI_INPUT_MESSAGES, rows[i].in);
		struct guard g = { .content = true };
		struct view got;

		guard_apply(&g, s);
		got = attrs_get(&s->attrs, ATTR_GEN_AI_INPUT_MESSAGES)->str;
		assert_int_equal(got.n, strlen(rows[i].out));
		assert_memory_equal(got.p, rows[i].out, got.n);
		span_free(s);
	}
}

static void test_error_message_is_masked(void **state)
{
	struct span *s = span_new();
	struct guard g = { .content = false };

	s->error_message = arena_copy(&s->arena, VIEW("Incorrect API key provided: sk-0123456789abcdef0123"));
	guard_apply(&g, s);
	assert_null(memmem(s->error_message.p, s->error_message.n, "sk-", 3));
	assert_int_equal(g.redacted, 1);
	span_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_is_withheld),
		cmocka_unit_test(test_content_stays_when_allowed),
		cmocka_unit_test(test_keys_are_masked),
		cmocka_unit_test(test_error_message_is_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
