/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_H
#define GENAI_H

#include "base/buf.h"
#include "base/json.h"
#include "proto/exchange.h"

/*
 * One model call, in the words of the OpenTelemetry GenAI conventions and of no
 * provider (shared names: semantic-conventions-genai, inference span).  Absent
 * is absent: every optional number has a flag, every view may be VIEW_NONE.
 * Views point into the call's arena.
 */
struct opt_int {
	bool set;
	int64_t v;
};

struct opt_double {
	bool set;
	double v;
};

enum gen_op { GEN_CHAT, GEN_COMPLETION, GEN_GENERATE_CONTENT, GEN_EMBEDDINGS, GEN_RETRIEVAL,
	      GEN_FETCH_RESPONSE, GEN_INVOKE_AGENT, GEN_OP_CNT };

/*
 * Time between the chunks of a streamed answer, for a histogram: adding is cheap, and nothing of a chunk is kept.
 * The bounds, in seconds, are those of gen_ai.client.operation.time_per_output_chunk.
 */
#define GEN_CHUNK_BOUNDS 14
extern const double gen_chunk_bounds[GEN_CHUNK_BOUNDS];

struct gen_chunks {
	uint64_t last_ts;	/* of the newest chunk, ns; 0: there was none */
	uint64_t cnt;		/* of times between two */
	uint64_t sum_ns, min_ns, max_ns;
	uint64_t buckets[GEN_CHUNK_BOUNDS + 1];
};

/* A chunk ended at ts. */
void gen_chunks_add(struct gen_chunks *c, uint64_t ts);

/* One part of an output message while it is put together. */
enum gen_part_kind {
	GEN_TEXT,
	GEN_REASONING,
	GEN_TOOL_CALL,
	GEN_SERVER_TOOL_CALL,
	GEN_SERVER_TOOL_RESULT,
	GEN_REFUSAL,
	GEN_COMPACTION,
	GEN_OTHER,		/* media and what we do not know */
};

struct gen_part {
	enum gen_part_kind kind;
	int64_t index;		/* the provider's, to find it again in a stream */
	int64_t index2;		/* a second one (content_index, summary_index), else -1 */
	struct view id, name;	/* tool calls */
	struct view type, server;	/* server tool calls: what kind, and the MCP server's label */
	/* Text, reasoning, or the arguments as sent (JSON text, may be invalid); empty unless want_content or the client shall run it. */
	struct buf text;
	bool ready;		/* text is the whole part as output messages want it; empty: leave it out */
	bool initial;		/* text came with the part's beginning; a delta takes its place */
	struct gen_choice *choice;
	struct gen_part *next, *same;	/* same: of those with one hash, the next older one */
};

struct gen_choice {
	int64_t index;
	struct view role;
	struct view finish;	/* the provider's word; VIEW_NONE: not said */
	struct gen_part *parts, **parts_end;
	struct gen_choice *next;
};

/* A tool's result that a request brings: hashes of what it says, 0 where it says nothing. */
struct gen_result {
	uint64_t id, name;
	bool failed;
};

#define GEN_RESULTS_MAX	128		/* the newest ones of a request */
#define GEN_HEADS_MAX	(64 * 1024)	/* bytes of hashes */
#define GEN_CHOICES_MAX	128
#define GEN_PARTS_MAX	4096			/* of a call, in all choices */
#define GEN_TEXT_MAX	(16 * 1024 * 1024)	/* bytes of text in all parts of a call */
#define GEN_CONTENT_MAX	(20 * 1024 * 1024)	/* a request body as it is kept, written as messages */
#define GEN_PART_HASH	256

struct gen_call {
	const struct provider *provider;
	const struct provider *inner;	/* whose words its own carries (Bedrock's InvokeModel); NULL */
	struct arena arena;		/* 4 MiB at most; buffers of parts and lists are separate */
	bool want_content;

	enum gen_op op;
	const char *provider_name;	/* gen_ai.provider.name */
	const char *api_type;	/* openai.api.type; NULL unless the provider's attributes are OpenAI's */

	/* request */
	struct view request_model;
	bool stream;
	struct opt_int max_tokens, seed, top_k, choice_count;
	struct opt_double temperature, top_p, frequency_penalty, presence_penalty;
	struct buf stop_sequences;	/* JSON array of strings, empty: none */
	struct view reasoning_level, previous_response_id, conversation_id, output_type;
	struct view request_service_tier;
	struct view guardrail_id;	/* Bedrock's */
	struct view stream_cursor;	/* GEN_FETCH_RESPONSE: where it goes on */
	struct view agent_id;		/* GEN_INVOKE_AGENT: of a hosted one */
	struct view data_source_id;	/* GEN_RETRIEVAL: what is searched */
	struct opt_int retrieval_top_k;
	struct buf encoding_formats;	/* JSON array of strings, empty: none */
	struct opt_int dimension_count;

	/* response */
	struct view response_id, response_model, response_service_tier, system_fingerprint;
	struct view response_status;
	struct gen_choice *choices, **choices_end;	/* in order of their index */
	struct opt_int input_tokens, output_tokens, reasoning_tokens;
	struct opt_int cache_read_tokens, cache_write_tokens;
	struct opt_int input_text_tokens, input_image_tokens, input_audio_tokens;
	struct opt_int output_text_tokens, output_image_tokens, output_audio_tokens;
	bool compacted;
	struct gen_chunks chunks;	/* the caller's to fill: it knows the times */

	/* what a bill asks for and no attribute of the conventions names */
	struct opt_int cache_write_1h_tokens;	/* of cache_write_tokens, those that live for an hour */
	struct opt_int web_searches;		/* by the provider, charged by the request */
	struct view price_tier;		/* the provider's word for another price than a service tier's; VIEW_NONE: none */
	bool other_models;		/* ran for this answer, and their tokens are not in its counts */
	struct opt_double cost_usd;	/* what the provider itself says it costs */

	/* failure */
	struct view error_type;		/* the provider's code; VIEW_NONE: no failure was said */
	struct view error_message;
	bool failed;		/* a failure was said, with a type or without */

	/* The provider's own last word came: [DONE], message_stop, response.completed, or a whole JSON answer. */
	bool terminal;
	bool request_cut;	/* the request was read only as far as it was kept */
	bool response_cut;
	bool no_inference;	/* the answer says that no model ran */
	bool not_inference;	/* recognised, but no model ran (count_tokens, ...): make no span */

	/* content, JSON as its schemas demand; empty unless want_content, GEN_CONTENT_MAX at most each */
	struct buf system_instructions, input_messages, tool_definitions;
	struct buf retrieval_documents;
	struct view retrieval_query;

	void *state;		/* the provider's own while it reads a stream; in the arena */
	size_t state_size;	/* of state; 0 when there is some: its events are all read in full, see again.h */

	/* genai.c's and parts.c's own */
	bool by_shape;		/* only the request's shape spoke for it: the answer has to confirm */
	bool confirmed;
	bool finish_unknown;	/* bytes of the answer are missing: a finish reason may have been said */
	unsigned choice_cnt, part_cnt;
	bool read_all;		/* tests: no event is recognised as one that came before */
	/* From here on again.c does not look. */
	size_t text_left;
	/* What the request repeats of its conversation; see results.h. */
	struct gen_result *results;	/* a ring: number i is at i % GEN_RESULTS_MAX; NULL: none */
	unsigned result_cnt;
	unsigned message_cnt;
	uint64_t head;		/* hash of all messages; 0: there are none */
	struct buf heads;	/* hashes of the first, of the first two, ... as far as there is room */
	bool offers_tools;
	uint64_t again_cnt;	/* events that were not read because they came before */
	struct again *again;
	struct gen_part *hash[GEN_PART_HASH];
};

/*
 * A provider reads; it does not decide what becomes of what it read.  All
 * functions fill the call and never fail on data: what cannot be read is
 * skipped, so that everything that can be read is reported.
 */
struct provider {
	const char *name;	/* of the row, for tests and status: "openai-chat" */
	const char *flavour;	/* gen_ai.provider.name when the host says nothing better */
	/*
	 * How sure: 0 not mine, 1 by shape, 2 by path, 3 by path and host or shape.
	 * body is the request's JSON (JSON_NONE when unreadable or not yet there).
	 */
	int (*match)(const struct exchange *x, struct json body);
	/* True when this answer, or this event of one, can only be mine.  name: the event's, or VIEW_NONE. */
	bool (*answers)(struct view name, struct json data);

	void (*request)(struct gen_call *c, const struct exchange *x, struct json body);
	/* A JSON answer; genai.c read its error already and settles terminal. */
	void (*response)(struct gen_call *c, const struct exchange *x, struct json body);
	/* One SSE event; v: its data read as JSON.  again.h says what it has to keep to. */
	void (*event)(struct gen_call *c, struct view name, struct view data, struct json v);
	/* Members of an event that event() and answers() never look at and that change from one to the next; NULL at the end. */
	const char *const *unread;
	void (*finish)(struct gen_call *c, const struct exchange *x);	/* it is over; may be NULL */
};

extern const struct provider *const providers[];	/* NULL at the end */

/*
 * A call for this exchange, or NULL when it is none.  Call it at XEV_REQUEST;
 * when that gave NULL because the request could not be seen (lost, joined), call it again at the
 * first XEV_EVENT or at XEV_DONE: then the answer's shape decides.
 */
struct gen_call *gen_open(const struct exchange *x, bool want_content);
/* The same where it is known whose call it is; body: the request. */
struct gen_call *gen_open_as(const struct provider *p, const struct exchange *x, struct json body,
			     bool want_content);
void gen_event(struct gen_call *c, const struct exchange *x, struct view name, struct view data);
/* At XEV_DONE: reads a JSON answer, the status of an error without one, settles finish reasons. */
void gen_finish(struct gen_call *c, const struct exchange *x);
void gen_free(struct gen_call *c);	/* NULL is fine */

/*
 * The output messages as their schema demands; appends a JSON array to out.
 * 0, or -E2BIG, -ENOMEM and nothing appended.  Parts for which out has no room
 * are left out from the end, the array stays valid.
 */
int gen_output_messages(const struct gen_call *c, struct buf *out);

/*
 * finish_reasons: one for each choice in order; "error" where one was expected
 * and never came.  None at all when one is missing because we lost bytes: the
 * list is by position.
 */
size_t gen_finish_reasons(const struct gen_call *c, struct view *ret, size_t max);

/* Of texts, for struct gen_result; never 0. */
uint64_t gen_hash(struct view v);
/* True when the request begins with the message_cnt messages whose hash is head. */
bool gen_extends(const struct gen_call *c, uint64_t head, unsigned message_cnt);

/*
 * What providers build with.  All take NULL results of failed allocations.
 *
 * gen_choice: found or made; NULL: too many, or no memory.
 * gen_part: the newest with this kind and these indexes, found or made; _new: always a new one;
 * _find: NULL when there is none.
 */
struct gen_choice *gen_choice(struct gen_call *c, int64_t index);
struct gen_part *gen_part(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind,
			  int64_t index, int64_t index2);
struct gen_part *gen_part_new(struct gen_call *c, struct gen_choice *ch, enum gen_part_kind kind,
			      int64_t index, int64_t index2);
struct gen_part *gen_part_find(const struct gen_call *c, const struct gen_choice *ch,
			       enum gen_part_kind kind, int64_t index, int64_t index2);
/* A string's text behind what is there; and a string's text, or another value's JSON, instead of it. */
void gen_part_add(struct gen_call *c, struct gen_part *p, struct json text);
void gen_part_set(struct gen_call *c, struct gen_part *p, struct json v);
void gen_parts_forget(struct gen_call *c);	/* all parts of all choices */

/* Each sets the field if v is such a value, whole; else it stays.  A text is not empty, a count not below 0. */
void gen_set_text(struct gen_call *c, struct view *field, struct json v);
void gen_set_int(struct opt_int *field, struct json v);
void gen_set_count(struct opt_int *field, struct json v);
void gen_set_double(struct opt_double *field, struct json v);

/* Which error it is: its code, else its type; the first one counts.  v: an object, or a message. */
void gen_error(struct gen_call *c, struct json v);

#endif /* GENAI_H */
