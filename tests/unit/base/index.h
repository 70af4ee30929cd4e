/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INDEX_H
#define INDEX_H

#include "base/json.h"

static inline bool index_same(struct json a, struct json b)
{
	return a.type == b.type && a.cut == b.cut && a.bad == b.bad && view_eq(a.raw, b.raw) &&
	       (!a.raw.n || a.raw.p == b.raw.p);
}

/* A document read with its members noted and without is the same: NULL, or the condition that did not hold. */
static inline const char *index_differs(struct view doc)
{
	struct json_index members;
	struct json with = json_read_index(doc, &members), without = json_read(doc);
	struct json_iter it = json_each(with), want = json_each(without);
	struct json_member a, b;
	size_t n = 0;
	bool more;

	if (!index_same(with, without))
		return "the value";
	for (; (more = json_next(&it, &a)); n++)
		if (!json_next(&want, &b) || !index_same(a.key, b.key) || !index_same(a.value, b.value))
			return "a member";
	if (json_next(&want, &b) || it.cut != want.cut || it.bad != want.bad)
		return "the end";
	if (with.index && (n != members.cnt || without.type != JSON_OBJECT || without.cut || without.bad))
		return "an index where none may be";
	if (!with.index && without.type == JSON_OBJECT && !without.cut && !without.bad && n <= JSON_INDEX_MAX)
		return "no index";
	return NULL;
}

#endif /* INDEX_H */
