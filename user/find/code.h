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

#endif /* FIND_CODE_H */
