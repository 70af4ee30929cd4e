// SPDX-License-Identifier: Apache-2.0
/* What is told of a process, tried on this one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../user/capture/facts.c"

static void test_container_ids(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char text[512], ret[65];

	snprintf(text, sizeof(text), "0::/system.slice/docker-%s.scope\n", id);
	container_of(text, ret);
	assert_string_equal(ret, id);
	snprintf(text, sizeof(text), "5:cpu:/\n1:name=systemd:/kubepods/burstable/pod12ab/%s\n", id);
	container_of(text, ret);
	assert_string_equal(ret, id);
	snprintf(text, sizeof(text), "0::/%sff\n", id);	/* too long to be one */
	container_of(text, ret);
	assert_string_equal(ret, "");
	container_of("0::/user.slice\n", ret);
	assert_string_equal(ret, "");
}

static void test_environment(void **state)
{
	static const char env[] = "OTEL_SERVICE_NAMES=no\0OTEL_SERVICE_NAME=mine\0EMPTY=\0LAST=x";

	assert_string_equal(env_get(env, sizeof(env) - 1, "OTEL_SERVICE_NAME"), "mine");
	assert_string_equal(env_get(env, sizeof(env) - 1, "EMPTY"), "");
	assert_string_equal(env_get(env, sizeof(env) - 1, "LAST"), "x");
	assert_string_equal(env_get(env, sizeof(env) - 1, "NONE"), "");
	assert_string_equal(env_get(env, 0, "LAST"), "");
}

static uint64_t my_start(void)
{
	char buf[1024], *p;
	uint64_t ticks = 0;

	assert_true(read_proc(getpid(), "stat", buf, sizeof(buf)));
	p = strrchr(buf, ')') + 2;
	for (int field = 3; field < 22; field++)
		p = strchr(p, ' ') + 1;
	ticks = strtoull(p, NULL, 10);
	return ticks * (1000000000ull / sysconf(_SC_CLK_TCK));
}

static const char *fact(const void *rec, enum wire_fact which)
{
	const char *p = (const char *)rec + sizeof(struct wire_facts);

	for (int i = 0; i < (int)which; i++)
		p += strlen(p) + 1;
	return p;
}

static void test_of_this_process(void **state)
{
	struct machine m = { .host = "here", .id = "m1" };
	char *rec = malloc(65536), exe[4096];
	struct wire_facts *f = (void *)rec;
	size_t n = facts_make(rec, 65536, &m, getpid(), my_start(), 77);

	assert_true(n > sizeof(*f));
	assert_int_equal(f->hdr.size, n);
	assert_int_equal(f->hdr.kind, WIRE_FACTS);
	assert_int_equal(f->hdr.ts, 77);
	assert_int_equal(f->ppid, getppid());
	assert_string_equal(fact(rec, WIRE_FACT_EXE), proc_exe(getpid(), exe, sizeof(exe)));
	assert_string_equal(fact(rec, WIRE_FACT_HOST), "here");
	assert_string_equal(fact(rec, WIRE_FACT_HOST_ID), "m1");
	assert_int_equal(fact(rec, WIRE_FACT_CNT) - rec, n);	/* as many strings as there are facts */
	free(rec);
}

/* The same pid with another start time is another process: nothing of this one may be told of it. */
static void test_of_another_start(void **state)
{
	struct machine m = { .host = "here", .id = "m1" };
	char *rec = malloc(65536);

	assert_true(facts_make(rec, 65536, &m, getpid(), my_start() + 5000000000ull, 77));
	assert_string_equal(fact(rec, WIRE_FACT_EXE), "");
	assert_string_equal(fact(rec, WIRE_FACT_ARGV0), "");
	assert_string_equal(fact(rec, WIRE_FACT_HOST), "here");
	assert_int_equal(facts_make(rec, 1000, &m, getpid(), my_start(), 77), 0);
	free(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container_ids),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_of_this_process),
		cmocka_unit_test(test_of_another_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
