// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "capture/hands.h"
#include "capture/warden.h"

#define JUDGE_MS	250	/* between two looks at functions that have to prove themselves */
#define REST_MS		5000
#define SWEEP_MS	60000

struct hands {
	struct files *files;
	struct ring_buffer *urgent;
	int files_fd, held_fd, sock, stop;
	pthread_t thread, sweeper;
	bool started, sweeps;
};

/* Known under the kernel's own key as well: on an overlay it is not the one that stat() gives. */
static void tell_kernel(struct hands *h, const struct wire_map *m, int fd)
{
	struct stat st;
	struct file_key k;

	if (fstat(fd, &st))
		return;
	k = file_key_of(&st);
	if (k.dev == m->dev && k.ino == m->ino)
		return;		/* files_look() has told it */
	k.dev = m->dev;
	k.ino = m->ino;
	files_alias(h->files, &st, &k);
}

static int on_map(void *ctx, void *data, size_t n)
{
	struct hands *h = ctx;
	struct wire_map *m = data;
	char path[4096];
	int fd;

	if (n < sizeof(*m))
		return 0;
	if (!m->addr)
		files_look_root(h->files, m->hdr.pid);
	fd = open_mapped(m->hdr.pid, m->addr, m->pages * 4096ull, path, sizeof(path));
	if (fd >= 0) {
		files_look(h->files, fd, path, NULL);
		tell_kernel(h, m, fd);
		close(fd);
	}
	if (m->held)
		held_release(h->held_fd, m->hdr.pid);
	return 0;
}

static void answer_warden(struct hands *h)
{
	char link[64], path[4096];
	struct warden_ask q;
	ssize_t n;
	int fd, got;

	while ((got = warden_next(h->sock, &q, &fd)) > 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = 0;
		if (fd >= 0) {
			files_look(h->files, fd, path, NULL);
			close(fd);
		}
		files_look_root(h->files, q.pid);
		warden_reply(h->sock, q.id);
	}
	if (got < 0) {
		close(h->sock);
		h->sock = -1;
	}
}

static void *work(void *arg)
{
	struct hands *h = arg;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = h->stop, .events = POLLIN },
			{ .fd = ring_buffer__epoll_fd(h->urgent), .events = POLLIN },
			{ .fd = h->sock, .events = POLLIN },
		};

		if (poll(p, 3, files_judge(h->files) ? JUDGE_MS : REST_MS) < 0 && errno != EINTR)
			return NULL;
		if (p[0].revents)
			return NULL;
		if (p[2].revents)
			answer_warden(h);
		ring_buffer__consume(h->urgent);
	}
}

static void *sweep(void *arg)
{
	struct hands *h = arg;
	struct pollfd p = { .fd = h->stop, .events = POLLIN };

	while (!poll(&p, 1, SWEEP_MS))
		files_sweep(h->files);
	return NULL;
}

struct hands *hands_new(struct files *files, int urgent_fd, int files_fd, int held_fd, int warden_sock, int *ret_err)
{
	struct hands *h = calloc(1, sizeof(*h));
	sigset_t all, old;

	*ret_err = -ENOMEM;
	if (!h)
		return NULL;
	*h = (struct hands){ .files = files, .files_fd = files_fd, .held_fd = held_fd, .sock = warden_sock, };
	h->stop = eventfd(0, EFD_CLOEXEC);
	h->urgent = ring_buffer__new(urgent_fd, on_map, h, NULL);
	if (h->urgent && h->stop >= 0) {
		/* Signals are the main thread's. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		*ret_err = -pthread_create(&h->thread, NULL, work, h);
		h->sweeps = !*ret_err && !pthread_create(&h->sweeper, NULL, sweep, h);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		h->started = !*ret_err;
	}
	if (h->started)
		return h;
	hands_free(h);
	return NULL;
}

void hands_free(struct hands *h)
{
	uint64_t one = 1;

	if (!h)
		return;
	if (h->started && write(h->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(h->thread, NULL);
	if (h->sweeps)
		pthread_join(h->sweeper, NULL);
	if (h->urgent)
		ring_buffer__free(h->urgent);
	if (h->stop >= 0)
		close(h->stop);
	if (h->sock >= 0) {
		warden_release(h->sock);
		close(h->sock);
	}
	free(h);
}
