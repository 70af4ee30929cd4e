// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server.h"
#include "sink/sink.h"
#include "spans.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct bed {
	struct server server;
	struct otlp_config config;
	struct sink *sink;
};

static void bed_start(struct bed *b, const struct step *steps, size_t n)
{
	server_start(&b->server, steps, n);
	b->config = (struct otlp_config){
		.endpoint = b->server.url, .timeout_ms = 10000, .queue_max = 100, .batch_max = 50,
		.delay_ms = 60000, .backoff_ms = 1, .give_up_ms = 300000,
	};
}

static void bed_open(struct bed *b)
{
	int err = 0;

	b->sink = sink_otlp_new(&b->config, &err);
	assert_non_null(b->sink);
}

static void bed_stop(struct bed *b)
{
	struct sink_stats st = sink_stats(b->sink);

	/* Every span has one end. */
	assert_int_equal(st.spans, st.delivered + st.dropped + st.rejected);
	sink_free(b->sink);
	server_stop(&b->server);
}

static void put(struct bed *b, uint8_t id, struct resource *r)
{
	struct span *s = a_span(id, r);

	assert_int_equal(sink_put(b->sink, s), 0);
	span_free(s);
}

static void put_big(struct bed *b, size_t n)
{
	struct span *s = a_span(1, NULL);
	char *text = calloc(1, n);

	s->name = (struct view){ text, n };
	assert_int_equal(sink_put(b->sink, s), 0);
	free(text);
	span_free(s);
}

#define assert_stats(b, want_delivered, want_rejected, want_dropped) do { \
	struct sink_stats st_ = sink_stats((b)->sink); \
	assert_int_equal(st_.delivered, want_delivered); \
	assert_int_equal(st_.rejected, want_rejected); \
	assert_int_equal(st_.dropped, want_dropped); \
} while (0)

static void a_batch_is_delivered(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct resource *one = a_resource("one"), *two = a_resource("two");
	struct bed b;
	const char *head;

	bed_start(&b, steps, 1);
	b.config.headers = "authorization=Bearer%20a%2Cb, x-empty=";
	bed_open(&b);
	put(&b, 1, one);
	put(&b, 2, two);
	put(&b, 3, one);
	resource_put(one);
	resource_put(two);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 3, 0, 0);
	assert_int_equal(b.server.seen_cnt, 1);
	assert_int_equal(b.server.seen[0].spans, 3);
	assert_int_equal(b.server.seen[0].resources, 2);
	head = b.server.seen[0].head;
	assert_non_null(strstr(head, "POST /v1/traces HTTP/1.1\r\n"));
	assert_non_null(strcasestr(head, "\r\nContent-Type: application/x-protobuf\r\n"));
	assert_non_null(strcasestr(head, "\r\nUser-Agent: onlooker/" ONLOOKER_VERSION " OTel-OTLP-Exporter-C/" ONLOOKER_VERSION "\r\n"));
	assert_non_null(strcasestr(head, "\r\nauthorization: Bearer a,b\r\n"));
	assert_non_null(strcasestr(head, "\r\nx-empty:\r\n"));
	assert_null(strcasestr(head, "Content-Encoding"));
	assert_null(b.sink->type->last_error(b.sink));
	bed_stop(&b);
}

static void gzip_is_used_when_asked_for(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct bed b;

	bed_start(&b, steps, 1);
	b.config.gzip = true;
	bed_open(&b);
	put_big(&b, 100000);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 1, 0, 0);
	assert_non_null(strcasestr(b.server.seen[0].head, "\r\nContent-Encoding: gzip\r\n"));
	assert_true(server_content_length(b.server.seen[0].head) < 10000);
	assert_int_equal(b.server.seen[0].spans, 1);
	bed_stop(&b);
}

static void partial_success_is_never_retried(void **state)
{
	/* 1: partial_success { 1: rejected_spans 2, 2: error_message } */
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n\x0a\x0c\x08\x02\x12\x08" "too\x1b[2Jx"),
	};
	struct bed b;

	bed_start(&b, steps, 1);
	bed_open(&b);
	put(&b, 1, NULL);
	put(&b, 2, NULL);
	put(&b, 3, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 1, 2, 0);
	assert_int_equal(b.server.seen_cnt, 1);
	assert_string_equal(b.sink->type->last_error(b.sink), "the receiver rejected some of the spans: too?[2Jx");
	bed_stop(&b);
}

/* More rejected than were sent, or fewer than none: a receiver may say anything. */
static void absurd_partial_success(void **state)
{
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x0a\x03\x08\xe8\x07"),
		ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
	};
	struct bed b;
	int i;

	bed_start(&b, steps, COUNT(steps));
	bed_open(&b);
	for (i = 0; i < 3; i++) {
		put(&b, i, NULL);
		assert_int_equal(sink_flush(b.sink, 5000), 0);
	}
	assert_stats(&b, 2, 1, 0);
	bed_stop(&b);
}

static void refusals_are_final(void **state)
{
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("this is not HTTP\r\n\r\n"),
	};
	struct bed b;
	size_t i;

	bed_start(&b, steps, COUNT(steps));
	bed_open(&b);
	for (i = 0; i < COUNT(steps); i++) {
		put(&b, i, NULL);
		assert_int_equal(sink_flush(b.sink, 5000), 0);
		assert_int_equal(b.server.seen_cnt, i + 1);
		if (!i)
			assert_string_equal(b.sink->type->last_error(b.sink), "the receiver answered with HTTP status 400");
	}
	assert_stats(&b, 0, COUNT(steps), 0);
	assert_int_equal(sink_stats(b.sink).retries, 0);
	bed_stop(&b);
}

static void what_may_pass_is_retried(void **state)
{
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"),
		{ .kind = STEP_CLOSE },
		ANSWER("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n"),
		ANSWER(OK_200),
	};
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	bed_open(&b);
	put(&b, 1, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 1, 0, 0);
	assert_int_equal(b.server.seen_cnt, 6);
	/* curl repeats a request by itself, once, when a kept connection turns out to be closed. */
	assert_in_range(sink_stats(b.sink).retries, 4, 5);
	bed_stop(&b);
}

/* The server's wish is longer than the batch may live: no second try, at once. */
static void retry_after_is_honoured(void **state)
{
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 429 Slow\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"),
		ANSWER("HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"),
		ANSWER(OK_200),
	};
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	bed_open(&b);
	put(&b, 1, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), -ETIMEDOUT);
	put(&b, 2, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), -ETIMEDOUT);
	assert_int_equal(b.server.seen_cnt, 2);
	assert_stats(&b, 0, 0, 2);
	bed_stop(&b);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void retry_after_is_waited_for(void **state)
{
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
		ANSWER(OK_200),
	};
	double start = seconds();
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	bed_open(&b);
	put(&b, 1, NULL);
	assert_int_equal(sink_flush(b.sink, 20000), 0);
	assert_true(seconds() - start >= 1.0);
	assert_stats(&b, 1, 0, 0);
	bed_stop(&b);
}

static void a_batch_is_given_up(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct bed b;

	bed_start(&b, steps, 1);
	server_stop(&b.server);		/* nobody listens on this port any more */
	b.config.give_up_ms = 30;
	b.config.delay_ms = 0;
	bed_open(&b);
	put(&b, 1, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), -ETIMEDOUT);
	assert_stats(&b, 0, 0, 1);
	assert_true(sink_stats(b.sink).retries >= 1);
	assert_non_null(strstr(b.sink->type->last_error(b.sink), "no answer: "));
	sink_free(b.sink);
}

static void a_flush_ends_on_time(void **state)
{
	static const struct step steps[] = { { .kind = STEP_HANG }, ANSWER(OK_200) };
	double start = seconds();
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	b.config.batch_max = 1;
	b.config.timeout_ms = 0;
	bed_open(&b);
	put(&b, 1, NULL);
	assert_true(server_wait(&b.server, 1));
	put(&b, 2, NULL);
	assert_int_equal(sink_flush(b.sink, 50), -ETIMEDOUT);
	assert_true(seconds() - start < 3);
	assert_stats(&b, 0, 0, 2);
	/* and it is not the end */
	put(&b, 3, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 1, 0, 2);
	assert_int_equal(b.server.seen[1].last_id, 3);
	bed_stop(&b);
}

static void an_attempt_times_out(void **state)
{
	static const struct step steps[] = { { .kind = STEP_HANG }, ANSWER(OK_200) };
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	b.config.timeout_ms = 30;
	bed_open(&b);
	put(&b, 1, NULL);
	assert_int_equal(sink_flush(b.sink, 10000), 0);
	assert_stats(&b, 1, 0, 0);
	assert_int_equal(sink_stats(b.sink).retries, 1);
	bed_stop(&b);
}

static void freeing_does_not_wait(void **state)
{
	static const struct step steps[] = { { .kind = STEP_HANG } };
	double start = seconds();
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	b.config.batch_max = 1;
	bed_open(&b);
	put(&b, 1, NULL);
	assert_true(server_wait(&b.server, 1));
	put(&b, 2, NULL);
	sink_free(b.sink);
	assert_true(seconds() - start < 3);
	server_stop(&b.server);
}

/* A flush does not wait for a backoff that would take longer than it has. */
static void a_flush_hurries_a_retry(void **state)
{
	static const struct step steps[] = {
		ANSWER("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
		ANSWER(OK_200),
	};
	struct bed b;

	bed_start(&b, steps, COUNT(steps));
	b.config.backoff_ms = 60000;
	b.config.batch_max = 1;
	bed_open(&b);
	put(&b, 1, NULL);
	assert_true(server_wait(&b.server, 1));
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 1, 0, 0);
	bed_stop(&b);
}

static void a_long_answer_is_not_read(void **state)
{
	static char answer[5 << 20];
	struct step step = { STEP_ANSWER, { answer, sizeof(answer) } };
	int n = snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof(answer));
	struct bed b;

	memset(answer + n, 'x', sizeof(answer) - n);
	bed_start(&b, &step, 1);
	bed_open(&b);
	put(&b, 1, NULL);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 0, 1, 0);
	assert_int_equal(b.server.seen_cnt, 1);
	bed_stop(&b);
}

static void a_full_queue_drops_and_counts(void **state)
{
	static const struct step steps[] = { { .kind = STEP_HANG } };
	struct bed b;
	int i;

	bed_start(&b, steps, 1);
	b.config.batch_max = 1;
	b.config.queue_max = 4;
	bed_open(&b);
	put(&b, 0, NULL);
	assert_true(server_wait(&b.server, 1));
	for (i = 1; i <= 10; i++)
		put(&b, i, NULL);
	assert_stats(&b, 0, 0, 6);
	assert_string_equal(b.sink->type->last_error(b.sink), "the queue was full");
	sink_flush(b.sink, 1);
	assert_stats(&b, 0, 0, 11);
	bed_stop(&b);
}

static void batches_by_number(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct bed b;
	size_t i, sum = 0;

	bed_start(&b, steps, 1);
	b.config.batch_max = 2;
	bed_open(&b);
	for (i = 0; i < 5; i++)
		put(&b, i, NULL);
	assert_true(server_wait(&b.server, 2));
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_int_equal(b.server.seen_cnt, 3);
	for (i = 0; i < 3; i++) {
		assert_true(b.server.seen[i].spans <= 2);
		sum += b.server.seen[i].spans;
	}
	assert_int_equal(sum, 5);
	bed_stop(&b);
}

static void batches_by_size(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct bed b;

	bed_start(&b, steps, 1);
	bed_open(&b);
	put_big(&b, 1800000);
	put_big(&b, 1800000);
	put_big(&b, 1800000);
	put_big(&b, 5 << 20);
	assert_int_equal(sink_flush(b.sink, 10000), 0);
	assert_stats(&b, 4, 0, 0);
	assert_true(b.server.seen_cnt >= 3);
	for (size_t i = 0; i < b.server.seen_cnt; i++)
		assert_true(b.server.seen[i].body_sz < 4 << 20 || b.server.seen[i].spans == 1);
	bed_stop(&b);
}

/* Nobody flushes: the delay sends it. */
static void a_small_batch_leaves_in_time(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct bed b;

	bed_start(&b, steps, 1);
	b.config.delay_ms = 5;
	bed_open(&b);
	put(&b, 1, NULL);
	assert_true(server_wait(&b.server, 1));
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_stats(&b, 1, 0, 0);
	bed_stop(&b);
}

static void too_large_is_refused(void **state)
{
	static const struct step steps[] = { ANSWER(OK_200) };
	struct bed b;

	bed_start(&b, steps, 1);
	bed_open(&b);
	put_big(&b, 65 << 20);
	assert_stats(&b, 0, 0, 1);
	assert_int_equal(sink_flush(b.sink, 5000), 0);
	assert_int_equal(b.server.seen_cnt, 0);
	bed_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_delivered),
		cmocka_unit_test(gzip_is_used_when_asked_for),
		cmocka_unit_test(partial_success_is_never_retried),
		cmocka_unit_test(absurd_partial_success),
		cmocka_unit_test(refusals_are_final),
		cmocka_unit_test(what_may_pass_is_retried),
		cmocka_unit_test(retry_after_is_honoured),
		cmocka_unit_test(retry_after_is_waited_for),
		cmocka_unit_test(a_batch_is_given_up),
		cmocka_unit_test(a_flush_ends_on_time),
		cmocka_unit_test(an_attempt_times_out),
		cmocka_unit_test(freeing_does_not_wait),
		cmocka_unit_test(a_flush_hurries_a_retry),
		cmocka_unit_test(a_long_answer_is_not_read),
		cmocka_unit_test(a_full_queue_drops_and_counts),
		cmocka_unit_test(batches_by_number),
		cmocka_unit_test(batches_by_size),
		cmocka_unit_test(a_small_batch_leaves_in_time),
		cmocka_unit_test(too_large_is_refused),
	};

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
