// SPDX-License-Identifier: Apache-2.0
/*
 * One JSON array sent piece by piece, as Google's APIs stream without alt=sse:
 *
 *	[{…}\n,\r\n{…}\n]
 *
 * Each element is an event without a name, as soon as it is whole.  A body that
 * is an object and no array (an error) is one event.
 *
 * Behind a gap nobody knows how deep the brackets are.  Google writes its JSON
 * indented, and a raw line end cannot stand in a string, so a comma at the start of
 * a line with a brace behind it is between two elements; where it is
 * not written so, the rest of the body goes unread.
 */
#include "proto/gather.h"

enum at {
	BEFORE,			/* the array's bracket is still to come */
	BETWEEN,		/* elements */
	INSIDE,			/* an element; depth, string and escape say where */
	BEHIND,			/* the array ended: nothing counts any more */
	HUNT,			/* after a gap */
	HUNT_LINE,		/* the same, at the start of a line */
	HUNT_COMMA,		/* and a comma was there */
};

struct json_array {
	struct gather element;
	enum at at;
	unsigned depth;		/* of brackets open in the element */
	bool string, escape;
	bool alone;		/* no array: one value */
	bool due, ended;
	int err;
};

static void json_array_init(void *state)
{
	struct json_array *s = state;

	*s = (struct json_array){ .at = BEFORE };
	gather_init(&s->element);
}

static void json_array_fini(void *state)
{
	struct json_array *s = state;

	gather_release(&s->element);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void begin(struct json_array *s)
{
	s->at = INSIDE;
	s->depth = 0;
	s->string = s->escape = false;
}

static void finish(struct json_array *s)
{
	s->due = true;
	s->at = s->alone ? BEHIND : BETWEEN;
}

/* Behind the string's end, or v.n. */
static size_t in_string(struct json_array *s, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (s->escape)
			s->escape = false;
		else if (v.p[i] == '\\')
			s->escape = true;
		else if (v.p[i] == '"') {
			s->string = false;
			return i + 1;
		}
	}
	return v.n;
}

/* How much of v is the element's; *ret_over: it ends there. */
static size_t in_element(struct json_array *s, struct view v, bool *ret_over)
{
	size_t i = 0;

	while (i < v.n) {
		char c = v.p[i];

		if (s->string) {
			i += in_string(s, view_drop(v, i));
			*ret_over = !s->string && !s->depth;
			if (*ret_over)
				return i;
			continue;
		}
		*ret_over = !s->depth && (c == ',' || c == ']' || c == '}' || is_space(c));
		if (*ret_over)		/* of a number or a word */
			return i;
		i++;
		s->string = c == '"';
		s->depth += c == '{' || c == '[';
		if (c != '}' && c != ']')
			continue;
		*ret_over = !--s->depth;
		if (*ret_over)
			return i;
	}
	return i;
}

static int take_element(struct json_array *s, struct view *in)
{
	bool over = false;
	size_t n = in_element(s, *in, &over);
	int err = gather_add(&s->element, view_take(*in, n));

	if (err)
		return err;
	*in = view_drop(*in, n);
	if (over)
		finish(s);
	return 0;
}

/* Outside of elements each byte is looked at once. */
static void take_byte(struct json_array *s, struct view *in)
{
	char c = in->p[0];
	bool keep = false;

	switch (s->at) {
	case BEFORE:
		keep = !is_space(c) && c != '[';
		s->alone = keep;
		if (c == '[')
			s->at = BETWEEN;
		break;
	case BETWEEN:
		keep = !is_space(c) && c != ',' && c != ']' && c != '}';
		if (c == ']')
			s->at = BEHIND;
		break;
	case HUNT_LINE:
		if (c == ',')
			s->at = HUNT_COMMA;
		else if (c == ']')
			s->at = BEHIND;
		else if (c != '\n')
			s->at = HUNT;
		break;
	case HUNT_COMMA:
		keep = c == '{';
		if (!keep && !is_space(c))
			s->at = HUNT;
		break;
	case HUNT:
		if (c == '\n')
			s->at = HUNT_LINE;
		break;
	default:
		break;
	}
	if (keep)
		begin(s);
	else
		*in = view_drop(*in, 1);
}

static int take(struct json_array *s, struct view *in)
{
	if (s->at == INSIDE)
		return take_element(s, in);
	if (s->at == BEHIND)
		*in = view_drop(*in, in->n);
	else
		take_byte(s, in);
	return 0;
}

static int json_array_next(void *state, struct view *in, struct proto_event *ev)
{
	struct json_array *s = state;

	gather_fresh(&s->element);
	if (s->ended)
		*in = view_drop(*in, in->n);
	while (!s->err && !s->due && in->n)
		s->err = take(s, in);
	if (s->err)
		return s->err;
	if (!s->due && s->ended && s->at == INSIDE) {
		s->element.cut = s->depth || s->string;
		finish(s);
	}
	if (!s->due)
		return 0;
	s->due = false;
	return gather_out(&s->element, VIEW("message"), ev);
}

static void json_array_gap(void *state, uint64_t n)
{
	struct json_array *s = state;

	gather_fresh(&s->element);
	if (s->at == INSIDE && s->element.b.n)
		s->due = s->element.cut = true;
	if (s->at == BEHIND)
		return;
	s->at = s->alone ? BEHIND : HUNT;
}

static void json_array_end(void *state)
{
	struct json_array *s = state;

	s->ended = true;
}

static size_t json_array_memory(const void *state)
{
	const struct json_array *s = state;

	return s->element.b.cap;
}

const struct proto proto_json_array = {
	.name = "json array",
	.state_size = sizeof(struct json_array),
	.init = json_array_init,
	.fini = json_array_fini,
	.next = json_array_next,
	.gap = json_array_gap,
	.end = json_array_end,
	.memory = json_array_memory,
};
