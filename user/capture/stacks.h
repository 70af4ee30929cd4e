/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STACKS_H
#define STACKS_H

#include "capture/attach.h"
#include "capture/files.h"
#include "find/image.h"

/*
 * Which TLS stacks are in a file, by symbols and by every finder, and where
 * their probes go.  What a file holds is a fact; which of it is used is not known, so
 * every stack is attached.
 */
struct stack {
	struct file_stack told;	/* state: FILE_ATTACHED if there are probes, else why not */
	struct probe *probes;	/* their cookies have no slot yet */
	size_t probes_cnt;
};

/* Returns how many, or negative errno: the file could not be read.  Release all of them. */
int stacks_find(const struct image *im, struct stack ret[static FILE_STACKS_MAX]);
void stacks_release(struct stack *s, size_t n);

/* Spec rows for the kernel half, in the order of tls_libs; how many. */
size_t specs_fill(struct tls_spec table[static TLS_SPECS_MAX]);
/* The function of a row; NULL: there is no such row. */
const char *spec_name(unsigned row);
/* Bytes pass through it: without it a stack is not seen whole. */
bool spec_moves_data(unsigned row);

#endif /* STACKS_H */
