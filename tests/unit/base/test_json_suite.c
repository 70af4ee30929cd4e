// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "index.h"
#include "suite.h"

static int expected(const char *name)
{
	static const struct { const char *prefix; int err; } rules[] = {
		{ "y_", 0 }, { "i_accept_", 0 }, { "n_cut_", -ENODATA }, { "n_deep_", -E2BIG }, { "n_", -EILSEQ },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (view_starts(view_of(name), view_of(rules[i].prefix)))
			return rules[i].err;
	fail_msg("%s: no rule for this name", name);
	return 0;
}

static void checks_as_named(void **state)
{
	struct suite s;
	int n = 0, err, wrong = 0;

	for (suite_open(&s, __FILE__); suite_next(&s); n++) {
		err = json_check(s.doc);
		if (err != expected(s.name)) {
			print_error("%s: %d, not %d\n", s.name, err, expected(s.name));
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	assert_true(n >= 150);
}

/* json_read() flags agree with json_check(), except that it does not look at the encoding. */
static void flags_agree(void **state)
{
	struct suite s;
	struct json v;
	int err;

	for (suite_open(&s, __FILE__); suite_next(&s);) {
		err = json_check(s.doc);
		v = json_read(s.doc);
		if (!err)
			assert_true(v.type != JSON_NONE && !v.cut && !v.bad);
		else if (err == -ENODATA)
			assert_true(v.cut && !v.bad);
		else if (err == -E2BIG)
			assert_true(v.bad && !v.cut);
		else if (!view_starts(view_of(s.name), VIEW("n_utf8_")))
			assert_true(v.bad);
	}
}

static void rewrites_to_one_valid_value(void **state)
{
	struct suite s;
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1 << 20);
	for (suite_open(&s, __FILE__); suite_next(&s);) {
		buf_reset(&b);
		jsonw_init(&w, &b);
		jsonw_value(&w, json_read(s.doc));
		assert_int_equal(w.err, 0);
		if (json_check(buf_view(&b)))
			fail_msg("%s: %.*s", s.name, VIEW_ARG(buf_view(&b)));
	}
	buf_release(&b);
}

/* Rewriting what was rewritten changes nothing. */
static void rewriting_settles(void **state)
{
	struct buf one, two;
	struct suite s;
	struct jsonw w;

	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	for (suite_open(&s, __FILE__); suite_next(&s);) {
		buf_reset(&one);
		buf_reset(&two);
		jsonw_init(&w, &one);
		jsonw_value(&w, json_read(s.doc));
		jsonw_init(&w, &two);
		jsonw_value(&w, json_read(buf_view(&one)));
		if (!view_eq(buf_view(&one), buf_view(&two)))
			fail_msg("%s", s.name);
	}
	buf_release(&one);
	buf_release(&two);
}

static void want_same(const char *name, struct view doc)
{
	const char *why = index_differs(doc);

	if (why)
		fail_msg("%s, %zu bytes: %s", name, doc.n, why);
}

/* All documents and what is left of them when they are cut; and as many members as are noted, and one more. */
static void members_noted_are_the_same(void **state)
{
	struct suite s;
	struct buf b;
	size_t at;

	for (suite_open(&s, __FILE__); suite_next(&s);)
		for (size_t n = s.doc.n < 400 ? 0 : s.doc.n; n <= s.doc.n; n++)
			want_same(s.name, view_take(s.doc, n));
	buf_init(&b, 1 << 16);
	buf_add(&b, VIEW(" { \"k\" : 1"));
	for (int i = 1; i <= JSON_INDEX_MAX + 1; i++) {
		at = b.n;
		buf_add(&b, VIEW("} "));
		want_same("many", buf_view(&b));
		b.n = at;
		buf_add(&b, VIEW(" , \"k\" : [ { \"a\" : [ ] } ]"));
	}
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_as_named),
		cmocka_unit_test(flags_agree),
		cmocka_unit_test(rewrites_to_one_valid_value),
		cmocka_unit_test(rewriting_settles),
		cmocka_unit_test(members_noted_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
