// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "utf8_plain.h"

#define FFFD "\xef\xbf\xbd"

/* All two-byte and, at the borders of the ranges, all longer sequences. */
static void agrees_with_the_definition(void **state)
{
	static const unsigned char ends[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff };
	unsigned char s[4];
	size_t want;

	for (unsigned int ab = 0; ab < 0x10000; ab++) {
		s[0] = ab >> 8;
		s[1] = ab & 0xff;
		for (size_t i = 0; i < sizeof(ends) * sizeof(ends); i++) {
			bool valid;

			s[2] = ends[i / sizeof(ends)];
			s[3] = ends[i % sizeof(ends)];
			valid = utf8_plain(s, 4, &want);
			if ((utf8_valid((struct view){ (char *)s, valid ? want : 4 }) >= (valid ? want : 1)) != valid)
				fail_msg("%02x %02x %02x %02x", s[0], s[1], s[2], s[3]);
		}
	}
}

static void counts_the_valid_head(void **state)
{
	assert_int_equal(utf8_valid(VIEW_NONE), 0);
	assert_int_equal(utf8_valid(VIEW("abc")), 3);
	assert_int_equal(utf8_valid(VIEW("0123456789abcdef0123456789abcdef\xff")), 32);
	assert_int_equal(utf8_valid(VIEW("é日😀")), 9);
	assert_int_equal(utf8_valid(VIEW("é日\xf0\x9f\x98")), 5);
	assert_int_equal(utf8_valid(VIEW("\x80")), 0);
	assert_int_equal(utf8_valid(VIEW("a\0b")), 3);
}

static void tells_cut_from_wrong(void **state)
{
	static const struct { struct view v; size_t n; bool cut; } rows[] = {
		{ { "", 0 }, 0, false }, { { "a", 1 }, 0, false }, { { "\xc3", 1 }, 1, true },
		{ { "\xe6\x97", 2 }, 2, true }, { { "\xf0\x9f\x98", 3 }, 3, true }, { { "\xf0\x9f\x98z", 4 }, 3, false },
		{ { "\xe0\x80", 2 }, 1, false }, { { "\xed\xa0", 2 }, 1, false }, { { "\x80", 1 }, 1, false },
		{ { "\xc0", 1 }, 1, false }, { { "\xf5", 1 }, 1, false }, { { "\xc3\xa9", 2 }, 0, false },
	};
	bool cut;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(utf8_bad(rows[i].v, &cut), rows[i].n);
		assert_int_equal(cut, rows[i].cut);
	}
}

static void repairs(void **state)
{
	/* The examples of Unicode 15 section 3.9, tables 3-8 to 3-11. */
	static const struct { const char *in, *out; } rows[] = {
		{ "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" },
		{ "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" },
		{ "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B" },
		{ "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", FFFD FFFD FFFD FFFD "A" },
		{ "plain", "plain" },
		{ "", "" },
		{ "caf\xe9", "caf" FFFD },
	};
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_reset(&b);
		assert_int_equal(utf8_repair(&b, view_of(rows[i].in)), 0);
		buf_add_byte(&b, 0);
		assert_string_equal(b.p, rows[i].out);
	}
	buf_release(&b);
}

static void never_half_a_character(void **state)
{
	struct view in = VIEW("a\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\xff" "b");
	struct buf b;

	for (size_t max = 0; max < 20; max++) {
		buf_init(&b, max);
		assert_int_equal(utf8_repair(&b, in), max < 14 ? -E2BIG : 0);
		assert_int_equal(utf8_valid(buf_view(&b)), b.n);
		assert_true(b.n <= max && b.n + 4 > (max < 14 ? max : 14));
		buf_release(&b);
	}
	buf_init(&b, 4);
	buf_add(&b, VIEW("xyz"));
	assert_int_equal(utf8_add(&b, VIEW("é")), -E2BIG);
	assert_int_equal(b.n, 3);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_definition),
		cmocka_unit_test(counts_the_valid_head),
		cmocka_unit_test(tells_cut_from_wrong),
		cmocka_unit_test(repairs),
		cmocka_unit_test(never_half_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
