// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.0 and 1.1 messages (RFC 9112, RFC 9110), one direction of a connection.
 *
 * A message walks through the places of enum place from START to END_DUE.  What
 * is in sync is decoded in place; only a line that was cut by the end of a piece
 * is copied (line).  When the framing is lost, or was never known because we
 * joined late, the place is HUNT: all bytes pass through pend until a line in
 * there looks like the head of a message and the line behind it like a header.
 * No place in a line is too odd for that, since a JSON body ends without a line
 * end and the next head follows at once.  The lines of a JSON text, an event
 * stream or a log do not end in CRLF, so what they quote is not taken for a head.
 *
 * After a gap in a chunked body the hunt is also for the next chunk: a size line
 * whose chunk ends where it says, with another size line behind it.  Event streams go
 * on behind a lost piece that way.
 *
 * What was passed over is reported as EV_OPAQUE: bytes handed in = bytes of
 * messages + bytes of EV_OPAQUE.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/http1.h"

#define LINE_MAX (64 * 1024)		/* of a first line or header line */
#define HEAD_MAX (1024 * 1024)		/* of a head, or of the trailers; the rest is read for its framing only */
#define HUNT_MAX (16 * 1024)		/* of a first line found by hunting */
#define HUNT_STEP (32 * 1024)
#define METHOD_MAX 32
#define HUNT_CHUNK_MAX (32 * 1024)	/* of a chunk that proves its size line */
#define HUNT_CHUNK_LINE_MAX 256
#define NAME_MAX_HUNT 128

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

/* How far HUNT has come with what is pending; offsets in there. */
struct hunt {
	bool flush;		/* it becomes opaque */
	bool at_line;		/* a size line may stand at the beginning of the unfinished line */
	size_t scanned;		/* lines before it are no heads */
	size_t line;		/* where the unfinished line begins */
	size_t guess;		/* what stands first may be a chunk; known when this much is there; 0: no */
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
	bool in_chunks;		/* HUNT: the message is still open, its next chunk would do as well */

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

static bool is_ws(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* tchar, RFC 9110 section 5.6.2. */
static bool is_tchar(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!is_tchar(v.p[i]))
			return false;
	return v.n > 0;
}

static struct view without_cr(struct view line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static struct view pending(const struct http1 *s)
{
	return view_drop(buf_view(&s->pend), s->off);
}

static void set_init(struct http1 *s, enum http1_side side)
{
	*s = (struct http1){ .side = side };
	buf_init(&s->line, LINE_MAX + 2);
	buf_init(&s->pend, LINE_MAX + HUNT_MAX + HUNT_STEP + 1024);
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
	s->in_chunks = false;
	return AGAIN;
}

/* HTTP/1.x, nothing else (RFC 9112 section 2.3). */
static bool version_of(struct view v, unsigned *ret_minor)
{
	if (v.n != 8 || !view_starts(v, VIEW("HTTP/1.")) || !is_digit(v.p[7]))
		return false;
	*ret_minor = v.p[7] - '0';
	return true;
}

/* Words are told apart by white space, however much of it (RFC 9112 section 3). */
static bool request_line(struct view line, struct proto_event *ev)
{
	struct view method, rest, version;
	const char *sp;
	unsigned minor;

	if (!view_cut(line, ' ', &method, &rest) || !is_token(method) || method.n > METHOD_MAX)
		return false;
	rest = view_trim(rest);
	sp = rest.n ? memrchr(rest.p, ' ', rest.n) : NULL;
	if (!sp)
		return false;
	version = view_drop(rest, sp + 1 - rest.p);
	if (!version_of(version, &minor))
		return false;
	*ev = (struct proto_event){
		.kind = EV_REQUEST,
		.name = method,
		.value = view_trim((struct view){ rest.p, sp - rest.p }),
		.num = minor,
	};
	return true;
}

/* HTTP/1.x SP 3DIGIT [SP reason] */
static bool status_line(struct view line, struct proto_event *ev)
{
	unsigned minor;
	const char *d = line.p + 9;

	if (line.n < 12 || !version_of(view_take(line, 8), &minor) || line.p[8] != ' ')
		return false;
	if (!is_digit(d[0]) || !is_digit(d[1]) || !is_digit(d[2]) || d[0] == '0')
		return false;
	if (line.n > 12 && !is_ws(line.p[12]))
		return false;
	*ev = (struct proto_event){
		.kind = EV_STATUS,
		.num = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0'),
		.num2 = minor,
		.value = view_trim(view_drop(line, 12)),
	};
	return true;
}

static bool first_line(struct http1 *s, struct view line, struct proto_event *ev)
{
	if (s->side != HTTP1_REQUEST && status_line(line, ev))
		s->side = HTTP1_RESPONSE;
	else if (s->side != HTTP1_RESPONSE && request_line(line, ev))
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

static int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
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

/* The line end behind a chunk's data. */
static int chunk_end(struct http1 *s, struct view *in)
{
	char c;

	if (!in->n)
		return MORE;
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
	s->in_chunks = false;
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

/* Those that hunting knows: a token alone would find heads in any prose. */
static const struct view methods[] = {
	{ "POST", 4 }, { "GET", 3 }, { "PUT", 3 }, { "HEAD", 4 }, { "DELETE", 6 }, { "PATCH", 5 },
	{ "OPTIONS", 7 }, { "CONNECT", 7 }, { "TRACE", 5 }, { "QUERY", 5 },
};

static bool is_target(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || strchr("\"<>\\`", v.p[i]))
			return false;
	return v.n && (v.p[0] == '/' || v.p[0] == '*' || is_tchar(v.p[0]));
}

/* Offset in v of the request line that v ends with; -1: none. */
static ssize_t request_in(struct view v)
{
	unsigned minor;
	const char *sp;
	size_t to;

	if (v.n < 9 || v.p[v.n - 9] != ' ' || !version_of(view_drop(v, v.n - 8), &minor))
		return -1;
	v.n -= 9;
	sp = v.n ? memrchr(v.p, ' ', v.n) : NULL;
	if (!sp || !is_target(view_drop(v, sp + 1 - v.p)))
		return -1;
	to = sp - v.p;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (view_ends(view_take(v, to), methods[i]))
			return to - methods[i].n;
	return -1;
}

/* A reason phrase as servers write it; quotes and markup come from a text about HTTP. */
static bool is_reason(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < ' ' || strchr("\"<>\\`{}", v.p[i]))
			return false;
	return true;
}

/* The last of several: what stands before it in the line is the end of something else. */
static ssize_t status_in(struct view v)
{
	struct view magic = VIEW("HTTP/1.");
	struct proto_event ev;
	ssize_t found = -1;
	const char *at;

	for (struct view rest = v; (at = memmem(rest.p, rest.n, magic.p, magic.n));) {
		rest = view_drop(rest, at - rest.p);
		if (status_line(rest, &ev) && ev.num < 600 && rest.p[7] <= '1')
			found = at - v.p;
		rest = view_drop(rest, magic.n);
	}
	if (found >= 0 && !is_reason(view_drop(v, found + 12)))
		return -1;
	return found;
}

/* Offset in line (without its LF) at which a head may begin; -1: none. */
static ssize_t head_in(const struct http1 *s, struct view line)
{
	ssize_t at = -1;
	size_t base;

	if (!line.n || line.p[line.n - 1] != '\r')
		return -1;
	line.n--;
	base = line.n > HUNT_MAX ? line.n - HUNT_MAX : 0;
	line = view_drop(line, base);
	if (s->side != HTTP1_RESPONSE)
		at = request_in(line);
	if (at < 0 && s->side != HTTP1_REQUEST)
		at = status_in(line);
	return at < 0 ? -1 : (ssize_t)base + at;
}

/* Whether a head goes on here, behind its first line: 1 yes, 0 no, -1 more bytes would tell. */
static int header_follows(struct view v)
{
	size_t i;

	if (view_starts(v, VIEW("\r\n")))
		return 1;
	if (v.n == 1 && v.p[0] == '\r')
		return -1;
	for (i = 0; i < v.n && is_tchar(v.p[i]); i++)
		if (i == NAME_MAX_HUNT)
			return 0;
	if (i == v.n)
		return -1;
	return i && v.p[i] == ':';
}

/* A control character ends what may become a head; behind the last one from from on, or none. */
static size_t after_control(struct view v, size_t from, size_t none)
{
	for (size_t i = v.n; i > from; i--)
		if ((unsigned char)v.p[i - 1] < ' ' && v.p[i - 1] != '\r')
			return i;
	return none;
}

/* The size that a chunk-size line gives; false: it is none. */
static bool chunk_line(struct view line, uint64_t *ret_size)
{
	size_t i;

	*ret_size = 0;
	for (i = 0; i < line.n && i < 8 && hex(line.p[i]) >= 0; i++)
		*ret_size = *ret_size * 16 + hex(line.p[i]);
	if (!i || *ret_size > HUNT_CHUNK_MAX || line.n > HUNT_CHUNK_LINE_MAX || line.p[line.n - 1] != '\r')
		return false;
	line = (struct view){ line.p + i, line.n - i - 1 };
	/* No control characters: hunt_tail() drops what stands before one. */
	return !line.n || (memchr("; ", line.p[0], 2) && after_control(line, 0, 0) == 0 && !memchr(line.p, '\r', line.n));
}

/* Bytes that have to be there to tell whether a chunk of that size stands behind its line: the next size line's first. */
static size_t guess_needs(uint64_t size, size_t behind)
{
	return behind + size + 2 + (size > 0);
}

/* Lines from from on, up to before to: offset of one that could be a size line; to: none. */
static size_t next_chunk_line(struct view v, size_t from, size_t to, uint64_t *ret_size, size_t *ret_behind)
{
	while (from < to) {
		const char *nl = memchr(v.p + from, '\n', to - from);
		struct view line = { v.p + from, (nl ? nl : v.p + to) - v.p - from };

		if (!nl)
			return to;
		*ret_behind = nl + 1 - v.p;
		if (from >= 2 && v.p[from - 2] == '\r' && chunk_line(line, ret_size))
			return from;
		from = *ret_behind;
	}
	return to;
}

/*
 * All that was needed is there.  A chunk that ends in a line end, has the next size line
 * behind it, and nothing in it that looks like one.
 */
static bool guess_holds(struct view v)
{
	size_t behind, inner, n;
	uint64_t size, inner_size;
	const char *nl = memchr(v.p, '\n', v.n);

	chunk_line((struct view){ v.p, nl - v.p }, &size);
	behind = nl + 1 - v.p;
	n = behind + size;
	if (!view_starts(view_drop(v, n), VIEW("\r\n")) || (size && hex(v.p[n + 2]) < 0))
		return false;
	return next_chunk_line(v, behind, n, &inner_size, &inner) == n;
}

/* The first n bytes are settled. */
static size_t hunted(struct hunt *h, size_t n)
{
	if (n > h->line)
		h->at_line = false;
	h->scanned -= n < h->scanned ? n : h->scanned;
	h->line -= n < h->line ? n : h->line;
	h->guess -= n < h->guess ? n : h->guess;
	return n;
}

/* The guess was wrong: to the next line that may be one, among those that were looked at. */
static size_t guess_again(struct hunt *h, struct view v)
{
	const char *nl = memchr(v.p, '\n', v.n);
	uint64_t size;
	size_t behind, at = next_chunk_line(v, nl + 1 - v.p, h->line, &size, &behind);

	h->guess = at < h->line ? guess_needs(size, behind) : 0;
	return hunted(h, at);
}

static size_t hunt_tail(struct hunt *h, struct view v)
{
	size_t to = h->line;

	if (v.n - to > 2 * HUNT_MAX)
		to = v.n - HUNT_MAX - 1;
	to = after_control(v, h->scanned > to ? h->scanned : to, to);
	h->scanned = v.n;
	return hunted(h, h->guess ? 0 : to);
}

enum find { NOTHING, A_HEAD, A_CHUNK };

/*
 * A whole line begins at h->line and ends at nl.  EVENT: hunt_lines() is done, *ret_n is its result.
 * MORE: bytes behind what is seen would tell.  AGAIN: on to the next line.
 */
static int hunt_line(struct http1 *s, struct view seen, const char *nl, enum find *ret_found, size_t *ret_n)
{
	struct hunt *h = &s->hunt;
	size_t from = h->line, behind = nl + 1 - seen.p;
	struct view line = { seen.p + from, nl - seen.p - from };
	bool candidate = s->in_chunks && !h->guess && h->at_line;
	ssize_t at = head_in(s, line);
	int head = at < 0 ? 0 : header_follows(view_drop(seen, behind));
	uint64_t size;

	if (head) {
		h->scanned = behind - 1;
		if (head > 0)
			h->guess = 0;
		*ret_found = head > 0 ? A_HEAD : NOTHING;
		*ret_n = from + at;
		return head > 0 || !h->guess ? EVENT : MORE;
	}
	h->line = h->scanned = behind;
	/* Of an LF right behind the gap, the gap took the CR. */
	h->at_line = view_ends(line, VIEW("\r")) || (candidate && !line.n);
	if (!candidate || !chunk_line(line, &size))
		return AGAIN;
	h->guess = guess_needs(size, behind);
	*ret_n = from;
	return from ? EVENT : AGAIN;
}

/*
 * Looks through what is pending, in the order in which bytes tell something.
 * Returns how many bytes are of no message; *ret_found: what stands behind them.
 */
static size_t hunt_lines(struct http1 *s, enum find *ret_found)
{
	struct hunt *h = &s->hunt;
	struct view v = pending(s);
	size_t n;

	for (;;) {
		struct view seen = h->guess ? view_take(v, h->guess) : v;
		const char *nl = NULL;
		int r = MORE;

		if (seen.n > h->scanned)
			nl = memchr(seen.p + h->scanned, '\n', seen.n - h->scanned);
		if (nl)
			r = hunt_line(s, seen, nl, ret_found, &n);
		if (r == EVENT)
			return hunted(h, n);
		if (r == AGAIN)
			continue;
		if (!h->guess || v.n < h->guess)
			return nl ? 0 : hunt_tail(h, v);
		if (guess_holds(view_take(v, h->guess))) {
			*ret_found = A_CHUNK;
			return 0;
		}
		n = guess_again(h, v);
		if (n)
			return n;
	}
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
static int found(struct http1 *s, enum find what)
{
	if (what == A_CHUNK) {
		s->in_chunks = false;
		chunk_next(s);
		return AGAIN;
	}
	/* The open message ended somewhere in between; after its EV_END the head is found again. */
	if (s->in_chunks)
		return finish(s, PROTO_END_LOST);
	s->at = START;
	return AGAIN;
}

static int hunt(struct http1 *s, struct view *in, struct proto_event *ev)
{
	enum find what = NOTHING;
	size_t n = s->hunt.flush ? pending(s).n : hunt_lines(s, &what);

	if (s->hunt.flush)
		s->hunt = (struct hunt){ .at_line = true };
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
	s->hunt = (struct hunt){ .at_line = true };
	s->in_chunks = true;
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
		s->hunt.flush = true;
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
		s->hunt.flush = pending(s).n;
		if (s->hunt.flush)
			return AGAIN;
		if (s->in_chunks)
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

static int http1_next(void *state, struct view *in, struct proto_event *ev)
{
	struct http1 *s = state;
	int r = s->err;

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
	if (s->at == HUNT && !s->in_chunks)
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

	return (s->at == HUNT && !s->in_chunks) || (s->at == START && !s->line.n && !pending(s).n);
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
