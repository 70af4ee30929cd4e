// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink/sink.h"
#include "spans.h"

#define SECOND 1000000000ull

/* The screen is a file without a name. */
struct screen {
	struct sink *sink;
	FILE *file;
	char *text;
};

static struct screen screen_open(const char *lang, bool live, bool color)
{
	struct screen s = { .file = tmpfile() };
	struct terminal_config c = { .fd = fileno(s.file), .live = live, .color = color };
	int err = 0;

	setenv("LC_ALL", lang, 1);
	setenv("TZ", "UTC", 1);
	s.sink = sink_terminal_new(&c, &err);
	assert_non_null(s.sink);
	return s;
}

static const char *screen_text(struct screen *s)
{
	long n = lseek(fileno(s->file), 0, SEEK_END);

	free(s->text);
	s->text = calloc(1, n + 1);
	assert_int_equal(pread(fileno(s->file), s->text, n, 0), n);
	return s->text;
}

static void screen_close(struct screen *s)
{
	sink_free(s->sink);
	free(s->text);
	fclose(s->file);
}

static struct span *node(uint8_t id, uint8_t parent, const char *name, double start, double seconds)
{
	struct span *s = a_span(id, NULL);

	s->parent_id[7] = parent;
	s->name = view_of(name);
	s->start += start * SECOND;
	s->end = s->start + seconds * SECOND;
	return s;
}

static struct span *a_call(uint8_t id, uint8_t parent, const char *name, double start, double seconds)
{
	struct span *s = node(id, parent, name, start, seconds);

	attrs_str(&s->attrs, &s->arena, ATTR_GEN_AI_OPERATION_NAME, VIEW("chat"));
	return s;
}

static struct span *a_process(uint8_t id, uint8_t parent, const char *name, double start, double seconds)
{
	struct span *s = node(id, parent, name, start, seconds);

	attrs_str(&s->attrs, &s->arena, ATTR_PROCESS_EXECUTABLE_NAME, view_of(name));
	s->pid = 100 + id;
	return s;
}

static int show(struct screen *to, struct span *s)
{
	int err = sink_put(to->sink, s);

	span_free(s);
	return err;
}

static struct span *a_good_call(uint8_t id, uint8_t parent, double start)
{
	struct span *s = a_call(id, parent, "chat claude-x", start, 3.2);
	struct view stop = VIEW("end_turn");

	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 1204);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, 310);
	attrs_int(&s->attrs, &s->arena, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 1024);
	attrs_double(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, 0.0123);
	attrs_strs(&s->attrs, &s->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS, &stop, 1);
	return s;
}

static struct span *a_bad_call(uint8_t id, uint8_t parent, double start)
{
	struct span *s = a_call(id, parent, "chat", start, 0.5);

	s->error = true;
	s->error_message = VIEW("slow down");
	attrs_str(&s->attrs, &s->arena, ATTR_ERROR_TYPE, VIEW("rate_limit"));
	attrs_int(&s->attrs, &s->arena, ATTR_ONLOOKER_CAPTURE_LOST_BYTES, 4096);
	attrs_bool(&s->attrs, &s->arena, ATTR_ONLOOKER_CAPTURE_COMPLETE, false);
	return s;
}

/* In the order in which spans finish: children before their parents. */
static void show_a_run(struct screen *to)
{
	struct span *s = a_process(4, 3, "git", 5, 0.012);

	attrs_int(&s->attrs, &s->arena, ATTR_PROCESS_EXIT_CODE, 0);
	show(to, s);
	s = a_process(3, 1, "sh", 4, 2);
	attrs_int(&s->attrs, &s->arena, ATTR_ONLOOKER_PROCESS_SIGNAL, 9);
	show(to, s);
	show(to, a_bad_call(5, 1, 7));
	show(to, a_good_call(2, 1, 0.5));
	s = a_process(1, 99, "python3", 0, 125);
	attrs_bool(&s->attrs, &s->arena, ATTR_ONLOOKER_PROCESS_UNFINISHED, true);
	show(to, s);
}

static void a_tree(void **state)
{
	struct screen s = screen_open("C", false, false);

	show_a_run(&s);
	assert_string_equal(screen_text(&s), "");
	assert_int_equal(sink_flush(s.sink, 1000), 0);
	assert_string_equal(screen_text(&s),
		"python3 [101]    2:05 min  still running\n"
		"|- chat claude-x   3.20 s  1,204 -> 310 tokens (1,024 cached), first 12 ms,\n"
		"|                          end_turn\n"
		"|- sh [103]        2.00 s  signal 9\n"
		"|  `- git [104]     12 ms  exit 0\n"
		"`- chat            0.50 s  rate_limit, slow down, 4,096 bytes lost\n"
		"\n"
		"2 model calls, 1,204 tokens in (1,024 cached), 310 out, 1 failed\n"
		"3 processes, 4,096 bytes lost, 1 span not seen whole\n");
	assert_int_equal(s.sink->stats.delivered, 5);
	screen_close(&s);
}

static void a_tree_in_utf8(void **state)
{
	struct screen s = screen_open("de_DE.UTF-8", false, false);

	show_a_run(&s);
	assert_int_equal(sink_flush(s.sink, 1000), 0);
	assert_non_null(strstr(screen_text(&s),
		"├─ sh [103]        2.00 s  signal 9\n"
		"│  └─ git [104]     12 ms  exit 0\n"
		"└─ chat            0.50 s  rate_limit"));
	assert_non_null(strstr(s.text, "1,204 → 310 tokens"));
	screen_close(&s);
}

static void lines_as_it_happens(void **state)
{
	struct screen s = screen_open("C", true, false);
	struct span *call = a_good_call(1, 0, 0);

	call->depth = 2;
	show(&s, call);
	assert_string_equal(screen_text(&s),
		"22:13:23      chat claude-x                    3.20 s  "
		"1,204 -> 310 tokens (1,024 cached), first 12 ms, end_turn\n");
	assert_int_equal(sink_flush(s.sink, 1000), 0);
	assert_non_null(strstr(screen_text(&s), "\n\n1 model call, 1,204 tokens in"));
	screen_close(&s);
}

static void nothing_seen_says_nothing(void **state)
{
	struct screen s = screen_open("C", false, false);

	assert_int_equal(sink_flush(s.sink, 1000), 0);
	assert_string_equal(screen_text(&s), "");
	screen_close(&s);
}

static void colour_only_when_asked_for(void **state)
{
	struct screen s = screen_open("C", false, true);

	show(&s, a_bad_call(1, 0, 0));
	sink_flush(s.sink, 1000);
	assert_non_null(strstr(screen_text(&s), "\033[31mrate_limit"));
	assert_non_null(strstr(s.text, "\n1 model call, 1 failed\n"));	/* nobody said how many tokens */
	screen_close(&s);
	s = screen_open("C", false, false);
	show(&s, a_bad_call(1, 0, 0));
	sink_flush(s.sink, 1000);
	assert_null(strchr(screen_text(&s), 033));
	screen_close(&s);
}

static void evil(struct screen *s)
{
	struct span *span = a_bad_call(1, 0, 0);
	struct view text = VIEW("\x1b]0;owned\x07\x9b" "2J\nnext line\xe2\x80\xae");

	span->name = text;
	span->error_message = text;
	attrs_str(&span->attrs, &span->arena, ATTR_ERROR_TYPE, text);
	show(s, span);
	span = a_call(2, 0, "chat", 0, 1);
	attrs_strs(&span->attrs, &span->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS, &text, 1);
	show(s, span);
}

static void nothing_of_theirs_reaches_the_terminal_raw(void **state)
{
	for (int live = 0; live < 2; live++) {
		struct screen s = screen_open("C.UTF-8", live, false);
		const char *p;

		evil(&s);
		sink_flush(s.sink, 1000);
		for (p = screen_text(&s); *p; p++)
			assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
		assert_null(strchr(s.text, '\x7f'));
		assert_null(strstr(s.text, "\xe2\x80\xae"));
		assert_null(strstr(s.text, "\nnext"));
		assert_non_null(strstr(s.text, "?]0;owned?"));
		screen_close(&s);
	}
}

static void every_span_is_drawn_even_in_a_circle(void **state)
{
	struct screen s = screen_open("C", false, false);

	show(&s, a_process(1, 2, "one", 1, 1));
	show(&s, a_process(2, 3, "two", 2, 1));
	show(&s, a_process(3, 1, "three", 3, 1));
	show(&s, a_process(4, 4, "self", 4, 1));
	show(&s, a_process(5, 2, "leaf", 5, 1));
	show(&s, a_process(6, 77, "orphan", 6, 1));
	sink_flush(s.sink, 1000);
	screen_text(&s);
	assert_non_null(strstr(s.text, "one ["));
	assert_non_null(strstr(s.text, "two ["));
	assert_non_null(strstr(s.text, "three ["));
	assert_non_null(strstr(s.text, "self ["));
	assert_non_null(strstr(s.text, "leaf ["));
	assert_non_null(strstr(s.text, "orphan ["));
	assert_non_null(strstr(s.text, "6 processes"));
	screen_close(&s);
}

/* A chain as long as what is kept: drawn without recursion and without growing wider and wider. */
static void deep_and_many(void **state)
{
	struct screen s = screen_open("C", false, false);
	size_t lines = 0;
	int i, j;

	for (i = 0; i < 10003; i++) {
		struct span *p = a_process(0, 0, "p", i, 1);

		for (j = 0; j < 4; j++) {
			p->span_id[j] = (i + 1) >> 8 * j;
			p->parent_id[j] = i >> 8 * j;
		}
		p->span_id[7] = 1;
		p->parent_id[7] = 1;
		show(&s, p);
	}
	assert_int_equal(s.sink->stats.dropped, 3);
	sink_flush(s.sink, 1000);
	screen_text(&s);
	for (char *at = s.text, *end; (end = strchr(at, '\n')); at = end + 1) {
		assert_true(end - at < 100);
		lines++;
	}
	assert_int_equal(lines, 10000 + 3);
	assert_non_null(strstr(s.text, "10,003 processes, 0 bytes lost, 3 more spans are not shown\n"));
	screen_close(&s);
}

static void sums_do_not_overflow(void **state)
{
	struct screen s = screen_open("C", false, false);

	for (int i = 0; i < 3; i++) {
		struct span *c = a_call(i + 1, 0, "chat", 0, 1);

		attrs_int(&c->attrs, &c->arena, ATTR_GEN_AI_USAGE_INPUT_TOKENS, INT64_MAX);
		attrs_int(&c->attrs, &c->arena, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, INT64_MIN);
		show(&s, c);
	}
	sink_flush(s.sink, 1000);
	assert_non_null(strstr(screen_text(&s), "3 model calls, 9,223,372,036,854,775,807 tokens in, 0 out, 0 failed\n"));
	screen_close(&s);
}

static struct sink *live_on(int fd)
{
	struct terminal_config c = { .fd = fd, .live = true };
	int err = 0;
	struct sink *k = sink_terminal_new(&c, &err);

	assert_non_null(k);
	return k;
}

static void a_screen_that_is_gone_is_said_once(void **state)
{
	struct screen s = {};
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	s.sink = live_on(fds[1]);
	assert_int_equal(show(&s, a_good_call(1, 0, 0)), -EPIPE);
	assert_int_equal(show(&s, a_good_call(2, 0, 0)), 0);
	assert_int_equal(sink_flush(s.sink, 10), 0);
	assert_int_equal(s.sink->stats.dropped, 2);
	sink_free(s.sink);
	close(fds[1]);
}

/* Somebody pressed Ctrl-S: lines are dropped and counted, nobody waits. */
static void a_screen_that_stands_still(void **state)
{
	static char full[65536];
	struct screen s = {};
	int fds[2], i;

	assert_int_equal(pipe(fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], full, sizeof(full)) > 0)
		;
	fcntl(fds[1], F_SETFL, 0);
	s.sink = live_on(fds[1]);
	for (i = 0; i < 20; i++)
		assert_int_equal(show(&s, a_good_call(i, 0, 0)), 0);
	assert_int_equal(s.sink->stats.dropped, 20);
	assert_int_equal(read(fds[0], full, sizeof(full)), sizeof(full));
	assert_int_equal(show(&s, a_good_call(i, 0, 0)), 0);
	assert_int_equal(s.sink->stats.delivered, 1);
	sink_free(s.sink);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree),
		cmocka_unit_test(a_tree_in_utf8),
		cmocka_unit_test(lines_as_it_happens),
		cmocka_unit_test(nothing_seen_says_nothing),
		cmocka_unit_test(colour_only_when_asked_for),
		cmocka_unit_test(nothing_of_theirs_reaches_the_terminal_raw),
		cmocka_unit_test(every_span_is_drawn_even_in_a_circle),
		cmocka_unit_test(deep_and_many),
		cmocka_unit_test(sums_do_not_overflow),
		cmocka_unit_test(a_screen_that_is_gone_is_said_once),
		cmocka_unit_test(a_screen_that_stands_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
