// SPDX-License-Identifier: Apache-2.0
/*
 * A row of the list names a provider, as gen_ai.provider.name does, and a model, and has prices.  A price that
 * is left out is the one of plain input (nobody charges for a cache apart there); null says that there is one and that
 * the list does not know it.  "variants" stand in for the row's prices, the first one that fits:
 *
 *	"input_above": 200000	more input tokens than that, cached ones included
 *	"utc": [1, 4]		called at 01:00 or later and before 04:00
 *	"tier": "flex"		the provider's word for how the call was served
 *
 * The formula is the same for all, because usage was brought into one shape before (input_tokens with the
 * cached ones, output_tokens with reasoning): plain input, cache reads, cache writes by their time to live, output.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "trace/prices.h"

#define ROWS_MAX	20000
#define ARENA_MAX	(16 * 1024 * 1024)
#define MODEL_MAX	128

enum price { INPUT, CACHED_INPUT, CACHE_WRITE, CACHE_WRITE_1H, OUTPUT, WEB_SEARCH, PRICE_CNT };

static const char *const price_keys[PRICE_CNT] = {
	"input", "cached_input", "cache_write", "cache_write_1h", "output", "web_search",
};

struct rates {
	bool known[PRICE_CNT];
	double usd[PRICE_CNT];		/* per million tokens, or per request */
	int64_t input_above;		/* conditions; 0: none */
	int utc_from, utc_to;		/* hours; equal: none */
	const char *tier;		/* NULL: none */
	struct rates *next;
};

struct row {
	const char *provider, *model;	/* the model as model_key() writes it */
	struct rates *rates;		/* variants, then the row's own */
};

struct prices {
	struct arena arena;
	struct row *rows;
	size_t cnt, cap;
	char date[16];
};

static const char *text(struct arena *a, struct json v)
{
	struct buf b;
	struct view copy;

	buf_init(&b, 4096);
	copy = json_text(v, &b) ? VIEW_NONE : arena_copy(a, buf_view(&b));
	buf_release(&b);
	return copy.p;
}

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* -20250929, -2025-09-29: the snapshot of a model, at the same price. */
static size_t date_len(const char *s, size_t n)
{
	if (n > 9 && s[n - 9] == '-' && digits(s + n - 8, 8))
		return 9;
	if (n > 11 && s[n - 11] == '-' && digits(s + n - 10, 4) && s[n - 6] == '-' && digits(s + n - 5, 2) &&
	    s[n - 3] == '-' && digits(s + n - 2, 2))
		return 11;
	return 0;
}

/*
 * One spelling for the names of one model.  A prefix match would be no such
 * thing: claude-sonnet-5-5 is not claude-sonnet-5.  Bedrock's names stay as they are: the region in them has a price.
 */
static void model_key(const char *provider, struct view model, char ret[static MODEL_MAX])
{
	static const char latest[] = "-latest";
	size_t n;

	snprintf(ret, MODEL_MAX, "%.*s", VIEW_ARG(view_take(model, MODEL_MAX - 1)));
	if (!strcmp(provider, "aws.bedrock"))
		return;
	if (!strncmp(ret, "models/", 7))
		memmove(ret, ret + 7, strlen(ret + 7) + 1);
	ret[strcspn(ret, "@")] = '\0';
	n = strlen(ret);
	if (n > sizeof(latest) && !strcmp(ret + n - sizeof(latest) + 1, latest))
		n -= sizeof(latest) - 1;
	n -= date_len(ret, n);
	ret[n] = '\0';
}

static bool read_rates(struct prices *p, struct json v, struct rates *r)
{
	struct json utc = json_get(v, "utc"), tier = json_get(v, "tier");
	struct json_iter it = json_each(utc);
	int64_t hour[2] = { 0, 0 };
	struct json_member m;

	for (int i = 0; i < PRICE_CNT; i++) {
		struct json price = json_get(v, price_keys[i]);

		r->known[i] = json_double(price, &r->usd[i]);
		if (price.type != JSON_NONE && price.type != JSON_NULL && (!r->known[i] || r->usd[i] < 0))
			return false;
		if (price.type == JSON_NONE && i > INPUT && i < OUTPUT && r->known[INPUT]) {
			r->usd[i] = r->usd[INPUT];
			r->known[i] = true;
		}
	}
	json_int(json_get(v, "input_above"), &r->input_above);
	for (int i = 0; i < 2 && json_next(&it, &m); i++)
		json_int(m.value, &hour[i]);
	r->utc_from = hour[0];
	r->utc_to = hour[1];
	r->tier = tier.type == JSON_STRING ? text(&p->arena, tier) : NULL;
	return r->known[INPUT];
}

static bool add_row(struct prices *p, const char *provider, struct json model, struct rates *rates)
{
	char key[MODEL_MAX];
	const char *name = text(&p->arena, model);
	struct row *more;

	if (!name || p->cnt == ROWS_MAX)
		return false;
	if (p->cnt == p->cap) {
		more = realloc(p->rows, (p->cap * 2 + 64) * sizeof(*more));
		if (!more)
			return false;
		p->rows = more;
		p->cap = p->cap * 2 + 64;
	}
	model_key(provider, view_of(name), key);
	name = arena_copy(&p->arena, view_of(key)).p;
	if (!name)
		return false;
	p->rows[p->cnt++] = (struct row){ provider, name, rates };
	return true;
}

static struct rates *read_all_rates(struct prices *p, struct json v)
{
	struct json_iter it = json_each(json_get(v, "variants"));
	struct rates *first = NULL, **end = &first, *r;
	struct json_member m;
	bool more = true;

	while (more) {
		more = json_next(&it, &m);
		r = arena_alloc(&p->arena, sizeof(*r));
		if (!r || !read_rates(p, more ? m.value : v, r))
			return NULL;
		*end = r;
		end = &r->next;
	}
	return first;
}

static bool read_row(struct prices *p, struct json v)
{
	const char *provider = text(&p->arena, json_get(v, "provider"));
	struct rates *rates = provider ? read_all_rates(p, v) : NULL;
	struct json model = json_get(v, "model");
	struct json_iter it = json_each(model);
	struct json_member m;
	bool one = false;

	if (!rates)
		return false;
	if (model.type == JSON_STRING)
		return add_row(p, provider, model, rates);
	while (json_next(&it, &m)) {
		if (!add_row(p, provider, m.value, rates))
			return false;
		one = true;
	}
	return one;
}

struct prices *prices_read(struct view doc, char why[static 128])
{
	struct prices *p = calloc(1, sizeof(*p));
	struct json v = json_read(doc);
	struct json_iter it = json_each(json_get(v, "models"));
	struct json_member m;
	const char *date;
	bool ok = p && v.type == JSON_OBJECT && !json_check(doc);

	snprintf(why, 128, p ? "it is no JSON object" : "out of memory");
	if (p)
		arena_init(&p->arena, ARENA_MAX);
	for (int n = 1; ok && json_next(&it, &m); n++) {
		ok = read_row(p, m.value);
		snprintf(why, 128, "entry %d of \"models\" has no provider, model and input price that can be read", n);
	}
	if (ok && !p->cnt) {
		snprintf(why, 128, "it has no \"models\"");
		ok = false;
	}
	if (!ok) {
		prices_free(p);
		return NULL;
	}
	date = text(&p->arena, json_get(v, "date"));
	snprintf(p->date, sizeof(p->date), "%s", date ? date : "");
	return p;
}

void prices_free(struct prices *p)
{
	if (!p)
		return;
	arena_release(&p->arena);
	free(p->rows);
	free(p);
}

const char *prices_date(const struct prices *p)
{
	return p->date;
}

static const struct row *find(const struct prices *p, const char *provider, struct view model)
{
	char key[MODEL_MAX];

	if (!model.n || model.n >= MODEL_MAX)
		return NULL;
	model_key(provider, model, key);
	for (size_t i = 0; i < p->cnt; i++)
		if (!strcmp(p->rows[i].provider, provider) && !strcmp(p->rows[i].model, key))
			return &p->rows[i];
	return NULL;
}

/* Words for the price that everybody pays. */
static bool is_standard(struct view tier)
{
	static const char *const words[] = { "default", "standard", "auto", "on_demand" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (view_eq(tier, view_of(words[i])))
			return true;
	return !tier.n;
}

static struct view tier_of(const struct gen_call *c)
{
	if (c->price_tier.n)
		return c->price_tier;
	return c->response_service_tier.n ? c->response_service_tier : c->request_service_tier;
}

static bool fits(const struct rates *r, const struct gen_call *c, int64_t at)
{
	struct view tier = tier_of(c);
	int hour = at % 86400 / 3600;

	if (r->tier ? !view_eq(tier, view_of(r->tier)) : !is_standard(tier))
		return false;
	if (r->input_above && c->input_tokens.v <= r->input_above)
		return false;
	return r->utc_from == r->utc_to || (hour >= r->utc_from && hour < r->utc_to);
}

/* Tokens of each kind, disjoint.  False: what the provider says does not add up. */
static bool amounts(const struct gen_call *c, int64_t ret[static PRICE_CNT])
{
	int64_t writes = c->cache_write_tokens.v, hour = c->cache_write_1h_tokens.v;

	ret[CACHED_INPUT] = c->cache_read_tokens.v;
	ret[CACHE_WRITE_1H] = hour;
	ret[CACHE_WRITE] = writes - hour;
	ret[INPUT] = c->input_tokens.v - ret[CACHED_INPUT] - writes;
	ret[OUTPUT] = c->output_tokens.v;
	ret[WEB_SEARCH] = c->web_searches.v;
	return ret[INPUT] >= 0 && ret[CACHE_WRITE] >= 0;
}

static bool counted(const struct gen_call *c)
{
	return c->input_tokens.set && (c->output_tokens.set || c->op == GEN_EMBEDDINGS);
}

bool prices_cost(const struct prices *p, const struct gen_call *c, int64_t at, double *ret_usd)
{
	const struct row *row = find(p, c->provider_name, c->response_model);
	const struct rates *r;
	int64_t n[PRICE_CNT];
	double usd = 0;

	if (!row)
		row = find(p, c->provider_name, c->request_model);
	/* Sound and pictures have prices of their own, which the list has not. */
	if (!row || c->other_models || !counted(c) || !amounts(c, n) || c->input_audio_tokens.v || c->output_audio_tokens.v ||
	    c->output_image_tokens.v)
		return false;
	for (r = row->rates; r && !fits(r, c, at); r = r->next)
		;
	if (!r)
		return false;
	for (int i = 0; i < PRICE_CNT; i++) {
		if (n[i] && !r->known[i])
			return false;
		usd += n[i] ? n[i] * r->usd[i] / (i == WEB_SEARCH ? 1 : 1e6) : 0;
	}
	*ret_usd = usd;
	return true;
}
