// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "genai/again.h"
#include "genai/hosts.h"
#include "genai/read.h"

#define ARENA_MAX	(4 * 1024 * 1024)
#define SURE		3	/* nobody can say more; see struct provider */

static struct gen_call *call_new(bool want_content)
{
	struct gen_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	arena_init(&c->arena, ARENA_MAX);
	buf_init(&c->stop_sequences, 0);
	buf_init(&c->encoding_formats, 0);
	buf_init(&c->system_instructions, GEN_CONTENT_MAX);
	buf_init(&c->input_messages, GEN_CONTENT_MAX);
	buf_init(&c->tool_definitions, GEN_CONTENT_MAX);
	buf_init(&c->retrieval_documents, GEN_CONTENT_MAX);
	buf_init(&c->heads, GEN_HEADS_MAX);
	c->choices_end = &c->choices;
	c->want_content = want_content;
	c->text_left = GEN_TEXT_MAX;
	return c;
}

void gen_free(struct gen_call *c)
{
	if (!c)
		return;
	gen_parts_forget(c);
	again_free(c);
	buf_release(&c->stop_sequences);
	buf_release(&c->encoding_formats);
	buf_release(&c->system_instructions);
	buf_release(&c->input_messages);
	buf_release(&c->tool_definitions);
	buf_release(&c->retrieval_documents);
	buf_release(&c->heads);
	arena_release(&c->arena);
	free(c);
}

static void set_provider(struct gen_call *c, const struct exchange *x, const struct provider *p)
{
	const char *name = hosts_provider(x);

	c->provider = p;
	c->provider_name = name ? name : p->flavour;
}

static const struct provider *best_match(const struct exchange *x, struct json body, int *ret_sure)
{
	const struct provider *best = NULL;

	*ret_sure = 0;
	for (size_t i = 0; providers[i] && *ret_sure < SURE; i++) {
		int sure = providers[i]->match(x, body);

		if (sure <= *ret_sure)
			continue;
		*ret_sure = sure;
		best = providers[i];
	}
	return best;
}

static struct gen_call *open_request(const struct exchange *x, bool want_content)
{
	struct json_index members;
	struct json body = json_read_index(buf_view(&x->req.body.head), &members);
	const struct provider *p;
	struct gen_call *c;
	int sure;

	p = best_match(x, body, &sure);
	c = p ? call_new(want_content) : NULL;
	if (!c)
		return NULL;
	set_provider(c, x, p);
	c->by_shape = sure == 1;
	c->request_cut = !x->req.body.complete || !gen_whole(body);
	p->request(c, x, body);
	return c;
}

static const struct provider *whose_answer(struct view name, struct json data)
{
	for (size_t i = 0; providers[i]; i++)
		if (providers[i]->answers(name, data))
			return providers[i];
	return NULL;
}

/* Who it is for was told by its answer: its path is not known, but the body may be (HTTP/2 joined late). */
static void read_request(struct gen_call *c, const struct exchange *x, const struct provider *p)
{
	struct json_index members;
	struct json body = { 0 };

	if (x->req.body.head.n)
		body = json_read_index(buf_view(&x->req.body.head), &members);
	set_provider(c, x, p);
	c->request_cut = !x->req.body.complete || !gen_whole(body);
	p->request(c, x, body);
}

/*
 * The request was not seen.  Of a whole answer the shape says what it is; of an event
 * stream it will be known when gen_event() sees its first events, and until
 * then the call has no provider.
 */
static struct gen_call *open_answer(const struct exchange *x, bool want_content)
{
	const struct provider *p = NULL;
	struct gen_call *c;

	if (x->resp.kind == BODY_BYTES)
		p = whose_answer(VIEW_NONE, json_read(buf_view(&x->resp.body.head)));
	if (!p && x->resp.kind != BODY_EVENTS)
		return NULL;
	c = call_new(want_content);
	if (!c)
		return NULL;
	c->request_cut = true;
	if (p)
		read_request(c, x, p);
	return c;
}

struct gen_call *gen_open_as(const struct provider *p, const struct exchange *x, struct json body,
			     bool want_content)
{
	struct gen_call *c = call_new(want_content);

	if (!c)
		return NULL;
	set_provider(c, x, p);
	c->request_cut = !gen_whole(body);
	p->request(c, x, body);
	return c;
}

struct gen_call *gen_open(const struct exchange *x, bool want_content)
{
	return x->target.n ? open_request(x, want_content) : open_answer(x, want_content);
}

static void recognise(struct gen_call *c, const struct exchange *x, struct view name,
		      struct json data)
{
	const struct provider *p;

	if (c->provider) {
		c->confirmed = c->confirmed || !c->by_shape || c->provider->answers(name, data);
		return;
	}
	p = whose_answer(name, data);
	if (!p)
		return;
	read_request(c, x, p);
}

void gen_event(struct gen_call *c, const struct exchange *x, struct view name, struct view data)
{
	struct json_index members;
	struct json v;

	if (again_apply(c, name, data))
		return;
	v = json_read_index(data, &members);
	recognise(c, x, name, v);
	if (!c->provider)
		return;
	again_begin(c);
	c->provider->event(c, name, data, v);
	again_end(c, name, data, v);
}

static void read_answer(struct gen_call *c, const struct exchange *x)
{
	struct json_index members;
	struct json body = json_read_index(buf_view(&x->resp.body.head), &members), first = body;
	struct json_iter it = json_each(body);
	struct json_member m;

	if (body.type == JSON_ARRAY && json_next(&it, &m))	/* Google's errors stand in one */
		first = m.value;
	if (first.type != JSON_OBJECT)
		return;
	recognise(c, x, VIEW_NONE, first);
	gen_answer_error(c, x, first);
	if (c->provider)
		c->provider->response(c, x, first);
	c->terminal |= gen_whole(body) && x->resp.body.complete;
}

/* The attributes openai.* go with OpenAI's own flavours only (semconv, "Provider pages"). */
static void keep_flavour(struct gen_call *c)
{
	if (!strcmp(c->provider_name, "openai") || !strcmp(c->provider_name, "azure.ai.openai"))
		return;
	c->api_type = NULL;
	c->request_service_tier = c->response_service_tier = c->system_fingerprint = VIEW_NONE;
}

void gen_finish(struct gen_call *c, const struct exchange *x)
{
	const struct body *body = &x->resp.body;
	bool bytes = x->resp.kind == BODY_BYTES;
	bool missing = body->lost || body->error || (bytes && body->cut) ||
		       (x->end == XEND_LOST && !body->complete);

	if (bytes)
		read_answer(c, x);
	if (!c->provider || (c->by_shape && !c->confirmed)) {
		c->not_inference = true;
		return;
	}
	c->stream |= !bytes;
	c->response_cut |= missing;
	c->finish_unknown = missing;
	if (c->provider->finish)
		c->provider->finish(c, x);
	c->not_inference |= c->no_inference;
	if (x->status >= 400)
		gen_status_error(c, x);
	if (c->failed && !c->error_type.n)
		c->error_type = VIEW("_OTHER");
	keep_flavour(c);
}

static size_t missing_choices(const struct gen_call *c)
{
	if (!c->choice_count.set || c->choice_count.v <= c->choice_cnt ||
	    c->choice_count.v > GEN_CHOICES_MAX)
		return 0;
	return c->choice_count.v - c->choice_cnt;
}

/*
 * Where choices are missing, their places are those of the indexes that never
 * came; what the provider numbered otherwise stands where it came.
 */
size_t gen_finish_reasons(const struct gen_call *c, struct view *ret, size_t max)
{
	size_t n = 0, missing = missing_choices(c);

	if (!c->choices)
		return 0;
	for (const struct gen_choice *ch = c->choices; ch; ch = ch->next) {
		for (; missing && n < max && ch->index > (int64_t)n; missing--)
			ret[n++] = VIEW_NONE;
		if (n < max)
			ret[n++] = ch->finish;
	}
	for (; missing && n < max; missing--)
		ret[n++] = VIEW_NONE;
	for (size_t i = 0; i < n; i++) {
		if (ret[i].n)
			continue;
		if (c->finish_unknown)
			return 0;
		ret[i] = VIEW("error");
	}
	return n;
}
