/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENTS_H
#define AGENTS_H

#include "genai/genai.h"
#include "proto/exchange.h"

/* What an agent says of itself in a request.  Views into the exchange, or static; each may be VIEW_NONE. */
struct agent_says {
	const char *name;	/* NULL: none of those that are known */
	struct view version;
	struct view session;	/* its own word for the conversation */
	struct view id, parent_id;	/* of a sub-agent, and of the agent that started it */
};

struct agent_says agent_says(const struct exchange *x);

/* The known agent whose executable has this name; NULL: none. */
const char *agent_of_exe(struct view exe);

#endif /* AGENTS_H */
