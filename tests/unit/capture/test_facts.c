// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/view.h"
#include "capture/room.h"

#define FACTS_MAX (256 * 1024)

static struct view string(const char *record, size_t n, enum wire_fact which)
{
	struct view rest = { record + sizeof(struct wire_facts), n - sizeof(struct wire_facts) }, v = VIEW_NONE;

	for (int i = 0; i <= (int)which; i++)
		assert_true(view_cut(rest, '\0', &v, &rest));
	return v;
}

/* When this process started, to the resolution of /proc/PID/stat. */
static uint64_t own_start(void)
{
	unsigned long long ticks = 0;
	char text[2048];
	FILE *f = fopen("/proc/self/stat", "re");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	assert_int_equal(sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
				"%*d %*d %llu", &ticks), 1);
	return ticks * (1000000000ull / sysconf(_SC_CLK_TCK));
}

static void test_of_ourselves(void **state)
{
	char exe[4096], *record = malloc(FACTS_MAX);
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe));
	struct machine m = { .host = "here", .id = "1234" };
	const struct wire_facts *f = (const void *)record;
	size_t n = facts_make(record, FACTS_MAX, &m, getpid(), own_start(), 8);

	assert_int_equal(f->hdr.size, n);
	assert_int_equal(f->hdr.kind, WIRE_FACTS);
	assert_int_equal(f->hdr.ts, 8);
	assert_int_equal(f->ppid, getppid());
	assert_true(view_eq(string(record, n, WIRE_FACT_EXE), (struct view){ exe, len }));
	assert_true(view_eq(string(record, n, WIRE_FACT_HOST), VIEW("here")));
	free(record);
}

/* The pid is ours, the start time is not: another process that had the pid.  Nothing of us may be said of it. */
static void test_of_another_with_our_pid(void **state)
{
	struct machine m = { .host = "here" };
	char *record = malloc(FACTS_MAX);
	size_t n = facts_make(record, FACTS_MAX, &m, getpid(), own_start() + 5000000000ull, 8);

	assert_int_equal(string(record, n, WIRE_FACT_EXE).n, 0);
	assert_int_equal(string(record, n, WIRE_FACT_CWD).n, 0);
	free(record);
}

static void test_of_nobody(void **state)
{
	struct machine m = { .host = "here" };
	char *record = malloc(FACTS_MAX);
	size_t n = facts_make(record, FACTS_MAX, &m, 0x3fffffff, 7, 8);

	assert_int_equal(string(record, n, WIRE_FACT_EXE).n, 0);
	assert_int_equal(facts_make(record, 100, &m, getpid(), 7, 8), 0);
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_ourselves),
		cmocka_unit_test(test_of_another_with_our_pid),
		cmocka_unit_test(test_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
