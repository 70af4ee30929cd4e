/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire.h"

/*
 * The kernel half from user space: load, attach, discover, read the rings.
 * One thread: the caller polls capture_fd() and calls capture_poll(); fanotify
 * permission events are answered by a thread of capture's own, within a
 * bounded time, whatever the caller does.
 */
struct capture;

struct capture_config {
	size_t ring_bytes;	/* data ring; a power of two, multiple of the page size; 0: 32 MiB */
	bool gate;		/* hold an exec until its program's TLS functions are attached (fanotify) */
	bool all;		/* watch without a filter: every process of this machine but ourselves */
	bool no_multi;		/* perf events instead of uprobe_multi, as on kernels before 6.6: for tests */
};

/*
 * Loads and attaches what belongs to no particular process, and every TLS
 * library that the dynamic linker's cache knows.  NULL: *ret_err = negative errno and
 * *ret_why one sentence with the remedy (static or capture-owned text).
 */
struct capture *capture_new(const struct capture_config *c, int *ret_err, const char **ret_why);

/* Detaches everything.  NULL is fine. */
void capture_free(struct capture *c);

/* Observe this process, and those it starts from now on.  Also scans what it has mapped already.  0 or negative errno. */
int capture_track(struct capture *c, pid_t pid);
int capture_track_exe(struct capture *c, const char *path);	/* now and in future, by inode of the executable */
int capture_track_cgroup(struct capture *c, const char *path);	/* directory in cgroup v2; and below */

/*
 * Of all that are watched, this process is an agent: from here on its life is told, and that of
 * all that descend from it, now or later (WIRE_FORK, WIRE_EXEC, WIRE_EXIT).
 */
void capture_agent(struct capture *c, uint32_t pid, uint64_t start);

int capture_fd(const struct capture *c);	/* readable when capture_poll() has something to do */

/*
 * Reads the rings, attaches to what tracked processes execute and map, and
 * hands every record to put in order.  Records that the user half makes
 * (WIRE_FACTS) come the same way.  At most about budget_ms.  Returns the
 * number of records, or negative errno.
 */
int capture_poll(struct capture *c, int budget_ms,
		 void (*put)(void *arg, const struct wire_hdr *h), void *arg);

/* Waits until the rings are empty and all that was moved before the call has been put, at most timeout_ms. */
int capture_drain(struct capture *c, int timeout_ms,
		  void (*put)(void *arg, const struct wire_hdr *h), void *arg);

/* The user half does not want this stream's payload (MUTE(), MUTE_FOR_GOOD): its bytes are counted as ignored. */
void capture_ignore(struct capture *c, uint64_t stream, uint64_t mute);

/* The next sentence for people: what was attached and had to be let go of again.  False: none. */
bool capture_news(struct capture *c, char *buf, size_t n);

void capture_stats(struct capture *c, struct wire_stats *ret);

/* One TLS stack of a process, or why there is none that could be read. */
struct coverage {
	uint32_t pid;
	uint64_t start;
	const char *exe;
	unsigned lib;		/* as wire_data.lib; COVERAGE_NO_LIB */
	const char *stack;	/* "openssl", or NULL: none found */
	const char *version;	/* "": unknown */
	const char *method;	/* how its functions were found: "symbols", ...; "" */
	const char *where;	/* path of the file with it; NULL */
	const char *state;	/* "attached", "proven", "found" (check), "unsupported", "failed", "rejected", "none" */
	const char *why;	/* words; NULL when there is nothing to say */
};

#define COVERAGE_NO_LIB (~0u)

/* Calls put for each stack of each observed process; at least once for each process. */
void capture_coverage(struct capture *c, void (*put)(void *arg, const struct coverage *cov), void *arg);
/* Of one process, as records (WIRE_COVER) that come with the next capture_poll(). */
void capture_cover(struct capture *c, uint32_t pid, uint64_t start);
/* Of any process, without a capture: what could be read if it were observed.  0 or negative errno. */
int capture_examine(pid_t pid, void (*put)(void *arg, const struct coverage *cov), void *arg);

/* Name of a row of tls_libs.c, for wire_data.lib; "unknown". */
const char *capture_lib_name(unsigned lib);

/* What this kernel allows, one row each, in the order of features.c. */
struct feature {
	const char *name;
	const char *what_for;	/* what it gives */
	const char *remedy;	/* what to do when it is missing */
	bool required;
	int have;		/* 1, 0, or negative errno of a probe that could not tell */
	char detail[160];
};
size_t capture_features(struct feature *ret, size_t max);

#endif /* CAPTURE_H */
