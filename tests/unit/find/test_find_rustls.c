// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "find/elf_make.h"
#include "find/find.h"

extern const struct finder find_rustls;
static const struct finder *const only_rustls[] = { &find_rustls, NULL };

static const char eof[] = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest";
static const char path[] = "/home/u/.cargo/registry/src/rustls-0.23.46/src/common_state.rs";

/* push %rbx; mov %rdi,%r15; movb $0x20,0x32e(%rdi); mov (%rsi),%r12; mov 8(%rsi),%rbx; mov 0x10(%rsi),%r14; pop; ret */
static const uint8_t take_received[] = {
	0x53, 0x49, 0x89, 0xff, 0xc6, 0x87, 0x2e, 0x03, 0, 0, 0x20, 0x4c, 0x8b, 0x26, 0x48, 0x8b, 0x5e, 0x08,
	0x4c, 0x8b, 0x76, 0x10, 0x5b, 0xc3
};
/* The same, the payload handed on: push %rbx; mov %rdi,%rbx; movb; add $0x50,%rbx; call; pop; ret */
static const uint8_t take_received_small[] = {
	0x53, 0x48, 0x89, 0xfb, 0xc6, 0x87, 0x2e, 0x03, 0, 0, 0x20, 0x48, 0x83, 0xc3, 0x50, 0xe8, 0, 0, 0, 0, 0x5b, 0xc3
};
/*
 * push %rbx; mov %rsi,%rbx; mov 0x308(%rdi),%r15; movabs $1<<63,%rax; mov %rax,0x308(%rdi);
 * cmpb $1,0x336(%rdi); jne 1f; xor %edx,%edx; pop %rbx; jmp send; 1: call; pop %rbx; ret
 */
static const uint8_t buffer[] = {
	0x53, 0x48, 0x89, 0xf3, 0x4c, 0x8b, 0xbf, 0x08, 0x03, 0, 0,
	0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x89, 0x87, 0x08, 0x03, 0, 0,
	0x80, 0xbf, 0x36, 0x03, 0, 0, 1, 0x75, 8, 0x31, 0xd2, 0x5b, 0xe9, 0, 0, 0, 0,
	0xe8, 0, 0, 0, 0, 0x5b, 0xc3
};
/*
 * The taking is a function of its own: push %rbx; mov %rsi,%rbx; mov %rdi,%r14; call take; cmpb $1,0x336(%r14);
 * jne 1f; xor %edx,%edx; pop %rbx; jmp send; 1: mov 0x18(%rbx),%rsi; sub 0x10(%rbx),%rsi; pop; ret
 */
static const uint8_t buffer_small[] = {
	0x53, 0x48, 0x89, 0xf3, 0x49, 0x89, 0xfe, 0xe8, 0, 0, 0, 0, 0x41, 0x80, 0xbe, 0x36, 0x03, 0, 0, 1,
	0x75, 8, 0x31, 0xd2, 0x5b, 0xe9, 0, 0, 0, 0,
	0x48, 0x8b, 0x73, 0x18, 0x48, 0x2b, 0x73, 0x10, 0x5b, 0xc3
};
/* Gone into its caller: push %rbx; cmpb $1,0x336(%rbx); jne 1f; xor %edx,%edx; call send; 1: pop; ret */
static const uint8_t caller[] = {
	0x53, 0x80, 0xbb, 0x36, 0x03, 0, 0, 1, 0x75, 7, 0x31, 0xd2, 0xe8, 0, 0, 0, 0, 0x5b, 0xc3
};
/* push %rbp; mov (%rsi),%r15; mov 0x10(%rsi),%rbp; mov 0x18(%rsi),%rdi; test; je 1f; pop; ret; 1: pop; ret */
static const uint8_t send[] = {
	0x55, 0x4c, 0x8b, 0x3e, 0x48, 0x8b, 0x6e, 0x10, 0x48, 0x8b, 0x7e, 0x18, 0x84, 0xc0, 0x74, 2, 0x5d, 0xc3,
	0x5d, 0xc3
};
static const uint8_t other[] = { 0x53, 0x5b, 0xc3 };

/* A call or jump in the code at va, whose last byte is end behind it, to a place. */
static void aim(struct made *m, uint64_t va, size_t end, uint64_t to)
{
	int32_t rel = (int32_t)(to - (va + end));

	memcpy(m->b + MADE_CODE_OFF + (va - MADE_CODE_VA) + end - 4, &rel, 4);
}

struct made_rustls {
	struct made m;
	uint64_t read, write, send;
};

/* Somebody calls these, or else nothing says that they are functions. */
static void calls(struct made *m, const uint64_t *to, size_t n)
{
	uint8_t call[5] = { 0xe8 };

	for (size_t i = 0; i < n; i++)
		aim(m, made_code(m, call, sizeof(call)), 5, to[i]);
}

static void make(struct made_rustls *r, const void *read, size_t read_n, const void *write, size_t write_n)
{
	struct made *m = &r->m;
	uint64_t nothing;

	made_init(m, EM_X86_64);
	made_code(m, "\xf4", 1);
	nothing = made_code(m, other, sizeof(other));
	r->read = made_code(m, read, read_n);
	r->send = made_code(m, send, sizeof(send));
	r->write = made_code(m, write, write_n);
	if (read == take_received_small)
		aim(m, r->read, 20, nothing);
	if (write == buffer) {
		aim(m, r->write, 45, r->send);
		aim(m, r->write, 50, nothing);
	} else if (write == buffer_small) {
		aim(m, r->write, 12, nothing);
		aim(m, r->write, 30, r->send);
	} else if (write == caller)
		aim(m, r->write, 17, r->send);
	calls(m, (uint64_t[]){ nothing, r->read, r->send, r->write }, 4);
	made_data(m, eof, sizeof(eof));
	made_data(m, path, sizeof(path));
}

static int look(const struct made *m, struct found *ret)
{
	int err, n;
	struct image *im = image_of_memory(m->b, sizeof(m->b), &err);
	struct scan *scan;

	*ret = (struct found){ 0 };
	if (!im)
		return err;
	scan = scan_new(im, only_rustls, &err);
	n = scan ? find_rustls.find(im, scan, ret) : err;
	scan_free(scan);
	image_free(im);
	return n;
}

static uint64_t off(uint64_t va)
{
	return va - MADE_CODE_VA + MADE_CODE_OFF;
}

static void assert_both(const struct found *f, uint64_t read, uint64_t write)
{
	assert_int_equal(f->cnt, 2);
	assert_string_equal(f->func[0].sym, "buffer_plaintext");
	assert_int_equal(f->func[0].va, write);
	assert_int_equal(f->func[0].probe, off(write));
	assert_string_equal(f->func[1].sym, "take_received_plaintext");
	assert_int_equal(f->func[1].va, read);
	assert_int_equal(f->func[1].rets_cnt, 0);
}

static void test_found(void **state)
{
	struct made_rustls r;
	struct found f;

	make(&r, take_received, sizeof(take_received), buffer, sizeof(buffer));
	assert_int_equal(look(&r.m, &f), 1);
	assert_both(&f, r.read, r.write);
	assert_string_equal(f.version, "0.23.46");
	/* Its own return, and the two of what it ends with. */
	assert_int_equal(f.func[0].rets_cnt, 3);
	assert_int_equal(f.func[0].rets[0], off(r.send + 17));
	assert_int_equal(f.func[0].rets[1], off(r.send + 19));
	assert_int_equal(f.func[0].rets[2], off(r.write + sizeof(buffer) - 1));
}

static void test_small(void **state)
{
	struct made_rustls r;
	struct found f;

	make(&r, take_received_small, sizeof(take_received_small), buffer_small, sizeof(buffer_small));
	assert_int_equal(look(&r.m, &f), 1);
	assert_both(&f, r.read, r.write);
	assert_int_equal(f.func[0].rets_cnt, 3);
}

static void test_inlined(void **state)
{
	struct made_rustls r;
	struct found f;

	make(&r, take_received, sizeof(take_received), caller, sizeof(caller));
	assert_int_equal(look(&r.m, &f), 1);
	assert_both(&f, r.read, r.send);
	assert_int_equal(f.func[0].rets_cnt, 2);
}

static void assert_unusable(const struct made_rustls *r)
{
	struct found f;

	assert_int_equal(look(&r->m, &f), 1);
	assert_int_equal(f.cnt, 0);
	assert_true(f.why[0]);
}

/* One of the two alone is not believed. */
static void test_two_rules(void **state)
{
	struct made_rustls r;

	make(&r, other, sizeof(other), buffer, sizeof(buffer));
	assert_unusable(&r);
	make(&r, take_received, sizeof(take_received), other, sizeof(other));
	assert_unusable(&r);
	/* The fields are not next to each other. */
	make(&r, take_received, sizeof(take_received), buffer, sizeof(buffer));
	r.m.b[off(r.write) + 31] = 4;
	assert_unusable(&r);
}

/* Another field is written than read: this is no buffer_plaintext, but still calls what sends. */
static void test_takes_nothing(void **state)
{
	struct made_rustls r;
	struct found f;

	make(&r, take_received, sizeof(take_received), buffer, sizeof(buffer));
	r.m.b[off(r.write) + 24] = 0x10;
	assert_int_equal(look(&r.m, &f), 1);
	assert_both(&f, r.read, r.send);
}

/* Two functions that could be it. */
static void test_ambiguous(void **state)
{
	struct made_rustls r;
	uint64_t more;

	make(&r, take_received, sizeof(take_received), buffer, sizeof(buffer));
	more = made_code(&r.m, take_received, sizeof(take_received));
	calls(&r.m, &more, 1);
	assert_unusable(&r);
}

/* It ends with a jump that nobody knows the target of: its returns are not known either. */
static void test_lost_jump(void **state)
{
	struct made_rustls r;

	make(&r, take_received, sizeof(take_received), buffer, sizeof(buffer));
	memcpy(r.m.b + off(r.send) + 12, "\xff\x25\0\0\0\0", 6);
	assert_unusable(&r);
}

static void test_not_there(void **state)
{
	struct made_rustls r;
	struct found f;

	make(&r, take_received, sizeof(take_received), buffer, sizeof(buffer));
	memset(r.m.b + MADE_DATA_OFF, 0, MADE_DATA_SZ);
	assert_int_equal(look(&r.m, &f), 0);
}

static void test_damaged(void **state)
{
	static const uint8_t with[] = { 0xff, 0x00, 0xe9, 0x80 };
	struct made_rustls good, r;
	struct found f;

	make(&good, take_received, sizeof(take_received), buffer, sizeof(buffer));
	for (size_t i = 0; i < good.m.code_n; i++) {
		r = good;
		r.m.b[MADE_CODE_OFF + i] = with[i % 4];
		look(&r.m, &f);
		for (size_t j = 0; j < f.cnt; j++)
			assert_in_range(f.func[j].probe, MADE_CODE_OFF, MADE_CODE_OFF + MADE_CODE_SZ - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_inlined),
		cmocka_unit_test(test_two_rules),
		cmocka_unit_test(test_takes_nothing),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_lost_jump),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
