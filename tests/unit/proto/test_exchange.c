// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "transcript.h"

/* One exchange kept open at XEV_DONE for a closer look, and what went before it in letters. */
struct look {
	struct conn *c;
	struct story story;
	char kinds[4096];	/* q request, r response, e event, d done, o opaque */
	size_t kinds_n;
	enum exchange_end ends[64];
	unsigned status[64];
	uint64_t lost[64];
	char target[64][64];
	uint64_t req_ts[2], resp_ts[2], first_event;
	unsigned done;
	struct buf head, req_head, opaque[2];
	const char *error;
	bool complete;
	uint64_t sum[2];
};

static struct look *look_new(bool joined)
{
	struct look *l = calloc(1, sizeof(*l));

	l->c = conn_new(joined);
	assert_non_null(l->c);
	buf_init(&l->head, 64 << 20);
	buf_init(&l->req_head, 64 << 20);
	buf_init(&l->opaque[0], 64 << 20);
	buf_init(&l->opaque[1], 64 << 20);
	return l;
}

static void look_done(struct look *l, const struct exchange *x)
{
	unsigned i = l->done++ % 64;

	l->ends[i] = x->end;
	l->status[i] = x->status;
	l->lost[i] = x->lost_bytes;
	snprintf(l->target[i], sizeof(l->target[i]), "%.*s", VIEW_ARG(x->target));
	l->req_ts[0] = x->req.first_ts;
	l->req_ts[1] = x->req.last_ts;
	l->resp_ts[0] = x->resp.first_ts;
	l->resp_ts[1] = x->resp.last_ts;
	l->first_event = x->resp.first_event_ts;
	l->error = x->resp.body.error;
	l->complete = x->resp.body.complete;
	buf_reset(&l->head);
	buf_reset(&l->req_head);
	assert_int_equal(buf_add(&l->head, buf_view(&x->resp.body.head)), 0);
	assert_int_equal(buf_add(&l->req_head, buf_view(&x->req.body.head)), 0);
}

static void look_pull(struct look *l)
{
	struct xev ev;

	while (conn_next(l->c, &ev)) {
		if (l->kinds_n < sizeof(l->kinds) - 1)
			l->kinds[l->kinds_n++] = "qredmo"[ev.kind];
		if (ev.kind == XEV_DONE)
			look_done(l, ev.x);
		if (ev.kind == XEV_OPAQUE)
			assert_int_equal(buf_add(&l->opaque[ev.dir], ev.value), 0);
	}
}

static void look_bytes(struct look *l, int dir, struct view v, uint64_t ts)
{
	l->sum[dir] += v.n;
	conn_bytes(l->c, dir, v, ts);
	look_pull(l);
}

static void look_text(struct look *l, int dir, const char *text)
{
	look_bytes(l, dir, view_of(text), 7);
}

static void look_gap(struct look *l, int dir, uint64_t n)
{
	conn_gap(l->c, dir, n, 8);
	look_pull(l);
}

static void look_end(struct look *l)
{
	conn_end(l->c, 9);
	look_pull(l);
	for (int dir = 0; dir < 2; dir++) {
		const struct conn_books *b = conn_books(l->c);

		assert_int_equal(b->decoded[dir] + b->opaque[dir] + b->lost[dir], l->sum[dir]);
		assert_int_equal(b->opaque[dir], l->opaque[dir].n);
	}
}

static void look_free(struct look *l)
{
	conn_free(l->c);
	buf_release(&l->head);
	buf_release(&l->req_head);
	buf_release(&l->opaque[0]);
	buf_release(&l->opaque[1]);
	free(l);
}

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void test_simple(void **state)
{
	struct look *l = look_new(false);

	look_bytes(l, 0, VIEW("POST /v1 HTTP/1.1\r\nContent-Le"), 10);
	look_bytes(l, 0, VIEW("ngth: 4\r\n\r\nab"), 20);
	look_bytes(l, 0, VIEW("cd"), 30);
	look_bytes(l, 1, VIEW("HTTP/1.1 2"), 40);
	look_bytes(l, 1, VIEW("00 OK\r\nContent-Length: 2\r\n\r\no"), 50);
	look_bytes(l, 1, VIEW("k"), 60);
	assert_string_equal(l->kinds, "qrd");
	assert_int_equal(conn_role(l->c), CONN_CLIENT);
	assert_int_equal(l->ends[0], XEND_OK);
	assert_int_equal(l->req_ts[0], 10);
	assert_int_equal(l->req_ts[1], 30);
	assert_int_equal(l->resp_ts[0], 40);
	assert_int_equal(l->resp_ts[1], 60);
	assert_true(view_eq(buf_view(&l->head), VIEW("ok")));
	assert_true(view_eq(buf_view(&l->req_head), VIEW("abcd")));
	assert_true(l->complete);
	look_end(l);
	look_free(l);
}

static void test_server_role(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 1, GET);
	look_text(l, 0, OK2);
	assert_int_equal(conn_role(l->c), CONN_SERVER);
	assert_string_equal(l->kinds, "qrd");
	look_end(l);
	look_free(l);
}

static void test_keep_alive_and_pipelining(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET "POST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /c HTTP/1.1\r\n\r\n");
	look_text(l, 1, OK2 "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" OK2);
	look_text(l, 0, "GET /d HTTP/1.1\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_string_equal(l->kinds, "qqqrdrdrdqrd");
	assert_string_equal(l->target[1], "/b");
	assert_int_equal(l->status[1], 404);
	assert_string_equal(l->target[3], "/d");
	assert_int_equal(l->status[3], 204);
	look_end(l);
	assert_int_equal(l->done, 4);
	look_free(l);
}

static void test_interim(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
	look_text(l, 0, "x");
	look_text(l, 1, OK2);
	assert_string_equal(l->kinds, "qrd");
	assert_int_equal(l->status[0], 200);
	assert_int_equal(l->ends[0], XEND_OK);
	look_end(l);
	look_free(l);
}

static void test_head_and_304(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, "HEAD /a HTTP/1.1\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n");
	look_text(l, 0, GET);
	look_text(l, 1, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n");
	assert_string_equal(l->kinds, "qrdqrd");
	assert_int_equal(l->ends[0], XEND_OK);
	assert_int_equal(l->ends[1], XEND_OK);
	assert_null(l->error);
	look_end(l);
	look_free(l);
}

static void test_upgrade(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, "GET /ws HTTP/1.1\r\nUpgrade: other\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n\x81\x01x");
	look_text(l, 0, "GET /not HTTP/1.1\r\n\r\n");
	look_end(l);
	assert_string_equal(l->kinds, "qrood");
	assert_int_equal(l->ends[0], XEND_UPGRADE);
	assert_true(view_eq(buf_view(&l->opaque[1]), VIEW("\x81\x01x")));
	assert_int_equal(l->opaque[0].n, 21);
	look_free(l);
}

/* Messages of both directions; a gap; and what is none of its frames goes out raw. */
static void test_websocket(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\r\n\x81\x01x");
	look_text(l, 0, "\x81\x01y\x81");
	look_text(l, 0, "\x01z");
	look_gap(l, 1, 5);
	look_text(l, 0, "GET /not HTTP/1.1\r\n\r\n");
	look_text(l, 0, "more");
	look_end(l);
	assert_string_equal(l->kinds, "qrmmmmood");
	assert_int_equal(l->ends[0], XEND_UPGRADE);
	assert_int_equal(l->lost[0], 5);
	assert_int_equal(l->opaque[0].n, 19 + 4);
	look_free(l);
}

static void test_connect(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 1\r\n\r\nx");
	look_text(l, 0, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	look_text(l, 1, "HTTP/1.1 200 Connection established\r\n\r\n");
	look_text(l, 0, "\x16\x03\x01");
	look_text(l, 1, "\x16\x03\x03");
	look_end(l);
	assert_string_equal(l->kinds, "qrdqrood");
	assert_int_equal(l->ends[0], XEND_OK);
	assert_int_equal(l->ends[1], XEND_UPGRADE);
	look_free(l);
}

/* Bytes of two threads: the answer's record comes before the request's. */
static void test_response_first(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 1, OK2);
	look_text(l, 0, GET);
	assert_string_equal(l->kinds, "rqd");
	assert_int_equal(l->status[0], 200);
	assert_string_equal(l->target[0], "/a");
	assert_int_equal(l->ends[0], XEND_OK);
	look_end(l);
	look_free(l);
}

static void test_early_answer(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, "POST /a HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
	look_text(l, 1, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(l->kinds, "r");
	look_end(l);
	assert_string_equal(l->kinds, "rqd");
	assert_int_equal(l->ends[0], XEND_CUT);
	assert_int_equal(l->status[0], 413);
	look_free(l);
}

static void test_no_answer(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_end(l);
	assert_string_equal(l->kinds, "qd");
	assert_int_equal(l->ends[0], XEND_CUT);
	assert_int_equal(l->status[0], 0);
	look_free(l);
}

static void close_delimited(bool eof)
{
	struct look *l = look_new(false);

	look_text(l, 0, "GET / HTTP/1.0\r\n\r\n");
	look_text(l, 1, "HTTP/1.0 200 OK\r\n\r\nall of it");
	if (eof) {
		conn_eof(l->c, 1, 8);
		look_pull(l);
		assert_string_equal(l->kinds, "qrd");
	}
	look_end(l);
	assert_int_equal(l->ends[0], eof ? XEND_OK : XEND_CUT);
	assert_int_equal(l->complete, eof);
	assert_true(view_eq(buf_view(&l->head), VIEW("all of it")));
	look_free(l);
}

static void test_close_delimited(void **state)
{
	close_delimited(true);
	close_delimited(false);
}

static void test_sse(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_bytes(l, 1, VIEW("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
			      "Transfer-Encoding: chunked\r\n\r\n"), 100);
	look_bytes(l, 1, VIEW("9\r\ndata: a\n\n\r\n"), 200);
	assert_string_equal(l->kinds, "qre");
	look_bytes(l, 1, VIEW("7\r\ndata: b\r\n1\r\n\n\r\n1\r\n\n\r\n0\r\n\r\n"), 300);
	assert_string_equal(l->kinds, "qreed");
	assert_int_equal(l->ends[0], XEND_OK);
	assert_int_equal(l->first_event, 200);
	assert_int_equal(l->resp_ts[1], 300);
	assert_true(l->complete);
	look_end(l);
	look_free(l);
}

static void test_sse_cut(void **state)
{
	struct look *l = look_new(false);
	struct xev ev;

	look_text(l, 0, GET);
	look_text(l, 1, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
			"100\r\ndata: a\n\nevent: error\ndata: half");
	assert_string_equal(l->kinds, "qre");
	conn_end(l->c, 9);
	assert_int_equal(conn_next(l->c, &ev), 1);
	assert_int_equal(ev.kind, XEV_EVENT);
	assert_true(ev.cut);
	assert_true(view_eq(ev.name, VIEW("error")));
	assert_true(view_eq(ev.value, VIEW("half")));
	look_pull(l);
	assert_int_equal(l->ends[0], XEND_CUT);
	look_free(l);
}

static void test_opaque(void **state)
{
	static const char *const firsts[] = {
		"\x16\x03\x01\x02\x00\x01\x00", "SSH-2.0-OpenSSH_9.2p1\r\n", "220 mail ESMTP\r\n",
		"PRI * HTTP/2.0\r\nSM: no\r\n\r\n", "*1\r\n$4\r\nPING\r\n",
	};

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		struct look *l = look_new(false);

		look_text(l, i & 1, firsts[i]);
		assert_int_equal(conn_role(l->c), CONN_OPAQUE);
		look_text(l, 0, GET);
		look_text(l, 1, OK2);
		look_end(l);
		assert_int_equal(l->done, 0);
		assert_int_equal(l->opaque[0].n, l->sum[0]);
		assert_int_equal(l->opaque[1].n, l->sum[1]);
		look_free(l);
	}
}

static void test_joined(void **state)
{
	struct look *l = look_new(true);

	look_text(l, 1, "\"rest of an answer\"}");
	look_text(l, 0, "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
	look_text(l, 1, OK2);
	look_end(l);
	assert_string_equal(l->kinds, "qord");
	look_free(l);
}

/* The request went out before we looked: its answer is nobody's, and the next pair is whole. */
static void test_joined_before_answer(void **state)
{
	struct look *l = look_new(true);

	look_text(l, 1, OK2);
	look_text(l, 0, GET);
	look_text(l, 1, OK2);
	look_end(l);
	assert_string_equal(l->kinds, "rdqrd");
	assert_string_equal(l->target[0], "");
	assert_int_equal(l->ends[0], XEND_LOST);
	assert_int_equal(l->ends[1], XEND_OK);
	look_free(l);
}

static void test_lost_request(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_text(l, 1, OK2);
	look_text(l, 1, "HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nx");
	look_gap(l, 0, 100);
	look_text(l, 0, "GET /c HTTP/1.1\r\nA: b\r\n\r\n");
	look_text(l, 1, OK2);
	look_end(l);
	assert_string_equal(l->kinds, "qrdrdqrd");
	assert_int_equal(l->ends[1], XEND_LOST);
	assert_int_equal(l->status[1], 500);
	assert_int_equal(l->lost[1], 100);
	assert_string_equal(l->target[2], "/c");
	assert_int_equal(l->ends[2], XEND_OK);
	look_free(l);
}

static void test_lost_response(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_text(l, 0, "GET /b HTTP/1.1\r\nA: b\r\n\r\n");
	look_gap(l, 1, 100);
	look_text(l, 1, OK2);
	look_end(l);
	assert_int_equal(l->done, 2);
	assert_string_equal(l->target[0], "/a");
	assert_int_equal(l->status[0], 0);
	assert_int_equal(l->ends[0], XEND_LOST);
	assert_string_equal(l->target[1], "/b");
	assert_int_equal(l->status[1], 200);
	assert_int_equal(l->ends[1], XEND_OK);
	look_free(l);
}

/* The gap begins in one answer and ends behind the next. */
static void test_gap_over_two_responses(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_text(l, 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
	look_text(l, 0, "GET /b HTTP/1.1\r\nA: b\r\n\r\n");
	look_text(l, 0, "GET /c HTTP/1.1\r\nA: b\r\n\r\n");
	look_gap(l, 1, 100);
	look_text(l, 1, OK2);
	look_end(l);
	assert_int_equal(l->done, 3);
	assert_int_equal(l->ends[0], XEND_LOST);
	assert_int_equal(l->status[0], 200);
	assert_string_equal(l->target[1], "/b");
	assert_int_equal(l->ends[1], XEND_LOST);
	assert_int_equal(l->status[1], 0);
	assert_string_equal(l->target[2], "/c");
	assert_int_equal(l->ends[2], XEND_OK);
	look_free(l);
}

/* Events go on behind a lost chunk; the exchange says that it is not whole. */
static void test_gap_in_chunked_sse(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_text(l, 1, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
			"9\r\ndata: a\n\n\r\n");
	look_gap(l, 1, 14);
	look_text(l, 1, "9\r\ndata: c\n\n\r\n9\r\ndata: d\n\n\r\n0\r\n\r\n");
	look_text(l, 0, GET);
	look_text(l, 1, OK2);
	look_end(l);
	assert_string_equal(l->kinds, "qreedqrd");
	assert_int_equal(l->ends[0], XEND_LOST);
	assert_int_equal(l->lost[0], 14);
	assert_int_equal(l->ends[1], XEND_OK);
	look_free(l);
}

/* Where a client pipelines, nobody can tell whose answer stands behind a gap. */
static void test_lost_response_of_a_pipeline(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET GET GET GET);
	look_text(l, 1, OK2);
	look_gap(l, 1, 100);
	look_text(l, 1, OK2);
	look_end(l);
	assert_int_equal(l->done, 5);
	assert_int_equal(l->ends[0], XEND_OK);
	for (int i = 1; i < 5; i++)
		assert_int_equal(l->ends[i], XEND_LOST);
	assert_int_equal(l->status[1], 0);
	assert_int_equal(l->status[4], 200);
	assert_string_equal(l->target[4], "");
	look_free(l);
}

static void test_gap_in_body(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_text(l, 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
	look_gap(l, 1, 4);
	look_text(l, 1, "xyz");
	look_text(l, 0, GET);
	look_text(l, 1, OK2);
	look_end(l);
	assert_string_equal(l->kinds, "qrdqrd");
	assert_int_equal(l->ends[0], XEND_LOST);
	assert_int_equal(l->lost[0], 4);
	assert_int_equal(l->ends[1], XEND_OK);
	look_free(l);
}

static void test_gap_splits_head_from_tail(void **state)
{
	struct conn *c = conn_new(false);
	struct xev ev;

	conn_bytes(c, 0, VIEW(GET), 1);
	while (conn_next(c, &ev))
		;
	conn_bytes(c, 1, VIEW("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), 2);
	while (conn_next(c, &ev))
		;
	conn_gap(c, 1, 4, 3);
	while (conn_next(c, &ev))
		;
	conn_bytes(c, 1, VIEW("xyz"), 4);
	assert_int_equal(conn_next(c, &ev), 1);
	assert_int_equal(ev.kind, XEV_DONE);
	assert_true(view_eq(buf_view(&ev.x->resp.body.head), VIEW("abc")));
	assert_true(view_eq(buf_view(&ev.x->resp.body.tail), VIEW("xyz")));
	assert_int_equal(ev.x->resp.body.lost, 4);
	assert_false(ev.x->resp.body.complete);
	conn_free(c);
}

static void test_coded(const char *encoding, struct view coded, const char *want_error)
{
	struct look *l = look_new(false);
	char head[256];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", encoding,
		 coded.n);
	look_text(l, 0, GET);
	look_text(l, 1, head);
	look_bytes(l, 1, coded, 3);
	look_end(l);
	if (want_error)
		assert_string_equal(l->error, want_error);
	else
		assert_null(l->error);
	assert_int_equal(l->complete, !want_error);
	look_free(l);
}

static void test_coding_errors(void **state)
{
	test_coded("gzip", VIEW("no gzip at all"), "gzip: broken data");
	test_coded("gzip", VIEW("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), "gzip: ends too early");
	test_coded("compress", VIEW("x"), "unknown content coding");
	test_coded("gzip, gzip, gzip, gzip, gzip", VIEW("x"), "too many content codings");
	test_coded("identity", VIEW("x"), NULL);
}

/* A client that hangs up after the event it waited for does not break the coding. */
static void test_coded_and_cut(void **state)
{
	struct look *l = look_new(false);

	look_text(l, 0, GET);
	look_text(l, 1, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n");
	look_bytes(l, 1, VIEW("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), 3);
	look_end(l);
	assert_null(l->error);
	assert_false(l->complete);
	assert_int_equal(l->ends[0], XEND_CUT);
	look_free(l);
}

static void test_many_headers(void **state)
{
	struct look *l = look_new(false);
	struct conn *c = l->c;
	struct xev ev;

	look_text(l, 0, "GET /a HTTP/1.1\r\n");
	for (int i = 0; i < 10000; i++)
		look_text(l, 0, "Name: value\r\n");
	conn_bytes(c, 0, VIEW("\r\n"), 1);
	assert_int_equal(conn_next(c, &ev), 1);
	assert_int_equal(ev.kind, XEV_REQUEST);
	assert_int_equal(ev.x->req.header_cnt, 10000);
	assert_true(view_eq(message_header(&ev.x->req, "NAME"), VIEW("value")));
	assert_true(conn_memory(c) < 1024 * 1024);
	look_free(l);
}

/* A gigabyte of answer in bounded memory: head, tail, and the middle counted. */
static void big_body(const char *type, size_t want_head)
{
	static char piece[256 * 1024];
	struct conn *c = conn_new(false);
	uint64_t total = 64ull << 20;
	char head[256];
	struct xev ev;

	memset(piece, 'x', sizeof(piece));
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %llu\r\n\r\n", type,
		 (unsigned long long)total);
	conn_bytes(c, 0, VIEW(GET), 1);
	while (conn_next(c, &ev))
		;
	conn_bytes(c, 1, view_of(head), 1);
	while (conn_next(c, &ev))
		;
	for (uint64_t n = 0; n + sizeof(piece) < total; n += sizeof(piece)) {
		conn_bytes(c, 1, (struct view){ piece, sizeof(piece) }, 2);
		assert_int_equal(conn_next(c, &ev), 0);
		assert_true(conn_memory(c) < 2 * BODY_HEAD_MAX);
	}
	conn_bytes(c, 1, (struct view){ piece, sizeof(piece) }, 2);
	assert_int_equal(conn_next(c, &ev), 1);
	assert_int_equal(ev.kind, XEV_DONE);
	assert_int_equal(ev.x->resp.body.decoded, total);
	assert_int_equal(ev.x->resp.body.head.n, want_head);
	assert_int_equal(ev.x->resp.body.tail.n, BODY_TAIL_MAX);
	assert_int_equal(ev.x->resp.body.cut, total - want_head - BODY_TAIL_MAX);
	assert_false(ev.x->resp.body.complete);
	assert_int_equal(ev.x->end, XEND_OK);
	conn_free(c);
}

static void test_big_body(void **state)
{
	big_body("application/json", BODY_HEAD_MAX);
	big_body("application/octet-stream", 64 * 1024);
}

static void test_too_many_open(void **state)
{
	struct look *l = look_new(false);

	for (int i = 0; i < 3000; i++)
		look_text(l, 0, GET);
	assert_true(conn_memory(l->c) < 8 * 1024 * 1024);
	for (int i = 0; i < 3000; i++)
		look_text(l, 1, OK2);
	look_end(l);
	assert_int_equal(conn_books(l->c)->lost[0], (3000 - 1024) * strlen(GET));
	look_free(l);
}

/* However the bytes are cut, the story is the same. */
static void tell(struct story *s, struct view req, struct view resp, size_t step, unsigned seed)
{
	struct conn *c = conn_new(false);
	const struct conn_books *b = conn_books(c);
	struct view v[2] = { req, resp };

	story_init(s);
	for (int dir = 0; dir < 2; dir++) {
		for (struct view rest = v[dir]; rest.n;) {
			size_t n = step ? step : 1 + golden_random(&seed) % 97;
			struct view piece = view_take(rest, n);

			story_bytes(s, c, dir, piece, 5);
			rest = view_drop(rest, piece.n);
		}
	}
	conn_eof(c, 0, 6);
	story_pull(s, c);
	conn_eof(c, 1, 6);
	story_pull(s, c);
	conn_end(c, 6);
	story_pull(s, c);
	for (int dir = 0; dir < 2; dir++) {
		assert_int_equal(b->decoded[dir] + b->opaque[dir] + b->lost[dir], v[dir].n);
		assert_int_equal(b->opaque[dir], s->opaque[dir]);
		assert_int_equal(b->lost[dir], 0);
	}
	conn_free(c);
}

static void golden_cuts(const char *path)
{
	struct buf req = golden_read(path), resp = golden_other(path);
	struct story whole, cut;

	tell(&whole, buf_view(&req), buf_view(&resp), SIZE_MAX, 0);
	if (strstr(path, ".req")) {
		if (whole.done != 1 || !memmem(whole.text.p, whole.text.n, " end 1 ", 7))
			fail_msg("%s: not one whole exchange:\n%.*s", path, VIEW_ARG(buf_view(&whole.text)));
	}
	for (unsigned run = 0; run < 6; run++) {
		tell(&cut, buf_view(&req), buf_view(&resp), run == 0 ? 1 : 0, run);
		if (!view_eq(buf_view(&whole.text), buf_view(&cut.text)))
			fail_msg("%s: cut %u tells another story", path, run);
		for (int dir = 0; dir < 2; dir++)
			assert_true(view_eq(buf_view(&whole.opaque_text[dir]), buf_view(&cut.opaque_text[dir])));
		story_release(&cut);
	}
	story_release(&whole);
	buf_release(&req);
	buf_release(&resp);
}

static void test_golden(void **state)
{
	assert_in_range(golden_each(golden_cuts), 60, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_server_role),
		cmocka_unit_test(test_keep_alive_and_pipelining),
		cmocka_unit_test(test_interim),
		cmocka_unit_test(test_head_and_304),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_websocket),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_response_first),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_close_delimited),
		cmocka_unit_test(test_sse),
		cmocka_unit_test(test_sse_cut),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_joined_before_answer),
		cmocka_unit_test(test_lost_request),
		cmocka_unit_test(test_lost_response),
		cmocka_unit_test(test_lost_response_of_a_pipeline),
		cmocka_unit_test(test_gap_over_two_responses),
		cmocka_unit_test(test_gap_in_chunked_sse),
		cmocka_unit_test(test_gap_in_body),
		cmocka_unit_test(test_gap_splits_head_from_tail),
		cmocka_unit_test(test_coding_errors),
		cmocka_unit_test(test_coded_and_cut),
		cmocka_unit_test(test_many_headers),
		cmocka_unit_test(test_big_body),
		cmocka_unit_test(test_too_many_open),
		cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
