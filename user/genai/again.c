// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/json_shape.h"
#include "genai/again.h"
#include "genai/read.h"

#define STENCILS	4	/* several choices, or text and calls, may come in turn */
#define NAME_MAX_SZ	64
#define STATE_MAX	128
#define CALL_SZ		offsetof(struct gen_call, text_left)

struct stencil {
	struct json_shape shape;
	char name[NAME_MAX_SZ];
	size_t name_n;
	struct gen_part *parts[JSON_SHAPE_SLOTS];	/* of each slot; NULL: nobody reads it */
};

/* What an event must not change. */
struct sight {
	char call[CALL_SZ];
	char state[STATE_MAX];
	uint64_t choices;
};

struct again {
	struct stencil stencils[STENCILS];
	unsigned cnt, next, last;	/* next: to be replaced; last: fitted last */
	/* while an event is read in full */
	bool reading, other;
	struct json texts[JSON_SHAPE_SLOTS];
	struct gen_part *parts[JSON_SHAPE_SLOTS];
	unsigned text_cnt;
	struct sight before, after;
};

void again_free(struct gen_call *c)
{
	for (unsigned i = 0; c->again && i < STENCILS; i++)
		json_shape_release(&c->again->stencils[i].shape);
	free(c->again);
	c->again = NULL;
}

static bool apply(struct gen_call *c, const struct stencil *s, struct view name, struct view data)
{
	struct json values[JSON_SHAPE_SLOTS];

	if (!view_eq(name, (struct view){ s->name, s->name_n }) || !json_shape_match(&s->shape, data, values))
		return false;
	for (unsigned i = 0; i < s->shape.slot_cnt; i++)
		if (s->parts[i] && !gen_is_text(values[i]))
			return false;
	for (unsigned i = 0; i < s->shape.slot_cnt; i++)
		if (s->parts[i])
			gen_part_add(c, s->parts[i], values[i]);
	return true;
}

bool again_apply(struct gen_call *c, struct view name, struct view data)
{
	struct again *a = c->again;

	for (unsigned i = 0; a && i < a->cnt; i++) {
		unsigned at = (a->last + i) % a->cnt;

		if (!apply(c, &a->stencils[at], name, data))
			continue;
		a->last = at;
		c->again_cnt++;
		return true;
	}
	return false;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15ull;
}

/* Of choices, what is said of them; the parts' own fields are gone the way of the arena. */
static uint64_t choices_mark(const struct gen_call *c)
{
	uint64_t h = 0;

	for (const struct gen_choice *ch = c->choices; ch; ch = ch->next) {
		h = mix(h, (uintptr_t)ch->role.p);
		h = mix(h, ch->role.n);
		h = mix(h, (uintptr_t)ch->finish.p);
		h = mix(h, ch->finish.n);
	}
	return h;
}

static void look(const struct gen_call *c, struct sight *s)
{
	memcpy(s->call, c, CALL_SZ);
	if (c->state)
		memcpy(s->state, c->state, c->state_size);
	s->choices = choices_mark(c);
}

/* Nothing to compare with is a state of unknown size, and one that does not know yet whose events these are. */
static bool can_tell(const struct gen_call *c)
{
	return !c->read_all && (!c->state || (c->state_size && c->state_size <= STATE_MAX)) &&
	       (c->confirmed || !c->by_shape);
}

void again_begin(struct gen_call *c)
{
	if (!can_tell(c))
		return;
	if (!c->again)
		c->again = calloc(1, sizeof(*c->again));
	if (!c->again)
		return;
	c->again->reading = true;
	c->again->other = false;
	c->again->text_cnt = 0;
	look(c, &c->again->before);
}

void again_text(struct gen_call *c, struct gen_part *p, struct json text)
{
	struct again *a = c->again;

	if (!a || !a->reading)
		return;
	if (a->text_cnt == JSON_SHAPE_SLOTS || !gen_is_text(text)) {
		a->other = true;
		return;
	}
	a->parts[a->text_cnt] = p;
	a->texts[a->text_cnt++] = text;
}

void again_other(struct gen_call *c)
{
	if (c->again)
		c->again->other = true;
}

static void drop_all(struct again *a)
{
	a->cnt = a->next = a->last = 0;
}

static bool is_unread(const struct provider *p, struct json key)
{
	for (const char *const *k = p->unread; k && *k; k++)
		if (json_is(key, *k))
			return true;
	return false;
}

struct slots {
	struct json v[JSON_SHAPE_SLOTS];
	struct gen_part *part[JSON_SHAPE_SLOTS];
	size_t n;
};

static bool add_slot(struct slots *s, struct json v, struct gen_part *part)
{
	if (s->n == JSON_SHAPE_SLOTS)
		return false;
	s->part[s->n] = part;
	s->v[s->n++] = v;
	return true;
}

/*
 * Texts and unread members in the order of the document.  Both lists are in order,
 * or json_shape_init() will refuse what comes of them; so is a text that stands in an
 * unread member.
 */
static bool find_slots(const struct gen_call *c, struct json v, struct slots *s)
{
	const struct again *a = c->again;
	struct json_iter it = json_each(v);
	struct json_member m;
	unsigned i = 0;

	while (c->provider->unread && v.type == JSON_OBJECT && json_next(&it, &m)) {
		if ((m.value.type != JSON_STRING && m.value.type != JSON_NUMBER) || !is_unread(c->provider, m.key))
			continue;
		for (; i < a->text_cnt && a->texts[i].raw.p < m.value.raw.p; i++)
			if (!add_slot(s, a->texts[i], a->parts[i]))
				return false;
		if (!add_slot(s, m.value, NULL))
			return false;
	}
	for (; i < a->text_cnt; i++)
		if (!add_slot(s, a->texts[i], a->parts[i]))
			return false;
	return true;
}

static void remember(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct again *a = c->again;
	struct stencil *st = &a->stencils[a->next];
	struct slots s = { .n = 0 };

	if (name.n > NAME_MAX_SZ || data.n > JSON_SHAPE_MAX || !find_slots(c, v, &s) ||
	    !json_shape_init(&st->shape, data, v, s.v, s.n)) {
		json_shape_release(&st->shape);
		return;
	}
	memcpy(st->name, name.p, name.n);
	st->name_n = name.n;
	memcpy(st->parts, s.part, sizeof(st->parts));
	a->last = a->next;
	a->cnt = a->cnt > a->next ? a->cnt : a->next + 1;
	a->next = (a->next + 1) % STENCILS;
}

static bool unchanged(const struct gen_call *c, struct again *a)
{
	look(c, &a->after);
	return !memcmp(a->before.call, a->after.call, CALL_SZ) &&
	       (!c->state || !memcmp(a->before.state, a->after.state, c->state_size)) &&
	       a->before.choices == a->after.choices;
}

void again_end(struct gen_call *c, struct view name, struct view data, struct json v)
{
	struct again *a = c->again;

	if (!a)
		return;
	if (!a->reading || a->other || !unchanged(c, a))
		drop_all(a);
	else if (a->text_cnt)
		remember(c, name, data, v);
	a->reading = false;
}
