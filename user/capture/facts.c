// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/facts.h"

#define FILE_MAX	(256 * 1024)	/* of /proc/PID/environ we read that much */
#define STRING_MAX	4096

static void read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t n;

	buf_reset(out);
	if (fd < 0)
		return;
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (buf_add(out, (struct view){ piece, n }))
			break;
	close(fd);
}

static void read_proc(pid_t pid, const char *name, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	read_file(path, out);
}

/* Adds a string and its NUL: without NULs inside, at most STRING_MAX. */
static int add(struct buf *out, struct view v)
{
	size_t n = strnlen(v.p ? v.p : "", v.n < STRING_MAX ? v.n : STRING_MAX);
	int err = buf_add(out, view_take(v, n));

	return err ? err : buf_add_byte(out, '\0');
}

static int add_link(struct buf *out, pid_t pid, const char *name)
{
	char path[64], target[STRING_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = readlink(path, target, sizeof(target));
	return add(out, (struct view){ target, n > 0 ? n : 0 });
}

struct view facts_container(struct view cgroup)
{
	size_t run = 0;

	for (size_t i = 0; i < cgroup.n; i++) {
		run = isxdigit((unsigned char)cgroup.p[i]) ? run + 1 : 0;
		if (run == 64 && (i + 1 == cgroup.n || !isalnum((unsigned char)cgroup.p[i + 1])))
			return (struct view){ cgroup.p + i - 63, 64 };
	}
	return VIEW_NONE;
}

static struct view environment(struct view env, struct view name)
{
	struct view var, rest, key, value;

	while (env.n) {
		if (!view_cut(env, '\0', &var, &rest)) {
			var = env;
			rest = VIEW_NONE;
		}
		env = rest;
		if (view_cut(var, '=', &key, &value) && view_eq(key, name))
			return value;
	}
	return VIEW_NONE;
}

/* The n-th number behind "Key:" in /proc/PID/status; -1: not there. */
static long status_number(struct view status, const char *key, int nth)
{
	struct view line, rest, name, value;
	char text[128] = "";
	char *at = text;
	long n = -1;

	while (view_cut(status, '\n', &line, &rest)) {
		status = rest;
		if (!view_cut(line, ':', &name, &value) || !view_eq(name, view_of(key)))
			continue;
		memcpy(text, value.p, value.n < sizeof(text) ? value.n : sizeof(text) - 1);
		for (int i = 0; nth < 0 || i <= nth; i++) {	/* nth < 0: the last one */
			char *end;
			long next = strtol(at, &end, 10);

			if (end == at)
				break;
			n = next;
			at = end;
		}
		return n;
	}
	return -1;
}

static int add_user(struct buf *out, long uid)
{
	char mem[4096];
	struct passwd pw, *got = NULL;

	if (uid >= 0)
		getpwuid_r(uid, &pw, mem, sizeof(mem), &got);
	return add(out, view_of(got ? got->pw_name : NULL));
}

static int add_host(struct buf *out, struct buf *scratch)
{
	char name[256] = "";
	struct view id = VIEW_NONE, rest;
	int err;

	gethostname(name, sizeof(name) - 1);
	err = add(out, view_of(name));
	read_file("/etc/machine-id", scratch);
	view_cut(buf_view(scratch), '\n', &id, &rest);
	return err ? err : add(out, id);
}

/* In the order of enum wire_fact. */
static int add_strings(pid_t pid, struct view status, struct buf *out)
{
	struct buf env, text;
	struct view argv0, rest;
	int err;

	buf_init(&env, FILE_MAX);
	buf_init(&text, FILE_MAX);
	err = add_link(out, pid, "exe") ?: add_link(out, pid, "cwd");
	read_proc(pid, "cgroup", &text);
	err = err ?: add(out, facts_container(buf_view(&text)));
	read_proc(pid, "environ", &env);
	err = err ?: add(out, environment(buf_view(&env), VIEW("OTEL_SERVICE_NAME")));
	err = err ?: add(out, environment(buf_view(&env), VIEW("OTEL_RESOURCE_ATTRIBUTES")));
	err = err ?: add_host(out, &text);
	err = err ?: add(out, environment(buf_view(&env), VIEW("TRACEPARENT")));
	err = err ?: add_user(out, status_number(status, "Uid", 1));
	read_proc(pid, "cmdline", &text);
	argv0 = VIEW_NONE;
	view_cut(buf_view(&text), '\0', &argv0, &rest);
	err = err ?: add(out, argv0);
	buf_release(&env);
	buf_release(&text);
	return err;
}

int facts_make(pid_t pid, uint64_t start, uint64_t ts, struct buf *out)
{
	struct wire_facts f = {
		.hdr = { .kind = WIRE_FACTS, .pid = pid, .tid = pid, .start = start, .ts = ts },
	};
	struct buf status;
	long n;
	int err;

	buf_reset(out);
	buf_init(&status, FILE_MAX);
	read_proc(pid, "status", &status);
	n = status_number(buf_view(&status), "PPid", 0);
	f.ppid = n > 0 ? n : 0;
	n = status_number(buf_view(&status), "NSpid", -1);
	f.vpid = n > 0 ? n : 0;
	err = buf_add(out, (struct view){ (char *)&f, sizeof(f) });
	err = err ?: add_strings(pid, buf_view(&status), out);
	buf_release(&status);
	if (!err)
		((struct wire_hdr *)out->p)->size = out->n;
	return err;
}
