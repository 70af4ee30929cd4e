// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/ring.h"

#define RECORD_MAX	(128 * 1024)	/* the kernel half's largest is 64 KiB and a header */

struct ring {
	unsigned long *consumer;
	const unsigned long *producer;
	const char *data;
	size_t page, size;
	char *whole;		/* a record that went over the end */
};

struct ring *ring_open(int map_fd, size_t size, int *ret_err)
{
	struct ring *r = calloc(1, sizeof(*r));
	char *p;

	*ret_err = -ENOMEM;
	if (!r)
		return NULL;
	r->page = sysconf(_SC_PAGESIZE);
	r->size = size;
	r->whole = malloc(RECORD_MAX);
	p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (p != MAP_FAILED)
		r->consumer = (void *)p;
	p = mmap(NULL, r->page + size, PROT_READ, MAP_SHARED, map_fd, r->page);
	if (p != MAP_FAILED) {
		r->producer = (void *)p;
		r->data = p + r->page;
	}
	if (r->whole && r->consumer && r->producer)
		return r;
	if (errno)
		*ret_err = -errno;
	ring_close(r);
	return NULL;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	if (r->consumer)
		munmap(r->consumer, r->page);
	if (r->producer)
		munmap((void *)r->producer, r->page + r->size);
	free(r->whole);
	free(r);
}

/* The record behind the header at this place, in one piece. */
static void *record_at(struct ring *r, size_t at, size_t n)
{
	size_t first = r->size - at;

	if (first >= n)
		return (char *)r->data + at;
	memcpy(r->whole, r->data + at, first);
	memcpy(r->whole + first, r->data, n - first);
	return r->whole;
}

int ring_consume(struct ring *r, int (*take)(void *arg, void *data, size_t n), void *arg)
{
	unsigned long at = *r->consumer;
	size_t mask = r->size - 1;
	uint32_t len, n;
	int err = 0;

	/* Headers are 8 bytes at multiples of 8: they never go over the end. */
	while (!err && at < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		len = __atomic_load_n((const uint32_t *)(r->data + (at & mask)), __ATOMIC_ACQUIRE);
		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		n = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (!(len & BPF_RINGBUF_DISCARD_BIT) && n <= RECORD_MAX)
			err = take(arg, record_at(r, (at + BPF_RINGBUF_HDR_SZ) & mask, n), n);
		at += (n + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	}
	return err;
}

bool ring_empty(const struct ring *r)
{
	return *r->consumer == __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}
