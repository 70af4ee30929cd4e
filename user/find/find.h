/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIND_H
#define FIND_H

#include <stddef.h>
#include <stdint.h>

#include "find/image.h"
#include "find/scan.h"

/*
 * Finders: which TLS stacks are in an ELF file, and where their functions are,
 * also when the file is stripped. Pure: an image in, addresses out; no root, no process, no clock.
 *
 * A finder is one file (find_x.c) and one row in finders.c. Every finder is asked, for
 * every stack that is there has to be attached: a binary can hold three and use one.
 * A function of a stripped stack is reported only when two independent rules agree on it:
 * a probe in the middle of an instruction kills the agent.
 */
#define FOUND_FUNCS_MAX	32
#define FOUND_RETS_MAX	64
#define FOUND_STACKS_MAX 8

struct found_func {
	const char *sym;	/* names a row of the stack's struct tls_lib (user/capture/tls_*.c): "SSL_read", "crypto/tls.(*Conn).Read", ... */
	uint64_t va;		/* the function's first instruction; for Go: the first behind the stack check */
	uint64_t probe;		/* file offset of the instruction to put the entry probe on: the cheapest one at which the arguments still are where they were */
	/* Go: file offsets of all its return instructions. 0 of them: a return probe will do. */
	uint32_t rets_cnt;
	uint64_t rets[FOUND_RETS_MAX];
};

struct found {
	const char *stack;	/* the tls_lib's name: "openssl", "boringssl", "rustls", "go", ... */
	const char *method;	/* for people: "symbols", "string cross-reference", "pclntab" */
	char version[64];	/* "": unknown */
	char why[160];		/* cnt is 0: the stack is there and cannot be used, for this reason */
	size_t cnt;
	struct found_func func[FOUND_FUNCS_MAX];
	char names[2048];	/* of a result from the cache, which sym and method point into: a struct found is not to be copied */
};

struct finder {
	const char *stack;
	const struct scan_text *texts;	/* what it wants to be looked for; NULL: nothing */
	const struct scan_code *codes;
	/* 1: ret is filled, with functions or with a reason why there are none; 0: this stack is not in the file. */
	int (*find)(const struct image *im, const struct scan *scan, struct found *ret);
};

/* Adds a function that begins at va; false: there is no room, or no code there. */
bool found_add(struct found *f, const struct image *im, const char *sym, uint64_t va);

extern const struct finder *const finders[];	/* NULL ends it */

/*
 * Asks every finder; returns how many stacks were found, or -ENOMEM, -EIO (the file changed while it was read).  Rows of a tls_lib that symbols name are not among them:
 * image_symbols() finds those.  Where a symbol and a finder both know a place, the finder's is the better one.
 */
int find_stacks(const struct image *im, struct found ret[static FOUND_STACKS_MAX]);

/* Part of what is cached: raise it when a finder finds something else than before. */
#define FINDERS_VERSION 1

#define FIND_CACHE "/var/cache/onlooker"

/*
 * The same, remembering what was found in a file of 16 MB or more by its build-id, in dir (0700, made if it can be). Remembered
 * are addresses and the bytes that stand there; they are used for a file of the same size and segments with the same
 * bytes at these addresses, and nothing else of it is believed.  A cache that cannot be used is no error.
 */
int find_stacks_cached(const struct image *im, const char *dir, struct found ret[static FOUND_STACKS_MAX]);

#endif /* FIND_H */
