/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OUT_H
#define OUT_H

#include "base/view.h"

/*
 * Writes all of v.  A descriptor that somebody else made non-blocking is waited
 * for, timeout_ms at most.  0 or a negative errno, -ETIMEDOUT among them; part of v may be written then.
 */
int out_write(int fd, struct view v, int timeout_ms);

#endif /* OUT_H */
