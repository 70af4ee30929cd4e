// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "status.h"

#define ANSWER_MAX (16 * 1024 * 1024)

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	return a;
}

const char *status_path(void)
{
	const char *path = getenv("ONLOOKER_SOCKET");

	return path && *path ? path : STATUS_SOCKET;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int status_listen(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = strlen(path) < sizeof(a.sun_path) ? connect_to(path) : -ENAMETOOLONG, err;
	mode_t mask;

	if (fd == -ENAMETOOLONG)
		return fd;

	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd == -ECONNREFUSED)	/* left behind by one that was killed */
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8) ? -errno : 0;
	umask(mask);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void answer(int fd, struct session *s)
{
	struct timeval limit = { .tv_usec = 100 * 1000 };
	struct buf out;
	size_t at = 0;
	ssize_t n;

	buf_init(&out, ANSWER_MAX);
	session_status(s, &out);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (at < out.n && (n = send(fd, out.p + at, out.n - at, MSG_NOSIGNAL)) > 0)
		at += n;
	buf_release(&out);
}

void status_answer(int fd, struct session *s)
{
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (peer < 0)
		return;
	answer(peer, s);
	close(peer);
}

void status_close(int fd, const char *path)
{
	if (fd < 0)
		return;
	close(fd);
	unlink(path);
}

int status_ask(const char *path, struct buf *out)
{
	char piece[16384];
	int fd = connect_to(path), err = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while (!err && (n = read(fd, piece, sizeof(piece))) > 0)
		err = buf_add(out, (struct view){ piece, n });
	close(fd);
	return err;
}
