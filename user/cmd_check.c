// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "capture/capture.h"
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

int cmd_check(int argc, char **argv)
{
	struct feature f[FEATURES_MAX];
	struct options o = { 0 };
	int at = options_parse(&o, OPT_JSON, argc, argv);
	bool works = true;
	size_t n;

	if (at == -2) {
		puts("usage: onlooker check [--json]\n");
		options_help(OPT_JSON);
		return 0;
	}
	if (at != argc) {
		if (at >= 0)
			fprintf(stderr, "onlooker check: takes no arguments\n");
		return EXIT_USAGE;
	}
	n = capture_features(f, FEATURES_MAX);
	for (size_t i = 0; i < n; i++)
		works &= !f[i].required || f[i].have > 0;
	(o.json ? print_json : print_text)(f, n, works);
	return works ? 0 : EXIT_ENVIRONMENT;
}
