// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "sink/plain.h"

#define T(text) { text, sizeof(text) - 1 }

static void texts(void **state)
{
	static const struct {
		struct view in, want;
		size_t cols, used;
		bool ascii;
	} rows[] = {
		{ T(""), T(""), 10, 0, false },
		{ T("plain"), T("plain"), 10, 5, false },
		{ T("plain"), T("plain"), 5, 5, false },
		{ T("plain"), T("pla\xe2\x80\xa6"), 4, 4, false },
		{ T("plain"), T("pla~"), 4, 4, true },
		{ T("plain"), T(""), 0, 0, false },
		{ T("\x1b[2J\x07\b\x7f"), T("?[2J???"), 20, 7, false },
		{ T("a\r\n\tb"), T("a   b"), 20, 5, false },
		{ T("a\0b"), T("a?b"), 20, 3, false },
		{ T("\x9b" "31m\xc2\x9b" "31m"), T("?31m?31m"), 20, 8, false },	/* CSI in 8 bits, and in UTF-8 */
		{ T("\xff\xfe\xc3"), T("???"), 20, 3, false },
		{ T("\xe2\x80\xae" "evil\xe2\x80\x8b"), T("?evil?"), 20, 6, false },	/* U+202E, U+200B */
		{ T("\xef\xbb\xbfx\xf3\xa0\x81\xa1"), T("?x?"), 20, 3, false },	/* BOM, tag character */
		{ T("\xc3\xa9t\xc3\xa9"), T("\xc3\xa9t\xc3\xa9"), 20, 3, false },
		{ T("\xc3\xa9t\xc3\xa9"), T("?t?"), 20, 3, true },
		{ T("\xe6\x97\xa5\xe6\x9c\xac"), T("\xe6\x97\xa5\xe6\x9c\xac"), 4, 4, false },
		{ T("\xe6\x97\xa5\xe6\x9c\xac"), T("\xe6\x97\xa5\xe2\x80\xa6"), 3, 3, false },
		{ T("\xe6\x97\xa5\xe6\x9c\xac"), T("\xe2\x80\xa6"), 2, 1, false },
		{ T("\xf0\x9f\xa6\x80!"), T("\xf0\x9f\xa6\x80!"), 3, 3, false },
		{ T("e\xcc\x81!"), T("e\xcc\x81!"), 2, 2, false },
	};
	struct buf out;
	size_t i, used;

	buf_init(&out, 1000);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&out);
		used = plain_add(&out, rows[i].in, rows[i].cols, !rows[i].ascii);
		if (!view_eq(buf_view(&out), rows[i].want) || used != rows[i].used)
			fail_msg("row %zu: %zu columns: %.*s", i, used, VIEW_ARG(buf_view(&out)));
	}
	buf_release(&out);
}

/* Marks without end on one letter must not become output without end. */
static void marks_are_bounded(void **state)
{
	struct buf in, out;
	int i;

	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_add(&in, VIEW("e"));
	for (i = 0; i < 100000; i++)
		buf_add(&in, VIEW("\xcc\x81"));
	plain_add(&out, buf_view(&in), 10, true);
	assert_in_range(out.n, 3, 10 * 8 + 3);
	assert_int_equal(utf8_valid(buf_view(&out)), out.n);
	buf_release(&in);
	buf_release(&out);
}

/* Whatever comes in, what comes out is valid, has no control character and fits. */
static void any_bytes(void **state)
{
	uint32_t seed = 1;
	unsigned char in[40];
	struct buf out;
	size_t i, j, used;

	buf_init(&out, 1000);
	for (i = 0; i < 20000; i++) {
		for (j = 0; j < sizeof(in); j++) {
			seed = seed * 1664525 + 1013904223;
			in[j] = seed >> 24;
		}
		buf_reset(&out);
		used = plain_add(&out, (struct view){ (char *)in, sizeof(in) }, i % 50, true);
		assert_true(used <= i % 50);
		assert_int_equal(utf8_valid(buf_view(&out)), out.n);
		for (j = 0; j < out.n; j++) {
			assert_true((unsigned char)out.p[j] >= 0x20 && out.p[j] != 0x7f);
			assert_false(j && (unsigned char)out.p[j - 1] == 0xc2 && (unsigned char)out.p[j] < 0xa0);
		}
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(marks_are_bounded),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
