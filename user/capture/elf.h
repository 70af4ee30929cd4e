/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ELF_H
#define ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Functions in ELF files by name.  The file is anyone's: it may be damaged or
 * made to mislead, and may change while it is read (so nothing is mapped:
 * a file that shrinks would kill us with SIGBUS).
 */
struct elf_func {
	uint64_t vaddr, size;
	uint64_t off;		/* in the file; 0: no such function */
	uint64_t probe;		/* offset of the instruction to put a probe on */
};

struct elf_note {
	uint8_t build_id[32];
	size_t build_id_n;	/* 0: none */
	bool symbols;		/* it has a symbol table of functions */
};

/*
 * Looks for n names; ret[i] belongs to names[i].  Returns how many were found;
 * -ENOEXEC: no ELF file; -ENOTSUP: of another word size or machine than ours.
 */
int elf_find(int fd, const char *const *names, size_t n, struct elf_func *ret, struct elf_note *note);

#endif /* ELF_H */
