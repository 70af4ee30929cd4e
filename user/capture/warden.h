/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WARDEN_H
#define WARDEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A small child process that makes holding other processes safe (essay in
 * warden.c).  It asks us, over a socket, to look at a file that an observed
 * process is about to execute, and waits a bounded time for the answer.
 */
struct warden_config {
	int tracked_fd, files_fd, exes_fd, cgroups_fd, held_fd;	/* maps of the kernel half */
	bool all;					/* every process is observed */
	bool gate;					/* hold execs; else only guard what is held */
};

struct warden_ask {
	uint32_t id, pid;	/* the file's descriptor comes with it */
};

struct warden_answer {
	uint32_t id, pad;
};

/* Starts it; *ret_sock is our end.  Its pid, or negative errno.  Call before there are threads. */
pid_t warden_start(const struct warden_config *c, int *ret_sock);
/* Its work is done: nothing is attached any more that could hold a process. */
void warden_release(int sock);
/* It ends when it is released or our end of the socket is closed; collects it. */
void warden_wait(pid_t pid);

/* One question, with a descriptor that is ours to close.  1, 0: none waiting, negative errno: it is gone. */
int warden_next(int sock, struct warden_ask *ret, int *ret_fd);
void warden_reply(int sock, uint32_t id);

/* Continues every process in the map held. */
void held_sweep(int held_fd);
void held_release(int held_fd, uint32_t pid);

#endif /* WARDEN_H */
