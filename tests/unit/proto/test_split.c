// SPDX-License-Identifier: Apache-2.0
/* However the bytes are cut into pieces, the events are the same: every row of protos[], every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "samples.h"
#include "transcript.h"

/* step bytes at a time, the first piece first bytes long.  joined: from the middle of something. */
static struct transcript run(const struct proto *p, struct view text, size_t first, size_t step, bool joined)
{
	void *state = transcript_state(p);
	struct transcript t;

	transcript_init(&t);
	if (joined) {
		p->gap(state, UINT64_MAX);
		transcript_pull(&t, p, state, VIEW_NONE);
	}
	for (struct view rest = text; rest.n; first = step) {
		struct view piece = view_take(rest, first ? first : step);

		transcript_pull(&t, p, state, piece);
		rest = view_drop(rest, piece.n);
	}
	transcript_end(&t, p, state);
	transcript_state_free(p, state);
	return t;
}

static void same(const struct proto *p, struct view text, size_t first, size_t step, bool joined,
		 const struct transcript *whole)
{
	struct transcript cut = run(p, text, first, step, joined);

	if (!view_eq(buf_view(&whole->text), buf_view(&cut.text)))
		fail_msg("%s, first %zu, step %zu, joined %d: in one piece\n%.*s\n--- cut\n%.*s\n", p->name, first, step,
			 joined, VIEW_ARG(buf_view(&whole->text)), VIEW_ARG(buf_view(&cut.text)));
	transcript_release(&cut);
}

/* Every at-th cut. */
static void every_cut(const struct proto *p, struct view text, size_t stride)
{
	struct transcript whole;

	for (int joined = 0; joined < 2; joined++) {
		whole = run(p, text, text.n, text.n, joined);
		same(p, text, 1, 1, joined, &whole);
		same(p, text, 3, 2, joined, &whole);
		for (size_t at = 1; at < text.n; at += stride)
			same(p, text, at, text.n, joined, &whole);
		transcript_release(&whole);
	}
}

static void test_samples(void **state)
{
	for (size_t i = 0; i < SAMPLE_CNT; i++) {
		const struct proto *p = sample_proto(samples[i].proto);

		assert_non_null(p);
		every_cut(p, samples[i].text, 1);
	}
}

/* Every row has samples, so that a new one cannot be forgotten here. */
static void test_every_row(void **state)
{
	for (size_t r = 0; protos[r]; r++) {
		size_t cnt = 0;

		for (size_t i = 0; i < SAMPLE_CNT; i++)
			cnt += sample_proto(samples[i].proto) == protos[r];
		if (!cnt)
			fail_msg("no samples for %s", protos[r]->name);
	}
}

/* Input of one row must not upset another. */
static void test_foreign_samples(void **state)
{
	for (size_t r = 0; protos[r]; r++) {
		for (size_t i = 0; i < SAMPLE_CNT; i++) {
			struct transcript whole = run(protos[r], samples[i].text, SIZE_MAX, SIZE_MAX, false);

			same(protos[r], samples[i].text, 1, 1, false, &whole);
			transcript_release(&whole);
		}
	}
}

static void golden_split(const char *path)
{
	struct buf out = golden_read(path), in = golden_other(path);

	every_cut(&proto_http1_request, view_take(buf_view(&out), 1200), 7);
	every_cut(&proto_http1_response, view_take(buf_view(&in), 1200), 7);
	buf_release(&out);
	buf_release(&in);
}

static void test_golden(void **state)
{
	assert_in_range(golden_each(golden_split), 60, 1000);
}

/* What is found behind a gap does not depend on the cuts either. */
static struct transcript run_gap(const struct proto *p, struct view text, size_t from, size_t n, size_t step)
{
	void *state = transcript_state(p);
	struct transcript t;

	transcript_init(&t);
	transcript_pull(&t, p, state, view_take(text, from));
	p->gap(state, n);
	transcript_pull(&t, p, state, VIEW_NONE);
	for (struct view rest = view_drop(text, from + n); rest.n;) {
		struct view piece = view_take(rest, step);

		transcript_pull(&t, p, state, piece);
		rest = view_drop(rest, piece.n);
	}
	transcript_end(&t, p, state);
	transcript_state_free(p, state);
	return t;
}

static void golden_split_behind_gap(const char *path)
{
	struct buf b = golden_other(path);
	unsigned seed = b.n;

	for (int i = 0; i < 24; i++) {
		size_t from = golden_random(&seed) % b.n, n = golden_random(&seed) % (1 + (b.n - from) / (1 + i % 8));
		struct transcript whole = run_gap(&proto_http1_response, buf_view(&b), from, n, SIZE_MAX);

		for (size_t step = 1; step < 100; step = step * 3 + 2) {
			struct transcript cut = run_gap(&proto_http1_response, buf_view(&b), from, n, step);

			if (!view_eq(buf_view(&whole.text), buf_view(&cut.text)))
				fail_msg("%s: gap of %zu at %zu, step %zu", path, n, from, step);
			transcript_release(&cut);
		}
		transcript_release(&whole);
	}
	buf_release(&b);
}

static void test_behind_gap(void **state)
{
	assert_in_range(golden_each(golden_split_behind_gap), 60, 1000);
}

/* Lines around the limits of a line and of hunting. */
static void test_long_lines(void **state)
{
	static const size_t lens[] = { 16 * 1024 - 20, 16 * 1024, 16 * 1024 + 5, 64 * 1024 - 30, 64 * 1024, 64 * 1024 + 1, 200000 };
	struct transcript whole;
	struct buf b;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		for (int target = 0; target < 2; target++) {
			buf_init(&b, 1 << 20);
			assert_int_equal(buf_addf(&b, target ? "GET /%0*d HTTP/1.1\r\nA: b\r\n\r\n" :
						  "GET / HTTP/1.1\r\nA: %0*d\r\nB: c\r\n\r\n", (int)lens[i], 1), 0);
			assert_int_equal(buf_addf(&b, "GET /next HTTP/1.1\r\nA: b\r\n\r\n"), 0);
			for (int joined = 0; joined < 2; joined++) {
				whole = run(&proto_http1_request, buf_view(&b), b.n, b.n, joined);
				same(&proto_http1_request, buf_view(&b), 1, 4096, joined, &whole);
				same(&proto_http1_request, buf_view(&b), 16000, 65536, joined, &whole);
				same(&proto_http1_request, buf_view(&b), 70000, 997, joined, &whole);
				transcript_release(&whole);
			}
			buf_release(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_foreign_samples),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_behind_gap),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
