// SPDX-License-Identifier: Apache-2.0
/*
 * The Responses API over a WebSocket: response.create asks with the members of the HTTP
 * body, the answer is the events of the HTTP stream.  Several may run at
 * once, each under its stream_id; without one they follow on each other.
 * generate:false prepares the caches and runs no model.
 */
#include "genai/read.h"
#include "genai/session.h"

extern const struct provider provider_openai_responses;

static bool responses_ws_match(const struct exchange *x)
{
	return view_ends(gen_path(x), VIEW("/responses"));
}

static bool is_last(struct json type)
{
	static const char *const last[] = { "response.completed", "response.incomplete", "response.failed",
					    "response.cancelled", "error" };

	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		if (json_is(type, last[i]))
			return true;
	return false;
}

static struct gen_step responses_ws_read(bool client, struct json v)
{
	enum { TYPE, LANE, GENERATE, RESPONSE, CNT };
	static const char *const keys[CNT] = { "type", "stream_id", "generate", "response" };
	struct gen_step step = { 0 };
	struct json f[CNT];

	gen_pick(v, keys, f, CNT);
	step.lane = f[LANE];
	if (client) {
		step.kind = json_is(f[TYPE], "response.create") ? STEP_BEGIN : STEP_NONE;
		step.body = v;
		step.no_model = f[GENERATE].type == JSON_FALSE;
		return step;
	}
	if (!gen_is_text(f[TYPE]) || view_starts(f[TYPE].raw, VIEW("\"response.steer.")))
		return step;
	step.kind = is_last(f[TYPE]) ? STEP_END : STEP_EVENT;
	step.starts = json_is(f[TYPE], "response.created");
	step.id = json_get(f[RESPONSE], "id");
	return step;
}

const struct dialect dialect_openai_responses = {
	.name = "openai-responses",
	.provider = &provider_openai_responses,
	.match = responses_ws_match,
	.read = responses_ws_read,
};
