// SPDX-License-Identifier: Apache-2.0
/*
 * A stored response is fetched: no model runs for it, and what it once used is no use of now
 * (semantic-conventions-genai, fetch response).
 */
#include "genai/hosts.h"
#include "genai/openai.h"

extern const struct provider provider_openai_responses;

#define AFTER "/responses/"

/* GET .../responses/ID, and nothing behind the id. */
static struct view stored_id(struct gen_call *c, const struct exchange *x)
{
	struct view path = gen_path(x), rest = path;
	const char *at = path.n ? memmem(path.p, path.n, AFTER, strlen(AFTER)) : NULL;

	if (!at || !view_eq(x->method, VIEW("GET")))
		return VIEW_NONE;
	rest = view_drop(path, at - path.p + strlen(AFTER));
	if (!rest.n || memchr(rest.p, '/', rest.n))
		return VIEW_NONE;
	return c ? gen_path_part(c, x, AFTER, "/") : rest;
}

static int fetch_match(const struct exchange *x, struct json body)
{
	struct view id = stored_id(NULL, x);

	return view_starts(id, VIEW("resp_")) || (id.n && hosts_provider(x)) ? 3 : 0;
}

/* An answer alone looks like that of the call itself. */
static bool fetch_answers(struct view name, struct json data)
{
	return false;
}

static void fetch_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	c->op = GEN_FETCH_RESPONSE;
	c->api_type = "responses";
	c->response_id = stored_id(c, x);
	c->stream_cursor = gen_query_part(c, x, "starting_after");
	c->stream = view_eq(gen_query_part(c, x, "stream"), VIEW("true"));
	c->request_cut = false;		/* there is no body */
}

static void fetch_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	provider_openai_responses.response(c, x, body);
}

static void fetch_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	provider_openai_responses.event(c, name, data, v);
}

static void fetch_finish(struct gen_call *c, const struct exchange *x)
{
	provider_openai_responses.finish(c, x);
	gen_forget_usage(c);
}

const struct provider provider_openai_fetch = {
	.name = "openai-fetch",
	.flavour = "openai",
	.match = fetch_match,
	.answers = fetch_answers,
	.request = fetch_request,
	.response = fetch_response,
	.event = fetch_event,
	.finish = fetch_finish,
};
