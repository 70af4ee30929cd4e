// SPDX-License-Identifier: Apache-2.0
/*
 * Go's crypto/tls.
 *
 * The runtime needs the table of all functions (pclntab: entry, end, name) to walk stacks, so no strip
 * takes it away.  Its layout is in Go's src/runtime/symtab.go, its magic numbers in
 * src/internal/abi/symtab.go:
 *
 *	fffffffb, fffffffa	up to 1.15, 1.16 and 1.17: addresses
 *	fffffff0, fffffff1	1.18 and 1.19, 1.20 and later: offsets from the start of the text
 *
 * The start of the text is in the header up to 1.25; then it is gone, and .text is
 * not it where C code was linked in front of it.  So every function has to look like one, which
 * also is the second rule: the compiler (cmd/internal/obj/{x86/obj6,arm64/obj7}.go, stacksplit)
 * begins it with a comparison of the stack pointer with g.stackguard0 and a jump to the
 * function's last instructions, which call morestack and jump back to the beginning.  Where no
 * known start of the text makes all functions look so, the code is searched for the one that does.
 *
 * Arguments in registers came with 1.17 (amd64) and 1.18 (arm64); g in r14 came with them, and
 * the comparison uses it, so an amd64 function of before does not look like one.
 *
 * A grown stack begins the function anew: the probe stands behind the comparison, to be hit once a call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find/code.h"
#include "find/find.h"
#include "find/scan.h"

#define MAGIC_1_2	0xfffffffbu
#define MAGIC_1_16	0xfffffffau
#define MAGIC_1_18	0xfffffff0u
#define MAGIC_1_20	0xfffffff1u

#define HEADER_SZ	72
#define FUNCS_ALL	(4u << 20)	/* kubelet, one of the largest, has 120,000 */
#define PATH_MAX_GO	256		/* of a package */
#define COPIES		4		/* of crypto/tls in one file: the library's, forks */
#define BODY_MAX	(60u << 10)	/* bytes of a function */
#define FILLS_MAX	(32u << 10)	/* of a tape: 1 GB */

static const char *const names[] = {
	"crypto/tls.(*Conn).writeRecordLocked",
	"crypto/tls.(*Conn).Read",
	"crypto/tls.(*Conn).Close",
	"crypto/tls.(*Conn).clientHandshake",
	"crypto/tls.(*Conn).serverHandshake",
};
#define NAMES		(sizeof(names) / sizeof(names[0]))
#define NAME_WRITE	0
#define NAME_READ	1
#define PACKAGE		"crypto/tls"
#define TEXT_BUILDINFO	NAMES

static const struct scan_text texts[] = {
	{ ".(*Conn).writeRecordLocked", SCAN_ENDS },
	{ ".(*Conn).Read", SCAN_ENDS },
	{ ".(*Conn).Close", SCAN_ENDS },
	{ ".(*Conn).clientHandshake", SCAN_ENDS },
	{ ".(*Conn).serverHandshake", SCAN_ENDS },
	[TEXT_BUILDINFO] = { "\xff Go buildinf:", SCAN_STARTS },
	{ NULL }
};
_Static_assert(sizeof(texts) / sizeof(texts[0]) == NAMES + 2, "a text for each name");

struct want {
	uint32_t name_off;	/* in the table of names */
	unsigned name;		/* index into names[] */
	uint64_t entry, end;	/* from the start of the text */
};

struct go {
	const struct image *im;
	uint64_t pcln;		/* VA of the header */
	uint32_t magic;
	uint64_t func_cnt, text_start, names_off, names_end, table_off;
	struct want want[COPIES * NAMES];
	size_t want_cnt;
};

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A window that moves over the file: most reads are near the last one. */
struct tape {
	const struct image *im;
	uint64_t va;
	size_t n;
	unsigned fills;
	uint8_t buf[32 << 10];
};

static const uint8_t *tape_at(struct tape *t, uint64_t va, size_t n)
{
	if (va < t->va || va - t->va > t->n || t->n - (va - t->va) < n) {
		if (++t->fills > FILLS_MAX)
			return NULL;
		t->va = va;
		t->n = image_read(t->im, va, t->buf, sizeof(t->buf));
		if (t->n < n)
			return NULL;
	}
	return t->buf + (va - t->va);
}

/* ---- what a function looks like ---- */

/* The first instruction behind a jump on condition cc at p[i], 0: it is something else. */
static size_t x86_jump(const uint8_t *p, size_t n, size_t i, uint8_t cc, int64_t *ret_to)
{
	if (i + 2 <= n && p[i] == (0x70 | cc)) {
		*ret_to = (int64_t)i + 2 + (int8_t)p[i + 1];
		return i + 2;
	}
	if (i + 6 <= n && p[i] == 0x0f && p[i + 1] == (0x80 | cc)) {
		*ret_to = (int64_t)i + 6 + (int32_t)u32(p + i + 2);
		return i + 6;
	}
	return 0;
}

/*
 * The length of the stack check that p begins with, 0: it does not. A small frame compares rsp, a
 * larger one r12 = rsp - n, the largest one looks whether that wrapped around.
 */
static size_t x86_check(const uint8_t *p, size_t n, int64_t *ret_to)
{
	bool large = true;
	size_t i = 0;

	if (n >= 5 && !memcmp(p, "\x4c\x8d\x64\x24", 4)) {		/* lea disp8(%rsp),%r12 */
		i = 5;
	} else if (n >= 8 && !memcmp(p, "\x4c\x8d\xa4\x24", 4)) {	/* lea disp32(%rsp),%r12 */
		i = 8;
	} else if (n >= 10 && !memcmp(p, "\x49\x89\xe4\x49\x81\xec", 6)) {	/* mov %rsp,%r12; sub $n,%r12; jb */
		i = x86_jump(p, n, 10, 0x2, ret_to);
		if (!i)
			return 0;
	} else
		large = false;
	if (i + 4 > n || memcmp(p + i, large ? "\x4d\x3b\x66\x10" : "\x49\x3b\x66\x10", 4))
		return 0;
	return x86_jump(p, n, i + 4, 0x6, ret_to);
}

/* Does the function p[n] end with a jump to its beginning? int3 fills it up. */
static bool x86_jumps_back(const uint8_t *p, size_t n, size_t from)
{
	for (size_t e = n; e > from + 5; e--) {
		if (p[e - 5] == 0xe9 && (int64_t)e + (int32_t)u32(p + e - 4) == 0)
			return true;
		if (p[e - 2] == 0xeb && (int64_t)e + (int8_t)p[e - 1] == 0)
			return true;
		if (p[e - 1] != 0xcc)
			return false;
	}
	return false;
}

/* ldr x16,[x28,#16], then cmp sp,x16 or x17 = sp - n; cmp x17,x16, then b.ls; as of Go 1.18. */
static size_t arm64_check(const uint8_t *p, size_t n, int64_t *ret_to)
{
	uint32_t compared = 0;

	if (n < 4 || u32(p) != 0xf9400b90)
		return 0;
	for (size_t i = 4; i + 4 <= n && i <= 28; i += 4) {
		uint32_t w = u32(p + i);

		if (compared && (w & 0xff00001f) == 0x54000009) {
			*ret_to = (int64_t)i + ((int32_t)(w << 8) >> 13) * 4;
			return i + 4;
		}
		compared = w == 0xeb3063ff || w == 0xeb10023f;	/* cmp sp,x16; cmp x17,x16 */
	}
	return 0;
}

static bool arm64_jumps_back(const uint8_t *p, size_t n, size_t from)
{
	for (size_t e = n & ~(size_t)3; e > from + 4; e -= 4) {
		uint32_t w = u32(p + e - 4);

		if ((w & 0xfc000000) == 0x14000000)
			return (int64_t)e - 4 + ((int32_t)(w << 6) >> 6) * 4 == 0;
		if (w)
			return false;
	}
	return false;
}

/* The length of the stack check of the function p[n]; 0: it does not look like a function of Go's compiler. */
static size_t body_check(enum image_machine m, const uint8_t *p, size_t n)
{
	int64_t to = 0;
	size_t len = m == IMAGE_ARM64 ? arm64_check(p, n, &to) : x86_check(p, n, &to);

	if (!len || to < (int64_t)len || to >= (int64_t)n)
		return 0;
	if (!(m == IMAGE_ARM64 ? arm64_jumps_back : x86_jumps_back)(p, n, (size_t)to))
		return 0;
	return len;
}

static size_t body_size(const struct want *w)
{
	return w->end > w->entry && w->end - w->entry <= BODY_MAX ? w->end - w->entry : 0;
}

/* The length of the stack check of a function, if the text starts there. */
static size_t want_check(const struct go *g, const struct want *w, uint64_t text, uint8_t *body)
{
	size_t n = body_size(w);

	if (!n || image_read(g->im, text + w->entry, body, n) != n)
		return 0;
	return body_check(image_machine(g->im), body, n);
}

/* ---- the table ---- */

static bool known_magic(uint32_t magic)
{
	return magic == MAGIC_1_2 || magic == MAGIC_1_16 || magic == MAGIC_1_18 || magic == MAGIC_1_20;
}

static bool header_read(struct go *g, uint64_t va)
{
	uint8_t h[HEADER_SZ];
	const uint8_t *at = h + 24;

	if (image_read(g->im, va, h, sizeof(h)) != sizeof(h) || !known_magic(u32(h)) || h[4] || h[5] ||
	    h[6] != (image_machine(g->im) == IMAGE_ARM64 ? 4 : 1) || h[7] != 8)
		return false;
	g->pcln = va;
	g->magic = u32(h);
	g->func_cnt = u64(h + 8);
	if (!g->func_cnt || g->func_cnt > FUNCS_ALL)
		return false;
	if (g->magic == MAGIC_1_2)
		return true;
	if (g->magic != MAGIC_1_16) {
		g->text_start = u64(at);
		at += 8;
	}
	g->names_off = u64(at);
	g->names_end = u64(at + 8);
	g->table_off = u64(at + 32);
	return g->names_off >= (g->magic == MAGIC_1_16 ? 64 : HEADER_SZ) && g->names_off < g->names_end &&
	       g->names_end <= g->table_off && g->table_off < UINT32_MAX;
}

static bool put_header(void *arg, uint64_t va, const uint8_t *p, size_t n)
{
	struct go *g = arg;
	const uint8_t *at = p;

	while (n - (size_t)(at - p) >= 8 && (at = memmem(at, n - (size_t)(at - p), "\xff\xff\xff\0\0", 5))) {
		if (at > p && !((va + (uint64_t)(at - p) - 1) & 7) && known_magic(u32(at - 1)) &&
		    header_read(g, va + (uint64_t)(at - p) - 1))
			return false;
		g->pcln = 0;
		at++;
	}
	return true;
}

static bool find_header(struct go *g)
{
	static const char *const sections[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	struct image_sec sec;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (image_section(g->im, sections[i], &sec) && header_read(g, sec.va))
			return true;
	g->pcln = 0;
	image_windows(g->im, IMAGE_DATA | IMAGE_CODE, 16, put_header, g);
	return g->pcln;
}

/* Go escapes dots in the last part of a path only; forks keep the names of what they were made from. */
static bool package_is_tls(const char *path, size_t n)
{
	static const char *const forks[] = { "/" PACKAGE, "/utls", "/tls-tris" };

	if (n == strlen(PACKAGE) && !memcmp(path, PACKAGE, n))
		return true;
	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++)
		if (n > strlen(forks[i]) && !memcmp(path + n - strlen(forks[i]), forks[i], strlen(forks[i])))
			return true;
	return false;
}

/* The scan knows where the names are; the table of names is one of those places. */
static void take_name(struct go *g, unsigned name, uint64_t va)
{
	uint64_t begin = g->pcln + g->names_off, end = g->pcln + g->names_end;
	size_t tail = strlen(names[name]) - strlen(PACKAGE), n;
	char text[PATH_MAX_GO + 64];

	if (va < begin || va >= end)
		return;
	n = image_read(g->im, va, text, sizeof(text));
	n = strnlen(text, n);
	if (n == sizeof(text) || n < tail || !package_is_tls(text, n - tail))
		return;
	if (g->want_cnt < sizeof(g->want) / sizeof(g->want[0]))
		g->want[g->want_cnt++] = (struct want){ .name_off = (uint32_t)(va - begin), .name = name };
}

static void find_names(struct go *g, const struct scan *scan)
{
	const uint64_t *at;
	size_t cnt;

	for (unsigned i = 0; i < NAMES; i++) {
		cnt = scan_texts(scan, &texts[i], &at);
		for (size_t j = 0; j < cnt; j++)
			take_name(g, i, at[j]);
	}
}

static uint64_t entry_at(const struct go *g, const uint8_t *row)
{
	return g->magic == MAGIC_1_16 ? u64(row) : u32(row);
}

static void take_func(struct go *g, uint32_t name_off, uint64_t entry, uint64_t end)
{
	for (size_t i = 0; i < g->want_cnt; i++)
		if (g->want[i].name_off == name_off && !g->want[i].end)
			g->want[i] = (struct want){ name_off, g->want[i].name, entry, end };
}

/* Looks for the functions of these names: rows of (entry, where its struct _func is), then the structs. */
static void find_funcs(struct go *g)
{
	size_t word = g->magic == MAGIC_1_16 ? 8 : 4;
	struct tape *rows = calloc(2, sizeof(*rows)), *funcs = rows + 1;
	uint64_t table = g->pcln + g->table_off;

	if (!rows)
		return;
	rows->im = funcs->im = g->im;
	for (uint64_t i = 0; i < g->func_cnt; i++) {
		const uint8_t *row = tape_at(rows, table + i * 2 * word, 3 * word), *func;

		if (!row)
			break;
		func = tape_at(funcs, table + (word == 8 ? u64(row + 8) : u32(row + 4)), word + 4);
		if (!func)
			break;
		if (entry_at(g, func) == entry_at(g, row))
			take_func(g, u32(func + word), entry_at(g, row), entry_at(g, row + 2 * word));
	}
	free(rows);
}

/* ---- the start of the text ---- */

static bool text_fits(const struct go *g, uint64_t text, uint8_t *body)
{
	size_t fit = 0;

	for (size_t i = 0; i < g->want_cnt; i++) {
		if (!g->want[i].end)
			continue;
		if (!want_check(g, &g->want[i], text, body))
			return false;
		fit++;
	}
	return fit >= 2;
}

struct search {
	const struct go *g;
	const struct want *anchor;
	uint8_t *body;
	unsigned tries;
	uint64_t text;
};

#define TRIES_MAX 4096		/* bodies that look right: none is by chance */

/* p[n]: does the anchor begin at p[at]? */
static bool anchor_at(struct search *s, uint64_t va, const uint8_t *p, size_t n, size_t at)
{
	size_t size = body_size(s->anchor);
	uint64_t text = va + at - s->anchor->entry;

	if (n - at < size || va + at < s->anchor->entry || !body_check(image_machine(s->g->im), p + at, size))
		return false;
	if (s->tries++ == TRIES_MAX || !text_fits(s->g, text, s->body))
		return false;
	s->text = text;
	return true;
}

static bool put_code(void *arg, uint64_t va, const uint8_t *p, size_t n)
{
	struct search *s = arg;

	/* Functions begin at multiples of 16 at least (FuncAlign in cmd/link/internal/{amd64,arm64}/l.go). */
	for (size_t at = (16 - (va & 15)) & 15; at + 16 < n && s->tries < TRIES_MAX; at += 16)
		if (anchor_at(s, va, p, n, at))
			return false;
	return s->tries < TRIES_MAX;
}

static bool search_text(const struct go *g, uint8_t *body, uint64_t *ret_text)
{
	struct search s = { .g = g, .body = body };

	for (size_t i = 0; i < g->want_cnt && !s.anchor; i++)
		if (body_size(&g->want[i]))
			s.anchor = &g->want[i];
	if (!s.anchor)
		return false;
	image_windows(g->im, IMAGE_CODE, BODY_MAX, put_code, &s);
	*ret_text = s.text;
	return s.text;
}

static bool find_text(const struct go *g, uint8_t *body, uint64_t *ret_text)
{
	struct image_sec sec;

	*ret_text = g->magic == MAGIC_1_16 ? 0 : g->text_start;
	if (text_fits(g, *ret_text, body))
		return true;
	if (g->magic == MAGIC_1_16)
		return false;
	if (image_section(g->im, ".text", &sec) && text_fits(g, sec.va, body)) {
		*ret_text = sec.va;
		return true;
	}
	return search_text(g, body, ret_text);
}

/* ---- the version ---- */

/* .go.buildinfo (src/debug/buildinfo): magic, size of a pointer, flags; since 1.18 strings follow at 32, before there are pointers to strings. */
static size_t version_in(const struct image *im, uint64_t va, char *ret, size_t max)
{
	uint8_t h[33], str[16];
	uint64_t at = va + 33, n;

	if (image_read(im, va, h, sizeof(h)) != sizeof(h) || memcmp(h, "\xff Go buildinf:", 14))
		return 0;
	n = h[32];
	if (!(h[15] & 2)) {
		if (image_read(im, u64(h + 16), str, sizeof(str)) != sizeof(str))
			return 0;
		at = u64(str);
		n = u64(str + 8);
	}
	return n && n < max && image_read(im, at, ret, n) == n ? n : 0;
}

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return n;
}

static void find_version(const struct go *g, const struct scan *scan, char *ret, size_t max)
{
	const uint64_t *at;
	size_t cnt = scan_texts(scan, &texts[TEXT_BUILDINFO], &at), n = 0;

	for (size_t i = 0; i < cnt && !n; i++)
		n = version_in(g->im, at[i], ret, max);
	if (printable(ret, n))
		ret[n] = '\0';
	else
		snprintf(ret, max, "%s", g->magic == MAGIC_1_20 ? "go1.20 or later" :
			 g->magic == MAGIC_1_18 ? "go1.18 or go1.19" :
			 g->magic == MAGIC_1_16 ? "go1.16 or go1.17" : "before go1.16");
}

/* ---- */

static bool too_many(const struct found *f)
{
	return f->cnt == FOUND_FUNCS_MAX;
}

static void put_func(const struct go *g, const struct want *w, uint64_t text, uint8_t *body, struct found *ret)
{
	size_t check = want_check(g, w, text, body);
	struct found_func *f = &ret->func[ret->cnt];
	uint64_t entry = text + w->entry, rets[FOUND_RETS_MAX];
	int cnt;

	if (!check || too_many(ret))
		return;
	cnt = code_rets(g->im, entry, w->end - w->entry, rets, FOUND_RETS_MAX);
	if (cnt <= 0)
		return;
	*f = (struct found_func){
		.sym = names[w->name],
		.va = entry + check,
		.probe = image_off(g->im, entry + check),
		.rets_cnt = (uint32_t)cnt,
	};
	for (int i = 0; i < cnt; i++)
		f->rets[i] = image_off(g->im, rets[i]);
	ret->cnt++;
}

static bool has(const struct found *f, const char *sym)
{
	for (size_t i = 0; i < f->cnt; i++)
		if (!strcmp(f->func[i].sym, sym))
			return true;
	return false;
}

static int unusable(struct found *ret, const char *why)
{
	snprintf(ret->why, sizeof(ret->why), "%s", why);
	ret->cnt = 0;
	return 1;
}

static int put_all(const struct go *g, struct found *ret)
{
	uint8_t *body = malloc(BODY_MAX);
	uint64_t text;

	if (!body)
		return unusable(ret, "out of memory");
	if (find_text(g, body, &text))
		for (size_t i = 0; i < g->want_cnt; i++)
			put_func(g, &g->want[i], text, body, ret);
	free(body);
	if (!has(ret, names[NAME_WRITE]) || !has(ret, names[NAME_READ]))
		return unusable(ret, "crypto/tls is named in pclntab, but its functions do not look as Go compiles them");
	return 1;
}

static bool is_1_16(const char *version)
{
	return !strncmp(version, "go1.16", 6) && (!version[6] || version[6] == '.');
}

static bool named(const struct scan *scan)
{
	const uint64_t *at;

	return scan_texts(scan, &texts[NAME_WRITE], &at);
}

static int go_find(const struct image *im, const struct scan *scan, struct found *ret)
{
	struct go g = { .im = im };

	*ret = (struct found){ .stack = "go", .method = "pclntab" };
	if (!named(scan) || !find_header(&g))
		return 0;
	find_version(&g, scan, ret->version, sizeof(ret->version));
	if (g.magic == MAGIC_1_2 || is_1_16(ret->version))
		return unusable(ret, "Go before 1.17 passes arguments on the stack");
	if (image_machine(im) == IMAGE_ARM64 && g.magic == MAGIC_1_16)
		return unusable(ret, "Go before 1.18 passes arguments on the stack on arm64");
	find_names(&g, scan);
	if (!g.want_cnt)
		return 0;
	find_funcs(&g);
	return put_all(&g, ret);
}

const struct finder find_go = { .stack = "go", .texts = texts, .find = go_find };
