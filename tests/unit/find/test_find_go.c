// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "find/elf_make.h"
#include "find/find.h"

extern const struct finder find_go;
static const struct finder *const only_go[] = { &find_go, NULL };

/* What a made program is like. */
struct program {
	uint16_t machine;
	uint32_t magic;
	const char *package;
	const char *version;	/* NULL: no .go.buildinfo */
	bool text_known;	/* the header says where the text begins */
	bool text_first;	/* no C code before it */
	int broken;		/* the function that does not look as Go compiles it; -1: none */
};

static const struct program usual = {
	EM_X86_64, 0xfffffff1, "crypto/tls", "go1.26.8", .text_known = true, .text_first = true, .broken = -1
};

/* cmp 0x10(%r14),%rsp; jbe 1f; push %rbp; test %al,%al; je .+2; ret; pop %rbp; ret; 1: call; jmp 0b */
static const uint8_t x86_small[] = {
	0x49, 0x3b, 0x66, 0x10, 0x76, 8, 0x55, 0x84, 0xc0, 0x74, 1, 0xc3, 0x5d, 0xc3, 0xe8, 0, 0, 0, 0, 0xeb, 0xeb
};
/* lea -0xb0(%rsp),%r12; cmp 0x10(%r14),%r12; jbe 1f (near); push %rbp; mov $0xc3,%al; pop %rbp; ret; 1: call; jmp 0b (near) */
static const uint8_t x86_large[] = {
	0x4c, 0x8d, 0xa4, 0x24, 0x50, 0xff, 0xff, 0xff, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86, 5, 0, 0, 0,
	0x55, 0xb0, 0xc3, 0x5d, 0xc3, 0xe8, 0, 0, 0, 0, 0xe9, 0xdf, 0xff, 0xff, 0xff
};
/* mov %rsp,%r12; sub $0x10000,%r12; jb 1f; cmp 0x10(%r14),%r12; jbe 1f; ret; 1: call; jmp 0b */
static const uint8_t x86_huge[] = {
	0x49, 0x89, 0xe4, 0x49, 0x81, 0xec, 0, 0, 1, 0, 0x72, 7, 0x4d, 0x3b, 0x66, 0x10, 0x76, 1, 0xc3,
	0xe8, 0, 0, 0, 0, 0xeb, 0xe6
};
/* ldr x16,[x28,#16]; cmp sp,x16; b.ls 1f; ret; 1: bl; b 0b */
static const uint32_t arm64_small[] = {
	0xf9400b90, 0xeb3063ff, 0x54000049, 0xd65f03c0, 0x94000000, 0x17fffffb
};
/* ldr x16,[x28,#16]; sub x17,sp,#0xc0; cmp x17,x16; b.ls 1f; ret; 1: bl; b 0b */
static const uint32_t arm64_large[] = {
	0xf9400b90, 0xd10303f1, 0xeb10023f, 0x54000049, 0xd65f03c0, 0x94000000, 0x17fffffa
};

static const char *const methods[] = { "Close", "writeRecordLocked", "Read" };

static void put_code(struct made *m, const struct program *p, uint64_t entry[4])
{
	static const uint8_t c_code[] = { 0x31, 0xed, 0xc3 };
	const void *code[2][3] = { { x86_huge, x86_large, x86_small }, { arm64_small, arm64_large, arm64_small } };
	const size_t n[2][3] = { { sizeof(x86_huge), sizeof(x86_large), sizeof(x86_small) },
				 { sizeof(arm64_small), sizeof(arm64_large), sizeof(arm64_small) } };
	bool arm64 = p->machine == EM_AARCH64;
	uint8_t last[64] = { 0 };

	if (!p->text_first)
		made_code(m, c_code, arm64 ? 0 : sizeof(c_code));
	if (!p->text_first && arm64)
		made_code(m, "\xc0\x03\x5f\xd6", 4);
	for (int i = 0; i < 3; i++) {
		memcpy(last, code[arm64][i], n[arm64][i]);
		if (p->broken == i)
			last[n[arm64][i] - (arm64 ? 4 : 1)] ^= 0x10;
		entry[i] = made_code(m, last, n[arm64][i]);
	}
	entry[3] = made_code(m, "", 0);
	entry[3] = (entry[2] + n[arm64][2] + 15) & ~15ull;
}

static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }
static void put_word(uint8_t *p, uint64_t v, size_t n) { memcpy(p, &v, n); }

static void put_buildinfo(struct made *m, const char *version)
{
	uint8_t b[64] = "\xff Go buildinf:";

	b[14] = 8;
	b[15] = 2;
	b[32] = (uint8_t)strlen(version);
	memcpy(b + 33, version, strlen(version));
	made_data(m, b, sizeof(b));
}

/* The header, the names, the rows, the structs: as the linker lays them out; to 1.17 with addresses for offsets. */
static uint64_t make(struct made *m, const struct program *p, uint64_t entry[4])
{
	bool old = p->magic == 0xfffffffa;
	size_t names = 72, at = names + 1, name[3], table, func, word = old ? 8 : 4;
	uint8_t t[1024] = { 0 }, *h = t + 24;
	uint64_t text;

	made_init(m, p->machine);
	put_code(m, p, entry);
	text = old ? 0 : entry[0];
	if (p->version)
		put_buildinfo(m, p->version);
	for (int i = 0; i < 3; i++) {
		name[i] = at - names;
		at += (size_t)sprintf((char *)t + at, "%s.(*Conn).%s", p->package, methods[i]) + 1;
	}
	table = (at + 7) & ~7ul;
	func = (3 * 2 + 1) * word;
	put32(t, p->magic);
	t[6] = p->machine == EM_AARCH64 ? 4 : 1;
	t[7] = 8;
	put64(t + 8, 3);
	if (!old) {
		put64(h, p->text_known ? text : 0);
		h += 8;
	}
	put64(h, names);
	put64(h + 8, at);
	put64(h + 16, at);
	put64(h + 24, at);
	put64(h + 32, table);
	for (size_t i = 0; i < 4; i++)
		put_word(t + table + i * 2 * word, entry[i] - text, word);
	for (size_t i = 0; i < 3; i++) {
		put_word(t + table + (i * 2 + 1) * word, func + i * 48, word);
		put_word(t + table + func + i * 48, entry[i] - text, word);
		put32(t + table + func + i * 48 + word, (uint32_t)name[i]);
	}
	return made_data(m, t, sizeof(t));
}

static int look(const struct made *m, struct found *ret)
{
	int err, n;
	struct image *im = image_of_memory(m->b, sizeof(m->b), &err);
	struct scan *scan;

	*ret = (struct found){ 0 };
	if (!im)
		return err;
	scan = scan_new(im, only_go, &err);
	n = scan ? find_go.find(im, scan, ret) : err;
	scan_free(scan);
	image_free(im);
	return n;
}

static const struct found_func *func(const struct found *f, const char *method)
{
	char name[64];

	snprintf(name, sizeof(name), "crypto/tls.(*Conn).%s", method);
	for (size_t i = 0; i < f->cnt; i++)
		if (!strcmp(f->func[i].sym, name))
			return &f->func[i];
	return NULL;
}

static uint64_t off(uint64_t va)
{
	return va - MADE_CODE_VA + MADE_CODE_OFF;
}

static void assert_all(const struct found *f, const uint64_t entry[4], const unsigned check[3])
{
	assert_int_equal(f->cnt, 3);
	for (int i = 0; i < 3; i++) {
		const struct found_func *g = func(f, methods[i]);

		assert_non_null(g);
		assert_int_equal(g->va, entry[i] + check[i]);
		assert_int_equal(g->probe, off(entry[i] + check[i]));
	}
}

static const unsigned x86_checks[3] = { 18, 18, 6 }, arm64_checks[3] = { 12, 16, 12 };

static void test_found(void **state)
{
	const struct found_func *f;
	uint64_t entry[4];
	struct found r;
	struct made m;

	make(&m, &usual, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_string_equal(r.stack, "go");
	assert_string_equal(r.version, "go1.26.8");
	assert_all(&r, entry, x86_checks);
	f = func(&r, "Read");
	assert_int_equal(f->rets_cnt, 2);
	assert_int_equal(f->rets[0], off(entry[2] + 11));
	assert_int_equal(f->rets[1], off(entry[2] + 13));
	/* A c3 that is an operand is no return. */
	f = func(&r, "writeRecordLocked");
	assert_int_equal(f->rets_cnt, 1);
	assert_int_equal(f->rets[0], off(entry[1] + 22));
}

static void test_text_searched(void **state)
{
	struct program p = usual;
	uint64_t entry[4];
	struct found r;
	struct made m;

	p.text_known = p.text_first = false;
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_all(&r, entry, x86_checks);
	p.machine = EM_AARCH64;
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_all(&r, entry, arm64_checks);
	assert_int_equal(func(&r, "Read")->rets_cnt, 1);
	assert_int_equal(func(&r, "Read")->rets[0], off(entry[2] + 12));
}

static void test_forks(void **state)
{
	static const struct { const char *package; bool is; } of[] = {
		{ "example.com/a/vendor/crypto/tls", true }, { "github.com/refraction-networking/utls", true },
		{ "notcrypto/tls", false }, { "example.com/xcrypto/tls", false }, { "crypto/tlsx", false },
	};
	struct program p = usual;
	uint64_t entry[4];
	struct found r;
	struct made m;

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		p.package = of[i].package;
		make(&m, &p, entry);
		assert_int_equal(look(&m, &r), of[i].is);
		assert_int_equal(r.cnt, of[i].is ? 3 : 0);
	}
}

/* A function that is not as the table says: no probe on any of them. */
static void test_second_rule(void **state)
{
	struct program p = usual;
	uint64_t entry[4];
	struct found r;
	struct made m;

	for (p.broken = 0; p.broken < 3; p.broken++) {
		make(&m, &p, entry);
		assert_int_equal(look(&m, &r), 1);
		assert_int_equal(r.cnt, 0);
		assert_true(r.why[0]);
	}
}

static void test_old(void **state)
{
	struct program p = usual;
	uint64_t entry[4];
	struct found r;
	struct made m;

	p.magic = 0xfffffffb;
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_int_equal(r.cnt, 0);
	assert_non_null(strstr(r.why, "before 1.17"));
	p.magic = 0xfffffffa;
	p.version = "go1.16.3";
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_int_equal(r.cnt, 0);
	assert_non_null(strstr(r.why, "before 1.17"));
	p.version = "go1.17.5";
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_all(&r, entry, x86_checks);
	p.machine = EM_AARCH64;
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_int_equal(r.cnt, 0);
	assert_non_null(strstr(r.why, "before 1.18"));
}

static void test_version_unknown(void **state)
{
	struct program p = usual;
	uint64_t entry[4];
	struct found r;
	struct made m;

	p.version = NULL;
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_string_equal(r.version, "go1.20 or later");
	p.version = "go1\x1b[2J";
	make(&m, &p, entry);
	assert_int_equal(look(&m, &r), 1);
	assert_string_equal(r.version, "go1.20 or later");
}

/* Whatever the table says, what is reported lies in the code. */
static void test_damaged(void **state)
{
	static const uint8_t with[] = { 0xff, 0x00, 0x80, 0x10 };
	uint64_t entry[4], at;
	struct made good, m;
	struct found r;

	at = make(&good, &usual, entry) - MADE_DATA_VA + MADE_DATA_OFF;
	for (size_t i = 0; i < 400; i++) {
		m = good;
		m.b[at + i] = with[i % 4];
		look(&m, &r);
		for (size_t j = 0; j < r.cnt; j++)
			assert_in_range(r.func[j].probe, MADE_CODE_OFF, MADE_CODE_OFF + MADE_CODE_SZ - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_text_searched),
		cmocka_unit_test(test_forks),
		cmocka_unit_test(test_second_rule),
		cmocka_unit_test(test_old),
		cmocka_unit_test(test_version_unknown),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
