// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cover/interest.h"

#define SECOND 1000000000ull

static void a_download_is_let_go(void **state)
{
	struct interest_all all = { 0 };
	struct interest i = { 0 };
	uint64_t n = 0;

	while (!interest_spend(&all, &i, 16384, SECOND))
		n += 16384;
	assert_int_equal(n, INTEREST_STREAM);
}

static void small_talk_may_go_on(void **state)
{
	struct interest_all all = { 0 };
	struct interest i = { 0 };

	for (uint64_t s = 1; s < 100000; s++)
		assert_false(interest_spend(&all, &i, INTEREST_REFILL - 1, s * SECOND));
	/* nor in small pieces */
	for (uint64_t k = 1; k < 100000; k++)
		assert_false(interest_spend(&all, &i, 7, 100000 * SECOND + k * (SECOND / 1000)));
}

static void many_share_a_budget(void **state)
{
	struct interest_all all = { 0 };
	uint64_t kept = 0;

	for (int k = 0; k < 10000; k++) {
		struct interest i = { 0 };

		for (int piece = 0; piece < 8 && !interest_spend(&all, &i, 8192, SECOND); piece++)
			kept += 8192;
	}
	assert_true(kept <= INTEREST_SECOND + 10000ull * INTEREST_PREFIX);
	struct interest late = { 0 };

	assert_true(interest_spend(&all, &late, INTEREST_PREFIX + 1, SECOND));
	late = (struct interest){ 0 };
	assert_false(interest_spend(&all, &late, INTEREST_PREFIX + 1, 2 * SECOND + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_download_is_let_go), cmocka_unit_test(small_talk_may_go_on),
		cmocka_unit_test(many_share_a_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
