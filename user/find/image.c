// SPDX-License-Identifier: Apache-2.0
/*
 * ELF by hand (System V gABI, chapters 4 and 5): libelf reads whole tables into
 * memory, and a table may claim any size.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/image.h"

#define SEGMENTS_MAX	256
#define SECTIONS_MAX	65536
#define WINDOW		(1u << 20)
#define OVERLAP_MAX	(64u << 10)
#define NAME_BYTES	256	/* the longest symbol that is asked for, its NUL included */
#define NAME_HITS_MAX	8192
#define DYNAMIC_MAX	512

struct table {
	uint64_t off, size;
};

struct image {
	int fd;
	const uint8_t *mem;	/* instead of fd */
	uint64_t size;
	enum image_machine machine;
	bool pie;
	uint8_t build_id[32];
	size_t build_id_n;
	struct image_seg seg[SEGMENTS_MAX];
	size_t seg_cnt;
	Elf64_Shdr *sec;
	size_t sec_cnt;
	struct table sec_names;
	struct table dynsym, dynstr, symtab, strtab;
	uint64_t seg_bytes;
	struct image_sec unwind;
};

/* How many of the n bytes at off are there. */
static size_t get(const struct image *im, uint64_t off, void *buf, size_t n)
{
	size_t done = 0;

	if (off >= im->size)
		return 0;
	if (n > im->size - off)
		n = im->size - off;
	if (im->mem) {
		memcpy(buf, im->mem + off, n);
		return n;
	}
	while (done < n) {
		ssize_t got = pread(im->fd, (char *)buf + done, n - done, off + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += got;
	}
	return done;
}

static bool get_all(const struct image *im, uint64_t off, void *buf, size_t n)
{
	return get(im, off, buf, n) == n;
}

/* Cut to what the file has. */
static struct table table_of(const struct image *im, uint64_t off, uint64_t size)
{
	if (off >= im->size)
		return (struct table){ 0 };
	return (struct table){ off, size < im->size - off ? size : im->size - off };
}

/* Segments do not share bytes of the file; those of a file that was made to be read for ever may. */
static void add_segment(struct image *im, const Elf64_Phdr *p)
{
	struct table t = table_of(im, p->p_offset, p->p_filesz);
	size_t at = im->seg_cnt;

	if (im->seg_cnt == SEGMENTS_MAX || p->p_vaddr + p->p_memsz < p->p_vaddr || p->p_filesz > p->p_memsz ||
	    im->seg_bytes + t.size > 2 * im->size)
		return;
	im->seg_bytes += t.size;
	for (; at && im->seg[at - 1].va > p->p_vaddr; at--)
		im->seg[at] = im->seg[at - 1];
	im->seg[at] = (struct image_seg){
		.va = p->p_vaddr, .off = p->p_offset, .file_sz = t.size, .mem_sz = p->p_memsz,
		.exec = p->p_flags & PF_X, .write = p->p_flags & PF_W,
	};
	im->seg_cnt++;
}

/* A few notes at most; each step goes forward by its header at least. */
static void read_build_id(struct image *im, const Elf64_Phdr *p)
{
	uint64_t at = 0;
	Elf64_Nhdr h;
	char owner[4];

	for (int turn = 0; turn < 16 && at + sizeof(h) < p->p_filesz && !im->build_id_n; turn++) {
		uint64_t off = p->p_offset + at;

		if (!get_all(im, off, &h, sizeof(h)))
			return;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && h.n_descsz && h.n_descsz <= sizeof(im->build_id) &&
		    get_all(im, off + sizeof(h), owner, 4) && !memcmp(owner, "GNU", 4) &&
		    get_all(im, off + sizeof(h) + 4, im->build_id, h.n_descsz))
			im->build_id_n = h.n_descsz;
		at += sizeof(h) + ((h.n_namesz + 3ull) & ~3ull) + ((h.n_descsz + 3ull) & ~3ull);
	}
}

static void read_segments(struct image *im, const Elf64_Ehdr *h, Elf64_Phdr *ret_dynamic)
{
	Elf64_Phdr p;

	for (unsigned i = 0; i < h->e_phnum && i < SEGMENTS_MAX; i++) {
		if (!get_all(im, h->e_phoff + (uint64_t)i * sizeof(p), &p, sizeof(p)))
			return;
		if (p.p_type == PT_LOAD)
			add_segment(im, &p);
		else if (p.p_type == PT_NOTE)
			read_build_id(im, &p);
		else if (p.p_type == PT_DYNAMIC)
			*ret_dynamic = p;
		else if (p.p_type == PT_GNU_EH_FRAME)
			im->unwind = (struct image_sec){ p.p_vaddr, p.p_offset, p.p_filesz };
	}
}

static void use_symbols(struct image *im, const Elf64_Shdr *s, struct table *syms, struct table *strings)
{
	if (s->sh_entsize != sizeof(Elf64_Sym) || s->sh_link >= im->sec_cnt)
		return;
	*syms = table_of(im, s->sh_offset, s->sh_size);
	*strings = table_of(im, im->sec[s->sh_link].sh_offset, im->sec[s->sh_link].sh_size);
}

/* Returns false when there is no memory; a section table that makes no sense is none. */
static bool read_sections(struct image *im, const Elf64_Ehdr *h)
{
	size_t names = h->e_shstrndx;
	uint64_t n = h->e_shnum;
	Elf64_Shdr first;

	if (!h->e_shoff || h->e_shentsize != sizeof(first) || !get_all(im, h->e_shoff, &first, sizeof(first)))
		return true;
	if (!n)
		n = first.sh_size;
	if (names == SHN_XINDEX)
		names = first.sh_link;
	if (n < 2 || n > SECTIONS_MAX || n > (im->size - h->e_shoff) / sizeof(first))
		return true;
	im->sec = malloc(n * sizeof(first));
	if (!im->sec)
		return false;
	im->sec_cnt = get(im, h->e_shoff, im->sec, n * sizeof(first)) / sizeof(first);
	if (names < im->sec_cnt)
		im->sec_names = table_of(im, im->sec[names].sh_offset, im->sec[names].sh_size);
	for (size_t i = 1; i < im->sec_cnt; i++) {
		if (im->sec[i].sh_type == SHT_DYNSYM && !im->dynsym.size)
			use_symbols(im, &im->sec[i], &im->dynsym, &im->dynstr);
		else if (im->sec[i].sh_type == SHT_SYMTAB && !im->symtab.size)
			use_symbols(im, &im->sec[i], &im->symtab, &im->strtab);
	}
	return true;
}

/*
 * What the dynamic linker uses; it never looks at section headers, so they may be
 * wrong.  Nothing here says how many symbols there are but the hash tables; every linker puts the
 * strings behind the symbols, and what lies between that is no symbol fails the checks of a symbol.
 */
static void read_dynamic(struct image *im, const Elf64_Phdr *p)
{
	uint64_t syms = 0, strings = 0, strings_sz = 0;
	Elf64_Dyn d;

	for (uint64_t at = 0, turn = 0; at + sizeof(d) <= p->p_filesz && turn < DYNAMIC_MAX; at += sizeof(d), turn++) {
		if (!get_all(im, p->p_offset + at, &d, sizeof(d)) || d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_SYMTAB)
			syms = d.d_un.d_ptr;
		else if (d.d_tag == DT_STRTAB)
			strings = d.d_un.d_ptr;
		else if (d.d_tag == DT_STRSZ)
			strings_sz = d.d_un.d_val;
	}
	if (strings <= syms || !image_off(im, syms) || !image_off(im, strings))
		return;
	im->dynsym = table_of(im, image_off(im, syms), strings - syms);
	im->dynstr = table_of(im, image_off(im, strings), strings_sz);
}

static int identify(struct image *im, Elf64_Ehdr *h)
{
	if (!get_all(im, 0, h, EI_NIDENT) || memcmp(h->e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	if (!get_all(im, 0, h, sizeof(*h)))
		return -ENOEXEC;
	if (h->e_machine != EM_X86_64 && h->e_machine != EM_AARCH64)
		return -ENOTSUP;
	if ((h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	im->machine = h->e_machine == EM_X86_64 ? IMAGE_X86_64 : IMAGE_ARM64;
	im->pie = h->e_type == ET_DYN;
	return 0;
}

static struct image *image_read_headers(struct image *im, int *ret_err)
{
	Elf64_Phdr dynamic = { 0 };
	Elf64_Ehdr h;
	int err = identify(im, &h);

	if (!err) {
		read_segments(im, &h, &dynamic);
		read_dynamic(im, &dynamic);
		if (!read_sections(im, &h))
			err = -ENOMEM;
	}
	if (!err)
		return im;
	image_free(im);
	*ret_err = err;
	return NULL;
}

struct image *image_open(int fd, int *ret_err)
{
	struct image *im;
	struct stat st;

	if (fstat(fd, &st)) {
		*ret_err = -EIO;
		return NULL;
	}
	im = calloc(1, sizeof(*im));
	if (!im) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	im->fd = fd;
	im->size = st.st_size;
	return image_read_headers(im, ret_err);
}

struct image *image_of_memory(const void *bytes, size_t n, int *ret_err)
{
	struct image *im = calloc(1, sizeof(*im));

	if (!im) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	im->fd = -1;
	im->mem = bytes;
	im->size = n;
	return image_read_headers(im, ret_err);
}

void image_free(struct image *im)
{
	if (!im)
		return;
	free(im->sec);
	free(im);
}

uint64_t image_size(const struct image *im)
{
	return im->size;
}

enum image_machine image_machine(const struct image *im)
{
	return im->machine;
}

bool image_is_pie(const struct image *im)
{
	return im->pie;
}

size_t image_build_id(const struct image *im, uint8_t ret[static 32])
{
	memcpy(ret, im->build_id, im->build_id_n);
	return im->build_id_n;
}

bool image_has_symbols(const struct image *im)
{
	return im->dynsym.size || im->symtab.size;
}

size_t image_segs(const struct image *im, const struct image_seg **ret)
{
	*ret = im->seg;
	return im->seg_cnt;
}

bool image_section(const struct image *im, const char *name, struct image_sec *ret)
{
	size_t n = strlen(name) + 1;
	char b[64];

	if (n > sizeof(b))
		return false;
	for (size_t i = 1; i < im->sec_cnt; i++) {
		const Elf64_Shdr *s = &im->sec[i];

		if (s->sh_type == SHT_NOBITS || s->sh_name >= im->sec_names.size ||
		    !get_all(im, im->sec_names.off + s->sh_name, b, n) || memcmp(b, name, n))
			continue;
		*ret = (struct image_sec){ s->sh_addr, s->sh_offset, table_of(im, s->sh_offset, s->sh_size).size };
		return ret->size;
	}
	return false;
}

bool image_unwind(const struct image *im, struct image_sec *ret)
{
	*ret = im->unwind;
	return ret->size;
}

static const struct image_seg *segment_of(const struct image *im, uint64_t va)
{
	for (size_t i = 0; i < im->seg_cnt; i++)
		if (va >= im->seg[i].va && va - im->seg[i].va < im->seg[i].file_sz)
			return &im->seg[i];
	return NULL;
}

bool image_is_code(const struct image *im, uint64_t va)
{
	const struct image_seg *s = segment_of(im, va);

	return s && s->exec;
}

uint64_t image_off(const struct image *im, uint64_t va)
{
	const struct image_seg *s = segment_of(im, va);

	return s ? va - s->va + s->off : 0;
}

size_t image_read(const struct image *im, uint64_t va, void *buf, size_t n)
{
	const struct image_seg *s = segment_of(im, va);
	uint64_t left;

	if (!s)
		return 0;
	left = s->file_sz - (va - s->va);
	return get(im, va - s->va + s->off, buf, n < left ? n : left);
}

/*
 * Pieces of a part of the file, at most WINDOW and rounded down to whole units,
 * each beginning `overlap` bytes before the end of the one before.  False: cut short.
 */
typedef bool put_fn(void *arg, uint64_t at, const uint8_t *p, size_t n);

static bool windows(const struct image *im, struct table t, size_t unit, size_t overlap, put_fn *put, void *arg, bool *go)
{
	size_t max = WINDOW / unit * unit;
	uint8_t *buf = im->mem ? NULL : malloc(max);
	bool whole = true;

	if (!im->mem && !buf)
		return false;
	for (uint64_t at = 0; at < t.size && *go && whole;) {
		size_t n = t.size - at < max ? t.size - at : max;
		size_t got = im->mem ? n : get(im, t.off + at, buf, n);

		whole = got == n;
		if (got)
			*go = put(arg, at, im->mem ? im->mem + t.off + at : buf, got);
		if (at + n == t.size)
			break;
		at += n - overlap;
	}
	free(buf);
	return whole;
}

struct seg_put {
	uint64_t va;
	put_fn *put;
	void *arg;
};

static bool put_at_va(void *arg, uint64_t at, const uint8_t *p, size_t n)
{
	struct seg_put *s = arg;

	return s->put(s->arg, s->va + at, p, n);
}

bool image_windows(const struct image *im, unsigned want, size_t overlap,
		   bool (*put)(void *arg, uint64_t va, const uint8_t *p, size_t n), void *arg)
{
	struct seg_put s = { .put = put, .arg = arg };
	bool go = true, whole = true;

	if (overlap > OVERLAP_MAX)
		overlap = OVERLAP_MAX;
	for (size_t i = 0; i < im->seg_cnt && go && whole; i++) {
		const struct image_seg *seg = &im->seg[i];

		if (!(want & (seg->exec ? IMAGE_CODE : IMAGE_DATA)))
			continue;
		s.va = seg->va;
		whole = windows(im, (struct table){ seg->off, seg->file_sz }, 1, overlap, put_at_va, &s, &go);
	}
	return whole;
}

/* Where in a string table a name that is asked for stands. */
struct name_hit {
	uint32_t at, name;
};

struct lookup {
	const struct image *im;
	const char *const *names;
	size_t n;
	struct image_sym *ret;
	struct lookup_name {
		uint16_t len;		/* 0: not to be looked for */
		uint16_t next;		/* of the same end, as index + 1 */
	} *name;
	uint16_t by_end[256];		/* of the last three characters, as index + 1 */
	struct name_hit *hit;
	size_t hit_cnt;
	size_t found;
};

static uint8_t end_hash(const uint8_t *end)
{
	return end[-1] * 31u + end[-2] * 7u + end[-3];
}

static void prepare(struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t len = strlen(l->names[i]);
		uint8_t h;

		if (len < 3 || len >= NAME_BYTES)
			continue;
		h = end_hash((const uint8_t *)l->names[i] + len);
		l->name[i].len = len;
		l->name[i].next = l->by_end[h];
		l->by_end[h] = i + 1;
	}
}

/* end: the NUL behind a string. A symbol may be the tail of a longer one in the table. */
static void take_string(struct lookup *l, const uint8_t *begin, const uint8_t *end, uint64_t at)
{
	if (end - begin < 3)
		return;
	for (size_t k = l->by_end[end_hash(end)]; k; k = l->name[k - 1].next) {
		size_t len = l->name[k - 1].len;

		if (len > (size_t)(end - begin) || memcmp(end - len, l->names[k - 1], len))
			continue;
		if (l->hit_cnt < NAME_HITS_MAX)
			l->hit[l->hit_cnt++] = (struct name_hit){ at - len, k - 1 };
	}
}

static bool put_strings(void *arg, uint64_t at, const uint8_t *p, size_t n)
{
	size_t from = at ? NAME_BYTES : 0;	/* the window before has seen these */

	for (const uint8_t *q = p + from, *nul; q < p + n; q = nul + 1) {
		nul = memchr(q, 0, p + n - q);
		if (!nul)
			break;
		take_string(arg, p, nul, at + (nul - p));
	}
	return at + n <= UINT32_MAX;
}

static int by_place(const void *a, const void *b)
{
	const struct name_hit *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void take_symbol(struct lookup *l, const Elf64_Sym *s)
{
	struct name_hit key = { .at = s->st_name };
	const struct name_hit *h;

	if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx == SHN_UNDEF || !s->st_value)
		return;
	h = bsearch(&key, l->hit, l->hit_cnt, sizeof(key), by_place);
	if (!h || l->ret[h->name].va || !image_is_code(l->im, s->st_value))
		return;
	l->ret[h->name] = (struct image_sym){ s->st_value, s->st_size };
	l->found++;
}

static bool put_symbols(void *arg, uint64_t at, const uint8_t *p, size_t n)
{
	Elf64_Sym s;

	for (size_t i = 0; i + sizeof(s) <= n; i += sizeof(s)) {
		memcpy(&s, p + i, sizeof(s));
		take_symbol(arg, &s);
	}
	return true;
}

static void look_in(struct lookup *l, struct table syms, struct table strings)
{
	bool go = true;

	l->hit_cnt = 0;
	windows(l->im, strings, 1, NAME_BYTES, put_strings, l, &go);
	if (!l->hit_cnt)
		return;
	qsort(l->hit, l->hit_cnt, sizeof(*l->hit), by_place);
	go = true;
	windows(l->im, syms, sizeof(Elf64_Sym), 0, put_symbols, l, &go);
}

/* A name that was asked for twice was looked for once. */
static void copy_doubles(struct lookup *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->n && !l->ret[i].va; k++)
			if (l->ret[k].va && !strcmp(l->names[i], l->names[k])) {
				l->ret[i] = l->ret[k];
				l->found++;
			}
}

size_t image_symbols(const struct image *im, const char *const *names, size_t n, struct image_sym *ret)
{
	struct lookup l = { .im = im, .names = names, .n = n < UINT16_MAX ? n : 0, .ret = ret };

	memset(ret, 0, n * sizeof(*ret));
	l.name = calloc(n ? n : 1, sizeof(*l.name));
	l.hit = malloc(NAME_HITS_MAX * sizeof(*l.hit));
	if (l.name && l.hit) {
		prepare(&l);
		look_in(&l, im->dynsym, im->dynstr);
		look_in(&l, im->symtab, im->strtab);
		copy_doubles(&l);
	}
	free(l.name);
	free(l.hit);
	return l.found;
}
