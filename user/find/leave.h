/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIND_LEAVE_H
#define FIND_LEAVE_H

#include "find/scan.h"

/*
 * The VAs of the return instructions at which a call of the function at va can end. Jumps
 * are followed wherever they go, so that the returns of what it calls last, by a jump, are among them.
 * Returns how many; -E2BIG: more than max, or too much code; -EILSEQ: comes to bytes that are no
 * instruction; -ENOTSUP: leaves by a jump whose target is not known.
 */
int leave_rets(const struct image *im, const struct scan *scan, uint64_t va, uint64_t *ret, size_t max);

#endif /* FIND_LEAVE_H */
