/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILES_H
#define FILES_H

#include "capture/attach.h"
#include "capture/room.h"

/*
 * Files with code that observed processes use: which TLS libraries are in them
 * and whether they are attached.  Safe from several threads; two that ask for
 * the same file at once wait for one examination.
 */
struct files;

enum file_state {
	FILE_PLAIN,		/* no TLS library that we know */
	FILE_ATTACHED,
	FILE_UNSUPPORTED,	/* a file: no ELF, another machine; a stack: it is there and cannot be used */
	FILE_FAILED,		/* found, but attaching failed */
	FILE_FOUND,		/* found, and nobody asked to attach: files_new() without */
	FILE_REJECTED,		/* attached, and let go of: what was found did not behave as it should */
};

/* One TLS stack of a file; a file can hold several and use one. */
struct file_stack {
	enum file_state state;	/* never FILE_PLAIN */
	int err;		/* FILE_FAILED */
	unsigned lib;		/* row of tls_libs */
	bool proven;		/* attached, and its first calls did what they should; "symbols" needs no proof */
	char method[32];	/* "symbols", "pclntab", ... */
	char version[64];	/* "": unknown */
	char why[192];		/* words, for FILE_UNSUPPORTED and FILE_REJECTED */
};

#define FILE_STACKS_MAX 8

struct file_info {
	enum file_state state;	/* of the file: FILE_ATTACHED when any of its stacks is, else the first stack's */
	int err;		/* FILE_UNSUPPORTED without stacks */
	bool symbols;
	uint8_t build_id[32];
	size_t build_id_n;
	size_t stacks_cnt;
	struct file_stack stacks[FILE_STACKS_MAX];
	char path[256];
};

/* a: NULL only looks.  known_fd: the map "files" of the kernel half, told of what has been examined; -1: none. */
struct files *files_new(const struct attach *a, int known_fd);
void files_free(struct files *f);

/* Examines the file if nobody has, and attaches.  path: for people.  Negative errno: could not be looked at. */
int files_look(struct files *f, int fd, const char *path, struct file_info *ret);

/*
 * Judges functions that were found without a symbol by what their calls did so
 * far; a stack with one that fails is let go of.  True: some are not decided yet, call again in a while.
 */
bool files_judge(struct files *f);

/* The next thing that people should be told (a stack was let go of); false: none. */
bool files_news(struct files *f, char *buf, size_t n);

/* What is known of a file; false: nothing. */
bool files_known(struct files *f, const struct stat *st, struct file_info *ret);

/* The kernel half knows this file by another key too, as on an overlay; from now on as examined. */
void files_alias(struct files *f, const struct stat *st, const struct file_key *k);
/* Whether this root directory (of a mount namespace) is seen for the first time. */
bool files_root_new(struct files *f, const struct stat *root);
/*
 * Lets go of what nobody has mapped for FILES_REST_S, once there is much of it, and forgets files
 * without TLS.  Walks all of /proc: for a thread that nobody waits for.
 */
#define FILES_REST_S	600
void files_sweep(struct files *f);

/* Every TLS library that the dynamic linker's cache names. */
void files_look_cache(struct files *f);
/* All that a process has mapped executable. */
void files_look_process(struct files *f, pid_t pid);
/*
 * The TLS libraries of the file system that a process sees as its root, by the dynamic linker's cache
 * there: what a container may load.  Once for each root, as long as it is remembered.
 */
void files_look_root(struct files *f, pid_t pid);
/* What stands at this address of a process (0: its executable), len: as it was mapped, or 0; the descriptor, or negative errno. */
int open_mapped(pid_t pid, uint64_t addr, uint64_t len, char *path, size_t path_max);

/* Every file with code that any process has mapped, as file_mark().  False: not all could be listed. */
struct map;
bool mapped_by_all(struct map *ret);
static inline uint64_t file_mark(const struct stat *st)
{
	return st->st_ino ^ (uint64_t)st->st_dev << 40;
}

/*
 * Calls put for every range with code of a file that a process has mapped, at most
 * MAPS_MAX lines of its maps.  False from put: enough.
 */
#define MAPS_MAX (128 * 1024)
void each_mapped(pid_t pid, bool (*put)(void *arg, uint64_t addr, uint64_t end, const char *path), void *arg);

/* What is known of a process's TLS, in words; examines nothing. */
void coverage_of(struct files *f, uint32_t pid, uint64_t start,
		 void (*put)(void *arg, const struct coverage *cov), void *arg);

/* As a record; its size, or 0. */
size_t cover_make(void *buf, size_t max, const struct coverage *cov, uint64_t ts);

#endif /* FILES_H */
