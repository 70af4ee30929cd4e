// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "find/code.h"
#include "find/elf_make.h"

static struct image *of(const struct made *m)
{
	int err;
	struct image *im = image_of_memory(m->b, sizeof(m->b), &err);

	assert_non_null(im);
	return im;
}

static uint64_t skipped(const void *code, size_t n)
{
	struct made m;
	struct image *im;
	uint64_t va, off;

	made_init(&m, EM_X86_64);
	va = made_code(&m, code, n);
	im = of(&m);
	off = code_probe(im, va);
	assert_in_range(off, image_off(im, va), image_off(im, va) + 4);
	off -= image_off(im, va);
	image_free(im);
	return off;
}

static void test_skips_to_a_push(void **state)
{
	assert_int_equal(skipped("\xf3\x0f\x1e\xfa\x55\x48\x89\xe5", 8), 4);	/* push %rbp */
	assert_int_equal(skipped("\xf3\x0f\x1e\xfa\x41\x57\x41\x56", 8), 4);	/* push %r15 */
	assert_int_equal(skipped("\xf3\x0f\x1e\xfa\x48\x83\xec\x18", 8), 0);	/* sub $0x18,%rsp */
	assert_int_equal(skipped("\xf3\x0f\x1e\xfa\x41\x89\xc0\x90", 8), 0);	/* mov %eax,%r8d */
	assert_int_equal(skipped("\x55\x48\x89\xe5\x90\x90", 6), 0);
	assert_int_equal(skipped("\x48\x83\xec\x18\x55\x90", 6), 0);
	/* segment prefixes as padding, which the kernel puts no probe on */
	assert_int_equal(skipped("\x2e\x2e\x2e\x2e\x41\x54\x55\x90", 8), 4);
	assert_int_equal(skipped("\x2e\x53\x48\x83\xec\x10\x90\x90", 8), 1);
	assert_int_equal(skipped("\x2e\x48\x83\xec\x18\x90\x90\x90", 8), 0);
}

static void test_probes_code_only(void **state)
{
	struct image *im;
	struct made m;

	made_init(&m, EM_X86_64);
	im = of(&m);
	assert_int_equal(code_probe(im, MADE_DATA_VA), 0);
	assert_int_equal(code_probe(im, 1), 0);
	assert_int_equal(code_probe(im, MADE_CODE_VA), MADE_CODE_OFF);
	image_free(im);
}

/* A c3 inside another instruction is no return. */
static void test_x86_returns(void **state)
{
	static const uint8_t code[] = {
		0x55,				/* push %rbp */
		0xb8, 0xc3, 0xc3, 0xc3, 0xc3,	/* mov $0xc3c3c3c3,%eax */
		0x74, 0x02,			/* je +2 */
		0x5d, 0xc3,			/* pop %rbp; ret */
		0x5d, 0xf3, 0xc3,		/* pop %rbp; repz ret */
		0xc2, 0x08, 0x00,		/* ret $8 */
	};
	uint64_t ret[8];
	struct image *im;
	struct made m;
	uint64_t va;

	made_init(&m, EM_X86_64);
	va = made_code(&m, code, sizeof(code));
	im = of(&m);
	assert_int_equal(code_rets(im, va, sizeof(code), ret, 8), 3);
	assert_int_equal(ret[0], va + 9);
	assert_int_equal(ret[1], va + 11);
	assert_int_equal(ret[2], va + 13);
	assert_int_equal(code_rets(im, va, sizeof(code), ret, 2), -E2BIG);
	assert_true(code_reaches(im, va, va + 9));
	assert_false(code_reaches(im, va, va + 3));
	assert_false(code_reaches(im, va, va - 1));
	image_free(im);
}

static void test_x86_bytes_that_are_none(void **state)
{
	static const uint8_t code[] = { 0x55, 0x06, 0xc3 };	/* 06: push %es, gone in 64-bit mode */
	uint64_t ret[8];
	struct image *im;
	struct made m;
	uint64_t va;

	made_init(&m, EM_X86_64);
	va = made_code(&m, code, sizeof(code));
	im = of(&m);
	assert_int_equal(code_rets(im, va, sizeof(code), ret, 8), -EILSEQ);
	assert_int_equal(code_rets(im, MADE_DATA_VA, 4, ret, 8), -ERANGE);
	assert_int_equal(code_rets(im, va, 2 << 20, ret, 8), -E2BIG);
	assert_int_equal(code_rets(im, MADE_CODE_VA + MADE_CODE_SZ - 2, 4, ret, 8), -ERANGE);
	image_free(im);
}

static void test_arm64_returns(void **state)
{
	static const uint32_t code[] = {
		0xd503233f,	/* paciasp */
		0xa9bf7bfd,	/* stp x29, x30, [sp, #-16]! */
		0xd65f03c0,	/* ret */
		0xd65f0bff,	/* retaa */
		0xd65f0fff,	/* retab */
		0xd65f0020,	/* ret x1 */
		0xd63f0020,	/* blr x1 */
		0xd61f0020,	/* br x1 */
	};
	uint64_t ret[8];
	struct image *im;
	struct made m;
	uint64_t va;

	made_init(&m, EM_AARCH64);
	va = made_code(&m, code, sizeof(code));
	im = of(&m);
	assert_int_equal(code_rets(im, va, sizeof(code), ret, 8), 4);
	assert_int_equal(ret[0], va + 8);
	assert_int_equal(ret[3], va + 20);
	assert_int_equal(code_probe(im, va), image_off(im, va));
	assert_int_equal(code_probe(im, va + 2), 0);
	image_free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skips_to_a_push),
		cmocka_unit_test(test_probes_code_only),
		cmocka_unit_test(test_x86_returns),
		cmocka_unit_test(test_x86_bytes_that_are_none),
		cmocka_unit_test(test_arm64_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
