/* SPDX-License-Identifier: Apache-2.0 */
#ifndef A2A_PAYLOAD_H
#define A2A_PAYLOAD_H

#include "a2a/a2a.h"
#include "base/json.h"

#define A2A_CONTENT_MAX	(16 * 1024 * 1024)	/* of what is sent, and of what is answered */

struct a2a_artifact {
	struct view id;
	struct buf parts;	/* as on the wire, with commas between */
	struct a2a_artifact *next;
};

/* A member by its name, or as 0.3's REST binding spells it. */
struct json a2a_get(struct json v, const char *name);
/* The message of a send's params. */
void payload_sent(struct a2a_call *c, struct json message);
/* A result, or an element of a stream: task, message, status or artifact, in any version's wrapping.  False: none of these. */
bool payload_take(struct a2a_call *c, struct json v, uint64_t ts);
/* Writes output, of all that came. */
void payload_finish(struct a2a_call *c);
void payload_release(struct a2a_call *c);

struct view a2a_text(struct a2a_call *c, struct json v);	/* a string's text, a number as it stands; in the arena */

#endif /* A2A_PAYLOAD_H */
