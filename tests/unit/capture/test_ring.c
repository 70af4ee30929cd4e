// SPDX-License-Identifier: Apache-2.0
/* The ring reader over a file that is laid out as the kernel does it: consumer page, producer page, data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/ring.h"

#define SIZE 8192

struct fake {
	int fd;
	size_t page;
	char *all;
	unsigned long *consumer, *producer;
	char *data;
	struct ring *r;
};

struct got {
	unsigned cnt;
	size_t bytes;
	unsigned char next;	/* what the next record is filled with */
	int stop_after;
};

static int set_up(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	int err = 0;

	f->page = sysconf(_SC_PAGESIZE);
	f->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_int_equal(ftruncate(f->fd, 2 * f->page + SIZE), 0);
	f->all = mmap(NULL, 2 * f->page + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	assert_true(f->all != MAP_FAILED);
	f->consumer = (void *)f->all;
	f->producer = (void *)(f->all + f->page);
	f->data = f->all + 2 * f->page;
	f->r = ring_open(f->fd, SIZE, &err);
	assert_non_null(f->r);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fake *f = *state;

	ring_close(f->r);
	munmap(f->all, 2 * f->page + SIZE);
	close(f->fd);
	free(f);
	return 0;
}

static void put(struct fake *f, unsigned char with, uint32_t n, uint32_t flags)
{
	unsigned long at = *f->producer;
	uint32_t head[2] = { n | flags, 0 };

	memcpy(f->data + at % SIZE, head, 8);
	for (uint32_t i = 0; i < n; i++)
		f->data[(at + 8 + i) % SIZE] = with;
	*f->producer = at + ((n + 8 + 7) & ~7u);
}

static int take(void *arg, void *data, size_t n)
{
	struct got *g = arg;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(((unsigned char *)data)[i], g->next);
	g->next++;
	g->cnt++;
	g->bytes += n;
	return g->stop_after && !--g->stop_after ? -1 : 0;
}

/* Sizes that are no divisor of the ring, so that records go over its end at every place. */
static void test_goes_over_the_end(void **state)
{
	struct fake *f = *state;
	struct got g = { .next = 0 };
	unsigned char with = 0;

	for (unsigned i = 0; i < 5000; i++) {
		put(f, with++, 1 + i * 37 % 3000, 0);
		assert_false(ring_empty(f->r));
		assert_int_equal(ring_consume(f->r, take, &g), 0);
		assert_true(ring_empty(f->r));
		assert_int_equal(g.cnt, i + 1);
	}
}

static void test_waits_for_busy(void **state)
{
	struct fake *f = *state;
	struct got g = { .next = 1 };

	put(f, 1, 100, 0);
	put(f, 2, 100, BPF_RINGBUF_BUSY_BIT);
	put(f, 3, 100, 0);
	assert_int_equal(ring_consume(f->r, take, &g), 0);
	assert_int_equal(g.cnt, 1);	/* what stands behind a record that is being written waits */
	assert_false(ring_empty(f->r));
	*(uint32_t *)(f->data + 112) = 100;	/* submitted */
	assert_int_equal(ring_consume(f->r, take, &g), 0);
	assert_int_equal(g.cnt, 3);
}

static void test_skips_discarded(void **state)
{
	struct fake *f = *state;
	struct got g = { .next = 1 };

	put(f, 9, 64, BPF_RINGBUF_DISCARD_BIT);
	put(f, 1, 64, 0);
	put(f, 9, 0, BPF_RINGBUF_DISCARD_BIT);
	assert_int_equal(ring_consume(f->r, take, &g), 0);
	assert_int_equal(g.cnt, 1);
	assert_true(ring_empty(f->r));
}

static void test_stops_when_told(void **state)
{
	struct fake *f = *state;
	struct got g = { .next = 1, .stop_after = 2 };

	for (int i = 1; i <= 4; i++)
		put(f, i, 10, 0);
	assert_int_equal(ring_consume(f->r, take, &g), -1);
	assert_int_equal(g.cnt, 2);
	assert_int_equal(ring_consume(f->r, take, &g), 0);	/* goes on behind the one it stopped at */
	assert_int_equal(g.cnt, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_over_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits_for_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_skips_discarded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stops_when_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
