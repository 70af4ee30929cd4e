// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.0 and 1.1 messages (RFC 9112, RFC 9110), one direction of a connection.
 *
 * A message walks through the places of enum place from START to END_DUE.  What
 * is in sync is decoded in place; only a line that was cut by the end of a piece
 * is copied (line).  When the framing is lost, or was never known because we
 * joined late, the place is HUNT: all bytes pass through pend until http1_hunt.c finds a
 * head in there, or the next chunk of the message in which the gap was.
 *
 * What was passed over is reported as EV_OPAQUE: bytes handed in = bytes of
 * messages + bytes of EV_OPAQUE.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/http1_hunt.h"
#include "proto/http1_line.h"

#define LINE_MAX (64 * 1024)		/* of a first line or header line */
#define HEAD_MAX (1024 * 1024)		/* of a head, or of the trailers; the rest is read for its framing only */
#define HUNT_STEP (32 * 1024)

/* What the functions below return to http1_next(). */
enum { MORE = 0, EVENT = 1, AGAIN = 2 };

enum place {
	START,			/* before a first line */
	HEAD,
	FRAMING,		/* EV_HEADERS_END is out, and with it the caller's chance to give a hint */
	BODY_LENGTH,
	BODY_CLOSE,
	CHUNK_SIZE,
	CHUNK_EXT,
	CHUNK_DATA,
	CHUNK_END,
	TRAILERS,
	END_DUE,
	OPAQUE,
	HUNT,
	OVER,
};

struct http1 {
	enum http1_side side;
	enum place at;
	int err;

	struct buf line;	/* the part of a line that came before this piece */
	uint64_t line_cut;	/* bytes of it over LINE_MAX */
	bool line_whole;	/* its end came, but not yet what tells whether it is folded */
	bool spent;		/* it was handed out with the last event */

	struct buf pend;	/* bytes taken but not decoded, from off on */
	size_t off;

	uint64_t gap;
	bool gapped, ended;

	struct hunt hunt;
	bool flush;		/* HUNT: what is pending becomes opaque */

	/* the message */
	unsigned status;
	bool no_body, opaque;
	bool te, chunked;
	bool has_length, bad_length;
	uint64_t length;	/* Content-Length */
	uint64_t left;		/* of the body or chunk */
	bool digits;		/* CHUNK_SIZE: one was seen */
	bool cr;		/* CHUNK_END: it was seen */
	uint64_t head_n;
	uint64_t skipped;	/* header lines not handed out */
	enum proto_end how;
	bool by_close;
};

static struct view pending(const struct http1 *s)
{
	return view_drop(buf_view(&s->pend), s->off);
}

static void set_init(struct http1 *s, enum http1_side side)
{
	*s = (struct http1){ .side = side };
	buf_init(&s->line, LINE_MAX + 2);
	buf_init(&s->pend, LINE_MAX + HUNT_KEEP + HUNT_STEP);
}

static void any_init(void *state)
{
	set_init(state, HTTP1_ANY);
}

static void request_init(void *state)
{
	set_init(state, HTTP1_REQUEST);
}

static void response_init(void *state)
{
	set_init(state, HTTP1_RESPONSE);
}

static void http1_fini(void *state)
{
	struct http1 *s = state;

	buf_release(&s->line);
	buf_release(&s->pend);
}

static int finish(struct http1 *s, enum proto_end how)
{
	s->how = how;
	s->at = END_DUE;
	return AGAIN;
}

/* What was collected of a line goes back in front of what comes; pend is used up whenever a line is held. */
static void unread(struct http1 *s)
{
	struct buf line = s->line;

	s->line.p = s->pend.p;
	s->line.cap = s->pend.cap;
	s->line.n = 0;
	s->pend.p = line.p;
	s->pend.cap = line.cap;
	s->pend.n = line.n;
	s->off = 0;
}

static int hunt_from_here(struct http1 *s)
{
	if (s->line.n)
		unread(s);
	s->at = HUNT;
	s->hunt = (struct hunt){ 0 };
	return AGAIN;
}

static bool first_line(struct http1 *s, struct view line, struct proto_event *ev)
{
	if (s->side != HTTP1_REQUEST && http1_status_line(line, ev))
		s->side = HTTP1_RESPONSE;
	else if (s->side != HTTP1_RESPONSE && http1_request_line(line, ev))
		s->side = HTTP1_REQUEST;
	else
		return false;
	s->status = s->side == HTTP1_RESPONSE ? ev->num : 0;
	s->no_body = s->opaque = s->te = s->chunked = s->has_length = s->bad_length = false;
	s->by_close = false;
	s->length = s->left = s->head_n = s->skipped = 0;
	s->at = HEAD;
	return true;
}

/* Whether a first line can begin so; tells TLS and its like from HTTP before a line end comes. */
static bool may_begin(const struct http1 *s, struct view v)
{
	struct view magic = VIEW("HTTP/1.");
	size_t i;

	if (v.n == 1 && v.p[0] == '\r')
		return true;
	if (s->side != HTTP1_REQUEST && view_starts(magic, view_take(v, magic.n)))
		return true;
	if (s->side == HTTP1_RESPONSE)
		return false;
	for (i = 0; i < v.n && v.p[i] != ' '; i++)
		if (i == METHOD_MAX || !is_tchar(v.p[i]))
			return false;
	return i > 0;
}

static int start_held(struct http1 *s, struct view *in, struct proto_event *ev)
{
	const char *nl = in->n ? memchr(in->p, '\n', in->n) : NULL;
	struct view piece = nl ? view_take(*in, nl + 1 - in->p) : *in;
	struct view line;
	int err;

	piece = view_take(piece, s->line.max - s->line.n);
	err = buf_add(&s->line, piece);
	if (err)
		return err;
	*in = view_drop(*in, piece.n);
	line = buf_view(&s->line);
	if (!line.n || line.p[line.n - 1] != '\n') {
		if (line.n == s->line.max || (line.n && !may_begin(s, line)))
			return hunt_from_here(s);
		return MORE;
	}
	line.n--;
	line = without_cr(line);
	if (!line.n) {
		buf_reset(&s->line);
		return AGAIN;
	}
	if (!first_line(s, line, ev))
		return hunt_from_here(s);
	s->spent = true;
	return EVENT;
}

static int start(struct http1 *s, struct view *in, struct proto_event *ev)
{
	struct view line, rest;

	if (s->line.n || !view_cut(*in, '\n', &line, &rest) || line.n + 1 >= s->line.max)
		return start_held(s, in, ev);
	line = without_cr(line);
	if (line.n && !first_line(s, line, ev))
		return hunt_from_here(s);
	*in = rest;
	return line.n ? EVENT : AGAIN;
}

static int hold_line(struct http1 *s, struct view v)
{
	struct view fits = view_take(v, s->line.n < LINE_MAX ? LINE_MAX - s->line.n : 0);

	s->line_cut += v.n - fits.n;
	return buf_add(&s->line, fits);
}

/*
 * One header line, unfolded, without its line end; empty at the end of the
 * head.  EVENT: *ret is good until the next call, s->line_cut bytes are missing at its end.
 * A line is whole when the byte behind it shows that it is not folded (RFC 9112 section 5.2).
 */
static int header_line(struct http1 *s, struct view *in, struct view *ret)
{
	struct view piece, rest;
	int err;

	for (;;) {
		if (s->line_whole) {
			if (!in->n)
				return MORE;
			s->line_whole = false;
			if (!is_ws(in->p[0])) {
				s->spent = true;
				*ret = buf_view(&s->line);
				return EVENT;
			}
		}
		if (!view_cut(*in, '\n', &piece, &rest)) {
			err = hold_line(s, *in);
			*in = view_drop(*in, in->n);
			return err ? err : MORE;
		}
		*in = rest;
		if (!s->line.n && piece.n <= LINE_MAX) {
			*ret = without_cr(piece);
			if (!ret->n || (rest.n && !is_ws(rest.p[0])))
				return EVENT;
		}
		err = hold_line(s, piece);
		if (err)
			return err;
		if (!s->line_cut)
			s->line.n = without_cr(buf_view(&s->line)).n;
		if (!s->line.n) {
			*ret = VIEW_NONE;
			return EVENT;
		}
		s->line_whole = true;
	}
}

static bool number(struct view v, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (!is_digit(v.p[i]) || n > (INT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*ret = n;
	return v.n > 0;
}

/* A list of the same number, over and over, is allowed (RFC 9110 section 8.6). */
static void note_length(struct http1 *s, struct view list)
{
	struct view one, rest = list;
	uint64_t n;
	bool more;

	do {
		more = view_cut(rest, ',', &one, &rest);
		if (!more)
			one = rest;
		if (!number(view_trim(one), &n) || (s->has_length && n != s->length)) {
			s->bad_length = true;
			return;
		}
		s->has_length = true;
		s->length = n;
	} while (more);
}

/* The last coding is the one that frames (RFC 9112 section 6.3). */
static void note_te(struct http1 *s, struct view list)
{
	const char *comma = list.n ? memrchr(list.p, ',', list.n) : NULL;
	struct view last = view_trim(comma ? view_drop(list, comma + 1 - list.p) : list);

	if (view_eq_nocase(last, VIEW("identity")))
		return;
	s->te = true;
	s->chunked = view_eq_nocase(last, VIEW("chunked"));
}

static void note_framing(struct http1 *s, struct view name, struct view value)
{
	if (view_eq_nocase(name, VIEW("content-length"))) {
		if (s->line_cut)
			s->bad_length = true;
		else
			note_length(s, value);
	} else if (view_eq_nocase(name, VIEW("transfer-encoding"))) {
		note_te(s, s->line_cut ? VIEW("?") : value);
	}
}

static bool split_header(struct view line, struct proto_event *ev)
{
	if (is_ws(line.p[0]) || !view_cut(line, ':', &ev->name, &ev->value))
		return false;
	ev->name = view_trim(ev->name);
	ev->value = view_trim(ev->value);
	return ev->name.n > 0;
}

/* EVENT with EV_HEADER, AGAIN when the line is not for others, MORE, or an error.  *ret_last: it was the empty line. */
static int header(struct http1 *s, struct view *in, struct proto_event *ev, bool *ret_last)
{
	struct view line;
	int r = header_line(s, in, &line);

	if (r != EVENT)
		return r;
	if (!line.n) {
		*ret_last = true;
		return AGAIN;
	}
	*ev = (struct proto_event){ .kind = EV_HEADER, .num = s->line_cut };
	s->head_n += line.n + s->line_cut + 2;
	r = AGAIN;
	if (split_header(line, ev)) {
		if (s->at == HEAD)
			note_framing(s, ev->name, ev->value);
		if (s->head_n <= HEAD_MAX)
			r = EVENT;
	}
	if (r == AGAIN)
		s->skipped++;
	s->line_cut = 0;
	return r;
}

static int head(struct http1 *s, struct view *in, struct proto_event *ev)
{
	bool last = false;
	int r = header(s, in, ev, &last);

	if (!last)
		return r;
	*ev = (struct proto_event){ .kind = EV_HEADERS_END, .num = s->skipped };
	s->at = FRAMING;
	return EVENT;
}

static int trailers(struct http1 *s, struct view *in, struct proto_event *ev)
{
	bool last = false;
	int r = header(s, in, ev, &last);

	return last ? finish(s, PROTO_END_OK) : r;
}

static void chunk_next(struct http1 *s)
{
	s->at = CHUNK_SIZE;
	s->left = 0;
	s->digits = s->cr = false;
}

/* RFC 9112 section 6.3, in its order. */
static int framing(struct http1 *s)
{
	bool response = s->side == HTTP1_RESPONSE;

	if (response && s->status == 101)
		s->opaque = true;
	if (response && (s->no_body || s->opaque || s->status < 200 || s->status == 204 || s->status == 304))
		return finish(s, PROTO_END_OK);
	if (s->te && s->chunked) {
		chunk_next(s);
		return AGAIN;
	}
	if (s->te && !response)
		return finish(s, PROTO_END_LOST);
	if (!s->te && s->bad_length)
		return finish(s, PROTO_END_LOST);
	if (!s->te && s->has_length) {
		s->left = s->length;
		s->at = BODY_LENGTH;
		return s->left ? AGAIN : finish(s, PROTO_END_OK);
	}
	if (!response)
		return finish(s, PROTO_END_OK);
	s->by_close = true;
	s->at = BODY_CLOSE;
	return AGAIN;
}

static int body(struct http1 *s, struct view *in, struct proto_event *ev)
{
	struct view v = *in;

	if (!v.n)
		return MORE;
	if (s->at != BODY_CLOSE) {
		v = view_take(v, s->left);
		s->left -= v.n;
	}
	*in = view_drop(*in, v.n);
	*ev = (struct proto_event){ .kind = EV_BODY, .value = v };
	if (s->at == BODY_LENGTH && !s->left)
		finish(s, PROTO_END_OK);
	else if (s->at == CHUNK_DATA && !s->left)
		s->at = CHUNK_END;
	return EVENT;
}

/* After a chunk-size line: data, or the trailers behind the last chunk. */
static int chunk_begin(struct http1 *s)
{
	s->at = s->left ? CHUNK_DATA : TRAILERS;
	if (!s->left)
		s->head_n = 0;
	return AGAIN;
}

static int chunk_size(struct http1 *s, struct view *in)
{
	for (; in->n; *in = view_drop(*in, 1)) {
		int d = hex(in->p[0]);

		if (d < 0)
			break;
		if (s->left >> 59)
			return finish(s, PROTO_END_LOST);
		s->left = s->left * 16 + d;
		s->digits = true;
	}
	if (!in->n)
		return MORE;
	if (!s->digits || !memchr("; \t\r\n", in->p[0], 5))
		return finish(s, PROTO_END_LOST);
	s->at = CHUNK_EXT;
	return AGAIN;
}

static int chunk_ext(struct http1 *s, struct view *in)
{
	struct view skipped;

	if (view_cut(*in, '\n', &skipped, in))
		return chunk_begin(s);
	*in = view_drop(*in, in->n);
	return MORE;
}

/*
 * From one chunk's data to the next one's in one step, when all that is between them
 * is there and looks as it mostly does.  Anything else is left to the steps.
 */
static bool chunk_to_chunk(struct http1 *s, struct view *in)
{
	const char *p = in->p;
	uint64_t n = 0;
	size_t i = 2;
	int d;

	if (in->n < 16 || p[0] != '\r' || p[1] != '\n')
		return false;
	for (; i < 10 && (d = hex(p[i])) >= 0; i++)
		n = n * 16 + d;
	if (!n || p[i] != '\r' || p[i + 1] != '\n')
		return false;
	*in = view_drop(*in, i + 2);
	s->left = n;
	s->at = CHUNK_DATA;
	return true;
}

/* The line end behind a chunk's data. */
static int chunk_end(struct http1 *s, struct view *in)
{
	char c;

	if (!in->n)
		return MORE;
	if (!s->cr && chunk_to_chunk(s, in))
		return AGAIN;
	c = in->p[0];
	if (c != '\n' && (c != '\r' || s->cr))
		return finish(s, PROTO_END_LOST);
	*in = view_drop(*in, 1);
	s->cr = true;
	if (c == '\n')
		chunk_next(s);
	return AGAIN;
}

static int end_due(struct http1 *s, struct proto_event *ev)
{
	*ev = (struct proto_event){ .kind = EV_END, .num = s->how, .num2 = s->by_close };
	s->hunt.in_chunks = false;
	s->at = s->opaque ? OPAQUE : START;
	if (s->how == PROTO_END_LOST)
		hunt_from_here(s);
	return EVENT;
}

static int opaque(struct view *in, struct proto_event *ev)
{
	if (!in->n)
		return MORE;
	*ev = (struct proto_event){ .kind = EV_OPAQUE, .value = *in };
	*in = view_drop(*in, in->n);
	return EVENT;
}

static int hunt_more(struct http1 *s, struct view *in)
{
	struct view v = view_take(*in, HUNT_STEP);
	int err;

	if (!in->n)
		return MORE;
	buf_drop(&s->pend, s->off);
	s->off = 0;
	err = buf_add(&s->pend, v);
	if (err)
		return err;
	*in = view_drop(*in, v.n);
	return AGAIN;
}

/* What was found begins where pending bytes now begin. */
static int found(struct http1 *s, enum hunt_find what)
{
	if (what == HUNT_CHUNK) {
		s->hunt.in_chunks = false;
		chunk_next(s);
		return AGAIN;
	}
	/* The open message ended somewhere in between; after its EV_END the head is found again. */
	if (s->hunt.in_chunks)
		return finish(s, PROTO_END_LOST);
	s->at = START;
	return AGAIN;
}

static int hunt(struct http1 *s, struct view *in, struct proto_event *ev)
{
	enum hunt_find what = HUNT_NOTHING;
	size_t n = s->flush ? pending(s).n : hunt_look(&s->hunt, s->side, pending(s), &what);

	if (s->flush) {
		s->flush = false;
		s->hunt = (struct hunt){ .in_chunks = s->hunt.in_chunks, .at_line = true };
	}
	if (n) {
		*ev = (struct proto_event){ .kind = EV_OPAQUE, .value = view_take(pending(s), n) };
		s->off += n;
		return EVENT;
	}
	return what ? found(s, what) : hunt_more(s, in);
}

static int step(struct http1 *s, struct view *in, struct proto_event *ev)
{
	switch (s->at) {
	case START:
		return start(s, in, ev);
	case HEAD:
		return head(s, in, ev);
	case FRAMING:
		return framing(s);
	case BODY_LENGTH:
	case BODY_CLOSE:
	case CHUNK_DATA:
		return body(s, in, ev);
	case CHUNK_SIZE:
		return chunk_size(s, in);
	case CHUNK_EXT:
		return chunk_ext(s, in);
	case CHUNK_END:
		return chunk_end(s, in);
	case TRAILERS:
		return trailers(s, in, ev);
	case END_DUE:
		return end_due(s, ev);
	case OPAQUE:
		return opaque(in, ev);
	case HUNT:
		return hunt(s, in, ev);
	case OVER:
		*in = view_drop(*in, in->n);
		return MORE;
	}
	return MORE;
}

/* n bytes of the body, as far as one can say, are missing. */
static int body_gap(struct http1 *s, struct proto_event *ev, uint64_t n)
{
	*ev = (struct proto_event){ .kind = EV_GAP, .num = n };
	return EVENT;
}

static int hunt_chunk(struct http1 *s)
{
	s->at = HUNT;
	s->hunt = (struct hunt){ .in_chunks = true, .at_line = true };
	return AGAIN;
}

/* Inside a length that was announced the gap is exact; past its end nothing is known. */
static int gap_in_length(struct http1 *s, struct proto_event *ev, uint64_t n)
{
	uint64_t left = s->left;

	if (n < left) {
		s->left -= n;
		return body_gap(s, ev, n);
	}
	s->left = 0;
	finish(s, n == left ? PROTO_END_OK : PROTO_END_LOST);
	return body_gap(s, ev, left);
}

/* A gap that ends in the line end behind the chunk is as exact. */
static int gap_in_chunk(struct http1 *s, struct proto_event *ev, uint64_t n)
{
	uint64_t left = s->left;

	if (n < left) {
		s->left -= n;
		return body_gap(s, ev, n);
	}
	s->left = 0;
	s->at = CHUNK_END;
	s->cr = n == left + 1;
	if (n == left + 2)
		chunk_next(s);
	else if (n - left > 2)
		hunt_chunk(s);
	return body_gap(s, ev, n - left > 2 ? UINT64_MAX : left);
}

/* Half a header line: its bytes are the message's, but it says nothing. */
static void drop_line(struct http1 *s)
{
	buf_reset(&s->line);
	s->line_whole = false;
	s->line_cut = 0;
}

static int take_gap(struct http1 *s, struct proto_event *ev)
{
	uint64_t n = s->gap;

	s->gapped = false;
	s->gap = 0;
	switch (s->at) {
	case START:
		hunt_from_here(s);
		/* fallthrough */
	case HUNT:
		s->flush = true;
		return AGAIN;
	case BODY_LENGTH:
		return gap_in_length(s, ev, n);
	case CHUNK_DATA:
		return gap_in_chunk(s, ev, n);
	case BODY_CLOSE:
		return body_gap(s, ev, n);
	case CHUNK_SIZE:
	case CHUNK_EXT:
	case CHUNK_END:
		hunt_chunk(s);
		return body_gap(s, ev, UINT64_MAX);
	case HEAD:
	case TRAILERS:
		drop_line(s);
		return finish(s, PROTO_END_LOST);
	default:
		return AGAIN;
	}
}

static int take_end(struct http1 *s)
{
	switch (s->at) {
	case START:
		if (!s->line.n) {
			s->at = OVER;
			return AGAIN;
		}
		hunt_from_here(s);
		/* fallthrough */
	case HUNT:
		s->flush = pending(s).n;
		if (s->flush)
			return AGAIN;
		if (s->hunt.in_chunks)
			return finish(s, PROTO_END_CUT);
		s->at = OVER;
		return AGAIN;
	case BODY_CLOSE:
		return finish(s, PROTO_END_OK);
	case OPAQUE:
		s->at = OVER;
		return AGAIN;
	case OVER:
		return MORE;
	default:
		drop_line(s);
		s->opaque = false;
		return finish(s, PROTO_END_CUT);
	}
}

/* What was lent out with the last event comes back. */
static void settle(struct http1 *s)
{
	if (s->spent) {
		s->spent = false;
		buf_reset(&s->line);
		if (s->line.cap > 4096)
			buf_release(&s->line);
	}
	if (s->at != HUNT && s->pend.cap && s->off == s->pend.n) {
		buf_release(&s->pend);
		s->off = 0;
	}
}

/* Without new bytes there is nothing to say: what the other direction's bytes make the caller ask all the time. */
static bool waits(const struct http1 *s)
{
	return (s->at == START || s->at == BODY_LENGTH || s->at == BODY_CLOSE || s->at == CHUNK_DATA ||
		s->at == CHUNK_END) && !s->line.n && !s->pend.n && !s->gapped && !s->ended;
}

static int http1_next(void *state, struct view *in, struct proto_event *ev)
{
	struct http1 *s = state;
	int r = s->err;

	if (!r && !in->n && waits(s))
		return 0;
	while (!r || r == AGAIN) {
		struct view rest, all;
		bool own;

		settle(s);
		all = buf_view(&s->pend);
		rest = pending(s);
		own = s->at != HUNT && rest.n;
		if (s->gapped && !own && s->at != FRAMING && s->at != END_DUE)
			r = take_gap(s, ev);
		else
			r = step(s, own ? &rest : in, ev);
		/* Unless unread() put another buffer there. */
		if (own && s->pend.p == all.p)
			s->off = all.n - rest.n;
		if (r == MORE && !own && !in->n) {
			if (!s->ended || s->at == OVER)
				return 0;
			r = take_end(s);
		}
	}
	if (r < 0)
		s->err = r;
	return r;
}

static void http1_gap(void *state, uint64_t n)
{
	struct http1 *s = state;

	s->gapped = true;
	s->gap = n > UINT64_MAX - s->gap ? UINT64_MAX : s->gap + n;
}

static void http1_end(void *state)
{
	struct http1 *s = state;

	s->ended = true;
}

void http1_response_no_body(void *state)
{
	struct http1 *s = state;

	s->no_body = true;
}

void http1_response_opaque(void *state)
{
	struct http1 *s = state;

	s->opaque = true;
}

void http1_request_opaque(void *state)
{
	struct http1 *s = state;

	if (s->at == START)
		hunt_from_here(s);
	if (s->at == HUNT && !s->hunt.in_chunks)
		s->at = OPAQUE;
	else
		s->opaque = true;
}

enum http1_side http1_side(const void *state)
{
	const struct http1 *s = state;

	return s->side;
}

void http1_be(void *state, enum http1_side side)
{
	struct http1 *s = state;

	s->side = side;
}

bool http1_idle(const void *state)
{
	const struct http1 *s = state;

	return (s->at == HUNT && !s->hunt.in_chunks) || (s->at == START && !s->line.n && !pending(s).n);
}

static size_t http1_memory(const void *state)
{
	const struct http1 *s = state;

	return s->line.cap + s->pend.cap;
}

const struct proto proto_http1_request = {
	.name = "http1 request",
	.state_size = sizeof(struct http1),
	.init = request_init,
	.fini = http1_fini,
	.next = http1_next,
	.gap = http1_gap,
	.end = http1_end,
	.memory = http1_memory,
};

const struct proto proto_http1_response = {
	.name = "http1 response",
	.state_size = sizeof(struct http1),
	.init = response_init,
	.fini = http1_fini,
	.next = http1_next,
	.gap = http1_gap,
	.end = http1_end,
	.memory = http1_memory,
};

const struct proto proto_http1 = {
	.name = "http1",
	.state_size = sizeof(struct http1),
	.init = any_init,
	.fini = http1_fini,
	.next = http1_next,
	.gap = http1_gap,
	.end = http1_end,
	.memory = http1_memory,
};
