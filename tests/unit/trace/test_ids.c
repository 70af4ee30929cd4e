// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trace/ids.h"

static void test_same_seed_same_ids(void **state)
{
	const uint64_t seed[2] = { 1, 2 };
	uint8_t a[16], b[16];
	struct ids x, y;

	ids_init(&x, seed);
	ids_init(&y, seed);
	for (int i = 0; i < 100; i++) {
		ids_trace(&x, a);
		ids_trace(&y, b);
		assert_memory_equal(a, b, 16);
	}
	ids_trace(&x, b);
	assert_memory_not_equal(a, b, 16);
}

static void test_traceparent(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true },
		{ "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", false },
		{ "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", true },
		{ "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", false },
		{ "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false },
		{ "00-00000000000000000000000000000000-b7ad6b7169203331-01", false },
		{ "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false },
		{ "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false },
		{ "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false },
		{ "", false },
	};
	uint8_t trace[16], span[8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(traceparent_parse(view_of(rows[i].text), trace, span), rows[i].ok);
	assert_true(traceparent_parse(view_of(rows[0].text), trace, span));
	assert_int_equal(trace[0], 0x0a);
	assert_int_equal(span[7], 0x31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_seed_same_ids),
		cmocka_unit_test(test_traceparent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
