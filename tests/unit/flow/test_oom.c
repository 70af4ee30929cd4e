// SPDX-License-Identifier: Apache-2.0
/*
 * No memory, at every place where some is asked for: nobody crashes, nothing
 * leaks, and bytes that could not be kept are counted.
 */
#include "oom.h"

#include <errno.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "base/utf8.h"
#include "flow.h"
#include "sink/otlp.h"
#include "unit/proto/golden.h"
#include "wire_make.h"

static const char document[] =
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\u00e9\\ud83d\\ude00 and some more text\"}],"
	"\"n\":[1,2.5,true,null,{\"deep\":[[[]]]}]}";

/* err: 0, or -ENOMEM and then an allocation did fail. */
static void reported(int err)
{
	assert_true(!err || (err == -ENOMEM && oom.failed));
}

static void base(void *arg)
{
	struct jsonw w;
	struct arena a;
	struct buf b;
	struct map m;

	buf_init(&b, 1 << 20);
	arena_init(&a, 1 << 20);
	map_init(&m, 1000);
	jsonw_init(&w, &b);
	jsonw_open(&w, '[');
	for (int i = 0; i < 20; i++)
		jsonw_value(&w, json_read(VIEW(document)));
	jsonw_close(&w, ']');
	reported(w.err);
	assert_true(w.err || !json_check(buf_view(&b)));
	buf_reset(&b);
	reported(json_text(json_get(json_read(VIEW("{\"a\":\"\\n and text\"}")), "a"), &b));
	reported(utf8_repair(&b, VIEW("text \xff text")));
	reported(buf_addf(&b, "%300d", 1));
	for (uint64_t i = 0; i < 200; i++) {
		struct view copy = arena_copy(&a, VIEW(document));
		int err = map_put(&m, i, &a);

		assert_true(copy.p || oom.failed);
		reported(err);
		assert_true((map_get(&m, i) != NULL) == !err);
	}
	map_release(&m);
	arena_release(&a);
	buf_release(&b);
}

struct wire {
	struct buf req, resp;
};

static struct wire wire_read(const char *path)
{
	return (struct wire){ golden_read(path), golden_other(path) };
}

static void wire_release(struct wire *w)
{
	buf_release(&w->req);
	buf_release(&w->resp);
}

static void pull(struct conn *c)
{
	struct xev ev;

	while (conn_next(c, &ev))
		;
}

/* In pieces, so that state is kept between them. */
static void pass(struct conn *c, int dir, struct view bytes)
{
	while (bytes.n) {
		struct view piece = view_take(bytes, bytes.n / 3 + 1);

		conn_bytes(c, dir, piece, 1);
		pull(c);
		bytes = view_drop(bytes, piece.n);
	}
}

/* How much of it is the head of an upgrade, behind which the other side has to be heard first. */
static size_t handshake(struct view v)
{
	const char *end = memmem(v.p, v.n, "\r\n\r\n", 4), *upgrade = memmem(v.p, v.n, "Upgrade: websocket", 18);

	return end && upgrade && upgrade < end ? end + 4 - v.p : 0;
}

static void exchange(void *arg)
{
	const struct wire *w = arg;
	struct view both[2] = { buf_view(&w->req), buf_view(&w->resp) };
	struct conn *c = conn_new(false);
	const struct conn_books *b;

	if (!c) {
		assert_true(oom.failed);
		return;
	}
	for (int dir = 0; dir < 2; dir++)
		pass(c, dir, view_take(both[dir], handshake(both[dir])));
	for (int dir = 0; dir < 2; dir++)
		pass(c, dir, view_drop(both[dir], handshake(both[dir])));
	conn_end(c, 2);
	pull(c);
	b = conn_books(c);
	assert_int_equal(b->decoded[0] + b->opaque[0] + b->lost[0], w->req.n);
	assert_int_equal(b->decoded[1] + b->opaque[1] + b->lost[1], w->resp.n);
	conn_free(c);
}

struct counter {
	struct sink sink;
	uint64_t spans;
};

static int encode(struct sink *s, const struct span *span)
{
	struct buf b;
	int err;

	buf_init(&b, 1 << 24);
	err = otlp_json(&b, span);
	reported(err);
	assert_true(err || !json_check(buf_view(&b)));
	buf_reset(&b);
	reported(otlp_encode_span(&b, span));
	buf_release(&b);
	((struct counter *)s)->spans++;
	return 0;
}

static const struct sink_type counts = { .name = "counts", .put = encode };

static void halves(struct wire_list *l, int dir, struct view v)
{
	for (; v.n; v = view_drop(v, view_take(v, v.n / 2 + 1).n))
		wire_add_data(l, 10, 1, dir, WIRE_SRC_SOCKET, view_take(v, v.n / 2 + 1));
}

static void records_make(struct wire_list *l, const struct wire *w)
{
	struct view both[2] = { buf_view(&w->req), buf_view(&w->resp) };

	wire_add_clock(l, 10);
	wire_add_facts(l, 10, "/usr/bin/onlooker");
	wire_add_exec(l, 10, "/usr/bin/agent");
	wire_add_fork(l, 10, 11);
	wire_add_exec(l, 11, "/usr/bin/tool");
	wire_add_sock(l, 10, 1, 443);
	for (int dir = 0; dir < 2; dir++)
		halves(l, dir, view_take(both[dir], handshake(both[dir])));
	for (int dir = 0; dir < 2; dir++)
		halves(l, dir, view_drop(both[dir], handshake(both[dir])));
	wire_add_end(l, 10, 1);
	wire_add_exit(l, 11, 0);
	wire_add_exit(l, 10, 0);
	wire_add(l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
}

static void whole_way(void *arg)
{
	struct flow_config c = { .content = true, .trace = { .content = true, .processes = true } };
	struct counter sink = { .sink.type = &counts };
	const struct stream_stats *t;
	const struct flow_stats *s;
	struct wire_list *l = arg;
	struct flow *f = flow_new(&c);

	if (!f) {
		assert_true(oom.failed);
		return;
	}
	flow_add_sink(f, &sink.sink);
	for (size_t i = 0; i < l->n; i++)
		flow_record(f, l->recs[i], l->recs[i]->size);
	s = flow_stats(f);
	t = flow_stream_stats(f);
	for (int dir = 0; dir < 2; dir++)
		assert_int_equal(t->seen[dir], t->delivered[dir] + t->lost[dir] + t->ignored[dir]);
	assert_int_equal(s->decoded + s->opaque + s->lost, t->delivered[0] + t->delivered[1]);
	if (!oom.failed)
		assert_true(sink.spans >= 3);
	flow_free(f);
}

static void test_base(void **state)
{
	assert_true(oom_every(base, NULL) > 20);
}

/* One of each kind: codings, streams, errors, tool calls. */
static const char *const paths[] = {
	"tests/golden/wire/enc/openai-chat-stream-tools.gzip.req",
	"tests/golden/wire/enc/openai-chat-stream-tools.br.req",
	"tests/golden/wire/enc/anthropic-messages.request-gzip.req",
	"tests/golden/wire/http/anthropic-stream-tools-thinking.req",
	"tests/golden/wire/http/openai-responses-stream.req",
	"tests/golden/wire/http/anthropic-529.req",
	"tests/golden/wire/http/gemini-stream-array.req",
	"tests/golden/wire/http/bedrock-invoke-stream-anthropic.req",
	"tests/golden/wire/http/ollama-chat-stream.req",
	"tests/golden/wire/http/qdrant-query.req",
	"tests/golden/wire/ws/openai-responses-deflate.c2s",
	"tests/golden/wire/h2/openai-interleaved.conn00.c2s",
	"tests/golden/wire/a2a/a2a.conn02.c2s",
};

static void test_exchange(void **state)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct wire w = wire_read(paths[i]);

		oom_every(exchange, &w);
		wire_release(&w);
	}
}

static void test_whole_way(void **state)
{
	static struct wire_list l;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct wire w = wire_read(paths[i]);

		l = (struct wire_list){ 0 };
		records_make(&l, &w);
		oom_every(whole_way, &l);
		wire_list_release(&l);
		wire_release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_whole_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
