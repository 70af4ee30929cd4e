// SPDX-License-Identifier: Apache-2.0
/*
 * What could hurt others if we die, hang or are stopped lives in a child of its own.
 *
 * 1. fanotify's FAN_OPEN_EXEC_PERM makes every exec on a marked file system wait
 *    for an answer.  If the answering process is stopped (^Z on a terminal
 *    stops its whole process group) the machine can start no program any more, not even
 *    the shell that could continue it.  The warden is in a session of its own, does nothing
 *    that can block, answers at once for files that nobody observed opens, and for the others
 *    after ANSWER_MS at the latest, whatever the main process does.
 *    When the warden dies the kernel closes its descriptor and allows what waits.
 *
 * 2. The kernel half stops a process that maps a file nobody has examined
 *    (SIGSTOP), and the main process continues it when the file is attached.
 *    Should the main process be killed in these milliseconds, the process would
 *    stay stopped for ever.  The map "held" names it; the warden sees its socket close and
 *    continues all that are in the map.
 *
 * It is forked, not executed, so that there is one binary; it keeps no
 * descriptor but its maps, fanotify and the socket: links in particular, which
 * would keep the programs attached when the main process is gone.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/room.h"
#include "capture/warden.h"

#define ANSWER_MS	500
#define WAITING_MAX	256
#define REMARK_MS	100
#define SWEEPS		15	/* after the main process died: its links go in the same moment, not before */
#define SWEEP_MS	20

struct waiting {
	uint32_t id;		/* 0: free */
	int fd;			/* of the event: names it in the answer */
	uint64_t until;		/* ms */
};

struct warden {
	struct warden_config c;
	int sock, fan;
	uint32_t last_id;
	bool remark;		/* file systems were mounted since they were marked */
	uint64_t marked;	/* ms */
	bool released;		/* the main process ended its work in order */
	unsigned cnt;
	struct waiting waiting[WAITING_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

void held_release(int held_fd, uint32_t pid)
{
	if (!bpf_map_delete_elem(held_fd, &pid))
		kill(pid, SIGCONT);
}

void held_sweep(int held_fd)
{
	uint32_t pid;

	/* Each turn takes one out; new ones can come in meanwhile, but not for ever. */
	for (int i = 0; i < 65536 && !bpf_map_get_next_key(held_fd, NULL, &pid); i++)
		held_release(held_fd, pid);
}

/* File systems that programs are executed from; one mark serves all mounts of one. */
static void mark_mounts(int fan)
{
	static const char *const none[] = {
		"proc", "sysfs", "cgroup", "cgroup2", "devpts", "bpf", "tracefs", "debugfs", "securityfs", "pstore",
		"mqueue", "configfs", "fusectl", "binfmt_misc", "nsfs", "efivarfs", "autofs", "rpc_pipefs",
	};
	char line[4096], path[2048], type[64], *dash;
	FILE *in = fopen("/proc/self/mountinfo", "re");
	bool skip;

	while (in && fgets(line, sizeof(line), in)) {
		dash = strstr(line, " - ");
		if (!dash || sscanf(line, "%*s %*s %*s %*s %2047s", path) != 1 || sscanf(dash, " - %63s", type) != 1)
			continue;
		skip = false;
		for (unsigned i = 0; i < sizeof(none) / sizeof(*none); i++)
			skip |= !strcmp(type, none[i]);
		if (!skip)
			fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD, path);
	}
	if (in)
		fclose(in);
}

static void answer(struct warden *w, int fd)
{
	struct fanotify_response r = { .fd = fd, .response = FAN_ALLOW };

	if (write(w->fan, &r, sizeof(r)) < 0) {
		/* Nobody waits any more: the opener was killed. */
	}
	close(fd);
}

static void answer_waiting(struct warden *w, struct waiting *at)
{
	answer(w, at->fd);
	at->id = 0;
	w->cnt--;
}

/*
 * Has to wait: an observed process opens a file that was not examined yet.  Where cgroups are
 * observed anybody may be in one.
 */
static bool matters(struct warden *w, int fd, uint32_t pid)
{
	struct tracked t;
	struct file_key k;
	struct stat st;
	uint64_t cgroup;
	uint32_t known;

	if (fstat(fd, &st))
		return false;
	k = file_key_of(&st);
	if (!bpf_map_lookup_elem(w->c.files_fd, &k, &known) && known == FILE_DONE)
		return false;
	return w->c.all || !bpf_map_get_next_key(w->c.cgroups_fd, NULL, &cgroup) || !bpf_map_lookup_elem(w->c.tracked_fd, &pid, &t) ||
	       !bpf_map_lookup_elem(w->c.exes_fd, &k, &known);
}

static bool ask(struct warden *w, uint32_t id, uint32_t pid, int fd)
{
	struct warden_ask q = { .id = id, .pid = pid };
	struct iovec v = { &q, sizeof(q) };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = { .buf = { 0 } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(w->sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(q);
}

static void on_event(struct warden *w, const struct fanotify_event_metadata *e)
{
	struct waiting *at = w->waiting;

	if (e->fd < 0)
		return;
	while (at < w->waiting + WAITING_MAX && at->id)
		at++;
	if (at == w->waiting + WAITING_MAX || !matters(w, e->fd, e->pid)) {
		answer(w, e->fd);
		return;
	}
	if (!++w->last_id)
		w->last_id = 1;
	*at = (struct waiting){ .id = w->last_id, .fd = e->fd, .until = now_ms() + ANSWER_MS };
	w->cnt++;
	if (!ask(w, at->id, e->pid, e->fd))
		answer_waiting(w, at);
}

static void read_events(struct warden *w)
{
	_Alignas(struct fanotify_event_metadata) char buf[8192];
	ssize_t n = read(w->fan, buf, sizeof(buf));
	struct fanotify_event_metadata *e = (void *)buf;

	for (; n > 0 && FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n))
		on_event(w, e);
}

/* False: the main process is gone. */
static bool read_answers(struct warden *w)
{
	struct warden_answer a;
	ssize_t n;

	while ((n = recv(w->sock, &a, sizeof(a), MSG_DONTWAIT)) == sizeof(a)) {
		w->released |= !a.id;
		for (int i = 0; a.id && i < WAITING_MAX; i++)
			if (w->waiting[i].id == a.id)
				answer_waiting(w, &w->waiting[i]);
	}
	return !w->released && n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Answers what has waited long enough; ms until the next one has, -1: none. */
static int expire(struct warden *w)
{
	uint64_t now = now_ms(), next = UINT64_MAX;

	for (int i = 0; w->cnt && i < WAITING_MAX; i++) {
		if (!w->waiting[i].id)
			continue;
		if (w->waiting[i].until <= now)
			answer_waiting(w, &w->waiting[i]);
		else if (w->waiting[i].until < next)
			next = w->waiting[i].until;
	}
	return next == UINT64_MAX ? -1 : (int)(next - now);
}

/*
 * Containers bring file systems of their own.  The table of mounts says when it
 * changes (proc(5), mountinfo); a storm of mounts is looked at a few times a second.
 */
static int marks_due(struct warden *w, int wait)
{
	uint64_t now = now_ms();
	int left;

	if (!w->remark)
		return wait;
	left = now >= w->marked + REMARK_MS ? 0 : w->marked + REMARK_MS - now;
	if (left)
		return wait >= 0 && wait < left ? wait : left;
	w->remark = false;
	w->marked = now;
	mark_mounts(w->fan);
	return wait;
}

static void run(struct warden *w)
{
	struct pollfd p[3] = {
		{ .fd = w->sock, .events = POLLIN },
		{ .fd = w->fan, .events = POLLIN },
		{ .fd = w->fan < 0 ? -1 : open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), .events = POLLPRI },
	};

	for (;;) {
		if (poll(p, 3, marks_due(w, expire(w))) < 0 && errno != EINTR)
			break;
		w->remark |= p[2].revents & POLLPRI;
		if (p[1].revents & POLLIN)
			read_events(w);
		if (p[0].revents && !read_answers(w))
			break;
	}
	if (w->fan >= 0)
		close(w->fan);		/* allows all that waits */
	held_sweep(w->c.held_fd);
	for (int i = 0; i < SWEEPS && !w->released; i++) {
		poll(NULL, 0, SWEEP_MS);
		held_sweep(w->c.held_fd);
	}
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All descriptors but these; the standard ones go to /dev/null, so that no pipe waits for us. */
static void keep_only(int *keep, int n)
{
	int from = 3, null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	qsort(keep, n, sizeof(*keep), by_value);
	for (int i = 0; i < n; i++) {
		if (keep[i] > from)
			syscall(SYS_close_range, from, keep[i] - 1, 0);
		if (keep[i] >= from)
			from = keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

static void __attribute__((noreturn)) child(struct warden *w)
{
	static const int quiet[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2, SIGALRM };
	int keep[] = { w->sock, w->c.tracked_fd, w->c.files_fd, w->c.exes_fd, w->c.cgroups_fd, w->c.held_fd };
	sigset_t none;

	for (unsigned i = 0; i < sizeof(quiet) / sizeof(*quiet); i++)
		signal(quiet[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_NAME, "onlooker-warden");
	keep_only(keep, sizeof(keep) / sizeof(*keep));
	w->fan = -1;
	if (w->c.gate)
		w->fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE,
				       O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (w->fan >= 0)
		mark_mounts(w->fan);
	send(w->sock, "", 1, MSG_NOSIGNAL);	/* the marks are set */
	run(w);
	_exit(0);
}

pid_t warden_start(const struct warden_config *c, int *ret_sock)
{
	struct warden w = { .c = *c };
	struct pollfd p = { .events = POLLIN };
	char ready;
	int s[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s))
		return -errno;
	pid = fork();
	if (pid < 0) {
		pid = -errno;
		close(s[0]);
		close(s[1]);
		return pid;
	}
	if (!pid) {
		w.sock = s[1];
		child(&w);
	}
	close(s[1]);
	p.fd = s[0];
	if (poll(&p, 1, 5000) > 0 && recv(s[0], &ready, 1, MSG_DONTWAIT) == 1) {
		*ret_sock = s[0];
		return pid;
	}
	close(s[0]);
	warden_wait(pid);
	return -EIO;
}

void warden_wait(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int warden_next(int sock, struct warden_ask *ret, int *ret_fd)
{
	struct iovec v = { ret, sizeof(*ret) };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf) };
	ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*ret_fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n != sizeof(*ret))
		return -EPIPE;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return 1;
}

void warden_release(int sock)
{
	warden_reply(sock, 0);
}

void warden_reply(int sock, uint32_t id)
{
	struct warden_answer a = { .id = id };

	send(sock, &a, sizeof(a), MSG_NOSIGNAL);
}
