// SPDX-License-Identifier: Apache-2.0
#include "genai/bedrock.h"

bool bedrock_operation(const struct exchange *x, const char *operation)
{
	struct view path = gen_path(x), v = view_of(operation);

	if (!gen_is_post(x) || !view_ends(path, v) || !memmem(path.p, path.n, "/model/", 7))
		return false;
	path.n -= v.n;
	return view_ends(path, VIEW("/"));
}

/* Escaped, as its colons and an ARN's slashes have to be. */
void bedrock_path_model(struct gen_call *c, const struct exchange *x)
{
	struct view model = gen_path_part(c, x, "/model/", "/");

	if (model.n)
		c->request_model = model;
}

bool bedrock_exception(struct gen_call *c, struct view name, struct json v)
{
	static const struct view kinds[] = { VIEW("exception "), VIEW("error ") };

	for (size_t i = 0; i < 2; i++) {
		if (!view_starts(name, kinds[i]))
			continue;
		c->failed = true;
		if (name.n > kinds[i].n)
			c->error_type = gen_copy(c, view_drop(name, kinds[i].n));
		gen_set_text(c, &c->error_message, json_get(v, "message"));
		return true;
	}
	return false;
}

/* "ThrottlingException:http://internal.amazon.com/coral/…" */
static void error_name(struct gen_call *c, const struct exchange *x)
{
	struct view name = message_header(&x->resp, "x-amzn-errortype"), rest;

	view_cut(name, ':', &name, &rest);
	if (x->status < 400 || !name.n)
		return;
	c->error_type = gen_copy(c, name);
	c->failed = true;
}

void bedrock_finish(struct gen_call *c, const struct exchange *x)
{
	if (!c->response_id.n)
		c->response_id = gen_copy(c, message_header(&x->resp, "x-amzn-requestid"));
	error_name(c, x);
}

static void add(struct opt_int *to, struct opt_int n)
{
	int64_t sum;

	if (to->set && !__builtin_add_overflow(to->v, n.v, &sum))
		to->v = sum;
}

void bedrock_usage(struct gen_call *c, struct json usage)
{
	enum { INPUT, INPUT2, OUTPUT, OUTPUT2, READ, READ2, WRITE, WRITE2, KEYS };
	static const char *const keys[KEYS] = {
		"inputTokens", "inputTokenCount", "outputTokens", "outputTokenCount", "cacheReadInputTokens",
		"cacheReadInputTokenCount", "cacheWriteInputTokens", "cacheWriteInputTokenCount",
	};
	struct opt_int n[KEYS / 2] = { 0 };
	struct json f[KEYS];

	if (usage.type != JSON_OBJECT || !gen_whole(usage))
		return;
	gen_pick(usage, keys, f, KEYS);
	for (size_t i = 0; i < KEYS; i++)
		gen_set_count(&n[i / 2], f[i]);
	add(&n[INPUT], n[READ / 2]);
	add(&n[INPUT], n[WRITE / 2]);
	if (n[INPUT].set)
		c->input_tokens = n[INPUT];
	if (n[OUTPUT / 2].set)
		c->output_tokens = n[OUTPUT / 2];
	if (n[READ / 2].set)
		c->cache_read_tokens = n[READ / 2];
	if (n[WRITE / 2].set)
		c->cache_write_tokens = n[WRITE / 2];
}

static int base64_value(char ch)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = ch ? memchr(digits, ch, 64) : NULL;

	return at ? at - digits : -1;
}

/* As much of it as there is. */
void bedrock_base64(struct buf *out, struct view v)
{
	unsigned bits = 0, n = 0;
	int digit;

	for (size_t i = 0; i < v.n; i++) {
		digit = base64_value(v.p[i]);
		if (digit < 0)
			continue;
		bits = bits << 6 | digit;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		if (buf_add_byte(out, bits >> n & 0xff))
			return;
	}
}
