/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDS_H
#define HANDS_H

#include <sys/types.h>

#include "capture/files.h"

/*
 * The thread that examines and attaches while somebody waits for it: the
 * warden's questions and the kernel half's "urgent" ring.  It does not depend on
 * how busy the reader of the data ring is.
 */
struct hands;

struct hands *hands_new(struct files *files, int urgent_fd, int files_fd, int held_fd, int warden_sock, int *ret_err);
void hands_free(struct hands *h);

#endif /* HANDS_H */
