// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "capture/facts.h"
#include "capture/ldcache.h"

static struct view string(const struct buf *b, enum wire_fact which)
{
	struct view rest = view_drop(buf_view(b), sizeof(struct wire_facts)), v = VIEW_NONE;

	for (int i = 0; i <= (int)which; i++)
		assert_true(view_cut(rest, '\0', &v, &rest));
	return v;
}

static void test_of_ourselves(void **state)
{
	const struct wire_facts *f;
	char exe[4096];
	struct buf b;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));

	buf_init(&b, 1 << 20);
	assert_int_equal(facts_make(getpid(), 7, 8, &b), 0);
	f = (const void *)b.p;
	assert_int_equal(f->hdr.size, b.n);
	assert_int_equal(f->hdr.kind, WIRE_FACTS);
	assert_int_equal(f->hdr.start, 7);
	assert_int_equal(f->ppid, getppid());
	assert_true(view_eq(string(&b, WIRE_FACT_EXE), (struct view){ exe, n }));
	assert_true(string(&b, WIRE_FACT_HOST).n > 0);
	assert_int_equal(b.p[b.n - 1], '\0');
	buf_release(&b);
}

static void test_of_nobody(void **state)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(facts_make(0x3fffffff, 7, 8, &b), 0);
	assert_int_equal(string(&b, WIRE_FACT_EXE).n, 0);
	buf_release(&b);
}

static void test_container(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char text[256];

	snprintf(text, sizeof(text), "0::/system.slice/docker-%s.scope\n", id);
	assert_true(view_eq(facts_container(view_of(text)), view_of(id)));
	snprintf(text, sizeof(text), "0::/kubepods/pod1/%s", id);
	assert_true(view_eq(facts_container(view_of(text)), view_of(id)));
	snprintf(text, sizeof(text), "0::/a/%sff\n", id);
	assert_int_equal(facts_container(view_of(text)).n, 0);
	assert_int_equal(facts_container(VIEW("0::/init.scope\n")).n, 0);
}

static void count(void *arg, const char *path)
{
	assert_non_null(strstr(path, "libc.so"));
	++*(int *)arg;
}

static void test_ldcache(void **state)
{
	static const char *const want[] = { "libc.so", NULL };
	static char cache[1 << 20];
	FILE *f = fopen("/etc/ld.so.cache", "re");
	size_t n, cut;
	int found = 0;

	if (!f)
		skip();		/* a system without glibc's cache */
	n = fread(cache, 1, sizeof(cache), f);
	fclose(f);
	ldcache_each((struct view){ cache, n }, want, count, &found);
	assert_true(found >= 1);
	for (cut = 0; cut < n && cut < 4096; cut++)	/* cut anywhere: no crash */
		ldcache_each((struct view){ cache, cut }, want, count, &found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_ourselves),
		cmocka_unit_test(test_of_nobody),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_ldcache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
