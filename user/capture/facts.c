// SPDX-License-Identifier: Apache-2.0
/*
 * What /proc says of a process, as a record.  The process may be gone or be
 * another by the time we look: its start time is compared before and after, and
 * on any doubt only what holds for the whole machine is told.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/room.h"

#define ENVIRON_MAX	(256 * 1024)
#define VALUE_MAX	4096

static size_t read_all(const char *path, char *buf, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while (n < max - 1 && (got = read(fd, buf + n, max - 1 - n)) > 0)
		n += got;
	close(fd);
	buf[n] = 0;
	return n;
}

static size_t read_proc(uint32_t pid, const char *what, char *buf, size_t max)
{
	char path[64];

	buf[0] = 0;
	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	return read_all(path, buf, max);
}

void machine_read(struct machine *m)
{
	memset(m, 0, sizeof(*m));
	if (gethostname(m->host, sizeof(m->host) - 1))
		m->host[0] = 0;
	read_all("/etc/machine-id", m->id, sizeof(m->id));
	m->id[strcspn(m->id, "\n")] = 0;
}

/* Field 22 of /proc/PID/stat, in ticks of 10 ms; the name before it may hold anything. */
static bool same_process(uint32_t pid, uint64_t start, uint32_t *ret_ppid)
{
	char buf[1024], *p;
	uint64_t ticks = start / (1000000000ull / sysconf(_SC_CLK_TCK)), got = 0;
	unsigned ppid = 0;

	read_proc(pid, "stat", buf, sizeof(buf));
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1, " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lu",
			 &ppid, &got) != 2)
		return false;
	*ret_ppid = ppid;
	return got >= ticks ? got - ticks <= 1 : ticks - got <= 1;
}

/* The last run of 64 hex digits: docker, containerd, cri-o and podman all have one there. */
static void container_of(const char *cgroups, char *ret)
{
	size_t run = 0;

	ret[0] = 0;
	for (const char *p = cgroups; *p; p++) {
		run = isxdigit((unsigned char)*p) ? run + 1 : 0;
		if (run == 64 && !isxdigit((unsigned char)p[1])) {
			memcpy(ret, p - 63, 64);
			ret[64] = 0;
		}
	}
}

static const char *env_get(const char *env, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = env; p < env + n; p += strlen(p) + 1)
		if (!strncmp(p, name, len) && p[len] == '=')
			return p + len + 1;
	return "";
}

static void status_of(uint32_t pid, uint32_t *ret_vpid, char *user, size_t user_max)
{
	char buf[4096], *p, *line, pw_buf[2048];
	struct passwd pw, *found;
	unsigned uid;

	read_proc(pid, "status", buf, sizeof(buf));
	p = strstr(buf, "\nNSpid:");
	if (p) {
		line = strndup(p + 7, strcspn(p + 7, "\n"));
		p = line ? strrchr(line, '\t') : NULL;
		if (p)
			*ret_vpid = strtoul(p + 1, NULL, 10);
		free(line);
	}
	p = strstr(buf, "\nUid:");
	if (p && sscanf(p + 5, "%*u %u", &uid) == 1 &&
	    !getpwuid_r(uid, &pw, pw_buf, sizeof(pw_buf), &found) && found)
		snprintf(user, user_max, "%s", found->pw_name);
}

static void put_str(char *out, size_t max, size_t *at, const char *s)
{
	size_t n = strnlen(s, VALUE_MAX - 1);

	if (*at + n + 1 > max)
		n = 0;		/* the caller has room for all NULs */
	memcpy(out + *at, s, n);
	out[*at + n] = 0;
	*at += n + 1;
}

size_t facts_make(void *buf, size_t max, const struct machine *m, uint32_t pid, uint64_t start, uint64_t ts)
{
	char exe[VALUE_MAX] = "", cwd[VALUE_MAX] = "", container[65] = "", user[256] = "", argv0[VALUE_MAX];
	char path[64], *text = malloc(ENVIRON_MAX);
	struct wire_facts *f = buf;
	uint32_t ppid = 0, vpid = 0;
	size_t at = sizeof(*f), env_n = 0;
	ssize_t got;

	if (!text || max < sizeof(*f) + WIRE_FACT_CNT * VALUE_MAX) {
		free(text);
		return 0;
	}
	argv0[0] = text[0] = 0;
	if (same_process(pid, start, &ppid)) {
		proc_exe(pid, exe, sizeof(exe));
		snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
		got = readlink(path, cwd, sizeof(cwd) - 1);
		cwd[got > 0 ? got : 0] = 0;
		read_proc(pid, "cmdline", argv0, sizeof(argv0));
		status_of(pid, &vpid, user, sizeof(user));
		read_proc(pid, "cgroup", text, ENVIRON_MAX);
		container_of(text, container);
		env_n = read_proc(pid, "environ", text, ENVIRON_MAX);
		if (!same_process(pid, start, &ppid)) {
			exe[0] = cwd[0] = argv0[0] = user[0] = container[0] = 0;
			env_n = vpid = ppid = 0;
		}
	}
	*f = (struct wire_facts){
		.hdr = { .kind = WIRE_FACTS, .pid = pid, .tid = pid, .ts = ts, .start = start },
		.ppid = ppid,
		.vpid = vpid,
	};
	put_str(buf, max, &at, exe);
	put_str(buf, max, &at, cwd);
	put_str(buf, max, &at, container);
	put_str(buf, max, &at, env_get(text, env_n, "OTEL_SERVICE_NAME"));
	put_str(buf, max, &at, env_get(text, env_n, "OTEL_RESOURCE_ATTRIBUTES"));
	put_str(buf, max, &at, m->host);
	put_str(buf, max, &at, m->id);
	put_str(buf, max, &at, env_get(text, env_n, "TRACEPARENT"));
	put_str(buf, max, &at, user);
	put_str(buf, max, &at, argv0);
	f->hdr.size = at;
	free(text);
	return at;
}
