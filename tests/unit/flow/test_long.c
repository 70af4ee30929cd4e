// SPDX-License-Identifier: Apache-2.0
/* An hour of turns on one WebSocket, through all rooms: spans come as it goes on, and memory does not grow. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow.h"
#include "unit/proto/golden.h"
#include "wire_make.h"

#define TURNS	2000
#define TURN_NS	1800000000ull	/* 2,000 of them are an hour */
#define WARM	20

struct counter {
	struct sink sink;
	unsigned calls;
};

static int count(struct sink *s, const struct span *span)
{
	((struct counter *)s)->calls += span->kind == SPAN_CLIENT;
	return 0;
}

static const struct sink_type count_type = { .name = "count", .put = count };

/* Hands the records over and frees them. */
static void give(struct flow *f, struct wire_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		flow_record(f, l->recs[i], l->recs[i]->size);
	wire_list_release(l);
}

static void begin(struct flow *f, struct wire_list *l)
{
	wire_add_clock(l, 10);
	wire_add_facts(l, 10, "/usr/bin/agent");
	wire_add_exec(l, 10, "/usr/bin/agent");
	wire_add_facts(l, 10, "/usr/bin/agent");
	wire_add_sock(l, 10, 1, 80);
	give(f, l);
}

static size_t heap(void)
{
	return mallinfo2().uordblks;	/* none under ASan, which has its own */
}

static void an_hour_of_turns(void **state)
{
	struct flow_config c = { .content = true, .trace = { .content = true, .processes = true } };
	struct counter n = { .sink = { .type = &count_type } };
	struct buf both[2] = { golden_read("tests/golden/wire/ws/openai-responses.c2s"),
			       golden_other("tests/golden/wire/ws/openai-responses.c2s") };
	struct wire_list *l = calloc(1, sizeof(*l));
	struct flow *f = flow_new(&c);
	size_t head[2], warm = 0;
	unsigned first = 0;

	flow_add_sink(f, &n.sink);
	begin(f, l);
	for (int dir = 0; dir < 2; dir++) {
		head[dir] = (char *)memmem(both[dir].p, both[dir].n, "\r\n\r\n", 4) - both[dir].p + 4;
		wire_add_data(l, 10, 1, dir, WIRE_SRC_SOCKET, view_take(buf_view(&both[dir]), head[dir]));
	}
	for (int turn = 1; turn <= TURNS; turn++) {
		for (int dir = 0; dir < 2; dir++)
			wire_add_data(l, 10, 1, dir, WIRE_SRC_SOCKET, view_drop(buf_view(&both[dir]), head[dir]));
		give(f, l);
		l->ts += TURN_NS;
		if (turn == 1)
			first = n.calls;
		if (turn == WARM)
			warm = heap();
	}
	assert_true(first > 0);
	assert_in_range(n.calls, (TURNS - 1) * first, TURNS * first);	/* the last one may wait for more */
	assert_in_range(heap(), 0, warm + 64 * 1024);
	wire_add_end(l, 10, 1);
	wire_add(l, WIRE_FINISH, sizeof(struct wire_hdr), 0);
	give(f, l);
	assert_int_equal(n.calls, TURNS * first);
	assert_int_equal(flow_stats(f)->opaque + flow_stats(f)->lost, 0);
	flow_free(f);
	free(l);
	buf_release(&both[0]);
	buf_release(&both[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_of_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
