/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIND_IMAGE_H
#define FIND_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An ELF file to look for functions in: its loaded segments, its sections where
 * they are left, its symbols, its build-id.  The file is anyone's: it may be
 * damaged or made to mislead, and may change or shrink while it is read, so
 * it is read (pread), never mapped: a mapped file that shrinks kills us with SIGBUS.
 * Virtual addresses (VA) are the file's own, as in its program headers; a probe needs
 * the offset in the file (image_off), which is another number.
 *
 * Limits: 64-bit little-endian x86-64 or AArch64 files; memory stays under 64 MB
 * whatever the size of the file.
 */
struct image;

enum image_machine { IMAGE_X86_64 = 1, IMAGE_ARM64 = 2 };

/* Borrows fd (open for reading) until image_free(). NULL: *ret_err is -ENOEXEC (no ELF file), -ENOTSUP (another machine or word size), -ENOMEM, -EIO. */
struct image *image_open(int fd, int *ret_err);
/* The same over bytes that the caller keeps: for tests and fuzzers. */
struct image *image_of_memory(const void *bytes, size_t n, int *ret_err);
void image_free(struct image *im);

uint64_t image_size(const struct image *im);
enum image_machine image_machine(const struct image *im);
/* Where the kernel loads it: false for ET_EXEC, whose code names addresses as numbers. */
bool image_is_pie(const struct image *im);
/* Returns its length, 0: none. */
size_t image_build_id(const struct image *im, uint8_t ret[static 32]);
bool image_has_symbols(const struct image *im);

/* A loaded segment, in ascending order of va. */
struct image_seg {
	uint64_t va, off, file_sz, mem_sz;
	bool exec, write;
};
size_t image_segs(const struct image *im, const struct image_seg **ret);

/* A section by name; false: there is none (stripped of its section table). */
struct image_sec {
	uint64_t va, off, size;
};
bool image_section(const struct image *im, const char *name, struct image_sec *ret);

/* Where the unwinder finds .eh_frame_hdr, section table or not; false: there is none. */
bool image_unwind(const struct image *im, struct image_sec *ret);

/* True if the bytes at va are in an executable segment of the file. */
bool image_is_code(const struct image *im, uint64_t va);
/* File offset of a VA in a loaded segment; 0: in none. */
uint64_t image_off(const struct image *im, uint64_t va);
/* Reads up to n bytes at va, never across the end of a segment's file part; returns how many. */
size_t image_read(const struct image *im, uint64_t va, void *buf, size_t n);

/* A symbol of type FUNC by exact name, 3 to 255 characters, from .dynsym (also where only the loader can find it) and .symtab. */
struct image_sym {
	uint64_t va, size;
};
/* Looks for n names in one pass; ret[i] belongs to names[i], va 0: none. Returns how many were found. */
size_t image_symbols(const struct image *im, const char *const *names, size_t n, struct image_sym *ret);

/*
 * Calls put for windows over the file part of each segment that want says, in
 * ascending order; consecutive windows of a segment share `overlap` bytes, so that what is shorter than that is whole in one
 * of them. put returns false to stop. overlap at most 64 KiB.
 */
enum image_want { IMAGE_CODE = 1, IMAGE_DATA = 2 };	/* executable segments; the others */
bool image_windows(const struct image *im, unsigned want, size_t overlap,
		   bool (*put)(void *arg, uint64_t va, const uint8_t *p, size_t n), void *arg);

#endif /* FIND_IMAGE_H */
