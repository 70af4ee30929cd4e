/* SPDX-License-Identifier: Apache-2.0 */
#ifndef METRICS_EXPORT_H
#define METRICS_EXPORT_H

#include "base/buf.h"
#include "metric/metric.h"
#include "sink/sink.h"

/* Appends an ExportMetricsServiceRequest with all there is at unix time now (ns); nothing when there is nothing.  0, -ENOMEM, -E2BIG. */
int metrics_encode(struct buf *out, struct metrics *m, uint64_t now);

/* Appends the text that Prometheus reads (exposition format 0.0.4).  0, -ENOMEM, -E2BIG. */
int metrics_text(struct buf *out, struct metrics *m);

/*
 * Sends metrics over OTLP/HTTP from a thread of its own, each OTEL_METRIC_EXPORT_INTERVAL (60 s) and at the end.  What
 * is not taken is not kept: the next export has it all again, for all is cumulative.  Borrows m.
 */
struct metrics_export;

struct metrics_export_stats {
	uint64_t exports, failed;
};

/* c: for OTLP_METRICS.  NULL: *ret_err = negative errno. */
struct metrics_export *metrics_export_new(const struct otlp_config *c, struct metrics *m, int *ret_err);
/* Lets it send a last time, without waiting for that.  NULL is fine. */
void metrics_export_hurry(struct metrics_export *e);
/*
 * As that, waits up to timeout_ms, and frees.  False: it was not taken; why says why, or is empty; *ret_refused: for good, as by
 * a receiver that knows traces only.
 */
bool metrics_export_end(struct metrics_export *e, int timeout_ms, char why[static 200], bool *ret_refused);
struct metrics_export_stats metrics_export_stats(struct metrics_export *e);

/*
 * Answers GET /metrics on "host:port", ":port" or "port"; without a host on loopback only.
 * NULL: *ret_why, a few words, good until the next call.
 */
struct prometheus;
struct prometheus *prometheus_new(const char *address, struct metrics *m, const char **ret_why);
void prometheus_free(struct prometheus *p);	/* NULL is fine */

#endif /* METRICS_EXPORT_H */
