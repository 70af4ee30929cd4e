// SPDX-License-Identifier: Apache-2.0
/*
 * JSON lines (application/x-ndjson, jsonlines.org): one value a line.  Each line
 * that is not blank is an event without a name.  The last line of a stream may
 * lack its end; it goes out as cut, like one that a gap took something of.
 */
#include "proto/gather.h"

struct jsonl {
	struct gather line;
	bool skip;		/* after a gap: in the rest of a damaged line */
	bool due, ended;
	int err;
};

static void jsonl_init(void *state)
{
	struct jsonl *s = state;

	*s = (struct jsonl){ 0 };
	gather_init(&s->line);
}

static void jsonl_fini(void *state)
{
	struct jsonl *s = state;

	gather_release(&s->line);
}

static bool is_blank(struct view v)
{
	while (v.n && strchr(" \t\r", v.p[0]))
		v = view_drop(v, 1);
	return !v.n;
}

/* A line ended here. */
static void end_line(struct jsonl *s)
{
	s->due = !s->skip && !is_blank(buf_view(&s->line.b));
	if (!s->due)
		gather_forget(&s->line);
	s->skip = false;
}

static int take(struct jsonl *s, struct view *in)
{
	const char *lf = memchr(in->p, '\n', in->n);
	struct view part = view_take(*in, lf ? (size_t)(lf - in->p) : in->n);
	int err = s->skip ? 0 : gather_add(&s->line, part);

	if (err)
		return err;
	*in = view_drop(*in, part.n + (lf != NULL));
	if (lf)
		end_line(s);
	return 0;
}

static int jsonl_next(void *state, struct view *in, struct proto_event *ev)
{
	struct jsonl *s = state;

	gather_fresh(&s->line);
	if (s->ended)
		*in = view_drop(*in, in->n);
	while (!s->err && !s->due && in->n)
		s->err = take(s, in);
	if (s->err)
		return s->err;
	if (!s->due && s->ended && s->line.b.n) {
		s->line.cut = true;
		end_line(s);
	}
	if (!s->due)
		return 0;
	s->due = false;
	return gather_out(&s->line, VIEW("message"), ev);
}

static void jsonl_gap(void *state, uint64_t n)
{
	struct jsonl *s = state;

	gather_fresh(&s->line);
	s->line.cut = true;
	end_line(s);
	s->skip = true;
}

static void jsonl_end(void *state)
{
	struct jsonl *s = state;

	s->ended = true;
}

static size_t jsonl_memory(const void *state)
{
	const struct jsonl *s = state;

	return s->line.b.cap;
}

const struct proto proto_jsonl = {
	.name = "jsonl",
	.state_size = sizeof(struct jsonl),
	.init = jsonl_init,
	.fini = jsonl_fini,
	.next = jsonl_next,
	.gap = jsonl_gap,
	.end = jsonl_end,
	.memory = jsonl_memory,
};
