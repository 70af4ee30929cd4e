// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cmd.h"
#include "options.h"
#include "status.h"

#define ANSWER_MAX (16 * 1024 * 1024)

/* A member's text for a column; "-" when there is none. */
static const char *text(struct json obj, const char *key, struct buf *b)
{
	struct json v = json_get(obj, key);

	buf_reset(b);
	if (v.type == JSON_STRING)
		json_text(v, b);
	else if (v.type == JSON_NUMBER)
		buf_add(b, v.raw);
	if (!b->n)
		buf_add_byte(b, '-');
	buf_add_byte(b, '\0');
	return b->p;
}

/* "1234", or "1234 (5 lost)". */
static void print_bytes(struct json row)
{
	struct buf b[3];
	const char *lost;

	for (size_t i = 0; i < 3; i++)
		buf_init(&b[i], 64);
	lost = text(row, "lost_bytes", &b[2]);
	printf("%10s %10s", text(row, "bytes_out", &b[0]), text(row, "bytes_in", &b[1]));
	printf("  %-6s", !strcmp(lost, "0") ? "-" : lost);
	for (size_t i = 0; i < 3; i++)
		buf_release(&b[i]);
}

static void print_reduced(struct json row)
{
	struct json_iter it = json_each(json_get(row, "reduced"));
	struct json_member m;
	struct buf b;

	buf_init(&b, 256);
	while (json_next(&it, &m)) {
		buf_reset(&b);
		json_text(m.value, &b);
		printf("%8s  reduced coverage: %.*s\n", "", VIEW_ARG(buf_view(&b)));
	}
	buf_release(&b);
}

static void print_process(struct json row)
{
	struct buf b[6];

	for (size_t i = 0; i < 6; i++)
		buf_init(&b[i], 4096);
	printf("%8s  %-10s  %-12s  ", text(row, "pid", &b[0]), text(row, "tls", &b[1]), text(row, "state", &b[2]));
	print_bytes(row);
	printf("  %s\n", text(row, "executable", &b[3]));
	if (json_get(row, "file").type == JSON_STRING)
		printf("%8s  %s%s%s\n", "", text(row, "file", &b[4]),
		       json_get(row, "method").type == JSON_STRING ? ", found by " : "",
		       json_get(row, "method").type == JSON_STRING ? text(row, "method", &b[5]) : "");
	if (json_get(row, "why").type == JSON_STRING)
		printf("%8s  %s\n", "", text(row, "why", &b[4]));
	print_reduced(row);
	for (size_t i = 0; i < 6; i++)
		buf_release(&b[i]);
}

static void print_processes(struct json list)
{
	struct json_iter it = json_each(list);
	struct json_member m;

	printf("%8s  %-10s  %-12s  %10s %10s  %-6s  %s\n", "PID", "TLS", "STATE", "OUT", "IN", "LOST", "EXECUTABLE");
	while (json_next(&it, &m))
		print_process(m.value);
}

/* "name: counter=1 counter=2": any object of numbers. */
static void print_counters(struct json_member group)
{
	struct json_iter it = json_each(group.value);
	struct json_member m;
	struct buf b;

	buf_init(&b, 4096);
	json_text(group.key, &b);
	printf("%-10.*s", VIEW_ARG(buf_view(&b)));
	while (json_next(&it, &m)) {
		buf_reset(&b);
		json_text(m.key, &b);
		printf(" %.*s=%.*s", VIEW_ARG(buf_view(&b)), VIEW_ARG(m.value.raw));
	}
	putchar('\n');
	buf_release(&b);
}

static void print_text(struct json v)
{
	struct json_iter it;
	struct json_member m;
	struct buf b;

	buf_init(&b, 4096);
	printf("onlooker %s", text(v, "version", &b));
	printf(", pid %s\n\n", text(v, "pid", &b));
	buf_release(&b);
	print_processes(json_get(v, "processes"));
	putchar('\n');
	it = json_each(json_get(v, "books"));
	while (json_next(&it, &m))
		print_counters(m);
	it = json_each(json_get(v, "sinks"));
	while (json_next(&it, &m))
		print_counters((struct json_member){ json_get(m.value, "name"), json_get(m.value, "counts") });
}

static void say_error(int err)
{
	const char *why = strerror(-err);

	if (err == -ENOENT || err == -ECONNREFUSED)
		why = "no watch is running; start one with: onlooker watch";
	if (err == -EACCES)
		why = "only root may ask";
	fprintf(stderr, "onlooker status: %s\n", why);
}

int cmd_status(int argc, char **argv)
{
	struct options o = { 0 };
	int at = options_parse(&o, OPT_JSON, argc, argv), err;
	struct buf answer;

	if (at == -2) {
		puts("usage: onlooker status [--json]\n");
		options_help(OPT_JSON);
		return 0;
	}
	if (at != argc) {
		if (at >= 0)
			fprintf(stderr, "onlooker status: takes no arguments\n");
		return EXIT_USAGE;
	}
	buf_init(&answer, ANSWER_MAX);
	err = status_ask(status_path(), &answer);
	if (err)
		say_error(err);
	else if (o.json)
		fwrite(answer.p, 1, answer.n, stdout);
	else
		print_text(json_read(buf_view(&answer)));
	buf_release(&answer);
	return err ? EXIT_ENVIRONMENT : 0;
}
