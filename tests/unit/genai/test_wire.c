// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "proto/golden.h"
#include "schema.h"

/* The recorded exchanges, and everything there is to know about each. */
static const struct {
	const char *name;
	const char *request, *answer;
	const char *output;	/* messages */
} rows[] = {
	{
		"http/openai-chat",
		"chat openai chat_completions\nmodel=gpt-5.4-mini\nmax_tokens=200\nseed=7\nn=1\ntemperature=0.2\n"
		"top_p=0.9\nstop=[\"END\"]\nlevel=low\noutput_type=text\n",
		"id=chatcmpl-EX01\nanswered=gpt-5.4-mini-2026-03-17\ntier=default\nfingerprint=fp_ex01\nin=1180\nout=45\n"
		"cache_read=1024\ncache_write=0\nreasoning=32\nin_audio=0\nout_audio=0\nfinish=stop\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		"{\"type\":\"text\",\"content\":\"The Rhône.\"}]}]",
	},
	{
		"http/openai-chat-stream-tools",
		"chat openai chat_completions\nmodel=gpt-5.4\nstream\n",
		"id=chatcmpl-EX02\nanswered=gpt-5.4-2026-03-05\ntier=default\nfingerprint=fp_ex02\nin=96\nout=51\n"
		"cache_read=64\nreasoning=0\nin_audio=0\nout_audio=0\nfinish=tool_calls\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"text\",\"content\":\"Checking two cities…\"},"
		"{\"type\":\"tool_call\",\"id\":\"call_A1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Oslo\"}},"
		"{\"type\":\"tool_call\",\"id\":\"call_B2\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/openai-chat-stream-error",
		"chat openai chat_completions\nmodel=gpt-5.4\nstream\n",
		"id=chatcmpl-EX02\nanswered=gpt-5.4-2026-03-05\ntier=default\nfingerprint=fp_ex02\nfinish=error\n"
		"error=server_error\nsays=The server had an error while processing your request.\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":["
		"{\"type\":\"text\",\"content\":\"Half an ans\"}]}]",
	},
	{
		"http/openai-chat-429",
		"chat openai chat_completions\nmodel=gpt-5.4\n",
		"error=rate_limit_exceeded\nsays=Rate limit reached for gpt-5.4\nterminal\n",
		"[]",
	},
	{
		"http/azure-chat-stream",
		"chat azure.ai.openai chat_completions\nmodel=my-deployment\nstream\n",
		"id=chatcmpl-AZ01\nanswered=gpt-4.1-mini-2025-04-14\nfingerprint=fp_az\nfinish=stop\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[{\"type\":\"text\",\"content\":\"Hello.\"}]}]",
	},
	{
		"http/openai-embeddings",
		"embeddings openai -\nmodel=text-embedding-3-small\nencoding=[\"base64\"]\ndimensions=4\n",
		"answered=text-embedding-3-small\nin=2\nterminal\n",
		"[]",
	},
	{
		"http/openai-responses",
		"chat openai responses\nmodel=gpt-5.6-terra\nmax_tokens=800\nlevel=medium\nprevious=resp_EX09\n",
		"id=resp_EX10\nanswered=gpt-5.6-terra-2026-07-09\ntier=default\nstatus=completed\nin=2210\nout=164\n"
		"cache_read=1920\ncache_write=128\nreasoning=96\nfinish=tool_call\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Look the city up.\"},"
		"{\"type\":\"tool_call\",\"id\":\"call_R1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}},"
		"{\"type\":\"text\",\"content\":\"Asking the tool ☂.\"}]}]",
	},
	{
		"http/openai-responses-stream",
		"chat openai responses\nmodel=gpt-5.6-terra\nstream\nmax_tokens=800\nlevel=medium\nprevious=resp_EX09\n",
		"id=resp_EX10\nanswered=gpt-5.6-terra-2026-07-09\ntier=default\nstatus=completed\nin=2210\nout=164\n"
		"cache_read=1920\ncache_write=128\nreasoning=96\nfinish=tool_call\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Look the city up.\"},"
		"{\"type\":\"tool_call\",\"id\":\"call_R1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}},"
		"{\"type\":\"text\",\"content\":\"Asking the tool ☂.\"}]}]",
	},
	{
		"http/openai-responses-stream-error",
		"chat openai responses\nmodel=gpt-5.6-terra\nstream\nmax_tokens=800\nlevel=medium\nprevious=resp_EX09\n",
		"id=resp_EX10\nanswered=gpt-5.6-terra-2026-07-09\ntier=auto\nstatus=failed\nfinish=error\n"
		"error=server_error\nsays=Internal failure.\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":[{\"type\":\"text\",\"content\":\"Par\"}]}]",
	},
	{
		"http/anthropic-messages",
		"chat anthropic -\nmodel=claude-sonnet-5\nmax_tokens=1024\ntop_k=40\ntemperature=1\ntop_p=0.95\n"
		"stop=[\"END\"]\nlevel=enabled\n",
		"id=msg_01EX\nanswered=claude-sonnet-5\nin=2121\nout=88\ncache_read=1800\ncache_write=300\nreasoning=40\n"
		"finish=tool_use\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use the tool.\"},{\"type\":\"text\",\"content\":\"Looking ☂\"},"
		"{\"type\":\"tool_call\",\"id\":\"toolu_01\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/anthropic-stream-tools-thinking",
		"chat anthropic -\nmodel=claude-sonnet-5\nstream\nmax_tokens=1024\ntop_k=40\ntemperature=1\ntop_p=0.95\n"
		"stop=[\"END\"]\nlevel=enabled\n",
		"id=msg_01EX\nanswered=claude-sonnet-5\nin=2121\nout=88\ncache_read=1800\ncache_write=300\nreasoning=40\n"
		"finish=tool_use\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use the tool.\"},{\"type\":\"text\",\"content\":\"Looking ☂\"},"
		"{\"type\":\"tool_call\",\"id\":\"toolu_01\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/anthropic-stream-error",
		"chat anthropic -\nmodel=claude-sonnet-5\nstream\nmax_tokens=1024\ntop_k=40\ntemperature=1\ntop_p=0.95\n"
		"stop=[\"END\"]\nlevel=enabled\n",
		"id=msg_01EX\nanswered=claude-sonnet-5\nin=2121\ncache_read=1800\ncache_write=300\nfinish=error\n"
		"error=overloaded_error\nsays=Overloaded\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use the tool.\"},{\"type\":\"text\",\"content\":\"Looking ☂\"}]}]",
	},
	{
		"http/anthropic-529",
		"chat anthropic -\nmodel=claude-sonnet-5\nmax_tokens=1024\ntop_k=40\ntemperature=1\ntop_p=0.95\n"
		"stop=[\"END\"]\nlevel=enabled\n",
		"error=overloaded_error\nsays=Overloaded\nterminal\n",
		"[]",
	},
	{
		"http/anthropic-2026-10-21",
		"chat anthropic -\nmodel=claude-opus-5-5\nmax_tokens=256\nlevel=high\n",
		"id=msg_02EX\nanswered=claude-opus-5-5\nin=9\nout=4\ncache_read=0\ncache_write=0\nfinish=end_turn\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[{\"type\":\"text\",\"content\":\"Hello.\"}]}]",
	},
	{
		"http/groq-stream",
		"chat groq -\nmodel=qwen/qwen3-32b\nstream\n",
		"id=chatcmpl-G\nanswered=qwen/qwen3-32b\nin=17\nout=30\nreasoning=20\nfinish=stop\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Greet.\"},{\"type\":\"text\",\"content\":\"Hi!\"}]}]",
	},
	{
		"http/mistral-stream",
		"chat mistral_ai -\nmodel=magistral-medium-latest\nstream\nseed=4\n",
		"id=m1\nanswered=magistral-medium-2507\nin=10\nout=46\ncache_read=4\nfinish=tool_calls\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Sum.\"},{\"type\":\"text\",\"content\":\"It is 4\"},"
		"{\"type\":\"tool_call\",\"id\":\"gSIMJiOkT\",\"name\":\"done\",\"arguments\":{}}]}]",
	},
	{
		"http/llamacpp-chat",
		"chat openai chat_completions\nmodel=m\n",
		"id=chatcmpl-L1\nanswered=m\nfingerprint=b7000-abc\nin=12\nout=4\ncache_read=8\nfinish=stop\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Greet.\"},{\"type\":\"text\",\"content\":\"Hi\"}]}]",
	},
	{
		"http/gemini-generate",
		"generate_content gcp.gemini -\nmodel=gemini-3.1-pro-preview\nmax_tokens=512\nseed=5\ntop_k=32\nn=1\n"
		"temperature=0.3\ntop_p=0.9\nstop=[\"END\"]\nlevel=HIGH\noutput_type=text\n",
		"id=rsp-G1\nanswered=gemini-3.1-pro-preview\nin=1500\nout=104\ncache_read=1200\nreasoning=80\nin_text=1500\n"
		"finish=STOP\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Need the tool.\"},"
		"{\"type\":\"tool_call\",\"id\":\"fc-1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/gemini-stream-sse",
		"generate_content gcp.gemini -\nmodel=gemini-3.8-flash\nstream\n",
		"id=rsp-G2\nanswered=gemini-3.8-flash\nin=12\nout=35\nreasoning=28\nfinish=STOP\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Rain \"},{\"type\":\"text\",\"content\":\"It is raining ☔.\"}]}]",
	},
	{
		"http/gemini-stream-array",
		"generate_content gcp.gemini -\nmodel=gemini-3.8-flash\nstream\n",
		"id=rsp-G2\nanswered=gemini-3.8-flash\nin=12\nout=35\nreasoning=28\nfinish=STOP\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Rain \"},{\"type\":\"text\",\"content\":\"It is raining ☔.\"}]}]",
	},
	{
		"http/gemini-stream-error",
		"generate_content gcp.gemini -\nmodel=gemini-3.8-flash\nstream\n",
		"id=rsp-G2\nanswered=gemini-3.8-flash\nin=12\nout=31\nreasoning=28\nfinish=error\nerror=UNAVAILABLE\n"
		"says=The model is overloaded.\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Rain \"},{\"type\":\"text\",\"content\":\"It is \"}]}]",
	},
	{
		"http/gemini-429",
		"generate_content gcp.gemini -\nmodel=gemini-3.8-flash\n",
		"error=RESOURCE_EXHAUSTED\nsays=Quota exceeded\nterminal\n",
		"[]",
	},
	{
		"http/gemini-embed",
		"embeddings gcp.gemini -\nmodel=gemini-embedding-001\ndimensions=3\n",
		"terminal\n",
		"[]",
	},
	{
		"http/bedrock-converse",
		"chat aws.bedrock -\nmodel=us.anthropic.claude-sonnet-5\nmax_tokens=300\ntop_k=40\ntemperature=0.5\ntop_p=0.9\nstop=[\"END\"]\n",
		"id=c1136034-0000-49a2-8b55-4034878dda8a\nin=1340\nout=58\ncache_read=1000\ncache_write=300\n"
		"finish=tool_use\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use tool.\"},{\"type\":\"text\",\"content\":\"Looking\"},"
		"{\"type\":\"tool_call\",\"id\":\"tooluse_1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/bedrock-converse-stream",
		"chat aws.bedrock -\nmodel=us.anthropic.claude-sonnet-5\nstream\nmax_tokens=300\ntop_k=40\ntemperature=0.5\ntop_p=0.9\nstop=[\"END\"]\n",
		"id=c1136034-0000-49a2-8b55-4034878dda8a\nin=1340\nout=58\ncache_read=1000\ncache_write=300\n"
		"finish=tool_use\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use tool.\"},{\"type\":\"text\",\"content\":\"Looking\"},"
		"{\"type\":\"tool_call\",\"id\":\"tooluse_1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/bedrock-error",
		"chat aws.bedrock -\nmodel=us.anthropic.claude-sonnet-5\nmax_tokens=300\ntop_k=40\ntemperature=0.5\ntop_p=0.9\nstop=[\"END\"]\n",
		"id=c1136034-0000-49a2-8b55-4034878dda8a\nerror=ThrottlingException\n"
		"says=Too many requests, please wait before trying again.\nterminal\n",
		"[]",
	},
	{
		"http/bedrock-invoke-stream-anthropic",
		"chat aws.bedrock -\nmodel=us.anthropic.claude-sonnet-5\nstream\nmax_tokens=100\n",
		"id=msg_bdrk_01EX\nanswered=claude-sonnet-5\nin=2121\nout=88\ncache_read=1800\ncache_write=300\nreasoning=40\n"
		"finish=tool_use\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use the tool.\"},{\"type\":\"text\",\"content\":\"Looking ☂\"},"
		"{\"type\":\"tool_call\",\"id\":\"toolu_01\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/bedrock-invoke-agent",
		"invoke_agent aws.bedrock -\nstream\nagent=AGENT12345\nconversation=sess-1\n",
		"id=c1136034-0000-49a2-8b55-4034878dda8a\nin=900\nout=60\nfinish=stop\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":["
		"{\"type\":\"text\",\"content\":\"Within 30 days.\"}]}]",
	},
	{
		"http/ollama-chat-stream",
		"chat ollama -\nmodel=qwen3:8b\nstream\nmax_tokens=64\nseed=3\ntop_k=20\ntemperature=0.1\ntop_p=0.9\nstop=[\"END\"]\n",
		"answered=qwen3:8b\nin=17\nout=50\nfinish=stop\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use tool.\"},{\"type\":\"text\",\"content\":\"Łooking\"},"
		"{\"type\":\"tool_call\",\"id\":\"call_1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Łódź\"}}]}]",
	},
	{
		"http/ollama-stream-error",
		"text_completion ollama -\nmodel=qwen3:8b\nstream\n",
		"answered=qwen3:8b\nfinish=error\nerror=_OTHER\nsays=unexpected EOF\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":[{\"type\":\"text\",\"content\":\"Hel\"}]}]",
	},
	{
		"http/cohere-chat-stream",
		"chat cohere -\nmodel=command-a-03-2025\nstream\nmax_tokens=100\ntop_k=10\ntemperature=0.2\ntop_p=0.9\n",
		"id=c-1\nin=46\nout=14\nfinish=TOOL_CALL\nterminal\n",
		"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":["
		"{\"type\":\"reasoning\",\"content\":\"Use it.\"},"
		"{\"type\":\"tool_call\",\"id\":\"get_weather_1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Oslo\"}}]}]",
	},
};

/* The same exchange, coded otherwise. */
static const struct {
	const char *name, *same_as;
} coded[] = {
	{ "enc/openai-chat-stream-tools.gzip", "http/openai-chat-stream-tools" },
	{ "enc/openai-chat-stream-tools.deflate", "http/openai-chat-stream-tools" },
	{ "enc/openai-chat-stream-tools.br", "http/openai-chat-stream-tools" },
	{ "enc/anthropic-messages.request-gzip", "http/anthropic-messages" },
};

static struct gen_call *call_of(const char *name, bool want_content)
{
	struct buf req, resp;
	struct gen_call *c;
	char path[256];

	snprintf(path, sizeof(path), "tests/golden/wire/%s.req", name);
	req = golden_read(path);
	resp = golden_other(path);
	c = drive(buf_view(&req), buf_view(&resp), want_content);
	buf_release(&req);
	buf_release(&resp);
	return c;
}

static void check(const char *name, size_t row)
{
	struct gen_call *c = call_of(name, true);
	char *request = facts(c, facts_request), *answer = facts(c, facts_answer), *output = output_messages(c);

	print_message("%s\n", name);
	assert_string_equal(request, rows[row].request);
	assert_string_equal(answer, rows[row].answer);
	assert_string_equal(output, rows[row].output);
	assert_null(schema_messages(view_of(output), true));
	free(request);
	free(answer);
	free(output);
	gen_free(c);
}

static void each_recorded_exchange_gives_its_facts(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].name, i);
}

static void codings_change_nothing(void **state)
{
	size_t row;

	for (size_t i = 0; i < sizeof(coded) / sizeof(coded[0]); i++) {
		for (row = 0; strcmp(rows[row].name, coded[i].same_as); row++)
			;
		check(coded[i].name, row);
	}
}

/* Without content a call has every fact, and no text anywhere. */
static void no_content_is_kept_unasked(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_call *c = call_of(rows[i].name, false);
		char *request = facts(c, facts_request), *answer = facts(c, facts_answer);

		assert_string_equal(request, rows[i].request);
		assert_string_equal(answer, rows[i].answer);
		assert_int_equal(c->input_messages.n + c->system_instructions.n + c->tool_definitions.n, 0);
		for (const struct gen_choice *ch = c->choices; ch; ch = ch->next)
			for (const struct gen_part *p = ch->parts; p; p = p->next)
				assert_true(!p->text.p || p->kind == GEN_TOOL_CALL);	/* trace looks at what is run */
		free(request);
		free(answer);
		gen_free(c);
	}
}

/* Everything else in the collection is no model call that we read. */
static void others_are_left_alone(void **state)
{
	static const char *const names[] = {
		"http/anthropic-count-tokens", "mcp/edge-401", "mcp/edge-resume-1",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		print_message("%s\n", names[i]);
		assert_null(call_of(names[i], true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_recorded_exchange_gives_its_facts),
		cmocka_unit_test(codings_change_nothing),
		cmocka_unit_test(no_content_is_kept_unasked),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
