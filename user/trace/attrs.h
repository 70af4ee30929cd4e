/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRS_H
#define ATTRS_H

#include <stdbool.h>

/*
 * Every attribute name we write, once.  A renaming upstream is one edited row.
 * docs/attributes.md is made from this table (scripts/gen-attributes).
 *
 * X(identifier, name, content, description)
 * content: 1 for what people said or did to the machine, written only with --content full
 * description: for onlooker.* only, the conventions describe the others
 */
#define ATTRS(X) \
	/* semantic-conventions-genai, commit 1d85c963 with the later renamings */ \
	X(GEN_AI_OPERATION_NAME, "gen_ai.operation.name", 0, "") \
	X(GEN_AI_PROVIDER_NAME, "gen_ai.provider.name", 0, "") \
	X(GEN_AI_REQUEST_MODEL, "gen_ai.request.model", 0, "") \
	X(GEN_AI_REQUEST_STREAM, "gen_ai.request.stream", 0, "") \
	X(GEN_AI_REQUEST_MAX_TOKENS, "gen_ai.request.max_tokens", 0, "") \
	X(GEN_AI_REQUEST_TEMPERATURE, "gen_ai.request.temperature", 0, "") \
	X(GEN_AI_REQUEST_TOP_P, "gen_ai.request.top_p", 0, "") \
	X(GEN_AI_REQUEST_TOP_K, "gen_ai.request.top_k", 0, "") \
	X(GEN_AI_REQUEST_FREQUENCY_PENALTY, "gen_ai.request.frequency_penalty", 0, "") \
	X(GEN_AI_REQUEST_PRESENCE_PENALTY, "gen_ai.request.presence_penalty", 0, "") \
	X(GEN_AI_REQUEST_SEED, "gen_ai.request.seed", 0, "") \
	X(GEN_AI_REQUEST_CHOICE_COUNT, "gen_ai.request.choice.count", 0, "") \
	X(GEN_AI_REQUEST_STOP_SEQUENCES, "gen_ai.request.stop_sequences", 0, "") \
	X(GEN_AI_REQUEST_ENCODING_FORMATS, "gen_ai.request.encoding_formats", 0, "") \
	X(GEN_AI_REQUEST_REASONING_LEVEL, "gen_ai.request.reasoning.level", 0, "") \
	X(GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID, "gen_ai.request.previous_response.id", 0, "") \
	X(GEN_AI_CONVERSATION_ID, "gen_ai.conversation.id", 0, "") \
	X(GEN_AI_CONVERSATION_COMPACTED, "gen_ai.conversation.compacted", 0, "") \
	X(GEN_AI_OUTPUT_TYPE, "gen_ai.output.type", 0, "") \
	X(GEN_AI_RESPONSE_ID, "gen_ai.response.id", 0, "") \
	X(GEN_AI_RESPONSE_MODEL, "gen_ai.response.model", 0, "") \
	X(GEN_AI_RESPONSE_FINISH_REASONS, "gen_ai.response.finish_reasons", 0, "") \
	X(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, "gen_ai.response.time_to_first_chunk", 0, "") \
	X(GEN_AI_USAGE_INPUT_TOKENS, "gen_ai.usage.input_tokens", 0, "") \
	X(GEN_AI_USAGE_OUTPUT_TOKENS, "gen_ai.usage.output_tokens", 0, "") \
	X(GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, "gen_ai.usage.cache_read.input_tokens", 0, "") \
	X(GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, "gen_ai.usage.cache_write.input_tokens", 0, "") \
	X(GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, "gen_ai.usage.reasoning.output_tokens", 0, "") \
	X(GEN_AI_USAGE_TEXT_INPUT_TOKENS, "gen_ai.usage.text.input_tokens", 0, "") \
	X(GEN_AI_USAGE_IMAGE_INPUT_TOKENS, "gen_ai.usage.image.input_tokens", 0, "") \
	X(GEN_AI_USAGE_AUDIO_INPUT_TOKENS, "gen_ai.usage.audio.input_tokens", 0, "") \
	X(GEN_AI_USAGE_TEXT_OUTPUT_TOKENS, "gen_ai.usage.text.output_tokens", 0, "") \
	X(GEN_AI_USAGE_IMAGE_OUTPUT_TOKENS, "gen_ai.usage.image.output_tokens", 0, "") \
	X(GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS, "gen_ai.usage.audio.output_tokens", 0, "") \
	X(GEN_AI_EMBEDDINGS_DIMENSION_COUNT, "gen_ai.embeddings.dimension.count", 0, "") \
	X(GEN_AI_SYSTEM_INSTRUCTIONS, "gen_ai.system_instructions", 1, "") \
	X(GEN_AI_INPUT_MESSAGES, "gen_ai.input.messages", 1, "") \
	X(GEN_AI_OUTPUT_MESSAGES, "gen_ai.output.messages", 1, "") \
	X(GEN_AI_TOOL_DEFINITIONS, "gen_ai.tool.definitions", 1, "") \
	X(OPENAI_API_TYPE, "openai.api.type", 0, "") \
	X(OPENAI_REQUEST_SERVICE_TIER, "openai.request.service_tier", 0, "") \
	X(OPENAI_RESPONSE_SERVICE_TIER, "openai.response.service_tier", 0, "") \
	X(OPENAI_RESPONSE_SYSTEM_FINGERPRINT, "openai.response.system_fingerprint", 0, "") \
	/* semantic-conventions v1.44.0 */ \
	X(ERROR_TYPE, "error.type", 0, "") \
	X(SERVER_ADDRESS, "server.address", 0, "") \
	X(SERVER_PORT, "server.port", 0, "") \
	X(NETWORK_PEER_ADDRESS, "network.peer.address", 0, "") \
	X(NETWORK_PEER_PORT, "network.peer.port", 0, "") \
	X(NETWORK_PROTOCOL_VERSION, "network.protocol.version", 0, "") \
	X(NETWORK_TRANSPORT, "network.transport", 0, "") \
	X(HTTP_REQUEST_RESEND_COUNT, "http.request.resend_count", 0, "") \
	X(HTTP_RESPONSE_STATUS_CODE, "http.response.status_code", 0, "") \
	X(USER_AGENT_ORIGINAL, "user_agent.original", 0, "") \
	X(SERVICE_NAME, "service.name", 0, "") \
	X(SERVICE_INSTANCE_ID, "service.instance.id", 0, "") \
	X(TELEMETRY_DISTRO_NAME, "telemetry.distro.name", 0, "") \
	X(TELEMETRY_DISTRO_VERSION, "telemetry.distro.version", 0, "") \
	X(HOST_NAME, "host.name", 0, "") \
	X(HOST_ID, "host.id", 0, "") \
	X(HOST_ARCH, "host.arch", 0, "") \
	X(OS_TYPE, "os.type", 0, "") \
	X(CONTAINER_ID, "container.id", 0, "") \
	X(PROCESS_PID, "process.pid", 0, "") \
	X(PROCESS_VPID, "process.vpid", 0, "") \
	X(PROCESS_PARENT_PID, "process.parent_pid", 0, "") \
	X(PROCESS_CREATION_TIME, "process.creation.time", 0, "") \
	X(PROCESS_EXECUTABLE_NAME, "process.executable.name", 0, "") \
	X(PROCESS_EXECUTABLE_PATH, "process.executable.path", 0, "") \
	X(PROCESS_COMMAND, "process.command", 1, "") \
	X(PROCESS_COMMAND_ARGS, "process.command_args", 1, "") \
	X(PROCESS_ARGS_COUNT, "process.args_count", 0, "") \
	X(PROCESS_WORKING_DIRECTORY, "process.working_directory", 1, "") \
	X(PROCESS_OWNER, "process.owner", 0, "") \
	X(PROCESS_USER_ID, "process.user.id", 0, "") \
	X(PROCESS_EXIT_CODE, "process.exit.code", 0, "") \
	/* our own */ \
	X(ONLOOKER_CAPTURE_COMPLETE, "onlooker.capture.complete", 0, \
	  "false when bytes of this exchange were lost, cut, or not seen because the stream was joined in the middle; absent otherwise") \
	X(ONLOOKER_CAPTURE_LOST_BYTES, "onlooker.capture.lost_bytes", 0, \
	  "plaintext bytes of the stream that were lost while this exchange was open") \
	X(ONLOOKER_CAPTURE_CUT_BYTES, "onlooker.capture.cut_bytes", 0, \
	  "decoded body bytes that passed but were not kept, because the body was larger than is held") \
	X(ONLOOKER_CAPTURE_JOINED, "onlooker.capture.joined", 0, \
	  "true when the stream was in use before onlooker looked") \
	X(ONLOOKER_CAPTURE_SOURCE, "onlooker.capture.source", 0, \
	  "where the plaintext was seen: the TLS library's name, or socket") \
	X(ONLOOKER_CAPTURE_ERROR, "onlooker.capture.error", 0, \
	  "why a body could not be read: a broken or unknown content coding, a decompression bomb, framing that makes no sense") \
	X(ONLOOKER_EXCHANGE_END, "onlooker.exchange.end", 0, \
	  "how the exchange ended when not in good order: cut (the connection or the process ended first), lost (bytes are missing), unfinished (the answer lacks the provider's own end mark)") \
	X(ONLOOKER_LINK_BASIS, "onlooker.link.basis", 0, \
	  "what an inferred parent or binding rests on") \
	X(ONLOOKER_PEER_BASIS, "onlooker.peer.basis", 0, \
	  "how the peer of a TLS stream was found: socket_call, set_fd, or record_lengths") \
	X(ONLOOKER_PROCESS_SIGNAL, "onlooker.process.signal", 0, \
	  "signal number that ended the process") \
	X(ONLOOKER_PROCESS_UNFINISHED, "onlooker.process.unfinished", 0, \
	  "true when the process was still running when observation ended; the span's end is that moment")

enum attr_id {
#define X(id, name, content, text) ATTR_##id,
	ATTRS(X)
#undef X
	ATTR_CNT
};

struct attr_def {
	const char *name;
	bool content;
	const char *text;
};

extern const struct attr_def attr_defs[ATTR_CNT];

#endif /* ATTRS_H */
