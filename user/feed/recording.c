// SPDX-License-Identifier: Apache-2.0
/*
 * A recording is a header and then frames, all in the byte order of the machine
 * that made it:
 *
 *	magic "onlooker" | version | byte order | mark | crc
 *	mark | size | crc | record, padded with zeros to 8 bytes
 *	...
 *
 * The mark is a random number of this file, so that what an agent sent cannot
 * look like a frame; after damage the reader looks for it byte by byte.  The
 * checksum covers size and record.  A writer that was killed leaves a cut frame
 * at the end, which reads as damage and then the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "feed/feed.h"

#define MAGIC		"onlooker"
#define BYTE_ORDER_MARK	0x01020304u
#define RECORD_MAX	(1024 * 1024)
#define WRITE_BUFFER	(256 * 1024)
#define CHECK_FREE	(64ull * 1024 * 1024)	/* see may_check() */
#define CHECK_FACTOR	16

struct file_head {
	char magic[8];
	uint32_t version, order;
	uint64_t mark;
	uint32_t crc;		/* of what is before it */
	uint32_t pad;
};

struct frame {
	uint64_t mark;
	uint32_t size;		/* of the record, without padding */
	uint32_t crc;
};

_Static_assert(sizeof(struct file_head) == 32, "on disk");
_Static_assert(sizeof(struct frame) == 16, "on disk");

#define READ_BUFFER	(2 * (sizeof(struct frame) + RECORD_MAX))

struct recording {
	int fd;
	bool writing;
	int err;		/* the first one; nothing is written after it */
	uint64_t mark;
	char *buf;
	size_t at, n;		/* reading: buf[at..n) is not used up; writing: buf[0..n) is not written */
	bool end;		/* reading: the file has no more */
	uint64_t taken;		/* reading: bytes walked over */
	uint64_t checked;	/* reading: bytes checksummed in vain */
	struct wire_hdr *record;
};

static uint32_t frame_crc(uint32_t size, const void *record)
{
	uLong crc = crc32(0, (const Bytef *)&size, sizeof(size));

	return crc32(crc, record, size);
}

static uint32_t head_crc(const struct file_head *h)
{
	return crc32(0, (const Bytef *)h, offsetof(struct file_head, crc));
}

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static struct recording *recording_new(size_t buffer)
{
	struct recording *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->fd = -1;
	r->buf = malloc(buffer);
	if (r->buf)
		return r;
	free(r);
	return NULL;
}

static void recording_free(struct recording *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->record);
	free(r->buf);
	free(r);
}

/*
 * Root writes where somebody else may write too.  An old regular file is taken
 * away rather than opened, so that a link to another file is never followed
 * and no one who has the old one open reads the new one.
 */
static int create_private(const char *path, unsigned owner, unsigned group)
{
	struct stat st;
	int fd, err;

	if (lstat(path, &st))
		st.st_mode = 0;
	if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
		fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? -errno : fd;
	}
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISREG(st.st_mode) && unlink(path))
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!fchmod(fd, 0600) && (geteuid() || !fchown(fd, owner, group)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= w;
	}
	return 0;
}

static int flush(struct recording *r)
{
	if (!r->err)
		r->err = write_all(r->fd, r->buf, r->n);
	r->n = 0;
	return r->err;
}

static void put(struct recording *r, const void *p, size_t n)
{
	if (n > WRITE_BUFFER - r->n)
		flush(r);
	if (n > WRITE_BUFFER) {
		if (!r->err)
			r->err = write_all(r->fd, p, n);
		return;
	}
	memcpy(r->buf + r->n, p, n);
	r->n += n;
}

static int put_head(struct recording *r)
{
	struct file_head h = { .magic = MAGIC, .version = WIRE_VERSION, .order = BYTE_ORDER_MARK };

	if (getrandom(&r->mark, sizeof(r->mark), 0) != sizeof(r->mark))
		return -EIO;
	h.mark = r->mark;
	h.crc = head_crc(&h);
	put(r, &h, sizeof(h));
	return flush(r);
}

struct recording *recording_create(const char *path, unsigned owner, unsigned group, int *ret_err)
{
	struct recording *r = recording_new(WRITE_BUFFER);
	int err;

	if (!r) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	r->writing = true;
	r->fd = create_private(path, owner, group);
	err = r->fd < 0 ? r->fd : put_head(r);
	if (!err)
		return r;
	recording_free(r);
	*ret_err = err;
	return NULL;
}

/* A tick flushes, so a recorder that is killed loses no more than the time between two. */
int recording_put(struct recording *r, const struct wire_hdr *h)
{
	static const char zeros[8];
	struct frame f = { .mark = r->mark, .size = h->size };

	if (r->err)
		return r->err;
	if (h->size < sizeof(*h) || h->size > RECORD_MAX)
		return -EMSGSIZE;
	f.crc = frame_crc(h->size, h);
	put(r, &f, sizeof(f));
	put(r, h, h->size);
	put(r, zeros, padded(h->size) - h->size);
	return h->kind == WIRE_TICK ? flush(r) : r->err;
}

int recording_close(struct recording *r)
{
	int err;

	if (!r)
		return 0;
	err = r->writing ? flush(r) : 0;
	if (r->writing && close(r->fd) && !err)
		err = -errno;
	if (r->writing)
		r->fd = -1;
	recording_free(r);
	return err;
}

/* Tries to have n bytes at buf + at; n is no more than half the buffer.  Says how many there are. */
static size_t have(struct recording *r, size_t n)
{
	if (r->at + n > READ_BUFFER) {
		memmove(r->buf, r->buf + r->at, r->n - r->at);
		r->n -= r->at;
		r->at = 0;
	}
	while (r->n - r->at < n && !r->end) {
		ssize_t got = read(r->fd, r->buf + r->n, READ_BUFFER - r->n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			r->end = true;
		else
			r->n += got;
	}
	return r->n - r->at;
}

static void take(struct recording *r, size_t n)
{
	r->at += n;
	r->taken += n;
}

static int read_head(struct recording *r)
{
	struct file_head h;
	struct stat st;

	if (!fstat(r->fd, &st) && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (have(r, sizeof(h)) < sizeof(h))
		return -EPROTO;
	memcpy(&h, r->buf, sizeof(h));
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)))
		return -EPROTO;
	if (h.order != BYTE_ORDER_MARK || h.version != WIRE_VERSION)
		return -ENOTSUP;
	if (h.crc != head_crc(&h))
		return -EPROTO;
	r->mark = h.mark;
	take(r, sizeof(h));
	return 0;
}

struct recording *recording_open(const char *path, int *ret_err)
{
	struct recording *r = recording_new(READ_BUFFER);
	int err = 0;

	if (!r) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	r->record = malloc(RECORD_MAX);
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0)
		err = -errno;
	else
		err = r->record ? read_head(r) : -ENOMEM;
	if (!err)
		return r;
	recording_free(r);
	*ret_err = err;
	return NULL;
}

/*
 * Whoever makes up a recording knows its mark and can write one everywhere, each
 * before a record that has to be checksummed to the end to be refused.  That
 * work is kept in proportion to the file.
 */
static bool may_check(const struct recording *r)
{
	return r->checked <= CHECK_FREE + CHECK_FACTOR * r->taken;
}

/* A whole good record here: true, and it is in r->record; *ret_n is what it takes of the file. */
static bool record_here(struct recording *r, size_t *ret_n)
{
	struct frame f;

	if (have(r, sizeof(f)) < sizeof(f))
		return false;
	memcpy(&f, r->buf + r->at, sizeof(f));
	if (f.mark != r->mark || f.size < sizeof(struct wire_hdr) || f.size > RECORD_MAX || !may_check(r))
		return false;
	if (have(r, sizeof(f) + f.size) < sizeof(f) + f.size)
		return false;
	memcpy(r->record, r->buf + r->at + sizeof(f), f.size);
	if (f.crc != frame_crc(f.size, r->record)) {
		r->checked += f.size;
		return false;
	}
	*ret_n = sizeof(f) + f.size;
	if (have(r, sizeof(f) + padded(f.size)) >= sizeof(f) + padded(f.size))
		*ret_n = sizeof(f) + padded(f.size);
	return r->record->size == f.size && feed_valid(r->record, f.size);
}

/* Goes on to the next place where the mark stands, or to the end. */
static void seek_mark(struct recording *r)
{
	take(r, 1);
	while (have(r, sizeof(r->mark)) >= sizeof(r->mark)) {
		char *from = r->buf + r->at;
		char *found = memmem(from, r->n - r->at, &r->mark, sizeof(r->mark));

		if (found) {
			take(r, found - from);
			return;
		}
		take(r, r->n - r->at - (sizeof(r->mark) - 1));
	}
	take(r, r->n - r->at);
}

int recording_next(struct recording *r, const struct wire_hdr **ret, uint64_t *ret_skipped)
{
	uint64_t from = r->taken;
	size_t n;

	*ret_skipped = 0;
	if (!have(r, 1))
		return 0;
	if (record_here(r, &n)) {
		take(r, n);
		*ret = r->record;
		return 1;
	}
	do {
		seek_mark(r);
	} while (have(r, 1) && !record_here(r, &n));
	*ret_skipped = r->taken - from;
	return -EPROTO;
}
