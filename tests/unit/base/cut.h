/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CUT_H
#define CUT_H

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"

/*
 * The cut property: a prefix of a valid document has the members of the whole,
 * up to the cut.  Each function returns NULL or the condition that did not hold.
 */
#define CUT_WANT(cond)			\
	do {				\
		if (!(cond))		\
			return #cond;	\
	} while (0)

struct cut {
	struct view whole, part;
};

static inline size_t cut_offset(struct view doc, struct json v)
{
	return v.raw.p - doc.p;
}

static inline const char *cut_text(struct json whole, struct json part)
{
	struct buf w, p;
	bool same;

	buf_init(&w, SIZE_MAX / 2);
	buf_init(&p, SIZE_MAX / 2);
	same = !json_text(whole, &w) && !json_text(part, &p) && view_starts(buf_view(&w), buf_view(&p)) &&
	       (part.cut || w.n == p.n);
	buf_release(&w);
	buf_release(&p);
	CUT_WANT(same);
	return NULL;
}

static inline const char *cut_value(const struct cut *d, struct json whole, struct json part);

static inline const char *cut_members(const struct cut *d, struct json whole, struct json part)
{
	struct json_iter w = json_each(whole), p = json_each(part);
	struct json_member mw, mp;
	const char *why;

	while (json_next(&w, &mw)) {
		if (!json_next(&p, &mp)) {
			CUT_WANT(cut_offset(d->whole, mw.value) >= d->part.n);
			CUT_WANT(p.cut && !p.bad);
			return NULL;
		}
		CUT_WANT(view_eq(mw.key.raw, mp.key.raw));
		why = cut_value(d, mw.value, mp.value);
		if (why)
			return why;
	}
	CUT_WANT(!json_next(&p, &mp));
	CUT_WANT(p.cut == part.cut && !p.bad);
	return NULL;
}

static inline const char *cut_value(const struct cut *d, struct json whole, struct json part)
{
	size_t ends = cut_offset(d->whole, whole) + whole.raw.n;
	int64_t i;

	CUT_WANT(part.type == whole.type);
	CUT_WANT(cut_offset(d->part, part) == cut_offset(d->whole, whole));
	CUT_WANT(!part.bad || whole.bad);
	CUT_WANT(!part.cut || ends >= d->part.n);
	CUT_WANT(part.cut || ends <= d->part.n);
	CUT_WANT(part.cut || view_eq(part.raw, whole.raw));
	CUT_WANT(!part.cut || part.type != JSON_NUMBER || !json_int(part, &i));
	if (whole.type == JSON_STRING)
		return cut_text(whole, part);
	return whole.type >= JSON_ARRAY ? cut_members(d, whole, part) : NULL;
}

static inline const char *cut_rewritten(struct json part)
{
	struct jsonw w;
	struct buf b;
	int err;

	buf_init(&b, SIZE_MAX / 2);
	jsonw_init(&w, &b);
	jsonw_value(&w, part);
	err = w.err ? w.err : json_check(buf_view(&b));
	buf_release(&b);
	CUT_WANT(!err);
	return NULL;
}

/* doc is one that json_read() calls neither cut nor bad, and no number: those end only where the input does. */
static inline const char *cut_differs(struct view doc, size_t n)
{
	char *copy = malloc(n);		/* of exactly this size, for the sanitizer */
	struct cut d = { doc, { copy, n } };
	struct json whole = json_read(doc), part;
	const char *why = NULL;

	if (n)
		memcpy(copy, doc.p, n);
	part = json_read(d.part);
	if (part.type != JSON_NONE)
		why = cut_value(&d, whole, part);
	else if (n > cut_offset(doc, whole))
		why = "nothing read";
	if (!why)
		why = cut_rewritten(part);
	free(copy);
	return why;
}

#endif /* CUT_H */
