// SPDX-License-Identifier: Apache-2.0
/* The finder against this very binary, the C library, and damaged copies of both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/elf.h"

int target_one(int x);
int target_two(int x);

__attribute__((noinline)) int target_one(int x)
{
	return x * 3 + 1;
}

__attribute__((noinline)) int target_two(int x)
{
	return x * 5 + 2;
}

static const char *const names[] = { "target_one", "no_such_function", "target_two" };

static int self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void same_code(int fd, const struct elf_func *f, const void *fn)
{
	char b[16];

	assert_true(f->off);
	assert_int_equal(pread(fd, b, sizeof(b), f->off), sizeof(b));
	assert_memory_equal(b, fn, sizeof(b));
	assert_true(f->probe == f->off || f->probe == f->off + 4);
}

static void test_finds_by_name(void **state)
{
	struct elf_func f[3];
	struct elf_note note;
	int fd = self();

	assert_int_equal(elf_find(fd, names, 3, f, &note), 2);
	same_code(fd, &f[0], target_one);
	same_code(fd, &f[2], target_two);
	assert_int_equal(f[1].off, 0);
	assert_true(note.symbols);
	assert_true(target_one(1) + target_two(1) > 0);
	close(fd);
}

static void test_finds_dynamic_symbols(void **state)
{
	static const char *const want[] = { "malloc" };
	struct elf_note note;
	struct elf_func f;
	void *fn = dlsym(RTLD_NEXT, "malloc");
	struct link_map *map;
	Dl_info info;
	int fd;

	assert_true(dladdr1(fn, &info, (void **)&map, RTLD_DL_LINKMAP));
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(elf_find(fd, want, 1, &f, &note), 1);
	assert_int_equal(f.vaddr + map->l_addr, (uintptr_t)fn);
	close(fd);
}

static void test_no_elf(void **state)
{
	struct elf_func f[3];
	struct elf_note note;
	int fd = memfd_create("empty", MFD_CLOEXEC);

	assert_int_equal(elf_find(fd, names, 3, f, &note), -ENOEXEC);
	assert_int_equal(pwrite(fd, "#!/bin/sh\n", 10, 0), 10);
	assert_int_equal(elf_find(fd, names, 3, f, &note), -ENOEXEC);
	close(fd);
}

static char *read_self(size_t *ret_n)
{
	int fd = self();
	struct stat st;
	char *p;

	assert_int_equal(fstat(fd, &st), 0);
	p = malloc(st.st_size);
	*ret_n = pread(fd, p, st.st_size, 0);
	assert_int_equal(*ret_n, st.st_size);
	close(fd);
	return p;
}

static int find_in(const char *p, size_t n)
{
	struct elf_func f[3];
	struct elf_note note;
	int fd = memfd_create("copy", MFD_CLOEXEC), got;

	assert_int_equal(write(fd, p, n), n);
	got = elf_find(fd, names, 3, f, &note);
	for (int i = 0; got > 0 && i < 3; i++)
		assert_true(f[i].off < n);	/* whatever it says, never outside the file */
	close(fd);
	return got;
}

static void test_other_machines(void **state)
{
	size_t n;
	char *p = read_self(&n);
	Elf64_Ehdr *h = (void *)p;

	assert_int_equal(find_in(p, n), 2);
	h->e_machine = EM_S390;
	assert_int_equal(find_in(p, n), -ENOTSUP);
	h->e_machine = 0;
	h->e_ident[EI_CLASS] = ELFCLASS32;
	assert_true(find_in(p, n) < 0);
	free(p);
}

static void test_truncated(void **state)
{
	size_t n;
	char *p = read_self(&n);

	for (size_t k = 0; k < 64; k++)
		find_in(p, k);
	for (size_t k = 0; k < 60; k++)
		find_in(p, n * k / 60);
	free(p);
}

/* Damage where it hurts: headers, program headers, section headers, and anywhere. */
static void test_damaged(void **state)
{
	size_t n;
	char *p = read_self(&n), *copy = malloc(n);
	Elf64_Ehdr h;

	memcpy(&h, p, sizeof(h));
	srand(1);
	for (int round = 0; round < 300; round++) {
		size_t at[] = { 0, h.e_phoff, h.e_shoff, 0 };
		size_t len[] = { sizeof(h), h.e_phnum * 56u, h.e_shnum * 64u, n };
		int where = round % 4;

		memcpy(copy, p, n);
		for (int hit = 0; hit < 1 + round % 7; hit++) {
			size_t i = at[where] + rand() % len[where];

			if (i >= 16 && i < n)	/* the magic stays, or nothing is tried */
				copy[i] = rand() % 3 ? rand() : 0xff;
		}
		find_in(copy, n);
	}
	free(copy);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_by_name),
		cmocka_unit_test(test_finds_dynamic_symbols),
		cmocka_unit_test(test_no_elf),
		cmocka_unit_test(test_other_machines),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
