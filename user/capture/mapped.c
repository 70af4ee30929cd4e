// SPDX-License-Identifier: Apache-2.0
/* Where files with code are found: in a process, and in the dynamic linker's cache. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/map.h"
#include "capture/files.h"
#include "capture/tls.h"

#define CACHE_MAX	(16 * 1024 * 1024)
#define DIR_MAX		65536		/* entries of a directory of libraries */

const char *proc_exe(pid_t pid, char *buf, size_t n)
{
	char link[64];
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	got = readlink(link, buf, n - 1);
	buf[got > 0 ? got : 0] = 0;
	return buf;
}

void each_mapped(pid_t pid, bool (*put)(void *arg, uint64_t addr, uint64_t end, const char *path), void *arg)
{
	char name[64], line[4096 + 128], perms[8];
	uint64_t addr, end;
	int at, lines = 0;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "re");
	if (!maps)
		return;
	while (lines++ < MAPS_MAX && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = 0;
		at = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %n", &addr, &end, perms, &at) != 3 || !at)
			continue;
		if (perms[2] == 'x' && line[at] == '/' && !put(arg, addr, end, line + at))
			break;
	}
	fclose(maps);
}

/* By address, which names the very file even when it was deleted or lies in another mount namespace; else by path. */
static int open_range(pid_t pid, uint64_t addr, uint64_t end, const char *path)
{
	char name[4096 + 64];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, addr, end);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 || errno == ENOENT)
		return fd;
	snprintf(name, sizeof(name), "/proc/%d/root%s", pid, path);
	return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

struct at_addr {
	uint64_t want, addr, end;
	char path[4096];
};

static bool covers(void *arg, uint64_t addr, uint64_t end, const char *path)
{
	struct at_addr *a = arg;

	if (a->want < addr || a->want >= end)
		return true;
	a->addr = addr;
	a->end = end;
	snprintf(a->path, sizeof(a->path), "%s", path);
	return false;
}

/* What was just mapped stands there as it was asked for, unless it was changed or joined with a neighbour since. */
static int open_asked(pid_t pid, uint64_t addr, uint64_t len, char *path, size_t path_max)
{
	char name[128];
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, addr, addr + len);
	fd = len ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd < 0)
		return fd;
	n = readlink(name, path, path_max - 1);
	path[n > 0 ? n : 0] = 0;
	return fd;
}

int open_mapped(pid_t pid, uint64_t addr, uint64_t len, char *path, size_t path_max)
{
	struct at_addr a = { .want = addr };
	char name[64];
	int fd;

	if (!addr) {
		proc_exe(pid, path, path_max);
		snprintf(name, sizeof(name), "/proc/%d/exe", pid);
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		return fd < 0 ? -errno : fd;
	}
	fd = open_asked(pid, addr, len, path, path_max);
	if (fd >= 0)
		return fd;
	each_mapped(pid, covers, &a);
	if (!a.end)
		return -ENOENT;
	snprintf(path, path_max, "%s", a.path);
	fd = open_range(pid, a.addr, a.end, a.path);
	return fd < 0 ? -errno : fd;
}

struct look {
	struct files *files;
	pid_t pid;
	struct map seen;	/* a file can be mapped in any number of pieces */
};

#define LOOKS_MAX 4096

static bool look_mapped(void *arg, uint64_t addr, uint64_t end, const char *path)
{
	struct look *l = arg;
	int fd = open_range(l->pid, addr, end, path);
	struct stat st;
	bool more = true;

	if (fd < 0)
		return true;
	if (!fstat(fd, &st) && !map_get(&l->seen, file_mark(&st))) {
		files_look(l->files, fd, path, NULL);
		more = !map_put(&l->seen, file_mark(&st), l);
	}
	close(fd);
	return more;
}

void files_look_process(struct files *f, pid_t pid)
{
	struct look l = { .files = f, .pid = pid };

	map_init(&l.seen, LOOKS_MAX);
	each_mapped(pid, look_mapped, &l);
	map_release(&l.seen);
}

/* A path below root, whose links do not lead out of it. */
static void look_path(struct files *f, int root, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT };
	int fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0)
		return;
	files_look(f, fd, path, NULL);
	close(fd);
}

static bool is_tls_name(const char *name)
{
	for (unsigned l = 0; tls_libs[l]; l++)
		for (const char *const *s = tls_libs[l]->sonames; s && *s; s++)
			if (!strncmp(name, *s, strlen(*s)))
				return true;
	return false;
}

/* glibc, sysdeps/generic/dl-cache.h: struct cache_file_new; offsets count from its start. */
struct cache_head {
	char magic[20];
	uint32_t nlibs, len_strings;
	uint8_t flags, pad[3];
	uint32_t extension, unused[3];
};

struct cache_entry {
	int32_t flags;
	uint32_t key, value, osversion;
	uint64_t hwcap;
};

#define CACHE_MAGIC "glibc-ld.so.cache1.1"

struct users {
	struct map *ret;
	pid_t pid;
	bool full;
};

static bool add_mapped(void *arg, uint64_t addr, uint64_t end, const char *path)
{
	struct users *u = arg;
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, u->pid, addr, end);
	if (!stat(name, &st))
		u->full |= map_put(u->ret, file_mark(&st), u->ret) != 0;
	return !u->full;
}

bool mapped_by_all(struct map *ret)
{
	struct users u = { .ret = ret };
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && !u.full && (d = readdir(proc))) {
		u.pid = atoi(d->d_name);
		if (u.pid > 0)
			each_mapped(u.pid, add_mapped, &u);
	}
	if (proc)
		closedir(proc);
	return proc && !u.full;
}

static void look_entries(struct files *f, int root, const char *p, size_t n)
{
	struct cache_head h;
	struct cache_entry e;

	memcpy(&h, p, sizeof(h));
	for (uint32_t i = 0; i < h.nlibs && sizeof(h) + (i + 1ull) * sizeof(e) <= n; i++) {
		memcpy(&e, p + sizeof(h) + i * sizeof(e), sizeof(e));
		if (e.key < n && e.value < n && memchr(p + e.key, 0, n - e.key) &&
		    memchr(p + e.value, 0, n - e.value) && is_tls_name(p + e.key))
			look_path(f, root, p + e.value);
	}
}

/* False: there is no such cache (musl). */
static bool look_cache(struct files *f, int root, int fd)
{
	FILE *in = fd < 0 ? NULL : fdopen(fd, "re");
	char *all = in ? malloc(CACHE_MAX) : NULL, *at = NULL;
	size_t n = 0;

	if (all) {
		n = fread(all, 1, CACHE_MAX, in);
		at = memmem(all, n, CACHE_MAGIC, sizeof(CACHE_MAGIC) - 1);
	}
	if (at && n - (at - all) > sizeof(struct cache_head))
		look_entries(f, root, at, n - (at - all));
	if (in)
		fclose(in);
	else if (fd >= 0)
		close(fd);
	free(all);
	return at;
}

static const char *const lib_dirs[] = { "/lib", "/usr/lib", "/usr/local/lib" };

/* musl: no cache, and few directories. */
static void look_dir(struct files *f, int root, const char *dir)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int fd = syscall(SYS_openat2, root, dir, &how, sizeof(how)), seen = 0;
	DIR *in = fd < 0 ? NULL : fdopendir(fd);
	char path[512];
	struct dirent *d;

	if (!in && fd >= 0)
		close(fd);
	while (in && seen++ < DIR_MAX && (d = readdir(in)))
		if (is_tls_name(d->d_name) && snprintf(path, sizeof(path), "%s/%s", dir, d->d_name) < (int)sizeof(path))
			look_path(f, root, path);
	if (in)
		closedir(in);
}

static void look_root(struct files *f, int root)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT };

	if (look_cache(f, root, syscall(SYS_openat2, root, "/etc/ld.so.cache", &how, sizeof(how))))
		return;
	for (unsigned d = 0; d < sizeof(lib_dirs) / sizeof(*lib_dirs); d++)
		look_dir(f, root, lib_dirs[d]);
}

void files_look_root(struct files *f, pid_t pid)
{
	char name[64];
	struct stat st;
	int root;

	snprintf(name, sizeof(name), "/proc/%d/root", pid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	if (!fstat(root, &st) && files_root_new(f, &st))
		look_root(f, root);
	close(root);
}

void files_look_cache(struct files *f)
{
	files_look_root(f, getpid());
}
