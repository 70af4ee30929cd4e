/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MCP_H
#define MCP_H

#include "base/arena.h"
#include "feed/feed.h"
#include "mcp/rpc.h"
#include "proto/exchange.h"

/*
 * The Model Context Protocol, revisions 2024-11-05 to 2026-07-28: messages of one process with one peer, put together to
 * operations.  Both peers number their own requests, and two servers number alike: an answer belongs to
 * a request of the same process, peer and direction.  Pure: times are the caller's (CLOCK_BOOTTIME ns).
 */
enum mcp_side {
	MCP_CLIENT,		/* the process began it */
	MCP_SERVER,		/* the process was asked */
};

enum mcp_end {
	MCP_OPEN = 0,
	MCP_ANSWERED,		/* or a notification, which has no answer */
	MCP_CANCELLED,		/* by who began it */
	MCP_REFUSED,		/* HTTP answered without the protocol: status says how */
	MCP_CUT,		/* the connection or the observation ended before an answer */
};

/* One request with its answer, or one notification. Views are its arena's. */
struct mcp_call {
	struct arena arena;	/* 64 KiB without content, else 20 MiB */
	enum mcp_side side;
	enum mcp_end end;
	bool notification;
	uint32_t pid;
	uint64_t start;		/* of the process, with pid */
	uint64_t first_ts, last_ts;
	struct view method;
	struct view tool, prompt, uri;
	struct view id;			/* as text; VIEW_NONE: a notification */
	struct view session, version;	/* mcp.session.id, mcp.protocol.version */
	struct view server_name, server_version;	/* what the server says of itself */
	struct view traceparent, tracestate;	/* of params._meta */
	struct view error_code, error_message;	/* of a JSON-RPC error */
	bool tool_error;		/* result.isError */
	bool local;			/* over pipes or a unix socket */
	bool input_required;		/* 2026-07-28: the answer asks for something first */
	unsigned status;		/* HTTP's; 0: none */
	struct view arguments, result;	/* JSON; VIEW_NONE without content */
	uint64_t key;			/* pairs the two sides of one call that are both observed; 0: cannot */
	void *user;			/* flow's */

	/* mcp.c's own */
	struct json raw_id;
	const void *where;		/* the exchange or channel that carried it; answers may come elsewhere in its session */
	struct mcp_call *next;
	struct mcp_news { struct mcp_call *call; struct mcp_news *next; } news[2];	/* that it opened, that it is over */
};

struct mcp;

struct mcp *mcp_new(bool want_content);	/* NULL: no memory */
void mcp_free(struct mcp *m);		/* NULL is fine; calls that were not handed out are freed, their user is not */

/* Who talks: one process's end of one exchange. */
struct mcp_who {
	uint32_t pid;
	uint64_t start;
	bool serves;		/* it is the HTTP server */
};

/*
 * An exchange of HTTP.  Call in this order, with the same x: request when the request is as complete as it will be (true: it is
 * MCP, as far as can be told), event for each event of the answer (may find out that it is), done at its end.
 * conn: names the connection the same for both of its ends, if it is known, else 0.
 */
bool mcp_http_request(struct mcp *m, const struct exchange *x, const struct mcp_who *who, uint64_t conn);
void mcp_http_event(struct mcp *m, const struct exchange *x, const struct mcp_who *who, struct view name,
		    struct view data, uint64_t ts);
void mcp_http_done(struct mcp *m, const struct exchange *x, const struct mcp_who *who, uint64_t ts);

/*
 * stdio: JSON messages, one a line, over pipes or a unix socket (mcp_stdio.c).  A way is one direction, named by its
 * stream.  Bytes and gaps in order, then mcp_way_end().  Messages wait until both of a way's ends are known, which the channel records
 * tell, at most MCP_WAY_WAIT_NS: mcp_time() with each record's time.
 */
#define MCP_WAY_WAIT_NS	(10 * 1000000000ull)

struct mcp_way;

struct mcp_way *mcp_way(struct mcp *m, uint64_t stream);	/* found or made; NULL: too many, or no memory */
void mcp_channel(struct mcp *m, const struct wire_channel *c);
void mcp_way_bytes(struct mcp *m, struct mcp_way *w, struct view bytes, uint64_t ts);
void mcp_way_gap(struct mcp *m, struct mcp_way *w, uint64_t n, uint64_t ts);
bool mcp_way_wanted(const struct mcp_way *w);	/* false: none of this protocol, nobody reads the rest */
bool mcp_way_spoke(const struct mcp_way *w);	/* true: of this protocol */
void mcp_way_end(struct mcp *m, struct mcp_way *w, uint64_t ts);	/* frees it */
void mcp_time(struct mcp *m, uint64_t ts);

/* Nothing more will come: all that is open ends as cut. */
void mcp_finish(struct mcp *m, uint64_t ts);

/* A call that opened (m's still), or one that is over: the caller's from then on, for mcp_call_free(). */
struct mcp_event {
	struct mcp_call *call;
	bool over;
};
bool mcp_next(struct mcp *m, struct mcp_event *ret);	/* false: nothing more */
void mcp_call_free(struct mcp_call *c);

struct mcp_stats {
	uint64_t messages;	/* JSON-RPC messages read */
	uint64_t unmatched;	/* answers to no request we know */
	uint64_t lost;		/* too many open at once, or no memory */
};
const struct mcp_stats *mcp_stats(const struct mcp *m);

#endif /* MCP_H */
