// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/elf.h"

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "only x86-64 and arm64"
#endif

#define NAME_MAX_LEN	64
#define SECTIONS_MAX	65536
#define SEGMENTS_MAX	1024
#define TABLE_MAX	(256 * 1024 * 1024)	/* bytes; a sparse file can claim any size, and libelf would read it */

static bool ours(Elf *e)
{
	GElf_Ehdr h;

	return gelf_getehdr(e, &h) && h.e_ident[EI_CLASS] == ELFCLASS64 &&
	       h.e_ident[EI_DATA] == ELFDATA2LSB && h.e_machine == OUR_MACHINE &&
	       (h.e_type == ET_EXEC || h.e_type == ET_DYN);
}

/* A probe is put where the code is in the file, which is not where it is in memory. */
static uint64_t file_offset(Elf *e, uint64_t vaddr)
{
	size_t n;
	GElf_Phdr p;

	if (elf_getphdrnum(e, &n) || n > SEGMENTS_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(e, i, &p) && p.p_type == PT_LOAD && p.p_flags & PF_X &&
		    vaddr >= p.p_vaddr && vaddr - p.p_vaddr < p.p_filesz)
			return vaddr - p.p_vaddr + p.p_offset;
	return 0;
}

/*
 * x86-64: an endbr64 is single-stepped, the push behind it is emulated and
 * costs a fifth; arguments and stack pointer are the same at both, and no
 * jump can land between them that is not a call of the function.  Other first instructions stay.
 */
static uint64_t probe_place(int fd, uint64_t off)
{
#if defined(__x86_64__)
	static const uint8_t endbr64[4] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t b[6];

	if (pread(fd, b, sizeof(b), off) != sizeof(b) || memcmp(b, endbr64, sizeof(endbr64)))
		return off;
	if ((b[4] & 0xf8) == 0x50 || (b[4] == 0x41 && (b[5] & 0xf8) == 0x50))
		return off + sizeof(endbr64);
#endif
	return off;
}

static bool is_function(const GElf_Sym *s)
{
	return GELF_ST_TYPE(s->st_info) == STT_FUNC && s->st_shndx != SHN_UNDEF && s->st_value;
}

struct want {
	Elf *elf;
	int fd;
	uint64_t file_size;
	const char *const *names;
	size_t n;
	struct elf_func *ret;
	int found;
};

static void take(struct want *w, size_t i, const GElf_Sym *s)
{
	uint64_t off = file_offset(w->elf, s->st_value);

	if (w->ret[i].off || !off || off >= w->file_size)
		return;
	w->ret[i] = (struct elf_func){
		.vaddr = s->st_value, .size = s->st_size, .off = off, .probe = probe_place(w->fd, off),
	};
	w->found++;
}

/* The name at this place of a string table, or NULL if it does not end there or is too long to be asked for. */
static const char *name_at(const Elf_Data *strings, size_t at)
{
	size_t left;

	if (!strings || !strings->d_buf || at >= strings->d_size)
		return NULL;
	left = strings->d_size - at;
	return memchr((const char *)strings->d_buf + at, 0, left < NAME_MAX_LEN ? left : NAME_MAX_LEN) ?
		(const char *)strings->d_buf + at : NULL;
}

static void scan_symbols(struct want *w, Elf_Scn *scn, const GElf_Shdr *h)
{
	Elf_Scn *str = elf_getscn(w->elf, h->sh_link);
	Elf_Data *syms, *strings;
	const char *name;
	GElf_Shdr str_h;
	GElf_Sym s;

	if (!str || !gelf_getshdr(str, &str_h) || h->sh_size > TABLE_MAX || str_h.sh_size > TABLE_MAX)
		return;
	syms = elf_getdata(scn, NULL);
	strings = elf_getdata(str, NULL);
	if (!syms || h->sh_entsize < sizeof(Elf64_Sym))
		return;
	for (size_t i = 0; i < syms->d_size / sizeof(Elf64_Sym); i++) {
		if (!gelf_getsym(syms, i, &s) || !is_function(&s))
			continue;
		name = name_at(strings, s.st_name);
		for (size_t k = 0; name && k < w->n; k++)
			if (name[0] == w->names[k][0] && !strcmp(name, w->names[k]))
				take(w, k, &s);
	}
}

/* The symbols that the linker sees first: where they name what we want, the full table can only repeat it. */
static void scan_tables(struct want *w, struct elf_note *note)
{
	static const unsigned order[] = { SHT_DYNSYM, SHT_SYMTAB };
	size_t n;
	GElf_Shdr h;

	if (elf_getshdrnum(w->elf, &n) || n > SECTIONS_MAX)
		return;
	for (size_t k = 0; k < 2 && !w->found; k++) {
		for (size_t i = 1; i < n; i++) {
			Elf_Scn *scn = elf_getscn(w->elf, i);

			if (!scn || !gelf_getshdr(scn, &h) || h.sh_type != order[k])
				continue;
			note->symbols = true;
			scan_symbols(w, scn, &h);
		}
	}
}

static void find_build_id(Elf *e, int fd, struct elf_note *note)
{
	uint8_t b[64];
	size_t n;
	GElf_Phdr p;
	Elf64_Nhdr h;

	if (elf_getphdrnum(e, &n) || n > SEGMENTS_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t at = 0;

		if (!gelf_getphdr(e, i, &p) || p.p_type != PT_NOTE)
			continue;
		/* A few notes at most; each step goes forward by its header at least. */
		for (int turn = 0; turn < 16 && at + sizeof(h) < p.p_filesz; turn++) {
			ssize_t got = pread(fd, b, sizeof(b), p.p_offset + at);

			if (got < (ssize_t)sizeof(h) + 4)
				return;
			memcpy(&h, b, sizeof(h));
			if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(b + sizeof(h), "GNU", 4) &&
			    h.n_descsz <= sizeof(note->build_id) && got >= (ssize_t)(sizeof(h) + 4 + h.n_descsz)) {
				memcpy(note->build_id, b + sizeof(h) + 4, h.n_descsz);
				note->build_id_n = h.n_descsz;
				return;
			}
			at += sizeof(h) + ((h.n_namesz + 3ull) & ~3ull) + ((h.n_descsz + 3ull) & ~3ull);
		}
	}
}

int elf_find(int fd, const char *const *names, size_t n, struct elf_func *ret, struct elf_note *note)
{
	struct want w = { .fd = fd, .names = names, .n = n, .ret = ret };
	struct stat st;
	int err = 0;

	memset(ret, 0, n * sizeof(*ret));
	memset(note, 0, sizeof(*note));
	elf_version(EV_CURRENT);
	if (fstat(fd, &st))
		return -errno;
	w.file_size = st.st_size;
	w.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!w.elf || elf_kind(w.elf) != ELF_K_ELF) {
		err = -ENOEXEC;
	} else if (!ours(w.elf)) {
		err = -ENOTSUP;
	} else {
		find_build_id(w.elf, fd, note);
		scan_tables(&w, note);
	}
	elf_end(w.elf);
	return err ? err : w.found;
}
