/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAMED_MAX 64

/* What the verbs that observe or decode have in common. */
struct options {
	const char *file;		/* --file */
	const char *otlp;		/* --otlp */
	const char *record;		/* --record, record's -o */
	bool content;			/* --content full */
	unsigned compat;		/* --compat: sets of sink/compat.h */
	const char *prometheus;		/* --prometheus */
	const char *prices;		/* --prices; NULL: the built-in list */
	bool quiet, verbose, json, live;
	bool gate;			/* --gate, --no-gate */
	const char *user;		/* --user */
	size_t ring_bytes;		/* --ring-size, MiB on the command line */
	pid_t pids[NAMED_MAX];		/* --pid, --exe, --cgroup */
	size_t pid_cnt;
	const char *exes[NAMED_MAX];
	size_t exe_cnt;
	const char *cgroups[NAMED_MAX];
	size_t cgroup_cnt;
};

/* One bit for each group of options, so that a verb takes only what means something to it. */
enum option_group {
	OPT_SINKS = 1,		/* --file --otlp --content --compat --prices --live */
	OPT_CAPTURE = 2,	/* --record --gate --no-gate --ring-size */
	OPT_RUN = 4,		/* --user */
	OPT_NAMED = 8,		/* --pid --exe --cgroup */
	OPT_OUTPUT = 16,	/* -o */
	OPT_JSON = 32,		/* --json */
	OPT_PROCESS = 64,	/* --pid of check */
	OPT_ELF = 128,		/* --file of check */
	OPT_METRICS = 256,	/* --prometheus */
};

/*
 * Reads options up to the first word that is none, or "--".  Returns the index
 * of the first word left, or -1 after saying on stderr what is wrong; -2 when --help was
 * asked for.  Environment variables that set defaults are honoured.
 */
int options_parse(struct options *o, unsigned groups, int argc, char **argv);

/* The options of these groups, for help: two columns on stdout. */
void options_help(unsigned groups);

#endif /* OPTIONS_H */
