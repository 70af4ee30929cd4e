/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ELF_MAKE_H
#define ELF_MAKE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * A small ELF file: headers, one code segment, one data segment, and what a test puts into them.
 * Offsets in the file differ from addresses on purpose.
 */
#define MADE_CODE_VA	0x401000ull
#define MADE_DATA_VA	0x500000ull
#define MADE_CODE_OFF	0x1000
#define MADE_CODE_SZ	0x2000
#define MADE_DATA_OFF	(MADE_CODE_OFF + MADE_CODE_SZ)
#define MADE_DATA_SZ	0x1000
#define MADE_SYM_OFF	(MADE_DATA_OFF + MADE_DATA_SZ)
#define MADE_STR_OFF	(MADE_SYM_OFF + 0x400)
#define MADE_SEC_OFF	(MADE_STR_OFF + 0x400)
#define MADE_SZ		(MADE_SEC_OFF + 5 * sizeof(Elf64_Shdr))

struct made {
	uint8_t b[MADE_SZ];
	size_t code_n, data_n, sym_cnt, str_n;
};

static inline void made_init(struct made *m, uint16_t machine)
{
	Elf64_Ehdr h = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = machine, .e_version = EV_CURRENT,
		.e_phoff = sizeof(h), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2, .e_ehsize = sizeof(h),
	};
	Elf64_Phdr p[2] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = MADE_CODE_OFF, .p_vaddr = MADE_CODE_VA,
		  .p_filesz = MADE_CODE_SZ, .p_memsz = MADE_CODE_SZ },
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_offset = MADE_DATA_OFF, .p_vaddr = MADE_DATA_VA,
		  .p_filesz = MADE_DATA_SZ, .p_memsz = MADE_DATA_SZ },
	};

	memset(m, 0, sizeof(*m));
	memset(m->b + MADE_CODE_OFF, machine == EM_X86_64 ? 0xcc : 0, MADE_CODE_SZ);
	memcpy(m->b, &h, sizeof(h));
	memcpy(m->b + sizeof(h), p, sizeof(p));
	m->sym_cnt = 1;
	m->str_n = 1;
}

/* Puts code at the next multiple of 16; returns its VA. */
static inline uint64_t made_code(struct made *m, const void *p, size_t n)
{
	size_t at = (m->code_n + 15) / 16 * 16;

	memcpy(m->b + MADE_CODE_OFF + at, p, n);
	m->code_n = at + n;
	return MADE_CODE_VA + at;
}

static inline uint64_t made_data(struct made *m, const void *p, size_t n)
{
	size_t at = m->data_n;

	memcpy(m->b + MADE_DATA_OFF + at, p, n);
	m->data_n += n;
	return MADE_DATA_VA + at;
}

static inline void made_symbol(struct made *m, const char *name, uint64_t va, uint64_t size, uint8_t type)
{
	Elf64_Sym s = { .st_name = m->str_n, .st_info = type, .st_shndx = 1, .st_value = va, .st_size = size };

	memcpy(m->b + MADE_STR_OFF + m->str_n, name, strlen(name) + 1);
	m->str_n += strlen(name) + 1;
	memcpy(m->b + MADE_SYM_OFF + m->sym_cnt++ * sizeof(s), &s, sizeof(s));
}

/* 20 bytes of one letter. */
static inline void made_build_id(struct made *m, uint8_t letter)
{
	Elf64_Nhdr n = { .n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID };
	Elf64_Ehdr *h = (void *)m->b;
	Elf64_Phdr *p = (void *)(m->b + sizeof(*h));
	uint8_t *at = m->b + 0x200;

	memcpy(at, &n, sizeof(n));
	memcpy(at + sizeof(n), "GNU", 4);
	memset(at + sizeof(n) + 4, letter, 20);
	p[h->e_phnum++] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = sizeof(n) + 24 };
}

/* A section table: .text, .symtab (or .dynsym), its strings, which are the sections' names too. */
static inline void made_sections(struct made *m, uint32_t type)
{
	static const char names[] = ".text\0.mine";
	Elf64_Ehdr *h = (void *)m->b;
	uint32_t at = m->str_n;
	Elf64_Shdr s[5] = {
		{ 0 },
		{ .sh_name = at, .sh_type = SHT_PROGBITS, .sh_addr = MADE_CODE_VA, .sh_offset = MADE_CODE_OFF,
		  .sh_size = MADE_CODE_SZ },
		{ .sh_name = 0, .sh_type = type, .sh_offset = MADE_SYM_OFF, .sh_size = m->sym_cnt * sizeof(Elf64_Sym),
		  .sh_link = 3, .sh_entsize = sizeof(Elf64_Sym) },
		{ .sh_name = 0, .sh_type = SHT_STRTAB, .sh_offset = MADE_STR_OFF, .sh_size = 0x400 },
		{ .sh_name = at + 6, .sh_type = SHT_PROGBITS, .sh_addr = MADE_DATA_VA, .sh_offset = MADE_DATA_OFF,
		  .sh_size = MADE_DATA_SZ },
	};

	memcpy(m->b + MADE_STR_OFF + at, names, sizeof(names));
	m->str_n += sizeof(names);
	memcpy(m->b + MADE_SEC_OFF, s, sizeof(s));
	h->e_shoff = MADE_SEC_OFF;
	h->e_shentsize = sizeof(*s);
	h->e_shnum = 5;
	h->e_shstrndx = 3;
}

#endif /* ELF_MAKE_H */
