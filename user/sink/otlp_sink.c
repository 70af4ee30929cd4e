// SPDX-License-Identifier: Apache-2.0
/*
 * The OTLP exporter: a bounded queue, and a thread that empties it in batches.
 * put() encodes the span and hands it over; it never waits for the network.
 * Every span that was put ends in exactly one of delivered, rejected and
 * dropped.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "sink/otlp.h"
#include "sink/otlp_http.h"
#include "sink/sink.h"

#define QUEUE_BYTES	OTLP_REQUEST_MAX
#define BACKOFF_MAX_MS	30000
#define STOP_GRACE_MS	1000	/* for a request that was told to stop */
#define NS_PER_MS	1000000ull

/* Spans of one process share the bytes of its resource. */
struct blob {
	unsigned refs;
	size_t n;
	char p[];
};

struct item {
	struct item *next;
	struct blob *resource;
	uint64_t queued;	/* ns */
	size_t n;
	char p[];
};

struct otlp_sink {
	struct sink sink;
	struct otlp_http *http;
	int (*encode)(struct buf *out, const struct span *s);	/* as a span, or as a log record */
	unsigned queue_max, batch_max, delay_ms, backoff_ms, give_up_ms;
	struct buf scratch;		/* put()'s */
	struct blob *last_resource;	/* put()'s: the newest one, to be shared */
	char said[200];			/* last_error()'s */
	pthread_t thread;

	pthread_mutex_t lock;		/* for what follows */
	pthread_cond_t wake, idle;
	struct item *first, **end;
	unsigned cnt;			/* waiting */
	size_t bytes;
	unsigned flying;		/* in the batch that is being sent */
	uint64_t flush_until;		/* ns; 0: nobody is waiting */
	bool hurry;			/* one wait before a retry is to be cut short */
	bool late;			/* since a flush began, something was given up */
	bool ending;
	bool stop;			/* what is being sent is to be given up; read without the lock */
	char why[200];

	/* the thread's own */
	struct item **batch;
	struct otlp_part *parts;
	struct buf request;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* False: the time has come. */
static bool wait_until(struct otlp_sink *o, pthread_cond_t *cond, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000ull, .tv_nsec = ns % 1000000000ull };

	return pthread_cond_timedwait(cond, &o->lock, &ts) != ETIMEDOUT;
}

static void count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void blob_put(struct blob *b)
{
	if (b && !__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL))
		free(b);
}

static void item_free(struct item *it)
{
	blob_put(it->resource);
	free(it);
}

/* The queue */

static struct item *pop(struct otlp_sink *o)
{
	struct item *it = o->first;

	o->first = it->next;
	if (!o->first)
		o->end = &o->first;
	o->cnt--;
	o->bytes -= it->n;
	return it;
}

static unsigned drop_queue(struct otlp_sink *o)
{
	unsigned n = o->cnt;

	while (o->first)
		item_free(pop(o));
	count(&o->sink.stats.dropped, n);
	return n;
}

static struct otlp_part part_of(const struct item *it)
{
	return (struct otlp_part){
		.resource = { it->resource->p, it->resource->n },
		.span = { it->p, it->n },
	};
}

/* A batch by number or by size; the first span always goes, however large. */
static unsigned take_batch(struct otlp_sink *o)
{
	size_t size = 0, more;
	unsigned n = 0;

	while (o->first && n < o->batch_max) {
		o->parts[n] = part_of(o->first);
		more = otlp_part_size(&o->parts[n]);
		if (n && size + more > OTLP_BATCH_MAX)
			break;
		size += more;
		o->batch[n++] = pop(o);
	}
	o->flying = n;
	return n;
}

static void batch_done(struct otlp_sink *o, unsigned n)
{
	while (n)
		item_free(o->batch[--n]);
	pthread_mutex_lock(&o->lock);
	o->flying = 0;
	if (!o->ending)
		__atomic_store_n(&o->stop, false, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&o->idle);
	pthread_mutex_unlock(&o->lock);
}

/* The thread */

static void note(struct otlp_sink *o, const char *why)
{
	if (!why[0])
		return;
	pthread_mutex_lock(&o->lock);
	snprintf(o->why, sizeof(o->why), "%s", why);
	pthread_mutex_unlock(&o->lock);
}

/* A random half more or less, so that many exporters do not come back at once. */
static uint64_t jittered(uint64_t ms)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = now_ns();
	return ms / 2 + ms * r / UINT32_MAX;
}

/*
 * Waits before another try.  False: it would come too late, or we are told to
 * stop.  A flush cuts one wait short, unless the server had asked for it.
 */
static bool wait_to_retry(struct otlp_sink *o, uint64_t ms, bool asked, uint64_t give_up)
{
	uint64_t until = now_ns() + ms * NS_PER_MS;
	bool go;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		go = !o->stop && until <= give_up && (!o->flush_until || until < o->flush_until);
		if (o->hurry && !asked && !o->stop)
			until = 0;
		else if (!go)
			break;
		if (now_ns() >= until)
			break;
		wait_until(o, &o->wake, until);
	}
	if (!until) {
		o->hurry = false;
		go = true;
	}
	pthread_mutex_unlock(&o->lock);
	return go;
}

static void settle(struct otlp_sink *o, unsigned n, const struct otlp_answer *a)
{
	struct sink_stats *st = &o->sink.stats;
	uint64_t rejected = (uint64_t)a->rejected < n ? (uint64_t)a->rejected : n;

	note(o, a->why);
	switch (a->verdict) {
	case OTLP_ACCEPTED:
		count(&st->rejected, rejected);
		count(&st->delivered, n - rejected);
		break;
	case OTLP_REFUSED:
		count(&st->rejected, n);
		break;
	case OTLP_RETRY:
	case OTLP_STOPPED:
		count(&st->dropped, n);
		pthread_mutex_lock(&o->lock);
		o->late = true;
		pthread_mutex_unlock(&o->lock);
		break;
	}
}

static void send_batch(struct otlp_sink *o, unsigned n)
{
	uint64_t give_up = o->give_up_ms ? now_ns() + o->give_up_ms * NS_PER_MS : UINT64_MAX;
	uint64_t backoff = o->backoff_ms;
	struct otlp_answer a;
	uint64_t ms;

	for (;;) {
		otlp_http_post(o->http, buf_view(&o->request), &o->stop, &a);
		if (a.verdict != OTLP_RETRY)
			break;
		note(o, a.why);
		ms = a.retry_after_ms ? (uint64_t)a.retry_after_ms : jittered(backoff);
		if (!wait_to_retry(o, ms, a.retry_after_ms, give_up))
			break;
		count(&o->sink.stats.retries, 1);
		backoff = backoff * 3 / 2 < BACKOFF_MAX_MS ? backoff * 3 / 2 : BACKOFF_MAX_MS;
	}
	settle(o, n, &a);
}

static void export_batch(struct otlp_sink *o, unsigned n)
{
	buf_reset(&o->request);
	if (otlp_encode_request(&o->request, o->parts, n)) {
		count(&o->sink.stats.dropped, n);
		note(o, "a batch was too large, or memory was short");
	} else {
		send_batch(o, n);
	}
	if (o->request.cap > OTLP_BATCH_MAX)
		buf_release(&o->request);
	batch_done(o, n);
}

/* With the lock.  False: it is over. */
static bool wait_for_batch(struct otlp_sink *o)
{
	uint64_t due;

	while (!o->ending) {
		if (o->cnt >= o->batch_max || o->bytes >= OTLP_BATCH_MAX || (o->cnt && o->flush_until))
			return true;
		if (!o->cnt) {
			pthread_cond_wait(&o->wake, &o->lock);
			continue;
		}
		due = o->first->queued + o->delay_ms * NS_PER_MS;
		if (now_ns() >= due)
			return true;
		wait_until(o, &o->wake, due);
	}
	return false;
}

static void *run(void *arg)
{
	struct otlp_sink *o = arg;
	unsigned n;

	pthread_mutex_lock(&o->lock);
	while (wait_for_batch(o)) {
		n = take_batch(o);
		pthread_mutex_unlock(&o->lock);
		export_batch(o, n);
		pthread_mutex_lock(&o->lock);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* The door */

static struct blob *resource_blob(struct otlp_sink *o, const struct resource *r)
{
	struct blob *b = o->last_resource;

	buf_reset(&o->scratch);
	if (otlp_encode_resource(&o->scratch, r))
		return NULL;
	if (!b || !view_eq((struct view){ b->p, b->n }, buf_view(&o->scratch))) {
		b = malloc(sizeof(*b) + o->scratch.n);
		if (!b)
			return NULL;
		*b = (struct blob){ .refs = 1, .n = o->scratch.n };
		if (b->n)
			memcpy(b->p, o->scratch.p, b->n);
		blob_put(o->last_resource);
		o->last_resource = b;
	}
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

static struct item *item_new(struct otlp_sink *o, const struct span *span)
{
	struct blob *resource = resource_blob(o, span->resource);
	struct item *it = NULL;

	if (!resource)
		return NULL;
	buf_reset(&o->scratch);
	if (!o->encode(&o->scratch, span))
		it = malloc(sizeof(*it) + o->scratch.n);
	if (!it) {
		blob_put(resource);
		return NULL;
	}
	*it = (struct item){ .resource = resource, .queued = now_ns(), .n = o->scratch.n };
	memcpy(it->p, o->scratch.p, it->n);
	return it;
}

static bool push(struct otlp_sink *o, struct item *it)
{
	struct otlp_part part = part_of(it);

	if (otlp_part_size(&part) > OTLP_REQUEST_MAX) {
		snprintf(o->why, sizeof(o->why), "a span was larger than 64 MiB");
		return false;
	}
	if (o->cnt >= o->queue_max || o->bytes + it->n > QUEUE_BYTES) {
		snprintf(o->why, sizeof(o->why), "the queue was full");
		return false;
	}
	*o->end = it;
	o->end = &it->next;
	o->cnt++;
	o->bytes += it->n;
	/* The thread has to wake up for the first span (its delay begins) and for a full batch. */
	if (o->cnt == 1 || o->cnt >= o->batch_max || o->bytes >= OTLP_BATCH_MAX)
		pthread_cond_signal(&o->wake);
	return true;
}

static int otlp_put(struct sink *s, const struct span *span)
{
	struct otlp_sink *o = (struct otlp_sink *)s;
	struct item *it = item_new(o, span);
	bool taken = false;

	if (o->scratch.cap > OTLP_BATCH_MAX)
		buf_release(&o->scratch);
	if (it) {
		pthread_mutex_lock(&o->lock);
		taken = push(o, it);
		pthread_mutex_unlock(&o->lock);
	} else {
		note(o, "a span was larger than 64 MiB, or memory was short");
	}
	if (!taken) {
		count(&s->stats.dropped, 1);
		if (it)
			item_free(it);
	}
	return 0;
}

/* With the lock: gives up what waits and what flies. */
static void stop_sending(struct otlp_sink *o)
{
	uint64_t until = now_ns() + STOP_GRACE_MS * NS_PER_MS;

	if (drop_queue(o) && !o->why[0])
		snprintf(o->why, sizeof(o->why), "there was no time left to send them");
	if (o->flying || o->ending)
		__atomic_store_n(&o->stop, true, __ATOMIC_RELEASE);
	pthread_cond_signal(&o->wake);
	otlp_http_wake(o->http);
	while (o->flying && wait_until(o, &o->idle, until))
		;
}

static int otlp_flush(struct sink *s, int timeout_ms)
{
	struct otlp_sink *o = (struct otlp_sink *)s;
	bool late = false;

	pthread_mutex_lock(&o->lock);
	o->flush_until = now_ns() + (timeout_ms > 0 ? timeout_ms : 0) * NS_PER_MS;
	o->hurry = true;
	o->late = false;
	pthread_cond_signal(&o->wake);
	while ((o->cnt || o->flying) && !late)
		late = !wait_until(o, &o->idle, o->flush_until) && (o->cnt || o->flying);
	if (late)
		stop_sending(o);
	late |= o->late;
	o->flush_until = 0;
	o->hurry = false;
	pthread_mutex_unlock(&o->lock);
	return late ? -ETIMEDOUT : 0;
}

static const char *otlp_last_error(struct sink *s)
{
	struct otlp_sink *o = (struct otlp_sink *)s;

	pthread_mutex_lock(&o->lock);
	memcpy(o->said, o->why, sizeof(o->said));
	pthread_mutex_unlock(&o->lock);
	return o->said[0] ? o->said : NULL;
}

static void otlp_release(struct otlp_sink *o)
{
	drop_queue(o);
	blob_put(o->last_resource);
	otlp_http_free(o->http);
	buf_release(&o->scratch);
	buf_release(&o->request);
	pthread_cond_destroy(&o->wake);
	pthread_cond_destroy(&o->idle);
	pthread_mutex_destroy(&o->lock);
	free(o->batch);
	free(o->parts);
	free(o);
}

static void otlp_free(struct sink *s)
{
	struct otlp_sink *o = (struct otlp_sink *)s;

	pthread_mutex_lock(&o->lock);
	o->ending = true;
	stop_sending(o);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	otlp_release(o);
}

static const struct sink_type sink_otlp = {
	.name = "otlp",
	.put = otlp_put,
	.flush = otlp_flush,
	.last_error = otlp_last_error,
	.free = otlp_free,
};

/* Signals are the main thread's business; SIGPIPE of a broken TLS connection is nobody's. */
static int start_thread(struct otlp_sink *o)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&o->thread, NULL, run, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static struct otlp_sink *otlp_alloc(const struct otlp_config *c)
{
	struct otlp_sink *o = calloc(1, sizeof(*o));
	pthread_condattr_t attr;

	if (!o)
		return NULL;
	o->sink.type = &sink_otlp;
	o->end = &o->first;
	o->queue_max = c->queue_max;
	o->batch_max = c->batch_max;
	o->delay_ms = c->delay_ms;
	o->backoff_ms = c->backoff_ms;
	o->give_up_ms = c->give_up_ms;
	buf_init(&o->scratch, OTLP_REQUEST_MAX);
	buf_init(&o->request, OTLP_REQUEST_MAX);
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->wake, &attr);
	pthread_cond_init(&o->idle, &attr);
	pthread_condattr_destroy(&attr);
	return o;
}

static struct sink *sink_new(const struct otlp_config *c, int (*encode)(struct buf *out, const struct span *s),
			     int *ret_err)
{
	struct otlp_sink *o = otlp_alloc(c);
	int err = -ENOMEM;

	if (!o) {
		*ret_err = err;
		return NULL;
	}
	o->encode = encode;
	o->batch = calloc(c->batch_max, sizeof(struct item *));
	o->parts = calloc(c->batch_max, sizeof(*o->parts));
	o->http = otlp_http_new(c, &err);
	if (o->http && o->batch && o->parts)
		err = start_thread(o);
	if (err) {
		otlp_release(o);
		*ret_err = err;
		return NULL;
	}
	return &o->sink;
}

struct sink *sink_otlp_new(const struct otlp_config *c, int *ret_err)
{
	return sink_new(c, otlp_encode_span, ret_err);
}

struct sink *sink_otlp_logs_new(const struct otlp_config *c, int *ret_err)
{
	return sink_new(c, otlp_encode_log, ret_err);
}
