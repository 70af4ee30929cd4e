/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UPROBE_MULTI_H
#define UPROBE_MULTI_H

#include <stdbool.h>
#include <stdint.h>

#define UPROBE_MULTI_ATTACH_TYPE 48	/* BPF_TRACE_UPROBE_MULTI, Linux 6.6 */

/* A link's descriptor, or negative errno. */
int uprobe_multi_link(int prog_fd, const char *path, const uint64_t *offs, const uint64_t *cookies,
		      uint32_t cnt, bool ret);

#endif /* UPROBE_MULTI_H */
