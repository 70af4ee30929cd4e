// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "options.h"
#include "sink/compat.h"

/* Each takes its value (NULL for flags); a sentence when the value makes no sense. */
static const char *set_file(struct options *o, const char *v)
{
	o->file = v;
	return *v ? NULL : "--file needs a path, or - for standard output";
}

static const char *set_otlp(struct options *o, const char *v)
{
	o->otlp = v;
	return *v ? NULL : "--otlp needs a URL, such as http://localhost:4318";
}

static const char *set_record(struct options *o, const char *v)
{
	o->record = v;
	return *v ? NULL : "a recording needs a path";
}

static const char *set_content(struct options *o, const char *v)
{
	o->content = !strcmp(v, "full");
	return o->content || !strcmp(v, "none") ? NULL : "--content is none or full";
}

static const char *set_compat(struct options *o, const char *v)
{
	return compat_parse(v, &o->compat) ? NULL : "--compat takes, with commas between: " COMPAT_NAMES;
}

static const char *set_prometheus(struct options *o, const char *v)
{
	o->prometheus = v;
	return *v ? NULL : "--prometheus needs an address, such as 127.0.0.1:9464";
}

static const char *set_prices(struct options *o, const char *v)
{
	o->prices = v;
	return *v ? NULL : "--prices needs a price list, or none";
}

static const char *set_quiet(struct options *o, const char *v)
{
	o->quiet = true;
	return NULL;
}

static const char *set_verbose(struct options *o, const char *v)
{
	o->verbose = true;
	return NULL;
}

static const char *set_live(struct options *o, const char *v)
{
	o->live = true;
	return NULL;
}

static const char *set_gate(struct options *o, const char *v)
{
	o->gate = true;
	return NULL;
}

static const char *set_no_gate(struct options *o, const char *v)
{
	o->gate = false;
	return NULL;
}

static const char *set_json(struct options *o, const char *v)
{
	o->json = true;
	return NULL;
}

static const char *set_user(struct options *o, const char *v)
{
	o->user = v;
	return NULL;
}

static bool number(const char *v, long min, long max, long *ret)
{
	char *end;

	errno = 0;
	*ret = strtol(v, &end, 10);
	return !errno && end != v && !*end && *ret >= min && *ret <= max;
}

static const char *set_ring(struct options *o, const char *v)
{
	long mib;

	if (!number(v, 1, 1024, &mib) || (mib & (mib - 1)))
		return "--ring-size is in MiB, a power of two from 1 to 1024";
	o->ring_bytes = (size_t)mib << 20;
	return NULL;
}

static const char *set_pid(struct options *o, const char *v)
{
	long pid;

	if (!number(v, 1, INT32_MAX, &pid))
		return "--pid needs a process id";
	if (o->pid_cnt == NAMED_MAX)
		return "too many --pid";
	o->pids[o->pid_cnt++] = pid;
	return NULL;
}

static const char *set_exe(struct options *o, const char *v)
{
	if (o->exe_cnt == NAMED_MAX)
		return "too many --exe";
	o->exes[o->exe_cnt++] = v;
	return NULL;
}

static const char *set_cgroup(struct options *o, const char *v)
{
	if (o->cgroup_cnt == NAMED_MAX)
		return "too many --cgroup";
	o->cgroups[o->cgroup_cnt++] = v;
	return NULL;
}

static const struct option_row {
	const char *name, *value;	/* value: what it is called in help; NULL: a flag */
	unsigned groups;		/* 0: every verb has it */
	const char *(*set)(struct options *o, const char *value);
	const char *help;
} rows[] = {
	{ "--file", "PATH|-", OPT_SINKS, set_file, "spans as OTLP/JSON, one TracesData object a line" },
	{ "--otlp", "URL", OPT_SINKS, set_otlp, "export over OTLP/HTTP; OTEL_EXPORTER_OTLP_* are honoured" },
	{ "--content", "none|full", OPT_SINKS, set_content, "message content on spans (default none)" },
	{ "--compat", "NAME[,NAME]", OPT_SINKS, set_compat, "older names that a backend needs: " COMPAT_NAMES },
	{ "--prices", "FILE|none", OPT_SINKS, set_prices, "price list for costs (default: the built-in one)" },
	{ "--live", NULL, OPT_SINKS, set_live, "draw each span as it ends, not the tree at the end" },
	{ "--prometheus", "ADDR", OPT_METRICS, set_prometheus, "answer Prometheus on [HOST:]PORT (loopback by default)" },
	{ "--record", "FILE", OPT_CAPTURE, set_record, "also keep the raw records, for replay" },
	{ "--gate", NULL, OPT_CAPTURE, set_gate, "hold an exec until its program can be seen (default in run)" },
	{ "--no-gate", NULL, OPT_CAPTURE, set_no_gate, "never hold an exec" },
	{ "--ring-size", "MIB", OPT_CAPTURE, set_ring, "ring buffer between kernel and onlooker (default 32)" },
	{ "--user", "NAME", OPT_RUN, set_user, "run CMD as this user (default: who called sudo)" },
	{ "--pid", "N", OPT_NAMED, set_pid, "only this process and those it starts; may be repeated" },
	{ "--exe", "PATH", OPT_NAMED, set_exe, "only processes of this executable and those they start" },
	{ "--cgroup", "PATH", OPT_NAMED, set_cgroup, "only processes in this cgroup" },
	{ "--pid", "N", OPT_PROCESS, set_pid, "what can be seen of this process's TLS" },
	{ "--file", "PATH", OPT_ELF, set_file, "which TLS stacks this program or library has, and where" },
	{ "-o", "FILE", OPT_OUTPUT, set_record, "where the recording goes (mode 0600)" },
	{ "--json", NULL, OPT_JSON, set_json, "machine-readable" },
	{ "--quiet", NULL, 0, set_quiet, "say nothing but errors" },
	{ "--verbose", NULL, 0, set_verbose, "say more: the books at the end, what seen bytes became" },
};

#define ROW_CNT (sizeof(rows) / sizeof(rows[0]))

static const struct option_row *row_of(const char *word, size_t n, unsigned groups)
{
	for (size_t i = 0; i < ROW_CNT; i++)
		if (strlen(rows[i].name) == n && !strncmp(rows[i].name, word, n) &&
		    (!rows[i].groups || rows[i].groups & groups))
			return &rows[i];
	return NULL;
}

/* OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: SPAN_ONLY and SPAN_AND_EVENT, older: true. */
static bool content_by_environment(void)
{
	static const char *const yes[] = { "SPAN_ONLY", "SPAN_AND_EVENT", "true" };
	const char *v = getenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT");

	for (size_t i = 0; v && i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!strcasecmp(v, yes[i]))
			return true;
	return false;
}

/* One option at argv[*i]; moves *i past its value. */
static int take(struct options *o, unsigned groups, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *eq = strchr(word, '='), *value = NULL, *why;
	const struct option_row *row = row_of(word, eq ? (size_t)(eq - word) : strlen(word), groups);

	if (!row) {
		fprintf(stderr, "onlooker %s: unknown option %s; see onlooker %s --help\n", argv[0], word, argv[0]);
		return -1;
	}
	if (!row->value && eq) {
		fprintf(stderr, "onlooker %s: %s takes no value\n", argv[0], row->name);
		return -1;
	}
	if (row->value) {
		value = eq ? eq + 1 : *i + 1 < argc ? argv[++*i] : NULL;
		if (!value || (!eq && !strcmp(value, "--"))) {	/* run --file -- CMD: the path was forgotten */
			fprintf(stderr, "onlooker %s: %s needs %s\n", argv[0], row->name, row->value);
			return -1;
		}
	}
	why = row->set(o, value);
	if (why)
		fprintf(stderr, "onlooker %s: %s\n", argv[0], why);
	return why ? -1 : 0;
}

int options_parse(struct options *o, unsigned groups, int argc, char **argv)
{
	int i;

	o->content = content_by_environment();
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i + 1;
		if (argv[i][0] != '-' || !argv[i][1])
			return i;
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return -2;
		if (take(o, groups, argc, argv, &i))
			return -1;
	}
	return i;
}

void options_help(unsigned groups)
{
	for (size_t i = 0; i < ROW_CNT; i++) {
		char left[40];

		if (rows[i].groups && !(rows[i].groups & groups))
			continue;
		snprintf(left, sizeof(left), "%s%s%s", rows[i].name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		printf("  %-22s %s\n", left, rows[i].help);
	}
}
