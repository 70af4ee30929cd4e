// SPDX-License-Identifier: Apache-2.0
/* What was asked, as the message schemas want it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "schema.h"

#define CHAT "/v1/chat/completions"
#define RESPONSES "/v1/responses"
#define MESSAGES "/v1/messages"
#define USER(parts) "[{\"role\":\"user\",\"parts\":[" parts "]}]"
#define TEXT(t) "{\"type\":\"text\",\"content\":\"" t "\"}"

static const struct {
	const char *target, *request;
	const char *input;		/* messages */
	const char *system, *tools;	/* NULL: none */
} rows[] = {
	{ CHAT, "{\"messages\":[{\"role\":\"developer\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"name\":\"Ann\","
	  "\"content\":[{\"type\":\"text\",\"text\":\"look\"},"
	  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/png;base64,iVBO\\/Rw0=\",\"detail\":\"low\"}},"
	  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://h/p.png\"}},"
	  "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\",\"format\":\"wav\"}},"
	  "{\"type\":\"file\",\"file\":{\"file_id\":\"file_1\"}},"
	  "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBE\"}},"
	  "{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://h/v\"}}]}]}",
	  "[{\"role\":\"developer\",\"parts\":[" TEXT("Be brief.") "]},"
	  "{\"role\":\"user\",\"name\":\"Ann\",\"parts\":[" TEXT("look") ","
	  "{\"type\":\"blob\",\"modality\":\"image\",\"mime_type\":\"image/png\",\"content\":\"iVBO/Rw0=\"},"
	  "{\"type\":\"uri\",\"modality\":\"image\",\"uri\":\"https://h/p.png\"},"
	  "{\"type\":\"blob\",\"modality\":\"audio\",\"mime_type\":\"audio/wav\",\"content\":\"UklG\"},"
	  "{\"type\":\"file\",\"modality\":\"document\",\"file_id\":\"file_1\"},"
	  "{\"type\":\"blob\",\"modality\":\"document\",\"mime_type\":\"application/pdf\",\"content\":\"JVBE\"},"
	  "{\"type\":\"video_url\"}]}]", NULL, NULL },
	{ CHAT, "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\",\"tool_calls\":["
	  "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": [1, 2]}\"}},"
	  "{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"not json\"}},"
	  "{\"id\":\"c3\",\"type\":\"custom\",\"custom\":{\"name\":\"h\",\"input\":\"free text\"}}]},"
	  "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"42\"},"
	  "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}]},"
	  "{\"role\":\"function\",\"name\":\"old\",\"content\":\"r\"},"
	  "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":\"no\",\"function_call\":{\"name\":\"old\",\"arguments\":\"\"}}],"
	  "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{}}},"
	  "{\"type\":\"custom\",\"custom\":{\"name\":\"h\"}}]}",
	  "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"hm\"},"
	  "{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"f\",\"arguments\":{\"a\":[1,2]}},"
	  "{\"type\":\"tool_call\",\"id\":\"c2\",\"name\":\"g\",\"arguments\":\"not json\"},"
	  "{\"type\":\"tool_call\",\"id\":\"c3\",\"name\":\"h\",\"arguments\":\"free text\"}]},"
	  "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c1\",\"response\":\"42\"}]},"
	  "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c2\",\"response\":"
	  "[{\"type\":\"text\",\"text\":\"t\"}]}]},"
	  "{\"role\":\"function\",\"name\":\"old\",\"parts\":[{\"type\":\"tool_call_response\",\"response\":\"r\"}]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"refusal\",\"content\":\"no\"},"
	  "{\"type\":\"tool_call\",\"name\":\"old\",\"arguments\":\"\"}]}]",
	  NULL, "[{\"type\":\"function\",\"name\":\"f\"},{\"type\":\"custom\",\"name\":\"h\"}]" },
	{ CHAT, "{\"messages\":[7,null,{},{\"role\":\"user\",\"content\":{\"a\":1}},{\"role\":9,\"content\":\"x\"}],"
	  "\"functions\":[{\"name\":\"old\",\"parameters\":{}}]}",
	  "[{\"role\":\"user\",\"parts\":[]},{\"role\":\"unknown\",\"parts\":[" TEXT("x") "]}]",
	  NULL, "[{\"type\":\"function\",\"name\":\"old\"}]" },
	{ "/v1/completions", "{\"prompt\":[\"a\",\"b\",[1,2]]}", USER(TEXT("a") "," TEXT("b")), NULL, NULL },

	{ RESPONSES, "{\"input\":\"hello\",\"instructions\":\"Be terse.\"}", USER(TEXT("hello")),
	  "[" TEXT("Be terse.") "]", NULL },
	{ RESPONSES, "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"w\"},"
	  "{\"type\":\"input_image\",\"image_url\":\"data:image/jpeg;base64,AAAA\"},"
	  "{\"type\":\"input_image\",\"file_id\":\"f1\"},{\"type\":\"input_file\",\"file_url\":\"https://h/d\"}]},"
	  "{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"s\"}],"
	  "\"encrypted_content\":\"opaque\"},"
	  "{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"opaque\"},"
	  "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},"
	  "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"{\\\"ok\\\":true}\"},"
	  "{\"type\":\"custom_tool_call_output\",\"call_id\":\"d\",\"output\":[{\"type\":\"input_text\",\"text\":\"o\"}]},"
	  "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[]},"
	  "{\"type\":\"refusal\",\"refusal\":\"n\"}]},"
	  "{\"type\":\"mcp_call\",\"id\":\"m\",\"server_label\":\"dw\",\"name\":\"roll\",\"arguments\":\"{}\",\"output\":\"4\"},"
	  "{\"type\":\"compaction\",\"id\":\"k\",\"encrypted_content\":\"opaque\"},"
	  "{\"type\":\"item_reference\",\"id\":\"msg_1\"}],"
	  "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}},{\"type\":\"web_search\"},"
	  "{\"type\":\"mcp\",\"server_label\":\"dw\",\"server_url\":\"https://u:pw@h\",\"authorization\":\"sk-opaque\","
	  "\"headers\":{\"x-api-key\":\"opaque\"}}]}",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("w") ","
	  "{\"type\":\"blob\",\"modality\":\"image\",\"mime_type\":\"image/jpeg\",\"content\":\"AAAA\"},"
	  "{\"type\":\"file\",\"modality\":\"image\",\"file_id\":\"f1\"},"
	  "{\"type\":\"uri\",\"modality\":\"document\",\"uri\":\"https://h/d\"}]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"s\"}]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"\"}]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"c\",\"name\":\"f\",\"arguments\":{}}]},"
	  "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"c\",\"response\":\"{\\\"ok\\\":true}\"}]},"
	  "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"d\",\"response\":"
	  "[{\"type\":\"input_text\",\"text\":\"o\"}]}]},"
	  "{\"role\":\"assistant\",\"parts\":[" TEXT("a") ",{\"type\":\"refusal\",\"content\":\"n\"}]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"server_tool_call\",\"id\":\"m\",\"name\":\"roll\",\"server_tool_call\":"
	  "{\"type\":\"mcp_call\",\"server_label\":\"dw\",\"arguments\":\"{}\"}},"
	  "{\"type\":\"server_tool_call_response\",\"id\":\"m\",\"server_tool_call_response\":{\"type\":\"mcp_call\","
	  "\"output\":\"4\"}}]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"compaction\",\"id\":\"k\"}]},"
	  "{\"role\":\"unknown\",\"parts\":[{\"type\":\"item_reference\"}]}]", NULL,
	  "[{\"type\":\"function\",\"name\":\"f\"},{\"type\":\"web_search\",\"name\":\"web_search\"},"
	  "{\"type\":\"mcp\",\"name\":\"dw\"}]" },

	{ MESSAGES, "{\"max_tokens\":1,\"system\":\"You are terse.\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
	  USER(TEXT("hi")), "[" TEXT("You are terse.") "]", NULL },
	{ MESSAGES, "{\"system\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}},"
	  "{\"type\":\"text\",\"text\":\"b\"}],\"messages\":[{\"role\":\"user\",\"content\":["
	  "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBO\"}},"
	  "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://h/i\"}},"
	  "{\"type\":\"document\",\"source\":{\"type\":\"file\",\"file_id\":\"file_1\"}},"
	  "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"plain\"}},"
	  "{\"type\":\"text\",\"text\":\"w\"}]},"
	  "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"opaque\"},"
	  "{\"type\":\"redacted_thinking\",\"data\":\"opaque\"},"
	  "{\"type\":\"tool_use\",\"id\":\"tu\",\"name\":\"f\",\"input\":{\"city\":\"Oslo\"}},"
	  "{\"type\":\"server_tool_use\",\"id\":\"st\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}},"
	  "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"st\",\"content\":[{\"url\":\"u\",\"encrypted_content\":\"opaque\"}]}]},"
	  "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"tu\",\"is_error\":true,\"content\":"
	  "[{\"type\":\"text\",\"text\":\"3C\"}]},{\"type\":\"tool_result\",\"tool_use_id\":\"tv\"},"
	  "{\"type\":\"container_upload\",\"file_id\":\"file_2\"},"
	  "{\"type\":\"text\",\"text\":\"and?\"}]},{\"role\":\"system\",\"content\":\"mid\"}],"
	  "\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{}},{\"type\":\"custom\",\"name\":\"g\"},"
	  "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"},{\"type\":\"mcp_toolset\",\"mcp_server_name\":\"s\"}],"
	  "\"mcp_servers\":[{\"name\":\"s\",\"authorization_token\":\"opaque\"}]}",
	  "[{\"role\":\"user\",\"parts\":["
	  "{\"type\":\"blob\",\"modality\":\"image\",\"mime_type\":\"image/png\",\"content\":\"iVBO\"},"
	  "{\"type\":\"uri\",\"modality\":\"image\",\"uri\":\"https://h/i\"},"
	  "{\"type\":\"file\",\"modality\":\"document\",\"file_id\":\"file_1\"}," TEXT("plain") "," TEXT("w") "]},"
	  "{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"t\"},{\"type\":\"redacted_thinking\"},"
	  "{\"type\":\"tool_call\",\"id\":\"tu\",\"name\":\"f\",\"arguments\":{\"city\":\"Oslo\"}},"
	  "{\"type\":\"server_tool_call\",\"id\":\"st\",\"name\":\"web_search\",\"server_tool_call\":{\"type\":\"web_search\","
	  "\"input\":{\"query\":\"q\"}}},"
	  "{\"type\":\"server_tool_call_response\",\"id\":\"st\",\"server_tool_call_response\":{\"type\":"
	  "\"web_search_tool_result\",\"content\":[{\"url\":\"u\"}]}}]},"
	  "{\"role\":\"user\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"tu\",\"response\":"
	  "[{\"type\":\"text\",\"text\":\"3C\"}],\"is_error\":true},"
	  "{\"type\":\"tool_call_response\",\"id\":\"tv\",\"response\":null},"
	  "{\"type\":\"file\",\"modality\":\"document\",\"file_id\":\"file_2\"}," TEXT("and?") "]},"
	  "{\"role\":\"system\",\"parts\":[" TEXT("mid") "]}]",
	  "[" TEXT("a") "," TEXT("b") "]",
	  "[{\"type\":\"function\",\"name\":\"f\"},{\"type\":\"function\",\"name\":\"g\"},"
	  "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"},{\"type\":\"mcp_toolset\",\"name\":\"s\"}]" },
};

static void assert_text(const struct buf *b, const char *want)
{
	struct view got = buf_view(b), w = view_of(want ? want : "");

	if (!view_eq(got, w))
		fail_msg("got  %.*s\nwant %s", VIEW_ARG(got), want ? want : "nothing");
}

static void requests_are_written_as_the_schemas_want_them(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_call *c = drive_said(&(struct said){ rows[i].target, NULL, rows[i].request, .answer = "{}" }, true);

		assert_non_null(c);
		assert_text(&c->input_messages, rows[i].input);
		assert_text(&c->system_instructions, rows[i].system);
		assert_text(&c->tool_definitions, rows[i].tools);
		assert_null(schema_messages(buf_view(&c->input_messages), false));
		assert_null(c->system_instructions.n ? schema_instructions(buf_view(&c->system_instructions)) : NULL);
		assert_null(c->tool_definitions.n ? schema_definitions(buf_view(&c->tool_definitions)) : NULL);
		gen_free(c);
	}
}

/* The validator itself: a test that cannot fail proves nothing. */
static void the_schema_check_can_fail(void **state)
{
	assert_non_null(schema_messages(VIEW("[{\"role\":\"user\"}]"), false));
	assert_non_null(schema_messages(VIEW("[{\"parts\":[]}]"), false));
	assert_non_null(schema_messages(VIEW("[{\"role\":\"user\",\"parts\":[]}]"), true));
	assert_non_null(schema_messages(VIEW("[{\"role\":\"user\",\"parts\":[{\"type\":\"text\"}]}]"), false));
	assert_non_null(schema_messages(VIEW("[{\"role\":\"user\",\"parts\":[{\"type\":\"blob\",\"content\":\"\"}]}]"), false));
	assert_non_null(schema_messages(VIEW("[{\"role\":\"user\",\"parts\":["), false));
	assert_null(schema_messages(VIEW("[{\"role\":\"user\",\"parts\":[{\"type\":\"x\"}]}]"), false));
}

/* Text that is no UTF-8, NUL, half a surrogate pair: the output is JSON all the same. */
static void bad_text_is_repaired(void **state)
{
	static const char body[] =
		"{\"model\":\"m\xff\",\"messages\":[{\"role\":\"us\xc3\",\"content\":\"a\xff\xfe b\\ud800 c\\u0000 d\x01\"}],"
		"\"tools\":[{\"type\":\"\xf0\x9f\",\"name\":\"\xe2\x82\"}]}";
	struct gen_call *c = drive_said(&(struct said){ CHAT, NULL, body, .answer = "{\"choices\":[{\"message\":{\"content\":"
		"\"\xc0\xaf\"},\"finish_reason\":\"st\xffop\"}]}" }, true);
	char *output = output_messages(c);

	assert_null(schema_messages(buf_view(&c->input_messages), false));
	assert_null(schema_definitions(buf_view(&c->tool_definitions)));
	assert_null(schema_messages(view_of(output), true));
	free(output);
	gen_free(c);
}

static const char crowded[] =
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},"
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBO\"}}]},"
	"{\"role\":\"assistant\",\"content\":\"two\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
	"\"arguments\":\"{\\\"a\\\":[1,2,{}]}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"three\"}]}";

/* However little room there is: whole parts from the beginning, in a valid list, and the call says that some are missing. */
static void what_does_not_fit_is_left_out_and_said(void **state)
{
	struct exchange x = { .method = VIEW("POST"), .target = VIEW(CHAT), .req.body.complete = true };
	struct json body = json_read(view_of(crowded));
	struct gen_call *c;
	size_t full;

	buf_init(&x.req.body.head, 4096);
	buf_add(&x.req.body.head, view_of(crowded));
	c = gen_open(&x, true);
	full = c->input_messages.n;
	assert_false(c->request_cut);
	for (size_t max = 0; max < full + 100; max++) {
		buf_release(&c->input_messages);
		c->input_messages.max = max;
		c->request_cut = false;
		c->provider->request(c, &x, body);
		assert_true(c->input_messages.n <= max);
		if (c->input_messages.n)
			assert_null(schema_messages(buf_view(&c->input_messages), false));
		assert_int_equal(c->request_cut, c->input_messages.n < full);
	}
	assert_int_equal(c->input_messages.n, full);
	gen_free(c);
	buf_release(&x.req.body.head);
}

static void output_without_room_is_a_list_all_the_same(void **state)
{
	struct gen_call *c = drive_said(&(struct said){ CHAT, NULL, "{\"messages\":[]}", .answer =
		"{\"choices\":[{\"message\":{\"content\":\"one\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"content\":\"two\"},"
		"\"finish_reason\":\"stop\"}]}" }, true);
	struct buf out;

	for (size_t max = 0; max < 400; max++) {
		buf_init(&out, max);
		if (gen_output_messages(c, &out))
			assert_int_equal(out.n, 0);
		else
			assert_null(schema_messages(buf_view(&out), true));
		buf_release(&out);
	}
	gen_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_written_as_the_schemas_want_them),
		cmocka_unit_test(the_schema_check_can_fail),
		cmocka_unit_test(bad_text_is_repaired),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_said),
		cmocka_unit_test(output_without_room_is_a_list_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
