// SPDX-License-Identifier: Apache-2.0
/* The first byte: joined or not, and how bytes are cut.  The rest: conn_ops.h.  The books must balance. */
#include "conn_ops.h"
#include "unit/proto/transcript.h"

#define MEMORY_MAX (128u << 20)

struct run {
	struct conn_ops ops;
	struct story story;
	struct buf opaque[2];	/* how the two directions mix depends on the cuts */
};

static void pull(struct conn_ops *ops)
{
	struct run *r = (struct run *)ops;
	struct xev ev;

	while (conn_next(ops->conn, &ev)) {
		WANT(ev.kind <= XEV_OPAQUE && (ev.x || ev.kind == XEV_OPAQUE));
		WANT(ev.kind != XEV_DONE || ev.x->end != XEND_OPEN);
		if (ev.kind == XEV_OPAQUE)
			WANT(!buf_add(&r->opaque[ev.dir], ev.value));
		else
			story_add(&r->story, &ev);
	}
	WANT(conn_memory(ops->conn) < MEMORY_MAX);
}

static void run(struct run *r, struct view in, bool joined, size_t step)
{
	const struct conn_books *b;

	*r = (struct run){ .ops = { .conn = conn_new(joined), .pull = pull } };
	story_init(&r->story);
	for (int dir = 0; dir < 2; dir++)
		buf_init(&r->opaque[dir], SIZE_MAX / 2);
	conn_ops_run(&r->ops, in, step);
	b = conn_books(r->ops.conn);
	for (int dir = 0; dir < 2; dir++) {
		WANT(b->decoded[dir] + b->opaque[dir] + b->lost[dir] == r->ops.passed[dir]);
		WANT(b->opaque[dir] == r->opaque[dir].n);
	}
	conn_free(r->ops.conn);
}

static void release(struct run *r)
{
	story_release(&r->story);
	buf_release(&r->opaque[0]);
	buf_release(&r->opaque[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	uint8_t how = fuzz_byte(&in);
	struct run whole, cut;

	run(&whole, in, how & 1, SIZE_MAX);
	run(&cut, in, how & 1, how / 2 + 1);
	fuzz_same(buf_view(&whole.story.text), buf_view(&cut.story.text));
	for (int dir = 0; dir < 2; dir++)
		fuzz_same(buf_view(&whole.opaque[dir]), buf_view(&cut.opaque[dir]));
	release(&whole);
	release(&cut);
	return 0;
}
