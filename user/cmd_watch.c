// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd.h"
#include "session.h"
#include "status.h"

#define END_MS 4000

static int track_named(struct session *s)
{
	const struct options *o = s->o;
	int err;

	for (size_t i = 0; i < o->pid_cnt; i++) {
		err = capture_track(s->capture, o->pids[i]);
		if (!err)
			continue;
		fprintf(stderr, "onlooker watch: cannot observe process %d: %s\n", (int)o->pids[i], strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	for (size_t i = 0; i < o->exe_cnt; i++) {
		err = capture_track_exe(s->capture, o->exes[i]);
		if (!err)
			continue;
		fprintf(stderr, "onlooker watch: cannot observe %s: %s\n", o->exes[i], strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	for (size_t i = 0; i < o->cgroup_cnt; i++) {
		err = capture_track_cgroup(s->capture, o->cgroups[i]);
		if (!err)
			continue;
		fprintf(stderr, "onlooker watch: cannot observe cgroup %s: %s\n", o->cgroups[i], strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	return 0;
}

static int signal_file(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int observe(struct session *s)
{
	int status = status_listen(status_path());
	struct pollfd fds[] = {
		{ .fd = capture_fd(s->capture), .events = POLLIN },
		{ .fd = signal_file(), .events = POLLIN },
		{ .fd = status, .events = POLLIN },
	};

	if (status < 0 && !s->o->quiet)
		fprintf(stderr, "onlooker watch: \"onlooker status\" will not tell of this watch: %s: %s\n", status_path(),
			status == -EADDRINUSE ? "another watch answers there; set ONLOOKER_SOCKET for both to a path of its own" :
			strerror(-status));
	if (!s->o->quiet)
		fprintf(stderr, "onlooker watch: observing; Ctrl-C ends it\n");
	while (!(fds[1].revents & POLLIN)) {
		poll(fds, 3, session_timeout_ms(s));
		session_turn(s);
		if (fds[2].revents & POLLIN)
			status_answer(status, s);
	}
	status_close(status, status_path());
	close(fds[1].fd);
	return 0;
}

int cmd_watch(int argc, char **argv)
{
	const unsigned groups = OPT_SINKS | OPT_METRICS | OPT_CAPTURE | OPT_NAMED;
	struct options o = { 0 };
	struct session s = { .o = &o, .verb = "watch", .mode = WIRE_MODE_WATCH };
	int at = options_parse(&o, groups, argc, argv), status, err;

	if (at == -2) {
		puts("usage: onlooker watch [options]\n");
		options_help(groups);
		return 0;
	}
	if (at != argc) {
		if (at >= 0)
			fprintf(stderr, "onlooker watch: takes no arguments: %s\n", argv[at]);
		return EXIT_USAGE;
	}
	status = session_open_sinks(&s, STDOUT_FILENO, true);
	if (!status)
		status = session_open_capture(&s);
	if (!status) {
		session_begin(&s, 0);
		status = track_named(&s);
	}
	if (!status)
		status = observe(&s);
	err = session_end(&s, END_MS);
	return status ? status : err;
}
