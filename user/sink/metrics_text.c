// SPDX-License-Identifier: Apache-2.0
/*
 * The text that Prometheus reads (exposition format 0.0.4).  Names are made as
 * OpenTelemetry's compatibility specification makes them: what is no letter or digit becomes '_', the unit is written
 * out behind the name, counters end in _total.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sink/metrics_export.h"

struct writer {
	struct buf *out;
	const struct metric_def *last;
	const struct metric_def *only;	/* this pass writes only this one's points */
};

static void add_name(struct buf *out, const char *name)
{
	for (; *name; name++)
		buf_add_byte(out, isalnum((unsigned char)*name) ? *name : '_');
}

/* "x.bytes" needs no "_bytes" behind it. */
static bool says_unit(const char *name, const char *unit)
{
	return view_ends(view_of(name), view_of(unit + 1));
}

static void add_metric(struct buf *out, const struct metric_def *def, const char *end)
{
	static const char *const units[][2] = { { "s", "_seconds" }, { "By", "_bytes" }, { "USD", "_usd" } };

	add_name(out, def->name);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(def->unit, units[i][0]) && !says_unit(def->name, units[i][1]))
			buf_add(out, view_of(units[i][1]));
	if (def->kind == METRIC_SUM)
		buf_add(out, VIEW("_total"));
	buf_add(out, view_of(end));
}

static void add_text(struct buf *out, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n')
			buf_add(out, VIEW("\\n"));
		else if (v.p[i] == '"' || v.p[i] == '\\')
			buf_addf(out, "\\%c", v.p[i]);
		else if (v.p[i])
			buf_add_byte(out, v.p[i]);
	}
}

/* The same for all that this program tells. */
static bool says_nothing(const char *name)
{
	return !strncmp(name, "telemetry.", 10) || !strncmp(name, "os.", 3) || !strcmp(name, "host.arch") ||
	       !strcmp(name, "host.id");
}

static void add_labels(struct buf *out, const struct attrs *as, bool *comma)
{
	for (const struct attr *a = as->first; a; a = a->next) {
		if (says_nothing(a->def->name) || (a->value.type != VALUE_STR && a->value.type != VALUE_INT))
			continue;
		buf_add(out, *comma ? VIEW(",") : VIEW("{"));
		*comma = true;
		add_name(out, a->def->name);
		buf_add(out, VIEW("=\""));
		if (a->value.type == VALUE_STR)
			add_text(out, a->value.str);
		else
			buf_addf(out, "%lld", (long long)a->value.i);
		buf_add_byte(out, '"');
	}
}

/* le: the upper end of a bucket, or NULL. */
static void add_series(struct buf *out, const struct metric_point *p, const char *end, const char *le)
{
	bool comma = false;

	add_metric(out, p->def, end);
	if (p->source)
		add_labels(out, &p->source->attrs, &comma);
	add_labels(out, &p->attrs, &comma);
	if (p->overflow) {
		buf_add(out, comma ? VIEW(",otel_metric_overflow=\"true\"") : VIEW("{otel_metric_overflow=\"true\""));
		comma = true;
	}
	if (le)
		buf_addf(out, "%sle=\"%s\"", comma ? "," : "{", le);
	buf_add(out, comma || le ? VIEW("} ") : VIEW(" "));
}

static void add_number(struct buf *out, double v)
{
	buf_addf(out, v == floor(v) && fabs(v) < 1e15 ? "%.0f\n" : "%.17g\n", v);
}

static void add_histogram(struct buf *out, const struct metric_point *p)
{
	uint64_t below = 0;
	char le[32];

	for (unsigned i = 0; i < p->def->bounds_cnt; i++) {
		below += p->buckets[i];
		snprintf(le, sizeof(le), "%g", p->def->bounds[i]);
		add_series(out, p, "_bucket", le);
		add_number(out, below);
	}
	add_series(out, p, "_bucket", "+Inf");
	add_number(out, p->count);
	add_series(out, p, "_sum", NULL);
	add_number(out, p->sum);
	add_series(out, p, "_count", NULL);
	add_number(out, p->count);
}

static void add_head(struct buf *out, const struct metric_def *def)
{
	static const char *const types[] = {
		[METRIC_HISTOGRAM] = "histogram", [METRIC_SUM] = "counter", [METRIC_GAUGE] = "gauge",
	};

	buf_add(out, VIEW("# HELP "));
	add_metric(out, def, " ");
	buf_addf(out, "%s\n# TYPE ", def->help);
	add_metric(out, def, " ");
	buf_addf(out, "%s\n", types[def->kind]);
}

/* All series of one name stand together: a pass for each. */
static bool write_point(void *arg, const struct metric_point *p)
{
	struct writer *w = arg;

	if (p->def != w->only)
		return true;
	if (w->last != p->def)
		add_head(w->out, p->def);
	w->last = p->def;
	if (p->def->kind == METRIC_HISTOGRAM) {
		add_histogram(w->out, p);
	} else {
		add_series(w->out, p, "", NULL);
		add_number(w->out, p->sum);
	}
	return true;
}

/* The metrics that have points, each once. */
#define DEFS_MAX 64

struct names {
	const struct metric_def *defs[DEFS_MAX];
	size_t cnt;
};

static bool note_def(void *arg, const struct metric_point *p)
{
	struct names *n = arg;

	for (size_t i = 0; i < n->cnt; i++)
		if (n->defs[i] == p->def)
			return true;
	if (n->cnt < DEFS_MAX)
		n->defs[n->cnt++] = p->def;
	return true;
}

int metrics_text(struct buf *out, struct metrics *m)
{
	struct names n = { .cnt = 0 };
	struct writer w = { .out = out };

	metrics_each(m, note_def, &n);
	for (size_t i = 0; i < n.cnt; i++) {
		w.only = n.defs[i];
		metrics_each(m, write_point, &w);
	}
	return out->n < out->max ? 0 : -E2BIG;
}
