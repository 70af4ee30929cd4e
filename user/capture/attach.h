/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTACH_H
#define ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Probes on the functions of one file, for every process that maps it, now and later. */
struct probe {
	uint64_t off;		/* in the file */
	uint64_t cookie;	/* row of tls_specs[] */
	bool ret;		/* its return as well */
};

struct bpf_program;

struct attach {
	struct bpf_program *enter, *exit;
	bool multi;		/* the kernel has uprobe_multi (6.6) */
};

#define PROBES_MAX 64

struct attached;

/* fd: the file, kept open by the caller for the time of this call only.  NULL: *ret_err = negative errno. */
struct attached *attach_file(const struct attach *a, int fd, const struct probe *p, size_t n, int *ret_err);
void attached_free(struct attached *a);

#endif /* ATTACH_H */
