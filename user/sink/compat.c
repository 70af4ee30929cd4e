// SPDX-License-Identifier: Apache-2.0
/*
 * Sources of the names: OpenInference's semantic conventions, Langfuse's OpenTelemetry page and the readers in both projects and in
 * Phoenix, Jaeger and Sentry (August 2026); gen_ai.system and cache_creation are earlier names of semantic-conventions-genai.
 */
#include "sink/compat.h"

static const struct {
	const char *name;
	enum compat_set set;
} sets_by_name[] = {
	{ "cache_creation", COMPAT_CACHE_CREATION }, { "cost", COMPAT_COST }, { "gen_ai.system", COMPAT_SYSTEM },
	{ "langfuse", COMPAT_LANGFUSE }, { "openinference", COMPAT_OPENINFERENCE },
};

static unsigned set_of(struct view name)
{
	for (size_t i = 0; i < sizeof(sets_by_name) / sizeof(sets_by_name[0]); i++)
		if (view_eq(name, view_of(sets_by_name[i].name)))
			return sets_by_name[i].set;
	return 0;
}

bool compat_parse(const char *list, unsigned *ret)
{
	struct view rest = view_of(list), one;
	unsigned sets = 0, set;

	do {
		one = rest;
		if (!view_cut(rest, ',', &one, &rest))
			rest = VIEW_NONE;
		set = set_of(view_trim(one));
		sets |= set;
	} while (set && rest.p);
	if (set)
		*ret = sets;
	return set;
}

static const struct value *from(const struct span *s, enum attr_id id)
{
	return attrs_get(&s->attrs, id);
}

/* What kind of thing a span is, in the words of both. */
struct kind {
	const char *operation, *openinference, *langfuse;
};

static const struct kind *kind_of(const struct span *s)
{
	static const struct kind kinds[] = {
		{ "chat", "LLM", "generation" },
		{ "text_completion", "LLM", "generation" },
		{ "generate_content", "LLM", "generation" },
		{ "embeddings", "EMBEDDING", "embedding" },
		{ "retrieval", "RETRIEVER", "retriever" },
		{ "execute_tool", "TOOL", "tool" },
		{ "invoke_agent", "AGENT", "agent" },
	}, other = { NULL, "CHAIN", "span" };
	const struct value *v = from(s, ATTR_GEN_AI_OPERATION_NAME);

	for (size_t i = 0; v && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (view_eq(v->str, view_of(kinds[i].operation)))
			return &kinds[i];
	return &other;
}

static bool text(struct value *ret, const char *words)
{
	*ret = (struct value){ .type = VALUE_STR, .str = view_of(words) };
	return true;
}

static bool openinference_kind(struct span *s, struct value *ret)
{
	return text(ret, kind_of(s)->openinference);
}

static bool langfuse_type(struct span *s, struct value *ret)
{
	return text(ret, kind_of(s)->langfuse);
}

/* The first of these that the span has. */
static bool first_of(const struct span *s, const enum attr_id *ids, size_t n, struct value *ret)
{
	for (size_t i = 0; i < n; i++) {
		const struct value *v = from(s, ids[i]);

		if (v) {
			*ret = *v;
			return true;
		}
	}
	return false;
}

#define FIRST_OF(s, ret, ...) \
	first_of(s, (const enum attr_id[]){ __VA_ARGS__ }, sizeof((enum attr_id[]){ __VA_ARGS__ }) / sizeof(enum attr_id), ret)

static bool model_name(struct span *s, struct value *ret)
{
	return !strcmp(kind_of(s)->openinference, "LLM") &&
	       FIRST_OF(s, ret, ATTR_GEN_AI_RESPONSE_MODEL, ATTR_GEN_AI_REQUEST_MODEL);
}

static bool total_tokens(struct span *s, struct value *ret)
{
	const struct value *in = from(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS), *out = from(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS);

	*ret = (struct value){ .type = VALUE_INT };
	return in && out && !__builtin_add_overflow(in->i, out->i, &ret->i);
}

static bool input_value(struct span *s, struct value *ret)
{
	return FIRST_OF(s, ret, ATTR_GEN_AI_INPUT_MESSAGES, ATTR_GEN_AI_TOOL_CALL_ARGUMENTS, ATTR_GEN_AI_RETRIEVAL_QUERY_TEXT);
}

static bool output_value(struct span *s, struct value *ret)
{
	return FIRST_OF(s, ret, ATTR_GEN_AI_OUTPUT_MESSAGES, ATTR_GEN_AI_TOOL_CALL_RESULT, ATTR_GEN_AI_RETRIEVAL_DOCUMENTS);
}

static bool cost_details(struct span *s, struct value *ret)
{
	const struct value *usd = from(s, ATTR_ONLOOKER_COST_USD);
	struct jsonw w;
	struct buf b;

	if (!usd)
		return false;
	buf_init(&b, 64);
	jsonw_init(&w, &b);
	jsonw_open(&w, '{');
	jsonw_key(&w, "total");
	jsonw_double(&w, usd->d);
	jsonw_close(&w, '}');
	*ret = (struct value){ .type = VALUE_STR, .str = w.err ? VIEW_NONE : arena_copy(&s->arena, buf_view(&b)) };
	buf_release(&b);
	return ret->str.n;
}

#define OLD_CACHE (COMPAT_CACHE_CREATION | COMPAT_LANGFUSE | COMPAT_OPENINFERENCE)

#define NAME(which, n, t) .sets = which, .def = { .name = n, .type = VALUE_##t }

static const struct compat_row {
	unsigned sets;
	struct attr_def def;
	enum attr_id from;			/* its value, unless value says it; */
	bool renames;				/* and then that one goes */
	bool (*value)(struct span *s, struct value *ret);	/* false: none */
} rows[] = {
	/* Not besides: Langfuse counts whatever begins with gen_ai.usage as one more kind of token. */
	{ NAME(OLD_CACHE, "gen_ai.usage.cache_creation.input_tokens", INT), .from = ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, .renames = true },
	{ NAME(COMPAT_SYSTEM, "gen_ai.system", STR), .from = ATTR_GEN_AI_PROVIDER_NAME },
	{ NAME(COMPAT_COST, "gen_ai.usage.cost", DOUBLE), .from = ATTR_ONLOOKER_COST_USD },
	{ NAME(COMPAT_COST | COMPAT_OPENINFERENCE, "llm.cost.total", DOUBLE), .from = ATTR_ONLOOKER_COST_USD },
	{ NAME(COMPAT_LANGFUSE, "langfuse.observation.type", STR), .value = langfuse_type },
	{ NAME(COMPAT_LANGFUSE, "langfuse.session.id", STR), .from = ATTR_GEN_AI_CONVERSATION_ID },
	{ NAME(COMPAT_LANGFUSE, "langfuse.observation.cost_details", STR), .value = cost_details },
	{ NAME(COMPAT_OPENINFERENCE, "openinference.span.kind", STR), .value = openinference_kind },
	{ NAME(COMPAT_OPENINFERENCE, "session.id", STR), .from = ATTR_GEN_AI_CONVERSATION_ID },
	{ NAME(COMPAT_OPENINFERENCE, "llm.model_name", STR), .value = model_name },
	{ NAME(COMPAT_OPENINFERENCE, "llm.token_count.prompt", INT), .from = ATTR_GEN_AI_USAGE_INPUT_TOKENS },
	{ NAME(COMPAT_OPENINFERENCE, "llm.token_count.completion", INT), .from = ATTR_GEN_AI_USAGE_OUTPUT_TOKENS },
	{ NAME(COMPAT_OPENINFERENCE, "llm.token_count.total", INT), .value = total_tokens },
	{ NAME(COMPAT_OPENINFERENCE, "input.value", STR), .value = input_value },
	{ NAME(COMPAT_OPENINFERENCE, "output.value", STR), .value = output_value },
};

void compat_apply(unsigned sets, struct span *s)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct compat_row *r = &rows[i];
		const struct value *v = r->value ? NULL : from(s, r->from);
		struct value made;

		if (!(sets & r->sets) || (r->value ? !r->value(s, &made) : !v))
			continue;
		if (r->renames)
			attrs_rename(&s->attrs, r->from, &r->def);
		else
			attrs_share(&s->attrs, &s->arena, &r->def, r->value ? &made : v);
	}
}
