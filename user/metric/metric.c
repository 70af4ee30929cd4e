// SPDX-License-Identifier: Apache-2.0
/*
 * Points are found by a hash of the metric, the source and the attributes' values.  What agents send decides how many there
 * are (a model's name is anything), so there is a limit, and past it one point with
 * otel.metric.overflow stands for the rest (OpenTelemetry metrics SDK, cardinality limits).
 */
#include <stdlib.h>

#include "base/map.h"
#include "metric/defs.h"

#define POINTS_MAX	2000	/* of one metric */
#define SOURCES_MAX	256
#define ARENA_MAX	(32 * 1024 * 1024)
#define VALUE_MAX	256	/* bytes of an attribute's text */
#define ROWS_MAX	32

struct entry {
	struct metric_point point;
	uint64_t hash;
	struct entry *same;	/* of those with one hash */
	struct entry *next;	/* of its source and metric */
};

struct metrics {
	pthread_mutex_t lock;
	uint64_t started;
	struct arena arena;
	struct map by_hash;
	struct metric_source *sources, own;	/* own: onlooker's books */
	unsigned source_cnt;
	unsigned cnt[ROWS_MAX];			/* points, by row of metric_rows */
	struct entry *first, **end;
	struct metrics_stats stats;
};

struct metrics *metrics_new(uint64_t started)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->started = started;
	m->end = &m->first;
	pthread_mutex_init(&m->lock, NULL);
	arena_init(&m->arena, ARENA_MAX);
	map_init(&m->by_hash, POINTS_MAX * ROWS_MAX);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	map_release(&m->by_hash);
	arena_release(&m->arena);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

uint64_t metrics_started(const struct metrics *m)
{
	return m->started;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3;	/* FNV-1a */
	return h;
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return false;
	return a->type == VALUE_STR ? view_eq(a->str, b->str) : a->i == b->i;
}

static bool same_attrs(const struct attrs *a, const struct attrs *b)
{
	const struct attr *x = a->first, *y = b->first;

	for (; x && y; x = x->next, y = y->next)
		if (strcmp(x->def->name, y->def->name) || !same_value(&x->value, &y->value))
			return false;
	return !x && !y;
}

static uint64_t hash_attrs(uint64_t h, const struct attrs *as)
{
	for (const struct attr *a = as->first; a; a = a->next) {
		h = mix(h, &a->def, sizeof(a->def));
		h = a->value.type == VALUE_STR ? mix(h, a->value.str.p, a->value.str.n) :
						 mix(h, &a->value.i, sizeof(a->value.i));
	}
	return h;
}

static void copy_attr(struct attrs *to, struct arena *a, const struct attr_def *def, const struct value *v)
{
	bool known = def >= attr_defs && def < attr_defs + ATTR_CNT;

	if (v->type == VALUE_STR && known)
		attrs_str(to, a, def - attr_defs, view_take(v->str, VALUE_MAX));
	else if (v->type == VALUE_STR)
		attrs_free_key(to, a, view_of(def->name), view_take(v->str, VALUE_MAX));
	else if (v->type == VALUE_INT && known)
		attrs_int(to, a, def - attr_defs, v->i);
}

/* What names one process would make a series of its own for each of thousands. */
static bool names_process(const char *key)
{
	return !strncmp(key, "process.", 8) || !strcmp(key, "service.instance.id");
}

static void source_attrs(struct attrs *to, struct arena *a, const struct resource *r)
{
	for (const struct attr *at = r ? r->attrs.first : NULL; at; at = at->next)
		if (!names_process(at->def->name))
			copy_attr(to, a, at->def, &at->value);
}

/* NULL: the span has no resource, or there are too many. */
static struct metric_source *source_of(struct metrics *m, const struct resource *r, struct arena *scratch)
{
	struct attrs want = { 0 };
	struct metric_source *s;

	if (!r)
		return NULL;
	source_attrs(&want, scratch, r);
	for (s = m->sources; s; s = s->next)
		if (same_attrs(&s->attrs, &want))
			return s;
	s = m->source_cnt < SOURCES_MAX ? arena_alloc(&m->arena, sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	source_attrs(&s->attrs, &m->arena, r);
	s->next = m->sources;
	m->sources = s;
	m->source_cnt++;
	return s;
}

static struct entry *find(struct metrics *m, uint64_t hash, const struct metric_def *def,
			  const struct metric_source *src, const struct attrs *as)
{
	struct entry *e = map_get(&m->by_hash, hash);

	while (e && (e->point.def != def || e->point.source != src || !same_attrs(&e->point.attrs, as)))
		e = e->same;
	return e;
}

static struct entry *add(struct metrics *m, uint64_t hash, const struct metric_def *def,
			 const struct metric_source *src, const struct attrs *as)
{
	struct entry *e = arena_alloc(&m->arena, sizeof(*e));

	if (!e)
		return NULL;
	e->point.def = def;
	e->point.source = src;
	for (const struct attr *a = as->first; a; a = a->next)
		copy_attr(&e->point.attrs, &m->arena, a->def, &a->value);
	if (e->point.attrs.cnt != as->cnt)
		return NULL;
	e->hash = hash;
	e->same = map_get(&m->by_hash, hash);
	if (map_put(&m->by_hash, hash, e))
		return NULL;
	*m->end = e;
	m->end = &e->next;
	m->stats.points++;
	return e;
}

static struct entry *entry_of(struct metrics *m, const struct metric_def *def, const struct metric_source *src,
			      const struct attrs *as, unsigned *cnt)
{
	uint64_t hash = hash_attrs(mix(mix(0xcbf29ce484222325, &def, sizeof(def)), &src, sizeof(src)), as);
	static const struct attrs none;
	struct entry *e = find(m, hash, def, src, as);

	if (e)
		return e;
	if (*cnt < POINTS_MAX - 1) {
		*cnt += 1;
		return add(m, hash, def, src, as);
	}
	m->stats.overflowed++;
	hash = mix(0, &def, sizeof(def));
	e = find(m, hash, def, NULL, &none);
	if (!e)
		e = add(m, hash, def, NULL, &none);
	if (e)
		e->point.overflow = true;
	return e;
}

static unsigned bucket_of(const struct metric_def *def, double v)
{
	unsigned i = 0;

	while (i < def->bounds_cnt && v > def->bounds[i])
		i++;
	return i;
}

static void record(struct metric_point *p, double v)
{
	if (p->def->kind == METRIC_HISTOGRAM) {
		p->buckets[bucket_of(p->def, v)]++;
		p->min = !p->count || v < p->min ? v : p->min;
		p->max = !p->count || v > p->max ? v : p->max;
		p->count++;
	}
	p->sum += v;
}

static void merge(struct metric_point *p, const struct gen_chunks *c)
{
	p->min = !p->count || c->min_ns / 1e9 < p->min ? c->min_ns / 1e9 : p->min;
	p->max = !p->count || c->max_ns / 1e9 > p->max ? c->max_ns / 1e9 : p->max;
	p->count += c->cnt;
	p->sum += c->sum_ns / 1e9;
	for (unsigned i = 0; i <= GEN_CHUNK_BOUNDS; i++)
		p->buckets[i] += c->buckets[i];
}

static void pick_attrs(const struct metric_row *row, const struct span *s, struct attrs *to, struct arena *scratch)
{
	for (const enum attr_id *id = row->attrs; *id != ATTR_CNT; id++) {
		const struct value *v = attrs_get(&s->attrs, *id);

		if (v)
			copy_attr(to, scratch, &attr_defs[*id], v);
	}
	if (row->token_type)
		attrs_str(to, scratch, ATTR_GEN_AI_TOKEN_TYPE, view_of(row->token_type));
}

static void add_row(struct metrics *m, size_t i, const struct span *s, struct arena *scratch)
{
	const struct metric_row *row = &metric_rows[i];
	const struct gen_chunks *chunks = row->chunks ? row->chunks(s) : NULL;
	struct attrs as = { 0 };
	struct entry *e;
	double v = 0;

	if (row->chunks ? !chunks : !row->value(s, &v))
		return;
	pick_attrs(row, s, &as, scratch);
	/* Two rows may be of one metric, which is then known by the first of them. */
	while (i && !strcmp(metric_rows[i - 1].def.name, row->def.name))
		i--;
	e = entry_of(m, &metric_rows[i].def, source_of(m, s->resource, scratch), &as, &m->cnt[i]);
	if (!e)
		m->stats.lost++;
	else if (chunks)
		merge(&e->point, chunks);
	else
		record(&e->point, v);
}

void metrics_span(struct metrics *m, const struct span *s)
{
	struct arena scratch;

	arena_init(&scratch, 1024 * 1024);
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < ROWS_MAX && metric_rows[i].def.name; i++)
		add_row(m, i, s, &scratch);
	pthread_mutex_unlock(&m->lock);
	arena_release(&scratch);
}

void metrics_book(struct metrics *m, const char *name, const char *state, uint64_t value)
{
	const struct metric_def *def = metric_books;
	struct attrs as = { 0 };
	struct arena scratch;
	unsigned few = 0;
	struct entry *e;

	while (def->name && strcmp(def->name, name))
		def++;
	arena_init(&scratch, 64 * 1024);
	if (state)
		attrs_str(&as, &scratch, ATTR_ONLOOKER_STATE, view_of(state));
	pthread_mutex_lock(&m->lock);
	e = def->name ? entry_of(m, def, NULL, &as, &few) : NULL;
	if (e)
		e->point.sum = value;
	pthread_mutex_unlock(&m->lock);
	arena_release(&scratch);
}

static bool each_of(struct metrics *m, const struct metric_source *src, const struct metric_def *def,
		    bool (*put)(void *arg, const struct metric_point *p), void *arg)
{
	for (const struct entry *e = m->first; e; e = e->next)
		if (e->point.source == src && e->point.def == def && !put(arg, &e->point))
			return false;
	return true;
}

static bool each_def(struct metrics *m, const struct metric_source *src,
		     bool (*put)(void *arg, const struct metric_point *p), void *arg)
{
	for (size_t i = 0; metric_rows[i].def.name; i++)
		if (!each_of(m, src, &metric_rows[i].def, put, arg))
			return false;
	for (size_t i = 0; metric_books[i].name; i++)
		if (!src && !each_of(m, NULL, &metric_books[i], put, arg))
			return false;
	return true;
}

void metrics_each(struct metrics *m, bool (*put)(void *arg, const struct metric_point *p), void *arg)
{
	bool more;

	pthread_mutex_lock(&m->lock);
	more = each_def(m, NULL, put, arg);
	for (const struct metric_source *s = m->sources; s && more; s = s->next)
		more = each_def(m, s, put, arg);
	pthread_mutex_unlock(&m->lock);
}

struct metrics_stats metrics_stats(struct metrics *m)
{
	struct metrics_stats s;

	pthread_mutex_lock(&m->lock);
	s = m->stats;
	pthread_mutex_unlock(&m->lock);
	return s;
}
