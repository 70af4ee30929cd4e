// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jansson_diff.h"
#include "suite.h"

static void agrees_on_suite(void **state)
{
	struct suite s;
	const char *why;

	for (suite_open(&s, __FILE__); suite_next(&s);) {
		why = jansson_differs(s.doc);
		if (why)
			fail_msg("%s: %s", s.name, why);
	}
}

/* xorshift: the same documents in every run. */
static uint64_t roll(uint64_t *seed, uint64_t sides)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % sides;
}

static void damage(uint64_t *seed, char *p, size_t n)
{
	static const char *const bits[] = { "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "e", ".", "-", "u", "d8", "dc",
					    "\xff", "\xc3", "\x80", "\n", " ", "t", "1" };

	for (uint64_t times = roll(seed, 3) + 1; times; times--)
		p[roll(seed, n)] = bits[roll(seed, sizeof(bits) / sizeof(*bits))][0];
}

/* Every document of the suite, damaged in one to three places. */
static void agrees_on_damaged_suite(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	struct suite s;
	const char *why;
	char *copy;

	for (suite_open(&s, __FILE__); suite_next(&s);) {
		if (!s.doc.n || s.doc.n > 1000)
			continue;
		copy = malloc(s.doc.n);
		for (int i = 0; i < 100; i++) {
			memcpy(copy, s.doc.p, s.doc.n);
			damage(&seed, copy, s.doc.n);
			why = jansson_differs((struct view){ copy, s.doc.n });
			if (why)
				fail_msg("%s damaged to %.*s: %s", s.name, (int)s.doc.n, copy, why);
		}
		free(copy);
	}
}

static void round_trip(double d)
{
	json_error_t e;
	struct jsonw w;
	double back;
	struct buf b;
	json_t *j;

	buf_init(&b, 64);
	jsonw_init(&w, &b);
	jsonw_double(&w, d);
	assert_true(json_double(json_read(buf_view(&b)), &back));
	assert_memory_equal(&d, &back, sizeof(d));
	j = json_loadb(b.p, b.n, JANSSON_FLAGS, &e);
	assert_true(json_number_value(j) == d);
	json_decref(j);
	buf_release(&b);
}

static void doubles_round_trip(void **state)
{
	static const double some[] = { 0.0, -0.0, 1, -1, 0.1, 1e15, 1e16, 1e17, 1e-4, 1e-5, 123456789012345678., 5e-324,
				       2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993., 1. / 3 };
	uint64_t seed = 88172645463325252ull, bits;
	double d;

	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		round_trip(some[i]);
	for (int i = 0; i < 50000; i++) {
		bits = roll(&seed, UINT64_MAX);
		memcpy(&d, &bits, sizeof(d));
		if (d - d == 0)		/* neither nan nor infinite */
			round_trip(d);
	}
}

/* jansson reads numbers with the C library's strtod(). */
static void decimals_read_the_same(void **state)
{
	uint64_t seed = 0x853c49e6748fea9bull;
	char s[1400];
	const char *why;
	size_t n;

	for (int i = 0; i < 5000; i++) {
		n = 0;
		if (roll(&seed, 2))
			s[n++] = '-';
		s[n++] = '1' + roll(&seed, 9);
		for (uint64_t more = roll(&seed, i % 10 ? 25 : 1200); more; more--)
			s[n++] = '0' + (roll(&seed, 3) ? roll(&seed, 10) : 0);
		s[n++] = '.';
		for (uint64_t more = 1 + roll(&seed, 25); more; more--)
			s[n++] = '0' + roll(&seed, 10);
		n += snprintf(s + n, sizeof(s) - n, "e%d", (int)roll(&seed, 700) - 350);
		why = jansson_differs((struct view){ s, n });
		if (why)
			fail_msg("%.*s: %s", (int)n, s, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_on_suite),
		cmocka_unit_test(agrees_on_damaged_suite),
		cmocka_unit_test(doubles_round_trip),
		cmocka_unit_test(decimals_read_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
