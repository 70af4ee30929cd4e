/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTACH_H
#define ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum probe_kind {
	PROBE_ENTER,		/* the first instruction of a function */
	PROBE_RETURN,		/* the same place; fires when the function returns (uretprobe) */
	PROBE_RET,		/* a return instruction */
	PROBE_KINDS
};

/* A probe on one function of a file, for every process that maps it, now and later. */
struct probe {
	enum probe_kind kind;
	uint64_t off;		/* in the file */
	uint64_t cookie;	/* see COOKIE_SPEC in wire.h */
};

struct bpf_program;

struct attach {
	struct bpf_program *prog[PROBE_KINDS];
	bool multi;		/* the kernel has uprobe_multi (6.6) */
	int checks_fd;		/* map of struct tls_check by cookie; -1: none */
};

struct attached;

/* fd: the file, kept open by the caller for the time of this call only.  NULL: *ret_err = negative errno. */
struct attached *attach_file(const struct attach *a, int fd, const struct probe *p, size_t n, int *ret_err);
void attached_free(struct attached *a);

#endif /* ATTACH_H */
