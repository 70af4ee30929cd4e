/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ELF_FIND_H
#define ELF_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Functions in ELF files.  Files are hostile: sizes and offsets in them are
 * claims.  They are read, never mapped, because a mapped file that is cut
 * short under the reader kills it (SIGBUS).
 */
struct elf_func {
	const char *name;
	uint64_t offset;	/* file offset of the instruction to probe; 0: not found */
};

/*
 * Looks for all n names among the defined functions of .dynsym and .symtab.
 * The probed instruction is the function's first, or the one behind endbr64
 * when that is a push: the kernel emulates push but single-steps endbr64, which costs
 * five times as much, and neither argument registers nor stack have changed.
 * Returns how many were found; -ENOEXEC: no 64-bit ELF file of this machine; other negative errno.
 */
int elf_find_funcs(int fd, struct elf_func *funcs, size_t n);

/* The GNU build id, at most 20 bytes: its length, 0 when there is none. */
size_t elf_build_id(int fd, uint8_t ret[static 20]);

#endif /* ELF_FIND_H */
