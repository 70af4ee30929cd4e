// SPDX-License-Identifier: Apache-2.0
/*
 * Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * One EV_EVENT for each event that the standard would dispatch.  Values go into
 * their buffer as they come, so no line is held, however long it is.  Memory:
 * the data of one event, SSE_DATA_MAX at most; of a longer one the first part is handed out as cut.
 *
 * The standard drops an event whose blank line never came; clients of model
 * APIs do not (the last line of a stream that broke off is often the error), so
 * it is handed out as cut.
 *
 * Where an event would begin, a line that opens a JSON object is one that was sent without
 * its "data:", as Google's APIs do with errors.  The standard would ignore a
 * field of such a name; here it and the lines behind it are data.
 */
#include <errno.h>

#include "base/buf.h"
#include "proto/proto.h"

#define SSE_DATA_MAX (16 * 1024 * 1024)
#define SSE_TYPE_MAX 256
#define SSE_KEEP (64 * 1024)		/* of the data buffer from event to event */
#define EOL_WINDOW 1024

enum sse_at {
	BOM,
	NAME,			/* at the start of a line, or in its field name */
	COLON,			/* one space behind it is not part of the value */
	VALUE,
	SKIP_LINE,		/* after a gap: in a line of the damaged event */
	SKIP,			/* after a gap: at the start of one */
};

enum sse_field { IGNORED, DATA, TYPE };

struct sse {
	enum sse_at at;
	enum sse_field field;
	char name[8];		/* longer names mean nothing to us */
	size_t name_n;
	bool after_cr;		/* an LF here belongs to the line end before it */
	bool has_data, cut, due;
	bool bare;		/* lines without field names */
	bool spent;		/* type and data went out with the last event */
	bool ended;
	struct buf type, data;
	int err;
};

static void sse_init(void *state)
{
	struct sse *s = state;

	*s = (struct sse){ .at = BOM };
	buf_init(&s->type, SSE_TYPE_MAX);
	buf_init(&s->data, SSE_DATA_MAX);
}

static void sse_fini(void *state)
{
	struct sse *s = state;

	buf_release(&s->type);
	buf_release(&s->data);
}

/* Distance to the line end, v.n if there is none.  Both searches stay in a window, or short lines would each pay for the whole piece. */
static size_t eol(struct view v)
{
	size_t from = 0, n;
	const char *lf, *cr;

	for (; from < v.n; from += EOL_WINDOW) {
		n = v.n - from < EOL_WINDOW ? v.n - from : EOL_WINDOW;
		lf = memchr(v.p + from, '\n', n);
		cr = memchr(v.p + from, '\r', lf ? (size_t)(lf - v.p - from) : n);
		if (cr || lf)
			return (cr ? cr : lf) - v.p;
	}
	return v.n;
}

/* Adds what fits; the rest makes the event a cut one. */
static int add(struct sse *s, struct buf *b, struct view v)
{
	struct view fits = view_take(v, b->max - b->n);

	if (fits.n < v.n)
		s->cut = true;
	return buf_add(b, fits);
}

/* The field name is known. */
static int begin_field(struct sse *s)
{
	struct view name = { s->name, s->name_n };

	s->field = IGNORED;
	if (view_eq(name, VIEW("data"))) {
		bool more = s->has_data;

		s->field = DATA;
		s->has_data = true;
		return more ? add(s, &s->data, VIEW("\n")) : 0;
	}
	if (view_eq(name, VIEW("event"))) {
		s->field = TYPE;
		buf_reset(&s->type);
	}
	return 0;
}

static void forget(struct sse *s)
{
	s->spent = s->has_data = s->cut = s->due = s->bare = false;
	buf_reset(&s->type);
	buf_reset(&s->data);
	if (s->data.cap > SSE_KEEP)
		buf_release(&s->data);
}

static void line_start(struct sse *s)
{
	s->at = NAME;
	s->name_n = 0;
}

/* A line ended. */
static int end_line(struct sse *s)
{
	int err = 0;

	switch (s->at) {
	case SKIP_LINE:
		s->at = SKIP;
		return 0;
	case SKIP:
		line_start(s);
		return 0;
	case BOM:
	case NAME:
		if (s->name_n)
			err = begin_field(s);
		else if (s->has_data)
			s->due = true;
		else
			forget(s);
		break;
	default:
		break;
	}
	line_start(s);
	return err;
}

static void take_bom(struct sse *s, struct view *in)
{
	static const char bom[] = "\xef\xbb\xbf";

	while (in->n && s->name_n < 3 && in->p[0] == bom[s->name_n]) {
		s->name[s->name_n] = in->p[0];
		s->name_n++;
		*in = view_drop(*in, 1);
	}
	if (s->name_n == 3)
		s->name_n = 0;
	else if (!in->n)
		return;
	s->at = NAME;
}

static int begin_bare(struct sse *s)
{
	bool more = s->has_data;

	s->bare = s->has_data = true;
	s->field = DATA;
	s->at = VALUE;
	return more ? add(s, &s->data, VIEW("\n")) : 0;
}

/* In front of the colon; in is the rest of the line. */
static int take_name(struct sse *s, struct view *in)
{
	const char *colon = memchr(in->p, ':', in->n);
	size_t n = colon ? (size_t)(colon - in->p) : in->n;
	struct view fits = view_take(*in, sizeof(s->name) - s->name_n);

	if (!s->name_n && (s->bare || (!s->has_data && in->p[0] == '{')))
		return begin_bare(s);
	fits = view_take(fits, n);
	memcpy(s->name + s->name_n, fits.p, fits.n);
	s->name_n += fits.n;
	*in = view_drop(*in, n + (colon != NULL));
	if (!colon)
		return 0;
	s->at = COLON;
	return begin_field(s);
}

static int take_value(struct sse *s, struct view *in)
{
	struct view v = *in;

	*in = view_drop(*in, in->n);
	if (s->field == IGNORED)
		return 0;
	return add(s, s->field == DATA ? &s->data : &s->type, v);
}

/* part: bytes of one line. */
static int take(struct sse *s, struct view part)
{
	int err = 0;

	while (part.n && !err) {
		switch (s->at) {
		case BOM:
			take_bom(s, &part);
			break;
		case NAME:
			err = take_name(s, &part);
			break;
		case COLON:
			if (part.p[0] == ' ')
				part = view_drop(part, 1);
			s->at = VALUE;
			break;
		case VALUE:
			err = take_value(s, &part);
			break;
		case SKIP:
			s->at = SKIP_LINE;
			/* fallthrough */
		case SKIP_LINE:
			return 0;
		}
	}
	return err;
}

static int hand_out(struct sse *s, struct proto_event *ev)
{
	struct view type = buf_view(&s->type), data = buf_view(&s->data);

	*ev = (struct proto_event){
		.kind = EV_EVENT,
		.name = type.n ? type : VIEW("message"),
		.value = data.n ? data : VIEW(""),
		.num = s->cut,
	};
	s->due = false;
	s->spent = true;
	return 1;
}

static int sse_lines(struct sse *s, struct view *in)
{
	size_t n;
	int err;

	while (in->n && !s->due) {
		if (s->after_cr && in->p[0] == '\n') {
			s->after_cr = false;
			*in = view_drop(*in, 1);
			continue;
		}
		s->after_cr = false;
		n = eol(*in);
		err = take(s, view_take(*in, n));
		if (!err && n < in->n) {
			s->after_cr = in->p[n] == '\r';
			n++;
			err = end_line(s);
		}
		if (err)
			return err;
		*in = view_drop(*in, n);
	}
	return 0;
}

/* One line that ends in LF, as it stands. */
static bool lf_line(struct view *in, struct view *ret)
{
	size_t n = eol(*in);

	if (n == in->n || in->p[n] != '\n')
		return false;
	*ret = view_take(*in, n);
	*in = view_drop(*in, n + 1);
	return true;
}

/* What stands behind the colon; line begins with prefix. */
static struct view value_of(struct view line, struct view prefix)
{
	line = view_drop(line, prefix.n);
	return line.n && line.p[0] == ' ' ? view_drop(line, 1) : line;
}

/*
 * An event as model servers send them, a type perhaps, one line of data and a
 * blank one, that is all there: it is handed out where it stands, and the state is as
 * if it had been taken line by line.  False: it is not such a one, and nothing happened.
 */
static bool whole_event(struct sse *s, struct view *in, struct proto_event *ev)
{
	struct view rest = *in, line, type = VIEW(""), data;

	if (s->at != NAME || s->name_n || s->has_data || s->type.n || s->after_cr || s->cut || s->due || s->ended || s->err)
		return false;
	if (!lf_line(&rest, &line))
		return false;
	if (view_starts(line, VIEW("event:"))) {
		type = value_of(line, VIEW("event:"));
		if (type.n > SSE_TYPE_MAX || !lf_line(&rest, &line))
			return false;
	}
	if (!view_starts(line, VIEW("data:")) || !rest.n || rest.p[0] != '\n')
		return false;
	data = value_of(line, VIEW("data:"));
	if (data.n > SSE_DATA_MAX)
		return false;
	*in = view_drop(rest, 1);
	*ev = (struct proto_event){
		.kind = EV_EVENT, .name = type.n ? type : VIEW("message"), .value = data.n ? data : VIEW(""),
	};
	return true;
}

static int sse_next(void *state, struct view *in, struct proto_event *ev)
{
	struct sse *s = state;

	if (s->spent)
		forget(s);
	if (whole_event(s, in, ev))
		return 1;
	if (s->ended)
		*in = view_drop(*in, in->n);
	if (!s->err && !s->due)
		s->err = sse_lines(s, in);
	if (s->err)
		return s->err;
	if (!s->due && s->ended && s->has_data) {
		s->due = s->cut = true;
		line_start(s);
	}
	return s->due ? hand_out(s, ev) : 0;
}

/* What was there of the event goes out as cut, and what is left of it behind the gap is dropped. */
static void sse_gap(void *state, uint64_t n)
{
	struct sse *s = state;

	if (s->spent)
		forget(s);
	if (s->has_data)
		s->due = s->cut = true;
	else
		forget(s);
	s->at = SKIP_LINE;
	s->name_n = 0;
	s->after_cr = false;
}

static void sse_end(void *state)
{
	struct sse *s = state;

	s->ended = true;
}

static size_t sse_memory(const void *state)
{
	const struct sse *s = state;

	return s->type.cap + s->data.cap;
}

const struct proto proto_sse = {
	.name = "sse",
	.state_size = sizeof(struct sse),
	.init = sse_init,
	.fini = sse_fini,
	.next = sse_next,
	.gap = sse_gap,
	.end = sse_end,
	.memory = sse_memory,
};
