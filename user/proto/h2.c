// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/2 frames and header blocks (RFC 9113), one direction of a connection.
 *
 * It begins at START, which takes the client's preface or the server's SETTINGS;
 * anything else is another protocol and OPAQUE.  In sync, a frame is taken by its header
 * (FRAME) and decoded in place; only a header block in several pieces is copied.
 * SETTINGS need not be looked at: the only one that changes how bytes read is
 * HEADER_TABLE_SIZE, and an encoder that follows it says so in its header blocks (RFC 7541
 * section 4.2).
 *
 * After a gap that is not inside one frame's payload, or when we joined late, the place is
 * HUNT: a frame header is believed when only one thing can look like it, or
 * when another one stands where its frame ends.  What was passed over is EV_OPAQUE.
 *
 * A gap inside header blocks leaves the table of names without what they
 * inserted: hpack_forget().  A gap inside DATA costs nothing but its bytes.
 */
#include <errno.h>
#include <stdlib.h>

#include "proto/h2.h"
#include "proto/hpack.h"

#define HEAD_SZ		9
#define FRAME_MAX	16384		/* unless the other side allows more (RFC 9113 section 6.5.2) */
#define HUNT_FRAME_MAX	0xffff		/* of frames to be found: the top byte of a length is 0 */
#define NEAR		(64u * 1024)	/* streams */
#define BLOCK_MAX	(256 * 1024)	/* of a header block that comes in pieces */
#define LIST_MAX	(1024 * 1024)	/* of the fields handed out of a block; the rest is read for the table only */

enum { MORE = 0, EVENT = 1, AGAIN = 2 };

enum type { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };

#define END_STREAM	0x01
#define ACK		0x01
#define END_HEADERS	0x04
#define PADDED		0x08
#define PRIO		0x20

enum place {
	START,
	FRAME,		/* before or in a frame header */
	PAD,		/* its length */
	PREFIX,		/* what stands before a header block */
	BODY,
	BODY_END,
	BLOCK,		/* a piece of a header block */
	FIELDS_HERE,	/* a whole one is in the input */
	FIELDS,		/* or has been collected */
	HEAD_END,
	HEAD_OVER,
	CONTROL,
	REST,		/* of a frame: padding, or nothing we want */
	HUNT,
	OPAQUE,
	OVER,
};

struct head {
	uint32_t len, stream;
	uint8_t type, flags;
	bool reserved;
};

struct h2 {
	enum place at;
	enum h2_from from;
	int err;
	bool gapped, ended, flush;
	uint64_t gap;

	uint8_t head[24];	/* what is collected of the preface, a frame header, a control frame */
	uint8_t head_n;
	struct buf pend;	/* HUNT: bytes taken but not decided, from off on */
	size_t off;
	bool spent;		/* some of them went out with the last event */

	struct head frame;
	uint32_t left, pad;	/* of its payload, padding included; of the padding */
	uint8_t prefix;
	uint32_t longest;	/* frame so far */

	/* the header block */
	uint32_t block_stream;	/* 0: none is open */
	bool block_ends;	/* and its stream with it */
	bool mute;		/* a promise: read for the table only */
	bool cut;		/* some of it is missing */
	uint64_t list_n, skipped;
	struct hpack hpack;
	struct buf block;
	size_t block_off;
};

static const struct view preface = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24 };

/* --- frame headers --- */

static struct head read_head(const char *bytes)
{
	const uint8_t *p = (const uint8_t *)bytes;
	uint32_t id = (uint32_t)p[5] << 24 | p[6] << 16 | p[7] << 8 | p[8];

	return (struct head){
		.len = (uint32_t)p[0] << 16 | p[1] << 8 | p[2],
		.type = p[3],
		.flags = p[4],
		.stream = id & 0x7fffffff,
		.reserved = id >> 31,
	};
}

enum on_stream { STREAM, CONNECTION, EITHER };

/* What RFC 9113 section 6 says of each type. */
static const struct rule {
	uint32_t min, max;	/* of the length */
	uint8_t flags;		/* that have a meaning */
	enum on_stream on;
	bool sure;		/* a header that fits has at least 39 bits nobody else sets so */
} rules[] = {
	[DATA] = { 0, UINT32_MAX, END_STREAM | PADDED, STREAM, false },
	[HEADERS] = { 0, UINT32_MAX, END_STREAM | END_HEADERS | PADDED | PRIO, STREAM, false },
	[PRIORITY] = { 5, 5, 0, STREAM, true },
	[RST_STREAM] = { 4, 4, 0, STREAM, true },
	[SETTINGS] = { 0, FRAME_MAX, ACK, CONNECTION, true },
	[PUSH_PROMISE] = { 4, UINT32_MAX, END_HEADERS | PADDED, STREAM, false },
	[PING] = { 8, 8, ACK, CONNECTION, true },
	[GOAWAY] = { 8, FRAME_MAX, 0, CONNECTION, true },
	[WINDOW_UPDATE] = { 4, 4, 0, EITHER, true },
	[CONTINUATION] = { 0, UINT32_MAX, END_HEADERS, STREAM, false },
};

#define TYPE_CNT (sizeof(rules) / sizeof(rules[0]))

/* Whether a frame can begin so; longest: what others may be as long as. */
static bool may_be(const struct head *h, uint32_t longest)
{
	const struct rule *r = rules;

	if (h->type >= TYPE_CNT)	/* extensions are ignored (RFC 9113 section 5.5) */
		return h->len <= longest;
	r += h->type;
	if (h->len < r->min || h->len > r->max || (r->on == STREAM && !h->stream) ||
	    (r->on == CONNECTION && h->stream))
		return false;
	return h->type != SETTINGS || (!(h->len % 6) && (!(h->flags & ACK) || !h->len));
}

/* The same where there is no other reason to believe it: clients open odd streams, and servers hardly open any. */
static bool looks_like(const struct head *h, uint32_t longest)
{
	return h->type < TYPE_CNT && h->len <= longest && !h->reserved && !(h->flags & ~rules[h->type].flags) &&
	       (!h->stream || h->stream % 2) && may_be(h, longest);
}

/* Of a frame and the one behind it: what is open at a time has numbers close to each other. */
static bool go_together(const struct head *a, const struct head *b)
{
	return !a->stream || !b->stream || (a->stream - b->stream + NEAR < 2 * NEAR);
}

static bool is_first_settings(const char *p)
{
	struct head h = read_head(p);

	return h.type == SETTINGS && !h.flags && looks_like(&h, FRAME_MAX);
}

/* --- frames --- */

static int next_frame(struct h2 *s)
{
	s->at = FRAME;
	s->head_n = 0;
	return AGAIN;
}

/* Collects up to want bytes; true: they are there. */
static bool collect(struct h2 *s, struct view *in, size_t want)
{
	struct view v = view_take(*in, want - s->head_n);

	if (v.n)
		memcpy(s->head + s->head_n, v.p, v.n);
	s->head_n += v.n;
	*in = view_drop(*in, v.n);
	return s->head_n == want;
}

static int begin_block(struct h2 *s, bool mute, uint8_t prefix)
{
	s->block_stream = s->frame.stream;
	s->block_ends = !mute && (s->frame.flags & END_STREAM);
	s->mute = mute;
	s->cut = false;
	s->list_n = s->skipped = 0;
	s->prefix = prefix;
	s->at = s->frame.flags & PADDED ? PAD : PREFIX;
	return AGAIN;
}

/* Part of the header block is missing: what came of it is handed out, and no more. */
static int break_block(struct h2 *s)
{
	s->cut = true;
	s->at = FIELDS;
	return AGAIN;
}

static int begin_frame(struct h2 *s)
{
	s->left = s->frame.len;
	s->pad = 0;
	s->head_n = 0;
	if (s->left > s->longest)
		s->longest = s->left < HUNT_FRAME_MAX ? s->left : HUNT_FRAME_MAX;
	s->at = REST;
	switch (s->frame.type) {
	case DATA:
		s->at = s->frame.flags & PADDED ? PAD : BODY;
		break;
	case HEADERS:
		return begin_block(s, false, s->frame.flags & PRIO ? 5 : 0);
	case PUSH_PROMISE:
		return begin_block(s, true, 4);
	case CONTINUATION:
		if (s->block_stream)
			s->at = BLOCK;
		else
			hpack_forget(&s->hpack);
		break;
	case RST_STREAM:
	case GOAWAY:
		s->at = CONTROL;
		break;
	default:
		break;
	}
	return AGAIN;
}

/* From here on nothing is known of where frames begin. */
static int lose_sync(struct h2 *s, struct proto_event *ev)
{
	s->at = HUNT;
	hpack_forget(&s->hpack);
	*ev = (struct proto_event){ .kind = EV_GAP, .num = UINT64_MAX };
	return EVENT;
}

static bool continues(const struct h2 *s)
{
	return s->frame.type == CONTINUATION && s->frame.stream == s->block_stream;
}

static int frame(struct h2 *s, struct view *in, struct proto_event *ev)
{
	bool ok;

	if (!collect(s, in, HEAD_SZ))
		return MORE;
	s->frame = read_head((const char *)s->head);
	ok = may_be(&s->frame, s->longest);
	if (s->block_stream && (!ok || !continues(s)))
		return break_block(s);
	if (ok)
		return begin_frame(s);
	/* It is none, and stands in front of what is hunted through; pending bytes are those it was just read from. */
	if (s->pend.cap)
		*in = (struct view){ in->p - HEAD_SZ, in->n + HEAD_SZ };
	else if (buf_add(&s->pend, (struct view){ (const char *)s->head, HEAD_SZ }))
		return -ENOMEM;
	s->head_n = 0;
	return lose_sync(s, ev);
}

static int pad(struct h2 *s, struct view *in, struct proto_event *ev)
{
	bool data = s->frame.type == DATA;

	s->at = data ? BODY : PREFIX;
	if (s->left) {
		if (!in->n) {
			s->at = PAD;
			return MORE;
		}
		s->pad = (uint8_t)in->p[0];
		*in = view_drop(*in, 1);
		s->left--;
		if (s->pad <= s->left)
			return AGAIN;
	}
	/* More padding than payload (RFC 9113 section 6.1): nobody can say what is what. */
	s->pad = s->left;
	s->cut = true;
	if (!data)
		return AGAIN;
	*ev = (struct proto_event){ .kind = EV_GAP, .stream = s->frame.stream, .num = UINT64_MAX };
	return EVENT;
}

static struct view payload(const struct h2 *s, const struct view *in)
{
	return view_take(*in, s->left - s->pad);
}

static void consume(struct h2 *s, struct view *in, size_t n)
{
	*in = view_drop(*in, n);
	s->left -= n;
}

static int body(struct h2 *s, struct view *in, struct proto_event *ev)
{
	struct view v = payload(s, in);

	if (s->left == s->pad) {
		s->at = BODY_END;
		return AGAIN;
	}
	if (!v.n)
		return MORE;
	consume(s, in, v.n);
	*ev = (struct proto_event){ .kind = EV_BODY, .stream = s->frame.stream, .value = v };
	return EVENT;
}

static int body_end(struct h2 *s, struct proto_event *ev)
{
	s->at = REST;
	if (!(s->frame.flags & END_STREAM))
		return AGAIN;
	*ev = (struct proto_event){ .kind = EV_END, .stream = s->frame.stream, .num = PROTO_END_OK };
	return EVENT;
}

/* RST_STREAM and GOAWAY: the first bytes matter. */
static int control(struct h2 *s, struct view *in, struct proto_event *ev)
{
	uint8_t had = s->head_n, want = s->frame.type == GOAWAY ? 8 : 4;
	const uint8_t *p = s->head;
	bool all = collect(s, in, want);

	s->left -= s->head_n - had;
	if (!all)
		return MORE;
	*ev = (struct proto_event){ .kind = EV_RESET, .stream = s->frame.stream };
	if (want == 8) {
		ev->kind = EV_GOAWAY;
		ev->num2 = (uint32_t)(p[0] & 0x7f) << 24 | p[1] << 16 | p[2] << 8 | p[3];
		p += 4;
	}
	ev->num = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
	s->at = REST;
	return EVENT;
}

static int skip_rest(struct h2 *s, struct view *in)
{
	consume(s, in, view_take(*in, s->left).n);
	return s->left ? MORE : next_frame(s);
}

/* --- header blocks --- */

static int prefix(struct h2 *s, struct view *in)
{
	struct view v = view_take(payload(s, in), s->prefix);

	if (s->prefix > s->left - s->pad) {
		s->prefix = 0;
		s->cut = true;
		s->pad = s->left;
	}
	if (s->prefix && !v.n)
		return MORE;
	consume(s, in, s->prefix ? v.n : 0);
	s->prefix -= s->prefix ? v.n : 0;
	if (!s->prefix)
		s->at = BLOCK;
	return AGAIN;
}

static int block(struct h2 *s, struct view *in)
{
	struct view v = payload(s, in);
	uint32_t want = s->left - s->pad;
	int err;

	if ((s->frame.flags & END_HEADERS) && !s->block.n && !s->cut && v.n == want) {
		s->at = FIELDS_HERE;
		return AGAIN;
	}
	if (want && !v.n)
		return MORE;
	err = s->cut ? 0 : buf_add(&s->block, v);
	if (err == -ENOMEM)
		return err;
	s->cut |= err;
	consume(s, in, v.n);
	if (v.n == want)
		s->at = s->frame.flags & END_HEADERS ? FIELDS : REST;
	return AGAIN;
}

/* EVENT, AGAIN, or MORE when there are none left. */
static int field(struct h2 *s, struct view *v, struct proto_event *ev)
{
	struct hpack_field f;
	int r = hpack_next(&s->hpack, v, &f);

	if (r == -ENOMEM)
		return r;
	if (r <= 0) {
		s->cut |= r < 0;
		return MORE;
	}
	s->list_n += f.name.n + f.value.n + 32;
	if (f.name_unknown || f.value_unknown || s->list_n > LIST_MAX) {
		s->skipped++;
		return AGAIN;
	}
	*ev = (struct proto_event){ .kind = EV_HEADER, .stream = s->block_stream, .name = f.name, .value = f.value };
	return s->mute ? AGAIN : EVENT;
}

static int fields_here(struct h2 *s, struct view *in, struct proto_event *ev)
{
	struct view v = payload(s, in);
	size_t had = v.n;
	int r = field(s, &v, ev);

	if (r == MORE)
		s->at = HEAD_END;
	consume(s, in, r == MORE ? had : had - v.n);
	return r == MORE ? AGAIN : r;
}

static int fields(struct h2 *s, struct proto_event *ev)
{
	struct view v = view_drop(buf_view(&s->block), s->block_off);
	int r = field(s, &v, ev);

	s->block_off = s->block.n - v.n;
	if (r == MORE)
		s->at = HEAD_END;
	return r == MORE ? AGAIN : r;
}

static int head_end(struct h2 *s, struct proto_event *ev)
{
	if (s->cut)
		hpack_forget(&s->hpack);
	buf_release(&s->block);
	s->block_off = 0;
	s->at = HEAD_OVER;
	*ev = (struct proto_event){
		.kind = EV_HEADERS_END,
		.stream = s->block_stream,
		.num = s->skipped,
		.num2 = s->cut,
	};
	return s->mute ? AGAIN : EVENT;
}

/* Behind a block that was broken off stands the header that broke it. */
static int head_over(struct h2 *s, struct proto_event *ev)
{
	uint32_t stream = s->block_stream;

	s->block_stream = 0;
	s->cut = false;
	s->at = s->head_n ? FRAME : REST;
	if (!s->block_ends)
		return AGAIN;
	*ev = (struct proto_event){ .kind = EV_END, .stream = stream, .num = PROTO_END_OK };
	return EVENT;
}

/* --- the beginning, and what is not HTTP/2 --- */

static int opaque(struct h2 *s, struct view *in, struct proto_event *ev)
{
	if (s->head_n) {
		*ev = (struct proto_event){ .kind = EV_OPAQUE, .value = { (const char *)s->head, s->head_n } };
		s->head_n = 0;
		return EVENT;
	}
	if (!in->n)
		return MORE;
	*ev = (struct proto_event){ .kind = EV_OPAQUE, .value = *in };
	*in = view_drop(*in, in->n);
	return EVENT;
}

static int start_over(struct h2 *s)
{
	s->at = OPAQUE;
	return AGAIN;
}

static int start(struct h2 *s, struct view *in)
{
	while (in->n) {
		collect(s, in, s->head_n + 1);
		if (s->head_n <= HEAD_SZ && !s->head[0]) {
			if (s->head_n < HEAD_SZ)
				continue;
			if (!is_first_settings((const char *)s->head))
				return start_over(s);
			s->from = H2_FROM_SERVER;
			s->frame = read_head((const char *)s->head);
			return begin_frame(s);
		}
		if (!view_starts(preface, (struct view){ (const char *)s->head, s->head_n }))
			return start_over(s);
		if (s->head_n == preface.n) {
			s->from = H2_FROM_CLIENT;
			return next_frame(s);
		}
	}
	return MORE;
}

/* --- the hunt --- */

enum found { NO, YES, WAIT };

/* Whether a frame begins where v does; *ret_want: WAIT for so many bytes. */
static enum found frame_at(const struct h2 *s, struct view v, size_t *ret_want)
{
	struct head h, next;

	*ret_want = HEAD_SZ;
	if (v.n < HEAD_SZ)
		return !v.n || !v.p[0] ? WAIT : NO;
	h = read_head(v.p);
	if (!looks_like(&h, s->longest))
		return NO;
	if (rules[h.type].sure)
		return YES;
	*ret_want = HEAD_SZ + h.len + HEAD_SZ;
	if (v.n < *ret_want)
		return WAIT;
	next = read_head(v.p + HEAD_SZ + h.len);
	return looks_like(&next, s->longest) && go_together(&h, &next) ? YES : NO;
}

/* The bytes of v in front of which no frame begins; *ret_found, *ret_want as above of what is behind them. */
static size_t hunt_look(const struct h2 *s, struct view v, enum found *ret_found, size_t *ret_want)
{
	size_t i = 0;

	while (i < v.n) {
		const char *zero = memchr(v.p + i, 0, v.n - i);	/* a length below 64 KiB begins with one */

		i = zero ? (size_t)(zero - v.p) : v.n;
		if (i == v.n)
			break;
		*ret_found = frame_at(s, view_drop(v, i), ret_want);
		if (*ret_found != NO)
			return i;
		i++;
	}
	*ret_found = WAIT;
	*ret_want = HEAD_SZ;
	return i;
}

/* Nothing more comes to tell by: a frame that ends where the stream does is one. */
static bool ends_here(struct h2 *s, struct view v)
{
	struct head h;

	if (v.n < HEAD_SZ)
		return false;
	h = read_head(v.p);
	return looks_like(&h, s->longest) && v.n == HEAD_SZ + h.len;
}

static int hunt_out(struct view v, struct proto_event *ev)
{
	*ev = (struct proto_event){ .kind = EV_OPAQUE, .value = v };
	return EVENT;
}

static struct view pending(const struct h2 *s)
{
	return view_drop(buf_view(&s->pend), s->off);
}

/* Bytes are pending: the decision stands at their beginning. */
static int hunt_pending(struct h2 *s, struct view *in, struct proto_event *ev)
{
	struct view v = pending(s);
	enum found found;
	size_t want, n = hunt_look(s, v, &found, &want);
	int err;

	if (s->flush && found != YES && !n) {
		found = s->gapped || !ends_here(s, v) ? NO : YES;
		n = found == YES ? 0 : 1;
	}
	if (n) {
		s->off += n;
		return hunt_out(view_take(v, n), ev);
	}
	if (found == YES)
		return next_frame(s);
	if (!in->n)
		return MORE;
	buf_drop(&s->pend, s->off);
	s->off = 0;
	v = view_take(*in, want - s->pend.n);
	err = buf_add(&s->pend, v);
	*in = view_drop(*in, v.n);
	return err ? err : AGAIN;
}

static int hunt(struct h2 *s, struct view *in, struct proto_event *ev)
{
	enum found found;
	size_t want, n;
	struct view v = *in;

	if (pending(s).n)
		return hunt_pending(s, in, ev);
	if (!v.n)
		return MORE;
	n = hunt_look(s, v, &found, &want);
	if (n) {
		*in = view_drop(v, n);
		return hunt_out(view_take(v, n), ev);
	}
	if (found == YES)
		return next_frame(s);
	*in = view_drop(v, v.n);
	return buf_add(&s->pend, v) ? -ENOMEM : AGAIN;
}

/* --- gaps and the end --- */

static void use_up_gap(struct h2 *s, uint64_t n)
{
	s->gap -= n;
	s->gapped = s->gap;
}

/* So many bytes of this frame are missing. */
static uint32_t gap_here(struct h2 *s)
{
	uint32_t n = s->gap < s->left ? s->gap : s->left;

	s->left -= n;
	use_up_gap(s, n);
	return n;
}

static int gap_in_body(struct h2 *s, struct proto_event *ev)
{
	uint32_t data = s->left - s->pad, n = s->gap < data ? s->gap : data;
	bool unknown = s->gap == UINT64_MAX;

	s->left -= n;
	use_up_gap(s, n);
	if (s->left == s->pad)
		s->at = BODY_END;
	*ev = (struct proto_event){ .kind = EV_GAP, .stream = s->frame.stream, .num = unknown ? UINT64_MAX : n };
	return data ? EVENT : AGAIN;
}

/* Behind it nothing can be read of this frame's header block any more. */
static int gap_in_block(struct h2 *s)
{
	gap_here(s);
	s->pad = s->left;
	s->cut = true;
	s->at = s->frame.flags & END_HEADERS ? FIELDS : REST;
	return AGAIN;
}

static int gap_in_pad_length(struct h2 *s, struct proto_event *ev)
{
	if (s->frame.type != DATA)
		return gap_in_block(s);
	gap_here(s);
	s->pad = s->left;
	s->at = BODY_END;
	*ev = (struct proto_event){ .kind = EV_GAP, .stream = s->frame.stream, .num = UINT64_MAX };
	return EVENT;
}

static int gap_in_control(struct h2 *s, struct proto_event *ev)
{
	gap_here(s);
	s->at = REST;
	*ev = (struct proto_event){ .kind = EV_RESET, .stream = s->frame.stream, .num = UINT64_MAX };
	return s->frame.type == RST_STREAM ? EVENT : AGAIN;
}

static int gap_in_frame_head(struct h2 *s, struct proto_event *ev)
{
	s->head_n = 0;
	if (s->block_stream)
		return break_block(s);
	use_up_gap(s, s->gap);
	return lose_sync(s, ev);
}

static int take_gap(struct h2 *s, struct proto_event *ev)
{
	switch (s->at) {
	case START:
		s->gapped = false;
		s->at = s->head_n ? OPAQUE : HUNT;
		return AGAIN;
	case FRAME:
		return gap_in_frame_head(s, ev);
	case PAD:
		return gap_in_pad_length(s, ev);
	case BODY:
		return gap_in_body(s, ev);
	case PREFIX:
	case BLOCK:
		return gap_in_block(s);
	case CONTROL:
		return gap_in_control(s, ev);
	case REST:
		gap_here(s);
		return s->left ? AGAIN : next_frame(s);
	case HUNT:
		s->flush = pending(s).n;
		if (!s->flush)
			use_up_gap(s, s->gap);
		return AGAIN;
	default:
		use_up_gap(s, s->gap);
		return AGAIN;
	}
}

static int take_end(struct h2 *s, struct proto_event *ev)
{
	switch (s->at) {
	case START:
		s->at = s->head_n ? OPAQUE : OVER;
		return AGAIN;
	case HUNT:
		s->flush = pending(s).n;
		if (!s->flush)
			s->at = OVER;
		return AGAIN;
	case CONTROL:
		return gap_in_control(s, ev);
	case OVER:
		return MORE;
	default:
		s->head_n = s->left = s->pad = 0;
		if (s->block_stream)
			return break_block(s);
		s->at = OVER;
		return AGAIN;
	}
}

/* --- the row --- */

static void h2_init(void *state)
{
	struct h2 *s = state;

	*s = (struct h2){ .longest = FRAME_MAX };
	buf_init(&s->pend, HUNT_FRAME_MAX + 2 * HEAD_SZ);
	buf_init(&s->block, BLOCK_MAX);
	hpack_init(&s->hpack);
}

static void h2_fini(void *state)
{
	struct h2 *s = state;

	buf_release(&s->pend);
	buf_release(&s->block);
	hpack_release(&s->hpack);
}

static int step(struct h2 *s, struct view *in, struct proto_event *ev)
{
	switch (s->at) {
	case START:
		return start(s, in);
	case FRAME:
		return frame(s, in, ev);
	case PAD:
		return pad(s, in, ev);
	case PREFIX:
		return prefix(s, in);
	case BODY:
		return body(s, in, ev);
	case BODY_END:
		return body_end(s, ev);
	case BLOCK:
		return block(s, in);
	case FIELDS_HERE:
		return fields_here(s, in, ev);
	case FIELDS:
		return fields(s, ev);
	case HEAD_END:
		return head_end(s, ev);
	case HEAD_OVER:
		return head_over(s, ev);
	case CONTROL:
		return control(s, in, ev);
	case REST:
		return skip_rest(s, in);
	case HUNT:
		return hunt(s, in, ev);
	case OPAQUE:
		return opaque(s, in, ev);
	case OVER:
		*in = view_drop(*in, in->n);
		return MORE;
	}
	return MORE;
}

/* Of what was pending nothing is lent out any more. */
static void settle(struct h2 *s)
{
	if (s->pend.cap && s->off == s->pend.n) {
		buf_release(&s->pend);
		s->off = 0;
		s->flush = false;
	}
}

static bool waits(const struct h2 *s)
{
	return s->at != BODY_END && s->at != FIELDS_HERE && s->at != FIELDS && s->at != HEAD_END && s->at != HEAD_OVER;
}

static int h2_next(void *state, struct view *in, struct proto_event *ev)
{
	struct h2 *s = state;
	int r = s->err;

	while (!r || r == AGAIN) {
		struct view rest;
		bool own;

		settle(s);
		rest = pending(s);
		own = s->at != HUNT && rest.n;
		if (s->gapped && !own && waits(s) && !(s->at == HUNT && s->flush))
			r = take_gap(s, ev);
		else
			r = step(s, own ? &rest : in, ev);
		if (own)
			s->off = s->pend.n - rest.n;
		if (r == MORE && !own && !in->n) {
			if (!s->ended || s->at == OVER)
				return 0;
			r = take_end(s, ev);
		}
	}
	if (r < 0)
		s->err = r;
	return r;
}

static void h2_gap(void *state, uint64_t n)
{
	struct h2 *s = state;

	s->gapped |= n;
	s->gap = n > UINT64_MAX - s->gap ? UINT64_MAX : s->gap + n;
}

static void h2_end(void *state)
{
	struct h2 *s = state;

	s->ended = true;
}

static size_t h2_memory(const void *state)
{
	const struct h2 *s = state;

	return s->pend.cap + s->block.cap + hpack_memory(&s->hpack);
}

bool h2_synced(const void *state)
{
	const struct h2 *s = state;

	return s->at != START && s->at != HUNT && s->at != OPAQUE && s->at != OVER;
}

enum h2_from h2_from(const void *state)
{
	const struct h2 *s = state;

	return s->from;
}

bool h2_idle(const void *state)
{
	const struct h2 *s = state;

	return s->at == FRAME && !s->head_n && !s->block_stream && !s->pend.n;
}

void *h2_new(void)
{
	void *state = malloc(sizeof(struct h2));

	if (state)
		h2_init(state);
	return state;
}

void h2_free(void *state)
{
	if (state)
		h2_fini(state);
	free(state);
}

bool h2_undecided(const void *state)
{
	const struct h2 *s = state;

	return s->head_n || pending(s).n;
}

void h2_give_up(void *state)
{
	struct h2 *s = state;

	s->at = OPAQUE;
}

const struct proto proto_http2 = {
	.name = "http2",
	.state_size = sizeof(struct h2),
	.init = h2_init,
	.fini = h2_fini,
	.next = h2_next,
	.gap = h2_gap,
	.end = h2_end,
	.memory = h2_memory,
};
