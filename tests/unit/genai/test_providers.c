// SPDX-License-Identifier: Apache-2.0
/* What the recorded exchanges do not show of the providers that are not OpenAI or Anthropic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "proto/samples.h"
#include "schema.h"

#define GEMINI "/v1beta/models/gemini-x:"
#define CONTENTS "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}"
#define INVOKE(model) "/model/" model "/invoke"
#define TEXT(t) "{\"type\":\"text\",\"content\":\"" t "\"}"
#define ANSWER(parts, finish) "[{\"role\":\"assistant\",\"finish_reason\":\"" finish "\",\"parts\":[" parts "]}]"

static const struct {
	const char *name;
	struct said said;
	const char *facts;	/* of the request, then of the answer */
	const char *input, *output;	/* messages; NULL: not looked at */
} rows[] = {
	/* Google */
	{ "snake case, parts of all kinds, two candidates", { GEMINI "generateContent", NULL,
	  "{\"system_instruction\":{\"parts\":[{\"text\":\"s\"}]},\"generation_config\":{\"top_k\":3.0,\"candidate_count\":2,"
	  "\"response_mime_type\":\"application/json\"},\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":\"audio/wav\",\"data\":\"AAAA\"}},"
	  "{\"fileData\":{\"mimeType\":\"application/pdf\",\"fileUri\":\"gs://b/f\"}}]},{\"role\":\"model\",\"parts\":[{\"text\":\"t\",\"thought\":true},"
	  "{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}}]},{\"role\":\"function\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"r\":2}}}]}]}",
	  .answer = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"},{\"executableCode\":{\"language\":\"PYTHON\",\"code\":\"1\"}},"
	  "{\"codeExecutionResult\":{\"outcome\":\"OUTCOME_OK\",\"output\":\"1\"}}]},\"finishReason\":\"MAX_TOKENS\"},{\"index\":1,\"finishReason\":\"SAFETY\"}],"
	  "\"usageMetadata\":{\"promptTokenCount\":5,\"toolUsePromptTokenCount\":2,\"totalTokenCount\":7}}" },
	  "generate_content gcp.gen_ai -\nmodel=gemini-x\ntop_k=3\nn=2\noutput_type=json\nin=7\nout=0\nfinish=MAX_TOKENS,SAFETY\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[{\"type\":\"blob\",\"modality\":\"audio\",\"mime_type\":\"audio/wav\",\"content\":\"AAAA\"},"
	  "{\"type\":\"uri\",\"modality\":\"document\",\"uri\":\"gs://b/f\"}]},{\"role\":\"assistant\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"t\"},"
	  "{\"type\":\"tool_call\",\"name\":\"f\",\"arguments\":{\"a\":1}}]},{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"response\":{\"r\":2}}]}]",
	  NULL },
	{ "a prompt that was blocked", { GEMINI "generateContent", NULL, CONTENTS,
	  .answer = "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":4,\"totalTokenCount\":4}}" },
	  "generate_content gcp.gen_ai -\nmodel=gemini-x\nin=4\nout=0\nfinish=SAFETY\nterminal\n", NULL, ANSWER("", "content_filter") },
	{ "an array that breaks off with an error", { GEMINI "streamGenerateContent", NULL, CONTENTS, .type = "application/json",
	  .answer = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Ha\"}]}}]}\n,\r\n{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\",\"message\":\"m\"}}\n]" },
	  "generate_content gcp.gen_ai -\nmodel=gemini-x\nstream\nfinish=error\nerror=UNAVAILABLE\nsays=m\n", NULL, ANSWER(TEXT("Ha"), "error") },
	{ "Vertex: an escaped colon", { "/v1/projects/p/locations/l/publishers/google/models/g%3AgenerateContent",
	  NULL, CONTENTS, .answer = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"finishReason\":\"STOP\"}]}" },
	  "generate_content gcp.gen_ai -\nmodel=g\nfinish=STOP\nterminal\n", NULL, ANSWER(TEXT("x"), "stop") },
	{ "Code Assist wraps both", { "/v1internal:generateContent", NULL,
	  "{\"model\":\"g\",\"project\":\"p\",\"request\":{\"session_id\":\"s1\",\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}}",
	  .answer = "{\"response\":{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"finishReason\":\"STOP\"}]},\"traceId\":\"t\"}" },
	  "generate_content gcp.gen_ai -\nmodel=g\nconversation=s1\nfinish=STOP\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", ANSWER(TEXT("x"), "stop") },
	{ "Vertex embeddings by predict", { "/v1/projects/p/locations/l/publishers/google/models/e:predict", NULL,
	  "{\"instances\":[{\"content\":\"a\"},{\"content\":\"b\"}]}", .answer = "{\"predictions\":[{\"embeddings\":{\"values\":[1,2],"
	  "\"statistics\":{\"token_count\":3}}},{\"embeddings\":{\"values\":[1,2],\"statistics\":{\"token_count\":4}}}]}" },
	  "embeddings gcp.gen_ai -\nmodel=e\ndimensions=2\nin=7\nterminal\n", NULL, NULL },

	{ "arguments in pieces", { GEMINI "streamGenerateContent?alt=sse", NULL, CONTENTS, .answer =
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}]}}]}\n\n"
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":\"x\\\"\",\"willContinue\":true}],\"willContinue\":true}}]}}]}\n\n"
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.a\",\"stringValue\":\"y\"},{\"jsonPath\":\"$.b.c[0]\",\"numberValue\":1.5},"
	  "{\"jsonPath\":\"$.b.c[1].d\",\"boolValue\":true},{\"jsonPath\":\"$.b['e']\",\"nullValue\":\"NULL_VALUE\"}],\"willContinue\":true}}]}}]}\n\n"
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}\n\n"
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"g\",\"willContinue\":true}}]}}]}\n\n"
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$.q\",\"numberValue\":1},{\"jsonPath\":\"$[\",\"numberValue\":2},"
	  "{\"jsonPath\":\"$.q.r\",\"numberValue\":3}],\"willContinue\":true}}]},\"finishReason\":\"STOP\"}]}\n\n" },
	  "generate_content gcp.gen_ai -\nmodel=gemini-x\nstream\nfinish=STOP\nterminal\n", NULL,
	  ANSWER("{\"type\":\"tool_call\",\"name\":\"f\",\"arguments\":{\"a\":\"x\\\"y\",\"b\":{\"c\":[1.5,{\"d\":true}],\"e\":null}}},"
		 "{\"type\":\"tool_call\",\"name\":\"g\",\"arguments\":{\"q\":1}}", "tool_call") },
	{ "interactions, whole", { "/v1beta/interactions", NULL, "{\"model\":\"g\",\"input\":[{\"type\":\"user_input\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},"
	  "{\"type\":\"function_call\",\"id\":\"1\",\"name\":\"f\",\"arguments\":{\"a\":1}},{\"type\":\"function_result\",\"call_id\":\"1\",\"name\":\"f\",\"result\":\"r\"}],"
	  "\"previous_interaction_id\":\"v1_0\",\"generation_config\":{\"temperature\":0.5,\"thinking_level\":\"low\"}}", .answer =
	  "{\"id\":\"v1_1\",\"object\":\"interaction\",\"model\":\"g-1\",\"status\":\"completed\",\"steps\":[{\"type\":\"thought\",\"summary\":[{\"type\":\"text\",\"text\":\"h\"}]},"
	  "{\"type\":\"model_output\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}],\"usage\":{\"total_input_tokens\":10,\"total_cached_tokens\":4,"
	  "\"total_output_tokens\":3,\"total_thought_tokens\":2,\"total_tool_use_tokens\":1,\"total_tokens\":16}}" },
	  "generate_content gcp.gen_ai -\nmodel=g\ntemperature=0.5\nlevel=low\nprevious=v1_0\nid=v1_1\nanswered=g-1\nstatus=completed\n"
	  "in=11\nout=5\ncache_read=4\nreasoning=2\nfinish=stop\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]},{\"role\":\"assistant\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"1\",\"name\":\"f\","
	  "\"arguments\":{\"a\":1}}]},{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"1\",\"response\":\"r\"}]}]",
	  ANSWER("{\"type\":\"reasoning\",\"content\":\"h\"}," TEXT("x"), "stop") },
	{ "interactions, streamed", { "/v1beta/interactions", NULL, "{\"model\":\"g\",\"input\":\"hi\",\"stream\":true}", .answer =
	  "event: interaction.created\ndata: {\"event_type\":\"interaction.created\",\"interaction\":{\"id\":\"v1_2\",\"status\":\"in_progress\"}}\n\n"
	  "event: step.start\ndata: {\"event_type\":\"step.start\",\"index\":0,\"step\":{\"type\":\"model_output\"}}\n\n"
	  "event: step.delta\ndata: {\"event_type\":\"step.delta\",\"index\":0,\"delta\":{\"type\":\"text\",\"text\":\"a\"}}\n\n"
	  "event: step.delta\ndata: {\"event_type\":\"step.delta\",\"index\":0,\"delta\":{\"type\":\"text\",\"text\":\"b\"}}\n\n"
	  "event: step.start\ndata: {\"event_type\":\"step.start\",\"index\":1,\"step\":{\"type\":\"function_call\",\"id\":\"c\",\"name\":\"f\",\"arguments\":{}}}\n\n"
	  "event: step.delta\ndata: {\"event_type\":\"step.delta\",\"index\":1,\"delta\":{\"type\":\"arguments_delta\",\"arguments\":\"{\\\"k\\\":\"}}\n\n"
	  "event: step.delta\ndata: {\"event_type\":\"step.delta\",\"index\":1,\"delta\":{\"type\":\"arguments_delta\",\"arguments\":\"1}\"}}\n\n"
	  "event: interaction.completed\ndata: {\"event_type\":\"interaction.completed\",\"interaction\":{\"id\":\"v1_2\",\"status\":\"requires_action\","
	  "\"usage\":{\"total_input_tokens\":1,\"total_output_tokens\":2}}}\n\nevent: done\ndata: [DONE]\n\n" },
	  "generate_content gcp.gen_ai -\nmodel=g\nstream\nid=v1_2\nstatus=requires_action\nin=1\nout=2\nfinish=tool_call\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]",
	  ANSWER(TEXT("ab") ",{\"type\":\"tool_call\",\"id\":\"c\",\"name\":\"f\",\"arguments\":{\"k\":1}}", "tool_call") },
	{ "an agent of Google's, in the background", { "/v1beta/interactions", NULL, "{\"agent\":\"deep-research\",\"input\":[{\"type\":\"text\",\"text\":\"hi\"}],"
	  "\"background\":true}", .answer = "{\"id\":\"v1_3\",\"object\":\"interaction\",\"status\":\"in_progress\"}" },
	  "invoke_agent gcp.gen_ai -\nagent=deep-research\nid=v1_3\nstatus=in_progress\nterminal\n", "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", "[]" },

	/* Bedrock */
	{ "Llama", { INVOKE("meta.llama3-8b%3A1"), NULL, "{\"prompt\":\"p\",\"max_gen_len\":9,\"top_p\":0.5}",
	  .answer = "{\"generation\":\"g\",\"prompt_token_count\":3,\"generation_token_count\":2,\"stop_reason\":\"length\"}" },
	  "text_completion aws.bedrock -\nmodel=meta.llama3-8b:1\nmax_tokens=9\ntop_p=0.5\nin=3\nout=2\nfinish=length\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("p") "]}]", ANSWER(TEXT("g"), "length") },
	{ "Titan", { INVOKE("amazon.titan-text"), NULL,
	  "{\"inputText\":\"p\",\"textGenerationConfig\":{\"maxTokenCount\":5,\"temperature\":0.1,\"stopSequences\":[\"x\"]}}",
	  .answer = "{\"inputTextTokenCount\":4,\"results\":[{\"tokenCount\":2,\"outputText\":\"o\",\"completionReason\":\"FINISH\"}]}" },
	  "text_completion aws.bedrock -\nmodel=amazon.titan-text\nmax_tokens=5\ntemperature=0.1\nstop=[\"x\"]\nin=4\nout=2\nfinish=FINISH\nterminal\n",
	  NULL, ANSWER(TEXT("o"), "stop") },
	{ "Titan's embeddings", { INVOKE("amazon.titan-embed-text-v2"), NULL, "{\"inputText\":\"secret\"}",
	  .answer = "{\"embedding\":[0.1,0.2],\"inputTextTokenCount\":1}" },
	  "embeddings aws.bedrock -\nmodel=amazon.titan-embed-text-v2\ndimensions=2\nin=1\nterminal\n", "", NULL },
	{ "Nova under InvokeModel", { INVOKE("amazon.nova-lite"), NULL,
	  "{\"schemaVersion\":\"messages-v1\",\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"inferenceConfig\":{\"max_new_tokens\":7,\"topK\":2}}",
	  .answer = "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"x\"}]}},\"stopReason\":\"end_turn\","
	  "\"usage\":{\"inputTokens\":2,\"outputTokens\":1,\"cacheReadInputTokenCount\":5}}" },
	  "chat aws.bedrock -\nmodel=amazon.nova-lite\nmax_tokens=7\ntop_k=2\nin=7\nout=1\ncache_read=5\nfinish=end_turn\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", ANSWER(TEXT("x"), "stop") },
	{ "an OpenAI body under InvokeModel", { INVOKE("openai.gpt-oss"), NULL, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
	  .answer = "{\"object\":\"chat.completion\",\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
	  "\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1}}" },
	  "chat aws.bedrock -\nmodel=openai.gpt-oss\nin=2\nout=1\nfinish=stop\nterminal\n", NULL, ANSWER(TEXT("x"), "stop") },

	/* Ollama */
	{ "whole, not streamed", { "/api/chat", NULL, "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"r\",\"tool_name\":\"f\"},"
	  "{\"role\":\"user\",\"content\":\"c\",\"images\":[\"QUJD\"]}],\"stream\":false,\"think\":\"high\",\"format\":\"json\"}", .answer =
	  "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"done\":true,\"done_reason\":\"length\",\"eval_count\":4}" },
	  "chat ollama -\nmodel=m\nlevel=high\noutput_type=json\nanswered=m\nout=4\nfinish=length\nterminal\n",
	  "[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"response\":\"r\"}]},{\"role\":\"user\",\"parts\":[" TEXT("c")
	  ",{\"type\":\"blob\",\"modality\":\"image\",\"content\":\"QUJD\"}]}]", ANSWER(TEXT("x"), "length") },
	{ "a model is loaded", { "/api/generate", NULL, "{\"model\":\"m\"}", .answer =
	  "{\"model\":\"m\",\"created_at\":\"t\",\"response\":\"\",\"done\":true,\"done_reason\":\"load\"}" },
	  "text_completion ollama -\nmodel=m\nstream\nanswered=m\nnot_inference\nterminal\n", NULL, NULL },
	{ "its embeddings", { "/api/embed", NULL, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", .answer =
	  "{\"model\":\"m\",\"embeddings\":[[1,2,3],[4,5,6]],\"total_duration\":1,\"prompt_eval_count\":2}" },
	  "embeddings ollama -\nmodel=m\ndimensions=3\nanswered=m\nin=2\nterminal\n", NULL, NULL },
	{ "no model there", { "/api/chat", NULL, "{\"model\":\"m\",\"messages\":[]}", 404, NULL, "{\"error\":\"model 'm' not found\"}" },
	  "chat ollama -\nmodel=m\nstream\nerror=404\nsays=model 'm' not found\nterminal\n", NULL, NULL },

	/* Cohere */
	{ "version 2, whole", { "/v2/chat", NULL, "{\"model\":\"c\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", .answer =
	  "{\"id\":\"i\",\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\"},"
	  "{\"type\":\"text\",\"text\":\"x\"}]},\"usage\":{\"billed_units\":{\"input_tokens\":2,\"output_tokens\":1},\"tokens\":{\"input_tokens\":70,\"output_tokens\":3},\"cached_tokens\":1}}" },
	  "chat cohere -\nmodel=c\nid=i\nin=2\nout=1\ncache_read=1\nfinish=COMPLETE\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", ANSWER("{\"type\":\"reasoning\",\"content\":\"h\"}," TEXT("x"), "stop") },
	{ "version 1, JSON lines", { "/v1/chat", NULL, "{\"model\":\"c\",\"message\":\"hi\",\"preamble\":\"s\",\"stream\":true}",
	  .type = "application/stream+json", .answer = "{\"event_type\":\"stream-start\",\"generation_id\":\"g\"}\n"
	  "{\"event_type\":\"text-generation\",\"text\":\"x\"}\n{\"event_type\":\"text-generation\",\"text\":\"y\"}\n"
	  "{\"event_type\":\"stream-end\",\"finish_reason\":\"MAX_TOKENS\",\"response\":{\"meta\":{\"billed_units\":{\"input_tokens\":2,\"output_tokens\":2}}}}\n" },
	  "chat cohere -\nmodel=c\nstream\nid=g\nin=2\nout=2\nfinish=MAX_TOKENS\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", ANSWER(TEXT("xy"), "length") },
	{ "its embeddings", { "/v2/embed", NULL, "{\"model\":\"e\",\"texts\":[\"a\"],\"embedding_types\":[\"float\"]}", .answer =
	  "{\"id\":\"i\",\"embeddings\":{\"float\":[[1,2]]},\"meta\":{\"billed_units\":{\"input_tokens\":1}}}" },
	  "embeddings cohere -\nmodel=e\nencoding=[\"float\"]\ndimensions=2\nin=1\nterminal\n", NULL, NULL },
	{ "its errors", { "/v2/chat", NULL, "{\"model\":\"c\",\"messages\":[]}", 401, NULL, "{\"id\":\"i\",\"message\":\"invalid api token\"}" },
	  "chat cohere -\nmodel=c\nerror=401\nsays=invalid api token\nterminal\n", NULL, NULL },

	{ "a knowledge base answers", { "/retrieveAndGenerate", NULL, "{\"input\":{\"text\":\"hi\"},\"retrieveAndGenerateConfiguration\":{"
	  "\"type\":\"KNOWLEDGE_BASE\",\"knowledgeBaseConfiguration\":{\"knowledgeBaseId\":\"kb\",\"modelArn\":\"arn:m\"}}}", .answer =
	  "{\"sessionId\":\"s\",\"output\":{\"text\":\"x\"},\"citations\":[]}" },
	  "chat aws.bedrock -\nmodel=arn:m\nconversation=s\nsource=kb\nfinish=stop\nterminal\n", "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]",
	  ANSWER(TEXT("x"), "stop") },
	{ "an agent that is not there", { "/agents/A/agentAliases/B/sessions/s/text", NULL, "{\"inputText\":\"hi\"}", 404, NULL,
	  "{\"message\":\"no such agent\"}" },
	  "invoke_agent aws.bedrock -\nagent=A\nconversation=s\nerror=404\nsays=no such agent\nterminal\n", NULL, NULL },

	/* OpenAI: pictures, sound, what is stored */
	{ "a picture", { "/v1/images/generations", NULL, "{\"model\":\"gpt-image-2\",\"prompt\":\"a cat\",\"n\":2}", .answer =
	  "{\"created\":1,\"data\":[{\"b64_json\":\"AAAA\"}],\"usage\":{\"input_tokens\":5,\"output_tokens\":40,\"total_tokens\":45,"
	  "\"input_tokens_details\":{\"text_tokens\":5,\"image_tokens\":0}}}" },
	  "generate_content openai -\nmodel=gpt-image-2\nn=2\noutput_type=image\nin=5\nout=40\nin_text=5\nin_image=0\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("a cat") "]}]", "[]" },
	{ "a picture in pieces", { "/v1/images/generations", NULL, "{\"model\":\"gpt-image-2\",\"prompt\":\"p\",\"stream\":true}", .answer =
	  "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}\n\n"
	  "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"AA\",\"usage\":{\"input_tokens\":5,\"output_tokens\":9}}\n\n" },
	  "generate_content openai -\nmodel=gpt-image-2\nstream\noutput_type=image\nin=5\nout=9\nterminal\n", NULL, "[]" },
	{ "speech", { "/v1/audio/speech", NULL, "{\"model\":\"tts\",\"input\":\"hi\",\"voice\":\"v\"}", .type = "audio/mpeg", .answer = "\377\373" },
	  "generate_content openai -\nmodel=tts\noutput_type=speech\nterminal\n", "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", "[]" },
	{ "speech as events", { "/v1/audio/speech", NULL, "{\"model\":\"tts\",\"input\":\"hi\",\"stream_format\":\"sse\"}", .answer =
	  "data: {\"type\":\"speech.audio.delta\",\"audio\":\"AA\"}\n\n"
	  "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":2,\"output_tokens\":8,\"total_tokens\":10}}\n\n" },
	  "generate_content openai -\nmodel=tts\nstream\noutput_type=speech\nin=2\nout=8\nterminal\n", NULL, "[]" },
	{ "a transcript, asked for with a form", { "/v1/audio/transcriptions", "Content-Type: multipart/form-data; boundary=XY\r\n",
	  "--XY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\n\001\r\n\002\r\n--XY\r\n"
	  "Content-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--XY--\r\n", .answer =
	  "{\"text\":\"hello\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"output_tokens\":2}}" },
	  "generate_content openai -\nmodel=whisper-1\noutput_type=text\nin=14\nout=2\nterminal\n", NULL, "[]" },
	{ "half a form", { "/v1/audio/translations", "Content-Type: multipart/form-data; boundary=XY\r\n",
	  "--XY\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhis", .answer = "{}" },
	  "generate_content openai -\noutput_type=text\nterminal\n", NULL, "[]" },

	/* Mistral */
	{ "a conversation with an agent", { "/v1/conversations", NULL, "{\"agent_id\":\"ag_1\",\"inputs\":\"hi\",\"completion_args\":{\"random_seed\":3}}", .answer =
	  "{\"object\":\"conversation.response\",\"conversation_id\":\"conv_1\",\"outputs\":[{\"type\":\"tool.execution\",\"name\":\"web_search\"},"
	  "{\"type\":\"message.output\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6,\"total_tokens\":11}}" },
	  "invoke_agent mistral_ai -\nseed=3\nagent=ag_1\nconversation=conv_1\nin=5\nout=6\nfinish=stop\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("hi") "]}]", ANSWER(TEXT("x"), "stop") },
	{ "a conversation goes on, streamed", { "/v1/conversations/conv_1#stream", NULL, "{\"inputs\":[{\"type\":\"function.result\",\"tool_call_id\":\"a\",\"result\":\"r\"}],"
	  "\"stream\":true}", .answer =
	  "event: conversation.response.started\ndata: {\"type\":\"conversation.response.started\",\"conversation_id\":\"conv_1\"}\n\n"
	  "event: message.output.delta\ndata: {\"type\":\"message.output.delta\",\"content\":\"a\"}\n\n"
	  "event: message.output.delta\ndata: {\"type\":\"message.output.delta\",\"content\":\"b\"}\n\n"
	  "event: function.call.delta\ndata: {\"type\":\"function.call.delta\",\"tool_call_id\":\"t\",\"name\":\"f\",\"arguments\":\"{\\\"k\\\"\"}\n\n"
	  "event: function.call.delta\ndata: {\"type\":\"function.call.delta\",\"tool_call_id\":\"t\",\"name\":\"f\",\"arguments\":\":1}\"}\n\n"
	  "event: conversation.response.done\ndata: {\"type\":\"conversation.response.done\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n" },
	  "chat mistral_ai -\nstream\nconversation=conv_1\nin=1\nout=2\nfinish=tool_call\nterminal\n",
	  "[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"a\",\"response\":\"r\"}]}]",
	  ANSWER(TEXT("ab") ",{\"type\":\"tool_call\",\"id\":\"t\",\"name\":\"f\",\"arguments\":{\"k\":1}}", "tool_call") },

	/* Voyage, Jina */
	{ "Voyage counts in all", { "/v1/embeddings", NULL, "{\"model\":\"v\",\"input\":[\"a\"],\"input_type\":\"query\"}", .answer =
	  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"embedding\":[1,2],\"index\":0}],\"model\":\"v\",\"usage\":{\"total_tokens\":5}}" },
	  "embeddings openai -\nmodel=v\ndimensions=2\nanswered=v\nin=5\nterminal\n", NULL, NULL },
	{ "Voyage, texts and pictures", { "/v1/multimodalembeddings", NULL, "{\"model\":\"v\",\"inputs\":[{\"content\":[]}]}", .answer =
	  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"embedding\":[1,2],\"index\":0}],\"model\":\"v\",\"usage\":{\"total_tokens\":5}}" },
	  "embeddings openai -\nmodel=v\ndimensions=2\nanswered=v\nin=5\nterminal\n", NULL, NULL },

	/* Local servers' own */
	{ "llama.cpp", { "/completion", NULL, "{\"prompt\":\"p\",\"n_predict\":9,\"stream\":true}", .answer =
	  "data: {\"index\":0,\"content\":\"a\",\"stop\":false,\"tokens_predicted\":1,\"tokens_evaluated\":4}\n\n"
	  "data: {\"index\":0,\"content\":\"b\",\"stop\":false,\"tokens_predicted\":2,\"tokens_evaluated\":4}\n\n"
	  "data: {\"index\":0,\"content\":\"\",\"stop\":true,\"stop_type\":\"limit\",\"model\":\"m.gguf\",\"tokens_predicted\":3,\"tokens_evaluated\":4}\n\n" },
	  "text_completion llama_cpp -\nstream\nmax_tokens=9\nanswered=m.gguf\nin=4\nout=3\nfinish=limit\nterminal\n",
	  "[{\"role\":\"user\",\"parts\":[" TEXT("p") "]}]", ANSWER(TEXT("ab"), "length") },
	{ "text-generation-inference, streamed", { "/generate_stream", NULL, "{\"inputs\":\"p\",\"parameters\":{\"max_new_tokens\":9,\"seed\":1}}",
	  .answer = "data:{\"index\":1,\"token\":{\"id\":1,\"text\":\"a\",\"special\":false},\"generated_text\":null,\"details\":null}\n\n"
	  "data:{\"index\":2,\"token\":{\"id\":2,\"text\":\"</s>\",\"special\":true},\"generated_text\":\"a\",\"details\":{\"finish_reason\":\"eos_token\","
	  "\"generated_tokens\":2,\"input_length\":3}}\n\n" },
	  "text_completion hugging_face -\nstream\nmax_tokens=9\nseed=1\nin=3\nout=2\nfinish=eos_token\nterminal\n", NULL, ANSWER(TEXT("a"), "stop") },
	{ "text-generation-inference, too much to do", { "/generate", NULL, "{\"inputs\":\"p\"}", 429, NULL,
	  "{\"error\":\"Model is overloaded\",\"error_type\":\"overloaded\"}" },
	  "text_completion hugging_face -\nerror=overloaded\nsays=Model is overloaded\nterminal\n", NULL, NULL },

	/* What only looks like somebody's until it answers. */
	{ "the shape alone", { "/room/7", NULL, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", .answer = "{\"ok\":true}" },
	  "chat openai chat_completions\nnot_inference\nterminal\n", NULL, NULL },
};

static void each(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gen_call *c = drive_said(&rows[i].said, true);
		char *request = facts(c, facts_request), *answer = facts(c, facts_answer), *output;
		struct buf all;

		print_message("%s\n", rows[i].name);
		assert_non_null(c);
		buf_init(&all, 1 << 20);
		buf_addf(&all, "%s%s", request, answer);
		buf_add_byte(&all, 0);
		assert_string_equal(all.p, rows[i].facts);
		output = output_messages(c);
		if (rows[i].output)
			assert_string_equal(output, rows[i].output);
		assert_null(schema_messages(view_of(output), true));
		if (c->input_messages.n)
			assert_null(schema_messages(buf_view(&c->input_messages), false));
		if (rows[i].input)
			assert_true(view_eq(buf_view(&c->input_messages), view_of(rows[i].input)));
		buf_release(&all);
		free(request);
		free(answer);
		free(output);
		gen_free(c);
	}
}

/* The HTTP status was 200. */
static void an_exception_in_the_stream(void **state)
{
	struct view frames = samples_named("eventstream", 0);
	struct buf resp;
	struct gen_call *c;
	char *answer;

	buf_init(&resp, 4096);
	buf_addf(&resp, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nContent-Length: %zu\r\n\r\n", frames.n);
	buf_add(&resp, frames);
	c = drive(VIEW("POST /model/m/converse-stream HTTP/1.1\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}"), buf_view(&resp), true);
	answer = facts(c, facts_answer);
	assert_string_equal(answer, "error=boomException\nsays=m\n");
	free(answer);
	gen_free(c);
	buf_release(&resp);
}

/* No span: counting, listing, loading, what is none of these APIs. */
static void none(void **state)
{
	static const struct said said[] = {
		{ GEMINI "countTokens", NULL, CONTENTS, .answer = "{\"totalTokens\":3}" },
		{ "/v1/models/imagen:predict", NULL, "{\"instances\":[{\"prompt\":\"p\"}]}", .answer = "{}" },
		{ "/model/m/count-tokens", NULL, "{}", .answer = "{}" },
		{ "/api/show", NULL, "{\"model\":\"m\"}", .answer = "{}" },
		{ "/api/pull", NULL, "{\"model\":\"m\"}", .answer = "{}" },
		{ "/v1/chat", NULL, "{\"text\":\"hi\"}", .answer = "{}" },
		{ "/api/embed", NULL, "{\"html\":\"hi\"}", .answer = "{}" },
		{ "/v1/moderations", NULL, "{\"model\":\"m\",\"input\":\"hi\"}", .answer = "{\"results\":[]}" },
		{ "/v1/images/generations", NULL, "{\"name\":\"hi\"}", .answer = "{}" },
		{ "/agents/A/agentAliases/B/memories", NULL, "{}", .answer = "{}" },
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		print_message("%s\n", said[i].target);
		assert_null(drive_said(&said[i], true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each),
		cmocka_unit_test(an_exception_in_the_stream),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
