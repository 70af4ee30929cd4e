// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "capture/gate.h"

#define EVENTS_SZ (64 * 1024)

struct gate {
	struct gate_config config;
	int fan, stop, mounts;
	pthread_t thread;
};

/* File systems that programs are never executed from, or that have no files at all. */
static bool no_programs(const char *type)
{
	static const char *const types[] = {
		"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs",
		"bpf", "pstore", "configfs", "fusectl", "binfmt_misc", "efivarfs", "nsfs", "autofs", "hugetlbfs",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}

/* mountinfo writes blanks in paths as \040 (proc(5)). */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

/*
 * A mark on a file system sees it through every mount, in every namespace.
 * Where that is refused (the mark needs an fsid; some overlays have none) the mount alone is marked.
 */
static bool mark(struct gate *g, const char *path)
{
	return !fanotify_mark(g->fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD, path) ||
	       !fanotify_mark(g->fan, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC_PERM, AT_FDCWD, path);
}

/* Marks everything that is mounted; again when mounts change (marking twice does nothing). */
static int mark_all(struct gate *g)
{
	char *line = NULL, path[4096], type[64], *dash;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t sz = 0;
	int marked = 0;

	if (!f)
		return -errno;
	while (getline(&line, &sz, f) > 0) {
		dash = strstr(line, " - ");
		if (!dash || sscanf(dash, " - %63s", type) != 1 || no_programs(type) ||
		    sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		unescape(path);
		marked += mark(g, path);
	}
	free(line);
	fclose(f);
	return marked ? 0 : -ENOTSUP;
}

static void answer(struct gate *g, int fd)
{
	struct fanotify_response r = { .fd = fd, .response = FAN_ALLOW };

	if (write(g->fan, &r, sizeof(r)) < 0)
		return;		/* the one who waited is gone */
}

static void handle(struct gate *g)
{
	char mem[EVENTS_SZ] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	const struct fanotify_event_metadata *ev = (void *)mem;
	ssize_t n = read(g->fan, mem, sizeof(mem));

	for (; n > 0 && FAN_EVENT_OK(ev, n); ev = FAN_EVENT_NEXT(ev, n)) {
		if (ev->fd < 0)
			continue;
		if (ev->mask & FAN_OPEN_EXEC_PERM) {
			if (g->config.concerns(g->config.arg, ev->pid))
				g->config.look(g->config.arg, ev->pid, ev->fd);
			answer(g, ev->fd);
		}
		close(ev->fd);
	}
}

static void *gate_main(void *arg)
{
	struct gate *g = arg;
	struct pollfd fds[] = {
		{ .fd = g->fan, .events = POLLIN },
		{ .fd = g->stop, .events = POLLIN },
		{ .fd = g->mounts, .events = POLLPRI },
	};

	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents & POLLIN)
			handle(g);
		if (fds[1].revents)
			return NULL;
		if (fds[2].revents & POLLPRI)
			mark_all(g);
	}
}

/* A thread takes no signals: they are the main loop's. */
static int start(struct gate *g)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&g->thread, NULL, gate_main, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static void close_all(struct gate *g)
{
	if (g->fan >= 0)
		close(g->fan);
	if (g->stop >= 0)
		close(g->stop);
	if (g->mounts >= 0)
		close(g->mounts);
	free(g);
}

struct gate *gate_new(const struct gate_config *c, int *ret_err)
{
	struct gate *g = calloc(1, sizeof(*g));

	*ret_err = -ENOMEM;
	if (!g)
		return NULL;
	g->config = *c;
	g->stop = eventfd(0, EFD_CLOEXEC);
	g->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	g->fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
			       O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	*ret_err = g->fan < 0 ? -errno : mark_all(g);
	if (!*ret_err)
		*ret_err = start(g);
	if (!*ret_err)
		return g;
	close_all(g);
	return NULL;
}

void gate_free(struct gate *g)
{
	uint64_t one = 1;

	if (!g)
		return;
	if (write(g->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(g->thread, NULL);
	close_all(g);		/* the kernel allows what still waits */
}
