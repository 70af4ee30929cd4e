// SPDX-License-Identifier: Apache-2.0
/*
 * The metrics, in the words of semantic-conventions-genai (metrics; commit 1d85c963): names, units,
 * attributes and bucket boundaries.  A renaming upstream is one edited row.
 */
#include "metric/defs.h"

static const double token_bounds[] = {
	1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
};

static const double mcp_bounds[] = { 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300 };

/* The attributes that all client metrics have in common. */
#define CALL_ATTRS	ATTR_GEN_AI_OPERATION_NAME, ATTR_GEN_AI_PROVIDER_NAME, ATTR_GEN_AI_REQUEST_MODEL, \
			ATTR_GEN_AI_RESPONSE_MODEL, ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT

static const enum attr_id call_attrs[] = { CALL_ATTRS, ATTR_CNT };
static const enum attr_id openai_attrs[] = {
	CALL_ATTRS, ATTR_OPENAI_RESPONSE_SERVICE_TIER, ATTR_OPENAI_RESPONSE_SYSTEM_FINGERPRINT, ATTR_CNT,
};
static const enum attr_id duration_attrs[] = {
	CALL_ATTRS, ATTR_ERROR_TYPE, ATTR_OPENAI_RESPONSE_SERVICE_TIER, ATTR_OPENAI_RESPONSE_SYSTEM_FINGERPRINT, ATTR_CNT,
};
static const enum attr_id mcp_attrs[] = {
	ATTR_MCP_METHOD_NAME, ATTR_ERROR_TYPE, ATTR_GEN_AI_TOOL_NAME, ATTR_GEN_AI_PROMPT_NAME, ATTR_RPC_RESPONSE_STATUS_CODE,
	ATTR_GEN_AI_OPERATION_NAME, ATTR_MCP_PROTOCOL_VERSION, ATTR_NETWORK_TRANSPORT, ATTR_NETWORK_PROTOCOL_NAME,
	ATTR_NETWORK_PROTOCOL_VERSION, ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT, ATTR_CNT,
};
static const enum attr_id cost_attrs[] = { CALL_ATTRS, ATTR_ONLOOKER_COST_BASIS, ATTR_CNT };

/* A call of somebody else: what happens inside of the agent has metrics of its own. */
static bool is_call(const struct span *s)
{
	return s->kind == SPAN_CLIENT && attrs_get(&s->attrs, ATTR_GEN_AI_PROVIDER_NAME);
}

static bool number(const struct span *s, enum attr_id id, double *ret)
{
	const struct value *v = is_call(s) ? attrs_get(&s->attrs, id) : NULL;

	if (!v)
		return false;
	*ret = v->type == VALUE_INT ? v->i : v->d;
	return *ret >= 0;
}

static bool input_tokens(const struct span *s, double *ret)
{
	return number(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS, ret);
}

static bool output_tokens(const struct span *s, double *ret)
{
	return number(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, ret);
}

static bool seconds(const struct span *s, double *ret)
{
	*ret = (s->end - s->start) / 1e9;
	return is_call(s);
}

static bool mcp_seconds(const struct span *s, enum span_kind kind, double *ret)
{
	*ret = (s->end - s->start) / 1e9;
	return s->kind == kind && attrs_get(&s->attrs, ATTR_MCP_METHOD_NAME);
}

static bool mcp_client(const struct span *s, double *ret)
{
	return mcp_seconds(s, SPAN_CLIENT, ret);
}

static bool mcp_server(const struct span *s, double *ret)
{
	return mcp_seconds(s, SPAN_SERVER, ret);
}

static bool first_chunk(const struct span *s, double *ret)
{
	return number(s, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, ret);
}

static bool cost(const struct span *s, double *ret)
{
	return number(s, ATTR_ONLOOKER_COST_USD, ret);
}

static const struct gen_chunks *chunks(const struct span *s)
{
	return is_call(s) ? s->chunks : NULL;
}

#define HISTOGRAM(metric, units, words, ends, cnt)						\
	.def = { .name = metric, .unit = units, .help = words, .kind = METRIC_HISTOGRAM, .bounds = ends, .bounds_cnt = cnt }
#define SECONDS(metric, words) HISTOGRAM(metric, "s", words, gen_chunk_bounds, GEN_CHUNK_BOUNDS)
#define TOKENS(type, from)									\
	HISTOGRAM("gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", token_bounds, 14),	\
	.token_type = type, .attrs = openai_attrs, .value = from

const struct metric_row metric_rows[] = {
	{ TOKENS("input", input_tokens) },
	{ TOKENS("output", output_tokens) },
	{ SECONDS("gen_ai.client.operation.duration", "GenAI operation duration."),
	  .attrs = duration_attrs, .value = seconds },
	{ SECONDS("gen_ai.client.operation.time_to_first_chunk", "Time from a request to the first chunk of its answer."),
	  .attrs = call_attrs, .value = first_chunk },
	{ SECONDS("gen_ai.client.operation.time_per_output_chunk", "Time between two chunks of an answer."),
	  .attrs = call_attrs, .chunks = chunks },
	{ HISTOGRAM("mcp.client.operation.duration", "s", "MCP requests and notifications, as who sent them saw them.",
		    mcp_bounds, 14), .attrs = mcp_attrs, .value = mcp_client },
	{ HISTOGRAM("mcp.server.operation.duration", "s", "MCP requests and notifications, as who received them saw them.",
		    mcp_bounds, 14), .attrs = mcp_attrs, .value = mcp_server },
	{ .def = { .name = "onlooker.cost", .unit = "USD", .kind = METRIC_SUM,
		   .help = "What calls cost: as the provider said, or at list prices." },
	  .attrs = cost_attrs, .value = cost },
	{}
};

#define COUNTER(metric, units, words) { .name = metric, .unit = units, .help = words, .kind = METRIC_SUM, .integer = true }

const struct metric_def metric_books[] = {
	COUNTER("onlooker.capture.bytes", "By", "Plaintext bytes of observed processes, by what became of them."),
	COUNTER("onlooker.decode.bytes", "By", "Delivered bytes of streams that ended, by what they were decoded to."),
	COUNTER("onlooker.exchanges", "{exchange}", "HTTP exchanges that ended, by what they were."),
	COUNTER("onlooker.spans", "{span}", "Finished spans."),
	COUNTER("onlooker.sink.spans", "{span}", "Spans handed to sinks, by what became of them."),
	COUNTER("onlooker.capture.records", "{record}", "Records of the kernel half, by what became of them."),
	COUNTER("onlooker.capture.refused", "{object}", "Connections and calls for which a kernel table had no room."),
	{}
};
