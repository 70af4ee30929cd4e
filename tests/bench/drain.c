// SPDX-License-Identifier: Apache-2.0
/*
 * The least an observer can do: the same kernel half, the same rings, and
 * nothing done with what comes out.  What onlooker costs above this is the
 * price of reading what was said.
 * drain CMD [ARG...]: exit status is CMD's; the kernel half's counters go to stderr.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/capture.h"

static void put(void *arg, const struct wire_hdr *h)
{
	unsigned long long *records = arg;

	++*records;
}

static pid_t hold(char **argv, int *ret_go)
{
	int go[2];
	char byte;
	pid_t pid;

	if (pipe(go))
		return -1;
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(127);
		close(go[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(go[0]);
	*ret_go = go[1];
	return pid;
}

static void say(const struct wire_stats *k, unsigned long long records)
{
	fprintf(stderr, "{\"seen\":%llu,\"delivered\":%llu,\"dropped\":%llu,\"truncated\":%llu,\"ignored\":%llu,"
		"\"records\":%llu}\n", (unsigned long long)k->seen_bytes, (unsigned long long)k->delivered_bytes,
		(unsigned long long)k->dropped_bytes, (unsigned long long)k->truncated_bytes,
		(unsigned long long)k->ignored_bytes, records);
}

static void drain(struct capture *c, int pidfd, unsigned long long *records)
{
	struct pollfd fds[] = {
		{ .fd = capture_fd(c), .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};

	while (!fds[1].revents) {
		poll(fds, 2, 50);
		capture_poll(c, 50, put, records);
	}
	capture_drain(c, 2000, put, records);
}

int main(int argc, char **argv)
{
	const struct capture_config config = { .gate = true };
	unsigned long long records = 0;
	const char *why = NULL;
	struct wire_stats k;
	struct capture *c;
	int go, err, st;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = hold(argv + 1, &go);
	c = pid > 0 ? capture_new(&config, &err, &why) : NULL;
	if (!c || capture_track(c, pid)) {
		fprintf(stderr, "drain: %s\n", why ? why : "cannot observe");
		return 1;
	}
	if (write(go, "", 1) != 1)
		return 1;
	close(go);
	drain(c, syscall(SYS_pidfd_open, pid, 0), &records);
	capture_stats(c, &k);
	say(&k, records);
	capture_free(c);
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}
