/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OOM_H
#define OOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * Lets the n-th allocation fail, once for each n, until none is left to fail;
 * then the same with all from the n-th on.  What a run took it must have given
 * back.  The test is linked with --wrap for malloc, calloc, realloc and free, so
 * this sees what our own code asks for; libraries' own allocations go through.
 */
#define OOM_LIVE_MAX 65536

static struct oom {
	bool on, for_good;
	uint64_t cnt, fail_at;		/* allocations asked for in this run; 0: none fails */
	bool failed;
	void *live[OOM_LIVE_MAX];
	size_t live_cnt;
} oom;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static bool oom_now(void)
{
	if (!oom.on)
		return false;
	oom.cnt++;
	if (!oom.fail_at || !(oom.cnt == oom.fail_at || (oom.for_good && oom.cnt > oom.fail_at)))
		return false;
	oom.failed = true;
	return true;
}

static void *oom_add(void *p)
{
	if (oom.on && p) {
		if (oom.live_cnt == OOM_LIVE_MAX)
			abort();
		oom.live[oom.live_cnt++] = p;
	}
	return p;
}

/* Most of what is freed was taken not long ago.  What is not found a library took, as vasprintf() does. */
static void oom_del(void *p)
{
	for (size_t i = oom.live_cnt; p && i-- > 0;) {
		if (oom.live[i] != p)
			continue;
		oom.live[i] = oom.live[--oom.live_cnt];
		return;
	}
}

void *__wrap_malloc(size_t n)
{
	return oom_now() ? NULL : oom_add(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return oom_now() ? NULL : oom_add(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	if (oom_now())
		return NULL;
	oom_del(p);
	return oom_add(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
	oom_del(p);
	__real_free(p);
}

static bool oom_run(void (*scenario)(void *arg), void *arg, uint64_t fail_at, bool for_good)
{
	oom.cnt = 0;
	oom.live_cnt = 0;
	oom.failed = false;
	oom.fail_at = fail_at;
	oom.for_good = for_good;
	oom.on = true;
	scenario(arg);
	oom.on = false;
	if (oom.live_cnt)
		fail_msg("allocation %llu of %llu failed%s: %zu pieces of memory were not given back",
			 (unsigned long long)fail_at, (unsigned long long)oom.cnt, for_good ? " and all later" : "",
			 oom.live_cnt);
	return oom.failed;
}

/* Returns how many allocations a run takes when none fails; it must take at least one. */
static uint64_t oom_every(void (*scenario)(void *arg), void *arg)
{
	uint64_t n, all;

	assert_false(oom_run(scenario, arg, 0, false));
	all = oom.cnt;
	for (n = 1; oom_run(scenario, arg, n, false); n++)
		;
	assert_true(n > 1 && n >= all);
	for (n = 1; oom_run(scenario, arg, n, true); n++)
		;
	return all;
}

#endif /* OOM_H */
