/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The reading end of a BPF ring buffer.  libbpf maps the data twice in a row so
 * that no record is cut at the end, and both count as resident memory; here it
 * is mapped once, and the few records that go over the end are copied together.
 */
struct ring;

struct ring *ring_open(int map_fd, size_t size, int *ret_err);
void ring_close(struct ring *r);

/* Calls take for each record, until it does not return 0 (that record is consumed) or none is left; its result. */
int ring_consume(struct ring *r, int (*take)(void *arg, void *data, size_t n), void *arg);

/* Nothing is reserved or waits to be read. */
bool ring_empty(const struct ring *r);

#endif /* RING_H */
