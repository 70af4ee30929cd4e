// SPDX-License-Identifier: Apache-2.0
/* Metrics of an observation: who gets them, and onlooker's own books among them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "session.h"

static uint64_t unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int open_export(struct session *s)
{
	struct otlp_config c;
	const char *why = NULL;
	int err = -EINVAL;

	if (!otlp_config(&c, OTLP_METRICS, s->o->otlp, &why)) {
		fprintf(stderr, "onlooker %s: %s\n", s->verb, why);
		otlp_config_release(&c);
		return EXIT_USAGE;
	}
	s->metrics_export = metrics_export_new(&c, s->metrics, &err);
	otlp_config_release(&c);
	if (s->metrics_export)
		return 0;
	fprintf(stderr, "onlooker %s: cannot start the exporter of metrics: %s\n", s->verb, strerror(-err));
	return EXIT_ENVIRONMENT;
}

static int open_prometheus(struct session *s)
{
	const char *why;

	s->prometheus = prometheus_new(s->o->prometheus, s->metrics, &why);
	if (s->prometheus)
		return 0;
	fprintf(stderr, "onlooker %s: cannot answer Prometheus on %s: %s\n", s->verb, s->o->prometheus, why);
	return EXIT_ENVIRONMENT;
}

int session_open_metrics(struct session *s)
{
	bool otlp = (s->o->otlp && !otlp_forbidden(OTLP_METRICS)) || otlp_wanted(OTLP_METRICS);
	int err = 0;

	if (!otlp && !s->o->prometheus)
		return 0;
	s->metrics = metrics_new(unix_ns());
	if (!s->metrics) {
		fprintf(stderr, "onlooker %s: out of memory\n", s->verb);
		return EXIT_ENVIRONMENT;
	}
	if (otlp)
		err = open_export(s);
	if (!err && s->o->prometheus)
		err = open_prometheus(s);
	return err;
}

static void sink_books(struct session *s)
{
	struct sink_stats sum = { 0 }, one;

	for (size_t i = 0; i < s->sink_cnt; i++) {
		one = sink_stats(s->sinks[i]);
		sum.delivered += one.delivered;
		sum.dropped += one.dropped;
		sum.rejected += one.rejected;
	}
	metrics_book(s->metrics, "onlooker.sink.spans", "delivered", sum.delivered);
	metrics_book(s->metrics, "onlooker.sink.spans", "dropped", sum.dropped);
	metrics_book(s->metrics, "onlooker.sink.spans", "rejected", sum.rejected);
}

void session_metrics_books(struct session *s)
{
	const struct wire_stats *k = flow_kernel_stats(s->flow);
	const struct flow_stats *f = flow_stats(s->flow);
	const struct trace_stats *t = flow_trace_stats(s->flow);
	const struct {
		const char *name, *state;
		uint64_t value;
	} rows[] = {
		{ "onlooker.capture.bytes", "delivered", k->delivered_bytes },
		{ "onlooker.capture.bytes", "dropped", k->dropped_bytes },
		{ "onlooker.capture.bytes", "truncated", k->truncated_bytes },
		{ "onlooker.capture.bytes", "ignored", k->ignored_bytes },
		{ "onlooker.capture.records", "delivered", k->records },
		{ "onlooker.capture.records", "dropped", k->dropped_records + k->dropped_control },
		{ "onlooker.capture.refused", NULL, k->map_full },
		{ "onlooker.decode.bytes", "decoded", f->decoded },
		{ "onlooker.decode.bytes", "opaque", f->opaque },
		{ "onlooker.decode.bytes", "lost", f->lost },
		{ "onlooker.exchanges", "model_call", t->calls },
		{ "onlooker.exchanges", "mcp", f->mcp_exchanges },
		{ "onlooker.exchanges", "a2a", f->a2a_exchanges },
		{ "onlooker.exchanges", "other", f->other_exchanges },
		{ "onlooker.exchanges", "served", f->server_exchanges },
		{ "onlooker.spans", "incomplete", t->incomplete },
		{ "onlooker.spans", "lost", t->lost },
	};

	if (!s->metrics)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metrics_book(s->metrics, rows[i].name, rows[i].state, rows[i].value);
	sink_books(s);
}

void session_close_metrics(struct session *s, int timeout_ms)
{
	bool refused, taken, asked = getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") || getenv("OTEL_METRICS_EXPORTER");
	char why[200];

	taken = metrics_export_end(s->metrics_export, timeout_ms, why, &refused);
	/* Where spans did not get through either, that has been said; and Jaeger or Phoenix have no use for metrics. */
	if (!taken && !s->sink_failed && (!refused || asked || s->o->verbose))
		fprintf(stderr, "onlooker %s: otlp: metrics were not taken%s%s\n", s->verb, why[0] ? ": " : "", why);
	prometheus_free(s->prometheus);
	metrics_free(s->metrics);
}
