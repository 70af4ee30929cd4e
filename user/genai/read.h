/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_READ_H
#define GENAI_READ_H

#include "genai/genai.h"

/* How providers read objects: by tables, in one pass. */
enum gen_field_type { GEN_FIELD_TEXT, GEN_FIELD_INT, GEN_FIELD_COUNT, GEN_FIELD_DOUBLE, GEN_FIELD_FN };

struct gen_field {
	const char *key;
	enum gen_field_type type;
	size_t off;		/* in struct gen_call */
	void (*read)(struct gen_call *c, struct json v);	/* GEN_FIELD_FN */
};

#define GEN_AT(m)		offsetof(struct gen_call, m)
#define GEN_TEXT_FIELD(k, m)	{ k, GEN_FIELD_TEXT, GEN_AT(m), NULL }
#define GEN_INT_FIELD(k, m)	{ k, GEN_FIELD_INT, GEN_AT(m), NULL }
#define GEN_COUNT_FIELD(k, m)	{ k, GEN_FIELD_COUNT, GEN_AT(m), NULL }	/* not below 0 */
#define GEN_DOUBLE_FIELD(k, m)	{ k, GEN_FIELD_DOUBLE, GEN_AT(m), NULL }
#define GEN_FN_FIELD(k, fn)	{ k, GEN_FIELD_FN, 0, fn }

/* fields ends with a NULL key.  A member that comes twice is read twice. */
void gen_read(struct gen_call *c, struct json object, const struct gen_field *fields);

/* ret[i]: the first member named keys[i], JSON_NONE if there is none. */
void gen_pick(struct json object, const char *const *keys, struct json *ret, size_t n);

bool gen_whole(struct json v);		/* there, not cut, not bad */
bool gen_is_text(struct json v);	/* a string that is not empty */

/* Readers that several tables have: stream, and stop words (one or a list). */
void gen_read_stream(struct gen_call *c, struct json v);
void gen_read_stop(struct gen_call *c, struct json v);

/* The dimension of an embedding, of the first of several, of those of the first type. */
void gen_read_vector(struct gen_call *c, struct json v);

/* Appends a JSON array of v (a string) or of the strings in v to out, when there are any. */
void gen_strings(struct buf *out, struct json v);

/* The request target's path: without authority, query, and a slash at its end. */
struct view gen_path(const struct exchange *x);
bool gen_is_post(const struct exchange *x);

/* Bytes that are no JSON (a header's value) as text in the arena. */
struct view gen_copy(struct gen_call *c, struct view v);

/*
 * The part of the path behind this marker up to the next one of stops, escapes undone; VIEW_NONE:
 * not there.
 */
struct view gen_path_part(struct gen_call *c, const struct exchange *x, const char *marker,
			  const char *stops);

/* A parameter of the query, as it stands there; VIEW_NONE: not there. */
struct view gen_query_part(struct gen_call *c, const struct exchange *x, const char *name);

/* What a stored answer once used is no use of now. */
void gen_forget_usage(struct gen_call *c);

/* An answer's error, wherever providers and proxies put it. */
void gen_answer_error(struct gen_call *c, const struct exchange *x, struct json body);
/* An HTTP error that no JSON explains. */
void gen_status_error(struct gen_call *c, const struct exchange *x);

#endif /* GENAI_READ_H */
