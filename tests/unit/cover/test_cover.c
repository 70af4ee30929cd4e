// SPDX-License-Identifier: Apache-2.0
/* What is said of a process's talk, made from records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cover/cover.h"
#include "wire_make.h"

#define SECOND 1000000000ull

struct bed {
	struct wire_list l;
	struct cover *c;
};

static int set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	b->c = cover_new();
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *b = *state;

	while (b->l.n)
		free(b->l.recs[--b->l.n]);
	cover_free(b->c);
	free(b);
	return 0;
}

/* Walks what was added since the last walk. */
static void walk(struct bed *b)
{
	for (size_t i = 0; i < b->l.n; i++) {
		cover_record(b->c, b->l.recs[i]);
		free(b->l.recs[i]);
	}
	b->l.n = 0;
}

static void tick(struct bed *b, uint64_t later)
{
	b->l.ts += later;
	wire_add(&b->l, WIRE_TICK, sizeof(struct wire_hdr), 0);
	walk(b);
}

static void record(struct bed *b, uint32_t pid, int dir, uint8_t type, uint32_t len)
{
	struct wire_record *r = wire_add(&b->l, WIRE_RECORD, sizeof(*r), pid);

	r->sock = pid;
	r->len = len;
	r->dir = dir;
	r->head[0] = type;
}

static struct wire_data *data(struct bed *b, uint32_t pid, uint64_t stream, int dir, uint64_t off, uint32_t len, uint32_t have)
{
	struct wire_data *d = wire_add(&b->l, WIRE_DATA, sizeof(*d) + have, pid);

	d->stream = stream;
	d->source = WIRE_SRC_TLS;
	d->dir = dir;
	d->off = off;
	d->len = len;
	d->lib = 1;
	if (!have)
		d->flags = WIRE_F_HOLE;
	return d;
}

static void talk(struct bed *b, uint32_t pid)
{
	record(b, pid, WIRE_OUT, 0x17, 400);
	record(b, pid, WIRE_IN, 0x17, 4000);
}

static void cover_text(struct bed *b, uint32_t pid, const char *const text[static WIRE_COVER_CNT])
{
	size_t n = 0;
	struct wire_cover *w;
	char *at;

	for (int i = 0; i < WIRE_COVER_CNT; i++)
		n += strlen(text[i]) + 1;
	w = wire_add(&b->l, WIRE_COVER, sizeof(*w) + n, pid);
	at = (char *)(w + 1);
	for (int i = 0; i < WIRE_COVER_CNT; i++)
		at = stpcpy(at, text[i]) + 1;
	assert_true(feed_valid(&w->hdr, w->hdr.size));
}

static void unread_is_said_once(void **state)
{
	static const char *const none[] = { "", "", "", "", "none", "no TLS library is mapped" };
	struct bed *b = *state;
	struct cover_report r;
	uint64_t start;
	uint32_t pid;

	wire_add_facts(&b->l, 7, "/opt/agent");
	talk(b, 7);
	walk(b);
	assert_int_equal(cover_ask(b->c, &pid, &start), 1);
	assert_int_equal(pid, 7);
	assert_int_equal(cover_ask(b->c, &pid, &start), 0);
	tick(b, SECOND);
	assert_int_equal(cover_next(b->c, &r), 0);
	cover_text(b, 7, none);
	tick(b, SECOND);
	assert_int_equal(cover_next(b->c, &r), 1);
	assert_int_equal(r.what, COVER_UNREAD);
	assert_int_equal(r.pid, 7);
	assert_string_equal(r.words, "agent (pid 7) talks TLS, and it cannot be read: no TLS library is mapped");
	talk(b, 7);
	tick(b, 5 * SECOND);
	assert_int_equal(cover_next(b->c, &r), 0);
	assert_true(cover_get(b->c, 7, 7000)->what & 1u << COVER_UNREAD);
}

static void handshakes_are_no_talk(void **state)
{
	struct bed *b = *state;
	struct cover_report r;

	record(b, 7, WIRE_OUT, 0x16, 500);	/* ClientHello */
	record(b, 7, WIRE_IN, 0x17, 4000);	/* encrypted certificates */
	record(b, 7, WIRE_OUT, 0x17, 74);	/* Finished */
	tick(b, 10 * SECOND);
	assert_int_equal(cover_next(b->c, &r), 0);
}

/* The library's bytes come a moment after the socket's: that is no reason to doubt. */
static void plaintext_clears(void **state)
{
	struct bed *b = *state;
	struct cover_report r;

	talk(b, 7);
	data(b, 7, 100, WIRE_OUT, 0, 378, 378);
	data(b, 7, 100, WIRE_IN, 0, 3900, 3900);
	tick(b, 10 * SECOND);
	assert_int_equal(cover_next(b->c, &r), 0);
	assert_false(cover_get(b->c, 7, 7000)->what);
}

/* Two stacks, one of them unread: what was bound in the kernel sent no records to the other's account. */
static void partly(void **state)
{
	struct bed *b = *state;
	struct cover_report r;
	struct wire_bind *bind = wire_add(&b->l, WIRE_BIND, sizeof(*bind), 7);

	bind->stream = 100;
	bind->basis = WIRE_BIND_CALL;
	data(b, 7, 100, WIRE_OUT, 0, 60000, 60000);
	data(b, 7, 100, WIRE_IN, 0, 60000, 60000);
	talk(b, 7);
	tick(b, 10 * SECOND);
	assert_int_equal(cover_next(b->c, &r), 0);
	for (int i = 0; i < 5; i++)
		record(b, 7, WIRE_IN, 0x17, 16384);
	tick(b, SECOND);
	tick(b, 2 * SECOND);
	assert_int_equal(cover_next(b->c, &r), 1);
	assert_int_equal(r.what, COVER_PARTLY);
	assert_non_null(strstr(r.words, "most of it cannot be read"));
}

static void short_lives_are_said_at_their_end(void **state)
{
	struct bed *b = *state;
	struct cover_report r;

	wire_add_facts(&b->l, 7, "/opt/\x1b]0;agent");
	talk(b, 7);
	wire_add_exit(&b->l, 7, 0);
	walk(b);
	assert_int_equal(cover_next(b->c, &r), 1);
	assert_string_equal(r.words, "?]0;agent (pid 7) talks TLS, and it cannot be read: "
			    "it ended before its files could be looked at");
	assert_null(cover_get(b->c, 7, 7000));
	/* and a thousand more of them are the same news */
	for (uint32_t pid = 8; pid < 1008; pid++) {
		wire_add_facts(&b->l, pid, "/opt/\x1b]0;agent");
		talk(b, pid);
		wire_add_exit(&b->l, pid, 0);
		walk(b);
	}
	assert_int_equal(cover_next(b->c, &r), 0);
	assert_int_equal(cover_stats(b->c)->repeated, 1000);
}

static void ways_past_us(void **state)
{
	static const char *const want[] = { NULL, "io_uring", "kernel TLS", "QUIC" };
	struct bed *b = *state;
	struct cover_report r;

	for (uint8_t what = 0; what < 6; what++) {
		struct wire_notice *n = wire_add(&b->l, WIRE_NOTICE, sizeof(*n), 7);

		n->what = what;
		walk(b);
		if (what && what < WIRE_NOTICE_CNT) {
			assert_int_equal(cover_next(b->c, &r), 1);
			assert_non_null(strstr(r.words, want[what]));
		}
		assert_int_equal(cover_next(b->c, &r), 0);
	}
}

/* Bytes, by direction; lost ones by what the offsets say, whatever order the records come in. */
static void bytes_and_losses(void **state)
{
	struct bed *b = *state;
	const struct cover_proc *p;
	struct wire_stream_end *e;

	data(b, 7, 100, WIRE_OUT, 50, 50, 50);
	data(b, 7, 100, WIRE_OUT, 0, 50, 50);
	data(b, 7, 100, WIRE_IN, 0, 100, 0);		/* a hole */
	data(b, 7, 100, WIRE_IN, 150, 10, 10)->flags = WIRE_F_JOINED;
	walk(b);
	p = cover_get(b->c, 7, 7000);
	assert_int_equal(p->stack_cnt, 1);
	assert_int_equal(p->stack[0].lib, 1);
	assert_int_equal(p->stack[0].bytes[WIRE_OUT], 100);
	assert_int_equal(cover_lost(&p->stack[0], WIRE_OUT), 0);
	assert_int_equal(p->stack[0].bytes[WIRE_IN], 10);
	assert_int_equal(cover_lost(&p->stack[0], WIRE_IN), 150);
	assert_true(p->stack[0].joined);
	e = wire_add(&b->l, WIRE_STREAM_END, sizeof(*e), 7);
	e->stream = 100;
	e->off[WIRE_OUT] = 105;
	e->off[WIRE_IN] = 160;
	walk(b);
	assert_int_equal(cover_lost(&p->stack[0], WIRE_OUT), 5);
	assert_int_equal(cover_lost(&p->stack[0], WIRE_IN), 150);
}

static void what_nobody_wants_is_no_loss(void **state)
{
	struct bed *b = *state;
	struct wire_stream_end *e;

	data(b, 7, 100, WIRE_IN, 0, 10, 10);
	walk(b);
	cover_ignore(b->c, 100);
	e = wire_add(&b->l, WIRE_STREAM_END, sizeof(*e), 7);
	e->stream = 100;
	e->off[WIRE_IN] = 1000000;
	walk(b);
	assert_int_equal(cover_lost(&cover_get(b->c, 7, 7000)->stack[0], WIRE_IN), 0);
}

static void more_than_it_keeps(void **state)
{
	struct bed *b = *state;

	for (uint32_t pid = 1; pid <= COVER_PROCS_MAX + 10; pid++) {
		talk(b, pid);
		walk(b);
	}
	assert_int_equal(cover_stats(b->c)->refused, 20);
	tick(b, 10 * SECOND);
	assert_non_null(cover_get(b->c, COVER_PROCS_MAX, COVER_PROCS_MAX * 1000ull));
	assert_null(cover_get(b->c, COVER_PROCS_MAX + 1, (COVER_PROCS_MAX + 1) * 1000ull));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(unread_is_said_once), T(handshakes_are_no_talk), T(plaintext_clears), T(partly),
		T(short_lives_are_said_at_their_end), T(ways_past_us), T(bytes_and_losses),
		T(what_nobody_wants_is_no_loss), T(more_than_it_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
