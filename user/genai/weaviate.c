// SPDX-License-Identifier: Apache-2.0
/*
 * Weaviate is asked in GraphQL (October 2021 edition): { Get { Class(limit: 3, nearText: {concepts: ["words"]}) {…} } }.
 * Only words of the language are looked for, never inside of its strings.
 */
#include <ctype.h>

#include "genai/retrieval.h"

struct token {
	enum { T_END, T_NAME, T_NUMBER, T_STRING, T_PUNCT } type;
	struct view v;		/* of a string: what stands between its quotes */
};

struct graphql {
	bool near;
	struct view class, limit, words;
};

static size_t string_end(struct view in)
{
	size_t i = 1;

	while (i < in.n && in.p[i] != '"')
		i += in.p[i] == '\\' ? 2 : 1;
	return i < in.n ? i : in.n;
}

static bool is_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

static struct token next(struct view *in)
{
	struct token t = { T_END, VIEW_NONE };
	size_t n = 0;

	while (in->n && strchr(" \t\r\n,", in->p[0]))
		*in = view_drop(*in, 1);
	if (!in->n)
		return t;
	if (in->p[0] == '"') {
		n = string_end(*in);
		t = (struct token){ T_STRING, { in->p + 1, n - 1 } };
		*in = view_drop(*in, n < in->n ? n + 1 : n);
		return t;
	}
	while (n < in->n && (is_word(in->p[n]) || in->p[n] == '.'))
		n++;
	t.type = !n ? T_PUNCT : isdigit((unsigned char)in->p[0]) ? T_NUMBER : T_NAME;
	t.v = view_take(*in, n ? n : 1);
	*in = view_drop(*in, t.v.n);
	return t;
}

static bool is_near(struct view name)
{
	static const char *const names[] = {
		"nearText", "nearVector", "nearObject", "nearImage", "nearAudio", "nearVideo", "hybrid", "bm25",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (view_eq(name, view_of(names[i])))
			return true;
	return false;
}

/* name: value */
static void argument(struct graphql *g, struct view name, struct view *in)
{
	bool words = view_eq(name, VIEW("concepts")) || view_eq(name, VIEW("query"));
	struct view rest = *in;
	struct token t = next(&rest);

	g->near |= is_near(name);
	if (words && t.type == T_PUNCT && t.v.p[0] == '[')
		t = next(&rest);
	if (words && t.type == T_STRING && !g->words.n)
		g->words = t.v;
	if (view_eq(name, VIEW("limit")) && t.type == T_NUMBER && !g->limit.n)
		g->limit = t.v;
}

static struct graphql parse(struct view in)
{
	struct token t, name = { T_END, VIEW_NONE };
	struct graphql g = { 0 };
	bool get = false;

	for (t = next(&in); t.type != T_END; t = next(&in)) {
		if (t.type == T_PUNCT && t.v.p[0] == ':' && name.type == T_NAME)
			argument(&g, name.v, &in);
		if (t.type == T_NAME && get && !g.class.n)
			g.class = t.v;
		get |= t.type == T_NAME && view_eq(t.v, VIEW("Get"));
		name = t;
	}
	g.near &= g.class.n > 0;
	return g;
}

/* out holds the text that ret points into. */
static struct graphql read_query(struct json body, struct buf *out)
{
	struct json query = json_get(body, "query");

	buf_init(out, query.raw.n * 3);
	if (query.type != JSON_STRING || json_text(query, out))
		return (struct graphql){ 0 };
	return parse(buf_view(out));
}

bool weaviate_is(const struct exchange *x, struct json body)
{
	struct buf text;
	bool near = read_query(body, &text).near;

	buf_release(&text);
	return near;
}

void weaviate_read(struct gen_call *c, struct json body)
{
	struct buf text;
	struct graphql g = read_query(body, &text);

	if (g.class.n)
		c->data_source_id = gen_copy(c, g.class);
	if (g.limit.n)
		gen_set_count(&c->retrieval_top_k, json_read(g.limit));
	if (c->want_content && g.words.n)
		gen_set_text(c, &c->retrieval_query, json_read((struct view){ g.words.p - 1, g.words.n + 2 }));
	buf_release(&text);
}
