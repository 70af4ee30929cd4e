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

/* Whom the command runs as. */
struct target {
	bool other;		/* somebody else than we are */
	uid_t uid;
	gid_t gid;
	char name[256];
	char home[4096];	/* what HOME becomes; empty: it stays */
};

/*
 * sudo makes HOME root's; an agent that is to find its configuration needs its
 * own.  What the caller set on purpose (sudo -E, --preserve-env) stays.
 */
static bool home_is_ours(void)
{
	const struct passwd *self = getpwuid(geteuid());
	const char *home = getenv("HOME");

	return !home || (self && !strcmp(home, self->pw_dir));
}

/* 0, or -ENOENT: no such user. */
static int find_target(const char *name, struct target *ret)
{
	const char *sudo = getenv("SUDO_UID");
	bool take_home = home_is_ours();
	const struct passwd *pw;

	*ret = (struct target){ 0 };
	if (!name && (geteuid() || !sudo || !*sudo))
		return 0;
	pw = name ? getpwnam(name) : getpwuid(strtoul(sudo, NULL, 10));
	if (!pw)
		return -ENOENT;
	ret->other = pw->pw_uid != geteuid();
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	snprintf(ret->name, sizeof(ret->name), "%s", pw->pw_name);
	if (take_home)
		snprintf(ret->home, sizeof(ret->home), "%s", pw->pw_dir);
	return 0;
}

static int become(const struct target *t)
{
	if (initgroups(t->name, t->gid) || setgid(t->gid) || setuid(t->uid))
		return -errno;
	if (t->home[0])
		setenv("HOME", t->home, 1);
	setenv("USER", t->name, 1);
	setenv("LOGNAME", t->name, 1);
	return 0;
}

static void child(struct launch *l, int go, int failed, const struct target *t, char **argv)
{
	char byte;
	int err = 0;

	close(l->go);
	close(l->failed);
	if (read(go, &byte, 1) != 1)
		_exit(EXIT_NOT_FOUND);		/* onlooker is gone or gave up */
	if (t->other)
		err = -become(t);
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
	struct target t;
	int go[2], failed[2];

	if (find_target(user, &t)) {
		fprintf(stderr, "onlooker %s: no such user: %s\n", verb, user ? user : getenv("SUDO_UID"));
		return EXIT_USAGE;
	}
	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		goto fail;
	l->go = go[1];
	l->failed = failed[0];
	l->pid = fork();
	if (l->pid < 0)
		goto fail;
	if (!l->pid)
		child(l, go[0], failed[1], &t, argv);
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
