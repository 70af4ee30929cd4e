/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRS_H
#define ATTRS_H

#include <stdbool.h>

enum value_type { VALUE_STR, VALUE_INT, VALUE_DOUBLE, VALUE_BOOL, VALUE_STR_ARRAY };

/*
 * Every attribute name we write, once.  A renaming upstream is one edited row.
 * docs/attributes.md is made from this table (scripts/gen-attributes).
 *
 * X(identifier, name, type, content, description)
 * type: of enum value_type, without VALUE_
 * content: 1 for what people said or did to the machine, written only with --content full
 * description: for onlooker.* only, the conventions describe the others
 */
#define ATTRS(X) \
	/* semantic-conventions-genai, commit 1d85c963 with the later renamings */ \
	X(GEN_AI_OPERATION_NAME, "gen_ai.operation.name", STR, 0, "") \
	X(GEN_AI_PROVIDER_NAME, "gen_ai.provider.name", STR, 0, "") \
	X(GEN_AI_REQUEST_MODEL, "gen_ai.request.model", STR, 0, "") \
	X(GEN_AI_REQUEST_STREAM, "gen_ai.request.stream", BOOL, 0, "") \
	X(GEN_AI_REQUEST_MAX_TOKENS, "gen_ai.request.max_tokens", INT, 0, "") \
	X(GEN_AI_REQUEST_TEMPERATURE, "gen_ai.request.temperature", DOUBLE, 0, "") \
	X(GEN_AI_REQUEST_TOP_P, "gen_ai.request.top_p", DOUBLE, 0, "") \
	X(GEN_AI_REQUEST_TOP_K, "gen_ai.request.top_k", INT, 0, "") \
	X(GEN_AI_REQUEST_FREQUENCY_PENALTY, "gen_ai.request.frequency_penalty", DOUBLE, 0, "") \
	X(GEN_AI_REQUEST_PRESENCE_PENALTY, "gen_ai.request.presence_penalty", DOUBLE, 0, "") \
	X(GEN_AI_REQUEST_SEED, "gen_ai.request.seed", INT, 0, "") \
	X(GEN_AI_REQUEST_CHOICE_COUNT, "gen_ai.request.choice.count", INT, 0, "") \
	X(GEN_AI_REQUEST_STOP_SEQUENCES, "gen_ai.request.stop_sequences", STR_ARRAY, 0, "") \
	X(GEN_AI_REQUEST_ENCODING_FORMATS, "gen_ai.request.encoding_formats", STR_ARRAY, 0, "") \
	X(GEN_AI_REQUEST_REASONING_LEVEL, "gen_ai.request.reasoning.level", STR, 0, "") \
	X(GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID, "gen_ai.request.previous_response.id", STR, 0, "") \
	X(GEN_AI_REQUEST_STREAM_CURSOR, "gen_ai.request.stream_cursor", STR, 0, "") \
	X(GEN_AI_AGENT_ID, "gen_ai.agent.id", STR, 0, "") \
	X(GEN_AI_CONVERSATION_ID, "gen_ai.conversation.id", STR, 0, "") \
	X(GEN_AI_CONVERSATION_COMPACTED, "gen_ai.conversation.compacted", BOOL, 0, "") \
	X(GEN_AI_OUTPUT_TYPE, "gen_ai.output.type", STR, 0, "") \
	X(GEN_AI_RESPONSE_ID, "gen_ai.response.id", STR, 0, "") \
	X(GEN_AI_RESPONSE_STATUS, "gen_ai.response.status", STR, 0, "") \
	X(GEN_AI_RESPONSE_MODEL, "gen_ai.response.model", STR, 0, "") \
	X(GEN_AI_RESPONSE_FINISH_REASONS, "gen_ai.response.finish_reasons", STR_ARRAY, 0, "") \
	X(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, "gen_ai.response.time_to_first_chunk", DOUBLE, 0, "") \
	X(GEN_AI_USAGE_INPUT_TOKENS, "gen_ai.usage.input_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_OUTPUT_TOKENS, "gen_ai.usage.output_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, "gen_ai.usage.cache_read.input_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, "gen_ai.usage.cache_write.input_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, "gen_ai.usage.reasoning.output_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_TEXT_INPUT_TOKENS, "gen_ai.usage.text.input_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_IMAGE_INPUT_TOKENS, "gen_ai.usage.image.input_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_AUDIO_INPUT_TOKENS, "gen_ai.usage.audio.input_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_TEXT_OUTPUT_TOKENS, "gen_ai.usage.text.output_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_IMAGE_OUTPUT_TOKENS, "gen_ai.usage.image.output_tokens", INT, 0, "") \
	X(GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS, "gen_ai.usage.audio.output_tokens", INT, 0, "") \
	X(GEN_AI_EMBEDDINGS_DIMENSION_COUNT, "gen_ai.embeddings.dimension.count", INT, 0, "") \
	X(GEN_AI_TOKEN_TYPE, "gen_ai.token.type", STR, 0, "") \
	X(GEN_AI_SYSTEM_INSTRUCTIONS, "gen_ai.system_instructions", STR, 1, "") \
	X(GEN_AI_INPUT_MESSAGES, "gen_ai.input.messages", STR, 1, "") \
	X(GEN_AI_OUTPUT_MESSAGES, "gen_ai.output.messages", STR, 1, "") \
	X(GEN_AI_TOOL_DEFINITIONS, "gen_ai.tool.definitions", STR, 1, "") \
	X(GEN_AI_DATA_SOURCE_ID, "gen_ai.data_source.id", STR, 0, "") \
	X(GEN_AI_RETRIEVAL_TOP_K, "gen_ai.retrieval.top_k", INT, 0, "") \
	X(GEN_AI_RETRIEVAL_QUERY_TEXT, "gen_ai.retrieval.query.text", STR, 1, "") \
	X(GEN_AI_RETRIEVAL_DOCUMENTS, "gen_ai.retrieval.documents", STR, 1, "") \
	X(AWS_BEDROCK_KNOWLEDGE_BASE_ID, "aws.bedrock.knowledge_base.id", STR, 0, "") \
	X(AWS_BEDROCK_GUARDRAIL_ID, "aws.bedrock.guardrail.id", STR, 0, "") \
	X(GEN_AI_AGENT_NAME, "gen_ai.agent.name", STR, 0, "") \
	X(GEN_AI_AGENT_VERSION, "gen_ai.agent.version", STR, 0, "") \
	X(GEN_AI_AGENT_DESCRIPTION, "gen_ai.agent.description", STR, 0, "") \
	X(GEN_AI_TOOL_NAME, "gen_ai.tool.name", STR, 0, "") \
	X(GEN_AI_TOOL_CALL_ID, "gen_ai.tool.call.id", STR, 0, "") \
	X(GEN_AI_TOOL_TYPE, "gen_ai.tool.type", STR, 0, "") \
	X(GEN_AI_TOOL_CALL_ARGUMENTS, "gen_ai.tool.call.arguments", STR, 1, "") \
	X(GEN_AI_TOOL_CALL_RESULT, "gen_ai.tool.call.result", STR, 1, "") \
	X(GEN_AI_PROMPT_NAME, "gen_ai.prompt.name", STR, 0, "") \
	X(MCP_METHOD_NAME, "mcp.method.name", STR, 0, "") \
	X(MCP_SESSION_ID, "mcp.session.id", STR, 0, "") \
	X(MCP_PROTOCOL_VERSION, "mcp.protocol.version", STR, 0, "") \
	X(MCP_RESOURCE_URI, "mcp.resource.uri", STR, 0, "") \
	X(JSONRPC_REQUEST_ID, "jsonrpc.request.id", STR, 0, "") \
	X(RPC_RESPONSE_STATUS_CODE, "rpc.response.status_code", STR, 0, "") \
	X(OPENAI_API_TYPE, "openai.api.type", STR, 0, "") \
	X(OPENAI_REQUEST_SERVICE_TIER, "openai.request.service_tier", STR, 0, "") \
	X(OPENAI_RESPONSE_SERVICE_TIER, "openai.response.service_tier", STR, 0, "") \
	X(OPENAI_RESPONSE_SYSTEM_FINGERPRINT, "openai.response.system_fingerprint", STR, 0, "") \
	/* semantic-conventions v1.44.0 */ \
	X(ERROR_TYPE, "error.type", STR, 0, "") \
	X(SERVER_ADDRESS, "server.address", STR, 0, "") \
	X(SERVER_PORT, "server.port", INT, 0, "") \
	X(CLIENT_ADDRESS, "client.address", STR, 0, "") \
	X(CLIENT_PORT, "client.port", INT, 0, "") \
	X(NETWORK_PROTOCOL_NAME, "network.protocol.name", STR, 0, "") \
	X(NETWORK_PEER_ADDRESS, "network.peer.address", STR, 0, "") \
	X(NETWORK_PEER_PORT, "network.peer.port", INT, 0, "") \
	X(NETWORK_PROTOCOL_VERSION, "network.protocol.version", STR, 0, "") \
	X(NETWORK_TRANSPORT, "network.transport", STR, 0, "") \
	X(HTTP_REQUEST_RESEND_COUNT, "http.request.resend_count", INT, 0, "") \
	X(HTTP_RESPONSE_STATUS_CODE, "http.response.status_code", INT, 0, "") \
	X(USER_AGENT_ORIGINAL, "user_agent.original", STR, 0, "") \
	X(SERVICE_NAME, "service.name", STR, 0, "") \
	X(OTEL_METRIC_OVERFLOW, "otel.metric.overflow", BOOL, 0, "") \
	X(SERVICE_INSTANCE_ID, "service.instance.id", STR, 0, "") \
	X(TELEMETRY_DISTRO_NAME, "telemetry.distro.name", STR, 0, "") \
	X(TELEMETRY_DISTRO_VERSION, "telemetry.distro.version", STR, 0, "") \
	X(HOST_NAME, "host.name", STR, 0, "") \
	X(HOST_ID, "host.id", STR, 0, "") \
	X(HOST_ARCH, "host.arch", STR, 0, "") \
	X(OS_TYPE, "os.type", STR, 0, "") \
	X(CONTAINER_ID, "container.id", STR, 0, "") \
	X(PROCESS_PID, "process.pid", INT, 0, "") \
	X(PROCESS_VPID, "process.vpid", INT, 0, "") \
	X(PROCESS_PARENT_PID, "process.parent_pid", INT, 0, "") \
	X(PROCESS_CREATION_TIME, "process.creation.time", STR, 0, "") \
	X(PROCESS_EXECUTABLE_NAME, "process.executable.name", STR, 0, "") \
	X(PROCESS_EXECUTABLE_PATH, "process.executable.path", STR, 0, "") \
	X(PROCESS_COMMAND, "process.command", STR, 1, "") \
	X(PROCESS_COMMAND_ARGS, "process.command_args", STR_ARRAY, 1, "") \
	X(PROCESS_ARGS_COUNT, "process.args_count", INT, 0, "") \
	X(PROCESS_WORKING_DIRECTORY, "process.working_directory", STR, 1, "") \
	X(PROCESS_OWNER, "process.owner", STR, 0, "") \
	X(PROCESS_USER_ID, "process.user.id", INT, 0, "") \
	X(PROCESS_EXIT_CODE, "process.exit.code", INT, 0, "") \
	/* our own */ \
	X(ONLOOKER_COST_USD, "onlooker.cost.usd", DOUBLE, 0, \
	  "What the call cost, in US dollars: what the provider says, else its tokens at list prices. Absent when the list " \
	  "has no price for the model, the tier or a kind of token: never a guess.") \
	X(ONLOOKER_COST_BASIS, "onlooker.cost.basis", STR, 0, \
	  "`provider`: the response said it; `list_price`: estimated from the price list (see docs/cost.md).") \
	X(ONLOOKER_COST_LIST_DATE, "onlooker.cost.list_date", STR, 0, \
	  "Date of the price list, with the basis `list_price`.") \
	X(ONLOOKER_A2A_METHOD, "onlooker.a2a.method", STR, 0, \
	  "Operation of the Agent2Agent protocol, by its name in 1.0 whatever version and binding were spoken (`SendMessage`, `GetTask`).") \
	X(ONLOOKER_A2A_PROTOCOL_VERSION, "onlooker.a2a.protocol.version", STR, 0, \
	  "`A2A-Version` as the client sent it; before 1.0 clients send none.") \
	X(ONLOOKER_A2A_TASK_ID, "onlooker.a2a.task.id", STR, 0, \
	  "Id of the task, the same on the call that began it and on those that ask after it; absent when the agent just answered.") \
	X(ONLOOKER_A2A_TASK_STATE, "onlooker.a2a.task.state", STR, 0, \
	  "The last state that was told: `submitted`, `working`, `completed`, `failed`, `canceled`, `rejected`, `input_required`, " \
	  "`auth_required` or `unknown`.") \
	X(ONLOOKER_STATE, "onlooker.state", STR, 0, \
	  "On metrics of onlooker's own books: what became of what was counted.") \
	X(ONLOOKER_CAPTURE_COMPLETE, "onlooker.capture.complete", BOOL, 0, \
	  "false when bytes of this exchange were lost, cut, or not seen because the stream was joined in the middle; absent otherwise") \
	X(ONLOOKER_CAPTURE_LOST_BYTES, "onlooker.capture.lost_bytes", INT, 0, \
	  "plaintext bytes of the stream that were lost while this exchange was open") \
	X(ONLOOKER_CAPTURE_CUT_BYTES, "onlooker.capture.cut_bytes", INT, 0, \
	  "decoded body bytes that passed but were not kept, because the body was larger than is held") \
	X(ONLOOKER_CAPTURE_JOINED, "onlooker.capture.joined", BOOL, 0, \
	  "true when the stream was in use before onlooker looked") \
	X(ONLOOKER_CAPTURE_SOURCE, "onlooker.capture.source", STR, 0, \
	  "where the plaintext was seen: the TLS library's name, socket, or pipe (pipes and unix sockets)") \
	X(ONLOOKER_CAPTURE_ERROR, "onlooker.capture.error", STR, 0, \
	  "why a body could not be read: a broken or unknown content coding, a decompression bomb, framing that makes no sense") \
	X(ONLOOKER_EXCHANGE_END, "onlooker.exchange.end", STR, 0, \
	  "how the exchange ended when not in good order: cut (the connection or the process ended first), lost (bytes are missing), unfinished (the answer lacks the provider's own end mark)") \
	X(ONLOOKER_LINK_BASIS, "onlooker.link.basis", STR, 0, \
	  "What an inferred parent or link rests on: `jsonrpc_id` and `a2a_message_id` (both ends of one call), `a2a_task_id` (calls " \
	  "about one task), `tool_call_id` and `message_prefix` (a tool call and the request with its result), `argv_match` and " \
	  "`process_lineage` (a tool call and the process it started), `agent_id` (a sub-agent); docs/tracing.md.") \
	X(ONLOOKER_LINK_CONFIDENCE, "onlooker.link.confidence", DOUBLE, 0, \
	  "how sure an inferred parent or link is, up to 1; see docs/tracing.md") \
	X(ONLOOKER_LINK_CANDIDATES, "onlooker.link.candidates", INT, 0, \
	  "on a process: tool calls that were open when it started and of which any may have started it; none is asserted") \
	X(ONLOOKER_AGENT_VERSION, "onlooker.agent.version", STR, 0, \
	  "The version that the agent says it has. Self-reported.") \
	X(ONLOOKER_CONVERSATION_CHAIN, "onlooker.conversation.chain", INT, 0, \
	  "number of the call's conversation among those of this run: a request that begins with the messages of an earlier one, or names its answer, goes on with it; not an identifier of the agent's") \
	X(ONLOOKER_RUN_TURNS, "onlooker.run.turns", INT, 0, \
	  "on a run's root: model calls that bring no result of a tool call, so that somebody else began them") \
	X(ONLOOKER_RUN_CONVERSATIONS, "onlooker.run.conversations", INT, 0, \
	  "on a run's root: conversations told apart") \
	X(ONLOOKER_RUN_CALLS, "onlooker.run.model_calls", INT, 0, \
	  "on a run's root: model calls") \
	X(ONLOOKER_RUN_CALLS_FAILED, "onlooker.run.model_calls_failed", INT, 0, \
	  "on a run's root: of them failed") \
	X(ONLOOKER_RUN_TOOLS, "onlooker.run.tools", INT, 0, \
	  "on a run's root: tool calls that were run, as their results show") \
	X(ONLOOKER_RUN_TOOLS_FAILED, "onlooker.run.tools_failed", INT, 0, \
	  "on a run's root: of them failed, as the agent says to the model") \
	X(ONLOOKER_RUN_TOOLS_UNANSWERED, "onlooker.run.tools_unanswered", INT, 0, \
	  "on a run's root: tool calls that were asked for and whose result no request brought") \
	X(ONLOOKER_RUN_PROCESSES, "onlooker.run.processes", INT, 0, \
	  "on a run's root: processes, the command's own among them") \
	X(ONLOOKER_RUN_COST_USD, "onlooker.run.cost.usd", DOUBLE, 0, \
	  "on a run's root: sum of onlooker.cost.usd; absent when a call has none") \
	X(ONLOOKER_RUN_LOST_BYTES, "onlooker.run.lost_bytes", INT, 0, \
	  "on a run's root: sum of onlooker.capture.lost_bytes") \
	X(ONLOOKER_PEER_BASIS, "onlooker.peer.basis", STR, 0, \
	  "how the peer of a TLS stream was found: socket_call, set_fd, tls_object, same_thread, or record_lengths") \
	X(ONLOOKER_COVERAGE_REDUCED_BY, "onlooker.coverage.reduced_by", STR, 0, \
	  "of log records with the event name onlooker.coverage: unread_tls, partly_unread_tls, io_uring, ktls or quic") \
	X(ONLOOKER_SERVER_ADDRESS_BASIS, "onlooker.server.address.basis", STR, 0, \
	  "where server.address comes from: sni (the TLS ClientHello), host (the Host header, :authority or an absolute target), dns (an answer that the process received for the peer's address), address (the peer's address itself)") \
	X(ONLOOKER_PROCESS_REDUCED_COVERAGE, "onlooker.process.reduced_coverage", STR_ARRAY, 0, \
	  "ways of this process past what is observed: io_uring, ktls (kernel TLS), quic; absent when none was seen") \
	X(ONLOOKER_MCP_SERVER_NAME, "onlooker.mcp.server.name", STR, 0, \
	  "What the MCP server calls itself (`serverInfo.name`). Self-reported.") \
	X(ONLOOKER_MCP_SERVER_VERSION, "onlooker.mcp.server.version", STR, 0, \
	  "The version that the MCP server says it has. Self-reported.") \
	X(ONLOOKER_MCP_INPUT_REQUIRED, "onlooker.mcp.input_required", BOOL, 0, \
	  "The MCP server's answer asks for something first (`resultType: input_required`); the call comes again, with it.") \
	X(ONLOOKER_PROCESS_SIGNAL, "onlooker.process.signal", INT, 0, \
	  "signal number that ended the process") \
	X(ONLOOKER_PROCESS_UNFINISHED, "onlooker.process.unfinished", BOOL, 0, \
	  "true when the process was still running when observation ended; the span's end is that moment") \
	X(ONLOOKER_PROCESS_UNSEEN_TLS, "onlooker.process.unseen_tls_connections", INT, 0, \
	  "TLS connections of this process when none of its TLS could be read; absent otherwise")

enum attr_id {
#define X(id, name, type, content, text) ATTR_##id,
	ATTRS(X)
#undef X
	ATTR_CNT
};

struct attr_def {
	const char *name;
	enum value_type type;
	bool content;
	const char *text;
};

extern const struct attr_def attr_defs[ATTR_CNT];

#endif /* ATTRS_H */
