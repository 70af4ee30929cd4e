// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/map.h"

#define KEYS 300

static uint64_t roll(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void empty(void **state)
{
	size_t pos = 0;
	struct map m;

	map_init(&m, 10);
	assert_null(map_get(&m, 0));
	assert_null(map_del(&m, 0));
	assert_null(map_next(&m, &pos, NULL));
	map_release(&m);
}

static void puts_gets_deletes(void **state)
{
	int a, b;
	struct map m;

	map_init(&m, 10);
	assert_int_equal(map_put(&m, 0, &a), 0);
	assert_int_equal(map_put(&m, UINT64_MAX, &b), 0);
	assert_ptr_equal(map_get(&m, 0), &a);
	assert_ptr_equal(map_get(&m, UINT64_MAX), &b);
	assert_int_equal(map_put(&m, 0, &b), 0);
	assert_int_equal(m.cnt, 2);
	assert_ptr_equal(map_del(&m, 0), &b);
	assert_null(map_get(&m, 0));
	assert_null(map_del(&m, 0));
	assert_int_equal(m.cnt, 1);
	map_release(&m);
	assert_null(map_get(&m, UINT64_MAX));
}

static void knows_its_limit(void **state)
{
	struct map m;
	int x;

	map_init(&m, 100);
	for (uint64_t k = 0; k < 100; k++)
		assert_int_equal(map_put(&m, k, &x), 0);
	assert_int_equal(map_put(&m, 100, &x), -E2BIG);
	assert_int_equal(map_put(&m, 99, &x), 0);
	map_del(&m, 5);
	assert_int_equal(map_put(&m, 100, &x), 0);
	map_release(&m);

	map_init(&m, 0);
	assert_int_equal(map_put(&m, 1, &x), -E2BIG);
	map_release(&m);
}

static void check_against(const struct map *m, char *const *model)
{
	size_t pos = 0, n = 0;
	uint64_t key;
	char *v;

	for (uint64_t k = 0; k < KEYS; k++)
		assert_ptr_equal(map_get(m, k << 32), model[k]);
	while ((v = map_next(m, &pos, &key))) {
		assert_ptr_equal(v, model[key >> 32]);
		n++;
	}
	assert_int_equal(n, m->cnt);
}

/* Deleting moves entries back: 100,000 random steps beside a plain array. */
static void behaves_like_an_array(void **state)
{
	static char values[KEYS];
	char *model[KEYS] = { 0 };
	uint64_t seed = 2463534242, k;
	struct map m;

	map_init(&m, KEYS);
	for (int i = 0; i < 100000; i++) {
		k = roll(&seed) % KEYS;
		if (roll(&seed) % 100 < (unsigned int)(i / 10000 % 2 ? 30 : 60)) {
			model[k] = &values[roll(&seed) % KEYS];
			assert_int_equal(map_put(&m, k << 32, model[k]), 0);
		} else {
			assert_ptr_equal(map_del(&m, k << 32), model[k]);
			model[k] = NULL;
		}
		if (i % 500 == 0)
			check_against(&m, model);
	}
	check_against(&m, model);
	map_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(puts_gets_deletes),
		cmocka_unit_test(knows_its_limit),
		cmocka_unit_test(behaves_like_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
