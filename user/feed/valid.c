// SPDX-License-Identifier: Apache-2.0
/*
 * The one bounds check of a record.  What comes out of a ring is our own, what
 * comes out of a file may be anybody's; both go through here, and nobody behind
 * looks at a length again.
 */
#include "feed/feed.h"

#define FIXED(T) { sizeof(struct T), true }
#define TAILED(T) { sizeof(struct T), false }

static const struct shape {
	uint32_t size;
	bool exact;		/* nothing follows */
} shapes[] = {
	[WIRE_DATA] = TAILED(wire_data),
	[WIRE_STREAM_END] = FIXED(wire_stream_end),
	[WIRE_BIND] = FIXED(wire_bind),
	[WIRE_SOCK] = FIXED(wire_sock),
	[WIRE_RECORD] = FIXED(wire_record),
	[WIRE_HELLO] = TAILED(wire_hello),
	[WIRE_FORK] = FIXED(wire_fork),
	[WIRE_EXEC] = TAILED(wire_exec),
	[WIRE_EXIT] = FIXED(wire_exit),
	[WIRE_MAP] = FIXED(wire_map),
	[WIRE_NOTICE] = FIXED(wire_notice),
	[WIRE_DNS] = TAILED(wire_dns),
	[WIRE_SEEN] = FIXED(wire_seen),
	[WIRE_CHANNEL] = FIXED(wire_channel),
	[WIRE_CLOCK] = FIXED(wire_clock),
	[WIRE_TICK] = FIXED(wire_hdr),
	[WIRE_FACTS] = TAILED(wire_facts),
	[WIRE_BOOKS] = FIXED(wire_books),
	[WIRE_FINISH] = FIXED(wire_hdr),
	[WIRE_COVER] = TAILED(wire_cover),
};

/* What follows the first fixed bytes. */
static struct view tail(const struct wire_hdr *h, size_t fixed)
{
	return (struct view){ (const char *)h + fixed, h->size - fixed };
}

static bool valid_data(const struct wire_data *d)
{
	size_t have = d->hdr.size - sizeof(*d);

	if (d->source > WIRE_SRC_LOCAL || d->dir > WIRE_IN || d->off > UINT64_MAX - d->len)
		return false;
	return d->flags & WIRE_F_HOLE ? !have : have <= d->len;
}

static bool valid_exec(const struct wire_exec *e)
{
	struct view v = tail(&e->hdr, sizeof(*e));

	if ((size_t)e->filename_len + e->argv_len > v.n)
		return false;
	return !e->filename_len || !v.p[e->filename_len - 1];
}

/* Strings, each with its NUL. */
static bool valid_strings(const struct wire_hdr *h, size_t fixed)
{
	struct view v = tail(h, fixed);

	return !v.n || !v.p[v.n - 1];
}

static bool valid_inside(const struct wire_hdr *h)
{
	switch (h->kind) {
	case WIRE_DATA:
		return valid_data((const void *)h);
	case WIRE_BIND: {
		const struct wire_bind *b = (const void *)h;

		return b->basis >= WIRE_BIND_CALL && b->basis <= WIRE_BIND_THREAD;
	}
	case WIRE_RECORD:
		return ((const struct wire_record *)h)->dir <= WIRE_IN;
	case WIRE_CHANNEL: {
		const struct wire_channel *c = (const void *)h;

		return c->end <= WIRE_CHANNEL_READS && c->kind >= WIRE_CHANNEL_PIPE && c->kind <= WIRE_CHANNEL_UNIX;
	}
	case WIRE_SEEN: {
		const struct wire_seen *s = (const void *)h;

		return memchr(s->name, 0, sizeof(s->name));
	}
	case WIRE_EXEC:
		return valid_exec((const void *)h);
	case WIRE_FACTS:
		return valid_strings(h, sizeof(struct wire_facts));
	case WIRE_COVER:
		return valid_strings(h, sizeof(struct wire_cover));
	}
	return true;
}

bool feed_valid(const struct wire_hdr *h, size_t room)
{
	const struct shape *is;

	if (room < sizeof(*h) || h->size > room || h->kind >= sizeof(shapes) / sizeof(shapes[0]))
		return false;
	is = &shapes[h->kind];
	if (!is->size || (is->exact ? h->size != is->size : h->size < is->size))
		return false;
	return valid_inside(h);
}

struct view wire_data_bytes(const struct wire_data *d)
{
	return tail(&d->hdr, sizeof(*d));
}

struct view wire_exec_filename(const struct wire_exec *e)
{
	return view_take(tail(&e->hdr, sizeof(*e)), e->filename_len ? e->filename_len - 1 : 0);
}

struct view wire_exec_argv(const struct wire_exec *e)
{
	return view_take(view_drop(tail(&e->hdr, sizeof(*e)), e->filename_len), e->argv_len);
}

struct view wire_hello_bytes(const struct wire_hello *h)
{
	return tail(&h->hdr, sizeof(*h));
}

struct view wire_dns_bytes(const struct wire_dns *d)
{
	return tail(&d->hdr, sizeof(*d));
}

/* A string that was appended after the recording was made is absent from it: empty. */
static struct view nth_string(struct view rest, unsigned which)
{
	struct view s = VIEW_NONE;

	for (unsigned i = 0; i <= which; i++)
		if (!view_cut(rest, '\0', &s, &rest))
			return VIEW_NONE;
	return s;
}

struct view wire_facts_str(const struct wire_facts *f, enum wire_fact which)
{
	return nth_string(tail(&f->hdr, sizeof(*f)), which);
}

struct view wire_cover_str(const struct wire_cover *c, enum wire_cover_text which)
{
	return nth_string(tail(&c->hdr, sizeof(*c)), which);
}
