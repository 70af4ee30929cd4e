// SPDX-License-Identifier: Apache-2.0
/* feed_valid() stands between hostile lengths and everybody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "feed/feed.h"

/* A record in memory of exactly its size, so that the sanitizer sees every step too far. */
static void *record(uint8_t kind, size_t fixed, const void *tail, size_t n)
{
	struct wire_hdr *h = calloc(1, fixed + n);

	h->size = fixed + n;
	h->kind = kind;
	if (n)
		memcpy((char *)h + fixed, tail, n);
	return h;
}

static void check_free(void *h, bool want)
{
	assert_int_equal(feed_valid(h, ((struct wire_hdr *)h)->size), want);
	free(h);
}

static void fixed_sizes(void **state)
{
	static const struct { uint8_t kind; size_t size; } kinds[] = {
		{ WIRE_STREAM_END, sizeof(struct wire_stream_end) }, { WIRE_SOCK, sizeof(struct wire_sock) },
		{ WIRE_RECORD, sizeof(struct wire_record) }, { WIRE_FORK, sizeof(struct wire_fork) },
		{ WIRE_EXIT, sizeof(struct wire_exit) }, { WIRE_MAP, sizeof(struct wire_map) },
		{ WIRE_CLOCK, sizeof(struct wire_clock) }, { WIRE_TICK, sizeof(struct wire_hdr) },
		{ WIRE_SEEN, sizeof(struct wire_seen) }, { WIRE_NOTICE, sizeof(struct wire_notice) },
		{ WIRE_BOOKS, sizeof(struct wire_books) }, { WIRE_FINISH, sizeof(struct wire_hdr) },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct wire_hdr *h = record(kinds[i].kind, kinds[i].size, NULL, 0);

		assert_true(feed_valid(h, h->size));
		assert_true(feed_valid(h, h->size + 100));
		assert_false(feed_valid(h, h->size - 1));
		h->size--;
		assert_false(feed_valid(h, h->size + 1));
		free(h);
		check_free(record(kinds[i].kind, kinds[i].size, "x", 1), false);
	}
}

static void heads(void **state)
{
	struct wire_hdr h = { .size = sizeof(h), .kind = WIRE_TICK };

	assert_false(feed_valid(&h, sizeof(h) - 1));
	for (unsigned kind = 0; kind < 256; kind++) {
		h.kind = kind;
		assert_int_equal(feed_valid(&h, sizeof(h)), kind == WIRE_TICK || kind == WIRE_FINISH);
	}
	h.kind = WIRE_TICK;
	h.size = 0;
	assert_false(feed_valid(&h, sizeof(h)));
	h.size = UINT32_MAX;
	assert_false(feed_valid(&h, sizeof(h)));
}

static struct wire_data *data(size_t n, uint32_t len, uint8_t flags)
{
	struct wire_data *d = record(WIRE_DATA, sizeof(*d), "0123456789", n);

	d->len = len;
	d->flags = flags;
	return d;
}

static void data_lengths(void **state)
{
	struct wire_data *d = data(10, 10, 0);
	struct view v = wire_data_bytes(d);

	assert_int_equal(v.n, 10);
	assert_memory_equal(v.p, "0123456789", 10);
	check_free(d, true);
	check_free(data(4, 10, 0), true);		/* the rest of it is a hole */
	check_free(data(10, 4, 0), false);
	check_free(data(0, 1000000, WIRE_F_HOLE), true);
	check_free(data(1, 1, WIRE_F_HOLE), false);
	check_free(data(0, 0, WIRE_F_EOF), true);
	d = data(1, 1, 0);
	d->dir = 2;
	check_free(d, false);
	d = data(1, 1, 0);
	d->source = WIRE_SRC_LOCAL + 1;
	check_free(d, false);
	d = data(1, 1, 0);
	d->off = UINT64_MAX;
	check_free(d, false);
}

static void small_enums(void **state)
{
	struct wire_bind *b = record(WIRE_BIND, sizeof(*b), NULL, 0);
	struct wire_record *r = record(WIRE_RECORD, sizeof(*r), NULL, 0);

	for (unsigned i = 0; i < 256; i++) {
		b->basis = r->dir = i;
		assert_int_equal(feed_valid(&b->hdr, sizeof(*b)), i >= 1 && i <= 5);
		assert_int_equal(feed_valid(&r->hdr, sizeof(*r)), i <= 1);
	}
	free(b);
	free(r);
}

static void channel_enums(void **state)
{
	struct wire_channel *c = record(WIRE_CHANNEL, sizeof(*c), NULL, 0);

	for (unsigned i = 0; i < 256; i++) {
		c->kind = i;
		c->end = WIRE_CHANNEL_READS;
		assert_int_equal(feed_valid(&c->hdr, sizeof(*c)), i >= WIRE_CHANNEL_PIPE && i <= WIRE_CHANNEL_UNIX);
		c->kind = WIRE_CHANNEL_PIPE;
		c->end = i;
		assert_int_equal(feed_valid(&c->hdr, sizeof(*c)), i <= WIRE_CHANNEL_READS);
		assert_false(feed_valid(&c->hdr, sizeof(*c) - 1));
	}
	free(c);
}

static struct wire_exec *exec(const char *tail, size_t n, unsigned filename, unsigned argv)
{
	struct wire_exec *e = record(WIRE_EXEC, sizeof(*e), tail, n);

	e->filename_len = filename;
	e->argv_len = argv;
	return e;
}

static void exec_strings(void **state)
{
	struct wire_exec *e = exec("/bin/x\0x\0-y", 11, 7, 4);

	assert_true(view_eq(wire_exec_filename(e), VIEW("/bin/x")));
	assert_true(view_eq(wire_exec_argv(e), VIEW("x\0-y")));
	check_free(e, true);
	e = exec("", 0, 0, 0);
	assert_int_equal(wire_exec_filename(e).n, 0);
	assert_int_equal(wire_exec_argv(e).n, 0);
	check_free(e, true);
	check_free(exec("/bin/x\0x\0-y", 11, 6, 4), false);
	check_free(exec("/bin/x\0x\0-y", 11, 7, 5), false);
	check_free(exec("/bin/x", 6, 7, 0), false);
	check_free(exec("/bin/x\0x", 8, 65535, 65535), false);
}

static void facts_strings(void **state)
{
	static const char all[] = "exe\0/cwd\0\0svc\0a=b\0host\0id\0tp\0me\0argv0";
	struct wire_facts *f = record(WIRE_FACTS, sizeof(*f), all, sizeof(all));

	assert_true(view_eq(wire_facts_str(f, WIRE_FACT_EXE), VIEW("exe")));
	assert_true(view_eq(wire_facts_str(f, WIRE_FACT_CONTAINER), VIEW("")));
	assert_true(view_eq(wire_facts_str(f, WIRE_FACT_ARGV0), VIEW("argv0")));
	assert_int_equal(wire_facts_str(f, WIRE_FACT_CNT).n, 0);
	check_free(f, true);
	f = record(WIRE_FACTS, sizeof(*f), "exe\0/cwd", 9);
	assert_true(view_eq(wire_facts_str(f, WIRE_FACT_CWD), VIEW("/cwd")));
	assert_int_equal(wire_facts_str(f, WIRE_FACT_HOST).n, 0);
	check_free(f, true);
	check_free(record(WIRE_FACTS, sizeof(*f), NULL, 0), true);
	check_free(record(WIRE_FACTS, sizeof(*f), "exe\0/cwd", 8), false);
}

static void hello_bytes(void **state)
{
	struct wire_hello *h = record(WIRE_HELLO, sizeof(*h), "\x16\x03\x01", 3);

	assert_int_equal(wire_hello_bytes(h).n, 3);
	check_free(h, true);
	check_free(record(WIRE_HELLO, sizeof(*h), NULL, 0), true);
	check_free(record(WIRE_HELLO, sizeof(struct wire_hdr), NULL, 0), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_sizes), cmocka_unit_test(heads),
		cmocka_unit_test(data_lengths), cmocka_unit_test(small_enums),
		cmocka_unit_test(exec_strings), cmocka_unit_test(facts_strings),
		cmocka_unit_test(hello_bytes), cmocka_unit_test(channel_enums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
