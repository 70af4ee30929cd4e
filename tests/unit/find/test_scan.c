// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>

#include "find/code_make.h"
#include "find/find.h"

enum { WHOLE, ENDS, STARTS };

static const struct scan_text texts[] = {
	[WHOLE] = { "SSL_read", SCAN_WHOLE },
	[ENDS] = { "ssl_lib.cc", SCAN_ENDS },
	[STARTS] = { "rustls-0.", SCAN_STARTS },
	{ NULL }
};

static const struct scan_code codes[] = {
	{ 7, 0, IMAGE_X86_64, { 0xc6, 0x87, 0, 0, 0, 0, 0x20 }, { 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff } },
	{ 0 }
};

static const struct finder finder = { "test", texts, codes, NULL };
static const struct finder *const table[] = { &finder, NULL };

struct bed {
	struct made m;
	struct image *im;
	struct scan *s;
};

static void bed_scan(struct bed *t)
{
	int err;

	t->im = image_of_memory(t->m.b, sizeof(t->m.b), &err);
	assert_non_null(t->im);
	t->s = scan_new(t->im, table, &err);
	assert_non_null(t->s);
}

static void bed_release(struct bed *t)
{
	scan_free(t->s);
	image_free(t->im);
}

static void test_texts(void **state)
{
	const uint64_t *at;
	uint64_t begin;
	struct bed t;

	made_init(&t.m, EM_X86_64);
	made_text(&t.m, "my_SSL_read");		/* a word goes on before it */
	made_text(&t.m, "SSL_readable");	/* and behind it */
	made_text(&t.m, "SSL_read");
	made_data(&t.m, "\x04\x08\x01", 3);
	made_text(&t.m, "");
	begin = made_text(&t.m, "a/b/ssl_lib.cc");
	made_text(&t.m, "ssl_lib.cc:12");
	made_text(&t.m, "/x/rustls-0.23.4/src");
	bed_scan(&t);
	assert_int_equal(scan_texts(t.s, &texts[WHOLE], &at), 1);
	assert_int_equal(at[0], MADE_DATA_VA + 12 + 13);
	assert_int_equal(scan_texts(t.s, &texts[ENDS], &at), 1);
	assert_int_equal(at[0], begin);
	assert_int_equal(scan_texts(t.s, &texts[STARTS], &at), 1);
	assert_int_equal(scan_texts(t.s, &texts[3], &at), 0);
	bed_release(&t);
}

/* At each of the four places that a word of the filter may have. */
static void test_text_at_any_place(void **state)
{
	const uint64_t *at;
	struct bed t;

	for (size_t shift = 0; shift < 9; shift++) {
		made_init(&t.m, EM_X86_64);
		t.m.data_n = 16 + shift;
		made_text(&t.m, "SSL_read");
		bed_scan(&t);
		assert_int_equal(scan_texts(t.s, &texts[WHOLE], &at), 1);
		assert_int_equal(at[0], MADE_DATA_VA + 16 + shift);
		bed_release(&t);
	}
}

/* Windows are 1 MiB: a text around the end of one is found once. */
static void test_text_between_windows(void **state)
{
	size_t n = 5 << 20;
	const uint64_t *at;
	struct image *im;
	struct scan *s;
	struct made m;
	Elf64_Phdr *p;
	uint8_t *b;
	int err;

	made_init(&m, EM_X86_64);
	p = (void *)(m.b + sizeof(Elf64_Ehdr));
	p[1].p_filesz = p[1].p_memsz = n - MADE_DATA_OFF;
	for (size_t place = (1 << 20) - 2100; place < (1 << 20) + 20; place += 7) {
		b = calloc(1, n);
		memcpy(b, m.b, MADE_DATA_OFF);
		memcpy(b + MADE_DATA_OFF + place, "a/ssl_lib.cc", 12);
		im = image_of_memory(b, n, &err);
		s = scan_new(im, table, &err);
		assert_int_equal(scan_texts(s, &texts[ENDS], &at), 1);
		assert_int_equal(at[0], MADE_DATA_VA + place);
		scan_free(s);
		image_free(im);
		free(b);
		if (place < (1 << 20) - 1100)
			place += 200;
	}
}

static void test_too_many(void **state)
{
	const uint64_t *at;
	struct bed t;

	made_init(&t.m, EM_X86_64);
	for (size_t i = 0; i < MADE_CODE_SZ / 9; i++)
		memcpy(t.m.b + MADE_CODE_OFF + 9 * i, "SSL_read", 9);
	bed_scan(&t);
	assert_int_equal(scan_texts(t.s, &texts[WHOLE], &at), SCAN_HITS_MAX);
	assert_true(scan_too_many(t.s, &texts[WHOLE]));
	assert_false(scan_too_many(t.s, &texts[ENDS]));
	bed_release(&t);
}

static void test_x86_references(void **state)
{
	const struct scan_ref *r;
	const uint64_t *at;
	uint64_t text, va;
	struct code c;
	struct bed t;

	made_init(&t.m, EM_X86_64);
	text = made_text(&t.m, "SSL_read");
	c = code_begin(&t.m);
	va = c.va;
	put_lea(&c, R8, text);
	put_mov(&c, RSI, text);
	put_lea(&c, RDI, text + 1);		/* of something else */
	PUT(&c, "\xc6\x87\x2e\x03\x00\x00\x20");
	PUT(&c, "\x68");
	put32(&c, text);
	code_end(&c);
	bed_scan(&t);
	assert_int_equal(scan_refs(t.s, &texts[WHOLE], &r), 3);
	assert_int_equal(r[0].va, va);
	assert_int_equal(r[0].reg, 8);
	assert_int_equal(r[0].to, text);
	assert_int_equal(r[1].va, va + 7);
	assert_int_equal(r[1].reg, 6);
	assert_int_equal(r[2].reg, 0xff);
	assert_int_equal(scan_codes(t.s, &codes[0], &at), 1);
	assert_int_equal(at[0], va + 19);
	bed_release(&t);
}

/* What stands before the string has no NUL at its end: it begins where code says. */
static void test_string_behind_constants(void **state)
{
	const uint64_t *at;
	uint64_t text;
	struct code c;
	struct bed t;

	made_init(&t.m, EM_X86_64);
	made_data(&t.m, "\x01\x04\x03\x08", 4);
	text = made_text(&t.m, "ssl/ssl_lib.cc");
	c = code_begin(&t.m);
	put_lea(&c, RCX, text);
	code_end(&c);
	bed_scan(&t);
	assert_int_equal(scan_texts(t.s, &texts[ENDS], &at), 1);
	assert_int_equal(at[0], text);
	bed_release(&t);
}

static void test_functions_by_calls(void **state)
{
	struct scan_func f[4];
	uint64_t text, a, b, at[4];
	struct code c;
	struct bed t;

	made_init(&t.m, EM_X86_64);
	text = made_text(&t.m, "SSL_read");
	made_stub(&t.m);
	c = code_begin(&t.m);
	PUT(&c, "\x55");
	put_lea(&c, RCX, text);
	a = code_end(&c);
	c = code_begin(&t.m);
	PUT(&c, "\x53");
	put_lea(&c, RDX, text);
	put_lea(&c, RDX, text);
	put_call(&c, a);
	b = code_end(&c);
	made_callers(&t.m, (uint64_t[]){ b, a }, 2);
	bed_scan(&t);
	assert_true(scan_called(t.s, a));
	assert_false(scan_called(t.s, a + 1));
	assert_int_equal(scan_referrers(t.s, &texts[WHOLE], f, 4), 2);
	assert_int_equal(f[0].va, a);
	assert_int_equal(f[0].size, b - a);
	assert_int_equal(f[1].va, b);
	assert_true(f[1].called && !f[1].unwind);
	assert_int_equal(scan_callers(t.s, a, at, 4), 2);
	assert_int_equal(at[0], b + 15);
	assert_int_equal(scan_callers(t.s, a + 3, at, 4), 0);
	bed_release(&t);
}

/* An unwind entry counts for what it covers, and for nothing behind it. */
static void test_functions_by_unwind_entries(void **state)
{
	struct scan_func f;
	uint64_t a, text;
	struct code c;
	struct bed t;

	made_init(&t.m, EM_X86_64);
	text = made_text(&t.m, "SSL_read");
	t.m.data_n = 64;
	c = code_begin(&t.m);
	PUT(&c, "\x90\x90");
	put_lea(&c, RCX, text);
	a = code_end(&c);
	made_unwind(&t.m, a, 9);
	bed_scan(&t);
	assert_true(scan_function(t.s, a + 2, &f));
	assert_int_equal(f.va, a);
	assert_int_equal(f.size, 9);
	assert_true(f.unwind && !f.called);
	assert_false(scan_function(t.s, a + 9, &f));
	assert_false(scan_function(t.s, a - 1, &f));
	bed_release(&t);
}

static uint32_t adrp(int reg, uint64_t at, uint64_t to)
{
	uint32_t pages = (to >> 12) - (at >> 12);

	return 0x90000000 | (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5 | reg;
}

static uint32_t add(int to, int from, uint32_t imm)
{
	return 0x91000000 | imm << 10 | from << 5 | to;
}

static void test_arm64_references(void **state)
{
	const struct scan_ref *r;
	uint64_t text, va = MADE_CODE_VA;
	struct bed t;

	made_init(&t.m, EM_AARCH64);
	t.m.data_n = 0x345;
	text = made_text(&t.m, "SSL_read");
	uint32_t code[] = {
		adrp(2, va, text),
		0xf9000fe2,			/* str x2, [sp, #24]: leaves it alone */
		add(3, 2, 0x345),		/* 8: the text */
		add(2, 2, 0x300), add(2, 2, 0x45),	/* 16: from an anchor */
		adrp(4, va, text),
		0xf9400084,			/* ldr x4, [x4] */
		add(4, 4, 0x345),		/* not any more */
		0x94000002,			/* bl +8 */
		0xd65f03c0, 0xd65f03c0,
	};

	made_code(&t.m, code, sizeof(code));
	bed_scan(&t);
	assert_int_equal(scan_refs(t.s, &texts[WHOLE], &r), 2);
	assert_int_equal(r[0].va, va + 8);
	assert_int_equal(r[0].reg, 3);
	assert_int_equal(r[1].va, va + 16);
	assert_int_equal(r[1].reg, 2);
	assert_true(scan_called(t.s, va + 40));
	bed_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_text_at_any_place),
		cmocka_unit_test(test_text_between_windows),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_x86_references),
		cmocka_unit_test(test_string_behind_constants),
		cmocka_unit_test(test_functions_by_calls),
		cmocka_unit_test(test_functions_by_unwind_entries),
		cmocka_unit_test(test_arm64_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
