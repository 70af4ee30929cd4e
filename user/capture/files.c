// SPDX-License-Identifier: Apache-2.0
/*
 * Uprobes belong to an inode, and the kernel takes the real one under an
 * overlay: the same library seen through two containers' mounts has two
 * st_dev and one inode, and attaching twice would report every byte twice.  So
 * a file is known by inode number, size, modification time and build-id, not by
 * device.  A file that was written over in place (same device and inode, other
 * size or time) loses its probes first: they would stand in the middle of other instructions.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "capture/files.h"
#include "capture/stacks.h"
#include "find/image.h"

#define FILES_MAX	65536
#define HITS_ENOUGH	16	/* calls of a function after which it is judged for good */
#define NEWS_MAX	16	/* things to tell that nobody asked for yet; the rest can be read in status */

#define ALIASES_MAX	2
#define ROOTS_MAX	4096
#define KEEP_ATTACHED	64	/* files with probes that are kept whoever uses them */
#define KEEP_PLAIN	8192	/* files without TLS that are remembered */
#define GONE_MAX	256	/* let go of in one sweep */

/* A function whose calls are held against its contract. */
struct check {
	uint64_t cookie;
	bool done;
};

struct held_stack {
	struct file_stack told;
	struct attached *attached;
	struct check *checks;	/* of functions that were found without a symbol */
	size_t checks_cnt;
};

struct file {
	struct file *next;	/* same inode number */
	struct file *undecided;	/* the next one with functions to judge */
	struct stat st;
	bool busy;		/* being examined */
	enum file_state state;
	int err;
	bool symbols;
	uint8_t build_id[32];
	size_t build_id_n;
	struct held_stack *stacks;
	size_t stacks_cnt;
	char *path;
	uint64_t looked;	/* seconds; when somebody last asked */
	struct file_key alias[ALIASES_MAX];
	size_t alias_cnt;	/* more than fit: it is kept for ever */
};

struct files {
	const struct attach *attach;
	int known_fd;
	pthread_mutex_t lock;
	pthread_cond_t examined;
	struct map by_ino, roots;
	size_t cnt, attached_cnt;
	struct file *undecided;
	uint64_t last_slot;
	char *news[NEWS_MAX];
	size_t news_cnt;
};

struct file_key file_key_of(const struct stat *st)
{
	return (struct file_key){
		.dev = (uint64_t)major(st->st_dev) << 20 | minor(st->st_dev),
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim.tv_sec,
	};
}

struct files *files_new(const struct attach *a, int known_fd)
{
	struct files *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->attach = a;
	f->known_fd = known_fd;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->examined, NULL);
	map_init(&f->by_ino, FILES_MAX);
	map_init(&f->roots, ROOTS_MAX);
	return f;
}

/* Its probes go; what is told of it stays. */
static void let_go(struct file *at)
{
	for (size_t i = 0; i < at->stacks_cnt; i++) {
		attached_free(at->stacks[i].attached);
		at->stacks[i].attached = NULL;
	}
}

static void file_free(struct file *at)
{
	let_go(at);
	for (size_t i = 0; i < at->stacks_cnt; i++)
		free(at->stacks[i].checks);
	free(at->stacks);
	free(at->path);
	free(at);
}

void files_free(struct files *f)
{
	struct file *at, *next;
	size_t pos = 0;

	if (!f)
		return;
	while ((at = map_next(&f->by_ino, &pos, NULL))) {
		for (; at; at = next) {
			next = at->next;
			file_free(at);
		}
	}
	for (size_t i = 0; i < f->news_cnt; i++)
		free(f->news[i]);
	map_release(&f->by_ino);
	map_release(&f->roots);
	pthread_cond_destroy(&f->examined);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static bool same_content(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct file *find(struct files *f, const struct stat *st)
{
	struct file *at = map_get(&f->by_ino, st->st_ino);

	while (at && !same_content(&at->st, st))
		at = at->next;
	return at;
}

/* The descriptor of what was this file before it was written over. */
static void forget_overwritten(struct files *f, const struct stat *st)
{
	for (struct file *at = map_get(&f->by_ino, st->st_ino); at; at = at->next) {
		if (at->st.st_dev != st->st_dev || same_content(&at->st, st))
			continue;
		let_go(at);
	}
}

static struct file *add(struct files *f, const struct stat *st, const char *path)
{
	struct file *at = calloc(1, sizeof(*at));

	if (!at)
		return NULL;
	at->st = *st;
	at->busy = true;
	at->path = strdup(path);
	at->next = map_get(&f->by_ino, st->st_ino);
	if (!at->path || map_put(&f->by_ino, st->st_ino, at)) {
		file_free(at);
		return NULL;
	}
	f->cnt++;
	return at;
}

/* Another path to a file that is attached: an overlay or bind mount. */
static bool attached_elsewhere(struct files *f, struct file *me)
{
	bool found = false;

	pthread_mutex_lock(&f->lock);
	for (struct file *at = map_get(&f->by_ino, me->st.st_ino); at && !found; at = at->next)
		found = at != me && !at->busy && at->state == FILE_ATTACHED && same_content(&at->st, &me->st) &&
			at->build_id_n == me->build_id_n && !memcmp(at->build_id, me->build_id, me->build_id_n);
	pthread_mutex_unlock(&f->lock);
	return found;
}

#if defined(__x86_64__)
#define OUR_MACHINE IMAGE_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE IMAGE_ARM64
#else
#error "only x86-64 and arm64"
#endif

/* Each function gets its tally before its first call can be seen. */
static int start_checks(struct files *f, struct held_stack *h, const struct stack *st)
{
	struct tls_check none = { 0 };

	h->checks = calloc(st->probes_cnt, sizeof(*h->checks));
	if (!h->checks)
		return -ENOMEM;
	for (size_t i = 0; i < st->probes_cnt; i++) {
		if (st->probes[i].kind != PROBE_ENTER || !(st->probes[i].cookie & COOKIE_CHECK))
			continue;
		h->checks[h->checks_cnt++].cookie = st->probes[i].cookie;
		if (f->attach->checks_fd >= 0 &&
		    bpf_map_update_elem(f->attach->checks_fd, &st->probes[i].cookie, &none, BPF_ANY))
			return -errno;
	}
	return 0;
}

static void end_checks(struct files *f, struct held_stack *h)
{
	for (size_t i = 0; i < h->checks_cnt && f->attach->checks_fd >= 0; i++)
		bpf_map_delete_elem(f->attach->checks_fd, &h->checks[i].cookie);
	free(h->checks);
	h->checks = NULL;
	h->checks_cnt = 0;
}

/* The kernel says ENOTSUPP of an instruction that it cannot step over; it has no errno in user space. */
#define KERNEL_ENOTSUPP	524

static bool is_refused(struct files *f, int fd, const struct probe *p)
{
	int err = 0;
	struct attached *at = attach_file(f->attach, fd, p, 1, &err);

	attached_free(at);
	return !at && err == -KERNEL_ENOTSUPP;
}

static void drop_function(struct stack *st, uint64_t cookie)
{
	size_t left = 0;

	for (size_t i = 0; i < st->probes_cnt; i++)
		if (st->probes[i].cookie != cookie)
			st->probes[left++] = st->probes[i];
	st->probes_cnt = left;
}

/* Leaves out what the kernel refuses, if it moves no data.  True: something is left to try again with. */
static bool without_refused(struct files *f, struct held_stack *h, struct stack *st, int fd)
{
	bool dropped = false;

	for (size_t i = 0; i < st->probes_cnt;) {
		unsigned row = COOKIE_SPEC(st->probes[i].cookie);

		if (!is_refused(f, fd, &st->probes[i])) {
			i++;
			continue;
		}
		if (spec_moves_data(row)) {
			h->told.state = FILE_UNSUPPORTED;
			snprintf(h->told.why, sizeof(h->told.why),
				 "the kernel puts no probe on an instruction of %s", spec_name(row));
			return false;
		}
		drop_function(st, st->probes[i].cookie);
		dropped = true;
		i = 0;
	}
	return dropped && st->probes_cnt;
}

static void attach_stack(struct files *f, struct held_stack *h, struct stack *st, int fd)
{
	uint64_t slot = __atomic_add_fetch(&f->last_slot, 1, __ATOMIC_RELAXED);
	int err;

	for (size_t i = 0; i < st->probes_cnt; i++)
		st->probes[i].cookie |= slot << COOKIE_SLOT;
	err = start_checks(f, h, st);
	if (!err)
		h->attached = attach_file(f->attach, fd, st->probes, st->probes_cnt, &err);
	if (err == -KERNEL_ENOTSUPP && without_refused(f, h, st, fd))
		h->attached = attach_file(f->attach, fd, st->probes, st->probes_cnt, &err);
	if (h->attached)
		return;
	end_checks(f, h);
	if (h->told.state == FILE_UNSUPPORTED)
		return;
	h->told.state = FILE_FAILED;
	h->told.err = err;
}

static void attach_stacks(struct files *f, struct file *at, struct stack *st, size_t n, int fd)
{
	bool elsewhere = f->attach && attached_elsewhere(f, at);

	for (size_t i = 0; i < n; i++) {
		struct held_stack *h = &at->stacks[i];

		h->told = st[i].told;
		if (!f->attach && h->told.state == FILE_ATTACHED)
			h->told.state = FILE_FOUND;
		else if (st[i].probes_cnt && !elsewhere)
			attach_stack(f, h, &st[i], fd);
		if (!i || h->told.state == FILE_ATTACHED)
			at->state = h->told.state;
	}
}

static int examine_image(struct files *f, struct file *at, const struct image *im, int fd)
{
	struct stack st[FILE_STACKS_MAX];
	int n;

	at->symbols = image_has_symbols(im);
	at->build_id_n = image_build_id(im, at->build_id);
	n = stacks_find(im, st);
	if (n <= 0)
		return n;
	at->stacks = calloc(n, sizeof(*at->stacks));
	if (at->stacks) {
		at->stacks_cnt = n;
		attach_stacks(f, at, st, n, fd);
	}
	stacks_release(st, n);
	return at->stacks ? 0 : -ENOMEM;
}

/* Without the lock: this may read hundreds of megabytes. */
static void examine(struct files *f, struct file *at, int fd)
{
	int err = 0;
	struct image *im = image_open(fd, &err);

	if (im && image_machine(im) != OUR_MACHINE)
		err = -ENOTSUP;
	else if (im)
		err = examine_image(f, at, im, fd);
	image_free(im);
	if (err) {
		at->state = FILE_UNSUPPORTED;
		at->err = err;
	}
}

static void tell(const struct file *at, struct file_info *ret)
{
	*ret = (struct file_info){
		.state = at->state, .err = at->err, .symbols = at->symbols,
		.build_id_n = at->build_id_n, .stacks_cnt = at->stacks_cnt,
	};
	memcpy(ret->build_id, at->build_id, sizeof(ret->build_id));
	for (size_t i = 0; i < at->stacks_cnt; i++)
		ret->stacks[i] = at->stacks[i].told;
	snprintf(ret->path, sizeof(ret->path), "%s", at->path);
}

static bool has_checks(const struct file *at)
{
	for (size_t i = 0; i < at->stacks_cnt; i++)
		for (size_t k = 0; k < at->stacks[i].checks_cnt; k++)
			if (!at->stacks[i].checks[k].done)
				return true;
	return false;
}

static void tell_kernel(struct files *f, const struct stat *st)
{
	struct file_key k = file_key_of(st);
	uint32_t done = FILE_DONE;

	if (f->known_fd >= 0)
		bpf_map_update_elem(f->known_fd, &k, &done, BPF_ANY);
}

static uint64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool is_attached(const struct file *at)
{
	for (size_t i = 0; i < at->stacks_cnt; i++)
		if (at->stacks[i].attached)
			return true;
	return false;
}

int files_look(struct files *f, int fd, const char *path, struct file_info *ret)
{
	struct file *at;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	pthread_mutex_lock(&f->lock);
	at = find(f, &st);
	while (at && at->busy)
		pthread_cond_wait(&f->examined, &f->lock);
	if (!at) {
		forget_overwritten(f, &st);
		at = add(f, &st, path);
		if (!at) {
			pthread_mutex_unlock(&f->lock);
			return -ENOMEM;
		}
		pthread_mutex_unlock(&f->lock);
		examine(f, at, fd);
		pthread_mutex_lock(&f->lock);
		at->busy = false;
		f->attached_cnt += is_attached(at);
		if (has_checks(at)) {
			at->undecided = f->undecided;
			f->undecided = at;
		}
		pthread_cond_broadcast(&f->examined);
	}
	at->looked = now_s();
	if (ret)
		tell(at, ret);
	pthread_mutex_unlock(&f->lock);
	tell_kernel(f, &st);
	return 0;
}

bool files_known(struct files *f, const struct stat *st, struct file_info *ret)
{
	struct file *at;

	pthread_mutex_lock(&f->lock);
	at = find(f, st);
	if (at && !at->busy)
		tell(at, ret);
	pthread_mutex_unlock(&f->lock);
	return at && !at->busy;
}

static void put_news(struct files *f, const char *text)
{
	if (f->news_cnt < NEWS_MAX && (f->news[f->news_cnt] = strdup(text)))
		f->news_cnt++;
}

bool files_news(struct files *f, char *buf, size_t n)
{
	bool any;

	pthread_mutex_lock(&f->lock);
	any = f->news_cnt;
	if (any) {
		snprintf(buf, n, "%s", f->news[0]);
		free(f->news[0]);
		memmove(f->news, f->news + 1, --f->news_cnt * sizeof(*f->news));
	}
	pthread_mutex_unlock(&f->lock);
	return any;
}

/* A stack that has a function which is not what it was taken for: its links, to be freed without the lock. */
static struct attached *reject(struct files *f, struct file *at, struct held_stack *h, const struct check *c,
			       const struct tls_check *tally)
{
	struct attached *links = h->attached;
	char id[80] = "no build-id", text[640];

	if (at->build_id_n)
		strcpy(id, "build-id ");
	for (size_t i = 0; i < at->build_id_n; i++)
		sprintf(id + strlen("build-id ") + 2 * i, "%02x", at->build_id[i]);
	h->told.state = FILE_REJECTED;
	snprintf(h->told.why, sizeof(h->told.why),
		 "what was taken for %s did not behave like it in %llu of %llu calls", spec_name(COOKIE_SPEC(c->cookie)),
		 (unsigned long long)tally->bad, (unsigned long long)(tally->good + tally->bad));
	snprintf(text, sizeof(text), "%s (%s) is not observed any more: %s", at->path, id, h->told.why);
	put_news(f, text);
	h->attached = NULL;
	end_checks(f, h);
	at->state = FILE_REJECTED;
	for (size_t i = 0; i < at->stacks_cnt; i++)
		if (at->stacks[i].told.state == FILE_ATTACHED)
			at->state = FILE_ATTACHED;
	return links;
}

/* Links to be freed, or NULL. */
static struct attached *judge_stack(struct files *f, struct file *at, struct held_stack *h)
{
	struct tls_check tally;

	for (size_t i = 0; i < h->checks_cnt; i++) {
		struct check *c = &h->checks[i];

		if (c->done || bpf_map_lookup_elem(f->attach->checks_fd, &c->cookie, &tally))
			continue;
		c->done = tally.good + tally.bad >= HITS_ENOUGH;
		if (c->done && tally.bad > tally.good)
			return reject(f, at, h, c, &tally);
		h->told.proven |= tally.good > tally.bad;
	}
	return NULL;
}

bool files_judge(struct files *f)
{
	struct attached *gone[32];
	struct file **link, *at;
	size_t n = 0;
	bool more;

	pthread_mutex_lock(&f->lock);
	for (link = &f->undecided; (at = *link);) {
		for (size_t i = 0; i < at->stacks_cnt && n < 32; i++)
			if ((gone[n] = judge_stack(f, at, &at->stacks[i])))
				n++;
		if (has_checks(at))
			link = &at->undecided;
		else
			*link = at->undecided;
	}
	more = f->undecided;
	pthread_mutex_unlock(&f->lock);
	while (n)
		attached_free(gone[--n]);
	return more;
}

void files_alias(struct files *f, const struct stat *st, const struct file_key *k)
{
	uint32_t done = FILE_DONE;
	struct file *at;
	size_t i = 0;

	pthread_mutex_lock(&f->lock);
	at = find(f, st);
	if (at) {
		while (i < at->alias_cnt && i < ALIASES_MAX && memcmp(&at->alias[i], k, sizeof(*k)))
			i++;
		if (i == at->alias_cnt && i < ALIASES_MAX)
			at->alias[i] = *k;
		if (i >= at->alias_cnt)
			at->alias_cnt = i + 1;
	}
	pthread_mutex_unlock(&f->lock);
	bpf_map_update_elem(f->known_fd, k, &done, BPF_ANY);
}

bool files_root_new(struct files *f, const struct stat *root)
{
	bool fresh;

	pthread_mutex_lock(&f->lock);
	fresh = !map_get(&f->roots, file_mark(root)) && !map_put(&f->roots, file_mark(root), f);
	pthread_mutex_unlock(&f->lock);
	return fresh;
}

/*
 * The sweep.  A process can map a file while we ask whether anybody does.  So the kernel half is
 * first made to forget the file: who maps it from then on is reported, which is a look, and a
 * file that was looked at since is kept.  /proc then shows those who had it before.
 */

static void forget_in_kernel(struct files *f, const struct file *at)
{
	struct file_key k = file_key_of(&at->st);

	bpf_map_delete_elem(f->known_fd, &k);
	for (size_t i = 0; i < at->alias_cnt && i < ALIASES_MAX; i++)
		bpf_map_delete_elem(f->known_fd, &at->alias[i]);
}

static void tell_kernel_again(struct files *f, const struct file *at)
{
	uint32_t done = FILE_DONE;

	tell_kernel(f, &at->st);
	for (size_t i = 0; i < at->alias_cnt && i < ALIASES_MAX; i++)
		bpf_map_update_elem(f->known_fd, &at->alias[i], &done, BPF_ANY);
}

static bool rests(const struct files *f, const struct file *at, uint64_t now)
{
	if (at->busy || has_checks(at) || at->alias_cnt > ALIASES_MAX || now - at->looked < FILES_REST_S)
		return false;
	return is_attached(at) ? f->attached_cnt > KEEP_ATTACHED : !at->stacks_cnt && f->cnt > KEEP_PLAIN;
}

/* Up to GONE_MAX that may go. */
static size_t choose_resting(struct files *f, uint64_t now, struct file *list[static GONE_MAX])
{
	struct file *at;
	size_t pos = 0, n = 0;

	pthread_mutex_lock(&f->lock);
	while (n < GONE_MAX && (at = map_next(&f->by_ino, &pos, NULL)))
		for (; at && n < GONE_MAX; at = at->next)
			if (rests(f, at, now))
				list[n++] = at;
	for (size_t i = 0; i < n; i++)
		forget_in_kernel(f, list[i]);
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* With the lock. */
static void take_out(struct files *f, struct file *out)
{
	struct file *first = map_get(&f->by_ino, out->st.st_ino), **link = &first;

	while (*link && *link != out)
		link = &(*link)->next;
	if (*link)
		*link = out->next;
	if (first)
		map_put(&f->by_ino, out->st.st_ino, first);
	else
		map_del(&f->by_ino, out->st.st_ino);
	f->cnt--;
	f->attached_cnt -= is_attached(out);
}

void files_sweep(struct files *f)
{
	struct file *list[GONE_MAX];
	uint64_t began = now_s();
	size_t n = choose_resting(f, began, list);
	struct map used;
	bool all;

	if (!n)
		return;
	map_init(&used, FILES_MAX);
	all = mapped_by_all(&used);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < n; i++) {
		if (all && list[i]->looked < began && !map_get(&used, file_mark(&list[i]->st))) {
			take_out(f, list[i]);
			continue;
		}
		if (all)
			list[i]->looked = began;	/* in use: asked again after a rest */
		tell_kernel_again(f, list[i]);
		list[i] = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < n; i++)
		if (list[i])
			file_free(list[i]);
	map_release(&used);
}
