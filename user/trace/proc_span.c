// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "trace/agents.h"
#include "trace/proc_span.h"

#if defined(__x86_64__)
#define HOST_ARCH "amd64"
#elif defined(__aarch64__)
#define HOST_ARCH "arm64"
#else
#error "host.arch of this architecture"
#endif

struct view proc_service_name(const struct proc *p)
{
	struct view exe = proc_exe_name(p);
	const char *agent = agent_of_exe(exe);

	if (p->service)
		return view_of(p->service);
	return agent ? view_of(agent) : exe;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding in place of a copy; false: not well formed. */
static bool percent_decode(struct view v, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < v.n; i++) {
		int hi, lo;

		if (v.p[i] != '%') {
			if (buf_add_byte(out, v.p[i]))
				return false;
			continue;
		}
		if (i + 2 >= v.n || (hi = hex_value(v.p[i + 1])) < 0 || (lo = hex_value(v.p[i + 2])) < 0)
			return false;
		if (buf_add_byte(out, hi << 4 | lo))
			return false;
		i += 2;
	}
	return true;
}

/*
 * key=value,key=value as the OpenTelemetry SDK specification has it: any
 * decoding error discards the whole variable, so it is walked twice.
 */
static bool resource_pairs(struct resource *r, struct view list, bool write)
{
	struct view pair, rest, key, value;
	struct buf text;
	bool ok = true;

	buf_init(&text, 64 * 1024);
	while (ok && list.n) {
		if (!view_cut(list, ',', &pair, &rest)) {
			pair = list;
			rest = VIEW_NONE;
		}
		list = rest;
		if (!view_trim(pair).n)
			continue;
		ok = view_cut(pair, '=', &key, &value) && view_trim(key).n &&
		     percent_decode(view_trim(value), &text);
		if (ok && write)
			attrs_free_key(&r->attrs, &r->arena, view_trim(key), buf_view(&text));
	}
	buf_release(&text);
	return ok;
}

static void put_resource_list(struct resource *r, const char *list)
{
	if (list && resource_pairs(r, view_of(list), false))
		resource_pairs(r, view_of(list), true);
}

static void put_creation_time(struct resource *r, uint64_t unix_ns)
{
	time_t s = unix_ns / 1000000000;
	char text[48];
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(unix_ns / 1000000 % 1000));
	attrs_str(&r->attrs, &r->arena, ATTR_PROCESS_CREATION_TIME, view_of(text));
}

static void put(struct resource *r, enum attr_id id, struct view v)
{
	if (v.n)
		attrs_str(&r->attrs, &r->arena, id, v);
}

struct resource *proc_resource(struct proc *p, const char *defaults, const struct trace_clock *clock)
{
	struct resource *r = p->resource;

	if (r)
		return r;
	r = p->resource = resource_new();
	if (!r)
		return NULL;
	put_resource_list(r, defaults);
	put_resource_list(r, p->resource_attributes);
	if (p->service || !attrs_get(&r->attrs, ATTR_SERVICE_NAME))
		put(r, ATTR_SERVICE_NAME, proc_service_name(p));
	put(r, ATTR_TELEMETRY_DISTRO_NAME, VIEW("onlooker"));
	put(r, ATTR_TELEMETRY_DISTRO_VERSION, VIEW(ONLOOKER_VERSION));
	put(r, ATTR_HOST_NAME, view_of(p->host));
	put(r, ATTR_HOST_ID, view_of(p->host_id));
	put(r, ATTR_HOST_ARCH, VIEW(HOST_ARCH));
	put(r, ATTR_OS_TYPE, VIEW("linux"));
	put(r, ATTR_CONTAINER_ID, view_of(p->container));
	put(r, ATTR_PROCESS_EXECUTABLE_NAME, proc_exe_name(p));
	put(r, ATTR_PROCESS_EXECUTABLE_PATH, view_of(p->exe));
	put(r, ATTR_PROCESS_OWNER, view_of(p->user));
	attrs_int(&r->attrs, &r->arena, ATTR_PROCESS_PID, p->pid);
	if (p->vpid && p->vpid != p->pid)
		attrs_int(&r->attrs, &r->arena, ATTR_PROCESS_VPID, p->vpid);
	put_creation_time(r, clock_unix(clock, p->start));
	return r;
}

static void put_argv(struct span *s, const struct proc *p)
{
	struct view args[128], rest = { p->argv, p->argv_n }, arg;
	size_t n = 0;

	while (n < sizeof(args) / sizeof(args[0]) && rest.n) {
		if (!view_cut(rest, '\0', &arg, &rest)) {
			arg = rest;
			rest = VIEW_NONE;
		}
		args[n++] = arg;
	}
	if (n)
		attrs_strs(&s->attrs, &s->arena, ATTR_PROCESS_COMMAND_ARGS, args, n);
}

/* An exit status as wait(2) has it: the code, or the signal that ended it. */
static void put_exit(struct span *s, const struct proc *p)
{
	int sig = p->exit_code & 0x7f, code = (p->exit_code >> 8) & 0xff;
	char text[32];

	if (sig) {
		attrs_int(&s->attrs, &s->arena, ATTR_ONLOOKER_PROCESS_SIGNAL, sig);
		snprintf(text, sizeof(text), "SIG%s", sigabbrev_np(sig) ?: "?");
	} else {
		attrs_int(&s->attrs, &s->arena, ATTR_PROCESS_EXIT_CODE, code);
		if (!code)
			return;
		snprintf(text, sizeof(text), "exit_code_%d", code);
	}
	attrs_str(&s->attrs, &s->arena, ATTR_ERROR_TYPE, view_of(text));
	s->error = true;
}

/* The same words as the cover room's. */
static void put_reduced(struct span *s, const struct proc *p)
{
	static const char *const words[WIRE_NOTICE_CNT] = {
		[WIRE_NOTICE_IO_URING] = "io_uring",
		[WIRE_NOTICE_KTLS] = "ktls",
		[WIRE_NOTICE_QUIC] = "quic",
	};
	struct view list[WIRE_NOTICE_CNT];
	size_t n = 0;

	for (int i = 0; i < WIRE_NOTICE_CNT; i++)
		if (words[i] && p->noticed & 1u << i)
			list[n++] = view_of(words[i]);
	if (n)
		attrs_strs(&s->attrs, &s->arena, ATTR_ONLOOKER_PROCESS_REDUCED_COVERAGE, list, n);
}

void proc_span_fill(struct span *s, const struct proc *p, bool content, uint64_t ts,
		    const struct trace_clock *clock)
{
	uint64_t start = p->first_exec_ts ? p->first_exec_ts : p->start;
	uint64_t end = p->exit_ts ? p->exit_ts : ts;

	s->kind = SPAN_INTERNAL;
	s->name = arena_copy(&s->arena, proc_exe_name(p));
	s->start = clock_unix(clock, start);
	s->end = clock_unix(clock, end > start ? end : start);
	attrs_str(&s->attrs, &s->arena, ATTR_PROCESS_EXECUTABLE_NAME, proc_exe_name(p));
	if (p->exe)
		attrs_str(&s->attrs, &s->arena, ATTR_PROCESS_EXECUTABLE_PATH, view_of(p->exe));
	attrs_int(&s->attrs, &s->arena, ATTR_PROCESS_PID, p->pid);
	if (p->ppid)
		attrs_int(&s->attrs, &s->arena, ATTR_PROCESS_PARENT_PID, p->ppid);
	if (p->has_uid)
		attrs_int(&s->attrs, &s->arena, ATTR_PROCESS_USER_ID, p->uid);
	if (proc_unseen_tls(p))
		attrs_int(&s->attrs, &s->arena, ATTR_ONLOOKER_PROCESS_UNSEEN_TLS, proc_unseen_tls(p));
	put_reduced(s, p);
	if (p->exit_ts)
		put_exit(s, p);
	else
		attrs_bool(&s->attrs, &s->arena, ATTR_ONLOOKER_PROCESS_UNFINISHED, true);
	if (!content)
		return;
	put_argv(s, p);
	if (p->cwd)
		attrs_str(&s->attrs, &s->arena, ATTR_PROCESS_WORKING_DIRECTORY, view_of(p->cwd));
}
