// SPDX-License-Identifier: Apache-2.0
/* Schemas of 2024-11-05 to 2026-07-28. */
#include "mcp/methods.h"

static const struct mcp_method methods[] = {
	{ "tools/call", MCP_TOOL, false },
	{ "tools/list", MCP_NO_TARGET, false },
	{ "initialize", MCP_NO_TARGET, true },		/* language servers, editors' agents */
	{ "ping", MCP_NO_TARGET, true },
	{ "server/discover", MCP_NO_TARGET, false },
	{ "subscriptions/listen", MCP_NO_TARGET, false },
	{ "prompts/get", MCP_PROMPT, false },
	{ "prompts/list", MCP_NO_TARGET, false },
	{ "resources/list", MCP_NO_TARGET, false },
	{ "resources/templates/list", MCP_NO_TARGET, false },
	{ "resources/read", MCP_URI, false },
	{ "resources/subscribe", MCP_URI, false },
	{ "resources/unsubscribe", MCP_URI, false },
	{ "completion/complete", MCP_NO_TARGET, false },
	{ "logging/setLevel", MCP_NO_TARGET, false },
	{ "roots/list", MCP_NO_TARGET, false },
	{ "sampling/createMessage", MCP_NO_TARGET, false },
	{ "elicitation/create", MCP_NO_TARGET, false },
	{ "tasks/get", MCP_NO_TARGET, true },		/* A2A 0.3 */
	{ "tasks/result", MCP_NO_TARGET, false },
	{ "tasks/list", MCP_NO_TARGET, false },
	{ "tasks/update", MCP_NO_TARGET, false },
	{ "tasks/cancel", MCP_NO_TARGET, true },
	{ "notifications/initialized", MCP_NO_TARGET, false },
	{ "notifications/cancelled", MCP_NO_TARGET, false },
	{ "notifications/progress", MCP_NO_TARGET, false },
	{ "notifications/message", MCP_NO_TARGET, false },
	{ "notifications/tools/list_changed", MCP_NO_TARGET, false },
	{ "notifications/prompts/list_changed", MCP_NO_TARGET, false },
	{ "notifications/resources/list_changed", MCP_NO_TARGET, false },
	{ "notifications/resources/updated", MCP_URI, false },
	{ "notifications/roots/list_changed", MCP_NO_TARGET, false },
	{ "notifications/tasks/status", MCP_NO_TARGET, false },
	{ "notifications/tasks", MCP_NO_TARGET, false },
	{ "notifications/elicitation/complete", MCP_NO_TARGET, false },
	{ "notifications/subscriptions/acknowledged", MCP_NO_TARGET, false },
};

const struct mcp_method *mcp_method(struct json name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (json_is(name, methods[i].name))
			return &methods[i];
	return NULL;
}
