/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_H
#define CMD_H

/* Exit statuses of our own; run exits with CMD's. */
#define EXIT_ENVIRONMENT	1	/* this machine or user cannot do it: one sentence was said */
#define EXIT_USAGE		2
#define EXIT_CANNOT_EXEC	126
#define EXIT_NOT_FOUND		127

struct cmd {
	const char *name;
	const char *args;	/* for the usage line */
	const char *help;	/* one line */
	int (*run)(int argc, char **argv);	/* argv[0] is the verb; returns the exit status */
};

int cmd_run(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_status(int argc, char **argv);

#endif /* CMD_H */
