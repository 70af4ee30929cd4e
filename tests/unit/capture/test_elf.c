// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/elf.h"

/* A function of our own to look for: this program is an ELF file with symbols. */
__attribute__((noinline, used)) int elf_test_target(int x);
int elf_test_target(int x)
{
	return x * 3 + 1;
}

static int self_fd(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_finds_own_function(void **state)
{
	struct elf_func f[] = { { .name = "elf_test_target" }, { .name = "no_such_function" } };
	int fd = self_fd();
	uint8_t in_file[16];

	assert_int_equal(elf_find_funcs(fd, f, 2), 1);
	assert_int_not_equal(f[0].offset, 0);
	assert_int_equal(f[1].offset, 0);
	/* the bytes there are the function's, in memory at most an endbr64 further on */
	assert_int_equal(pread(fd, in_file, sizeof(in_file), f[0].offset), sizeof(in_file));
	assert_true(!memcmp(in_file, (void *)elf_test_target, 16) ||
		    !memcmp(in_file, (char *)elf_test_target + 4, 16));
	close(fd);
}

static int memory_file(const void *p, size_t n)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	return fd;
}

static void test_refuses_what_is_no_program(void **state)
{
	static const char *const texts[] = { "", "\177ELF", "#!/bin/sh\n", "\177ELF\2\1\1" };
	struct elf_func f = { .name = "x" };
	uint8_t id[20];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd = memory_file(texts[i], strlen(texts[i]));

		assert_true(elf_find_funcs(fd, &f, 1) <= 0);
		assert_int_equal(elf_build_id(fd, id), 0);
		close(fd);
	}
}

static uint32_t step(uint32_t *x)
{
	return *x = *x * 1664525u + 1013904223u;
}

/* Damaged anywhere or cut short: an answer, never a crash, and never an offset outside of the file. */
static void test_damaged_files(void **state)
{
	struct elf_func f[] = { { .name = "elf_test_target" }, { .name = "main" } };
	uint32_t seed = 1;
	struct stat st;
	char *bytes;
	int fd = self_fd();

	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc(st.st_size);
	assert_int_equal(pread(fd, bytes, st.st_size, 0), st.st_size);
	close(fd);
	for (int round = 0; round < 300; round++) {
		size_t n = round % 3 ? (size_t)st.st_size : step(&seed) % st.st_size;
		char saved[8];
		size_t at[8];

		for (int i = 0; i < 8; i++) {	/* most of it in the headers */
			at[i] = i < 6 ? step(&seed) % 1024 : step(&seed) % st.st_size;
			saved[i] = bytes[at[i]];
			bytes[at[i]] = step(&seed) >> 16;
		}
		fd = memory_file(bytes, n);
		elf_find_funcs(fd, f, 2);
		for (int i = 7; i >= 0; i--)
			bytes[at[i]] = saved[i];
		close(fd);
	}
	free(bytes);
}

static void test_build_id(void **state)
{
	uint8_t id[20];
	int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		skip();		/* another distribution's path */
	assert_int_equal(elf_build_id(fd, id), 20);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_own_function),
		cmocka_unit_test(test_refuses_what_is_no_program),
		cmocka_unit_test(test_damaged_files),
		cmocka_unit_test(test_build_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
