// SPDX-License-Identifier: Apache-2.0
/*
 * What was found in large files, by build-id.
 *
 * A build-id is what a file says of itself: tools that append to an executable leave it
 * as it is, so that one build-id has many file offsets, and anyone can write
 * any.  So addresses are kept and not offsets, together with the bytes that stood there, from the
 * function's beginning to the last place that is probed.  If those are the same, the
 * instructions are.
 *
 * An entry is a text: lines of a word and its values.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "find/find.h"

#define WORTH_BYTES	(16u << 20)	/* of a file */
#define ENTRY_MAX	(4u << 20)
#define BODY_MAX	(64u << 10)	/* of a function, to its last return */
#define HEAD		(64u << 10)
#define LOOK		32		/* bytes from the probe on that are kept at least */

/* A line that does not fit leaves the buffer marked: half an entry is none. */
#define PUT(b, ...)					\
	do {						\
		if (buf_addf(b, __VA_ARGS__))		\
			(b)->max = 0;			\
	} while (0)

/* Rust and Go leave none: FNV-1a of what the file begins with serves as well, for it only has to find the entry. */
static size_t name_without_id(const struct image *im, uint8_t ret[static 32])
{
	uint64_t h = 0xcbf29ce484222325ull;
	const struct image_seg *seg;
	size_t n = image_segs(im, &seg);
	uint8_t *p = n ? malloc(HEAD) : NULL;

	n = p ? image_read(im, seg[0].va, p, HEAD) : 0;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	free(p);
	memcpy(ret, &h, sizeof(h));
	return n ? sizeof(h) : 0;
}

static bool entry_path(const struct image *im, const char *dir, char *ret, size_t n)
{
	uint8_t id[32];
	size_t id_n = image_build_id(im, id);
	int at = snprintf(ret, n, "%s/%s", dir, id_n < 8 ? "none-" : "");

	if (image_size(im) < WORTH_BYTES || at < 0 || (size_t)at + 2 * sizeof(id) + 32 > n)
		return false;
	if (id_n < 8)
		id_n = name_without_id(im, id);
	if (!id_n)
		return false;
	for (size_t i = 0; i < id_n; i++)
		at += sprintf(ret + at, "%02x", id[i]);
	sprintf(ret + at, "-%" PRIx64, image_size(im));
	return true;
}

static void put_head(struct buf *b, const struct image *im)
{
	const struct image_seg *seg;
	size_t n = image_segs(im, &seg);

	PUT(b, "onlooker-found %d\nsize %" PRIu64 "\n", FINDERS_VERSION, image_size(im));
	for (size_t i = 0; i < n; i++)
		PUT(b, "segment %" PRIx64 " %" PRIx64 " %" PRIx64 " %d\n", seg[i].va, seg[i].off, seg[i].file_sz,
			   seg[i].exec);
}

/* Bytes from va to behind the last place that is probed; 0: not to be kept. */
static size_t span_of(const struct image *im, const struct found_func *f)
{
	uint64_t off = image_off(im, f->va), last = f->probe;

	for (size_t i = 0; i < f->rets_cnt; i++)
		if (f->rets[i] > last)
			last = f->rets[i];
	if (!off || f->probe < off || last - off > BODY_MAX - LOOK)
		return 0;
	for (size_t i = 0; i < f->rets_cnt; i++)
		if (f->rets[i] < off)
			return 0;
	return last - off + LOOK;
}

static bool put_bytes(struct buf *b, const struct image *im, uint64_t va, size_t n)
{
	uint8_t *p = malloc(n);
	size_t got = p ? image_read(im, va, p, n) : 0;

	PUT(b, "bytes ");
	for (size_t i = 0; i < got; i++)
		PUT(b, "%02x", p[i]);
	PUT(b, "\n");
	free(p);
	return got;
}

static bool put_func(struct buf *b, const struct image *im, const struct found_func *f)
{
	uint64_t off = image_off(im, f->va);
	size_t n = span_of(im, f);

	if (!n || strpbrk(f->sym, " \t\n") != NULL)
		return false;
	PUT(b, "function %s %" PRIx64 " %" PRIx64 "\n", f->sym, f->va, f->probe - off);
	for (size_t i = 0; i < f->rets_cnt; i++)
		PUT(b, "return %" PRIx64 "\n", f->rets[i] - off);
	return put_bytes(b, im, f->va, n);
}

/* False: this result is not to be kept, and a file in which nothing was found is none. */
static bool put_stacks(struct buf *b, const struct image *im, const struct found *f, int n)
{
	for (int i = 0; i < n; i++) {
		if (!f[i].cnt)
			return false;
		PUT(b, "stack %s\nmethod %s\nversion %s\n", f[i].stack, f[i].method, f[i].version);
		for (size_t k = 0; k < f[i].cnt; k++)
			if (!put_func(b, im, &f[i].func[k]))
				return false;
	}
	PUT(b, "end\n");
	return n > 0;
}

/* Ours alone, or none. */
static int open_dir(const char *dir, bool make)
{
	struct stat st;
	int fd;

	if (make)
		mkdir(dir, 0700);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) || st.st_uid != geteuid() || st.st_mode & 077)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			return false;
		p += done;
		n -= done;
	}
	return true;
}

static void store(const char *dir, const char *path, const struct buf *b)
{
	char tmp[512];
	int dfd = open_dir(dir, true), fd;
	bool ok;

	if (dfd < 0)
		return;
	close(dfd);
	snprintf(tmp, sizeof(tmp), "%s/new-XXXXXX", dir);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return;
	ok = write_all(fd, b->p, b->n);
	close(fd);
	if (!ok || rename(tmp, path))
		unlink(tmp);
}

static char *load(const char *dir, const char *path)
{
	int dfd = open_dir(dir, false), fd;
	struct stat st;
	char *p = NULL;

	if (dfd < 0)
		return NULL;
	close(dfd);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_size <= ENTRY_MAX)
		p = calloc(1, st.st_size + 1);
	if (p && read(fd, p, st.st_size) != st.st_size) {
		free(p);
		p = NULL;
	}
	close(fd);
	return p;
}

struct reading {
	const struct image *im;
	struct found *stack;
	int cnt;
	size_t names;		/* bytes of the last stack's that are used */
	struct found_func *func;
};

static struct found *last(struct reading *r)
{
	return r->cnt ? &r->stack[r->cnt - 1] : NULL;
}

static const char *keep(struct reading *r, const char *s)
{
	struct found *f = last(r);
	size_t n = strlen(s) + 1;
	char *at = f->names + r->names;

	if (n > sizeof(f->names) - r->names)
		return NULL;
	memcpy(at, s, n);
	r->names += n;
	return at;
}

static const char *stack_by_name(const char *name)
{
	for (size_t i = 0; finders[i]; i++)
		if (!strcmp(finders[i]->stack, name))
			return finders[i]->stack;
	return NULL;
}

static bool read_stack(struct reading *r, const char *line)
{
	struct found *f;

	if (r->cnt == FOUND_STACKS_MAX || !stack_by_name(line + 6))
		return false;
	f = &r->stack[r->cnt++];
	memset(f, 0, sizeof(*f));
	f->stack = stack_by_name(line + 6);
	r->names = 0;
	r->func = NULL;
	return true;
}

static bool read_version(struct reading *r, const char *line)
{
	struct found *f = last(r);

	if (!f || strlen(line + 8) >= sizeof(f->version))
		return false;
	strcpy(f->version, line + 8);
	return true;
}

static bool read_function(struct reading *r, const char *line)
{
	struct found *f = last(r);
	uint64_t va, probe, off;
	char sym[256];

	if (!f || f->cnt == FOUND_FUNCS_MAX || sscanf(line, "function %255s %" SCNx64 " %" SCNx64, sym, &va, &probe) != 3)
		return false;
	off = image_off(r->im, va);
	if (!off || !image_is_code(r->im, va) || probe > BODY_MAX)
		return false;
	r->func = &f->func[f->cnt++];
	*r->func = (struct found_func){ .sym = keep(r, sym), .va = va, .probe = off + probe };
	return r->func->sym;
}

static bool read_return(struct reading *r, const char *line)
{
	uint64_t at;

	if (!r->func || r->func->rets_cnt == FOUND_RETS_MAX || sscanf(line, "return %" SCNx64, &at) != 1 || at > BODY_MAX)
		return false;
	r->func->rets[r->func->rets_cnt++] = image_off(r->im, r->func->va) + at;
	return true;
}

static unsigned digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* What the file has there now. */
static bool same_bytes(struct reading *r, const char *line)
{
	const char *hex = line + strlen("bytes ");
	size_t n = strlen(hex) / 2, i = 0;
	uint8_t *p;

	if (!r->func || !n || n > BODY_MAX || n + LOOK < span_of(r->im, r->func))
		return false;
	p = malloc(n);
	if (p && image_read(r->im, r->func->va, p, n) == n)
		while (i < n && digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]) == p[i])
			i++;
	free(p);
	r->func = NULL;
	return i == n;
}

static bool read_line(struct reading *r, const char *line)
{
	if (!strncmp(line, "stack ", 6))
		return (!r->cnt || !r->func) && read_stack(r, line);
	if (!strncmp(line, "method ", 7))
		return last(r) && (last(r)->method = keep(r, line + 7));
	if (!strncmp(line, "version ", 8))
		return read_version(r, line);
	if (!strncmp(line, "function ", 9))
		return !r->func && read_function(r, line);
	if (!strncmp(line, "return ", 7))
		return read_return(r, line);
	return !strncmp(line, "bytes ", 6) && same_bytes(r, line);
}

/* Returns how many stacks; 0: this entry is not for this file. */
static int read_entry(const struct image *im, char *text, struct found *ret)
{
	struct reading r = { .im = im, .stack = ret };
	struct buf head;
	bool ok;

	buf_init(&head, 64 << 10);
	put_head(&head, im);
	ok = head.max && !strncmp(text, head.p, head.n);
	text += ok ? head.n : 0;
	buf_release(&head);
	for (char *line = text, *end; ok && (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		if (!strcmp(line, "end"))
			return !r.func ? r.cnt : 0;
		ok = read_line(&r, line);
	}
	return 0;
}

int find_stacks_cached(const struct image *im, const char *dir, struct found ret[static FOUND_STACKS_MAX])
{
	char path[512], *text;
	struct buf b;
	int n = 0;

	if (!entry_path(im, dir, path, sizeof(path)))
		return find_stacks(im, ret);
	text = load(dir, path);
	if (text)
		n = read_entry(im, text, ret);
	free(text);
	if (n)
		return n;
	n = find_stacks(im, ret);
	buf_init(&b, ENTRY_MAX);
	put_head(&b, im);
	if (put_stacks(&b, im, ret, n) && b.max)
		store(dir, path, &b);
	buf_release(&b);
	return n;
}
