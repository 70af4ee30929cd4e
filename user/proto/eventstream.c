// SPDX-License-Identifier: Apache-2.0
/*
 * application/vnd.amazon.eventstream, the frames in which AWS services stream
 * (Smithy specification, "Amazon Event Stream"):
 *
 *	u32 total  u32 headers  u32 crc(the 8 bytes before)  headers  payload  u32 crc(all before)
 *
 * An EV_EVENT for each frame.  Its name is the :event-type; "exception X" for an
 * exception of type X and "error X" for an error with code X, whose message is
 * the value then.  The value is the payload.
 *
 * Checksums that are wrong end it: what stands behind a length that is not true
 * means nothing.  Behind a gap the next frame is found by the checksum of its first
 * eight bytes; a frame that lost its end goes out as cut if its headers came.
 */
#include <errno.h>
#include <zlib.h>

#include "proto/gather.h"

#define PRELUDE 12
#define FRAME_MAX GATHER_MAX	/* of the SDKs, too */
#define HEADERS_MAX_N (128 * 1024)
#define NAME_MAX_N 256

struct eventstream {
	struct gather frame;
	char name[NAME_MAX_N];
	bool hunting;		/* after a gap: any byte may be the first of a frame */
	bool due;		/* frame is to be handed out, whole or cut */
	bool ended;
	int err;
};

struct frame_names {
	struct view message, event, exception, code, text;
};

static void eventstream_init(void *state)
{
	struct eventstream *s = state;

	*s = (struct eventstream){ 0 };
	gather_init(&s->frame);
}

static void eventstream_fini(void *state)
{
	struct eventstream *s = state;

	gather_release(&s->frame);
}

static uint32_t be32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | u[1] << 16 | u[2] << 8 | u[3];
}

static uint32_t crc(const char *p, size_t n)
{
	return crc32_z(0, (const unsigned char *)p, n);
}

static bool prelude_good(const char *p)
{
	uint32_t total = be32(p), headers = be32(p + 4);

	return total >= PRELUDE + 4 && total <= FRAME_MAX && headers <= total - PRELUDE - 4 &&
	       headers <= HEADERS_MAX_N && be32(p + 8) == crc(p, 8);
}

/* Length of a header's value by its type, with its own length field; SIZE_MAX: it does not fit. */
static size_t value_size(struct view v, unsigned char type, size_t *ret_skip)
{
	static const unsigned char sizes[] = { 0, 0, 1, 2, 4, 8, 0, 0, 8, 16 };
	size_t n;

	*ret_skip = 0;
	if (type >= sizeof(sizes))
		return SIZE_MAX;
	n = sizes[type];
	if (type == 6 || type == 7) {
		if (v.n < 2)
			return SIZE_MAX;
		*ret_skip = 2;
		n = (unsigned char)v.p[0] << 8 | (unsigned char)v.p[1];
	}
	return n <= v.n - *ret_skip ? n : SIZE_MAX;
}

static void set_name(struct frame_names *names, struct view name, struct view value)
{
	const struct {
		struct view name;
		struct view *at;
	} rows[] = {
		{ VIEW(":message-type"), &names->message }, { VIEW(":event-type"), &names->event },
		{ VIEW(":exception-type"), &names->exception }, { VIEW(":error-code"), &names->code },
		{ VIEW(":error-message"), &names->text },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (view_eq(name, rows[i].name))
			*rows[i].at = value;
}

/* Headers that make no sense end the list: the frame's payload is good all the same. */
static struct frame_names frame_headers(struct view v)
{
	struct frame_names names = { 0 };
	struct view name, value;
	size_t n, skip;
	unsigned char type;

	while (v.n) {
		n = (unsigned char)v.p[0];
		if (v.n < n + 2)
			break;
		name = (struct view){ v.p + 1, n };
		type = v.p[n + 1];
		v = view_drop(v, n + 2);
		n = value_size(v, type, &skip);
		if (n == SIZE_MAX)
			break;
		value = (struct view){ v.p + skip, n };
		v = view_drop(v, skip + n);
		if (type == 7)
			set_name(&names, name, value);
	}
	return names;
}

static struct view put_name(struct eventstream *s, struct view kind, struct view name)
{
	size_t n = kind.n;

	memcpy(s->name, kind.p, n);
	name = view_take(name, sizeof(s->name) - n);
	if (name.n)
		memcpy(s->name + n, name.p, name.n);
	return (struct view){ s->name, n + name.n };
}

static int hand_out(struct eventstream *s, struct proto_event *ev)
{
	struct view frame = buf_view(&s->frame.b), payload;
	size_t total = be32(frame.p), headers = be32(frame.p + 4);
	struct frame_names names = frame_headers(view_take(view_drop(frame, PRELUDE), headers));

	s->due = false;
	payload = view_drop(frame, PRELUDE + headers);
	payload = view_take(payload, total - PRELUDE - 4 - headers);
	gather_out(&s->frame, VIEW_NONE, ev);
	ev->value = payload.n ? payload : VIEW("");
	if (view_eq(names.message, VIEW("exception"))) {
		ev->name = put_name(s, VIEW("exception "), names.exception);
	} else if (view_eq(names.message, VIEW("error"))) {
		ev->name = put_name(s, VIEW("error "), names.code);
		ev->value = names.text.n ? names.text : VIEW("");
	} else {
		ev->name = put_name(s, VIEW(""), names.event);
	}
	return 1;
}

/* Takes as much as makes the frame n bytes long.  1: it is, 0: there is not so much, < 0. */
static int fill(struct eventstream *s, struct view *in, size_t n)
{
	struct view part;
	int err;

	if (s->frame.b.n >= n)
		return 1;
	part = view_take(*in, n - s->frame.b.n);
	err = gather_add(&s->frame, part);
	if (err)
		return err;
	*in = view_drop(*in, part.n);
	return s->frame.b.n >= n;
}

/* 1: the first bytes of a frame stand in the buffer. */
static int take_prelude(struct eventstream *s, struct view *in)
{
	int r;

	while ((r = fill(s, in, PRELUDE)) > 0) {
		if (prelude_good(s->frame.b.p)) {
			s->hunting = false;
			return 1;
		}
		if (!s->hunting)
			return -EPROTO;
		buf_drop(&s->frame.b, 1);
	}
	return r;
}

static int take(struct eventstream *s, struct view *in)
{
	int r = s->hunting || s->frame.b.n < PRELUDE ? take_prelude(s, in) : 1;
	size_t total;

	if (r <= 0)
		return r;
	total = be32(s->frame.b.p);
	r = fill(s, in, total);
	if (r <= 0)
		return r;
	if (be32(s->frame.b.p + total - 4) != crc(s->frame.b.p, total - 4))
		return -EPROTO;
	s->due = true;
	return 0;
}

/* Nothing more comes of this frame.  It is worth something if its headers came. */
static void cut_frame(struct eventstream *s)
{
	size_t n = s->frame.b.n;

	if (!s->hunting && n >= PRELUDE && prelude_good(s->frame.b.p) &&
	    n >= PRELUDE + be32(s->frame.b.p + 4))
		s->due = s->frame.cut = true;
	else
		gather_forget(&s->frame);
}

static int eventstream_next(void *state, struct view *in, struct proto_event *ev)
{
	struct eventstream *s = state;

	gather_fresh(&s->frame);
	if (s->ended)
		*in = view_drop(*in, in->n);
	while (!s->err && !s->due && in->n)
		s->err = take(s, in);
	if (!s->due && s->err)
		return s->err;
	if (!s->due && s->ended && s->frame.b.n)
		cut_frame(s);
	return s->due ? hand_out(s, ev) : 0;
}

static void eventstream_gap(void *state, uint64_t n)
{
	struct eventstream *s = state;

	if (s->err)
		return;
	gather_fresh(&s->frame);
	cut_frame(s);
	s->hunting = true;
}

static void eventstream_end(void *state)
{
	struct eventstream *s = state;

	s->ended = true;
}

static size_t eventstream_memory(const void *state)
{
	const struct eventstream *s = state;

	return s->frame.b.cap;
}

const struct proto proto_eventstream = {
	.name = "eventstream",
	.state_size = sizeof(struct eventstream),
	.init = eventstream_init,
	.fini = eventstream_fini,
	.next = eventstream_next,
	.gap = eventstream_gap,
	.end = eventstream_end,
	.memory = eventstream_memory,
};
