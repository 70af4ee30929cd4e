// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sink/metrics_export.h"
#include "sink/otlp.h"
#include "sink/otlp_http.h"

#define NS_PER_MS	1000000ull
#define RETRIES		3

struct metrics_export {
	struct otlp_http *http;
	struct metrics *metrics;
	unsigned interval_ms, backoff_ms;
	pthread_t thread;
	pthread_mutex_t lock;		/* for what follows */
	pthread_cond_t wake, done;
	bool ending, ended;
	bool stop;			/* what is being sent is to be given up; read without the lock */
	bool last_taken, refused;
	char why[200];
	struct metrics_export_stats stats;
};

static uint64_t now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* With the lock.  False: the time has come. */
static bool wait_until(struct metrics_export *e, pthread_cond_t *cond, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000ull, .tv_nsec = ns % 1000000000ull };

	return pthread_cond_timedwait(cond, &e->lock, &ts) != ETIMEDOUT;
}

/* True: the wait was cut short, for the end has come. */
static bool pause_for(struct metrics_export *e, uint64_t ms)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + ms * NS_PER_MS;
	bool ending;

	pthread_mutex_lock(&e->lock);
	while (!e->ending && wait_until(e, &e->wake, until))
		;
	ending = e->ending;
	pthread_mutex_unlock(&e->lock);
	return ending;
}

static void settle(struct metrics_export *e, const struct otlp_answer *a)
{
	pthread_mutex_lock(&e->lock);
	e->last_taken = a->verdict == OTLP_ACCEPTED && !a->rejected;
	e->refused = a->verdict == OTLP_REFUSED;
	e->stats.exports++;
	e->stats.failed += !e->last_taken;
	snprintf(e->why, sizeof(e->why), "%s", a->why);
	pthread_mutex_unlock(&e->lock);
}

static void export(struct metrics_export *e)
{
	struct otlp_answer a = { .verdict = OTLP_REFUSED, .why = "metrics were too large, or memory was short" };
	struct buf request;
	int err;

	buf_init(&request, OTLP_REQUEST_MAX);
	err = metrics_encode(&request, e->metrics, now_ns(CLOCK_REALTIME));
	for (int i = 0; !err && request.n && i <= RETRIES; i++) {
		otlp_http_post(e->http, buf_view(&request), &e->stop, &a);
		if (a.verdict != OTLP_RETRY)
			break;
		pause_for(e, a.retry_after_ms ? (uint64_t)a.retry_after_ms : e->backoff_ms << i);
	}
	if (err || request.n)
		settle(e, &a);
	buf_release(&request);
}

static void *run(void *arg)
{
	struct metrics_export *e = arg;

	while (!pause_for(e, e->interval_ms))
		export(e);
	export(e);
	pthread_mutex_lock(&e->lock);
	e->ended = true;
	pthread_cond_signal(&e->done);
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

static void release(struct metrics_export *e)
{
	otlp_http_free(e->http);
	pthread_cond_destroy(&e->wake);
	pthread_cond_destroy(&e->done);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

/* Signals are the main thread's business. */
static int start(struct metrics_export *e)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&e->thread, NULL, run, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

struct metrics_export *metrics_export_new(const struct otlp_config *c, struct metrics *m, int *ret_err)
{
	struct metrics_export *e = calloc(1, sizeof(*e));
	pthread_condattr_t attr;
	int err = -ENOMEM;

	if (!e) {
		*ret_err = err;
		return NULL;
	}
	e->metrics = m;
	e->interval_ms = c->interval_ms;
	e->backoff_ms = c->backoff_ms;
	e->last_taken = true;
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->wake, &attr);
	pthread_cond_init(&e->done, &attr);
	pthread_condattr_destroy(&attr);
	e->http = otlp_http_new(c, &err);
	err = e->http ? start(e) : err;
	if (!err)
		return e;
	*ret_err = err;
	release(e);
	return NULL;
}

void metrics_export_hurry(struct metrics_export *e)
{
	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	e->ending = true;
	pthread_cond_signal(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

bool metrics_export_end(struct metrics_export *e, int timeout_ms, char why[static 200], bool *ret_refused)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + timeout_ms * NS_PER_MS;
	bool taken;

	why[0] = '\0';
	*ret_refused = false;
	if (!e)
		return true;
	metrics_export_hurry(e);
	pthread_mutex_lock(&e->lock);
	while (!e->ended && wait_until(e, &e->done, until))
		;
	if (!e->ended) {
		__atomic_store_n(&e->stop, true, __ATOMIC_RELEASE);
		otlp_http_wake(e->http);
	}
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
	taken = e->last_taken;
	*ret_refused = e->refused;
	if (!taken)
		snprintf(why, 200, "%s", e->why);
	release(e);
	return taken;
}

struct metrics_export_stats metrics_export_stats(struct metrics_export *e)
{
	struct metrics_export_stats s;

	pthread_mutex_lock(&e->lock);
	s = e->stats;
	pthread_mutex_unlock(&e->lock);
	return s;
}
