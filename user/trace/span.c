// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "trace/span.h"

#define ARENA_MAX	(64 * 1024 * 1024)
#define RESOURCE_MAX	(1024 * 1024)
#define ATTR_MAX	128	/* OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, OTEL_SPAN_EVENT_COUNT_LIMIT, */
#define EVENT_MAX	128	/* OTEL_SPAN_LINK_COUNT_LIMIT: all 128 by default */
#define LINK_MAX	128

struct resource *resource_new(void)
{
	struct resource *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	arena_init(&r->arena, RESOURCE_MAX);
	r->refs = 1;
	return r;
}

struct resource *resource_get(struct resource *r)
{
	if (r)
		r->refs++;
	return r;
}

void resource_put(struct resource *r)
{
	if (!r || --r->refs)
		return;
	arena_release(&r->arena);
	free(r);
}

struct span *span_new(void)
{
	struct span *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	arena_init(&s->arena, ARENA_MAX);
	s->kind = SPAN_INTERNAL;
	s->events_end = &s->events;
	s->links_end = &s->links;
	return s;
}

void span_free(struct span *s)
{
	if (!s)
		return;
	resource_put(s->resource);
	arena_release(&s->arena);
	free(s);
}

/* Protobuf strings have to be UTF-8: a strict receiver refuses the whole request over one bad byte. */
static bool copy_text(struct arena *a, struct view v, struct view *ret)
{
	struct buf fixed;
	int err = 0;

	if (utf8_valid(v) == v.n) {
		*ret = arena_copy(a, v);
		return ret->p;
	}
	buf_init(&fixed, a->max - a->used);
	err = utf8_repair(&fixed, v);
	*ret = err ? VIEW_NONE : arena_copy(a, buf_view(&fixed));
	buf_release(&fixed);
	return ret->p;
}

static struct attr *find(const struct attrs *as, const char *name)
{
	struct attr *at;

	for (at = as->first; at; at = at->next)
		if (!strcmp(at->def->name, name))
			return at;
	return NULL;
}

/* value has been copied already.  A key that stands here keeps its place. */
static void set(struct attrs *as, struct arena *a, const struct attr_def *def, struct value value)
{
	struct attr *at = find(as, def->name);

	if (at) {
		at->value = value;
		return;
	}
	at = as->cnt < ATTR_MAX ? arena_alloc(a, sizeof(*at)) : NULL;
	if (!at) {
		as->dropped++;
		return;
	}
	*at = (struct attr){ .def = def, .value = value };
	if (!as->end)
		as->end = &as->first;
	*as->end = at;
	as->end = &at->next;
	as->cnt++;
}

static bool full_for(struct attrs *as, const char *name)
{
	if (as->cnt < ATTR_MAX || find(as, name))
		return false;
	as->dropped++;
	return true;
}

static void set_text(struct attrs *as, struct arena *a, const struct attr_def *def, struct view v)
{
	struct value value = { .type = VALUE_STR };

	if (full_for(as, def->name))
		return;
	if (copy_text(a, v, &value.str))
		set(as, a, def, value);
	else
		as->dropped++;
}

static const struct attr_def *row(enum attr_id id, enum value_type type)
{
	assert(attr_defs[id].type == type);
	return &attr_defs[id];
}

void attrs_str(struct attrs *as, struct arena *a, enum attr_id id, struct view v)
{
	set_text(as, a, row(id, VALUE_STR), v);
}

void attrs_int(struct attrs *as, struct arena *a, enum attr_id id, int64_t v)
{
	set(as, a, row(id, VALUE_INT), (struct value){ .type = VALUE_INT, .i = v });
}

void attrs_double(struct attrs *as, struct arena *a, enum attr_id id, double v)
{
	set(as, a, row(id, VALUE_DOUBLE), (struct value){ .type = VALUE_DOUBLE, .d = v });
}

void attrs_bool(struct attrs *as, struct arena *a, enum attr_id id, bool v)
{
	set(as, a, row(id, VALUE_BOOL), (struct value){ .type = VALUE_BOOL, .b = v });
}

static struct view *copy_texts(struct arena *a, const struct view *v, size_t n)
{
	struct view *copy;
	size_t i;

	if (n > a->max / sizeof(*copy))
		return NULL;
	copy = arena_alloc(a, n * sizeof(*copy));
	for (i = 0; copy && i < n; i++)
		if (!copy_text(a, v[i], &copy[i]))
			return NULL;
	return copy;
}

void attrs_strs(struct attrs *as, struct arena *a, enum attr_id id, const struct view *v, size_t n)
{
	const struct attr_def *def = row(id, VALUE_STR_ARRAY);
	struct value value = { .type = VALUE_STR_ARRAY };

	if (full_for(as, def->name))
		return;
	value.arr.n = n;
	value.arr.v = n ? copy_texts(a, v, n) : NULL;
	if (n && !value.arr.v)
		as->dropped++;
	else
		set(as, a, def, value);
}

/* The row of this name, or the key that was set before. */
static const struct attr_def *def_of(const struct attrs *as, struct view key)
{
	const struct attr *at;
	size_t i;

	for (i = 0; i < ATTR_CNT; i++)
		if (view_eq(view_of(attr_defs[i].name), key))
			return &attr_defs[i];
	for (at = as->first; at; at = at->next)
		if (view_eq(view_of(at->def->name), key))
			return at->def;
	return NULL;
}

static const struct attr_def *def_new(struct arena *a, struct view key)
{
	struct attr_def *def;
	struct view name;

	if (!key.n || memchr(key.p, '\0', key.n) || !copy_text(a, key, &name))
		return NULL;
	def = arena_alloc(a, sizeof(*def));
	if (def)
		*def = (struct attr_def){ .name = name.p, .text = "" };
	return def;
}

void attrs_free_key(struct attrs *as, struct arena *a, struct view key, struct view v)
{
	const struct attr_def *def = def_of(as, key);

	if (!def && as->cnt < ATTR_MAX)
		def = def_new(a, key);
	if (def)
		set_text(as, a, def, v);
	else
		as->dropped++;
}

void attrs_share(struct attrs *as, struct arena *a, const struct attr_def *def, const struct value *v)
{
	assert(def->type == v->type);
	set(as, a, def, *v);
}

void attrs_rename(struct attrs *as, enum attr_id id, const struct attr_def *def)
{
	struct attr *at = find(as, attr_defs[id].name);

	if (at)
		at->def = def;
}

const struct value *attrs_get(const struct attrs *as, enum attr_id id)
{
	const struct attr *at = find(as, attr_defs[id].name);

	return at ? &at->value : NULL;
}

struct span_event *span_add_event(struct span *s, uint64_t ts, const char *name)
{
	struct span_event *ev = s->event_cnt < EVENT_MAX ? arena_alloc(&s->arena, sizeof(*ev)) : NULL;

	if (!ev) {
		s->event_dropped++;
		return NULL;
	}
	ev->ts = ts;
	ev->name = name;
	*s->events_end = ev;
	s->events_end = &ev->next;
	s->event_cnt++;
	return ev;
}

struct span_link *span_add_link(struct span *s, const uint8_t trace_id[static 16], const uint8_t span_id[static 8])
{
	struct span_link *link = s->link_cnt < LINK_MAX ? arena_alloc(&s->arena, sizeof(*link)) : NULL;

	if (!link) {
		s->link_dropped++;
		return NULL;
	}
	memcpy(link->trace_id, trace_id, sizeof(link->trace_id));
	memcpy(link->span_id, span_id, sizeof(link->span_id));
	*s->links_end = link;
	s->links_end = &link->next;
	s->link_cnt++;
	return link;
}
