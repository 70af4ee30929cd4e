/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_H
#define SINK_H

#include "trace/span.h"

/*
 * Where finished spans go.  put() borrows the span.  Nothing here may block the
 * observation: a sink that talks to a network has a bounded queue and counts
 * what it drops.
 */
struct sink_stats {
	uint64_t spans;		/* handed to put() */
	uint64_t delivered;	/* written, or accepted by the other side */
	uint64_t dropped;	/* queue full, too large, or given up: not sent in time, not written */
	uint64_t rejected;	/* refused by the other side, partially or for good */
	uint64_t retries;
};

struct sink {
	const struct sink_type *type;
	struct sink_stats stats;
};

struct sink_type {
	const char *name;	/* "file", "otlp", "terminal" */

	/* 0, or a negative errno once it is broken (disk full); the caller says so once and goes on without it. */
	int (*put)(struct sink *s, const struct span *span);

	/* Writes out what is held, within timeout_ms.  0, or -ETIMEDOUT with the rest counted as dropped. */
	int (*flush)(struct sink *s, int timeout_ms);

	/* What went wrong last, a sentence without its full stop; NULL: nothing.  Good until the next call.  May be NULL. */
	const char *(*last_error)(struct sink *s);

	void (*free)(struct sink *s);
};

/*
 * OTLP/JSON lines, one TracesData object a line, flushed line by line.  "-" is stdout.
 * A new file is 0600; owner (uid_t)-1: stays the caller's.  A file that stands there is emptied and
 * made 0600.  NULL and *ret_err = negative errno: -ELOOP for a symbolic link and -EPERM for a
 * file that belongs to somebody else than us, owner or root.
 * The caller has SIGPIPE ignored.
 */
struct sink *sink_file_new(const char *path, unsigned owner, unsigned group, int *ret_err);

enum otlp_signal { OTLP_TRACES, OTLP_METRICS, OTLP_LOGS };

struct otlp_config {
	const char *endpoint;	/* whole URL of the signal's endpoint */
	const char *headers;	/* OTEL_EXPORTER_OTLP_HEADERS form; NULL */
	const char *ca_file, *client_cert, *client_key;	/* NULL: the system's */
	long timeout_ms;	/* of one attempt; 0: no limit */
	bool gzip;
	unsigned queue_max;	/* spans waiting, 2048; 64 MiB of them at most */
	unsigned batch_max;	/* spans in one request, 512 */
	unsigned delay_ms;	/* an incomplete batch is sent after so long, 5000 */
	unsigned backoff_ms;	/* before the first retry, 1000; then x 1.5 up to 30 s, each +-50 % */
	unsigned interval_ms;	/* between two exports of metrics, 60000 */
	unsigned give_up_ms;	/* a batch not taken after so long is dropped, 300000; 0: no limit */
	struct arena arena;	/* holds the strings */
};

/*
 * Fills c from --otlp's value (NULL: none given) and the OTEL_* variables for this signal, with
 * OTLP's rules for what is appended to which URL.  --otlp's value is treated as
 * OTEL_EXPORTER_OTLP_ENDPOINT is; where it ends in /v1/traces already, that is not part of the base.
 * false: a value makes no sense, *ret_why (in c's lifetime) says which in words;
 * true with *ret_why set: that was ignored.  Neither says a header's value.
 * Release c in both cases.
 */
bool otlp_config(struct otlp_config *c, enum otlp_signal signal, const char *url, const char **ret_why);
/* The environment asks for this signal to be exported, without --otlp. */
bool otlp_wanted(enum otlp_signal signal);
/* The environment forbids it: OTEL_SDK_DISABLED, OTEL_*_EXPORTER=none. */
bool otlp_forbidden(enum otlp_signal signal);
void otlp_config_release(struct otlp_config *c);

/* OTLP/HTTP protobuf.  A thread of its own sends, retries with backoff, and never holds up put().  Copies what it needs of c. */
struct sink *sink_otlp_new(const struct otlp_config *c, int *ret_err);

/* The same, as log records (otlp_encode_log()): c is of OTLP_LOGS. */
struct sink *sink_otlp_logs_new(const struct otlp_config *c, int *ret_err);

struct terminal_config {
	int fd;
	bool live;		/* draw each span when it is finished; else the whole tree at flush */
	bool color;
	bool verbose;
};
struct sink *sink_terminal_new(const struct terminal_config *c, int *ret_err);

static inline int sink_put(struct sink *s, const struct span *span)
{
	s->stats.spans++;
	return s->type->put(s, span);
}

/* For a sink that is broken: the span is counted, not put. */
static inline void sink_skip(struct sink *s)
{
	s->stats.spans++;
	__atomic_fetch_add(&s->stats.dropped, 1, __ATOMIC_RELAXED);
}

static inline int sink_flush(struct sink *s, int timeout_ms)
{
	return s->type->flush ? s->type->flush(s, timeout_ms) : 0;
}

/* The counters as they stand now: a sink's own thread may be counting. */
static inline struct sink_stats sink_stats(const struct sink *s)
{
	return (struct sink_stats){
		.spans = s->stats.spans,
		.delivered = __atomic_load_n(&s->stats.delivered, __ATOMIC_RELAXED),
		.dropped = __atomic_load_n(&s->stats.dropped, __ATOMIC_RELAXED),
		.rejected = __atomic_load_n(&s->stats.rejected, __ATOMIC_RELAXED),
		.retries = __atomic_load_n(&s->stats.retries, __ATOMIC_RELAXED),
	};
}

static inline const char *sink_last_error(struct sink *s)
{
	return s->type->last_error ? s->type->last_error(s) : NULL;
}

static inline void sink_free(struct sink *s)
{
	if (s)
		s->type->free(s);
}

#endif /* SINK_H */
