/* SPDX-License-Identifier: Apache-2.0 */
#ifndef METRIC_H
#define METRIC_H

#include <pthread.h>

#include "trace/span.h"

/*
 * What spans add up to: the histograms of semantic-conventions-genai, and onlooker's own books.  All of it is
 * cumulative since the program began.  Any thread may read while another one adds.
 */
enum metric_kind { METRIC_HISTOGRAM, METRIC_SUM, METRIC_GAUGE };

#define METRIC_BUCKETS_MAX 16

struct metric_def {
	const char *name, *unit, *help;
	enum metric_kind kind;
	bool integer;			/* values are whole numbers */
	const double *bounds;		/* of a histogram: inclusive upper ends, ascending */
	unsigned bounds_cnt;
};

/* Who it was: the resource of the spans without what names a single process. */
struct metric_source {
	struct arena arena;
	struct attrs attrs;
	struct metric_source *next;
};

struct metric_point {
	const struct metric_def *def;
	const struct metric_source *source;	/* NULL: onlooker itself */
	struct attrs attrs;
	uint64_t count;				/* of a histogram */
	double sum, min, max;			/* of a histogram; sum: the value of the others */
	uint64_t buckets[METRIC_BUCKETS_MAX];	/* bounds_cnt + 1 of them */
	bool overflow;				/* stands for all that came when there were too many attribute sets */
};

struct metrics;

/* started: unix ns.  NULL: no memory. */
struct metrics *metrics_new(uint64_t started);
void metrics_free(struct metrics *m);	/* NULL is fine */
uint64_t metrics_started(const struct metrics *m);

/* A finished span, as the sinks get it. */
void metrics_span(struct metrics *m, const struct span *s);

/* onlooker's own books: name and, where there are several of it, what of. Sets the value. */
void metrics_book(struct metrics *m, const char *name, const char *state, uint64_t value);

/*
 * Calls put for each point, those of a source together and of these those of a metric; with the lock held, so put
 * must not wait or call back.  False from put: stop.
 */
void metrics_each(struct metrics *m, bool (*put)(void *arg, const struct metric_point *p), void *arg);

struct metrics_stats {
	uint64_t points;
	uint64_t overflowed;	/* values that went into an overflow point */
	uint64_t lost;		/* values that went nowhere: no memory */
};
struct metrics_stats metrics_stats(struct metrics *m);

#endif /* METRIC_H */
