/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPAN_H
#define SPAN_H

#include <stdint.h>

#include "base/arena.h"
#include "genai/genai.h"
#include "trace/attrs.h"

/* A span as OTLP has it (opentelemetry-proto v1.11.0, trace.v1), before any encoding. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };	/* OTLP's numbers */

struct value {
	enum value_type type;
	union {
		struct view str;	/* valid UTF-8 */
		int64_t i;
		double d;
		bool b;
		struct {
			struct view *v;
			size_t n;
		} arr;
	};
};

struct attr {
	const struct attr_def *def;
	struct value value;
	struct attr *next;
};

struct attrs {
	struct attr *first, **end;
	unsigned cnt, dropped;	/* at most 128 kept (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT's default), the rest is counted */
};

struct span_event {
	uint64_t ts;		/* unix ns */
	const char *name;
	struct attrs attrs;
	struct span_event *next;
};

struct span_link {
	uint8_t trace_id[16], span_id[8];
	struct attrs attrs;
	struct span_link *next;
};

/* Who did it.  Shared by the spans of one process image; counted references. */
struct resource {
	struct arena arena;
	struct attrs attrs;
	unsigned refs;
};

struct resource *resource_new(void);	/* one reference, the caller's; NULL: no memory */
struct resource *resource_get(struct resource *r);
void resource_put(struct resource *r);	/* NULL is fine */

struct span {
	struct arena arena;	/* holds the attributes; 64 MiB at most */
	uint8_t trace_id[16], span_id[8], parent_id[8];	/* parent all zero: a root */
	bool parent_remote;	/* the parent is one that the agent itself sent (traceparent) */
	struct view trace_state;
	struct view name;
	enum span_kind kind;
	uint64_t start, end;	/* unix ns; end >= start */
	struct attrs attrs;
	struct span_event *events, **events_end;
	unsigned event_cnt, event_dropped;	/* 128 at most */
	struct span_link *links, **links_end;
	unsigned link_cnt, link_dropped;	/* 128 at most */
	bool error;		/* status ERROR with this message; else UNSET */
	struct view error_message;
	struct resource *resource;	/* a reference of its own; NULL */
	const struct gen_chunks *chunks;	/* of a streamed answer; NULL */
	uint32_t depth;		/* how deep in the tree, for the terminal */
	uint32_t pid;
};

struct span *span_new(void);	/* NULL: no memory */
void span_free(struct span *s);	/* NULL is fine */

/* Each copies what it is given (of the type the table says) into the arena; strings are repaired to valid UTF-8.  A key set twice: the last one counts. */
void attrs_str(struct attrs *as, struct arena *a, enum attr_id id, struct view v);
void attrs_int(struct attrs *as, struct arena *a, enum attr_id id, int64_t v);
void attrs_double(struct attrs *as, struct arena *a, enum attr_id id, double v);
void attrs_bool(struct attrs *as, struct arena *a, enum attr_id id, bool v);
void attrs_strs(struct attrs *as, struct arena *a, enum attr_id id, const struct view *v, size_t n);
/* A key that is no row of the table: OTEL_RESOURCE_ATTRIBUTES. */
void attrs_free_key(struct attrs *as, struct arena *a, struct view key, struct view v);
/* A value that lives as long as the arena, under a name that is no row of the table. */
void attrs_share(struct attrs *as, struct arena *a, const struct attr_def *def, const struct value *v);
/* What stands under id, under this name from now on. */
void attrs_rename(struct attrs *as, enum attr_id id, const struct attr_def *def);
const struct value *attrs_get(const struct attrs *as, enum attr_id id);	/* NULL: not there */

struct span_event *span_add_event(struct span *s, uint64_t ts, const char *name);	/* NULL: full, counted */
/* NULL: full, counted. */
struct span_link *span_add_link(struct span *s, const uint8_t trace_id[static 16], const uint8_t span_id[static 8]);

#endif /* SPAN_H */
