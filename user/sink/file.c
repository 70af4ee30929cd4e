// SPDX-License-Identifier: Apache-2.0
/*
 * Spans as lines of OTLP/JSON.  A run begins with an empty file, as the
 * Collector's file exporter does.  We usually are root and may be asked to
 * write where others can write too, so what stands in the way under that name
 * is looked at first: a link or a file of a stranger could lead us to overwrite
 * a system file, or hand what we saw to its owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/otlp.h"
#include "sink/out.h"
#include "sink/sink.h"

#define LINE_MAX_SZ	(512u * 1024 * 1024)	/* a span of 64 MiB with every byte escaped fits */
#define LINE_KEEP	(1024 * 1024)		/* memory kept between lines */
#define STUCK_MS	5000			/* stdout may be a pipe in non-blocking mode that nobody empties */

struct file_sink {
	struct sink sink;
	struct buf line;
	int fd;
	bool own_fd, regular;
	bool broken;
	off_t good;		/* regular files: where the last whole line ends */
};

static bool trusted(uid_t uid, uid_t owner)
{
	return uid == 0 || uid == geteuid() || (owner != (uid_t)-1 && uid == owner);
}

/* A descriptor, -EEXIST, or why not. */
static int create_new(const char *path, uid_t owner, gid_t group)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), err;

	if (fd < 0)
		return -errno;
	if (owner != (uid_t)-1 && fchown(fd, owner, group)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* The link itself has been made by somebody we trust: go where it points. */
static int open_link(const char *path, uid_t owner)
{
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return -errno;
	if (!S_ISLNK(st.st_mode) || !trusted(st.st_uid, owner))
		return -ELOOP;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int open_existing(const char *path, uid_t owner)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == ELOOP ? open_link(path, owner) : -errno;
}

/* An old file is emptied and made private; a pipe or a device is taken as it is. */
static int begin_file(int fd, uid_t owner)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (!trusted(st.st_uid, owner))
		return -EPERM;
	if (fchmod(fd, 0600) || ftruncate(fd, 0))
		return -errno;
	return 0;
}

static int open_path(const char *path, uid_t owner, gid_t group)
{
	int fd = create_new(path, owner, group), err;

	if (fd != -EEXIST)
		return fd;
	fd = open_existing(path, owner);
	if (fd < 0)
		return fd;
	err = begin_file(fd, owner);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Half a line would spoil the file for its reader. */
static int give_up(struct file_sink *f, int err)
{
	f->broken = true;
	if (f->regular && ftruncate(f->fd, f->good))
		return err;	/* the disk has worse troubles, which err names */
	return err;
}

static int file_put(struct sink *s, const struct span *span)
{
	struct file_sink *f = (struct file_sink *)s;
	int err;

	if (f->broken) {
		s->stats.dropped++;
		return 0;
	}
	buf_reset(&f->line);
	err = otlp_json(&f->line, span);
	if (!err)
		err = buf_add_byte(&f->line, '\n');
	if (err) {
		s->stats.dropped++;
		buf_release(&f->line);
		return 0;
	}
	err = out_write(f->fd, buf_view(&f->line), STUCK_MS);
	if (err) {
		s->stats.dropped++;
		return give_up(f, err);
	}
	s->stats.delivered++;
	f->good += f->line.n;
	if (f->line.cap > LINE_KEEP)
		buf_release(&f->line);
	return 0;
}

static void file_free(struct sink *s)
{
	struct file_sink *f = (struct file_sink *)s;

	if (f->own_fd)
		close(f->fd);
	buf_release(&f->line);
	free(f);
}

static const struct sink_type sink_file = {
	.name = "file",
	.put = file_put,
	.free = file_free,
};

struct sink *sink_file_new(const char *path, unsigned owner, unsigned group, int *ret_err)
{
	bool to_stdout = !strcmp(path, "-");
	struct file_sink *f = calloc(1, sizeof(*f));
	struct stat st;
	int fd;

	if (!f) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	fd = to_stdout ? STDOUT_FILENO : open_path(path, owner, group);
	if (fd < 0) {
		*ret_err = fd;
		free(f);
		return NULL;
	}
	f->sink.type = &sink_file;
	f->fd = fd;
	f->own_fd = !to_stdout;
	f->regular = f->own_fd && !fstat(fd, &st) && S_ISREG(st.st_mode);
	buf_init(&f->line, LINE_MAX_SZ);
	return &f->sink;
}
