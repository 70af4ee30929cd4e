// SPDX-License-Identifier: Apache-2.0
/* What nobody would send: memory and time stay bounded, and what is left out is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "genai/hosts.h"
#include "proto/golden.h"
#include "schema.h"

#define CHAT "/v1/chat/completions"
#define MESSAGES "/v1/messages"
#define RESPONSES "/v1/responses"

/* An exchange whose request is this and whose answer is still to come, as events. */
static struct exchange asked(const char *target, const char *body)
{
	struct exchange x = { .method = VIEW("POST"), .target = view_of(target) };

	buf_init(&x.req.body.head, 64 << 20);
	buf_add(&x.req.body.head, view_of(body));
	x.req.body.complete = true;
	x.resp.kind = BODY_EVENTS;
	x.status = 200;
	return x;
}

static void event(struct gen_call *c, const struct exchange *x, const char *fmt, long long n)
{
	char data[512];

	snprintf(data, sizeof(data), fmt, n, n, n);
	gen_event(c, x, VIEW("message"), view_of(data));
}

static struct gen_call *opened(struct exchange *x, bool want_content)
{
	struct gen_call *c = gen_open(x, want_content);

	assert_non_null(c);
	return c;
}

static void closed(struct gen_call *c, struct exchange *x)
{
	char *out = output_messages(c);

	assert_null(schema_messages(view_of(out), true));
	free(out);
	gen_free(c);
	buf_release(&x->req.body.head);
}

static size_t parts_of(const struct gen_call *c)
{
	size_t n = 0;

	for (const struct gen_choice *ch = c->choices; ch; ch = ch->next)
		for (const struct gen_part *p = ch->parts; p; p = p->next)
			n++;
	return n;
}

static size_t choices_of(const struct gen_call *c)
{
	size_t n = 0;

	for (const struct gen_choice *ch = c->choices; ch; ch = ch->next)
		n++;
	return n;
}

static void choices_without_end_are_128(void **state)
{
	struct exchange x = asked(CHAT, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);
	struct view finish[GEN_CHOICES_MAX + 1];

	for (long long i = 0; i < 20000; i++)
		event(c, &x, "{\"choices\":[{\"index\":%lld,\"delta\":{\"content\":\"x\"}}]}", i * 7919 % 1000003);
	gen_finish(c, &x);
	assert_int_equal(choices_of(c), GEN_CHOICES_MAX);
	assert_true(c->response_cut);
	assert_int_equal(gen_finish_reasons(c, finish, GEN_CHOICES_MAX + 1), GEN_CHOICES_MAX);
	closed(c, &x);
}

static void indexes_at_the_ends_of_the_numbers(void **state)
{
	static const char *const indexes[] = {
		"9223372036854775807", "-9223372036854775808", "-1", "9223372036854775808", "1e400", "0.5", "\"0\"", "null", "{}",
	};
	struct exchange x = asked(CHAT, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);
	char data[512];

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		snprintf(data, sizeof(data), "{\"choices\":[{\"index\":%s,\"delta\":{\"content\":\"x\",\"tool_calls\":[{\"index\":%s,"
			 "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}", indexes[i], indexes[i]);
		gen_event(c, &x, VIEW("message"), view_of(data));
	}
	gen_finish(c, &x);
	assert_int_equal(choices_of(c), 4);	/* the three numbers, and 0 for all the rest */
	assert_int_equal(c->choices->index, INT64_MIN);
	closed(c, &x);
}

static void tool_calls_without_end_are_4096(void **state)
{
	struct exchange x = asked(CHAT, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);

	for (long long i = 0; i < 20000; i++)
		event(c, &x, "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%lld,\"id\":\"c%lld\",\"function\":"
		      "{\"name\":\"f%lld\",\"arguments\":\"{\"}}]}}]}", i);
	gen_finish(c, &x);
	assert_int_equal(parts_of(c), GEN_PARTS_MAX);
	assert_true(c->response_cut);
	assert_true(c->arena.used <= c->arena.max);
	closed(c, &x);
}

static void blocks_without_end_are_4096(void **state)
{
	struct exchange x = asked(MESSAGES, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);

	for (long long i = 0; i < 20000; i++) {
		event(c, &x, "{\"type\":\"content_block_start\",\"index\":%lld,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}", i);
		event(c, &x, "{\"type\":\"content_block_delta\",\"index\":%lld,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}", -i);
	}
	gen_finish(c, &x);
	assert_int_equal(parts_of(c), GEN_PARTS_MAX);
	assert_true(c->response_cut);
	closed(c, &x);
}

static void items_without_end_are_4096(void **state)
{
	struct exchange x = asked(RESPONSES, "{\"input\":[]}");
	struct gen_call *c = opened(&x, true);

	for (long long i = 0; i < 20000; i++) {
		event(c, &x, "{\"type\":\"response.output_text.delta\",\"output_index\":%lld,\"content_index\":%lld,\"delta\":\"x\"}", i);
		event(c, &x, "{\"type\":\"response.output_item.done\",\"output_index\":%lld,\"item\":{\"type\":\"mcp_call\",\"id\":\"%lld\"}}", i);
	}
	gen_finish(c, &x);
	assert_int_equal(parts_of(c), GEN_PARTS_MAX);
	assert_true(c->response_cut);
	closed(c, &x);
}

/* Ids and models that change in every chunk fill the arena and no more. */
static void names_that_never_stay_the_same(void **state)
{
	struct exchange x = asked(CHAT, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);
	char pad[300] = "";

	memset(pad, 'x', sizeof(pad) - 1);
	for (long long i = 0; i < 20000; i++) {
		char data[1024];

		snprintf(data, sizeof(data), "{\"id\":\"%s%lld\",\"choices\":[]}", pad, i);
		gen_event(c, &x, VIEW("message"), view_of(data));
	}
	gen_finish(c, &x);
	assert_true(c->arena.used <= c->arena.max);
	assert_true(c->response_cut);
	assert_true(view_starts(c->response_id, VIEW("xxx")));
	closed(c, &x);
}

/* 10,000 chunks arrive whole; the same name in each costs nothing. */
static void a_long_stream_is_whole(void **state)
{
	struct exchange x = asked(CHAT, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);

	for (long long i = 0; i < 10000; i++)
		event(c, &x, "{\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%04lld,\"}}]}", i);
	event(c, &x, "[DONE]", 0);
	gen_finish(c, &x);
	assert_int_equal(c->choices->parts->text.n, 50000);
	assert_memory_equal(c->choices->parts->text.p + 49995, "9999,", 5);
	assert_true(c->arena.used < 2048);
	assert_true(c->terminal && !c->response_cut);
	closed(c, &x);
}

/* More text than is kept: the head stays, and the call says so. */
static void more_text_than_is_kept(void **state)
{
	struct exchange x = asked(CHAT, "{\"messages\":[]}");
	struct gen_call *c = opened(&x, true);
	size_t each = 1 << 20;
	char *data = malloc(each + 200), *p;

	for (int i = 0; i < 18; i++) {
		p = data + sprintf(data, "{\"choices\":[{\"index\":%d,\"delta\":{\"content\":\"", i % 2);
		memset(p, 'y', each);
		memcpy(p + each, "\"}}]}", 6);
		gen_event(c, &x, VIEW("message"), view_of(data));
	}
	free(data);
	gen_finish(c, &x);
	assert_int_equal(c->text_left, 0);
	assert_int_equal(c->choices->parts->text.n + c->choices->next->parts->text.n, GEN_TEXT_MAX);
	assert_true(c->response_cut);
	closed(c, &x);
}

/* A part that is replaced over and over gives its room back. */
static void replaced_text_is_counted_once(void **state)
{
	struct exchange x = asked(RESPONSES, "{\"input\":[]}");
	struct gen_call *c = opened(&x, true);
	size_t each = 1 << 20;
	char *data = malloc(each + 200), *p;

	for (int i = 0; i < 40; i++) {
		p = data + sprintf(data, "{\"type\":\"response.output_text.done\",\"output_index\":0,\"content_index\":0,\"text\":\"");
		memset(p, 'y', each);
		memcpy(p + each, "\"}", 3);
		gen_event(c, &x, VIEW("response.output_text.done"), view_of(data));
	}
	free(data);
	gen_finish(c, &x);
	assert_int_equal(c->choices->parts->text.n, each);
	assert_int_equal(c->text_left, GEN_TEXT_MAX - each);
	assert_false(c->response_cut);
	closed(c, &x);
}

/* Nested as deep as our reader goes, inside of what nests it deeper. */
static void depth_has_an_end(void **state)
{
	for (size_t deep = 480; deep < 530; deep++) {
		struct exchange x = asked(RESPONSES, "{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"output\":");
		struct gen_call *c;

		for (int i = 0; i < 2; i++)
			for (size_t n = 0; n < deep; n++)
				buf_add_byte(&x.req.body.head, i ? ']' : '[');
		buf_add(&x.req.body.head, VIEW("},{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\""));
		for (int i = 0; i < 2; i++)
			for (size_t n = 0; n < deep; n++)
				buf_add_byte(&x.req.body.head, i ? ']' : '[');
		buf_add(&x.req.body.head, VIEW("\"}]}"));
		c = opened(&x, true);
		assert_null(schema_messages(buf_view(&c->input_messages), false));
		assert_true(c->input_messages.n > deep);
		closed(c, &x);
	}
}

/* A path is bytes, a model is text. */
static void a_model_in_the_path_is_text(void **state)
{
	struct exchange x = asked("/openai/deployments/a%ff%C3%A9\xfe%zz%4/chat/completions", "{\"messages\":[]}");
	struct gen_call *c = opened(&x, false);

	assert_int_equal(c->request_model.n, strlen("a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd%zz%4"));
	assert_memory_equal(c->request_model.p, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd%zz%4", c->request_model.n);
	closed(c, &x);
}

static void garbage_is_no_fact(void **state)
{
	static const char *const targets[] = { CHAT, MESSAGES, RESPONSES, "/v1/embeddings", "/v1/completions" };
	unsigned seed = 1;

	for (int round = 0; round < 1000; round++) {
		static const char alphabet[] = "{}[]\",:0e-\\udtnfx \xff\xc3\x01";
		struct exchange x = asked(targets[round % 5], "");
		struct gen_call *c;
		char junk[300];

		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = alphabet[golden_random(&seed) % (sizeof(alphabet) - 1)];
		junk[0] = '{';
		buf_add(&x.req.body.head, (struct view){ junk, golden_random(&seed) % sizeof(junk) });
		c = gen_open(&x, true);
		for (int i = 0; c && i < 3; i++)
			gen_event(c, &x, VIEW("error"), (struct view){ junk, golden_random(&seed) % sizeof(junk) });
		if (c) {
			gen_finish(c, &x);
			closed(c, &x);
		} else {
			buf_release(&x.req.body.head);
		}
	}
}

/* Bytes of real exchanges changed at random: always valid lists, never a crash. */
static void damaged_exchanges(void **state)
{
	static const char *const names[] = {
		"openai-chat", "openai-chat-stream-tools", "openai-responses", "openai-responses-stream", "anthropic-messages",
		"anthropic-stream-tools-thinking", "mistral-stream", "openai-embeddings",
	};
	unsigned seed = 7;

	for (int round = 0; round < 400; round++) {
		char path[256];
		struct buf req, resp;
		struct gen_call *c;

		snprintf(path, sizeof(path), "tests/golden/wire/http/%s.req", names[round % 8]);
		req = golden_read(path);
		resp = golden_other(path);
		for (int i = 0; i < 6; i++) {
			req.p[golden_random(&seed) % req.n] = golden_random(&seed);
			resp.p[golden_random(&seed) % resp.n] = golden_random(&seed);
		}
		c = drive(buf_view(&req), buf_view(&resp), true);
		if (c) {
			char *out = output_messages(c);

			assert_null(schema_messages(view_of(out), true));
			assert_null(c->input_messages.n ? schema_messages(buf_view(&c->input_messages), false) : NULL);
			assert_null(c->tool_definitions.n ? schema_definitions(buf_view(&c->tool_definitions)) : NULL);
			free(out);
		}
		gen_free(c);
		buf_release(&req);
		buf_release(&resp);
	}
}

static void the_host_names_the_provider(void **state)
{
	static const struct {
		const char *host, *target, *provider;
	} rows[] = {
		{ "api.openai.com", CHAT, "openai" },
		{ "EU.API.OpenAI.com:443", CHAT, "openai" },
		{ "chatgpt.com", "/backend-api/codex/responses", "openai" },
		{ "r.openai.azure.com", CHAT, "azure.ai.openai" },
		{ "r.services.ai.azure.com", "/openai/v1/chat/completions", "azure.ai.openai" },
		{ "r.services.ai.azure.com", "/anthropic/v1/messages", "anthropic" },
		{ "r.services.ai.azure.com", "/models/chat/completions", "azure.ai.inference" },
		{ "api.anthropic.com", MESSAGES, "anthropic" },
		{ "api.x.ai", CHAT, "x_ai" },
		{ "api.deepseek.com", "/anthropic/v1/messages", "deepseek" },
		{ "us-east5-aiplatform.googleapis.com", CHAT, "gcp.vertex_ai" },
		{ "aiplatform.eu.rep.googleapis.com", CHAT, "gcp.vertex_ai" },
		{ "bedrock-mantle.us-east-1.api.aws", CHAT, "aws.bedrock" },
		{ "bedrock-runtime.eu-west-1.amazonaws.com", CHAT, "aws.bedrock" },
		{ "openrouter.ai.", CHAT, "openrouter" },
		{ "localhost:11434", CHAT, "ollama" },
		{ "[::1]:11434", CHAT, "ollama" },
		/* Every service that a document or an SDK names an address of. */
		{ "api.openai.com", "/v1/responses/resp_1", "openai" },
		{ "r.cognitiveservices.azure.com", "/openai/deployments/d/chat/completions", "azure.ai.openai" },
		{ "api.groq.com", "/openai/v1/chat/completions", "groq" },
		{ "api.deepseek.com", "/beta/completions", "deepseek" },
		{ "api.x.ai", "/v1/responses", "x_ai" },
		{ "api.mistral.ai", "/v1/fim/completions", "mistral_ai" },
		{ "codestral.mistral.ai", "/v1/fim/completions", "mistral_ai" },
		{ "api.together.xyz", CHAT, "together" },
		{ "api.together.ai", CHAT, "together" },
		{ "api.fireworks.ai", "/inference/v1/chat/completions", "fireworks" },
		{ "openrouter.ai", "/api/v1/chat/completions", "openrouter" },
		{ "openrouter.ai", "/api/v1/messages", "openrouter" },
		{ "api.perplexity.ai", "/chat/completions", "perplexity" },
		{ "api.perplexity.ai", "/v1/responses", "perplexity" },
		{ "api.cerebras.ai", CHAT, "cerebras" },
		{ "api.sambanova.ai", CHAT, "sambanova" },
		{ "integrate.api.nvidia.com", CHAT, "nvidia" },
		{ "api.deepinfra.com", "/v1/openai/chat/completions", "deepinfra" },
		{ "api.moonshot.ai", CHAT, "moonshot_ai" },
		{ "api.moonshot.cn", CHAT, "moonshot_ai" },
		{ "api.z.ai", "/api/paas/v4/chat/completions", "z_ai" },
		{ "open.bigmodel.cn", "/api/paas/v4/chat/completions", "z_ai" },
		{ "dashscope.aliyuncs.com", "/compatible-mode/v1/chat/completions", "alibaba_cloud" },
		{ "dashscope-intl.aliyuncs.com", "/compatible-mode/v1/chat/completions", "alibaba_cloud" },
		{ "api.minimax.io", CHAT, "minimax" },
		{ "router.huggingface.co", CHAT, "hugging_face" },
		{ "models.github.ai", "/inference/chat/completions", "github" },
		{ "api.githubcopilot.com", "/chat/completions", "github" },
		{ "api.cloudflare.com", "/client/v4/accounts/a/ai/v1/chat/completions", "cloudflare" },
		{ "gateway.ai.cloudflare.com", "/v1/a/g/openai/chat/completions", "cloudflare" },
		{ "ai-gateway.vercel.sh", CHAT, "vercel" },
		{ "api.portkey.ai", CHAT, "portkey" },
		{ "api.cohere.com", "/v2/chat", "cohere" },
		{ "api.cohere.ai", "/compatibility/v1/chat/completions", "cohere" },
		{ "ollama.com", "/api/chat", "ollama" },
		{ "api.voyageai.com", "/v1/rerank", "voyage_ai" },
		{ "api.jina.ai", "/v1/embeddings", "jina_ai" },
		{ "generativelanguage.googleapis.com", "/v1beta/openai/chat/completions", "gcp.gemini" },
		{ "generativelanguage.googleapis.com", "/v1beta/interactions", "gcp.gemini" },
		{ "cloudcode-pa.googleapis.com", "/v1internal:generateContent", "gcp.gen_ai" },
		{ "bedrock-agent-runtime.us-east-1.amazonaws.com", "/knowledgebases/k/retrieve", "aws.bedrock" },
		{ "bedrock-runtime.cn-north-1.amazonaws.com.cn", CHAT, "aws.bedrock" },
		{ "idx-p.svc.aped-1.pinecone.io", "/query", "pinecone" },
		{ "gcp-us-central1.turbopuffer.com", "/v2/namespaces/n/query", "turbopuffer" },
		/* Local servers have no name of their own: the API's words say whose they speak. */
		{ "localhost:1234", CHAT, NULL },
		{ "localhost:8080", CHAT, NULL },
		{ "litellm.internal:4000", CHAT, NULL },
		{ "notapi.openai.com", CHAT, NULL },
		{ "evil-openrouter.ai", CHAT, NULL },
		{ "api.openai.com.evil.example", CHAT, NULL },
		{ "127.0.0.1:8000", CHAT, NULL },
		{ "", CHAT, NULL },
		{ "proxy.internal", "http://u:p@api.groq.com/openai/v1/chat/completions", "groq" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header host = { VIEW("Host"), view_of(rows[i].host), NULL };
		struct exchange x = { .target = view_of(rows[i].target), .req.headers = &host };
		const char *got = hosts_provider(&x);

		if (!got != !rows[i].provider || (got && strcmp(got, rows[i].provider)))
			fail_msg("%s %s: %s", rows[i].host, rows[i].target, got ? got : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices_without_end_are_128),
		cmocka_unit_test(indexes_at_the_ends_of_the_numbers),
		cmocka_unit_test(tool_calls_without_end_are_4096),
		cmocka_unit_test(blocks_without_end_are_4096),
		cmocka_unit_test(items_without_end_are_4096),
		cmocka_unit_test(names_that_never_stay_the_same),
		cmocka_unit_test(a_long_stream_is_whole),
		cmocka_unit_test(more_text_than_is_kept),
		cmocka_unit_test(replaced_text_is_counted_once),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(a_model_in_the_path_is_text),
		cmocka_unit_test(garbage_is_no_fact),
		cmocka_unit_test(damaged_exchanges),
		cmocka_unit_test(the_host_names_the_provider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
