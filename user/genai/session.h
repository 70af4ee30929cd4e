/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_SESSION_H
#define GENAI_SESSION_H

#include "genai/genai.h"

/*
 * Model calls that are made message by message inside an upgraded exchange.  One
 * turn is one call, from the message that asked to the last one that answered.
 */
struct gen_turn {
	/*
	 * What the call would be as an exchange of its own: target, headers and status are those of the upgrade,
	 * which has to outlive it; times, end and lost bytes its own.
	 */
	struct exchange x;
	struct gen_call *call;
	struct gen_turn *next;	/* the session's */
	struct view lane;	/* several answer at once, each under a name; VIEW_NONE: without one */
	uint64_t lost_before;
	bool lost;
	bool maybe;		/* none unless it is answered */
};

#define GEN_TURNS_MAX 64	/* open at once in a session */

struct gen_session;

/* x: the head of its answer came.  NULL: that grants no upgrade, nobody there that we know, or no memory. */
struct gen_session *gen_session_new(const struct exchange *x, bool want_content);
void gen_session_free(struct gen_session *s);	/* NULL is fine */

/* One message as XEV_MESSAGE gives it; client: of the side that asked for the upgrade.  Then gen_session_next() until NULL. */
struct gen_message {
	bool client;
	struct view name, data;
	bool cut;
	uint64_t ts;
};
void gen_session_message(struct gen_session *s, const struct gen_message *m);

/* Nothing more will come: open turns end as cut. */
void gen_session_end(struct gen_session *s);

/* The next turn that is over, its call finished; it is the caller's. */
struct gen_turn *gen_session_next(struct gen_session *s);
void gen_turn_free(struct gen_turn *t);		/* NULL is fine */

/*
 * For those who write a dialect: what a message is.  A row in dialects.c.
 */
enum gen_step_kind {
	STEP_NONE,		/* nothing, or something of the session as a whole */
	STEP_BEGIN,		/* a turn; body is the request */
	STEP_EVENT,		/* of a turn that began */
	STEP_END,		/* its last one */
};

struct gen_step {
	enum gen_step_kind kind;
	struct json body;	/* STEP_BEGIN; JSON_NONE: nobody asked, it is just being answered */
	struct json lane;	/* JSON_NONE: the oldest open turn without one */
	struct json id;		/* the answer's; a late word of the turn that ended last is nobody's */
	bool starts;		/* STEP_EVENT: when no turn is open, one was asked for that we did not see */
	bool by_itself;		/* with it: nobody has to ask */
	bool only_if_idle;	/* STEP_BEGIN: not when a turn is open.  STEP_END: not when its answer began */
	bool maybe;		/* STEP_BEGIN: no turn unless it is answered */
	bool no_model;		/* STEP_BEGIN: no model will run */
};

struct dialect {
	const char *name;
	const struct provider *provider;
	bool (*match)(const struct exchange *x);
	struct gen_step (*read)(bool client, struct json v);
	/* What a message says of all turns to come, for provider->request(), which is called with it first.  NULL: none does */
	struct json (*setup)(bool client, struct json v);
};

extern const struct dialect *const dialects[];	/* NULL at the end */

#endif /* GENAI_SESSION_H */
