/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MCP_METHODS_H
#define MCP_METHODS_H

#include "base/json.h"

/* What the protocol's methods are called, and what in their params a span wants. */
struct mcp_method {
	const char *name;
	enum mcp_target { MCP_NO_TARGET, MCP_TOOL, MCP_PROMPT, MCP_URI } target;
	bool shared;		/* other protocols have a method of this name: more has to speak for this one */
};

/* NULL: none of this protocol, as far as we know it. */
const struct mcp_method *mcp_method(struct json name);

#endif /* MCP_METHODS_H */
