// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "launch.h"

/* Who the command runs as; false: as we are. */
static bool find_user(const char *name, struct passwd **ret)
{
	const char *sudo = getenv("SUDO_UID");

	if (!name && (geteuid() || !sudo || !*sudo))
		return false;
	*ret = name ? getpwnam(name) : getpwuid(strtoul(sudo, NULL, 10));
	return true;
}

/*
 * sudo makes HOME root's; an agent that is to find its configuration needs its
 * own.  What the caller set on purpose (sudo -E, --preserve-env) stays.
 */
static int become(const struct passwd *pw)
{
	const struct passwd *self = getpwuid(geteuid());
	const char *home = getenv("HOME");
	bool foreign = !home || (self && !strcmp(home, self->pw_dir));

	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return -errno;
	if (foreign)
		setenv("HOME", pw->pw_dir, 1);
	setenv("USER", pw->pw_name, 1);
	setenv("LOGNAME", pw->pw_name, 1);
	return 0;
}

static void child(struct launch *l, int go, int failed, const struct passwd *pw, char **argv)
{
	char byte;
	int err = 0;

	close(l->go);
	close(l->failed);
	if (read(go, &byte, 1) != 1)
		_exit(EXIT_NOT_FOUND);		/* onlooker is gone or gave up */
	if (pw)
		err = -become(pw);
	if (!err) {
		execvp(argv[0], argv);
		err = errno;
	}
	if (write(failed, &err, sizeof(err)) < 0)
		_exit(EXIT_CANNOT_EXEC);
	_exit(err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC);
}

int launch_hold(struct launch *l, const char *verb, const char *user, char **argv)
{
	struct passwd *pw = NULL;
	int go[2], failed[2];

	if (find_user(user, &pw) && !pw) {
		fprintf(stderr, "onlooker %s: no such user: %s\n", verb, user ? user : getenv("SUDO_UID"));
		return EXIT_USAGE;
	}
	if (pw && pw->pw_uid == geteuid())
		pw = NULL;
	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		goto fail;
	l->go = go[1];
	l->failed = failed[0];
	l->pid = fork();
	if (l->pid < 0)
		goto fail;
	if (!l->pid)
		child(l, go[0], failed[1], pw, argv);
	close(go[0]);
	close(failed[1]);
	l->pidfd = syscall(SYS_pidfd_open, l->pid, 0);
	if (l->pidfd >= 0)
		return 0;
	launch_abandon(l);
fail:
	fprintf(stderr, "onlooker %s: cannot start a process: %s\n", verb, strerror(errno));
	return EXIT_ENVIRONMENT;
}

int launch_go(struct launch *l, const char *verb, const char *cmd)
{
	ssize_t n;
	int err;

	n = write(l->go, "", 1);
	close(l->go);
	do
		n = read(l->failed, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close(l->failed);
	if (n != sizeof(err))
		return 0;
	fprintf(stderr, "onlooker %s: cannot execute %s: %s\n", verb, cmd, strerror(err));
	waitpid(l->pid, NULL, 0);
	close(l->pidfd);
	return err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

void launch_abandon(struct launch *l)
{
	close(l->go);
	close(l->failed);
	if (l->pidfd >= 0)
		close(l->pidfd);
	waitpid(l->pid, NULL, 0);
}

int launch_status(struct launch *l)
{
	int st;

	close(l->pidfd);
	if (waitpid(l->pid, &st, 0) != l->pid)
		return EXIT_ENVIRONMENT;
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}
