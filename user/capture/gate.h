/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The exec gate: with fanotify's FAN_OPEN_EXEC_PERM the kernel waits, when a
 * program is executed, until somebody says that it may go on.  We say so at once
 * for everybody but the processes that are observed; for those we first look at
 * the file, so that the probes are in place before its first instruction.
 *
 * It has a thread of its own, because whoever executes waits for it: also our
 * own main thread, at the start of run's command.  If onlooker dies, the kernel
 * closes the group and lets everybody go on.
 */
struct gate;

struct gate_config {
	bool (*concerns)(void *arg, pid_t pid);			/* is this process observed?  Must be quick. */
	void (*look)(void *arg, pid_t pid, int fd);		/* attach to what is in this file; on the gate's thread */
	void *arg;
};

struct gate *gate_new(const struct gate_config *c, int *ret_err);
void gate_free(struct gate *g);	/* answers what waits, then ends; NULL is fine */

#endif /* GATE_H */
