/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/exchange.h"
#include "proto/proto.h"

/* Events written down as text, neighbouring pieces of a body joined, so that two runs can be compared. */
struct transcript {
	struct buf text;
	enum proto_kind last;
	uint32_t last_stream;
	bool any;
	int err;		/* it lost sync for good */
	uint64_t opaque, gaps;
};

static inline void transcript_init(struct transcript *t)
{
	*t = (struct transcript){ 0 };
	buf_init(&t->text, 256 * 1024 * 1024);
}

static inline void transcript_release(struct transcript *t)
{
	buf_release(&t->text);
}

static inline void transcript_add(struct transcript *t, const struct proto_event *ev)
{
	bool joins = ev->kind == EV_BODY || ev->kind == EV_OPAQUE;

	if (!t->any || !joins || t->last != ev->kind || t->last_stream != ev->stream)
		assert(!buf_addf(&t->text, "\n<%d %u %llu %llu>", ev->kind, ev->stream, (unsigned long long)ev->num,
				 (unsigned long long)ev->num2));
	t->any = true;
	t->last = ev->kind;
	t->last_stream = ev->stream;
	if (ev->kind == EV_OPAQUE)
		t->opaque += ev->value.n;
	assert(!buf_add(&t->text, ev->name));
	if (ev->name.n)
		assert(!buf_add(&t->text, VIEW("|")));
	assert(!buf_add(&t->text, ev->value));
}

/* All events there are for now; bytes are copied to the heap so that a sanitizer sees every step over their end. */
static inline void transcript_pull(struct transcript *t, const struct proto *p, void *state, struct view bytes)
{
	char *copy = malloc(bytes.n ? bytes.n : 1);
	struct view in = { copy, bytes.n };
	struct proto_event ev;
	int r;

	assert(copy);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	while ((r = p->next(state, &in, &ev)) > 0)
		transcript_add(t, &ev);
	assert(r < 0 || !in.n);
	assert(!t->err || t->err == r);
	if (r && !t->err)
		assert(!buf_addf(&t->text, "\n<error %d>", r));
	t->err = r;
	free(copy);
}

static inline void transcript_end(struct transcript *t, const struct proto *p, void *state)
{
	p->end(state);
	transcript_pull(t, p, state, VIEW_NONE);
}

static inline void *transcript_state(const struct proto *p)
{
	void *state = malloc(p->state_size);

	assert(state);
	p->init(state);
	return state;
}

static inline void transcript_state_free(const struct proto *p, void *state)
{
	p->fini(state);
	free(state);
}

/*
 * What a conn says, as text.  Opaque bytes stand apart, since when they are
 * handed out compared with the other direction's is nobody's promise.
 */
struct story {
	struct buf text, opaque_text[2];
	struct xev last;
	unsigned done, events;
	uint64_t opaque[2];
	bool br_broken;		/* see coding.h: then the story depends on the cuts */
};

static inline void story_init(struct story *s)
{
	*s = (struct story){ 0 };
	buf_init(&s->text, 256 * 1024 * 1024);
	buf_init(&s->opaque_text[0], 256 * 1024 * 1024);
	buf_init(&s->opaque_text[1], 256 * 1024 * 1024);
}

static inline void story_message(struct story *s, const char *what, const struct message *m)
{
	s->br_broken |= m->body.error && !strcmp(m->body.error, "br: broken data");
	assert(!buf_addf(&s->text, "\n  %s seen %d done %d kind %d headers %u", what, m->seen, m->done, m->kind,
			 m->header_cnt));
	for (const struct header *h = m->headers; h; h = h->next)
		assert(!buf_addf(&s->text, "\n    %.*s: %.*s", VIEW_ARG(h->name), VIEW_ARG(h->value)));
	assert(!buf_addf(&s->text, "\n    coded %llu decoded %llu cut %llu lost %llu complete %d error %s\n",
			 (unsigned long long)m->body.coded, (unsigned long long)m->body.decoded,
			 (unsigned long long)m->body.cut, (unsigned long long)m->body.lost, m->body.complete,
			 m->body.error ? m->body.error : "-"));
	assert(!buf_add(&s->text, buf_view(&m->body.head)));
	assert(!buf_add(&s->text, VIEW("~")));
	assert(!buf_add(&s->text, buf_view(&m->body.tail)));
}

static inline void story_add(struct story *s, const struct xev *ev)
{
	const struct exchange *x = ev->x;

	if (ev->kind == XEV_OPAQUE) {
		s->opaque[ev->dir] += ev->value.n;
		assert(!buf_add(&s->opaque_text[ev->dir], ev->value));
		return;
	}
	assert(!buf_addf(&s->text, "\n%d of %llu", ev->kind, (unsigned long long)x->no));
	if (ev->kind == XEV_EVENT || ev->kind == XEV_MESSAGE) {
		s->events += ev->kind == XEV_EVENT;
		if (ev->kind == XEV_MESSAGE)
			assert(!buf_addf(&s->text, " dir %d", ev->dir));
		assert(!buf_addf(&s->text, " cut %d %.*s|", ev->cut, VIEW_ARG(ev->name)));
		assert(!buf_add(&s->text, ev->value));
	}
	if (ev->kind != XEV_DONE)
		return;
	s->done++;
	assert(!buf_addf(&s->text, " %.*s %.*s %u %u end %d lost %llu events %llu", VIEW_ARG(x->method),
			 VIEW_ARG(x->target), x->version, x->status, x->end, (unsigned long long)x->lost_bytes,
			 (unsigned long long)x->resp.event_cnt));
	story_message(s, "request", &x->req);
	story_message(s, "response", &x->resp);
}

static inline void story_pull(struct story *s, struct conn *c)
{
	struct xev ev;

	while (conn_next(c, &ev))
		story_add(s, &ev);
}

static inline void story_bytes(struct story *s, struct conn *c, int dir, struct view v, uint64_t ts)
{
	char *copy = malloc(v.n ? v.n : 1);

	assert(copy);
	if (v.n)
		memcpy(copy, v.p, v.n);
	conn_bytes(c, dir, (struct view){ copy, v.n }, ts);
	story_pull(s, c);
	free(copy);
}

static inline void story_release(struct story *s)
{
	buf_release(&s->text);
	buf_release(&s->opaque_text[0]);
	buf_release(&s->opaque_text[1]);
}

#endif /* TRANSCRIPT_H */
