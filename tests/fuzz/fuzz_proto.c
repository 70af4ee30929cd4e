// SPDX-License-Identifier: Apache-2.0
/*
 * Every row of protos[]: the first byte picks it, the second how its bytes are
 * cut.  In the rest, 0xf8 (no part of UTF-8) and one byte behind it is an
 * operation: a gap, a gap of unknown length, what HTTP has to be told of the
 * request, the end.  However the bytes are cut, the events must be the same.
 */
#include "base/buf.h"
#include "fuzz.h"
#include "proto/proto.h"

#define MARK '\xf8'

struct run {
	const struct proto *p;
	void *state;
	struct buf text;
	size_t events, fed;
	bool joined_piece, dead;
	enum proto_kind last;
	uint32_t last_stream;
	unsigned heads, tell;	/* at which head which thing is told */
};

static void tell(struct run *r)
{
	if (r->p != &proto_http1_response || !r->tell || ++r->heads % 2)
		return;
	if (r->tell == 1)
		http1_response_no_body(r->state);
	else
		http1_response_opaque(r->state);
}

static void add(struct run *r, const struct proto_event *ev)
{
	bool piece = ev->kind == EV_BODY || ev->kind == EV_OPAQUE;

	WANT(ev->kind <= EV_GOAWAY);
	WANT(++r->events <= 64 + 8 * r->fed);
	if (!piece || !r->joined_piece || r->last != ev->kind || r->last_stream != ev->stream)
		WANT(!buf_addf(&r->text, "\n%d %u %llu %llu ", ev->kind, ev->stream, (unsigned long long)ev->num,
			       (unsigned long long)ev->num2));
	r->joined_piece = piece;
	r->last = ev->kind;
	r->last_stream = ev->stream;
	WANT(!buf_add(&r->text, ev->name) && !buf_add_byte(&r->text, piece ? 'x' : ':'));
	if (piece)
		r->text.n--;
	WANT(!buf_add(&r->text, ev->value));
	if (ev->kind == EV_HEADERS_END)
		tell(r);
}

static void pull(struct run *r, struct view bytes)
{
	char *copy = fuzz_copy(bytes);
	struct view in = { copy, bytes.n };
	struct proto_event ev;
	int n = 0;

	r->fed += bytes.n + 1;
	while (!r->dead && (n = r->p->next(r->state, &in, &ev)) > 0)
		add(r, &ev);
	WANT(n <= 0 && (n < 0 || r->dead || !in.n));
	if (n < 0) {
		struct view same = in;

		WANT(r->p->next(r->state, &in, &ev) == n && in.n == same.n);
		r->dead = true;
	}
	free(copy);
}

static void feed(struct run *r, struct view bytes, size_t step)
{
	while (bytes.n) {
		struct view piece = view_take(bytes, step);

		pull(r, piece);
		bytes = view_drop(bytes, piece.n);
	}
}

static void operate(struct run *r, uint8_t op)
{
	r->fed += 8;
	if (op == 0xff)
		r->p->gap(r->state, UINT64_MAX);
	else if (op >= 0xfd)
		r->p->end(r->state);
	else if (op == 0xfc)
		r->p->gap(r->state, 1ull << 62);
	else
		r->p->gap(r->state, op);
	pull(r, VIEW_NONE);
}

static void run(struct run *r, const struct proto *p, struct view in, size_t step, unsigned told)
{
	struct view head;

	*r = (struct run){ .p = p, .state = malloc(p->state_size), .tell = told };
	buf_init(&r->text, SIZE_MAX / 2);
	p->init(r->state);
	while (view_cut(in, MARK, &head, &in)) {
		feed(r, head, step);
		operate(r, fuzz_byte(&in));
	}
	feed(r, in, step);
	operate(r, 0xfe);
	p->fini(r->state);
	free(r->state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	uint8_t row = fuzz_byte(&in), how = fuzz_byte(&in);
	struct run whole, cut;
	size_t rows = 0;

	while (protos[rows])
		rows++;
	run(&whole, protos[row % rows], in, SIZE_MAX, how >> 6);
	run(&cut, protos[row % rows], in, (how & 63) + 1, how >> 6);
	fuzz_same(buf_view(&whole.text), buf_view(&cut.text));
	buf_release(&whole.text);
	buf_release(&cut.text);
	return 0;
}
