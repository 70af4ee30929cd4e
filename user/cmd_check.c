// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "capture/capture.h"
#include "check_file.h"
#include "cmd.h"
#include "options.h"

#define FEATURES_MAX 64

static const char *word(const struct feature *f)
{
	if (f->have > 0)
		return "yes";
	return f->have == 0 ? "no" : "unknown";
}

static void print_text(const struct feature *f, size_t n, bool works)
{
	for (size_t i = 0; i < n; i++) {
		printf("%-8s %-20s %s\n", word(&f[i]), f[i].name, f[i].what_for);
		if (f[i].detail[0])
			printf("%-29s %s\n", "", f[i].detail);
		if (f[i].have <= 0 && f[i].remedy)
			printf("%-29s -> %s\n", "", f[i].remedy);
	}
	puts(works ? "\nonlooker can work here." : "\nonlooker cannot work here: see the lines marked no.");
}

static void print_json(const struct feature *f, size_t n, bool works)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, 1 << 20);
	jsonw_init(&w, &out);
	jsonw_open(&w, '{');
	jsonw_key(&w, "works");
	jsonw_bool(&w, works);
	jsonw_key(&w, "features");
	jsonw_open(&w, '[');
	for (size_t i = 0; i < n; i++) {
		jsonw_open(&w, '{');
		jsonw_key(&w, "name");
		jsonw_str(&w, view_of(f[i].name));
		jsonw_key(&w, "have");
		jsonw_str(&w, view_of(word(&f[i])));
		jsonw_key(&w, "required");
		jsonw_bool(&w, f[i].required);
		jsonw_key(&w, "what_for");
		jsonw_str(&w, view_of(f[i].what_for));
		jsonw_key(&w, "detail");
		jsonw_str(&w, view_of(f[i].detail));
		if (f[i].have <= 0 && f[i].remedy) {
			jsonw_key(&w, "remedy");
			jsonw_str(&w, view_of(f[i].remedy));
		}
		jsonw_close(&w, '}');
	}
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	printf("%.*s\n", VIEW_ARG(buf_view(&out)));
	buf_release(&out);
}

/* check --pid: each TLS stack in the files of a process, and whether it could be read. */

struct shown {
	struct jsonw *w;	/* NULL: as text */
	bool any;		/* a stack that can be read */
};

static const char *verdict(const struct coverage *c)
{
	if (!strcmp(c->state, "found"))
		return "can be captured";
	return !strcmp(c->state, "none") ? "nothing found" : "cannot be captured";
}

static void show_text(const struct coverage *c)
{
	printf("%-10s %-18s %s%s%s\n", c->stack ? c->stack : "-", verdict(c), c->where ? c->where : c->exe,
	       c->version[0] ? ", version " : "", c->version);
	if (c->method[0])
		printf("%-29s its functions were found by %s\n", "", c->method);
	if (c->why)
		printf("%-29s %s\n", "", c->why);
}

static void json_member(struct jsonw *w, const char *key, const char *v)
{
	jsonw_key(w, key);
	v && *v ? jsonw_str(w, view_of(v)) : jsonw_null(w);
}

static void show_json(struct jsonw *w, const struct coverage *c)
{
	jsonw_open(w, '{');
	json_member(w, "tls", c->stack);
	json_member(w, "version", c->version);
	json_member(w, "method", c->method);
	json_member(w, "file", c->where);
	json_member(w, "state", c->state);
	json_member(w, "why", c->why);
	jsonw_close(w, '}');
}

static void show(void *arg, const struct coverage *c)
{
	struct shown *s = arg;

	s->any |= !strcmp(c->state, "found");
	if (s->w)
		show_json(s->w, c);
	else
		show_text(c);
}

static int check_json(pid_t pid)
{
	struct jsonw w;
	struct shown s = { .w = &w };
	struct buf out;
	int err;

	buf_init(&out, 16 << 20);
	jsonw_init(&w, &out);
	jsonw_open(&w, '{');
	jsonw_key(&w, "pid");
	jsonw_int(&w, pid);
	jsonw_key(&w, "stacks");
	jsonw_open(&w, '[');
	err = capture_examine(pid, show, &s);
	jsonw_close(&w, ']');
	jsonw_key(&w, "can_be_captured");
	jsonw_bool(&w, s.any);
	jsonw_close(&w, '}');
	if (!err)
		printf("%.*s\n", VIEW_ARG(buf_view(&out)));
	buf_release(&out);
	return err;
}

static int check_process(pid_t pid, bool json)
{
	struct shown s = { 0 };
	int err = json ? check_json(pid) : capture_examine(pid, show, &s);

	if (!err)
		return 0;
	fprintf(stderr, "onlooker check: cannot look at process %d: %s\n", (int)pid,
		err == -ENOENT ? "there is no such process" : strerror(-err));
	return EXIT_ENVIRONMENT;
}

int cmd_check(int argc, char **argv)
{
	struct feature f[FEATURES_MAX];
	struct options o = { 0 };
	int at = options_parse(&o, OPT_JSON | OPT_PROCESS | OPT_ELF, argc, argv);
	bool works = true;
	size_t n;

	if (at == -2) {
		puts("usage: onlooker check [--pid N | --file PATH] [--json]\n");
		options_help(OPT_JSON | OPT_PROCESS | OPT_ELF);
		return 0;
	}
	if (at != argc) {
		if (at >= 0)
			fprintf(stderr, "onlooker check: takes no arguments\n");
		return EXIT_USAGE;
	}
	if (o.pid_cnt)
		return check_process(o.pids[o.pid_cnt - 1], o.json);
	if (o.file)
		return check_file(o.file, o.json);
	n = capture_features(f, FEATURES_MAX);
	for (size_t i = 0; i < n; i++)
		works &= !f[i].required || f[i].have > 0;
	(o.json ? print_json : print_text)(f, n, works);
	return works ? 0 : EXIT_ENVIRONMENT;
}
