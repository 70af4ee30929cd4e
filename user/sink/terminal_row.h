/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TERMINAL_ROW_H
#define TERMINAL_ROW_H

#include "base/buf.h"
#include "trace/span.h"

/*
 * A span in the words that people read.  All text is safe to show
 * (plain.h).  How it went is a list of items, each ended by ROW_ITEM, which
 * plain text cannot contain; a reader joins them with commas or on lines.
 */
#define ROW_ITEM '\n'

struct row_text {
	char *name;		/* "chat gpt-4o", "git [4711]" */
	char *time;		/* "1.50 s" */
	char *how;		/* "1,204 -> 310 tokens", "first 0.41 s", "stop"; "exit 0" */
};

/* False: no memory; what there is can be released all the same. */
bool row_text(struct row_text *r, const struct span *s, bool utf8);
void row_text_release(struct row_text *r);

bool row_is_call(const struct span *s);	/* of a model */
bool row_is_tool(const struct span *s);
bool row_is_agent(const struct span *s);
bool row_is_mcp(const struct span *s);
bool row_is_a2a(const struct span *s);

/* An attribute's number; otherwise when it is not there. */
int64_t row_number(const struct span *s, enum attr_id id, int64_t otherwise);

/* 1234567 as 1,234,567. */
void row_add_number(struct buf *out, int64_t n);

#endif /* TERMINAL_ROW_H */
