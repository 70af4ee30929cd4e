// SPDX-License-Identifier: Apache-2.0
/*
 * Connections that libnghttp2 speaks with itself, watched by a conn.  The first byte: what
 * is done to the watching (nothing, joined late, gaps), the second how bytes are cut; the rest
 * drives both sides: requests, answers, resets, settings, windows.  Watched whole, every stream
 * that was closed in good order is an exchange that ended so, with the same bodies; otherwise
 * what says that it is whole has to be right.
 */
#undef NDEBUG
#include <assert.h>
#include <nghttp2/nghttp2.h>

#include "fuzz.h"
#include "proto/exchange.h"

#define STREAMS 64

struct text {
	unsigned n;	/* of the stream */
	size_t at, len;
	bool answer;
};

struct world {
	nghttp2_session *side[2];	/* the client, the server */
	struct conn *conn;
	struct view in;
	size_t step;
	bool holes, late, watching;
	unsigned hole;		/* so many pieces until the next */
	uint64_t passed[2];
	unsigned asked, finished, ok;
	struct text body[STREAMS][2];
	bool answered[STREAMS], reset[STREAMS];
};

/* Byte at of a body: none can be taken for another's, nor for a part of itself. */
static char letter(const struct text *b, size_t at)
{
	return 'A' + (b->n * 7 + b->answer * 3 + at * 5 + at / 26) % 26;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *to, size_t max, uint32_t *flags,
			 nghttp2_data_source *source, void *user)
{
	struct text *b = source->ptr;
	size_t n = 0;

	for (; n < max && b->at < b->len; n++)
		to[n] = letter(b, b->at++);
	if (b->at == b->len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n;
}

static void is_body(struct view v, const struct text *b)
{
	WANT(v.n == b->len);
	for (size_t i = 0; i < v.n; i++)
		WANT(v.p[i] == letter(b, i));
}

static unsigned number(struct view v)
{
	unsigned n = 0;

	for (size_t i = 0; i < v.n; i++)
		n = n * 10 + (v.p[i] - '0');
	return n;
}

static void on_done(struct world *w, const struct exchange *x)
{
	struct view known = message_header(&x->resp, "x-number");

	WANT(x->end != XEND_OPEN);
	w->ok += x->end == XEND_OK;
	if (x->target.n) {
		WANT(number(view_drop(x->target, 1)) < w->asked);
		if (x->req.done && x->req.body.complete)
			is_body(buf_view(&x->req.body.head), &w->body[number(view_drop(x->target, 1))][0]);
	}
	if (known.n && x->resp.done && x->resp.body.complete)
		is_body(buf_view(&x->resp.body.head), &w->body[number(known)][1]);
	if (x->target.n && known.n)
		WANT(number(known) == number(view_drop(x->target, 1)));
}

static void pull(struct world *w)
{
	struct xev ev;

	while (conn_next(w->conn, &ev))
		if (ev.kind == XEV_DONE)
			on_done(w, ev.x);
}

static void watch(struct world *w, int dir, struct view bytes)
{
	while (bytes.n) {
		struct view piece = view_take(bytes, w->step);
		char *copy = fuzz_copy(piece);

		if (w->holes && !w->hole--) {
			conn_gap(w->conn, dir, piece.n, 1);
			w->hole = fuzz_byte(&w->in);
		} else {
			conn_bytes(w->conn, dir, (struct view){ copy, piece.n }, 1);
			w->passed[dir] += piece.n;
		}
		pull(w);
		free(copy);
		bytes = view_drop(bytes, piece.n);
	}
}

/* All that both have to say. */
static void talk(struct world *w)
{
	bool said;

	do {
		said = false;
		for (int dir = 0; dir < 2; dir++) {
			const uint8_t *p;
			ssize_t n = nghttp2_session_mem_send(w->side[dir], &p);

			assert(n >= 0);
			if (!n)
				continue;
			said = true;
			if (w->watching)
				watch(w, dir, (struct view){ (const char *)p, n });
			WANT(nghttp2_session_mem_recv(w->side[!dir], p, n) == n);
		}
	} while (said);
	WANT(conn_memory(w->conn) < 32u << 20);
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static struct text *new_body(struct world *w, unsigned n, bool answer)
{
	struct text *b = &w->body[n][answer];
	uint8_t size = fuzz_byte(&w->in);

	*b = (struct text){ .n = n, .answer = answer, .len = size < 230 ? size : size * 90u };
	return b;
}

static void ask(struct world *w)
{
	char path[16], agent[16];
	nghttp2_nv nv[] = { field(":method", "POST"), field(":scheme", "http"), field(":authority", "h"), field(":path", path),
			    field("x-agent", agent) };
	struct text *b;
	nghttp2_data_provider body = { .read_callback = read_body };

	if (w->asked == STREAMS)
		return;
	b = new_body(w, w->asked, false);
	body.source.ptr = b;
	snprintf(path, sizeof(path), "/%u", w->asked);
	snprintf(agent, sizeof(agent), "%u", fuzz_byte(&w->in) % 4);
	nv[3] = field(":path", path);
	nv[4] = field("x-agent", agent);
	assert(nghttp2_submit_request(w->side[0], NULL, nv, 5, b->len ? &body : NULL, NULL) == (int)(2 * w->asked + 1));
	w->asked++;
}

static void answer(struct world *w)
{
	char number_text[16];
	nghttp2_nv nv[] = { field(":status", "200"), field("content-type", "text/plain"), field("x-number", number_text) };
	nghttp2_data_provider body = { .read_callback = read_body };
	unsigned n = w->asked ? fuzz_byte(&w->in) % w->asked : 0;

	if (!w->asked || w->answered[n] || w->reset[n])
		return;
	snprintf(number_text, sizeof(number_text), "%u", n);
	nv[2] = field("x-number", number_text);
	w->answered[n] = true;
	body.source.ptr = new_body(w, n, true);
	nghttp2_submit_response(w->side[1], 2 * n + 1, nv, 3, &body);
}

static void operate(struct world *w, uint8_t op)
{
	nghttp2_settings_entry size = { NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0 };
	unsigned n = w->asked ? fuzz_byte(&w->in) % w->asked : 0;

	switch (op % 8) {
	case 0:
	case 1:
		ask(w);
		break;
	case 2:
	case 3:
		answer(w);
		break;
	case 4:
		if (w->asked && !w->reset[n]) {
			w->reset[n] = true;
			nghttp2_submit_rst_stream(w->side[op >> 3 & 1], 0, 2 * n + 1, NGHTTP2_CANCEL);
		}
		break;
	case 5:
		size.value = fuzz_byte(&w->in) * 64;
		nghttp2_submit_settings(w->side[op >> 3 & 1], 0, &size, 1);
		break;
	case 6:
		nghttp2_submit_ping(w->side[op >> 3 & 1], 0, NULL);
		break;
	default:
		talk(w);
		w->watching = true;
		break;
	}
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t error, void *user)
{
	struct world *w = user;
	unsigned n = id / 2;

	w->finished += s == w->side[0] && !error && w->answered[n] && !w->reset[n];
	return 0;
}

static void begin(struct world *w)
{
	nghttp2_session_callbacks *calls;

	assert(!nghttp2_session_callbacks_new(&calls));
	nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
	assert(!nghttp2_session_client_new(&w->side[0], calls, w));
	assert(!nghttp2_session_server_new(&w->side[1], calls, w));
	nghttp2_session_callbacks_del(calls);
	nghttp2_submit_settings(w->side[0], 0, NULL, 0);
	nghttp2_submit_settings(w->side[1], 0, NULL, 0);
	w->conn = conn_new(w->late);
	assert(w->conn);
	w->watching = !w->late;
}

static void end(struct world *w)
{
	const struct conn_books *b;

	talk(w);
	conn_end(w->conn, 1);
	pull(w);
	b = conn_books(w->conn);
	for (int dir = 0; dir < 2; dir++) {
		WANT(b->decoded[dir] + b->opaque[dir] + b->lost[dir] == w->passed[dir]);
		WANT(w->holes || w->late || b->decoded[dir] == w->passed[dir]);
	}
	WANT(w->holes || w->late || w->ok >= w->finished);
	conn_free(w->conn);
	nghttp2_session_del(w->side[0]);
	nghttp2_session_del(w->side[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .in = { (const char *)data, size } };
	uint8_t how = fuzz_byte(&w.in), step = fuzz_byte(&w.in);

	w.late = how % 4 == 1;
	w.holes = how % 4 == 2;
	w.hole = how;
	w.step = step < 128 ? 4 * step + 1u : SIZE_MAX;
	begin(&w);
	for (unsigned ops = 0; w.in.n && ops < 1000; ops++)
		operate(&w, fuzz_byte(&w.in));
	end(&w);
	return 0;
}
