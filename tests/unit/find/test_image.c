// SPDX-License-Identifier: Apache-2.0
/* ELF files: made ones, this very binary, the C library, and damaged copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/elf_make.h"
#include "find/image.h"

int target_one(int x);

__attribute__((noinline)) int target_one(int x)
{
	return x * 3 + 1;
}

static struct image *of(const struct made *m)
{
	int err;
	struct image *im = image_of_memory(m->b, sizeof(m->b), &err);

	assert_non_null(im);
	return im;
}

static void test_segments_and_offsets(void **state)
{
	const struct image_seg *seg;
	struct image_sec sec;
	struct made m;
	struct image *im;
	char b[8];

	made_init(&m, EM_X86_64);
	made_data(&m, "hello", 6);
	made_sections(&m, SHT_SYMTAB);
	im = of(&m);
	assert_int_equal(image_machine(im), IMAGE_X86_64);
	assert_false(image_is_pie(im));
	assert_int_equal(image_segs(im, &seg), 2);
	assert_true(seg[0].exec && !seg[1].exec);
	assert_int_equal(image_off(im, MADE_DATA_VA + 1), MADE_DATA_OFF + 1);
	assert_int_equal(image_off(im, MADE_DATA_VA + MADE_DATA_SZ), 0);
	assert_int_equal(image_off(im, 0), 0);
	assert_int_equal(image_read(im, MADE_DATA_VA, b, 6), 6);
	assert_string_equal(b, "hello");
	assert_int_equal(image_read(im, MADE_DATA_VA + MADE_DATA_SZ - 2, b, 6), 2);
	assert_true(image_section(im, ".mine", &sec));
	assert_int_equal(sec.va, MADE_DATA_VA);
	assert_false(image_section(im, ".min", &sec));
	assert_false(image_section(im, ".data", &sec));
	image_free(im);
}

static void find_made(uint32_t table)
{
	static const char *const want[] = { "SSL_read", "SSL_write", "SSL_gone", "SSL_data", "SSL_read", "SSL_far" };
	struct image_sym ret[6];
	struct made m;
	struct image *im;

	made_init(&m, EM_X86_64);
	made_symbol(&m, "my_SSL_write", MADE_CODE_VA + 0x100, 1, STT_FUNC);
	made_symbol(&m, "SSL_read", MADE_CODE_VA + 0x40, 7, STT_FUNC);
	made_symbol(&m, "SSL_write", MADE_CODE_VA + 0x80, 9, STT_FUNC);
	made_symbol(&m, "SSL_data", MADE_DATA_VA, 9, STT_OBJECT);
	made_symbol(&m, "SSL_far", MADE_DATA_VA, 9, STT_FUNC);
	made_sections(&m, table);
	im = of(&m);
	assert_true(image_has_symbols(im));
	assert_int_equal(image_symbols(im, want, 6, ret), 3);
	assert_int_equal(ret[0].va, MADE_CODE_VA + 0x40);
	assert_int_equal(ret[0].size, 7);
	assert_int_equal(ret[1].va, MADE_CODE_VA + 0x80);
	assert_int_equal(ret[2].va, 0);
	assert_int_equal(ret[3].va, 0);
	assert_int_equal(ret[4].va, MADE_CODE_VA + 0x40);
	assert_int_equal(ret[5].va, 0);
	image_free(im);
}

static void test_finds_symbols(void **state)
{
	find_made(SHT_SYMTAB);
	find_made(SHT_DYNSYM);
}

static void test_build_id(void **state)
{
	struct image *im;
	uint8_t id[32];
	struct made m;

	made_init(&m, EM_X86_64);
	im = of(&m);
	assert_int_equal(image_build_id(im, id), 0);
	image_free(im);
	made_build_id(&m, 'y');
	im = of(&m);
	assert_int_equal(image_build_id(im, id), 20);
	assert_int_equal(id[19], 'y');
	image_free(im);
}

static struct image *open_self(int *ret_fd)
{
	struct image *im;
	int err;

	*ret_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	im = image_open(*ret_fd, &err);
	assert_non_null(im);
	return im;
}

static void test_finds_itself(void **state)
{
	const char *want[] = { "target_one" };
	struct image_sym ret;
	struct image *im;
	char b[16];
	int fd;

	im = open_self(&fd);
	assert_int_equal(image_symbols(im, want, 1, &ret), 1);
	assert_int_equal(image_read(im, ret.va, b, sizeof(b)), sizeof(b));
	assert_memory_equal(b, (void *)target_one, sizeof(b));
	assert_int_equal(pread(fd, b, sizeof(b), image_off(im, ret.va)), sizeof(b));
	assert_memory_equal(b, (void *)target_one, sizeof(b));
	assert_true(target_one(1));
	image_free(im);
	close(fd);
}

/* The loader's symbols, with the section table, without it and with a wrong one: all give what dlsym() says. */
static void test_finds_without_sections(void **state)
{
	const char *want[] = { "malloc" };
	struct image_sym with, without;
	struct link_map *map;
	struct stat st;
	struct image *im;
	Elf64_Ehdr *h;
	Dl_info info;
	uint8_t *b;
	int fd, err;

	assert_true(dladdr1(dlsym(RTLD_NEXT, "malloc"), &info, (void **)&map, RTLD_DL_LINKMAP));
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	b = malloc(st.st_size);
	assert_int_equal(read(fd, b, st.st_size), st.st_size);
	im = image_of_memory(b, st.st_size, &err);
	assert_int_equal(image_symbols(im, want, 1, &with), 1);
	assert_int_equal(with.va, (uintptr_t)info.dli_saddr - map->l_addr);
	image_free(im);
	h = (void *)b;
	memset(b + h->e_shoff, 0x0b, h->e_shnum * sizeof(Elf64_Shdr));
	im = image_of_memory(b, st.st_size, &err);
	assert_int_equal(image_symbols(im, want, 1, &without), 1);
	assert_int_equal(without.va, with.va);
	image_free(im);
	h->e_shoff = 0;
	h->e_shnum = 0;
	im = image_of_memory(b, st.st_size, &err);
	assert_int_equal(image_symbols(im, want, 1, &without), 1);
	assert_int_equal(without.va, with.va);
	image_free(im);
	free(b);
	close(fd);
}

struct seen {
	uint64_t next, bytes;
	size_t overlap, cnt;
	uint8_t *copy;
};

static bool see(void *arg, uint64_t va, const uint8_t *p, size_t n)
{
	struct seen *s = arg;

	assert_int_equal(va, s->cnt ? s->next - s->overlap : s->next);
	memcpy(s->copy + (va - MADE_CODE_VA), p, n);
	s->next = va + n;
	s->cnt++;
	return true;
}

static void test_windows_overlap(void **state)
{
	size_t code = (5 << 20) + 123, n = MADE_CODE_OFF + code;
	struct seen s = { .next = MADE_CODE_VA, .overlap = 300, .copy = calloc(1, code) };
	uint8_t *b = calloc(1, n);
	struct image *im;
	struct made m;
	Elf64_Phdr *p;
	int fd, err;

	made_init(&m, EM_AARCH64);
	p = (void *)(m.b + sizeof(Elf64_Ehdr));
	p->p_filesz = p->p_memsz = code;
	memcpy(b, m.b, MADE_CODE_OFF);
	for (size_t i = 0; i < code; i++)
		b[MADE_CODE_OFF + i] = i * 2654435761u >> 24;
	fd = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(write(fd, b, n), n);
	im = image_open(fd, &err);
	assert_non_null(im);
	assert_true(image_windows(im, IMAGE_CODE, 300, see, &s));
	assert_int_equal(s.next, MADE_CODE_VA + code);
	assert_memory_equal(s.copy, b + MADE_CODE_OFF, code);
	/* It shrinks under our hands: said, and no fault. */
	assert_int_equal(ftruncate(fd, MADE_CODE_OFF + 100), 0);
	s = (struct seen){ .next = MADE_CODE_VA, .overlap = 300, .copy = s.copy };
	assert_false(image_windows(im, IMAGE_CODE, 300, see, &s));
	assert_int_equal(s.next, MADE_CODE_VA + 100);
	image_free(im);
	close(fd);
	free(s.copy);
	free(b);
}

static void refused(const void *b, size_t n, int want)
{
	int err = 0;

	assert_null(image_of_memory(b, n, &err));
	assert_int_equal(err, want);
}

static void test_refuses(void **state)
{
	struct made m;

	made_init(&m, EM_X86_64);
	refused("#!/bin/sh\n", 10, -ENOEXEC);
	refused(m.b, 20, -ENOEXEC);
	m.b[EI_CLASS] = ELFCLASS32;
	refused(m.b, sizeof(m.b), -ENOTSUP);
	made_init(&m, EM_S390);
	refused(m.b, sizeof(m.b), -ENOTSUP);
}

static void ask_everything(const uint8_t *b, size_t n)
{
	static const char *const want[] = { "SSL_read", "malloc" };
	struct image_sym ret[2];
	struct image_sec sec;
	uint8_t id[32];
	int err;
	struct image *im = image_of_memory(b, n, &err);

	if (!im)
		return;
	image_symbols(im, want, 2, ret);
	image_section(im, ".text", &sec);
	image_build_id(im, id);
	image_free(im);
}

/* Every byte of the headers and tables is wrong once; the sanitizers watch. */
static void test_survives_damage(void **state)
{
	static const uint8_t bad[] = { 0x00, 0x7f, 0xff };
	struct made m;
	uint8_t *b = malloc(MADE_SZ);

	made_init(&m, EM_X86_64);
	made_symbol(&m, "SSL_read", MADE_CODE_VA + 0x40, 7, STT_FUNC);
	made_sections(&m, SHT_DYNSYM);
	for (size_t i = 0; i < MADE_SZ; i++) {
		if (i >= 0x100 && i < MADE_SYM_OFF)
			continue;
		for (size_t k = 0; k < sizeof(bad); k++) {
			memcpy(b, m.b, MADE_SZ);
			b[i] = bad[k];
			ask_everything(b, MADE_SZ);
		}
	}
	free(b);
	for (size_t n = 0; n < MADE_SZ; n += 13) {
		b = malloc(n + 1);
		memcpy(b, m.b, n);
		ask_everything(b, n);
		free(b);
	}
}

/* Segments that all claim the whole file would make it as large as there are headers. */
static void test_segments_share_no_bytes(void **state)
{
	const struct image_seg *seg;
	Elf64_Phdr *p;
	struct image *im;
	struct made m;
	uint64_t sum = 0;

	made_init(&m, EM_X86_64);
	((Elf64_Ehdr *)m.b)->e_phnum = 50;
	p = (void *)(m.b + sizeof(Elf64_Ehdr));
	for (int i = 0; i < 50; i++)
		p[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_X, .p_vaddr = 0x1000000ull * i, .p_filesz = MADE_SZ,
				     .p_memsz = MADE_SZ };
	im = of(&m);
	for (size_t i = 0, n = image_segs(im, &seg); i < n; i++)
		sum += seg[i].file_sz;
	assert_in_range(sum, MADE_SZ, 2 * MADE_SZ);
	image_free(im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_and_offsets),
		cmocka_unit_test(test_finds_symbols),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_finds_itself),
		cmocka_unit_test(test_finds_without_sections),
		cmocka_unit_test(test_windows_overlap),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_survives_damage),
		cmocka_unit_test(test_segments_share_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
