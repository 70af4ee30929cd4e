// SPDX-License-Identifier: Apache-2.0
#include "guard/guard.h"

extern const struct detector detect_apikey;

const struct detector *const detectors[] = {
	&detect_apikey,
	NULL
};

/* The text is the span's own copy in its arena, so it may be written to. */
static void mask(struct guard *g, struct view v)
{
	for (const struct detector *const *d = detectors; *d; d++) {
		struct view rest = v;
		struct finding f;

		while (rest.n && (*d)->find(rest, &f)) {
			memset((char *)rest.p + f.at, '*', f.n);
			rest = view_drop(rest, f.at + f.n);
			g->redacted++;
		}
	}
}

static void mask_value(struct guard *g, const struct value *v)
{
	if (v->type == VALUE_STR)
		mask(g, v->str);
	if (v->type == VALUE_STR_ARRAY)
		for (size_t i = 0; i < v->arr.n; i++)
			mask(g, v->arr.v[i]);
}

static void withhold(struct guard *g, struct attrs *as)
{
	struct attr **at = &as->first;

	while (*at) {
		if (!(*at)->def->content) {
			at = &(*at)->next;
			continue;
		}
		*at = (*at)->next;
		as->cnt--;
		g->withheld++;
	}
	as->end = at;
}

static void guard_attrs(struct guard *g, struct attrs *as)
{
	if (!g->content)
		withhold(g, as);
	for (struct attr *a = as->first; a; a = a->next)
		mask_value(g, &a->value);
}

void guard_apply(struct guard *g, struct span *s)
{
	guard_attrs(g, &s->attrs);
	for (struct span_event *e = s->events; e; e = e->next)
		guard_attrs(g, &e->attrs);
	mask(g, s->error_message);
	mask(g, s->name);
}
