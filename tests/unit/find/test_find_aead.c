// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "find/elf_make.h"
#include "find/find.h"

extern const struct finder find_aead, find_rustls;
static const struct finder *const two[] = { &find_aead, &find_rustls, NULL };

static const char rustls[] = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest";
static const char file[] = "/build/aws-lc/crypto/fipsmodule/cipher/aead.c";

struct made_aead {
	struct made m;
	uint64_t file, put_error, func[4];
};

static void aim(struct made *m, uint64_t va, size_t end, uint64_t to)
{
	int32_t rel = (int32_t)(to - (va + end));

	memcpy(m->b + MADE_CODE_OFF + (va - MADE_CODE_VA) + end - 4, &rel, 4);
}

/* ERR_put_error(30, 0, reason, file, line), or without the 0. */
static size_t put_error(uint8_t *p, uint32_t reason, uint32_t file_va, uint32_t line, bool short_call)
{
	uint8_t five[] = { 0xbf, 30, 0, 0, 0, 0x31, 0xf6, 0xba, 0, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0x41, 0xb8, 0, 0, 0, 0,
			   0xe8, 0, 0, 0, 0 };
	uint8_t four[] = { 0xbf, 30, 0, 0, 0, 0xbe, 0, 0, 0, 0, 0xba, 0, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0 };

	if (short_call) {
		memcpy(four + 6, &reason, 4);
		memcpy(four + 11, &file_va, 4);
		memcpy(four + 16, &line, 4);
		memcpy(p, four, sizeof(four));
		return sizeof(four);
	}
	memcpy(five + 8, &reason, 4);
	memcpy(five + 13, &file_va, 4);
	memcpy(five + 19, &line, 4);
	memcpy(p, five, sizeof(five));
	return sizeof(five);
}

/* lines: of the first error of each. */
static void make(struct made_aead *a, const uint32_t lines[4], bool short_call)
{
	static const uint32_t reasons[4][4] = { { 117, 103, 115 }, { 115, 112 }, { 115, 101, 103 }, { 115, 104 } };
	struct made *m = &a->m;
	uint8_t code[256], call[5] = { 0xe8 };
	size_t end[4];

	made_init(m, EM_X86_64);
	made_data(m, rustls, sizeof(rustls));
	a->file = made_data(m, file, sizeof(file));
	made_code(m, "\xf4", 1);
	a->put_error = made_code(m, "\x53\x5b\xc3", 3);
	for (int i = 0; i < 4; i++) {
		size_t n = 1, cnt = 0;

		code[0] = 0x53;		/* push %rbx */
		for (; reasons[i][cnt]; cnt++) {
			n += put_error(code + n, reasons[i][cnt], (uint32_t)a->file, lines[i] + (uint32_t)cnt, short_call);
			end[cnt] = n;
		}
		code[n++] = 0x5b;
		code[n++] = 0xc3;
		a->func[i] = made_code(m, code, n);
		for (size_t k = 0; k < cnt; k++)
			aim(m, a->func[i], end[k], a->put_error);
	}
	for (int i = 0; i < 4; i++)
		aim(m, made_code(m, call, sizeof(call)), 5, a->func[i]);
}

static int look(const struct made *m, struct found *ret)
{
	int err, n;
	struct image *im = image_of_memory(m->b, sizeof(m->b), &err);
	struct scan *scan;

	*ret = (struct found){ 0 };
	if (!im)
		return err;
	scan = scan_new(im, two, &err);
	n = scan ? find_aead.find(im, scan, ret) : err;
	scan_free(scan);
	image_free(im);
	return n;
}

static const uint32_t lines[4] = { 172, 214, 244, 292 };

static void test_found(void **state)
{
	static const char *const syms[] = { "EVP_AEAD_CTX_seal", "EVP_AEAD_CTX_seal_scatter", "EVP_AEAD_CTX_open",
					    "EVP_AEAD_CTX_open_gather" };
	struct made_aead a;
	struct found f;

	for (int short_call = 0; short_call < 2; short_call++) {
		make(&a, lines, short_call);
		assert_int_equal(look(&a.m, &f), 1);
		assert_int_equal(f.cnt, 4);
		for (int i = 0; i < 4; i++) {
			assert_string_equal(f.func[i].sym, syms[i]);
			assert_int_equal(f.func[i].va, a.func[i]);
		}
	}
}

/* The lines are in another order than the source's: these are other functions. */
static void test_order(void **state)
{
	static const uint32_t other[4] = { 172, 214, 180, 292 };
	struct made_aead a;
	struct found f;

	make(&a, other, false);
	assert_int_equal(look(&a.m, &f), 0);
}

static void test_library(void **state)
{
	struct made_aead a;
	struct found f;

	make(&a, lines, false);
	a.m.b[MADE_CODE_OFF + (a.func[2] - MADE_CODE_VA) + 2] = 31;	/* one error of another library: open has lost 115 */
	assert_int_equal(look(&a.m, &f), 0);
}

/* Without rustls there is a library above that is found by itself. */
static void test_only_for_rustls(void **state)
{
	struct made_aead a;
	struct found f;

	make(&a, lines, false);
	a.m.b[MADE_DATA_OFF] = 'q';
	assert_int_equal(look(&a.m, &f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_library),
		cmocka_unit_test(test_only_for_rustls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
