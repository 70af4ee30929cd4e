// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	assert_true(view_eq(buf_view(&b), VIEW("")));
	assert_int_equal(buf_add(&b, VIEW("ab")), 0);
	assert_int_equal(buf_add(&b, VIEW_NONE), 0);
	assert_int_equal(buf_add_byte(&b, 'c'), 0);
	assert_int_equal(buf_addf(&b, "%d-%s", 42, "x"), 0);
	assert_true(view_eq(buf_view(&b), VIEW("abc42-x")));
	buf_release(&b);
}

static void formats_what_is_long(void **state)
{
	char s[600];
	struct buf b;

	memset(s, 'q', sizeof(s) - 1);
	s[sizeof(s) - 1] = 0;
	buf_init(&b, 1000);
	for (int n = 250; n < 600; n += 50) {
		buf_reset(&b);
		assert_int_equal(buf_addf(&b, "%.*s", n, s), 0);
		assert_true(view_eq(buf_view(&b), (struct view){ s, n }));
	}
	assert_int_equal(buf_addf(&b, "%s", s), -E2BIG);
	assert_int_equal(b.n, 550);
	buf_release(&b);
}

static void knows_its_limit(void **state)
{
	struct buf b;

	buf_init(&b, 5);
	assert_int_equal(buf_add(&b, VIEW("abc")), 0);
	assert_int_equal(buf_add(&b, VIEW("def")), -E2BIG);
	assert_true(view_eq(buf_view(&b), VIEW("abc")));
	assert_int_equal(buf_add(&b, VIEW("de")), 0);
	assert_int_equal(buf_add_byte(&b, 'f'), -E2BIG);
	assert_int_equal(buf_add(&b, (struct view){ "x", SIZE_MAX }), -E2BIG);
	assert_int_equal(buf_add(&b, VIEW("")), 0);
	assert_true(view_eq(buf_view(&b), VIEW("abcde")));
	assert_true(b.cap <= 5);
	buf_release(&b);

	buf_init(&b, 0);
	assert_int_equal(buf_add(&b, VIEW("")), 0);
	assert_int_equal(buf_add_byte(&b, 'x'), -E2BIG);
	buf_release(&b);
}

static void drops(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	buf_add(&b, VIEW("0123456789"));
	buf_drop(&b, 0);
	buf_drop(&b, 4);
	assert_true(view_eq(buf_view(&b), VIEW("456789")));
	buf_drop(&b, 6);
	assert_int_equal(b.n, 0);
	buf_drop(&b, 0);
	buf_release(&b);
	buf_drop(&b, 0);
	assert_int_equal(b.n, 0);
}

static void lives_on_after_release(void **state)
{
	struct buf b;

	buf_init(&b, 3);
	buf_add(&b, VIEW("abc"));
	buf_release(&b);
	assert_int_equal(b.n, 0);
	assert_null(b.p);
	assert_int_equal(buf_add(&b, VIEW("abcd")), -E2BIG);
	assert_int_equal(buf_add(&b, VIEW("xyz")), 0);
	buf_release(&b);
}

/* One byte at a time must not copy the whole each time. */
static void grows_in_few_steps(void **state)
{
	struct buf b;
	size_t cap = 0;
	int steps = 0;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1 << 20; i++) {
		assert_int_equal(buf_add_byte(&b, i), 0);
		if (b.cap != cap) {
			cap = b.cap;
			steps++;
		}
	}
	assert_true(steps < 40);
	assert_int_equal(buf_add_byte(&b, 0), -E2BIG);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends),
		cmocka_unit_test(formats_what_is_long),
		cmocka_unit_test(knows_its_limit),
		cmocka_unit_test(drops),
		cmocka_unit_test(lives_on_after_release),
		cmocka_unit_test(grows_in_few_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
