/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <sys/types.h>

/* A command that waits at its start until we look: nothing of it has run when launch_hold() returns. */
struct launch {
	pid_t pid;
	int pidfd;
	int go, failed;		/* our ends of the two pipes */
};

/*
 * Starts a child that will become argv, as user (NULL: the user behind sudo if
 * there is one, else as we are).  Call it before any thread is started: the
 * child works between fork and exec.  0, or an exit status after saying on stderr what is wrong.
 */
int launch_hold(struct launch *l, const char *verb, const char *user, char **argv);

/* Lets it exec.  0, or an exit status (126, 127) after saying why the command could not be executed; the child is gone then. */
int launch_go(struct launch *l, const char *verb, const char *cmd);

/* Ends a child that was held and must not run. */
void launch_abandon(struct launch *l);

/* Exit status of the ended child as a shell has it: its code, or 128 + signal. */
int launch_status(struct launch *l);

#endif /* LAUNCH_H */
