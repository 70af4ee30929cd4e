// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "events.h"
#include "proto/http1.h"

static struct buf want_in(const struct proto *p, struct view in, void (*head)(void *))
{
	void *s = malloc(p->state_size);
	struct proto_event ev;
	struct buf got;

	buf_init(&got, 1 << 24);
	p->init(s);
	while (p->next(s, &in, &ev) > 0) {
		events_add(&got, &ev);
		if (ev.kind == EV_HEADERS_END && head)
			head(s);
	}
	p->end(s);
	events_pull(&got, p, s, VIEW_NONE);
	p->fini(s);
	free(s);
	return got;
}

static void want(const struct proto *p, struct view in, void (*head)(void *), const char *expected)
{
	struct buf got = want_in(p, in, head);

	assert_int_equal(buf_add_byte(&got, 0), 0);
	assert_string_equal(got.p, expected);
	buf_release(&got);
}

#define REQ(in, expected) want(&proto_http1_request, VIEW(in), NULL, expected)
#define RESP(in, expected) want(&proto_http1_response, VIEW(in), NULL, expected)
#define TE "Transfer-Encoding: chunked\r\n"

static void test_requests(void **state)
{
	REQ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "Q1.1(GET /) H(Host=h) . E0");
	REQ("GET / HTTP/1.0\n\n", "Q1.0(GET /) . E0");
	REQ("\r\n\nGET / HTTP/1.1\r\n\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "Q1.1(GET /) . E0 Q1.1(GET /b) . E0");
	REQ("POST /a HTTP/1.1\r\ncontent-LENGTH:3\r\n\r\nabc", "Q1.1(POST /a) H(content-LENGTH=3) . B(abc) E0");
	REQ("PROPFIND /a HTTP/1.1\r\n\r\n", "Q1.1(PROPFIND /a) . E0");
	REQ("GET  /a  HTTP/1.1 \r\n\r\n", "Q1.1(GET /a) . E0");
	REQ("POST /a HTTP/1.1\r\n" TE "\r\n3\r\nabc\r\n00\r\n\r\n",
	    "Q1.1(POST /a) H(Transfer-Encoding=chunked) . B(abc) E0");
}

static void test_not_requests(void **state)
{
	REQ("GET / HTTP/2.0\r\n\r\n", "O(GET / HTTP/2.0\r\n\r\n)");
	REQ("GET /\r\n", "O(GET /\r\n)");
	REQ("G\x01T / HTTP/1.1\r\n", "O(G\x01T / HTTP/1.1\r\n)");
	REQ("GET / HTT", "O(GET / HTT)");
	REQ("GET / HTTP/1.1\r\nA: b\r\nC", "Q1.1(GET /) H(A=b) E1");
}

static void test_headers(void **state)
{
	REQ("GET / HTTP/1.1\r\nA:b\r\nC : \t d e \t\r\nF:\r\n\r\n", "Q1.1(GET /) H(A=b) H(C=d e) H(F=) . E0");
	REQ("GET / HTTP/1.1\r\nA: b\r\n  c\r\n\td\r\nE: f\r\n\r\n", "Q1.1(GET /) H(A=b  c\td) H(E=f) . E0");
	REQ("GET / HTTP/1.1\r\n x: y\r\nno colon\r\n: z\r\nA: b\r\n\r\n", "Q1.1(GET /) H(A=b) .3 E0");
}

static void test_status_lines(void **state)
{
	RESP("HTTP/1.1 204 No Content\r\n\r\n", "S1.1(204 No Content) . E0");
	RESP("HTTP/1.0 204\r\n\r\n", "S1.0(204 ) . E0");
	RESP("HTTP/1.1 204 \r\n\r\n", "S1.1(204 ) . E0");
	RESP("HTTP/1.1 20 x\r\n\r\n", "O(HTTP/1.1 20 x\r\n\r\n)");
	RESP("HTTP/1.1 2000\r\n\r\n", "O(HTTP/1.1 2000\r\n\r\n)");
	RESP("ICY 200 OK\r\n\r\n", "O(ICY 200 OK\r\n\r\n)");
}

static void test_lengths(void **state)
{
	RESP("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", "S1.1(200 OK) H(Content-Length=1, 1) . B(x) E0");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "S1.1(200 OK) H(Content-Length=0) . E0");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", "S1.1(200 OK) H(Content-Length=2) . B(x) E1");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
	     "S1.1(200 OK) H(Content-Length=1) H(Content-Length=2) . E2 O(xy)");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", "S1.1(200 OK) H(Content-Length=-1) . E2 O(x)");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", "S1.1(200 OK) H(Content-Length=+1) . E2 O(x)");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
	     "S1.1(200 OK) H(Content-Length=99999999999999999999) . E2 O(x)");
	RESP("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nx", "S1.1(200 OK) H(Content-Length=) . E2 O(x)");
	RESP("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n" TE "\r\n1\r\nx\r\n0\r\n\r\n",
	     "S1.1(200 OK) H(Content-Length=7) H(Transfer-Encoding=chunked) . B(x) E0");
	RESP("HTTP/1.1 200 OK\r\n\r\nxy", "S1.1(200 OK) . B(xy) E0c");
	RESP("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxy", "S1.1(200 OK) H(Transfer-Encoding=gzip) . B(xy) E0c");
	REQ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\nx",
	    "Q1.1(POST /) H(Transfer-Encoding=chunked, gzip) . E2 O(x)");
	REQ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n0\r\n\r\n",
	    "Q1.1(POST /) H(Transfer-Encoding=gzip, Chunked) . E0");
}

#define CH "HTTP/1.1 200 OK\r\n" TE "\r\n"
#define CHE "S1.1(200 OK) H(Transfer-Encoding=chunked) . "

static void test_chunks(void **state)
{
	RESP(CH "A\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n", CHE "B(0123456789) B(0123456789) E0");
	RESP(CH "1;x=\"y\"\r\na\r\n1 \r\nb\r\n0;z\r\n\r\n", CHE "B(a) B(b) E0");
	RESP(CH "1\na\n0\n\n", CHE "B(a) E0");
	RESP(CH "1\r\na\r\n0\r\nTrailer: v\r\n w\r\nOther: x\r\n\r\n", CHE "B(a) H(Trailer=v w) H(Other=x) E0");
	RESP(CH "000000000000000000001\r\na\r\n0\r\n\r\n", CHE "B(a) E0");
	RESP(CH "1\r\nab\r\n", CHE "B(a) E2 O(b\r\n)");
	RESP(CH "\r\n", CHE "E2 O(\r\n)");
	RESP(CH "g\r\n", CHE "E2 O(g\r\n)");
	RESP(CH "-1\r\n", CHE "E2 O(-1\r\n)");
	RESP(CH "10000000000000000\r\n", CHE "E2 O(0\r\n)");
	RESP(CH "5\r\nab", CHE "B(ab) E1");
	RESP(CH "1\r\na\r\n0\r\nA: b\r\n", CHE "B(a) E1");
}

static void test_bodyless(void **state)
{
	RESP("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	     "S1.1(100 Continue) . E0 S1.1(200 OK) H(Content-Length=0) . E0");
	RESP("HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 N\r\n" TE "\r\n",
	     "S1.1(304 N) H(Content-Length=5) . E0 S1.1(204 N) H(Transfer-Encoding=chunked) . E0");
	want(&proto_http1_response, VIEW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
	     http1_response_no_body, "S1.1(200 OK) H(Content-Length=5) . E0 S1.1(200 OK) . E0");
}

static void test_opaque(void **state)
{
	RESP("HTTP/1.1 101 S\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "S1.1(101 S) . E0 O(HTTP/1.1 200 OK\r\n\r\n)");
	want(&proto_http1_response, VIEW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes\r\n"), http1_response_opaque,
	     "S1.1(200 OK) H(Content-Length=5) . E0 O(bytes\r\n)");
	want(&proto_http1_request, VIEW("CONNECT h:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"), http1_request_opaque,
	     "Q1.1(CONNECT h:1) . E0 O(GET / HTTP/1.1\r\n\r\n)");
}

static void test_resync(void **state)
{
	REQ("junk\r\n{\"a\":1}POST /a HTTP/1.1\r\nA: b\r\n\r\n", "O(junk\r\n{\"a\":1}) Q1.1(POST /a) H(A=b) . E0");
	REQ("junk\r\nGET /a HTTP/1.1\r\n\r\n", "O(junk\r\n) Q1.1(GET /a) . E0");
	/* Without CRLF, without a header behind it, or inside a string it is text about HTTP. */
	REQ("junk\r\nGET /a HTTP/1.1\nA: b\r\n\r\n", "O(junk\r\nGET /a HTTP/1.1\nA: b\r\n\r\n)");
	REQ("junk\r\nGET /a HTTP/1.1\r\nand so on\r\n\r\n", "O(junk\r\nGET /a HTTP/1.1\r\nand so on\r\n\r\n)");
	REQ("junk\r\nGET \"/a HTTP/1.1\r\nA: b\r\n", "O(junk\r\nGET \"/a HTTP/1.1\r\nA: b\r\n)");
	REQ("junk\r\nFETCH /a HTTP/1.1\r\nA: b\r\n", "O(junk\r\nFETCH /a HTTP/1.1\r\nA: b\r\n)");
	RESP("junk\r\n{\"HTTP/1.1 500 x\"}HTTP/1.1 204 OK\r\nA: b\r\n\r\n",
	     "O(junk\r\n{\"HTTP/1.1 500 x\"}) S1.1(204 OK) H(A=b) . E0");
	RESP("junk\r\nsaid \"HTTP/1.1 500 x\"\r\nA: b\r\n", "O(junk\r\nsaid \"HTTP/1.1 500 x\"\r\nA: b\r\n)");
}

static void test_any(void **state)
{
	want(&proto_http1, VIEW("GET / HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), NULL,
	     "Q1.1(GET /) . E0 O(HTTP/1.1 200 OK\r\n\r\n)");
	want(&proto_http1, VIEW("HTTP/1.1 204 OK\r\n\r\nGET / HTTP/1.1\r\n\r\n"), NULL,
	     "S1.1(204 OK) . E0 O(GET / HTTP/1.1\r\n\r\n)");
}

/* before | gap of n | after */
static void gap_is(const struct proto *p, struct view before, uint64_t n, struct view after, const char *expected)
{
	void *s = malloc(p->state_size);
	struct buf got;

	buf_init(&got, 1 << 20);
	p->init(s);
	events_pull(&got, p, s, before);
	buf_reset(&got);
	p->gap(s, n);
	events_pull(&got, p, s, VIEW_NONE);
	events_pull(&got, p, s, after);
	p->end(s);
	events_pull(&got, p, s, VIEW_NONE);
	assert_int_equal(buf_add_byte(&got, 0), 0);
	assert_string_equal(got.p, expected);
	p->fini(s);
	free(s);
	buf_release(&got);
}

#define GAP(before, n, after, expected) gap_is(&proto_http1_response, VIEW(before), n, VIEW(after), expected)
#define NEXT "HTTP/1.1 204 N\r\n\r\n"
#define NEXTE "S1.1(204 N) . E0"

static void test_gaps(void **state)
{
	GAP("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 4, "de", "G4 B(de) E0");
	GAP("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 6, NEXT, "G6 E0 " NEXTE);
	GAP("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 7, "x" NEXT, "G6 E2 O(x) " NEXTE);
	GAP("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 4, "abcde", "G4 B(abcde) E0");
	GAP("HTTP/1.1 200 OK\r\n\r\nabc", 4, "de", "G4 B(de) E0c");
	GAP("HTTP/1.1 200 OK\r\nCont", 4, "de\r\n\r\n" NEXT, "E2 O(de\r\n\r\n) " NEXTE);
	GAP("", 4, "de" NEXT, "O(de) " NEXTE);
	GAP("HTTP/1.", 4, "de" NEXT, "O(HTTP/1.) O(de) " NEXTE);
	GAP(CH "9\r\nabc", 4, "de\r\n0\r\n\r\n" NEXT, "G4 B(de) E0 " NEXTE);
	GAP(CH "9\r\nabc", 6, "\r\n0\r\n\r\n" NEXT, "G6 E0 " NEXTE);
	GAP(CH "9\r\nabc", 7, "\n0\r\n\r\n" NEXT, "G6 E0 " NEXTE);
	GAP(CH "9\r\nabc", 8, "0\r\n\r\n" NEXT, "G6 E0 " NEXTE);
	GAP(CH "9", 7, "de" NEXT, "G? O(de) E2 " NEXTE);
	GAP(CH "0\r\nA: ", 7, "de\r\n\r\n" NEXT, "E2 O(de\r\n\r\n) " NEXTE);
	GAP("HTTP/1.1 101 S\r\n\r\nab", 7, "de", "O(de)");
}

/* A chunked body goes on behind a gap where a chunk shows itself. */
static void test_chunk_hunt(void **state)
{
	/* The gap took whole chunks: the one right behind it is proved by the next. */
	GAP(CH "1\r\na\r\n", 100, "2\r\nbc\r\n1\r\nd\r\n0\r\n\r\n" NEXT, "G? B(bc) B(d) E0 " NEXTE);
	GAP(CH "1\r\na\r\n", 100, "0\r\n\r\n" NEXT, "G? E0 " NEXTE);
	/* It ends in a size line, in data, in data that looks like a size line, in a line end. */
	GAP(CH "1\r\na\r\n", 100, "4\r\nxyz-xyz\r\n1\r\nd\r\n0\r\n\r\n" NEXT, "G? O(4\r\n) O(xyz-xyz\r\n) B(d) E0 " NEXTE);
	GAP(CH "5\r\nab", 100, "xy\r\n1\r\nd\r\n0\r\n\r\n" NEXT, "G? O(xy\r\n) B(d) E0 " NEXTE);
	GAP(CH "5\r\nab", 100, "b\r\n1\r\nd\r\n1\r\ne\r\n0\r\n\r\n" NEXT, "G? O(b\r\n) B(d) B(e) E0 " NEXTE);
	GAP(CH "5\r\nab", 100, "\n1\r\nd\r\n0\r\n\r\n" NEXT, "G? O(\n) B(d) E0 " NEXTE);
	GAP(CH "5\r\nab", 100, "c6\r.\0\r\n1\r\nd\r\n0\r\n\r\n" NEXT, "G? O(c6\r.) B(d) E0 " NEXTE);
	/* There is none. */
	GAP(CH "5\r\nab", 100, "x\r\ny\r\n-1\r\n" NEXT, "G? O(x\r\ny\r\n-1\r\n) E2 " NEXTE);
	GAP(CH "5\r\nab", 100, NEXT, "G? E2 " NEXTE);
	GAP(CH "5\r\nab", 100, "xy", "G? O(xy) E1");
	GAP(CH "5\r\nab", 100, "", "G? E1");
}

/* A head of ten thousand headers, one of a megabyte, and one that never ends: framing stays known, memory bounded. */
static void huge_head(size_t lines, size_t len, const char *length, int want_skipped, bool want_body)
{
	void *s = malloc(proto_http1_response.state_size);
	char *value = malloc(len + 64);
	struct proto_event ev;
	size_t headers = 0;
	bool body = false;
	struct view in = VIEW("HTTP/1.1 200 OK\r\n");

	memset(value, 'v', len + 64);
	memcpy(value, "Name: ", 6);
	memcpy(value + len - 2, "\r\n", 2);
	proto_http1_response.init(s);
	assert_int_equal(proto_http1_response.next(s, &in, &ev), 1);
	for (size_t i = 0; i < lines; i++) {
		in = (struct view){ value, len };
		while (proto_http1_response.next(s, &in, &ev) > 0)
			headers += ev.kind == EV_HEADER;
		assert_true(proto_http1_response.memory(s) < 256 * 1024);
	}
	in = view_of(length);
	while (proto_http1_response.next(s, &in, &ev) > 0) {
		if (ev.kind == EV_HEADERS_END) {
			assert_int_equal(ev.num > 0, want_skipped);
			assert_in_range(headers + ev.num, lines - 1, lines + 1);
		}
		headers += ev.kind == EV_HEADER;
		body |= ev.kind == EV_BODY;
	}
	assert_int_equal(body, want_body);
	proto_http1_response.fini(s);
	free(s);
	free(value);
}

static void test_huge_heads(void **state)
{
	huge_head(10000, 20, "Content-Length: 1\r\n\r\nx", false, true);
	huge_head(100000, 60, "Content-Length: 1\r\n\r\nx", true, true);
	huge_head(3, 500 * 1024, "Content-Length: 1\r\n\r\nx", true, true);
}

static void test_long_header(void **state)
{
	size_t n = 70000;
	char *text = malloc(n + 100);
	struct view in;
	struct proto_event ev;
	void *s = malloc(proto_http1_request.state_size);
	int len = sprintf(text, "GET / HTTP/1.1\r\nA: %0*d\r\n\r\n", (int)n, 1);

	proto_http1_request.init(s);
	in = (struct view){ text, len };
	assert_int_equal(proto_http1_request.next(s, &in, &ev), 1);
	assert_int_equal(proto_http1_request.next(s, &in, &ev), 1);
	assert_int_equal(ev.kind, EV_HEADER);
	assert_int_equal(ev.value.n, 64 * 1024 - 3);
	assert_in_range(ev.num, n + 3 - 64 * 1024, n + 4 - 64 * 1024);
	proto_http1_request.fini(s);
	free(s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_not_requests),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_status_lines),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_bodyless),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_resync),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_chunk_hunt),
		cmocka_unit_test(test_huge_heads),
		cmocka_unit_test(test_long_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
