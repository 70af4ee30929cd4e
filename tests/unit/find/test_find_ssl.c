// SPDX-License-Identifier: Apache-2.0
/* OpenSSL and BoringSSL without symbols, made so that each rule is needed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>

#include "find/code_make.h"
#include "find/find.h"

static struct found *stack_of(const struct made *m, const char *name)
{
	static struct found all[FOUND_STACKS_MAX];
	int err, n;
	struct image *im = image_of_memory(m->b, sizeof(m->b), &err);

	assert_non_null(im);
	n = find_stacks(im, all);
	image_free(im);
	for (int i = 0; i < n; i++)
		if (!strcmp(all[i].stack, name))
			return &all[i];
	return NULL;
}

static uint64_t va_of(const struct found *f, const char *sym)
{
	for (size_t i = 0; i < f->cnt; i++)
		if (!strcmp(f->func[i].sym, sym))
			return f->func[i].va;
	return 0;
}

static struct found *openssl(struct made_openssl *o)
{
	static struct made m;

	made_init(&m, EM_X86_64);
	made_openssl(&m, o);
	return stack_of(&m, "openssl");
}

static struct found *boringssl(struct made_boringssl *b)
{
	static struct made m;

	made_init(&m, EM_X86_64);
	made_boringssl(&m, b);
	return stack_of(&m, "boringssl");
}

static void test_openssl(void **state)
{
	struct made_openssl o = { 0 };
	struct found *f = openssl(&o);

	assert_non_null(f);
	assert_string_equal(f->version, "3.0.19");
	assert_int_equal(va_of(f, "ssl_read_internal"), o.read_inner);
	assert_int_equal(va_of(f, "ssl_write_internal"), o.write_inner);
	assert_int_equal(f->func[0].probe, o.read_inner - MADE_CODE_VA + MADE_CODE_OFF);
	assert_int_equal(va_of(f, "SSL_read"), 0);
}

static void test_openssl_with_flags(void **state)
{
	struct made_openssl o = { .flags = true };
	struct found *f = openssl(&o);

	assert_non_null(f);
	assert_int_equal(va_of(f, "ssl_read_internal"), o.read_inner);
	assert_int_equal(va_of(f, "ssl_write_internal/flags"), o.write_inner);
	assert_int_equal(va_of(f, "ssl_write_internal"), 0);
}

/* The name alone is not enough: nothing is reported, and said why. */
static void test_openssl_called_by_nobody(void **state)
{
	struct made_openssl o = { .strangers = true };
	struct found *f = openssl(&o);

	assert_non_null(f);
	assert_int_equal(f->cnt, 0);
	assert_non_null(strstr(f->why, "SSL_write"));
}

static void test_openssl_without_outer_function(void **state)
{
	struct made_openssl o = { .no_outer = true };
	struct found *f = openssl(&o);

	assert_non_null(f);
	assert_int_equal(va_of(f, "ssl_write_internal"), o.write_inner);
	o.flags = true;
	f = openssl(&o);
	assert_int_equal(va_of(f, "ssl_write_internal/flags"), o.write_inner);
}

/* With symbols the inner functions are found when the symbols' functions call them. */
static void test_openssl_with_symbols(void **state)
{
	struct made_openssl o = { 0 };
	struct found *f;
	struct made m;

	made_init(&m, EM_X86_64);
	made_openssl(&m, &o);
	made_symbol(&m, "SSL_read", o.read, 0x40, STT_FUNC);
	made_symbol(&m, "SSL_write", o.write, 0x40, STT_FUNC);
	made_symbol(&m, "SSL_read_ex", o.err, 0x40, STT_FUNC);	/* goes another way */
	made_sections(&m, SHT_DYNSYM);
	f = stack_of(&m, "openssl");
	assert_non_null(f);
	assert_int_equal(f->cnt, 1);
	assert_int_equal(va_of(f, "ssl_write_internal"), o.write_inner);
}

/* Texts that nobody refers to are no library: documentation has them. */
static void test_texts_alone(void **state)
{
	struct made m;

	made_init(&m, EM_X86_64);
	made_text(&m, "ssl_read_internal");
	made_text(&m, "SSL_read");
	made_text(&m, "boringssl/ssl/ssl_lib.cc");
	made_stub(&m);
	assert_null(stack_of(&m, "openssl"));
	assert_null(stack_of(&m, "boringssl"));
}

static void want_boringssl(struct made_boringssl b)
{
	struct found *f = boringssl(&b);

	assert_non_null(f);
	assert_int_equal(va_of(f, "SSL_read"), b.read);
	assert_int_equal(va_of(f, "SSL_write"), b.write);
	assert_int_equal(va_of(f, "SSL_peek"), 0);
}

static void test_boringssl(void **state)
{
	want_boringssl((struct made_boringssl){ 0 });
	want_boringssl((struct made_boringssl){ .lto = true });
	want_boringssl((struct made_boringssl){ .old = true });
	want_boringssl((struct made_boringssl){ .peek = true });
	want_boringssl((struct made_boringssl){ .lto = true, .peek = true, .old = true });
}

static void test_boringssl_that_does_not_agree(void **state)
{
	struct made_boringssl b = { .other_field = true };
	struct found *f = boringssl(&b);

	assert_non_null(f);
	assert_int_equal(f->cnt, 0);
	assert_non_null(strstr(f->why, "SSL_read"));
	b = (struct made_boringssl){ .no_store = true, .peek = true };
	f = boringssl(&b);
	assert_int_equal(f->cnt, 0);
}

/* Whatever a wrong byte makes of the rules, what is reported is where a function begins. */
static void test_damaged_code(void **state)
{
	struct made_boringssl b = { .peek = true };
	struct found *f;
	struct made m, bad;

	made_init(&m, EM_X86_64);
	made_boringssl(&m, &b);
	for (size_t i = 0; i < m.code_n; i += 3) {
		bad = m;
		bad.b[MADE_CODE_OFF + i] ^= 0x55;
		f = stack_of(&bad, "boringssl");
		if (!f || !f->cnt)
			continue;
		assert_true(va_of(f, "SSL_read") == b.read || va_of(f, "SSL_read") == b.peek_va);
		assert_int_equal(va_of(f, "SSL_write"), b.write);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl),
		cmocka_unit_test(test_openssl_with_flags),
		cmocka_unit_test(test_openssl_called_by_nobody),
		cmocka_unit_test(test_openssl_without_outer_function),
		cmocka_unit_test(test_openssl_with_symbols),
		cmocka_unit_test(test_texts_alone),
		cmocka_unit_test(test_boringssl),
		cmocka_unit_test(test_boringssl_that_does_not_agree),
		cmocka_unit_test(test_damaged_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
