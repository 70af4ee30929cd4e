// SPDX-License-Identifier: Apache-2.0
/* HPACK against libnghttp2, its encoder and its decoder; tests/fuzz/fuzz_hpack.c does the same for longer. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "hpack_diff.h"

static void random_bytes(struct buf *b, unsigned *seed, size_t n)
{
	buf_reset(b);
	while (b->n < n)
		assert_int_equal(buf_add_byte(b, golden_random(seed)), 0);
}

static void test_made(void **state)
{
	struct hpack_maker m;
	uint64_t known = 0, unknown = 0;
	unsigned seed = 7;
	struct buf b;

	buf_init(&b, 1 << 16);
	for (int i = 0; i < 60; i++) {
		struct hpack_diff d;
		struct view in, block;

		random_bytes(&b, &seed, 6000);
		in = buf_view(&b);
		maker_init(&m);
		diff_init(&d, i % 20);
		while ((block = maker_block(&m, &in)).p)
			assert_true(diff_block(&d, block));
		known += d.known;
		unknown += d.unknown;
		diff_release(&d);
		maker_release(&m);
	}
	assert_true(unknown > 100 && known > 1000);
	buf_release(&b);
}

/* Anything at all: most of it is broken, and both have to find it broken at the same place. */
static void test_raw(void **state)
{
	unsigned seed = 11, whole = 0;
	struct buf b;

	buf_init(&b, 1 << 16);
	for (int i = 0; i < 40000; i++) {
		struct hpack_diff d;

		random_bytes(&b, &seed, 1 + i % 24);
		diff_init(&d, 0);
		while (diff_block(&d, buf_view(&b)) && whole++ < 100000)
			random_bytes(&b, &seed, 1 + i % 24);
		diff_release(&d);
	}
	assert_in_range(whole, 1000, 100000);
	buf_release(&b);
}

/* Every symbol, and every pair of symbols, by their encoder. */
static void test_huffman(void **state)
{
	struct hpack_maker m;
	struct hpack_diff d;

	maker_init(&m);
	diff_init(&d, 0);
	for (int i = 0; i < 65536; i += 1 + i % 7) {
		uint8_t value[40];
		nghttp2_nv nv = { (uint8_t *)"x", value, 1, sizeof(value), NGHTTP2_NV_FLAG_NO_INDEX };
		ssize_t n;

		memset(value, 'e', sizeof(value));	/* so that the code is the shorter way */
		value[i % 37] = i;
		value[i % 37 + 1] = i >> 8;
		n = nghttp2_hd_deflate_hd(m.d, m.out, sizeof(m.out), &nv, 1);
		assert_true(n > 0);
		assert_true(diff_block(&d, (struct view){ (const char *)m.out, n }));
	}
	diff_release(&d);
	maker_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_huffman),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
