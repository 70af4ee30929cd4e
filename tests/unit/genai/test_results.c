// SPDX-License-Identifier: Apache-2.0
/* Which tool results a request brings, in every API's words, and whether it goes on with an earlier one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive.h"

static const struct row {
	const char *target, *headers, *request, *answer;
	const char *id, *name;	/* of the last result; NULL: it has none */
	unsigned cnt;
	bool failed;
} rows[] = {
	{ "/v1/chat/completions", NULL,
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"tool_calls\":[]},"
	  "{\"role\":\"tool\",\"tool_call_id\":\"c\\u0031\",\"content\":\"x\"},"
	  "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"{\\\"tool_call_id\\\":\\\"c3\\\"}\"}]}",
	  "{\"choices\":[{\"message\":{}}]}", "c2", NULL, 2, false },
	{ "/v1/responses", NULL,
	  "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"q\"},{\"type\":\"function_call\",\"call_id\":\"no\"},"
	  "{\"type\":\"function_call_output\",\"call_id\":\"f1\",\"output\":\"x\"},"
	  "{\"type\":\"custom_tool_call_output\",\"call_id\":\"f2\",\"output\":\"x\"}]}",
	  "{\"object\":\"response\"}", "f2", NULL, 2, false },
	{ "/v1/messages", "anthropic-version: 2023-06-01\r\n",
	  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"user\",\"content\":["
	  "{\"type\":\"text\",\"text\":\"tool_result\"},"
	  "{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":\"x\",\"is_error\":true}]}]}",
	  "{\"type\":\"message\",\"role\":\"assistant\"}", "toolu_1", NULL, 1, true },
	{ "/v1beta/models/m:generateContent", NULL,
	  "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"q\"}]},{\"role\":\"user\",\"parts\":["
	  "{\"functionResponse\":{\"name\":\"look\",\"response\":{\"id\":\"no\"}}}]}]}",
	  "{\"candidates\":[]}", NULL, "look", 1, false },
	{ "/model/m/converse", NULL,
	  "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"q\"}]},{\"role\":\"user\",\"content\":["
	  "{\"toolResult\":{\"toolUseId\":\"t1\",\"content\":[],\"status\":\"error\"}}]}]}",
	  "{\"output\":{}}", "t1", NULL, 1, true },
	{ "/api/chat", NULL,
	  "{\"model\":\"m\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
	  "{\"role\":\"tool\",\"tool_name\":\"look\",\"content\":\"x\"}]}",
	  "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true}", NULL, "look", 1, false },
};

static struct gen_call *call_of(const struct row *r)
{
	struct said said = { .target = r->target, .headers = r->headers, .request = r->request, .answer = r->answer };

	return drive_said(&said, false);
}

static void every_api(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct gen_call *c = call_of(r);
		const struct gen_result *last;

		print_message("%s\n", r->target);
		assert_non_null(c);
		assert_int_equal(c->result_cnt, r->cnt);
		last = &c->results[r->cnt - 1];
		assert_true(last->id == (r->id ? gen_hash(view_of(r->id)) : 0));
		assert_true(last->name == (r->name ? gen_hash(view_of(r->name)) : 0));
		assert_int_equal(last->failed, r->failed);
		gen_free(c);
	}
}

#define ASK(messages) { "/v1/messages", "anthropic-version: 2023-06-01\r\n", "{\"model\":\"m\",\"messages\":[" messages "]}", \
			"{\"type\":\"message\",\"role\":\"assistant\"}", NULL, NULL, 0, false }

static void prefixes(void **state)
{
	static const struct row one = ASK("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"q\",\"cache_control\":{\"type\":\"ephemeral\"}}]}");
	static const struct row more = ASK("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"role\":\"user\",\"content\":\"r\"}");
	static const struct row other = ASK("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"p\"}]},{\"role\":\"user\",\"content\":\"r\"}");
	struct gen_call *a = call_of(&one), *b = call_of(&more), *c = call_of(&other);

	assert_int_equal(a->message_cnt, 1);
	assert_true(gen_extends(b, a->head, a->message_cnt));	/* a cache breakpoint that moved is no difference */
	assert_false(gen_extends(c, a->head, a->message_cnt));
	assert_false(gen_extends(a, b->head, b->message_cnt));
	assert_false(gen_extends(a, 0, 0));
	gen_free(a);
	gen_free(b);
	gen_free(c);
}

/* The newest are kept, and no more than these. */
static void many(void **state)
{
	static char request[200000];
	struct said said = { .target = "/v1/chat/completions", .request = request, .answer = "{\"choices\":[{\"message\":{}}]}" };
	struct gen_call *c;
	size_t n = 0;

	n += snprintf(request, sizeof(request), "{\"model\":\"m\",\"messages\":[");
	for (unsigned i = 0; i < 1000; i++)
		n += snprintf(request + n, sizeof(request) - n, "%s{\"role\":\"tool\",\"tool_call_id\":\"c%u\",\"content\":\"\"}", i ? "," : "", i);
	snprintf(request + n, sizeof(request) - n, "]}");
	c = drive_said(&said, false);
	assert_int_equal(c->result_cnt, 1000);
	assert_true(c->results[999 % GEN_RESULTS_MAX].id == gen_hash(VIEW("c999")));
	gen_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_api),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
