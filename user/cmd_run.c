// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "launch.h"
#include "session.h"

#define END_MS		5000	/* SIGTERM to exit (design: within 5 s) */
#define GRACE_MS	1500	/* of them, for CMD to end by itself */

/* The signals that mean something to us come as bytes of a file, between two records. */
static int signal_file(void)
{
	static const int nos[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(nos) / sizeof(nos[0]); i++)
		sigaddset(&set, nos[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/*
 * A terminal sends its signals to CMD too, it is in our process group; one that
 * was sent to us alone is handed on.  True: somebody wants us to end.
 */
static bool on_signal(int fd, const struct launch *l)
{
	struct signalfd_siginfo si;
	bool end = false;

	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_code == SI_KERNEL)
			continue;
		kill(l->pid, si.ssi_signo);
		end |= si.ssi_signo == SIGTERM || si.ssi_signo == SIGHUP;
	}
	return end;
}

/* True when CMD ended, false when we were told to end first. */
static bool observe(struct session *s, const struct launch *l, int signals)
{
	long long deadline = 0;
	struct pollfd fds[] = {
		{ .fd = capture_fd(s->capture), .events = POLLIN },
		{ .fd = l->pidfd, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	for (;;) {
		poll(fds, 3, session_timeout_ms(s));
		session_turn(s);
		if (fds[1].revents)
			return true;
		if (fds[2].revents & POLLIN && on_signal(signals, l) && !deadline)
			deadline = now_ms() + GRACE_MS;
		if (deadline && now_ms() >= deadline)
			return false;
	}
}

static int run_held(struct session *s, struct launch *l, char **argv)
{
	int signals = signal_file(), status, err;
	bool ended;

	err = capture_track(s->capture, l->pid);
	if (err) {
		fprintf(stderr, "onlooker %s: cannot observe the command: %s\n", s->verb, err == -ESRCH ?
			"the kernel knows it by another pid; run onlooker in the host's pid namespace (docker run --pid=host)" :
			strerror(-err));
		launch_abandon(l);
		return EXIT_ENVIRONMENT;
	}
	session_begin(s, l->pid);
	status = launch_go(l, s->verb, argv[0]);
	if (status)
		return status;
	ended = observe(s, l, signals);
	status = ended ? launch_status(l) : 128 + SIGTERM;
	close(signals);
	return status;
}

/* The command is held before anything else is opened: no thread and no file of ours is there yet to get in its way. */
static int run(struct session *s, char **argv, int (*open_sinks)(struct session *))
{
	struct launch l;
	int status;

	status = launch_hold(&l, s->verb, s->o->user, argv);
	if (status)
		return status;
	if (open_sinks)
		status = open_sinks(s);
	if (!status)
		status = session_open_capture(s);
	if (!status)
		return run_held(s, &l, argv);
	launch_abandon(&l);
	return status;
}

static int open_sinks(struct session *s)
{
	return session_open_sinks(s, STDERR_FILENO, s->o->live);
}

static void usage(const char *verb, const char *args, unsigned groups)
{
	printf("usage: onlooker %s %s\n\n", verb, args);
	options_help(groups);
}

int cmd_run(int argc, char **argv)
{
	const unsigned groups = OPT_SINKS | OPT_METRICS | OPT_CAPTURE | OPT_RUN;
	struct options o = { .gate = true };
	struct session s = { .o = &o, .verb = "run", .mode = WIRE_MODE_RUN };
	int at = options_parse(&o, groups, argc, argv), status;

	if (at == -2) {
		usage("run", "[options] -- CMD [ARG...]", groups);
		return 0;
	}
	if (at < 0)
		return EXIT_USAGE;
	if (at >= argc) {
		fprintf(stderr, "onlooker run: which command? onlooker run [options] -- CMD [ARG...]\n");
		return EXIT_USAGE;
	}
	status = run(&s, argv + at, open_sinks);
	session_end(&s, END_MS - GRACE_MS);
	return status;
}

int cmd_record(int argc, char **argv)
{
	const unsigned groups = OPT_OUTPUT | OPT_CAPTURE | OPT_RUN;
	struct options o = { .gate = true };
	struct session s = { .o = &o, .verb = "record", .mode = WIRE_MODE_RUN };
	int at = options_parse(&o, groups, argc, argv), status, err;

	if (at == -2) {
		usage("record", "-o FILE [options] [--] CMD...", groups);
		return 0;
	}
	if (at < 0)
		return EXIT_USAGE;
	if (!o.record || at >= argc) {
		fprintf(stderr, "onlooker record: needs a file and a command: onlooker record -o FILE -- CMD...\n");
		return EXIT_USAGE;
	}
	status = run(&s, argv + at, NULL);
	err = session_end(&s, END_MS - GRACE_MS);
	return status ? status : err;
}
