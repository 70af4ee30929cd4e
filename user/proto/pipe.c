// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
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

/* Google streams an array unless it is asked for SSE. */
static bool is_array_stream(const struct exchange *x)
{
	struct view path = x->target, query = VIEW_NONE;

	view_cut(path, '?', &path, &query);
	return view_ends(path, VIEW(":streamGenerateContent")) && !(query.n && memmem(query.p, query.n, "alt=sse", 7));
}

/* What makes events of a body. */
static const struct layer {
	const char *media_type;
	const struct proto *proto;
	bool (*when)(const struct exchange *x);	/* NULL: always */
} layers[] = {
	{ "text/event-stream", &proto_sse, NULL },
	{ "application/vnd.amazon.eventstream", &proto_eventstream, NULL },
	{ "application/x-ndjson", &proto_jsonl, NULL },
	{ "application/ndjson", &proto_jsonl, NULL },
	{ "application/jsonl", &proto_jsonl, NULL },
	{ "application/stream+json", &proto_jsonl, NULL },
	{ "application/json", &proto_json_array, is_array_stream },
	{ "application/grpc", &proto_grpc, NULL },
	{ "application/grpc+proto", &proto_grpc, NULL },
	{ "application/grpc+json", &proto_grpc, NULL },
	{ "application/grpc-web", &proto_grpc, NULL },
	{ "application/grpc-web+proto", &proto_grpc, NULL },
};

static const struct proto *layer_of(struct view type, const struct exchange *x)
{
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		if (media_type_is(type, layers[i].media_type) && (!layers[i].when || layers[i].when(x)))
			return layers[i].proto;
	return NULL;
}

static void open_as(struct pipe *p, struct message *m, const struct exchange *x, struct view type,
		    struct coding *coding)
{
	*p = (struct pipe){ .msg = m, .coding = coding, .fill = body_fill(type) };
	buf_init(&p->scratch, STEP);
	p->layer = x ? layer_of(type, x) : NULL;
	p->state = p->layer ? malloc(p->layer->state_size) : NULL;
	if (!p->state)
		return;
	p->layer->init(p->state);
	m->kind = BODY_EVENTS;
}

void pipe_open(struct pipe *p, struct message *m, const struct exchange *x)
{
	open_as(p, m, x, message_header(m, "content-type"), coding_of(m));
}

/* What shows in the first byte. */
static const struct guess {
	char first;
	struct view type, coding;
} guesses[] = {
	{ '{', VIEW("application/json"), VIEW("") },
	{ '[', VIEW("application/json"), VIEW("") },
	{ 'd', VIEW("text/event-stream"), VIEW("") },	/* data: */
	{ 'e', VIEW("text/event-stream"), VIEW("") },	/* event: */
	{ 'i', VIEW("text/event-stream"), VIEW("") },	/* id: */
	{ 'r', VIEW("text/event-stream"), VIEW("") },	/* retry: */
	{ ':', VIEW("text/event-stream"), VIEW("") },
	{ '\0', VIEW("application/vnd.amazon.eventstream"), VIEW("") },	/* its length, checked by its CRC */
	{ '\x1f', VIEW(""), VIEW("gzip") },
	{ '\x28', VIEW(""), VIEW("zstd") },
};

bool pipe_guess(struct pipe *p, struct message *m, const struct exchange *x, char first)
{
	struct view coding = message_header(m, "content-encoding");

	for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]) && !coding.n; i++) {
		if (guesses[i].first != first)
			continue;
		open_as(p, m, x, guesses[i].type, coding_new(guesses[i].coding));
		return true;
	}
	open_as(p, m, x, VIEW_NONE, coding_of(m));
	return false;
}

void pipe_close(struct pipe *p)
{
	coding_free(p->coding);
	if (p->state)
		p->layer->fini(p->state);
	free(p->state);
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
	if (!p->state)
		return;
	p->layer->gap(p->state, n);
	p->poke = true;
}

bool pipe_end(struct pipe *p)
{
	if (!p->state || p->ended)
		return false;
	p->layer->end(p->state);
	p->ended = p->poke = true;
	return true;
}

void pipe_rest(struct pipe *p)
{
	buf_release(&p->scratch);
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
	if (p->state)
		p->msg->body.decoded += p->text.n;
	return p->text.n;
}

static int next_event(struct pipe *p, struct proto_event *ev)
{
	int r = p->layer->next(p->state, &p->text, ev);

	if (r > 0)
		return 1;
	p->text = VIEW_NONE;
	p->poke = false;
	if (r < 0)
		p->msg->body.error = r == -ENOMEM ? "events: out of memory" : "events: broken framing";
	return 0;
}

int pipe_next(struct pipe *p, struct proto_event *ev, size_t room)
{
	size_t kept = p->msg->body.head.n, now;

	while (pipe_busy(p)) {
		if (!p->text.n && !p->poke && !decode(p))
			break;
		if (p->state) {
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

	if (p->state)
		n += p->layer->state_size + p->layer->memory(p->state);
	return p->coding ? n + coding_memory(p->coding) : n;
}
