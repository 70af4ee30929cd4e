// SPDX-License-Identifier: Apache-2.0
/* What servers do that the documents of the first one do not say. */
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
#define HI "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define ASK "{\"model\":\"m\",\"input\":\"hi\"}"
#define ANSWER(parts, finish) \
	"[{\"role\":\"assistant\",\"finish_reason\":\"" finish "\",\"parts\":[" parts "]}]"
#define TEXT(t) "{\"type\":\"text\",\"content\":\"" t "\"}"
#define CALL(id, name, args) \
	"{\"type\":\"tool_call\",\"id\":\"" id "\",\"name\":\"" name "\",\"arguments\":" args "}"
#define CHUNK(delta) "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define FINISH(why) "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define EV(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"

static const struct {
	const char *name;
	struct said said;
	const char *answer, *output;	/* output NULL: not looked at */
} rows[] = {
	/* What else ran for a message. */
	{ "a compaction by the same model is paid for", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[],"
	     "\"usage\":{\"input_tokens\":20,\"cache_read_input_tokens\":5,\"output_tokens\":1}}")
	  EV("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":20,\"output_tokens\":7,\"iterations\":["
	     "{\"type\":\"compaction\",\"input_tokens\":1000,\"cache_read_input_tokens\":300,\"output_tokens\":90},"
	     "{\"type\":\"message\",\"model\":\"c\",\"input_tokens\":20,\"output_tokens\":7}]}") EV("message_stop", "") },
	  "id=i\nanswered=c\nin=1325\nout=97\ncache_read=305\nfinish=end_turn\nterminal\n", NULL },
	{ "advice is another model's, and not counted here", { MESSAGES, NULL, HI, .answer =
	  "{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[],\"stop_reason\":\"end_turn\","
	  "\"usage\":{\"input_tokens\":2,\"output_tokens\":3,\"iterations\":[{\"type\":\"advisor_message\",\"model\":\"big\","
	  "\"input_tokens\":900,\"output_tokens\":800},{\"type\":\"message\",\"model\":\"c\",\"input_tokens\":2,\"output_tokens\":3}]}}" },
	  "id=i\nanswered=c\nin=2\nout=3\nfinish=end_turn\nother_models\nterminal\n", NULL },

	/* Chat Completions */
	{ "tool calls without index: a new id is a new call", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}}]}")
	  CHUNK("{\"tool_calls\":[{\"function\":{\"arguments\":\"1}\"}}]}")
	  CHUNK("{\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}")
	  FINISH("tool_calls") DONE },
	  "finish=tool_calls\nterminal\n",
	  ANSWER(CALL("a", "f", "{\"x\":1}") "," CALL("b", "g", "{}"), "tool_call") },
	{ "two calls under one index: a new id is a new call", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}")
	  CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"[1\"}}]}")
	  CHUNK("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\",2]\"}}]}")
	  FINISH("stop") DONE },
	  "finish=stop\nterminal\n", ANSWER(CALL("a", "f", "{}") "," CALL("b", "g", "[1,2]"), "tool_call") },
	{ "id and name repeated in every piece", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}}]}")
	  CHUNK("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"2}\"}}]}")
	  FINISH("tool_calls") DONE },
	  "finish=tool_calls\nterminal\n", ANSWER(CALL("a", "f", "{\"x\":2}"), "tool_call") },
	{ "two calls whole in one piece, without index and id", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
		"{\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}") FINISH("tool_calls") DONE },
	  "finish=tool_calls\nterminal\n",
	  ANSWER("{\"type\":\"tool_call\",\"name\":\"f\",\"arguments\":{}},"
		 "{\"type\":\"tool_call\",\"name\":\"g\",\"arguments\":{}}", "tool_call") },
	{ "arguments that are no JSON stay as they are", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\","
	  "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{x:1\"}}]},\"finish_reason\":\"tool_calls\"}]}" },
	  "finish=tool_calls\nterminal\n", ANSWER(CALL("a", "f", "\"{x:1\""), "tool_call") },
	{ "arguments that are an object", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"k\":[1]}}}]},"
	  "\"finish_reason\":\"tool_calls\"}]}" },
	  "finish=tool_calls\nterminal\n", ANSWER(CALL("a", "f", "{\"k\":[1]}"), "tool_call") },
	{ "a custom tool's input is free text", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"index\":0,\"message\":{\"tool_calls\":[{\"id\":\"a\",\"type\":\"custom\",\"custom\":"
	  "{\"name\":\"sh\",\"input\":\"ls -l\"}}]},\"finish_reason\":\"tool_calls\"}]}" },
	  "finish=tool_calls\nterminal\n", ANSWER(CALL("a", "sh", "\"ls -l\""), "tool_call") },
	{ "function_call, from before there were tools", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}}")
	  CHUNK("{\"function_call\":{\"arguments\":\"}\"}}") FINISH("function_call") DONE },
	  "finish=function_call\nterminal\n",
	  ANSWER("{\"type\":\"tool_call\",\"name\":\"f\",\"arguments\":{}}", "tool_call") },
	{ "refusal", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"I \"}") CHUNK("{\"refusal\":\"won't.\"}")
	  FINISH("stop") DONE },
	  "finish=stop\nterminal\n", ANSWER("{\"type\":\"refusal\",\"content\":\"I won't.\"}", "stop") },
	{ "choices interleave, and one never ends", { CHAT, NULL,
	  "{\"model\":\"m\",\"n\":3,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", .answer =
	  "data: {\"choices\":[{\"index\":2,\"delta\":{\"content\":\"c\"}}]}\n\n"
	  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":2,\"delta\":{\"content\":\"C\"}}]}\n\n"
	  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A\"},\"finish_reason\":\"stop\"}]}\n\n" },
	  "finish=stop,error,error\n",
	  "[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[" TEXT("aA") "]},"
	  "{\"role\":\"assistant\",\"finish_reason\":\"error\",\"parts\":[" TEXT("cC") "]}]" },
	{ "usage in a chunk of its own", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"content\":\"a\"}") FINISH("stop")
	  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3.0,\"completion_tokens\":1e0,\"total_tokens\":4}}\n\n" DONE },
	  "in=3\nout=1\nfinish=stop\nterminal\n", NULL },
	{ "usage grows in every chunk, null in others; details null", { CHAT, NULL, HI, .answer =
	  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"prompt_tokens_details\":null}}\n\n"
	  "data: {\"choices\":[],\"usage\":null}\n\n"
	  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n" FINISH("stop") DONE },
	  "in=3\nout=2\nfinish=stop\nterminal\n", NULL },
	{ "reasoning beside the completion (xAI): the total says so", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,"
	  "\"completion_tokens\":5,\"total_tokens\":22,\"completion_tokens_details\":{\"reasoning_tokens\":7}}}" },
	  "in=10\nout=12\nreasoning=7\nfinish=stop\nterminal\n", NULL },
	{ "usage in the choice (Moonshot), cached by another name", { CHAT, NULL, HI, .answer =
	  "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":8,"
	  "\"completion_tokens\":2,\"cached_tokens\":4}}]}\n\n" DONE },
	  "in=8\nout=2\ncache_read=4\nfinish=stop\nterminal\n", NULL },
	{ "DeepSeek's cache words, modalities", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"message\":{},\"finish_reason\":\"insufficient_system_resource\"}],\"usage\":{\"prompt_tokens\":8,"
	  "\"completion_tokens\":2,\"prompt_cache_hit_tokens\":6,\"prompt_tokens_details\":{\"text_tokens\":5,"
	  "\"image_tokens\":2,\"audio_tokens\":1},\"completion_tokens_details\":{\"text_tokens\":1,\"audio_tokens\":1}}}" },
	  "in=8\nout=2\ncache_read=6\nin_text=5\nin_image=2\nin_audio=1\nout_text=1\nout_audio=1\n"
	  "finish=insufficient_system_resource\nterminal\n", ANSWER("", "error") },
	{ "no usage is no usage", { CHAT, NULL, HI, .answer = CHUNK("{\"content\":\"a\"}") FINISH("length") DONE },
	  "finish=length\nterminal\n", ANSWER(TEXT("a"), "length") },
	{ "counts that cannot be", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"message\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":-1,"
	  "\"completion_tokens\":1e30,\"total_tokens\":\"7\"}}" },
	  "finish=stop\nterminal\n", NULL },
	{ "no [DONE], and all is said", { CHAT, NULL, HI, .answer = CHUNK("{\"content\":\"a\"}") FINISH("stop") },
	  "finish=stop\nterminal\n", NULL },
	{ "cut before the end", { CHAT, NULL, HI, .answer = CHUNK("{\"content\":\"a\"}") },
	  "finish=error\n", ANSWER(TEXT("a"), "error") },
	{ "reasoning under two names is said once", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"reasoning_content\":\"r\",\"reasoning\":\"r\"}") CHUNK("{\"content\":\"a\"}") FINISH("stop") DONE },
	  "finish=stop\nterminal\n", ANSWER("{\"type\":\"reasoning\",\"content\":\"r\"}," TEXT("a"), "stop") },
	{ "an error as event, with a type and a number as code", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"content\":\"a\"}")
	  "event: error\ndata: {\"error\":{\"message\":\"busy\",\"type\":\"ServiceUnavailableError\",\"code\":503}}\n\n" },
	  "finish=error\nerror=ServiceUnavailableError\nsays=busy\n", NULL },
	{ "an error with nothing but a number (OpenRouter), in a chunk with choices", { CHAT, NULL, HI, .answer =
	  "data: {\"error\":{\"code\":502,\"message\":\"Provider\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},"
	  "\"finish_reason\":\"error\"}]}\n\n" },
	  "finish=error\nerror=502\nsays=Provider\nterminal\n", NULL },
	{ "an error that is a string, then [DONE]", { CHAT, NULL, HI, .answer =
	  CHUNK("{\"content\":\"a\"}") "data: {\"error\":\"unexpected EOF\"}\n\n" DONE },
	  "finish=error\nerror=_OTHER\nsays=unexpected EOF\nterminal\n", NULL },
	{ "an error that is none", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\",\"error\":{}}],\"error\":\"\"}" },
	  "finish=stop\nterminal\n", ANSWER(TEXT("a"), "stop") },
	{ "a stream asked for, JSON given", { CHAT, NULL,
	  "{\"model\":\"m\",\"stream\":true,\"messages\":[]}", 400, .answer =
	  "{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}" },
	  "error=invalid_request_error\nsays=no\nterminal\n", "[]" },
	{ "Azure's gateway", { CHAT, NULL, HI, 401, .answer = "{\"statusCode\":401,\"message\":\"Access denied\"}" },
	  "error=401\nsays=Access denied\nterminal\n", NULL },
	{ "a string where an error object is expected (xAI)", { CHAT, NULL, HI, 400, .answer =
	  "{\"code\":\"Client specified an invalid argument\",\"error\":\"Bad model\"}" },
	  "error=Client specified an invalid argument\nsays=Bad model\nterminal\n", NULL },
	{ "Mistral's errors", { CHAT, NULL, HI, 422, .answer =
	  "{\"object\":\"error\",\"message\":\"Invalid model\",\"type\":\"invalid_model\",\"param\":null,\"code\":\"1500\"}" },
	  "error=1500\nsays=Invalid model\nterminal\n", NULL },
	{ "FastAPI's validation: the message, not the input", { CHAT, NULL, HI, 422, .answer =
	  "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\",\"type\":\"missing\",\"input\":\"secret\"}]}" },
	  "error=422\nsays=field required\nterminal\n", NULL },
	{ "Google's error in an array", { CHAT, NULL, HI, 429, .answer =
	  "[{\"error\":{\"code\":429,\"message\":\"Quota\",\"status\":\"RESOURCE_EXHAUSTED\"}}]" },
	  "error=RESOURCE_EXHAUSTED\nsays=Quota\nterminal\n", NULL },
	{ "plain text from a proxy", { CHAT, NULL, HI, 503, "text/plain", "  upstream connect error\n" },
	  "error=503\nsays=upstream connect error\n", "[]" },
	{ "a page from a proxy", { CHAT, NULL, HI, 502, "text/html",
	  "<html><head><title>502 Bad Gateway</title></head><body>a long page</body></html>" },
	  "error=502\nsays=502 Bad Gateway\n", "[]" },
	{ "nothing at all from a proxy", { CHAT, NULL, HI, 504, "text/html", "" }, "error=504\n", "[]" },
	{ "200 and a page", { CHAT, NULL, HI, 200, "text/html", "<html></html>" }, "", "[]" },
	{ "transcript of what was spoken, and the sound", { CHAT, NULL, HI, .answer =
	  "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null,\"audio\":{\"id\":\"x\",\"data\":\"AAAA\","
	  "\"transcript\":\"Hello\"}},\"finish_reason\":\"stop\"}]}" },
	  "finish=stop\nterminal\n",
	  ANSWER("{\"type\":\"blob\",\"modality\":\"audio\",\"content\":\"AAAA\"}," TEXT("Hello"), "stop") },
	{ "a last event without its blank line, CRLF, no space, comments", { CHAT, NULL, HI, .answer =
	  ": OPENROUTER PROCESSING\r\n\r\ndata:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},"
	  "\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n" },
	  "finish=stop\nterminal\n", ANSWER(TEXT("a"), "stop") },
	{ "legacy completions", { "/v1/completions", NULL, "{\"model\":\"m\",\"prompt\":[\"one\",\"two\"]}", .answer =
	  "{\"object\":\"text_completion\",\"choices\":[{\"text\":\"a\",\"index\":0,\"finish_reason\":\"stop\"},"
	  "{\"text\":\"b\",\"index\":1,\"finish_reason\":\"length\"}]}" },
	  "finish=stop,length\nterminal\n",
	  "[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[" TEXT("a") "]},"
	  "{\"role\":\"assistant\",\"finish_reason\":\"length\",\"parts\":[" TEXT("b") "]}]" },

	/* Responses */
	{ "pieces, when the end never comes", { RESPONSES, NULL, ASK, .answer =
	  EV("response.created", ",\"response\":{\"id\":\"r1\",\"model\":\"m-1\",\"status\":\"in_progress\",\"usage\":null}")
	  EV("response.output_item.added", ",\"output_index\":0,\"item\":{\"id\":\"rs\",\"type\":\"reasoning\",\"summary\":[]}")
	  EV("response.reasoning_summary_text.delta", ",\"output_index\":0,\"summary_index\":0,\"delta\":\"why\"")
	  EV("response.reasoning_text.delta", ",\"output_index\":0,\"content_index\":0,\"delta\":\"raw\"")
	  EV("response.output_item.added", ",\"output_index\":1,\"item\":{\"type\":\"function_call\",\"call_id\":\"c1\","
	     "\"name\":\"f\",\"arguments\":\"\"}")
	  EV("response.function_call_arguments.delta", ",\"output_index\":1,\"delta\":\"{\\\"a\\\"\"")
	  EV("response.function_call_arguments.delta", ",\"output_index\":1,\"delta\":\":1}\"")
	  EV("response.output_text.delta", ",\"output_index\":2,\"content_index\":0,\"delta\":\"Hel\"")
	  EV("response.refusal.delta", ",\"output_index\":2,\"content_index\":1,\"delta\":\"No\"") },
	  "id=r1\nanswered=m-1\nfinish=error\n",
	  ANSWER("{\"type\":\"reasoning\",\"content\":\"why\"},{\"type\":\"reasoning\",\"content\":\"raw\"},"
		 CALL("c1", "f", "{\"a\":1}") "," TEXT("Hel") ",{\"type\":\"refusal\",\"content\":\"No\"}", "error") },
	{ "the whole text at its end mends what was lost", { RESPONSES, NULL, ASK, .answer =
	  EV("response.output_text.delta", ",\"output_index\":0,\"content_index\":0,\"delta\":\"llo\"")
	  EV("response.output_text.done", ",\"output_index\":0,\"content_index\":0,\"text\":\"Hello\"")
	  EV("response.output_item.done", ",\"output_index\":1,\"item\":{\"type\":\"custom_tool_call\",\"call_id\":\"c\","
	     "\"name\":\"sh\",\"input\":\"ls\"}") },
	  "finish=error\n", ANSWER(TEXT("Hello") "," CALL("c", "sh", "\"ls\""), "error") },
	{ "the end says all once more, and other places do not matter", { RESPONSES, NULL, ASK, .answer =
	  EV("response.output_text.delta", ",\"output_index\":3,\"content_index\":0,\"delta\":\"Hel\"")
	  EV("response.completed", ",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\","
	     "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\"}]}]}")
	  EV("response.output_text.delta", ",\"output_index\":9,\"content_index\":0,\"delta\":\"late\"") },
	  "id=r\nstatus=completed\nfinish=stop\nterminal\n", ANSWER(TEXT("Hello"), "stop") },
	{ "incomplete: length", { RESPONSES, NULL, ASK, .answer =
	  "{\"id\":\"r\",\"object\":\"response\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
	  "\"max_output_tokens\"},\"output\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{\"}]}" },
	  "id=r\nstatus=incomplete\nfinish=length\nterminal\n", ANSWER(CALL("c", "f", "\"{\""), "length") },
	{ "incomplete: content filter", { RESPONSES, NULL, ASK, .answer =
	  EV("response.incomplete", ",\"response\":{\"id\":\"r\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
	     "\"content_filter\"},\"output\":[]}") },
	  "id=r\nstatus=incomplete\nfinish=content_filter\nterminal\n", ANSWER("", "content_filter") },
	{ "cancelled", { RESPONSES, NULL, ASK, .answer =
	  "{\"id\":\"r\",\"object\":\"response\",\"status\":\"cancelled\",\"output\":[]}" },
	  "id=r\nstatus=cancelled\nfinish=error\nterminal\n", NULL },
	{ "in the background: nothing ended yet", { RESPONSES, NULL, ASK, .answer =
	  "{\"id\":\"r\",\"object\":\"response\",\"status\":\"queued\",\"output\":[],\"usage\":null,\"error\":null}" },
	  "id=r\nstatus=queued\nterminal\n", "[]" },
	{ "a flat error event", { RESPONSES, NULL, ASK, .answer =
	  "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"slow\",\"param\":null}\n\n" },
	  "error=rate_limit_exceeded\nsays=slow\n", NULL },
	{ "failed, and says why", { RESPONSES, NULL, ASK, .answer =
	  EV("response.failed", ",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\","
	     "\"message\":\"oops\"},\"output\":[]}") },
	  "id=r\nstatus=failed\nfinish=error\nerror=server_error\nsays=oops\nterminal\n", ANSWER("", "error") },
	{ "the conversation is a real one; image, MCP, search, code, compaction", { RESPONSES, NULL, ASK, .answer =
	  "{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"conversation\":{\"id\":\"conv_1\"},\"output\":["
	  "{\"type\":\"web_search_call\",\"id\":\"ws\",\"status\":\"completed\",\"action\":{\"type\":\"search\",\"query\":\"q\"}},"
	  "{\"type\":\"mcp_call\",\"id\":\"mcp\",\"server_label\":\"dw\",\"name\":\"roll\",\"arguments\":\"{}\",\"output\":\"4\",\"error\":null},"
	  "{\"type\":\"image_generation_call\",\"id\":\"ig\",\"status\":\"completed\",\"result\":\"iVBO\"},"
	  "{\"type\":\"code_interpreter_call\",\"id\":\"ci\",\"code\":\"1+1\",\"outputs\":[{\"type\":\"logs\",\"logs\":\"2\"}]},"
	  "{\"type\":\"local_shell_call\",\"call_id\":\"ls\",\"action\":{\"command\":[\"ls\"]}},"
	  "{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[],\"encrypted_content\":\"opaque\"},"
	  "{\"type\":\"compaction\",\"id\":\"cmp\",\"encrypted_content\":\"opaque\"},"
	  "{\"type\":\"something_new\",\"secret\":\"x\"}]}" },
	  "id=r\nstatus=completed\nfinish=tool_call\ncompacted\nterminal\n",
	  ANSWER("{\"type\":\"server_tool_call\",\"id\":\"ws\",\"name\":\"web_search\",\"server_tool_call\":{\"type\":"
		 "\"web_search_call\",\"status\":\"completed\",\"action\":{\"type\":\"search\",\"query\":\"q\"}}},"
		 "{\"type\":\"server_tool_call\",\"id\":\"mcp\",\"name\":\"roll\",\"server_tool_call\":{\"type\":\"mcp_call\","
		 "\"server_label\":\"dw\",\"arguments\":\"{}\"}},"
		 "{\"type\":\"server_tool_call_response\",\"id\":\"mcp\",\"server_tool_call_response\":{\"type\":\"mcp_call\","
		 "\"output\":\"4\"}},"
		 "{\"type\":\"server_tool_call\",\"id\":\"ig\",\"name\":\"image_generation\",\"server_tool_call\":{\"type\":"
		 "\"image_generation_call\",\"status\":\"completed\"}},"
		 "{\"type\":\"blob\",\"modality\":\"image\",\"content\":\"iVBO\"},"
		 "{\"type\":\"server_tool_call\",\"id\":\"ci\",\"name\":\"code_interpreter\",\"server_tool_call\":{\"type\":"
		 "\"code_interpreter_call\",\"code\":\"1+1\"}},"
		 "{\"type\":\"server_tool_call_response\",\"id\":\"ci\",\"server_tool_call_response\":{\"type\":"
		 "\"code_interpreter_call\",\"outputs\":[{\"type\":\"logs\",\"logs\":\"2\"}]}},"
		 CALL("ls", "local_shell", "{\"command\":[\"ls\"]}") ","
		 "{\"type\":\"reasoning\",\"content\":\"\"},"
		 "{\"type\":\"compaction\",\"id\":\"cmp\"},{\"type\":\"something_new\"}", "tool_call") },

	/* Messages */
	{ "cache counts null or absent", { MESSAGES, NULL, HI, .answer =
	  "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{"
	  "\"input_tokens\":5,\"cache_creation_input_tokens\":null,\"output_tokens\":1}}" },
	  "in=5\nout=1\nfinish=end_turn\nterminal\n", NULL },
	{ "the input is counted late (LiteLLM), the output placeholder goes", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"id\":\"i\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":0,"
	     "\"cache_read_input_tokens\":7,\"output_tokens\":8}}")
	  EV("message_delta", ",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"input_tokens\":20,"
	     "\"cache_read_input_tokens\":null,\"output_tokens\":3}") EV("message_stop", "") },
	  "id=i\nin=27\nout=3\ncache_read=7\nfinish=max_tokens\nterminal\n", ANSWER("", "length") },
	{ "no message_delta: the output was not counted", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"id\":\"i\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":9,"
	     "\"output_tokens\":4}}")
	  EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
	  EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}") },
	  "id=i\nin=9\nfinish=error\n", ANSWER(TEXT("Hi"), "error") },
	{ "tool input: none is {}, deltas replace, a whole one stays", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"role\":\"assistant\",\"content\":[]}")
	  EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}")
	  EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}")
	  EV("content_block_start", ",\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\",\"input\":{}}")
	  EV("content_block_delta", ",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"k\\\":\"}")
	  EV("content_block_delta", ",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}")
	  EV("content_block_start", ",\"index\":4,\"content_block\":{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"h\","
	     "\"input\":{\"z\":1}}")
	  EV("message_delta", ",\"delta\":{\"stop_reason\":\"tool_use\"}") EV("message_stop", "") },
	  "finish=tool_use\nterminal\n",
	  ANSWER(CALL("a", "f", "{}") "," CALL("b", "g", "{\"k\":1}") "," CALL("c", "h", "{\"z\":1}"), "tool_call") },
	{ "server tools, MCP, redacted thinking, compaction; what is opaque stays out", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"role\":\"assistant\",\"content\":[]}")
	  EV("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":"
	     "\"web_search\",\"input\":{}}")
	  EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"query\\\":\\\"q\\\"}\"}")
	  EV("content_block_start", ",\"index\":1,\"content_block\":{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\","
	     "\"content\":[{\"type\":\"web_search_result\",\"url\":\"u\",\"encrypted_content\":\"opaque\"}]}")
	  EV("content_block_start", ",\"index\":2,\"content_block\":{\"type\":\"mcp_tool_use\",\"id\":\"m\",\"name\":\"roll\","
	     "\"server_name\":\"dice\",\"input\":{}}")
	  EV("content_block_start", ",\"index\":3,\"content_block\":{\"type\":\"mcp_tool_result\",\"tool_use_id\":\"m\","
	     "\"is_error\":false,\"content\":[{\"type\":\"text\",\"text\":\"4\"}]}")
	  EV("content_block_start", ",\"index\":4,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"opaque\"}")
	  EV("content_block_start", ",\"index\":5,\"content_block\":{\"type\":\"compaction\",\"content\":\"\"}")
	  EV("content_block_delta", ",\"index\":5,\"delta\":{\"type\":\"compaction_delta\",\"content\":\"So far\"}")
	  EV("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"opaque\"}")
	  EV("ping", "") EV("message_delta", ",\"delta\":{\"stop_reason\":\"pause_turn\"}") EV("message_stop", "") },
	  "finish=pause_turn\ncompacted\nterminal\n",
	  ANSWER("{\"type\":\"server_tool_call\",\"id\":\"s\",\"name\":\"web_search\",\"server_tool_call\":{\"type\":\"web_search\","
		 "\"input\":{\"query\":\"q\"}}},"
		 "{\"type\":\"server_tool_call_response\",\"id\":\"s\",\"server_tool_call_response\":{\"type\":"
		 "\"web_search_tool_result\",\"content\":[{\"type\":\"web_search_result\",\"url\":\"u\"}]}},"
		 "{\"type\":\"server_tool_call\",\"id\":\"m\",\"name\":\"roll\",\"server_tool_call\":{\"type\":\"mcp_tool_use\","
		 "\"server_name\":\"dice\",\"input\":{}}},"
		 "{\"type\":\"server_tool_call_response\",\"id\":\"m\",\"server_tool_call_response\":{\"type\":\"mcp_tool_result\","
		 "\"is_error\":false,\"content\":[{\"type\":\"text\",\"text\":\"4\"}]}},"
		 "{\"type\":\"redacted_thinking\"},{\"type\":\"compaction\",\"content\":\"So far\"}", "pause_turn") },
	{ "another model steps in: its counts are its own", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"id\":\"a\",\"model\":\"big\",\"role\":\"assistant\",\"content\":[],\"usage\":{"
	     "\"input_tokens\":50,\"output_tokens\":1}}")
	  EV("message_start", ",\"message\":{\"id\":\"a\",\"model\":\"small\",\"role\":\"assistant\",\"content\":[],\"usage\":{"
	     "\"input_tokens\":40,\"output_tokens\":1}}")
	  EV("message_delta", ",\"delta\":{\"stop_reason\":\"refusal\"},\"usage\":{\"output_tokens\":2}") EV("message_stop", "") },
	  "id=a\nanswered=small\nin=40\nout=2\nfinish=refusal\nterminal\n", ANSWER("", "content_filter") },
	{ "counts too large to add", { MESSAGES, NULL, HI, .answer =
	  "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":"
	  "9223372036854775807,\"cache_read_input_tokens\":1,\"output_tokens\":1}}" },
	  "out=1\ncache_read=1\nfinish=end_turn\nterminal\n", NULL },
	{ "an error that is no JSON", { MESSAGES, NULL, HI, .answer =
	  EV("message_start", ",\"message\":{\"role\":\"assistant\",\"content\":[]}") "event: error\ndata: gone\n\n" },
	  "finish=error\nerror=_OTHER\n", NULL },

	/* Embeddings */
	{ "numbers tell the dimension", { "/v1/embeddings", NULL, "{\"model\":\"e\",\"input\":\"a\"}", .answer =
	  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.1,0.2,0.3]}],\"model\":\"e-1\","
	  "\"usage\":{\"prompt_tokens\":1,\"total_tokens\":1}}" },
	  "answered=e-1\nin=1\nterminal\n", "[]" },
};

static void quirks(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_call *c = drive_said(&rows[i].said, true);
		char *answer = facts(c, facts_answer), *output = output_messages(c);

		print_message("%s\n", rows[i].name);
		assert_non_null(c);
		assert_string_equal(answer, rows[i].answer);
		if (rows[i].output)
			assert_string_equal(output, rows[i].output);
		assert_null(schema_messages(view_of(output), true));
		assert_null(strstr(output, "opaque"));
		free(answer);
		free(output);
		gen_free(c);
	}
}

/* Without content nothing of it changes. */
static void quirks_without_content(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_call *c = drive_said(&rows[i].said, false);
		char *answer = facts(c, facts_answer);

		assert_string_equal(answer, rows[i].answer);
		free(answer);
		gen_free(c);
	}
}

static const struct {
	const char *name;
	struct said said;
	const char *request;	/* NULL: no call */
} requests[] = {
	{ "all of chat", { "/openai/v1/chat/completions?x=1", NULL,
	  "{\"messages\":[],\"model\":\"m\",\"max_tokens\":5,\"stop\":[\"a\",\"b\\\"\",7],\"n\":2,\"seed\":-3,"
	  "\"frequency_penalty\":0.5,\"presence_penalty\":-1,\"top_k\":4,\"service_tier\":\"flex\",\"stream\":false,"
	  "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"}},\"temperature\":1e0}", .answer = "{}" },
	  "chat openai chat_completions\nmodel=m\nmax_tokens=5\nseed=-3\ntop_k=4\nn=2\ntemperature=1\nfrequency_penalty=0.5\n"
	  "presence_penalty=-1\nstop=[\"a\",\"b\\\"\"]\noutput_type=json\nasked_tier=flex\n" },
	{ "speech, OpenRouter's reasoning", { CHAT, NULL,
	  "{\"messages\":[],\"modalities\":[\"text\",\"audio\"],\"response_format\":{\"type\":\"text\"},"
	  "\"reasoning\":{\"effort\":\"high\"}}", .answer = "{}" },
	  "chat openai chat_completions\nlevel=high\noutput_type=speech\n" },
	{ "all of responses", { "/backend-api/codex/responses", NULL,
	  "{\"model\":\"m\",\"input\":[],\"conversation\":\"conv_7\",\"text\":{\"format\":{\"type\":\"json_object\"}},"
	  "\"service_tier\":\"priority\",\"reasoning\":{\"effort\":\"xhigh\"},\"stream\":true}", .answer = "{}" },
	  "chat openai responses\nmodel=m\nstream\nlevel=xhigh\nconversation=conv_7\noutput_type=json\nasked_tier=priority\n" },
	{ "compaction of responses is a model call", { "/v1/responses/compact", NULL, ASK, .answer = "{}" },
	  "chat openai responses\nmodel=m\n" },
	{ "all of messages, effort before thinking", { "/api/v1/messages?beta=true", "anthropic-version: 2023-06-01\r\n",
	  "{\"model\":\"c\",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\",\"format\":{\"type\":"
	  "\"json_schema\",\"schema\":{}}},\"max_tokens\":10,\"stop_sequences\":[\"X\"],\"metadata\":{\"user_id\":\"u\"},"
	  "\"messages\":[]}", .answer = "{}" },
	  "chat anthropic -\nmodel=c\nmax_tokens=10\nstop=[\"X\"]\nlevel=low\noutput_type=json\n" },
	{ "Vertex: the model is in the path", {
	  "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x%4020250929:streamRawPredict", NULL,
	  "{\"anthropic_version\":\"vertex-2023-10-16\",\"messages\":[],\"max_tokens\":1}", .answer = "{}" },
	  "chat anthropic -\nmodel=claude-x@20250929\nmax_tokens=1\n" },
	{ "Azure: the deployment is the model", { "/openai/deployments/dep/chat/completions?api-version=1", NULL,
	  "{\"model\":\"ignored\",\"messages\":[]}", .answer = "{}" },
	  "chat openai chat_completions\nmodel=dep\n" },
	{ "Mistral's agents", { "/v1/agents/completions", NULL,
	  "{\"agent_id\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", .answer = "{}" },
	  "chat openai chat_completions\n" },
	{ "a path nobody knows, but the shape", { "/serving-endpoints/e/invocations", NULL, HI, .answer =
	  "{\"object\":\"chat.completion\",\"choices\":[]}" }, "chat openai chat_completions\nmodel=m\n" },
	{ "completions: what stands in the middle", { "/v1/fim/completions", NULL,
	  "{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"b\",\"max_tokens\":3}", .answer = "{}" },
	  "text_completion openai -\nmodel=m\nmax_tokens=3\n" },

	{ "counting tokens", { "/v1/messages/count_tokens", "anthropic-version: 2023-06-01\r\n", HI, .answer = "{}" }, NULL },
	{ "counting tokens there", { "/v1/responses/input_tokens", NULL, ASK, .answer = "{}" }, NULL },
	{ "counting tokens on Vertex", {
	  "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict", NULL, HI, .answer = "{}" }, NULL },
	{ "batches", { "/v1/messages/batches", "anthropic-version: 2023-06-01\r\n", "{\"requests\":[]}", .answer = "{}" }, NULL },
	{ "somebody else's messages", { "/v1/threads/t/messages", NULL,
	  "{\"role\":\"user\",\"content\":\"x\"}", .answer = "{}" }, NULL },
	{ "somebody else's responses", { "/forms/3/responses", NULL, "{\"answers\":[]}", .answer = "{}" }, NULL },
	{ "somebody else's embeddings", { "/embeddings", NULL, "{\"texts\":[]}", .answer = "{}" }, NULL },
	{ "anything", { "/graphql", NULL, "{\"query\":\"{a}\"}", .answer = "{}" }, NULL },
};

static void request_facts(void **state)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct gen_call *c = drive_said(&requests[i].said, false);
		char *request = facts(c, facts_request);

		print_message("%s\n", requests[i].name);
		if (requests[i].request) {
			assert_string_equal(request, requests[i].request);
			assert_false(c->not_inference);
		} else {
			assert_true(!c || c->not_inference);
		}
		free(request);
		gen_free(c);
	}
}

#define EMPTY "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

static void only_post_runs_a_model(void **state)
{
	assert_null(drive(VIEW("DELETE /v1/responses/resp_1 HTTP/1.1\r\nHost: a\r\n\r\n"), VIEW(EMPTY), false));
	assert_null(drive(VIEW("GET /v1/responses/resp_1/input_items HTTP/1.1\r\nHost: a\r\n\r\n"), VIEW(EMPTY), false));
	assert_null(drive(VIEW("GET /forms/responses/7 HTTP/1.1\r\nHost: a\r\n\r\n"), VIEW(EMPTY), false));
	assert_null(drive(VIEW("GET /v1/chat/completions HTTP/1.1\r\nHost: a\r\n\r\n"),
			  VIEW("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"), false));
}

static void fetched(const char *request, const char *answer, const char *want)
{
	struct said said = { .answer = answer };
	struct gen_call *c;
	struct buf b;

	said_answer(&said, &b);
	c = drive(view_of(request), buf_view(&b), true);
	buf_reset(&b);
	assert_non_null(c);
	facts_request(c, &b);
	facts_answer(c, &b);
	buf_add_byte(&b, 0);
	assert_string_equal(b.p, want);
	buf_release(&b);
	gen_free(c);
}

/* It has what was said then, and no usage: no model ran. */
static void a_stored_response_is_fetched(void **state)
{
	fetched("GET /v1/responses/resp_1?include%5B%5D=x HTTP/1.1\r\nHost: api.openai.com\r\n\r\n",
		"{\"id\":\"resp_1\",\"object\":\"response\","
		"\"status\":\"completed\",\"model\":\"m-1\",\"output\":[{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
		"\"output_text\",\"text\":\"x\"}]}],\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}",
		"fetch_response openai responses\nid=resp_1\nanswered=m-1\nstatus=completed\nfinish=stop\nterminal\n");
	fetched("GET /v1/responses/resp_2?stream=true&starting_after=41 HTTP/1.1\r\nHost: a\r\n\r\n",
		EV("response.failed", ",\"response\":{\"id\":\"resp_2\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"m\"},"
		   "\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}"),
		"fetch_response openai responses\nstream\ncursor=41\nid=resp_2\nstatus=failed\nfinish=error\nerror=server_error\nsays=m\nterminal\n");
	fetched("GET /v1/responses/resp_3 HTTP/1.1\r\nHost: a\r\n\r\n",
		"{\"id\":\"resp_3\",\"object\":\"response\","
		"\"status\":\"queued\",\"output\":[],\"usage\":null}",
		"fetch_response openai responses\nid=resp_3\nstatus=queued\nterminal\n");
	fetched("GET /v1beta/interactions/v1_1?stream=true&last_event_id=e7 HTTP/1.1\r\nHost: a\r\n\r\n",
		"{\"id\":\"v1_1\",\"object\":\"interaction\",\"status\":\"completed\",\"model\":\"g\",\"usage\":{\"total_input_tokens\":1}}",
		"fetch_response gcp.gen_ai -\nstream\ncursor=e7\nid=v1_1\nanswered=g\nstatus=completed\nfinish=stop\nterminal\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quirks),
		cmocka_unit_test(quirks_without_content),
		cmocka_unit_test(request_facts),
		cmocka_unit_test(only_post_runs_a_model),
		cmocka_unit_test(a_stored_response_is_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
