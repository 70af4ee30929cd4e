/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MCP_CORE_H
#define MCP_CORE_H

#include "base/map.h"
#include "mcp/mcp.h"
#include "stream/list.h"

/* What the files of this room know of each other; other rooms see mcp.h. */
struct mcp_session {
	uint64_t key;
	struct mcp_session *same;		/* with the same key */
	struct mcp_session *newer, *older;
	uint32_t pid;
	uint64_t start;
	bool serves, real;
	char name[192];
	char version[32], server_name[128], server_version[64];
	struct mcp_call *open;
	unsigned open_cnt, pins;
};

/* Where and when a message passed. */
struct mcp_place {
	const struct mcp_who *who;
	const void *where;	/* exchange or channel */
	uint64_t conn;		/* names the connection for both of its ends; 0 */
	uint64_t first_ts, ts;	/* of the message's first and last byte */
	struct view session;	/* Mcp-Session-Id; VIEW_NONE */
	struct view version;	/* MCP-Protocol-Version; VIEW_NONE */
	bool local;
};

/* What mcp_stdio.c keeps in struct mcp. */
struct mcp_ways {
	struct map by_id;
	struct link waiting, halves;	/* ways whose ends are not known; pairs of which one way is */
	size_t bytes;			/* of lines that are not whole, and of messages that wait */
	uint64_t pairs;			/* made so far: names them */
};

struct mcp_ways *mcp_ways(struct mcp *m);
void mcp_ways_init(struct mcp_ways *ways);
void mcp_ways_release(struct mcp *m);
void mcp_lost(struct mcp *m);		/* something was not followed: counted */

/* Found or made; NULL: too many with open calls, or no memory.  real: answers may come anywhere in it. */
struct mcp_session *mcp_session(struct mcp *m, const struct mcp_who *who, struct view name, bool real);
/* NULL: there is none. */
struct mcp_session *mcp_session_find(struct mcp *m, const struct mcp_who *who, struct view name, bool real);
/* The events of an exchange belong to a session that its own head does not name. */
void mcp_pin(struct mcp *m, const void *where, struct mcp_session *s);
struct mcp_session *mcp_pinned(struct mcp *m, const void *where);	/* NULL */
void mcp_unpin(struct mcp *m, const void *where);
/* The text of a JSON string, as much as fits. */
void mcp_set_fact(char *to, size_t n, struct json v);

/* id: JSON_NONE for a notification.  NULL: too many, counted. */
struct mcp_call *mcp_open(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, bool sent, struct json id);
void mcp_opened(struct mcp *m, struct mcp_call *c);	/* when its fields are filled */
void mcp_close(struct mcp *m, struct mcp_session *s, struct mcp_call *c, enum mcp_end end, uint64_t ts);
struct mcp_call *mcp_find(struct mcp_session *s, enum mcp_side side, struct json id, const void *where);
void mcp_count(struct mcp *m, bool matched);

/* Copies in the call's memory; VIEW_NONE: there is none. */
struct view mcp_text(struct mcp_call *c, struct json v);	/* a string's text, a number as it stands */
struct view mcp_content(const struct mcp *m, struct mcp_call *c, struct json v);	/* valid JSON; only with content */

/* The first message of v, which may be a list of them. */
bool mcp_first(struct json v, struct rpc *ret);
/* A method of this protocol; of those that others have too, only with what speaks for this one. */
bool mcp_is_ours(const struct rpc *r);

/*
 * A message, or a list of them (2025-03-26); sent: by the process.  False: it is none of JSON-RPC.
 */
bool mcp_take(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, struct json v, bool sent);

#endif /* MCP_CORE_H */
