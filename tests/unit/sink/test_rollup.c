// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "sink/rollup.h"
#include "spans.h"

static void add(struct rollup *r, struct resource *res, const char *model, int64_t in, int64_t out, double usd)
{
	struct span *s = a_span(1, res);

	s->pid = 42;
	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_REQUEST_MODEL, view_of(model));
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, in);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, out);
	if (usd >= 0)
		attrs_double(&s->attrs, &s->arena, ATTR_ONLOOKER_COST_USD, usd);
	rollup_add(r, s);
	span_free(s);
}

static void wants(const struct rollup *r, const char *text)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	rollup_write(r, &out, false);
	buf_add_byte(&out, '\0');
	assert_string_equal(out.p, text);
	buf_release(&out);
}

static void test_blocks(void **state)
{
	struct rollup *r = rollup_new();
	struct resource *one = a_resource("coder"), *two = a_resource("tester");

	add(r, one, "gpt-5", 1000, 200, 0.5);
	wants(r, "");		/* one of each kind: the sums have said it */
	add(r, one, "a\x1b[2Jb", 10, 1, -1);
	attrs_free_key(&two->attrs, &two->arena, VIEW("team"), VIEW("red"));
	attrs_free_key(&one->attrs, &one->arena, VIEW("team"), VIEW("blue"));
	add(r, two, "gpt-5", 1, 1, -1);
	add(r, one, "gpt-5", 1, 1, 1.25);
	wants(r, "  by model\n"
		 "    gpt-5   3 calls, 1,204 tokens, $1.75 for 2 of them\n"
		 "    a?[2Jb  1 call, 11 tokens\n"
		 "  by agent\n"
		 "    coder   3 calls, 1,213 tokens, $1.75 for 2 of them\n"
		 "    tester  1 call, 2 tokens\n"
		 "  by label\n"
		 "    team=blue  1 call, 2 tokens, $1.25\n"
		 "    team=red   1 call, 2 tokens\n");
	rollup_clear(r);
	wants(r, "");
	resource_put(one);
	resource_put(two);
	rollup_free(r);
}

/* Ten thousand names: the first are told apart, the rest is one. */
static void test_many(void **state)
{
	struct rollup *r = rollup_new();
	struct buf out;
	char name[16];

	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		add(r, NULL, name, INT64_MAX, INT64_MAX, -1);
	}
	buf_init(&out, 1 << 20);
	rollup_write(r, &out, false);
	buf_add_byte(&out, '\0');
	assert_non_null(strstr(out.p, "and 245 more\n"));
	buf_release(&out);
	rollup_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
