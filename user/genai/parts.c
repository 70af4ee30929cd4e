// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "genai/again.h"

/*
 * What a stream says comes in pieces that name their place by the provider's
 * own indexes, which are whatever the other side likes to send.  So choices and
 * parts are looked up, never addressed, and both are counted.
 */

struct gen_choice *gen_choice(struct gen_call *c, int64_t index)
{
	struct gen_choice **at = &c->choices, *ch;

	while (*at && (*at)->index < index)
		at = &(*at)->next;
	if (*at && (*at)->index == index)
		return *at;
	ch = c->choice_cnt < GEN_CHOICES_MAX ? arena_alloc(&c->arena, sizeof(*ch)) : NULL;
	if (!ch) {
		c->response_cut = true;
		return NULL;
	}
	c->choice_cnt++;
	*ch = (struct gen_choice){ .index = index, .next = *at };
	ch->parts_end = &ch->parts;
	*at = ch;
	if (!ch->next)
		c->choices_end = &ch->next;
	return ch;
}

static size_t hash(const struct gen_choice *ch, enum gen_part_kind kind, int64_t index,
		   int64_t index2)
{
	uint64_t h = (uint64_t)index * 31 + (uint64_t)index2 * 7 + (uint64_t)ch->index * 131 + kind;

	return (h * 0x9e3779b97f4a7c15ull) >> 56;
}

_Static_assert(GEN_PART_HASH == 256, "hash() gives eight bits");

struct gen_part *gen_part_find(const struct gen_call *c, const struct gen_choice *ch,
			       enum gen_part_kind kind, int64_t index, int64_t index2)
{
	struct gen_part *p = ch ? c->hash[hash(ch, kind, index, index2)] : NULL;

	while (p &&
	       (p->choice != ch || p->kind != kind || p->index != index || p->index2 != index2))
		p = p->same;
	return p;
}

struct gen_part *gen_part_new(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind,
			      int64_t index, int64_t index2)
{
	struct gen_part *p = NULL, **at;

	if (ch && c->part_cnt < GEN_PARTS_MAX)
		p = arena_alloc(&c->arena, sizeof(*p));
	if (!p) {
		c->response_cut = true;
		return NULL;
	}
	at = &c->hash[hash(ch, kind, index, index2)];
	*p = (struct gen_part){
		.kind = kind, .index = index, .index2 = index2, .choice = ch, .same = *at
	};
	*at = p;
	*ch->parts_end = p;
	ch->parts_end = &p->next;
	c->part_cnt++;
	return p;
}

struct gen_part *gen_part(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind,
			  int64_t index, int64_t index2)
{
	struct gen_part *p = gen_part_find(c, ch, kind, index, index2);

	return p ? p : gen_part_new(c, ch, kind, index, index2);
}

static void drop_text(struct gen_call *c, struct gen_part *p)
{
	c->text_left += p->text.n;
	buf_reset(&p->text);
	p->initial = false;
}

/* What a tool is called with is looked at, whether it is written or not: what was run and how it fits (trace). */
static bool wanted(const struct gen_call *c, const struct gen_part *p)
{
	return c->want_content || p->kind == GEN_TOOL_CALL;
}

static void add_text(struct gen_call *c, struct gen_part *p, struct json v)
{
	size_t before = p->text.n;
	struct jsonw w;
	int err;

	p->text.max = before + c->text_left;
	if (v.type == JSON_STRING) {
		err = json_text(v, &p->text);
	} else {
		jsonw_init(&w, &p->text);
		jsonw_value(&w, v);
		err = w.err;
	}
	c->text_left -= p->text.n - before;
	if (err)
		c->response_cut = true;
}

void gen_part_add(struct gen_call *c, struct gen_part *p, struct json text)
{
	if (!p || text.type != JSON_STRING)
		return;
	again_text(c, p, text);
	if (p->initial)
		drop_text(c, p);
	if (wanted(c, p))
		add_text(c, p, text);
}

void gen_part_set(struct gen_call *c, struct gen_part *p, struct json v)
{
	if (!p)
		return;
	again_other(c);
	drop_text(c, p);
	if (wanted(c, p) && v.type != JSON_NONE && v.type != JSON_NULL)
		add_text(c, p, v);
}

void gen_parts_forget(struct gen_call *c)
{
	again_other(c);
	for (struct gen_choice *ch = c->choices; ch; ch = ch->next) {
		for (struct gen_part *p = ch->parts; p; p = p->next) {
			c->text_left += p->text.n;
			buf_release(&p->text);
		}
		ch->parts = NULL;
		ch->parts_end = &ch->parts;
	}
	memset(c->hash, 0, sizeof(c->hash));
	c->part_cnt = 0;
}
