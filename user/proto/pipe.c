// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "proto/pipe.h"

#define STEP (64 * 1024)	/* coding_take() appends so much at most */

/* Content-Encoding may be a list, and may come in several lines that make one list (RFC 9110 section 5.3). */
static struct coding *coding_of(const struct message *m)
{
	struct coding *coding;
	struct buf list;
	int err = 0;

	buf_init(&list, 1024);
	for (const struct header *h = m->headers; h && !err; h = h->next) {
		if (!view_eq_nocase(h->name, VIEW("content-encoding")))
			continue;
		if (list.n)
			err = buf_add_byte(&list, ',');
		err = err ? err : buf_add(&list, h->value);
	}
	coding = coding_new(err ? VIEW("?") : buf_view(&list));
	buf_release(&list);
	return coding;
}

void pipe_open(struct pipe *p, struct message *m, bool events)
{
	struct view type = message_header(m, "content-type");

	*p = (struct pipe){ .msg = m, .coding = coding_of(m), .fill = body_fill(type) };
	buf_init(&p->scratch, STEP);
	if (!events || !media_type_is(type, "text/event-stream"))
		return;
	p->sse = malloc(proto_sse.state_size);
	if (!p->sse)
		return;
	proto_sse.init(p->sse);
	m->kind = BODY_SSE;
}

void pipe_close(struct pipe *p)
{
	coding_free(p->coding);
	if (p->sse)
		proto_sse.fini(p->sse);
	free(p->sse);
	buf_release(&p->scratch);
	*p = (struct pipe){ 0 };
}

void pipe_put(struct pipe *p, struct view piece)
{
	p->msg->body.coded += piece.n;
	p->coded = piece;
}

void pipe_gap(struct pipe *p, uint64_t n)
{
	if (n != UINT64_MAX)
		p->msg->body.lost += n;
	if (p->coding)
		coding_gap(p->coding);
	else
		body_gap(&p->msg->body, &p->fill);
	if (!p->sse)
		return;
	proto_sse.gap(p->sse, n);
	p->poke = true;
}

bool pipe_end(struct pipe *p)
{
	if (!p->sse || p->ended)
		return false;
	proto_sse.end(p->sse);
	p->ended = p->poke = true;
	return true;
}

bool pipe_busy(const struct pipe *p)
{
	return p->text.n || p->poke || p->coded.n || p->more;
}

/* Coded bytes to text.  False: there is none for now. */
static bool decode(struct pipe *p)
{
	int r;

	if (!p->coding) {
		p->text = p->coded;
		p->coded = VIEW_NONE;
	}
	while (!p->text.n && (p->coded.n || p->more)) {
		buf_reset(&p->scratch);
		r = coding_take(p->coding, &p->coded, &p->scratch);
		p->more = r > 0;
		if (r < 0)
			p->coded = VIEW_NONE;
		p->text = buf_view(&p->scratch);
	}
	if (p->sse)
		p->msg->body.decoded += p->text.n;
	return p->text.n;
}

static int next_event(struct pipe *p, struct proto_event *ev)
{
	int r = proto_sse.next(p->sse, &p->text, ev);

	if (r > 0)
		return 1;
	p->text = VIEW_NONE;
	p->poke = false;
	if (r < 0)
		p->msg->body.error = "sse: out of memory";
	return 0;
}

int pipe_next(struct pipe *p, struct proto_event *ev, size_t room)
{
	size_t kept = p->msg->body.head.n, now;

	while (pipe_busy(p)) {
		if (!p->text.n && !p->poke && !decode(p))
			break;
		if (p->sse) {
			if (next_event(p, ev))
				return 1;
			continue;
		}
		now = p->msg->body.head.n - kept;
		body_add(&p->msg->body, &p->fill, p->text, room > now ? room - now : 0);
		p->text = VIEW_NONE;
	}
	return 0;
}

void pipe_finish(struct pipe *p, struct message *m, bool whole)
{
	struct body *b = &m->body;

	if (p->coding && !b->error)
		b->error = whole ? coding_end_error(p->coding) : coding_error(p->coding);
	if (m->kind == BODY_BYTES)
		body_finish(b, whole);
	else
		b->complete = whole && !b->lost && !b->error;
}

size_t pipe_memory(const struct pipe *p)
{
	size_t n = p->scratch.cap;

	if (p->sse)
		n += proto_sse.state_size + proto_sse.memory(p->sse);
	return p->coding ? n + coding_memory(p->coding) : n;
}
