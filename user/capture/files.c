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
#include <unistd.h>

#include "base/map.h"
#include "capture/files.h"
#include "capture/tls.h"
#include "find/code.h"
#include "find/image.h"

#define FILES_MAX	65536

struct file {
	struct file *next;	/* same inode number */
	struct stat st;
	bool busy;		/* being examined */
	struct file_info info;
	struct attached *attached;
};

struct files {
	const struct attach *attach;
	int known_fd;
	pthread_mutex_t lock;
	pthread_cond_t examined;
	struct map by_ino;
	const char *names[TLS_SPECS_MAX];
	unsigned lib_of[TLS_SPECS_MAX];
	struct tls_spec specs[TLS_SPECS_MAX];
	size_t n;
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

size_t specs_fill(struct tls_spec table[static TLS_SPECS_MAX])
{
	size_t n = 0;

	for (unsigned l = 0; tls_libs[l]; l++) {
		for (const struct tls_func *f = tls_libs[l]->funcs; f->sym && n < TLS_SPECS_MAX; f++) {
			table[n] = f->spec;
			table[n++].lib = l;
		}
	}
	return n;
}

static void list_names(struct files *f)
{
	f->n = specs_fill(f->specs);
	for (unsigned l = 0, i = 0; tls_libs[l]; l++) {
		for (const struct tls_func *fn = tls_libs[l]->funcs; fn->sym && i < f->n; fn++, i++) {
			f->names[i] = fn->sym;
			f->lib_of[i] = l;
		}
	}
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
	list_names(f);
	return f;
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
			attached_free(at->attached);
			free(at);
		}
	}
	map_release(&f->by_ino);
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
		attached_free(at->attached);
		at->attached = NULL;
	}
}

static struct file *add(struct files *f, const struct stat *st, const char *path)
{
	struct file *at = calloc(1, sizeof(*at));

	if (!at)
		return NULL;
	at->st = *st;
	at->busy = true;
	snprintf(at->info.path, sizeof(at->info.path), "%s", path);
	at->next = map_get(&f->by_ino, st->st_ino);
	if (map_put(&f->by_ino, st->st_ino, at)) {
		free(at);
		return NULL;
	}
	return at;
}

/* Rows whose functions were found, of libraries that have one which moves data. */
static size_t choose(struct files *f, const uint64_t *off, struct probe *p, unsigned *ret_lib)
{
	bool data[TLS_SPECS_MAX] = { false };
	size_t cnt = 0;

	for (size_t i = 0; i < f->n; i++)
		if (off[i] && f->specs[i].what == TLS_DATA)
			data[f->lib_of[i]] = true;
	for (size_t i = 0; i < f->n; i++) {
		uint8_t what = f->specs[i].what;

		if (!off[i] || !data[f->lib_of[i]])
			continue;
		if (!cnt)
			*ret_lib = f->lib_of[i];
		p[cnt++] = (struct probe){
			.off = off[i], .cookie = i,
			.ret = what == TLS_DATA || what == TLS_UNSEEN || what == TLS_NEW || what == TLS_HANDSHAKE ||
			       what == TLS_ERROR,
		};
	}
	return cnt;
}

/* Another path to a file that is attached: an overlay or bind mount. */
static bool attached_elsewhere(struct files *f, struct file *me)
{
	bool found = false;

	pthread_mutex_lock(&f->lock);
	for (struct file *at = map_get(&f->by_ino, me->st.st_ino); at && !found; at = at->next)
		found = at != me && at->attached && same_content(&at->st, &me->st) &&
			at->info.build_id_n == me->info.build_id_n &&
			!memcmp(at->info.build_id, me->info.build_id, me->info.build_id_n);
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

/* Where probes go, by rows of specs; 0: no such function.  Returns how many there are. */
static size_t find_symbols(struct files *f, const struct image *im, uint64_t off[static TLS_SPECS_MAX])
{
	struct image_sym sym[TLS_SPECS_MAX];
	size_t n = image_symbols(im, f->names, f->n, sym);

	for (size_t i = 0; i < f->n; i++)
		off[i] = sym[i].va ? code_probe(im, sym[i].va) : 0;
	return n;
}

/* Without the lock: this may read hundreds of megabytes. */
static void examine(struct files *f, struct file *at, int fd)
{
	uint64_t off[TLS_SPECS_MAX];
	struct probe p[PROBES_MAX];
	struct image *im;
	int err = -ENOTSUP;
	size_t cnt;

	im = image_open(fd, &err);
	if (!im || image_machine(im) != OUR_MACHINE) {
		image_free(im);
		at->info.state = FILE_UNSUPPORTED;
		at->info.err = err;
		return;
	}
	at->info.symbols = image_has_symbols(im);
	at->info.build_id_n = image_build_id(im, at->info.build_id);
	cnt = find_symbols(f, im, off) ? choose(f, off, p, &at->info.stacks[0].lib) : 0;
	image_free(im);
	if (!cnt)
		return;
	at->info.stacks_cnt = 1;
	snprintf(at->info.stacks[0].method, sizeof(at->info.stacks[0].method), "symbols");
	at->info.stacks[0].state = at->info.state = FILE_ATTACHED;
	if (!f->attach) {
		at->info.stacks[0].state = at->info.state = FILE_FOUND;
		return;
	}
	if (attached_elsewhere(f, at))
		return;
	at->attached = attach_file(f->attach, fd, p, cnt, &at->info.stacks[0].err);
	if (!at->attached)
		at->info.stacks[0].state = at->info.state = FILE_FAILED;
}

static void tell_kernel(struct files *f, const struct stat *st)
{
	struct file_key k = file_key_of(st);
	uint32_t done = FILE_DONE;

	if (f->known_fd >= 0)
		bpf_map_update_elem(f->known_fd, &k, &done, BPF_ANY);
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
		pthread_cond_broadcast(&f->examined);
	}
	if (ret)
		*ret = at->info;
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
		*ret = at->info;
	pthread_mutex_unlock(&f->lock);
	return at && !at->busy;
}
