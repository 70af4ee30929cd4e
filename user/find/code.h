/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIND_CODE_H
#define FIND_CODE_H

#include "find/image.h"

/*
 * What one has to know of machine code to put a probe on it.  Nothing here is
 * guessed: bytes that do not decode give an error, not half an answer.
 */

/*
 * File offset of the cheapest instruction at which a call of the function at va
 * can be seen with its arguments and stack pointer as at its first; 0: va is not
 * in an executable segment.
 */
uint64_t code_probe(const struct image *im, uint64_t va);

/*
 * The VAs of all return instructions (retaa and retab too) in [va, va + size), by a sweep from va.
 * Returns how many; -EILSEQ: something there is no instruction, -E2BIG: more than max, or size above 1 MiB;
 * -ERANGE: not in an executable segment.
 */
int code_rets(const struct image *im, uint64_t va, uint64_t size, uint64_t *ret, size_t max);

/* True if a sweep from the function's start at va comes to an instruction that begins at `at`. */
bool code_reaches(const struct image *im, uint64_t va, uint64_t at);

/*
 * A direct call, or a jump that always goes, with what a sweep knows of the
 * registers of its arguments: constants are those set since the call or jump before
 * it.  That is evidence, not proof: a label in between is not seen.
 */
#define CODE_ARGS 6

struct code_call {
	uint64_t at, to;	/* to 0: through a register or memory */
	bool jump;
	uint8_t local;		/* bit i: argument i points into the caller's frame */
	uint8_t known;		/* bit i: arg[i] is its value */
	uint64_t arg[CODE_ARGS];
};

/* Those in [va, va + size), as far as it decodes.  Returns how many, at most max; -ENOMEM, -ERANGE. */
int code_calls(const struct image *im, uint64_t va, uint64_t size, struct code_call *ret, size_t max);

/*
 * In the first `size` bytes of the function at va: which 8-byte fields of the object that
 * its first argument points to are compared with a constant, and at which displacements memory
 * is written that is not its stack (up to 64 each); and which arguments it reads.
 */
struct code_fields {
	size_t tested_cnt, stored_cnt;
	int32_t tested[64], stored[64];
	/*
	 * Bit i: argument i is read before anything writes to its register: in the order of
	 * the bytes; or between one jump or return and the next, where a path may have left it alone.
	 */
	uint8_t args, args_somewhere;
};
int code_fields(const struct image *im, uint64_t va, uint64_t size, struct code_fields *ret);

#endif /* FIND_CODE_H */
