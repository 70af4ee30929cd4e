// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "sink/compat.h"

static const struct value *get(const struct span *s, const char *name)
{
	for (const struct attr *at = s->attrs.first; at; at = at->next)
		if (!strcmp(at->def->name, name))
			return &at->value;
	return NULL;
}

static void is_text(const struct span *s, const char *name, const char *want)
{
	const struct value *v = get(s, name);

	assert_non_null(v);
	assert_int_equal(v->type, VALUE_STR);
	assert_true(view_eq(v->str, view_of(want)));
}

static void is_int(const struct span *s, const char *name, int64_t want)
{
	const struct value *v = get(s, name);

	assert_non_null(v);
	assert_int_equal(v->i, want);
}

static struct span *call(const char *operation)
{
	struct span *s = span_new();

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_OPERATION_NAME, view_of(operation));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_PROVIDER_NAME, VIEW("anthropic"));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, VIEW("m"));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_MODEL, VIEW("m-1"));
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_CONVERSATION_ID, VIEW("c"));
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 30);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, 4);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, 7);
	attrs_double(&s->attrs, &s->arena, ATTR_ONLOOKER_COST_USD, 0.25);
	return s;
}

static void nothing_unless_asked_for(void **state)
{
	struct span *s = call("chat");
	unsigned cnt = s->attrs.cnt;

	compat_apply(0, s);
	assert_int_equal(s->attrs.cnt, cnt);
	span_free(s);
}

static void cache_creation_is_instead(void **state)
{
	struct span *s = call("chat");
	unsigned cnt = s->attrs.cnt;

	compat_apply(COMPAT_CACHE_CREATION, s);
	is_int(s, "gen_ai.usage.cache_creation.input_tokens", 7);
	assert_null(attrs_get(&s->attrs, ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS));
	assert_int_equal(s->attrs.cnt, cnt);
	span_free(s);
}

static void openinference(void **state)
{
	struct span *s = call("chat");

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_INPUT_MESSAGES, VIEW("[1]"));
	compat_apply(COMPAT_OPENINFERENCE, s);
	is_text(s, "openinference.span.kind", "LLM");
	is_text(s, "llm.model_name", "m-1");
	is_text(s, "session.id", "c");
	is_text(s, "input.value", "[1]");
	assert_null(get(s, "output.value"));	/* no content, no value */
	is_int(s, "llm.token_count.prompt", 30);
	is_int(s, "llm.token_count.completion", 4);
	is_int(s, "llm.token_count.total", 34);
	is_int(s, "gen_ai.usage.cache_creation.input_tokens", 7);
	assert_true(get(s, "llm.cost.total")->d == 0.25);
	assert_null(get(s, "langfuse.observation.type"));
	span_free(s);
}

static void langfuse_system_and_cost(void **state)
{
	struct span *s = call("retrieval");

	compat_apply(COMPAT_LANGFUSE | COMPAT_SYSTEM | COMPAT_COST, s);
	is_text(s, "langfuse.observation.type", "retriever");
	is_text(s, "langfuse.session.id", "c");
	is_text(s, "langfuse.observation.cost_details", "{\"total\":0.25}");
	is_text(s, "gen_ai.system", "anthropic");
	assert_true(get(s, "gen_ai.usage.cost")->d == 0.25);
	assert_null(get(s, "llm.model_name"));
	span_free(s);
}

/* A process, a notification: no kind of model call; what is absent stays so. */
static void what_has_no_operation(void **state)
{
	struct span *s = span_new();

	compat_apply(~0u, s);
	is_text(s, "openinference.span.kind", "CHAIN");
	is_text(s, "langfuse.observation.type", "span");
	assert_int_equal(s->attrs.cnt, 2);
	span_free(s);
}

static void names(void **state)
{
	static const char *const wrong[] = { "", ",", "cost,", ",cost", "cost,x", "Cost", "cost cost" };
	char all[] = COMPAT_NAMES;
	unsigned sets = 99;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(compat_parse(wrong[i], &sets));
		assert_int_equal(sets, 99);
	}
	assert_true(compat_parse("langfuse,cost", &sets));
	assert_int_equal(sets, COMPAT_LANGFUSE | COMPAT_COST);
	assert_true(compat_parse(all, &sets));	/* what help names is what there is */
	assert_int_equal(sets, 2 * COMPAT_OPENINFERENCE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_unless_asked_for),
		cmocka_unit_test(cache_creation_is_instead),
		cmocka_unit_test(openinference),
		cmocka_unit_test(langfuse_system_and_cost),
		cmocka_unit_test(what_has_no_operation),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
