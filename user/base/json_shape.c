// SPDX-License-Identifier: Apache-2.0
#include "base/json_shape.h"
#include "base/json_walk.h"

_Static_assert(JSON_SHAPE_MAX <= UINT16_MAX, "slots have 16 bits");

/* Where the value at *p ends, if it is one that a slot of this type may hold; NULL: it is none. */
static const char *token_end(enum json_type type, const char *p, const char *end)
{
	bool flawed = false;
	const char *to;

	if (p == end)
		return NULL;
	if (type == JSON_STRING) {
		to = *p == '"' ? json_string_end(p + 1, end, &flawed) : NULL;
		return flawed ? NULL : to;
	}
	p += *p == '-';
	to = p;
	while (to < end && *to >= '0' && *to <= '9')
		to++;
	return to == p || (*p == '0' && to - p > 1) ? NULL : to;
}

static bool add_slot(struct json_shape *s, struct view doc, struct json v)
{
	size_t from = v.raw.p - doc.p, to = from + v.raw.n;
	size_t at = s->slot_cnt ? s->slots[s->slot_cnt - 1].to : 0;

	if (s->slot_cnt == JSON_SHAPE_SLOTS || (v.type != JSON_STRING && v.type != JSON_NUMBER) || v.cut || v.bad)
		return false;
	if (v.raw.p < doc.p + at || v.raw.p >= doc.p + doc.n || to > doc.n)
		return false;
	s->slots[s->slot_cnt++] = (struct json_slot){ v.type, from, to };
	return true;
}

bool json_shape_init(struct json_shape *s, struct view doc, struct json read, const struct json *values, size_t n)
{
	buf_reset(&s->bytes);
	s->bytes.max = JSON_SHAPE_MAX;
	s->slot_cnt = 0;
	if (doc.n > JSON_SHAPE_MAX || read.type == JSON_NONE || read.cut || read.bad)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!add_slot(s, doc, values[i]))
			return false;
	return !buf_add(&s->bytes, doc);
}

void json_shape_release(struct json_shape *s)
{
	buf_release(&s->bytes);
	s->slot_cnt = 0;
}

static bool same(const char *p, const char *end, const char *want, size_t n)
{
	return (size_t)(end - p) >= n && !memcmp(p, want, n);
}

bool json_shape_match(const struct json_shape *s, struct view doc, struct json ret[static JSON_SHAPE_SLOTS])
{
	const char *p = doc.p, *end = p + doc.n, *to;
	size_t at = 0;

	if (!s->bytes.n || !doc.n)
		return false;
	for (unsigned i = 0; i < s->slot_cnt; i++) {
		const struct json_slot *slot = &s->slots[i];
		size_t n = slot->from - at;

		if (!same(p, end, s->bytes.p + at, n))
			return false;
		p += n;
		to = token_end(slot->type, p, end);
		if (!to)
			return false;
		ret[i] = (struct json){ .type = slot->type, .raw = { p, to - p } };
		p = to;
		at = slot->to;
	}
	return (size_t)(end - p) == s->bytes.n - at && same(p, end, s->bytes.p + at, end - p);
}
