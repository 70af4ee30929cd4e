// SPDX-License-Identifier: Apache-2.0
/*
 * What is not seen, as OTLP log records.  Their exporter is started with the
 * first of them: most observations have none, and not every collector takes logs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "session.h"

static struct sink *open_logs(struct session *s)
{
	struct otlp_config c;
	const char *why = NULL;
	struct sink *k = NULL;
	int err;

	if (otlp_config(&c, OTLP_LOGS, s->o->otlp, &why))
		k = sink_otlp_logs_new(&c, &err);
	otlp_config_release(&c);
	return k;
}

static uint64_t unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct resource *make_resource(void)
{
	struct resource *r = resource_new();

	if (r)
		attrs_str(&r->attrs, &r->arena, ATTR_SERVICE_NAME, VIEW("onlooker"));
	return r;
}

void session_log(struct session *s, const struct cover_report *r)
{
	bool wanted = (s->o->otlp && !otlp_forbidden(OTLP_LOGS)) || otlp_wanted(OTLP_LOGS);
	struct span *log;

	if (!wanted || s->logs_refused)
		return;
	if (!s->logs)
		s->logs = open_logs(s);
	s->logs_refused = !s->logs;
	log = s->logs ? span_new() : NULL;
	if (!log)
		return;
	log->name = VIEW("onlooker.coverage");
	log->start = log->end = unix_ns();
	log->error_message = arena_copy(&log->arena, view_of(r->words));
	log->resource = make_resource();
	attrs_str(&log->attrs, &log->arena, ATTR_ONLOOKER_COVERAGE_REDUCED_BY, view_of(cover_what_name(r->what)));
	attrs_int(&log->attrs, &log->arena, ATTR_PROCESS_PID, r->pid);
	if (r->exe[0])
		attrs_str(&log->attrs, &log->arena, ATTR_PROCESS_EXECUTABLE_PATH, view_of(r->exe));
	sink_put(s->logs, log);
	span_free(log);
}

void session_close_logs(struct session *s, int timeout_ms)
{
	struct sink_stats st;
	const char *why;

	if (!s->logs)
		return;
	sink_flush(s->logs, timeout_ms);
	st = sink_stats(s->logs);
	why = sink_last_error(s->logs);
	if ((st.dropped || st.rejected) && s->o->verbose)
		fprintf(stderr, "onlooker %s: %llu of %llu log records did not arrive%s%s\n", s->verb,
			(unsigned long long)(st.dropped + st.rejected), (unsigned long long)st.spans,
			why ? ": " : "", why ? why : "");
	sink_free(s->logs);
	s->logs = NULL;
}
