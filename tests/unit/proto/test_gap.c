// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes go missing anywhere: nothing crashes, nothing that is said to be whole
 * is wrong, the next message is found, and the books balance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "samples.h"
#include "transcript.h"

#define SECOND_REQ "GET /second HTTP/1.1\r\nHost: h\r\n\r\n"
#define SECOND_RESP "HTTP/1.1 203 Second\r\nContent-Length: 6\r\n\r\nsecond"

struct cut {
	int dir;
	size_t from, n;
	bool late;		/* the gap is noticed when the next bytes of its direction come */
};

/* What a run says of itself. */
struct result {
	struct buf events;	/* of SSE, whole ones, each behind a NUL */
	struct buf req, resp;	/* of an exchange that says it is complete, by its first number */
	bool complete;
	bool second;
	enum exchange_end second_end, first_end;
	uint64_t opaque[2];
	unsigned done;
};

static void result_release(struct result *r)
{
	buf_release(&r->events);
	buf_release(&r->req);
	buf_release(&r->resp);
}

static void add(struct buf *b, struct view v)
{
	assert_int_equal(buf_add(b, v), 0);
}

static void result_done(struct result *r, const struct exchange *x)
{
	r->done++;
	if (view_eq(x->target, VIEW("/second"))) {
		r->second = x->status == 203 && view_eq(buf_view(&x->resp.body.head), VIEW("second"));
		r->second_end = x->end;
		return;
	}
	if (x->no)
		return;
	r->first_end = x->end;
	if (!x->req.body.complete || !x->resp.body.complete || x->end != XEND_OK)
		return;
	r->complete = true;
	add(&r->req, buf_view(&x->req.body.head));
	add(&r->resp, buf_view(&x->resp.body.head));
}

static void pull(struct result *r, struct conn *c)
{
	struct xev ev;

	while (conn_next(c, &ev)) {
		if (ev.kind == XEV_OPAQUE)
			r->opaque[ev.dir] += ev.value.n;
		if (ev.kind == XEV_EVENT && !ev.cut) {
			add(&r->events, (struct view){ "", 1 });
			add(&r->events, ev.name);
			add(&r->events, VIEW("|"));
			add(&r->events, ev.value);
		}
		if (ev.kind == XEV_DONE)
			result_done(r, ev.x);
	}
}

static void bytes(struct result *r, struct conn *c, int dir, struct view v, uint64_t *sum)
{
	char *copy = malloc(v.n ? v.n : 1);

	assert_non_null(copy);
	if (v.n)
		memcpy(copy, v.p, v.n);
	sum[dir] += v.n;
	conn_bytes(c, dir, (struct view){ copy, v.n }, 1);
	pull(r, c);
	free(copy);
}

static void gap(struct result *r, struct conn *c, const struct cut *cut)
{
	conn_gap(c, cut->dir, cut->n, 1);
	pull(r, c);
}

static struct result run(struct view req, struct view resp, const struct cut *cut)
{
	struct view v[2] = { req, resp }, second[2] = { VIEW(SECOND_REQ), VIEW(SECOND_RESP) };
	struct conn *c = conn_new(false);
	struct result r = { 0 };
	uint64_t sum[2] = { 0 };

	buf_init(&r.events, 1 << 24);
	buf_init(&r.req, 1 << 24);
	buf_init(&r.resp, 1 << 24);
	for (int dir = 0; dir < 2; dir++) {
		bool here = cut && cut->dir == dir;

		bytes(&r, c, dir, view_take(v[dir], here ? cut->from : v[dir].n), sum);
		if (!here)
			continue;
		if (!cut->late || cut->from + cut->n < v[dir].n)
			gap(&r, c, cut);
		bytes(&r, c, dir, view_drop(v[dir], cut->from + cut->n), sum);
	}
	for (int dir = 0; dir < 2; dir++) {
		if (cut && cut->dir == dir && cut->late && cut->from + cut->n == v[dir].n)
			gap(&r, c, cut);
		bytes(&r, c, dir, second[dir], sum);
	}
	conn_end(c, 2);
	pull(&r, c);
	for (int dir = 0; dir < 2; dir++) {
		const struct conn_books *b = conn_books(c);

		assert_int_equal(b->decoded[dir] + b->opaque[dir] + b->lost[dir], sum[dir]);
		assert_int_equal(b->opaque[dir], r.opaque[dir]);
		assert_int_equal(b->lost[dir], 0);
	}
	conn_free(c);
	return r;
}

static bool next_event(struct view *list, struct view *ret)
{
	const char *end;

	if (!list->n)
		return false;
	*list = view_drop(*list, 1);
	end = list->n ? memchr(list->p, '\0', list->n) : NULL;
	*ret = end ? view_take(*list, end - list->p) : *list;
	*list = view_drop(*list, ret->n);
	return true;
}

/* Every whole event is one that was sent, and in order. */
static bool is_subset(struct view some, struct view all)
{
	struct view one, other;

	while (next_event(&some, &one)) {
		do {
			if (!next_event(&all, &other))
				return false;
		} while (!view_eq(one, other));
	}
	return true;
}

static void check(const char *path, const struct result *whole, const struct result *r, const struct cut *cut)
{
	bool same = !r->complete || (view_eq(buf_view(&r->req), buf_view(&whole->req)) &&
				     view_eq(buf_view(&r->resp), buf_view(&whole->resp)));
	bool subset = is_subset(buf_view(&r->events), buf_view(&whole->events));

	if (!same || !subset || !r->second || r->second_end != XEND_OK || r->first_end == XEND_OK)
		fail_msg("%s: dir %d, %zu bytes at %zu, late %d: same %d subset %d second %d (%d) first %d", path, cut->dir,
			 cut->n, cut->from, cut->late, same, subset, r->second, r->second_end, r->first_end);
}

static void gaps_in(const char *path, struct view req, struct view resp)
{
	static const size_t lens[] = { 1, 2, 3, 17, 400, SIZE_MAX };
	struct result whole = run(req, resp, NULL), r;
	struct view v[2] = { req, resp };
	struct cut cut;

	assert_true(whole.complete && whole.second && whole.second_end == XEND_OK);
	for (cut.dir = 0; cut.dir < 2; cut.dir++) {
		size_t n = v[cut.dir].n, step = n / 60 + 1;

		for (cut.from = 0; cut.from < n; cut.from += step) {
			for (size_t i = 0; i < 2 * sizeof(lens) / sizeof(lens[0]); i++) {
				cut.n = lens[i / 2] < n - cut.from ? lens[i / 2] : n - cut.from;
				cut.late = i & 1;
				r = run(req, resp, &cut);
				check(path, &whole, &r, &cut);
				result_release(&r);
			}
		}
	}
	result_release(&whole);
}

static void golden_gaps(const char *path)
{
	struct buf req = golden_read(path), resp = golden_other(path);

	if (strstr(path, ".req"))
		gaps_in(path, buf_view(&req), buf_view(&resp));
	buf_release(&req);
	buf_release(&resp);
}

static void test_golden(void **state)
{
	assert_in_range(golden_each(golden_gaps), 60, 1000);
}

/* The decoders alone, every row with every sample: no crash, and the events come to an end. */
static void test_rows(void **state)
{
	for (size_t r = 0; protos[r]; r++) {
		for (size_t i = 0; i < SAMPLE_CNT; i++) {
			struct view text = samples[i].text;

			for (size_t from = 0; from < text.n; from++) {
				size_t n = 1 + from * 7 % 13;
				void *s = transcript_state(protos[r]);
				struct transcript t;

				n = n < text.n - from ? n : text.n - from;
				transcript_init(&t);
				transcript_pull(&t, protos[r], s, view_take(text, from));
				protos[r]->gap(s, n);
				transcript_pull(&t, protos[r], s, VIEW_NONE);
				transcript_pull(&t, protos[r], s, view_drop(text, from + n));
				protos[r]->gap(s, UINT64_MAX);
				protos[r]->gap(s, UINT64_MAX);
				transcript_end(&t, protos[r], s);
				assert_in_range(t.opaque, 0, text.n - n);
				transcript_release(&t);
				transcript_state_free(protos[r], s);
			}
		}
	}
}

/* Whatever the gap, the next message is found by the decoder itself. */
static void finds_next(const struct proto *p, struct view text, struct view next)
{
	for (size_t from = 0; from < text.n; from++) {
		void *s = transcript_state(p);
		struct transcript t;

		transcript_init(&t);
		transcript_pull(&t, p, s, view_take(text, from));
		p->gap(s, text.n - from);
		transcript_pull(&t, p, s, VIEW_NONE);
		transcript_pull(&t, p, s, next);
		transcript_end(&t, p, s);
		if (!memmem(t.text.p, t.text.n, "marker", 6) || t.opaque > from)
			fail_msg("%s: gap from %zu: %.*s", p->name, from, VIEW_ARG(buf_view(&t.text)));
		transcript_release(&t);
		transcript_state_free(p, s);
	}
}

static void test_next(void **state)
{
	finds_next(&proto_http1_request, VIEW("POST / HTTP/1.1\r\n" CHUNKED "5\r\nhello\r\n0\r\nT: v\r\n\r\n"),
		   VIEW("PUT /marker HTTP/1.1\r\nHost: h\r\n\r\n"));
	finds_next(&proto_http1_response, VIEW("HTTP/1.1 200 OK\r\n" CHUNKED "5\r\nhello\r\n0\r\n\r\n"),
		   VIEW("HTTP/1.1 200 marker\r\nContent-Length: 0\r\n\r\n"));
	finds_next(&proto_sse, VIEW("event: x\ndata: a\n\ndata: b\n\n"), VIEW("x\n\ndata: marker\n\n"));
	finds_next(&proto_jsonl, VIEW("{\"a\":1}\n{\"b\":2}\n"), VIEW("x\n{\"marker\":1}\n"));
	finds_next(&proto_json_array, VIEW("[{\"a\":\"]\"}\n,\r\n{\"b\":2}"), VIEW("\"]}\n,\r\n{\"marker\":1}\n]"));
	finds_next(&proto_eventstream, sample_frames(), sample_marker());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
