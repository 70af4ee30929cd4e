// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "sink/metrics_export.h"
#include "sink/otlp.h"
#include "sink/otlp_message.h"

/* Points as they were at one moment: what a message is made of while others go on adding. */
struct snapshot {
	struct metric_point *points;
	size_t cnt, cap;
	bool failed;
};

struct maker {
	struct scratch m;
	uint64_t start, now;
	const struct metric_point *at, *end;
};

static bool keep(void *arg, const struct metric_point *p)
{
	struct snapshot *s = arg;
	struct metric_point *more;

	if (s->cnt == s->cap) {
		more = realloc(s->points, (s->cap * 2 + 64) * sizeof(*more));
		if (!more) {
			s->failed = true;
			return false;
		}
		s->points = more;
		s->cap = s->cap * 2 + 64;
	}
	s->points[s->cnt++] = *p;
	return true;
}

/* otel.metric.overflow stands where the attributes were. */
static Otlp__KeyValue **point_attrs(struct scratch *m, const struct metric_point *p, size_t *ret_n)
{
	struct attrs as = { 0 };

	if (!p->overflow)
		return msg_attrs(m, &p->attrs, ret_n);
	attrs_bool(&as, &m->arena, ATTR_OTEL_METRIC_OVERFLOW, true);
	return msg_attrs(m, &as, ret_n);
}

static Otlp__NumberDataPoint *number_point(struct maker *k, const struct metric_point *p)
{
	Otlp__NumberDataPoint *n = msg_take(&k->m, 1, sizeof(*n));

	if (!n)
		return NULL;
	otlp__number_data_point__init(n);
	n->start_time_unix_nano = k->start;
	n->time_unix_nano = k->now;
	n->value_case = p->def->integer ? OTLP__NUMBER_DATA_POINT__VALUE_AS_INT : OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
	if (p->def->integer)
		n->as_int = p->sum;
	else
		n->as_double = p->sum;
	n->attributes = point_attrs(&k->m, p, &n->n_attributes);
	return n;
}

static Otlp__HistogramDataPoint *histogram_point(struct maker *k, const struct metric_point *p)
{
	Otlp__HistogramDataPoint *h = msg_take(&k->m, 1, sizeof(*h));

	if (!h)
		return NULL;
	otlp__histogram_data_point__init(h);
	h->start_time_unix_nano = k->start;
	h->time_unix_nano = k->now;
	h->count = p->count;
	h->has_sum_case = OTLP__HISTOGRAM_DATA_POINT__HAS_SUM_SUM;
	h->sum = p->sum;
	h->has_min_case = OTLP__HISTOGRAM_DATA_POINT__HAS_MIN_MIN;
	h->min = p->min;
	h->has_max_case = OTLP__HISTOGRAM_DATA_POINT__HAS_MAX_MAX;
	h->max = p->max;
	h->n_explicit_bounds = p->def->bounds_cnt;
	h->explicit_bounds = (double *)p->def->bounds;
	h->n_bucket_counts = p->def->bounds_cnt + 1;
	h->bucket_counts = (uint64_t *)p->buckets;
	h->attributes = point_attrs(&k->m, p, &h->n_attributes);
	return h;
}

static void fill_histogram(struct maker *k, Otlp__Metric *out, size_t n)
{
	Otlp__Histogram *h = msg_take(&k->m, 1, sizeof(*h));

	if (!h)
		return;
	otlp__histogram__init(h);
	h->aggregation_temporality = OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE;
	h->data_points = msg_take(&k->m, n, sizeof(*h->data_points));
	for (size_t i = 0; i < n && !k->m.failed; i++)
		h->data_points[h->n_data_points++] = histogram_point(k, k->at++);
	out->data_case = OTLP__METRIC__DATA_HISTOGRAM;
	out->histogram = h;
}

static void fill_sum(struct maker *k, Otlp__Metric *out, size_t n)
{
	Otlp__Sum *s = msg_take(&k->m, 1, sizeof(*s));

	if (!s)
		return;
	otlp__sum__init(s);
	s->aggregation_temporality = OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE;
	s->is_monotonic = true;
	s->data_points = msg_take(&k->m, n, sizeof(*s->data_points));
	for (size_t i = 0; i < n && !k->m.failed; i++)
		s->data_points[s->n_data_points++] = number_point(k, k->at++);
	out->data_case = OTLP__METRIC__DATA_SUM;
	out->sum = s;
}

static void fill_gauge(struct maker *k, Otlp__Metric *out, size_t n)
{
	Otlp__Gauge *g = msg_take(&k->m, 1, sizeof(*g));

	if (!g)
		return;
	otlp__gauge__init(g);
	g->data_points = msg_take(&k->m, n, sizeof(*g->data_points));
	for (size_t i = 0; i < n && !k->m.failed; i++)
		g->data_points[g->n_data_points++] = number_point(k, k->at++);
	out->data_case = OTLP__METRIC__DATA_GAUGE;
	out->gauge = g;
}

/* The run of points that are of one metric and source. */
static Otlp__Metric *make_metric(struct maker *k)
{
	static void (*const fill[])(struct maker *k, Otlp__Metric *out, size_t n) = {
		[METRIC_HISTOGRAM] = fill_histogram, [METRIC_SUM] = fill_sum, [METRIC_GAUGE] = fill_gauge,
	};
	const struct metric_point *first = k->at, *p = first;
	Otlp__Metric *out = msg_take(&k->m, 1, sizeof(*out));

	while (p < k->end && p->def == first->def && p->source == first->source)
		p++;
	if (!out)
		return NULL;
	otlp__metric__init(out);
	out->name = msg_bytes(view_of(first->def->name));
	out->description = msg_bytes(view_of(first->def->help));
	out->unit = msg_bytes(view_of(first->def->unit));
	fill[first->def->kind](k, out, p - first);
	return out;
}

static Otlp__Resource *make_resource(struct maker *k, const struct metric_source *source)
{
	Otlp__Resource *r = msg_take(&k->m, 1, sizeof(*r));
	struct attrs own = { 0 };

	if (!r)
		return NULL;
	otlp__resource__init(r);
	if (!source)
		attrs_str(&own, &k->m.arena, ATTR_SERVICE_NAME, VIEW("onlooker"));
	r->attributes = msg_attrs(&k->m, source ? &source->attrs : &own, &r->n_attributes);
	return r;
}

static Otlp__InstrumentationScope *make_scope(struct scratch *m)
{
	Otlp__InstrumentationScope *s = msg_take(m, 1, sizeof(*s));

	if (!s)
		return NULL;
	otlp__instrumentation_scope__init(s);
	s->name = msg_bytes(VIEW(OTLP_SCOPE));
	s->version = msg_bytes(VIEW(ONLOOKER_VERSION));
	return s;
}

/* The run of points that are of one source. */
static Otlp__ResourceMetrics *make_source(struct maker *k)
{
	const struct metric_source *source = k->at->source;
	Otlp__ResourceMetrics *r = msg_take(&k->m, 1, sizeof(*r));
	Otlp__ScopeMetrics **list = msg_take(&k->m, 1, sizeof(*list)), *s = msg_take(&k->m, 1, sizeof(*s));

	if (k->m.failed)
		return NULL;
	otlp__resource_metrics__init(r);
	otlp__scope_metrics__init(s);
	r->resource = make_resource(k, source);
	r->scope_metrics = list;
	r->n_scope_metrics = 1;
	list[0] = s;
	s->scope = make_scope(&k->m);
	s->metrics = msg_take(&k->m, k->end - k->at, sizeof(*s->metrics));
	while (k->at < k->end && k->at->source == source && !k->m.failed)
		s->metrics[s->n_metrics++] = make_metric(k);
	return r;
}

static int encode(struct buf *out, const struct snapshot *snap, uint64_t start, uint64_t now)
{
	struct maker k = { .start = start, .now = now, .at = snap->points, .end = snap->points + snap->cnt };
	Otlp__ExportMetricsServiceRequest msg = OTLP__EXPORT_METRICS_SERVICE_REQUEST__INIT;
	int err;

	arena_init(&k.m.arena, MSG_MAX);
	msg.resource_metrics = msg_take(&k.m, snap->cnt, sizeof(*msg.resource_metrics));
	while (k.at < k.end && !k.m.failed)
		msg.resource_metrics[msg.n_resource_metrics++] = make_source(&k);
	err = msg_pack(out, &k.m, &msg.base);
	arena_release(&k.m.arena);
	return err;
}

int metrics_encode(struct buf *out, struct metrics *m, uint64_t now)
{
	struct snapshot snap = { 0 };
	int err = 0;

	metrics_each(m, keep, &snap);
	if (snap.failed)
		err = -ENOMEM;
	else if (snap.cnt)
		err = encode(out, &snap, metrics_started(m), now);
	free(snap.points);
	return err;
}
