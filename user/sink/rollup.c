// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "sink/plain.h"
#include "sink/rollup.h"
#include "sink/terminal_row.h"

#define NAMES_MAX	256
#define SHOWN_MAX	12
#define NAME_COLS	40

struct line {
	char *name;
	uint64_t calls, priced;
	int64_t tokens;
	double usd;
};

struct group {
	struct line lines[NAMES_MAX + 1];	/* the last one: others */
	size_t cnt;
};

static void by_model(struct group *g, const struct span *s);
static void by_agent(struct group *g, const struct span *s);
static void by_process(struct group *g, const struct span *s);
static void by_user(struct group *g, const struct span *s);
static void by_label(struct group *g, const struct span *s);

static const struct kind {
	const char *name;
	void (*add)(struct group *g, const struct span *s);
} kinds[] = {
	{ "model", by_model }, { "agent", by_agent }, { "process", by_process }, { "user", by_user },
	{ "label", by_label },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct rollup {
	struct group groups[KINDS];
};

struct rollup *rollup_new(void)
{
	return calloc(1, sizeof(struct rollup));
}

void rollup_clear(struct rollup *r)
{
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < r->groups[k].cnt; i++)
			free(r->groups[k].lines[i].name);
	*r = (struct rollup){ 0 };
}

void rollup_free(struct rollup *r)
{
	if (!r)
		return;
	rollup_clear(r);
	free(r);
}

static struct line *line_of(struct group *g, struct view name)
{
	struct line *l;

	for (size_t i = 0; i < g->cnt; i++)
		if (view_eq(name, view_of(g->lines[i].name)))
			return &g->lines[i];
	if (g->cnt >= NAMES_MAX) {
		l = &g->lines[NAMES_MAX];
		if (!l->name)
			l->name = strdup("others");
		g->cnt = l->name ? NAMES_MAX + 1 : NAMES_MAX;
		return l;
	}
	l = &g->lines[g->cnt];
	l->name = strndup(name.p, name.n);
	if (!l->name)
		return NULL;
	g->cnt++;
	return l;
}

static void add_to(struct group *g, struct view name, const struct span *s)
{
	const struct value *usd = attrs_get(&s->attrs, ATTR_ONLOOKER_COST_USD);
	struct line *l = name.n ? line_of(g, name) : NULL;
	int64_t in = row_number(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 0);
	int64_t out = row_number(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, 0);

	if (!l)
		return;
	l->calls++;
	if (__builtin_add_overflow(l->tokens, in > 0 ? in : 0, &l->tokens) ||
	    __builtin_add_overflow(l->tokens, out > 0 ? out : 0, &l->tokens))
		l->tokens = INT64_MAX;
	l->priced += usd && usd->type == VALUE_DOUBLE;
	l->usd += usd && usd->type == VALUE_DOUBLE ? usd->d : 0;
}

static struct view text_of(const struct attrs *as, enum attr_id id)
{
	const struct value *v = attrs_get(as, id);

	return v && v->type == VALUE_STR ? v->str : VIEW_NONE;
}

static void by_model(struct group *g, const struct span *s)
{
	struct view model = text_of(&s->attrs, ATTR_GEN_AI_RESPONSE_MODEL);

	add_to(g, model.n ? model : text_of(&s->attrs, ATTR_GEN_AI_REQUEST_MODEL), s);
}

static void by_agent(struct group *g, const struct span *s)
{
	if (s->resource)
		add_to(g, text_of(&s->resource->attrs, ATTR_SERVICE_NAME), s);
}

static void by_process(struct group *g, const struct span *s)
{
	char name[320];
	struct view exe = s->resource ? text_of(&s->resource->attrs, ATTR_PROCESS_EXECUTABLE_NAME) : VIEW_NONE;

	snprintf(name, sizeof(name), "%.*s [%u]", VIEW_ARG(view_take(exe, 256)), s->pid);
	add_to(g, view_of(name), s);
}

static void by_user(struct group *g, const struct span *s)
{
	if (s->resource)
		add_to(g, text_of(&s->resource->attrs, ATTR_PROCESS_OWNER), s);
}

/* What is no row of the attribute table came from OTEL_RESOURCE_ATTRIBUTES. */
static bool is_label(const struct attr *a)
{
	return (a->def < attr_defs || a->def >= attr_defs + ATTR_CNT) && a->value.type == VALUE_STR;
}

static void by_label(struct group *g, const struct span *s)
{
	char name[320];

	for (const struct attr *a = s->resource ? s->resource->attrs.first : NULL; a; a = a->next) {
		if (!is_label(a))
			continue;
		snprintf(name, sizeof(name), "%.100s=%.*s", a->def->name, VIEW_ARG(view_take(a->value.str, 200)));
		add_to(g, view_of(name), s);
	}
}

void rollup_add(struct rollup *r, const struct span *s)
{
	for (size_t k = 0; k < KINDS; k++)
		kinds[k].add(&r->groups[k], s);
}

void usd_add(struct buf *out, double usd)
{
	buf_addf(out, "$%.*f", usd >= 1 ? 2 : usd >= 0.01 ? 4 : 6, usd);
}

/* What costs most first, then what talks most. */
static int by_weight(const void *a, const void *b)
{
	const struct line *x = *(const struct line *const *)a, *y = *(const struct line *const *)b;

	if (x->usd != y->usd)
		return x->usd < y->usd ? 1 : -1;
	if (x->tokens != y->tokens)
		return x->tokens < y->tokens ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void write_line(const struct line *l, size_t width, struct buf *out, bool utf8)
{
	size_t cols;

	buf_add(out, VIEW("    "));
	cols = plain_add(out, view_of(l->name), NAME_COLS, utf8);
	buf_addf(out, "%*s  ", (int)(cols < width ? width - cols : 0), "");
	row_add_number(out, l->calls);
	buf_add(out, l->calls == 1 ? VIEW(" call, ") : VIEW(" calls, "));
	row_add_number(out, l->tokens);
	buf_add(out, VIEW(" tokens"));
	if (l->priced) {
		buf_add(out, VIEW(", "));
		usd_add(out, l->usd);
	}
	if (l->priced && l->priced < l->calls)
		buf_addf(out, " for %llu of them", (unsigned long long)l->priced);
	buf_add_byte(out, '\n');
}

static void write_group(const char *kind, const struct group *g, struct buf *out, bool utf8)
{
	const struct line *at[NAMES_MAX + 1];
	size_t width = 0, cols;

	for (size_t i = 0; i < g->cnt; i++)
		at[i] = &g->lines[i];
	qsort(at, g->cnt, sizeof(*at), by_weight);
	for (size_t i = 0; i < g->cnt && i < SHOWN_MAX; i++) {
		cols = plain_columns(view_of(at[i]->name));
		cols = cols < NAME_COLS ? cols : NAME_COLS;
		width = cols > width ? cols : width;
	}
	buf_addf(out, "  by %s\n", kind);
	for (size_t i = 0; i < g->cnt && i < SHOWN_MAX; i++)
		write_line(at[i], width, out, utf8);
	if (g->cnt > SHOWN_MAX)
		buf_addf(out, "    and %zu more\n", g->cnt - SHOWN_MAX);
}

void rollup_write(const struct rollup *r, struct buf *out, bool utf8)
{
	for (size_t k = 0; k < KINDS; k++)
		if (r->groups[k].cnt > 1)
			write_group(kinds[k].name, &r->groups[k], out, utf8);
}
