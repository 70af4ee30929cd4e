// SPDX-License-Identifier: Apache-2.0
#include <endian.h>

#include "genai/read.h"
#include "genai/results.h"

#define ID_MAX		1024
#define HASH_BEGIN	0xcbf29ce484222325

const struct gen_result_shape gen_result_chat = {
	.mark = "role", .is = VIEW("tool"), .id = "tool_call_id", .name = "name",
};
const struct gen_result_shape gen_result_ollama = {
	.mark = "role", .is = VIEW("tool"), .id = "tool_call_id", .name = "tool_name",
};
const struct gen_result_shape gen_result_anthropic = {
	.parts = "content", .mark = "type", .is = VIEW("tool_result"), .id = "tool_use_id", .failed = "is_error",
};
const struct gen_result_shape gen_result_responses = {
	.mark = "type", .ends = VIEW("_call_output"), .id = "call_id",
};
const struct gen_result_shape gen_result_gemini = {
	.parts = "parts", .wrap = { "functionResponse", "function_response" }, .id = "id", .name = "name",
};
const struct gen_result_shape gen_result_converse = {
	.parts = "content", .wrap = { "toolResult" }, .id = "toolUseId", .failed = "status",
};

/* Words are mixed wherever a text is cut into pieces. */
struct mixer {
	uint64_t h, word;
	unsigned n;		/* bytes in word */
};

static void step(struct mixer *m, uint64_t word)
{
	m->h = (m->h ^ word) * 0x9e3779b97f4a7c15;
	m->h ^= m->h >> 29;
}

static void mix(struct mixer *m, struct view v)
{
	uint64_t word;

	while (v.n) {
		if (!m->n && v.n >= sizeof(word)) {
			memcpy(&word, v.p, sizeof(word));
			step(m, le64toh(word));
			v = view_drop(v, sizeof(word));
			continue;
		}
		m->word |= (uint64_t)(uint8_t)v.p[0] << 8 * m->n;
		v = view_drop(v, 1);
		if (++m->n < sizeof(word))
			continue;
		step(m, m->word);
		m->word = m->n = 0;
	}
}

static uint64_t mixed(struct mixer *m)
{
	step(m, m->word);
	step(m, m->n);
	return m->h ? m->h : 1;
}

uint64_t gen_hash(struct view v)
{
	struct mixer m = { .h = HASH_BEGIN };

	mix(&m, v);
	return mixed(&m);
}

/* Where a cache breakpoint of Anthropic's stands moves on from one request to the next: it is no part of what was said. */
static uint64_t mix_message(uint64_t h, struct view v)
{
	static const struct view mark = VIEW("\"cache_control\":");
	struct mixer m = { .h = h };
	const char *at, *end;

	while (v.n && (at = memmem(v.p, v.n, mark.p, mark.n)) && (end = memchr(at, '}', v.p + v.n - at))) {
		struct view before = view_take(v, at - v.p);

		while (before.n && memchr(", \n\t", before.p[before.n - 1], 4))
			before.n--;
		mix(&m, before);
		v = view_drop(v, end + 1 - v.p);
	}
	mix(&m, v);
	return mixed(&m);
}

static uint64_t hash_text(struct json v)
{
	struct buf text;
	uint64_t h = 0;

	if (!gen_is_text(v) || v.cut)
		return 0;
	buf_init(&text, ID_MAX);
	if (!json_text(v, &text))
		h = gen_hash(buf_view(&text));
	buf_release(&text);
	return h;
}

/* The newest are kept: the older ones are told in every request. */
static void add(struct gen_call *c, const struct gen_result_shape *s, struct json v)
{
	const char *const keys[] = { s->id, s->name ? s->name : "", s->failed ? s->failed : "" };
	struct json f[3];

	if (!c->results)
		c->results = arena_alloc(&c->arena, GEN_RESULTS_MAX * sizeof(*c->results));
	if (!c->results || v.cut)
		return;
	gen_pick(v, keys, f, 3);
	c->results[c->result_cnt++ % GEN_RESULTS_MAX] = (struct gen_result){
		.id = hash_text(f[0]),
		.name = hash_text(f[1]),
		.failed = s->failed && (f[2].type == JSON_TRUE || json_is(f[2], "error")),
	};
}

static bool says(const struct gen_result_shape *s, struct json mark)
{
	if (s->is.n)
		return mark.type == JSON_STRING && mark.raw.n == s->is.n + 2 && !memcmp(mark.raw.p + 1, s->is.p, s->is.n);
	return mark.type == JSON_STRING && mark.raw.n > 2 &&
	       view_ends((struct view){ mark.raw.p + 1, mark.raw.n - 2 }, s->ends);
}

static void look(struct gen_call *c, const struct gen_result_shape *s, struct json part)
{
	struct json in;

	if (part.type != JSON_OBJECT)
		return;
	if (s->mark) {
		if (says(s, json_get(part, s->mark)))
			add(c, s, part);
		return;
	}
	for (size_t i = 0; i < 2 && s->wrap[i]; i++) {
		in = json_get(part, s->wrap[i]);
		if (in.type == JSON_OBJECT)
			add(c, s, in);
	}
}

void gen_results(struct gen_call *c, struct json messages, const struct gen_result_shape *s)
{
	struct json_iter it = json_each(messages), parts;
	struct json_member m, p;

	if (messages.type != JSON_ARRAY || c->message_cnt)
		return;
	while (json_next(&it, &m) && !m.value.cut) {
		c->head = mix_message(c->head ? c->head : HASH_BEGIN, m.value.raw);
		c->message_cnt++;
		buf_add(&c->heads, (struct view){ (const char *)&c->head, sizeof(c->head) });
		if (!s->parts)
			look(c, s, m.value);
		parts = json_each(s->parts ? json_get(m.value, s->parts) : (struct json){ 0 });
		while (json_next(&parts, &p))
			look(c, s, p.value);
	}
}

bool gen_extends(const struct gen_call *c, uint64_t head, unsigned message_cnt)
{
	uint64_t at;

	if (!message_cnt || message_cnt * sizeof(at) > c->heads.n)
		return false;
	memcpy(&at, c->heads.p + (message_cnt - 1) * sizeof(at), sizeof(at));
	return at == head;
}

void gen_offers(struct gen_call *c, struct json tools)
{
	struct json_iter it = json_each(tools);
	struct json_member m;

	c->offers_tools |= (tools.type == JSON_ARRAY || tools.type == JSON_OBJECT) && json_next(&it, &m);
}
