// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "capture/elf.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "e_machine of this architecture"
#endif

#define SYMBOLS_MAX	(4 * 1024 * 1024)
#define SYMTAB_SZ_MAX	(256u << 20)
#define PHDRS_MAX	256

static Elf *begin(int fd)
{
	Elf *elf;
	GElf_Ehdr eh;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 &&
	    gelf_getehdr(elf, &eh) && eh.e_machine == MACHINE)
		return elf;
	elf_end(elf);
	return NULL;
}

/* File offset of a virtual address that lies in an executable segment; 0: none. */
static uint64_t file_offset(Elf *elf, uint64_t va)
{
	size_t n;
	GElf_Phdr ph;

	if (elf_getphdrnum(elf, &n))
		return 0;
	for (size_t i = 0; i < n && i < PHDRS_MAX; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X &&
		    va >= ph.p_vaddr && va - ph.p_vaddr < ph.p_filesz)
			return va - ph.p_vaddr + ph.p_offset;
	return 0;
}

static uint64_t cheapest(int fd, uint64_t offset)
{
#if defined(__x86_64__)
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t code[6];

	if (pread(fd, code, sizeof(code), offset) != sizeof(code) || memcmp(code, endbr64, 4))
		return offset;
	if ((code[4] & 0xf8) == 0x50 || (code[4] == 0x41 && (code[5] & 0xf8) == 0x50))
		return offset + 4;
#endif
	return offset;
}

static bool is_function(const GElf_Sym *sym)
{
	return GELF_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx != SHN_UNDEF && sym->st_value;
}

static void match(Elf *elf, int fd, const GElf_Sym *sym, const char *name, struct elf_func *funcs,
		  size_t n, int *found)
{
	uint64_t offset;

	for (size_t i = 0; i < n; i++) {
		if (funcs[i].offset || strcmp(funcs[i].name, name))
			continue;
		offset = file_offset(elf, sym->st_value);
		if (!offset)
			continue;
		funcs[i].offset = cheapest(fd, offset);
		(*found)++;
	}
}

static void scan_symbols(Elf *elf, int fd, Elf_Scn *scn, const GElf_Shdr *sh, struct elf_func *funcs,
			 size_t n, int *found)
{
	Elf_Data *data;
	GElf_Sym sym;
	const char *name;
	size_t cnt;

	if (sh->sh_size > SYMTAB_SZ_MAX || !sh->sh_entsize)
		return;
	data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf)
		return;
	cnt = data->d_size / sh->sh_entsize;
	for (size_t i = 0; i < cnt && i < SYMBOLS_MAX && *found < (int)n; i++) {
		if (!gelf_getsym(data, i, &sym) || !is_function(&sym))
			continue;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (name)
			match(elf, fd, &sym, name, funcs, n, found);
	}
}

int elf_find_funcs(int fd, struct elf_func *funcs, size_t n)
{
	Elf *elf = begin(fd);
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int found = 0;

	for (size_t i = 0; i < n; i++)
		funcs[i].offset = 0;
	if (!elf)
		return -ENOEXEC;
	while (found < (int)n && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && (sh.sh_type == SHT_DYNSYM || sh.sh_type == SHT_SYMTAB))
			scan_symbols(elf, fd, scn, &sh, funcs, n, &found);
	elf_end(elf);
	return found;
}

size_t elf_build_id(int fd, uint8_t ret[static 20])
{
	Elf *elf = begin(fd);
	Elf_Scn *scn = NULL;
	size_t n = 0, at, name, desc;
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Nhdr nh;

	while (elf && !n && (scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_NOTE || sh.sh_size > 65536)
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !gelf_getnote(data, 0, &nh, &name, &desc))
			continue;
		at = desc;
		if (nh.n_type != NT_GNU_BUILD_ID || !nh.n_descsz || nh.n_descsz > 20 || at + nh.n_descsz > data->d_size)
			continue;
		n = nh.n_descsz;
		memcpy(ret, (char *)data->d_buf + at, n);
	}
	elf_end(elf);
	return n;
}
