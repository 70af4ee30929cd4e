// SPDX-License-Identifier: Apache-2.0
/*
 * Loading, and the walk of the data ring.
 *
 * The kernel half does not wake the reader for each record (that cost 12 times
 * the CPU when measured).  While records come, a timer looks every TICK_MS; after
 * IDLE_TICKS empty looks the reader says that it sleeps, and the next record rings.
 * A ring that fills rings in any case.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "capture/attach.h"
#include "capture/files.h"
#include "capture/hands.h"
#include "capture/ring.h"
#include "capture/room.h"
#include "capture/stacks.h"
#include "capture/uprobe_multi.h"
#include "capture/warden.h"
#include "capture.skel.h"

#define RING_DEFAULT	(32 * 1024 * 1024)
#define RING_MIN	(512 * 1024)
#define TICK_MS		5
#define IDLE_TICKS	8
#define KNOWN_MAX	65536
#define FACTS_MAX	(64 * 1024)
#define CHECK_EVERY	32	/* records between two looks at the clock */
#define CGROUP_DEPTH	16
#define FAMILY_DEPTH	64

/* A record that we owe; made in the next poll. */
struct due {
	enum due_what { DUE_FACTS, DUE_COVER, DUE_FORK } what;
	uint32_t pid, parent;	/* parent: DUE_FORK */
	uint64_t start, parent_start;
	void *made;		/* DUE_FACTS: the record, if it was made at once; NULL */
};

struct capture {
	struct capture_config config;
	struct capture_bpf *bpf;
	struct attach attach;
	struct files *files;
	struct hands *hands;
	pid_t warden;
	struct ring *ring;
	size_t ring_bytes;
	int epoll, timer;
	bool ticking;
	unsigned idle;
	struct machine machine;
	struct map known;		/* pid to start of processes whose facts were put */
	struct due *due;
	size_t due_cnt, due_cap;
	char *facts;
	/* of the poll that runs */
	void (*put)(void *arg, const struct wire_hdr *h);
	void *put_arg;
	uint64_t until;
	int records;
	char why[256];
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* libbpf's words go nowhere: what failed is said once, by the caller, in ours. */
static int no_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static size_t ring_size(size_t asked)
{
	size_t n = RING_MIN;

	while (n < (asked ? asked : RING_DEFAULT) && n < 1u << 30)
		n *= 2;
	return n;
}

static void choose_links(struct capture *c)
{
	c->attach.multi = !c->config.no_multi && feature_uprobe_multi();
	c->attach.prog[PROBE_ENTER] = c->bpf->progs.tls_enter;
	c->attach.prog[PROBE_RETURN] = c->bpf->progs.tls_exit;
	c->attach.prog[PROBE_RET] = c->bpf->progs.tls_exit;
	for (int i = 0; i < PROBE_KINDS && c->attach.multi; i++)
		bpf_program__set_expected_attach_type(c->attach.prog[i], UPROBE_MULTI_ATTACH_TYPE);
}

static int load(struct capture *c)
{
	size_t ring = ring_size(c->config.ring_bytes);

	c->ring_bytes = ring;
	c->bpf = capture_bpf__open();
	if (!c->bpf)
		return -errno;
	c->bpf->rodata->self_tgid = getpid();
	c->bpf->rodata->watch_all = c->config.all;
	c->bpf->rodata->data_limit = ring - ring / 8;
	c->bpf->rodata->wake_limit = ring / 4;
	/* A whole machine is not ours to stop for a moment; what we were asked to run is. */
	c->bpf->rodata->hold_allowed = c->config.gate && !c->config.all;
	syscalls_fill(c->bpf->rodata->sys_classes);
	specs_fill(c->bpf->rodata->tls_specs);
	bpf_map__set_max_entries(c->bpf->maps.events, ring);
	choose_links(c);
	return capture_bpf__load(c->bpf);
}

static int attach_places(struct capture *c)
{
	struct {
		struct bpf_program *prog;
		struct bpf_link **link;
	} places[] = {
		{ c->bpf->progs.on_exit, &c->bpf->links.on_exit },
		{ c->bpf->progs.on_fork, &c->bpf->links.on_fork },
		{ c->bpf->progs.on_exec, &c->bpf->links.on_exec },
		{ c->bpf->progs.on_sock_destroy, &c->bpf->links.on_sock_destroy },
		{ c->bpf->progs.on_sock_state, &c->bpf->links.on_sock_state },
		{ c->bpf->progs.on_sys_exit, &c->bpf->links.on_sys_exit },
	};

	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		*places[i].link = bpf_program__attach(places[i].prog);
		if (!*places[i].link)
			return -errno;
	}
	return 0;
}

static int start_helpers(struct capture *c)
{
	struct warden_config w = {
		.tracked_fd = bpf_map__fd(c->bpf->maps.tracked),
		.files_fd = bpf_map__fd(c->bpf->maps.files),
		.exes_fd = bpf_map__fd(c->bpf->maps.exes),
		.cgroups_fd = bpf_map__fd(c->bpf->maps.cgroups),
		.held_fd = bpf_map__fd(c->bpf->maps.held),
		.all = c->config.all,
		.gate = c->config.gate,
	};
	int sock, err;

	c->warden = warden_start(&w, &sock);
	if (c->warden < 0)
		return c->warden;
	c->attach.checks_fd = bpf_map__fd(c->bpf->maps.tls_checks);
	c->files = files_new(&c->attach, w.files_fd);
	if (!c->files) {
		close(sock);
		return -ENOMEM;
	}
	c->hands = hands_new(c->files, bpf_map__fd(c->bpf->maps.urgent), w.files_fd, w.held_fd, sock, &err);
	return c->hands ? 0 : err;
}

static int open_ring(struct capture *c)
{
	int events = bpf_map__fd(c->bpf->maps.events), err;
	struct epoll_event e = { .events = EPOLLIN };

	c->ring = ring_open(events, c->ring_bytes, &err);
	if (!c->ring)
		return err;
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->timer < 0 || c->epoll < 0 ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->timer, &e) ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, events, &e))
		return -errno;
	return 0;
}

static const char *words(struct capture *c, const char *step, int err)
{
	static const char none[] = "not enough memory";

	if (!c)
		return none;
	if (access("/sys/kernel/btf/vmlinux", F_OK))
		return "this kernel does not describe itself (no /sys/kernel/btf/vmlinux): boot Linux 5.15 or newer "
		       "with CONFIG_DEBUG_INFO_BTF=y";
	if (err == -EPERM || err == -EACCES)
		return "the kernel refused BPF: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE "
		       "(\"onlooker check\" tells which is missing)";
	snprintf(c->why, sizeof(c->why), "%s: %s (\"onlooker check\" tells what this kernel lacks)",
		 step, strerror(-err));
	return c->why;
}

/* What c->why holds has to outlive c. */
static const char *keep_words(struct capture *c, const char *step, int err)
{
	static char kept[256];
	const char *w = words(c, step, err);

	if (c && w == c->why) {
		memcpy(kept, c->why, sizeof(kept));
		return kept;
	}
	return w;
}

static void look_around(struct capture *c)
{
	struct dirent *d;
	DIR *proc;

	files_look_cache(c->files);
	if (!c->config.all)
		return;
	proc = opendir("/proc");
	while (proc && (d = readdir(proc)))
		if (atoi(d->d_name) > 0)
			files_look_process(c->files, atoi(d->d_name));
	if (proc)
		closedir(proc);
}

static const char *set_up(struct capture *c, int *err)
{
	machine_read(&c->machine);
	map_init(&c->known, KNOWN_MAX);
	libbpf_set_print(no_print);
	c->facts = malloc(FACTS_MAX);
	*err = c->facts ? 0 : -ENOMEM;
	if (*err)
		return "memory";
	*err = load(c);
	if (*err)
		return "loading the BPF programs failed";
	*err = start_helpers(c);
	if (*err)
		return "starting the helpers failed";
	*err = open_ring(c);		/* not before: the warden is forked without it */
	if (*err)
		return "mapping the ring buffer failed";
	*err = attach_places(c);
	if (*err)
		return "attaching to the kernel's tracepoints failed";
	look_around(c);
	return NULL;
}

struct capture *capture_new(const struct capture_config *config, int *ret_err, const char **ret_why)
{
	struct capture *c = calloc(1, sizeof(*c));
	const char *failed = "memory";
	int err = -ENOMEM;

	if (c) {
		c->config = *config;
		c->epoll = c->timer = -1;
		failed = set_up(c, &err);
	}
	if (!failed)
		return c;
	*ret_err = err;
	*ret_why = keep_words(c, failed, err);
	capture_free(c);
	return NULL;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	if (c->bpf)
		capture_bpf__detach(c->bpf);	/* nothing new is held from here on */
	hands_free(c->hands);
	if (c->bpf && c->bpf->maps.held && bpf_map__fd(c->bpf->maps.held) >= 0)
		held_sweep(bpf_map__fd(c->bpf->maps.held));
	files_free(c->files);
	ring_close(c->ring);
	capture_bpf__destroy(c->bpf);
	if (c->warden > 0)
		warden_wait(c->warden);
	if (c->epoll >= 0)
		close(c->epoll);
	if (c->timer >= 0)
		close(c->timer);
	map_release(&c->known);
	free(c->facts);
	for (size_t i = 0; i < c->due_cnt; i++)
		free(c->due[i].made);
	free(c->due);
	free(c);
}

/* As the kernel half's list_tasks writes them. */
struct task_line {
	uint32_t pid, ppid;
	uint64_t start;
};

/* Calls put for each process; its result: stop. */
static int each_task(struct capture *c, bool (*put)(void *arg, const struct task_line *t), void *arg)
{
	struct bpf_link *l = bpf_program__attach_iter(c->bpf->progs.list_tasks, NULL);
	struct task_line t[256];
	bool stop = false;
	ssize_t n;
	int fd;

	if (!l)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(l));
	while (fd >= 0 && !stop && (n = read(fd, t, sizeof(t))) > 0)
		for (size_t i = 0; i < n / sizeof(*t) && !stop; i++)
			stop = put(arg, &t[i]);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(l);
	return fd < 0 ? fd : 0;
}

static bool is_pid(void *arg, const struct task_line *t)
{
	struct task_line *want = arg;

	if (t->pid != want->pid)
		return false;
	*want = *t;
	return true;
}

static int remember_due(struct capture *c, struct due d)
{
	struct due *more;

	if (c->due_cnt == c->due_cap) {
		more = realloc(c->due, (c->due_cap * 2 + 16) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->due = more;
		c->due_cap = c->due_cap * 2 + 16;
	}
	c->due[c->due_cnt++] = d;
	return 0;
}

static void tick(struct capture *c, bool on)
{
	struct itimerspec t = { { 0, 0 }, { 0, 0 } };

	if (c->ticking == on)
		return;
	if (on)
		t.it_interval.tv_nsec = t.it_value.tv_nsec = TICK_MS * 1000000;
	timerfd_settime(c->timer, 0, &t, NULL);
	c->ticking = on;
}

int capture_track(struct capture *c, pid_t pid)
{
	struct task_line t = { .pid = pid };
	struct tracked v = { 0 };
	uint32_t key = pid;
	int err;

	/* First the entry, then the look whether the process is there: from then on its exit takes the entry away. */
	if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.tracked), &key, &v, BPF_NOEXIST) && errno != EEXIST)
		return -errno;
	err = each_task(c, is_pid, &t);
	if (!err && !t.start) {
		bpf_map_delete_elem(bpf_map__fd(c->bpf->maps.tracked), &key);
		err = -ESRCH;
	}
	if (err)
		return err;
	files_look_process(c->files, pid);
	tick(c, true);
	return remember_due(c, (struct due){ .what = DUE_FACTS, .pid = pid, .start = t.start });
}

struct exe_scan {
	struct capture *c;
	struct file_key key;
};

static bool track_if_exe(void *arg, const struct task_line *t)
{
	struct exe_scan *s = arg;
	struct file_key k;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/exe", t->pid);
	if (stat(path, &st))
		return false;
	k = file_key_of(&st);
	if (!memcmp(&k, &s->key, sizeof(k)) && (pid_t)t->pid != getpid())
		capture_track(s->c, t->pid);
	return false;
}

int capture_track_exe(struct capture *c, const char *path)
{
	struct exe_scan s = { .c = c };
	uint32_t wanted = FILE_DONE;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	if (!err) {
		s.key = file_key_of(&st);
		if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.exes), &s.key, &wanted, BPF_ANY))
			err = -errno;
	}
	if (!err) {
		files_look(c->files, fd, path, NULL);
		c->bpf->bss->exes_cnt++;
		err = each_task(c, track_if_exe, &s);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static void track_members(struct capture *c, const char *dir, int depth)
{
	char path[4096];
	struct dirent *d;
	FILE *procs;
	DIR *in;
	int pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	procs = fopen(path, "re");
	while (procs && fscanf(procs, "%d", &pid) == 1)
		if (pid > 0 && pid != getpid())
			capture_track(c, pid);
	if (procs)
		fclose(procs);
	in = depth < CGROUP_DEPTH ? opendir(dir) : NULL;
	while (in && (d = readdir(in)))
		if (d->d_type == DT_DIR && d->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", dir, d->d_name) < (int)sizeof(path))
			track_members(c, path, depth + 1);
	if (in)
		closedir(in);
}

int capture_track_cgroup(struct capture *c, const char *path)
{
	char procs[4096];
	uint64_t id, one = 1;
	struct stat st;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	if (access(procs, R_OK) || stat(path, &st))
		return -errno;
	id = st.st_ino;		/* a cgroup's id is its directory's inode number */
	if (bpf_map_update_elem(bpf_map__fd(c->bpf->maps.cgroups), &id, &one, BPF_ANY))
		return -errno;
	c->bpf->bss->cgroups_cnt++;
	track_members(c, path, 0);
	return 0;
}

int capture_fd(const struct capture *c)
{
	return c->epoll;
}

static void put_facts(struct capture *c, uint32_t pid, uint64_t start, uint64_t ts)
{
	if (!facts_make(c->facts, FACTS_MAX, &c->machine, pid, start, ts))
		return;
	map_put(&c->known, pid, (void *)(uintptr_t)start);
	c->put(c->put_arg, (void *)c->facts);
	c->records++;
}

static bool is_known(struct capture *c, const struct wire_hdr *h)
{
	return (uintptr_t)map_get(&c->known, h->pid) == h->start;
}

static int on_record(void *ctx, void *data, size_t n)
{
	struct capture *c = ctx;
	const struct wire_hdr *h = data;
	uint64_t stream;

	if (n < sizeof(*h) || h->size > n)
		return 0;
	if ((h->kind == WIRE_DATA || h->kind == WIRE_HELLO || h->kind == WIRE_NOTICE) && !is_known(c, h))
		put_facts(c, h->pid, h->start, h->ts);
	c->put(c->put_arg, h);
	c->records++;
	if (h->kind == WIRE_EXEC)
		put_facts(c, h->pid, h->start, h->ts);
	else if (h->kind == WIRE_EXIT)
		map_del(&c->known, h->pid);
	else if (h->kind == WIRE_STREAM_END && c->bpf->bss->ignored_cnt) {
		stream = ((const struct wire_stream_end *)h)->stream;
		bpf_map_delete_elem(bpf_map__fd(c->bpf->maps.ignored), &stream);
	}
	if (c->until && c->records % CHECK_EVERY == 0 && now_ns(CLOCK_MONOTONIC) > c->until)
		return -ETIME;
	return 0;
}

static void put_cover(void *arg, const struct coverage *cov)
{
	struct capture *c = arg;

	if (!cover_make(c->facts, FACTS_MAX, cov, now_ns(CLOCK_BOOTTIME)))
		return;
	c->put(c->put_arg, (void *)c->facts);
	c->records++;
}

static void put_fork(struct capture *c, const struct due *d)
{
	struct wire_fork f = {
		.hdr = { .size = sizeof(f), .kind = WIRE_FORK, .pid = d->parent, .tid = d->parent,
			 .ts = now_ns(CLOCK_BOOTTIME), .start = d->parent_start },
		.child = d->pid,
		.child_start = d->start,
	};

	c->put(c->put_arg, &f.hdr);
	c->records++;
}

static void put_made(struct capture *c, const struct due *d)
{
	map_put(&c->known, d->pid, (void *)(uintptr_t)d->start);
	c->put(c->put_arg, d->made);
	c->records++;
}

/* What is put may make more due: that is for the next time. */
static void put_due(struct capture *c)
{
	struct due *list = c->due;
	size_t n = c->due_cnt;

	c->due = NULL;
	c->due_cnt = c->due_cap = 0;
	for (size_t i = 0; i < n; i++) {
		struct due *d = &list[i];

		if (d->what == DUE_FORK)
			put_fork(c, d);
		else if (d->what == DUE_COVER)
			coverage_of(c->files, d->pid, d->start, put_cover, c);
		else if (d->made)
			put_made(c, d);
		else
			put_facts(c, d->pid, d->start, now_ns(CLOCK_BOOTTIME));
		free(d->made);
	}
	free(list);
}

static void rest(struct capture *c)
{
	if (++c->idle < IDLE_TICKS) {
		tick(c, true);
		return;
	}
	/* Say it, then look once more: what came before it was said did not ring. */
	__atomic_store_n(&c->bpf->data->reader_asleep, 1, __ATOMIC_SEQ_CST);
	ring_consume(c->ring, on_record, c);
	if (c->records)
		c->idle = 0;
	tick(c, !c->idle);
}

int capture_poll(struct capture *c, int budget_ms,
		 void (*put)(void *arg, const struct wire_hdr *h), void *arg)
{
	uint64_t ticks;
	int got;

	c->put = put;
	c->put_arg = arg;
	c->records = 0;
	c->until = budget_ms > 0 ? now_ns(CLOCK_MONOTONIC) + budget_ms * 1000000ull : 0;
	if (read(c->timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return -errno;
	put_due(c);
	__atomic_store_n(&c->bpf->data->reader_unpressed, 1, __ATOMIC_SEQ_CST);
	got = ring_consume(c->ring, on_record, c);
	if (got == -ETIME || c->records) {
		c->idle = 0;
		tick(c, true);
	} else {
		rest(c);
	}
	return got < 0 && got != -ETIME ? got : c->records;
}

int capture_drain(struct capture *c, int timeout_ms,
		  void (*put)(void *arg, const struct wire_hdr *h), void *arg)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + timeout_ms * 1000000ull;
	struct timespec pause = { .tv_nsec = 1000000 };
	int sum = 0, n;

	do {
		n = capture_poll(c, timeout_ms, put, arg);
		if (n < 0)
			return n;
		sum += n;
		if (!n)
			nanosleep(&pause, NULL);
	} while (!ring_empty(c->ring) && now_ns(CLOCK_MONOTONIC) < until);
	return sum;
}

void capture_ignore(struct capture *c, uint64_t stream, uint64_t mute)
{
	if (!bpf_map_update_elem(bpf_map__fd(c->bpf->maps.ignored), &stream, &mute, BPF_ANY))
		__atomic_store_n(&c->bpf->bss->ignored_cnt, 1, __ATOMIC_RELEASE);
}

bool capture_news(struct capture *c, char *buf, size_t n)
{
	return files_news(c->files, buf, n);
}

void capture_stats(struct capture *c, struct wire_stats *ret)
{
	*ret = c->bpf->bss->stats;
}

struct cover {
	struct capture *c;
	void (*put)(void *arg, const struct coverage *cov);
	void *arg;
};

static bool is_watched(struct capture *c, uint32_t pid)
{
	struct tracked entry;

	if (c->config.all)
		return (pid_t)pid != getpid();
	return !bpf_map_lookup_elem(bpf_map__fd(c->bpf->maps.tracked), &pid, &entry);
}

static bool cover_task(void *arg, const struct task_line *t)
{
	struct cover *v = arg;

	if (is_watched(v->c, t->pid))
		coverage_of(v->c->files, t->pid, t->start, v->put, v->arg);
	return false;
}

void capture_coverage(struct capture *c, void (*put)(void *arg, const struct coverage *cov), void *arg)
{
	struct cover v = { .c = c, .put = put, .arg = arg };

	each_task(c, cover_task, &v);
}

void capture_cover(struct capture *c, uint32_t pid, uint64_t start)
{
	if (remember_due(c, (struct due){ .what = DUE_COVER, .pid = pid, .start = start }))
		return;		/* no memory: nobody gets the words, the numbers stand */
	tick(c, true);
}

/* All processes, to find who descends from whom. */
struct family {
	struct task_line *all;
	size_t cnt, cap;
};

static bool add_task(void *arg, const struct task_line *t)
{
	struct family *f = arg;
	struct task_line *more;

	if (f->cnt == f->cap) {
		more = realloc(f->all, (f->cap * 2 + 256) * sizeof(*more));
		if (!more)
			return true;
		f->all = more;
		f->cap = f->cap * 2 + 256;
	}
	f->all[f->cnt++] = *t;
	return false;
}

static bool mark_agent(struct capture *c, uint32_t pid, uint64_t start)
{
	struct tracked v = { .start = start };

	/* So that its end is told; there already when it has talked. */
	bpf_map_update_elem(bpf_map__fd(c->bpf->maps.tracked), &pid, &v, BPF_NOEXIST);
	return !bpf_map_update_elem(bpf_map__fd(c->bpf->maps.agents), &pid, &start, BPF_NOEXIST);
}

/* /proc is read at once: it may be gone in a moment. */
static void remember_facts(struct capture *c, const struct task_line *t)
{
	size_t n = facts_make(c->facts, FACTS_MAX, &c->machine, t->pid, t->start, now_ns(CLOCK_BOOTTIME));
	struct due d = { .what = DUE_FACTS, .pid = t->pid, .start = t->start, .made = n ? malloc(n) : NULL };

	if (d.made)
		memcpy(d.made, c->facts, n);
	if (remember_due(c, d))
		free(d.made);
}

/* Children of what is marked, until there are no more: each turn goes one generation down. */
static void adopt(struct capture *c, struct family *f)
{
	uint64_t parent_start;
	bool more = true;

	for (int depth = 0; more && depth < FAMILY_DEPTH; depth++) {
		more = false;
		for (size_t i = 0; i < f->cnt; i++) {
			const struct task_line *t = &f->all[i];

			if (bpf_map_lookup_elem(bpf_map__fd(c->bpf->maps.agents), &t->ppid, &parent_start) ||
			    !mark_agent(c, t->pid, t->start))
				continue;
			remember_due(c, (struct due){ .what = DUE_FORK, .pid = t->pid, .start = t->start,
						      .parent = t->ppid, .parent_start = parent_start });
			remember_facts(c, t);
			more = true;
		}
	}
}

void capture_agent(struct capture *c, uint32_t pid, uint64_t start)
{
	struct task_line t = { .pid = pid };
	struct family f = { 0 };

	if (!c->config.all || !mark_agent(c, pid, start))
		return;
	/* First the entry, then the look whether the process is there: from then on its exit takes the entry away. */
	if (each_task(c, is_pid, &t) || t.start != start) {
		bpf_map_delete_elem(bpf_map__fd(c->bpf->maps.agents), &pid);
		return;
	}
	if (!each_task(c, add_task, &f))
		adopt(c, &f);
	free(f.all);
	tick(c, true);
}
