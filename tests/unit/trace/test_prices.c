// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "trace/prices.h"

#define NOON 43200

static const char list[] =
	"{\"date\":\"2030-02-03\",\"models\":["
	"{\"provider\":\"openai\",\"model\":\"gpt-x\",\"input\":2,\"cached_input\":0.5,\"output\":8,"
	" \"variants\":[{\"tier\":\"flex\",\"input\":1,\"cached_input\":0.25,\"output\":4},"
	"              {\"input_above\":1000,\"input\":4,\"cached_input\":null,\"output\":16}]},"
	"{\"provider\":\"anthropic\",\"model\":[\"claude-x-5\",\"claude-y\"],\"input\":3,\"cached_input\":0.3,"
	" \"cache_write\":3.75,\"cache_write_1h\":6,\"output\":15,\"web_search\":0.01},"
	"{\"provider\":\"deepseek\",\"model\":\"night\",\"input\":1,\"output\":1,"
	" \"variants\":[{\"utc\":[1,4],\"input\":2,\"output\":2}]},"
	"{\"provider\":\"aws.bedrock\",\"model\":\"us.m-v1:0\",\"input\":3,\"output\":3}]}";

static struct opt_int some(int64_t n)
{
	return (struct opt_int){ true, n };
}

static struct gen_call call(const char *provider, const char *model, int64_t in, int64_t out)
{
	return (struct gen_call){
		.provider_name = provider, .request_model = view_of(model), .input_tokens = some(in),
		.output_tokens = some(out),
	};
}

static struct prices *read_list(void)
{
	char why[128];
	struct prices *p = prices_read(view_of(list), why);

	assert_non_null(p);
	assert_string_equal(prices_date(p), "2030-02-03");
	return p;
}

/* Asserts a cost in millionths of a dollar; -1: none. */
static void costs(const struct prices *p, const struct gen_call *c, int64_t at, double micro)
{
	double usd = -1;
	bool known = prices_cost(p, c, at, &usd);

	assert_int_equal(known, micro >= 0);
	if (known)
		assert_true(usd * 1e6 > micro - 1e-6 && usd * 1e6 < micro + 1e-6);
}

static void test_kinds(void **state)
{
	struct prices *p = read_list();
	struct gen_call c = call("anthropic", "claude-x-5-20300101", 1000, 10);

	costs(p, &c, NOON, 1000 * 3 + 10 * 15);
	c.cache_read_tokens = some(600);
	costs(p, &c, NOON, 400 * 3 + 600 * 0.3 + 10 * 15);
	c.cache_write_tokens = some(300);
	costs(p, &c, NOON, 100 * 3 + 600 * 0.3 + 300 * 3.75 + 10 * 15);
	c.cache_write_1h_tokens = some(100);
	costs(p, &c, NOON, 100 * 3 + 600 * 0.3 + 200 * 3.75 + 100 * 6 + 10 * 15);
	c.web_searches = some(2);
	costs(p, &c, NOON, 100 * 3 + 600 * 0.3 + 200 * 3.75 + 100 * 6 + 10 * 15 + 20000);
	c.cache_read_tokens = some(5000);	/* more than all: somebody counts otherwise */
	costs(p, &c, NOON, -1);
	prices_free(p);
}

static void test_names(void **state)
{
	struct prices *p = read_list();
	static const struct {
		const char *provider, *model;
		bool known;
	} names[] = {
		{ "openai", "gpt-x", true },
		{ "openai", "gpt-x-2030-01-31", true },
		{ "openai", "gpt-x-latest", true },
		{ "openai", "gpt-x-mini", false },
		{ "openai", "gpt", false },
		{ "openai", "", false },
		{ "groq", "gpt-x", false },
		{ "anthropic", "claude-y@20300101", true },
		{ "anthropic", "claude-x-5-5", false },
		{ "aws.bedrock", "us.m-v1:0", true },
		{ "aws.bedrock", "eu.m-v1:0", false },
		{ "nobody", "claude-y", false },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct gen_call c = call(names[i].provider, names[i].model, 1, 0);
		double usd;

		assert_int_equal(prices_cost(p, &c, NOON, &usd), names[i].known);
	}
	prices_free(p);
}

/* The answer's model is the one that ran; the request's may be an alias. */
static void test_which_model(void **state)
{
	struct prices *p = read_list();
	struct gen_call c = call("openai", "my-deployment", 10, 0);

	costs(p, &c, NOON, -1);
	c.response_model = VIEW("gpt-x-2030-01-31");
	costs(p, &c, NOON, 20);
	c.other_models = true;		/* whose tokens are in no count */
	costs(p, &c, NOON, -1);
	prices_free(p);
}

static void test_variants(void **state)
{
	struct prices *p = read_list();
	struct gen_call c = call("openai", "gpt-x", 1001, 1);

	costs(p, &c, NOON, 1001 * 4 + 16);
	c.input_tokens.v = 1000;
	costs(p, &c, NOON, 1000 * 2 + 8);
	c.cache_read_tokens = some(10);
	costs(p, &c, NOON, 990 * 2 + 10 * 0.5 + 8);
	c.input_tokens.v = 1001;		/* null: what cached input costs then is not known */
	costs(p, &c, NOON, -1);
	c.response_service_tier = VIEW("flex");
	costs(p, &c, NOON, 991 + 10 * 0.25 + 4);
	c.response_service_tier = VIEW("priority");
	costs(p, &c, NOON, -1);
	c.response_service_tier = VIEW("default");
	c.input_tokens.v = 500;
	costs(p, &c, NOON, 490 * 2 + 10 * 0.5 + 8);
	c = call("deepseek", "night", 100, 0);
	costs(p, &c, NOON, 100);
	costs(p, &c, 3600 - 1, 100);
	costs(p, &c, 3600, 200);
	costs(p, &c, 4 * 3600 - 1, 200);
	costs(p, &c, 4 * 3600, 100);
	prices_free(p);
}

static void test_unknown(void **state)
{
	struct prices *p = read_list();
	struct gen_call c = call("openai", "gpt-x", 10, 10);

	c.output_tokens.set = false;
	costs(p, &c, NOON, -1);
	c.op = GEN_EMBEDDINGS;
	c.output_tokens.v = 0;
	costs(p, &c, NOON, 20);
	c = call("openai", "gpt-x", 10, 10);
	c.input_audio_tokens = some(3);
	costs(p, &c, NOON, -1);
	c = call("openai", "gpt-x", 10, 10);
	c.web_searches = some(1);		/* no price for them in this row */
	costs(p, &c, NOON, -1);
	prices_free(p);
}

static void test_bad_lists(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{\"models\":[]}", "{\"models\":[{\"model\":\"m\",\"input\":1}]}",
		"{\"models\":[{\"provider\":\"p\",\"model\":\"m\"}]}",
		"{\"models\":[{\"provider\":\"p\",\"model\":\"m\",\"input\":\"1\"}]}",
		"{\"models\":[{\"provider\":\"p\",\"model\":\"m\",\"input\":-1}]}",
		"{\"models\":[{\"provider\":\"p\",\"model\":[],\"input\":1}]}",
		"{\"models\":[{\"provider\":\"p\",\"model\":\"m\",\"input\":1}]",
		"{\"models\":[{\"provider\":\"p\",\"model\":\"m\",\"input\":1,\"variants\":[{}]}]}",
	};
	char why[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		assert_null(prices_read(view_of(bad[i]), why));
		assert_true(why[0]);
	}
}

/* By hand: of 90,000 in, 40,000 are read from the cache and 10,000 written to it. */
static void test_builtin(void **state)
{
	struct prices *p = prices_builtin();
	struct gen_call c = call("anthropic", "claude-sonnet-5-5", 90000, 20000);

	assert_non_null(p);
	assert_int_equal(strlen(prices_date(p)), 10);
	c.cache_read_tokens = some(40000);
	c.cache_write_tokens = some(10000);
	costs(p, &c, NOON, 40000 * 2 + 40000 * 0.1 + 10000 * 2.5 + 20000 * 10);
	c = call("anthropic", "claude-sonnet-5", 10, 0);
	c.cache_read_tokens = some(10);
	costs(p, &c, NOON, 10 * 0.2);
	c = call("openai", "gpt-5-2025-08-07", 1000, 100);
	costs(p, &c, NOON, 1000 * 1.25 + 100 * 10);
	prices_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_which_model),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_builtin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
