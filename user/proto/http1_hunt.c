// SPDX-License-Identifier: Apache-2.0
/*
 * Where a message may begin in bytes out of sync, and where the next chunk of one.
 *
 * A head is a first line with what looks like a header, or the end of the head, behind
 * it. No place in a line is too odd for it, since a JSON body ends without a line
 * end and the next head follows at once.  The lines of a JSON text, an event
 * stream or a log do not end in CRLF, so what they quote is not taken for one.
 *
 * A chunk is a size line that ends where it says, with another size line
 * behind it and none inside.
 */
#include <sys/types.h>

#include "proto/http1_hunt.h"
#include "proto/http1_line.h"

#define LINE_MAX (16 * 1024)		/* of a first line */
#define NAME_MAX 128
#define CHUNK_MAX (32 * 1024)		/* of a chunk that proves its size line */
#define CHUNK_LINE_MAX 256

_Static_assert(HUNT_KEEP >= 2 * LINE_MAX && HUNT_KEEP >= CHUNK_MAX + CHUNK_LINE_MAX + 4, "room for what is undecided");

/* What hunt_line() returns. */
enum { MORE, EVENT, AGAIN };

/* Those that hunting knows: a token alone would find heads in any prose. */
static const struct view methods[] = {
	{ "POST", 4 }, { "GET", 3 }, { "PUT", 3 }, { "HEAD", 4 }, { "DELETE", 6 }, { "PATCH", 5 },
	{ "OPTIONS", 7 }, { "CONNECT", 7 }, { "TRACE", 5 }, { "QUERY", 5 },
};

static bool is_target(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] <= ' ' || strchr("\"<>\\`", v.p[i]))
			return false;
	return v.n && (v.p[0] == '/' || v.p[0] == '*' || is_tchar(v.p[0]));
}

/* Offset in v of the request line that v ends with; -1: none. */
static ssize_t request_in(struct view v)
{
	unsigned minor;
	const char *sp;
	size_t to;

	if (v.n < 9 || v.p[v.n - 9] != ' ' || !http1_version(view_drop(v, v.n - 8), &minor))
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
		if (http1_status_line(rest, &ev) && ev.num < 600 && rest.p[7] <= '1')
			found = at - v.p;
		rest = view_drop(rest, magic.n);
	}
	if (found >= 0 && !is_reason(view_drop(v, found + 12)))
		return -1;
	return found;
}

/* Offset in line (without its LF) at which a head may begin; -1: none. */
static ssize_t head_in(enum http1_side side, struct view line)
{
	ssize_t at = -1;
	size_t base;

	if (!line.n || line.p[line.n - 1] != '\r')
		return -1;
	line.n--;
	base = line.n > LINE_MAX ? line.n - LINE_MAX : 0;
	line = view_drop(line, base);
	if (side != HTTP1_RESPONSE)
		at = request_in(line);
	if (at < 0 && side != HTTP1_REQUEST)
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
		if (i == NAME_MAX)
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
	if (!i || *ret_size > CHUNK_MAX || line.n > CHUNK_LINE_MAX || line.p[line.n - 1] != '\r')
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

	if (v.n - to > 2 * LINE_MAX)
		to = v.n - LINE_MAX - 1;
	to = after_control(v, h->scanned > to ? h->scanned : to, to);
	h->scanned = v.n;
	return hunted(h, h->guess ? 0 : to);
}

/*
 * A whole line begins at h->line and ends at nl.  EVENT: hunt_look() is done, *ret_n is its result.
 * MORE: bytes behind what is seen would tell.  AGAIN: on to the next line.
 */
static int hunt_line(struct hunt *h, enum http1_side side, struct view seen, const char *nl,
		     enum hunt_find *ret_found, size_t *ret_n)
{
	size_t from = h->line, behind = nl + 1 - seen.p;
	struct view line = { seen.p + from, nl - seen.p - from };
	bool candidate = h->in_chunks && !h->guess && h->at_line;
	ssize_t at = head_in(side, line);
	int head = at < 0 ? 0 : header_follows(view_drop(seen, behind));
	uint64_t size;

	if (head) {
		h->scanned = behind - 1;
		if (head > 0)
			h->guess = 0;
		*ret_found = head > 0 ? HUNT_HEAD : HUNT_NOTHING;
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

/* In the order in which bytes tell something, so that cuts make no difference. */
size_t hunt_look(struct hunt *h, enum http1_side side, struct view v, enum hunt_find *ret_found)
{
	size_t n;

	for (;;) {
		struct view seen = h->guess ? view_take(v, h->guess) : v;
		const char *nl = NULL;
		int r = MORE;

		if (seen.n > h->scanned)
			nl = memchr(seen.p + h->scanned, '\n', seen.n - h->scanned);
		if (nl)
			r = hunt_line(h, side, seen, nl, ret_found, &n);
		if (r == EVENT)
			return hunted(h, n);
		if (r == AGAIN)
			continue;
		if (!h->guess || v.n < h->guess)
			return nl ? 0 : hunt_tail(h, v);
		if (guess_holds(view_take(v, h->guess))) {
			*ret_found = HUNT_CHUNK;
			return 0;
		}
		n = guess_again(h, v);
		if (n)
			return n;
	}
}
