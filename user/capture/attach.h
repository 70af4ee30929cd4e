/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTACH_H
#define ATTACH_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTACH_SITES_MAX 64

struct attach_site {
	uint64_t offset;	/* in the file */
	uint64_t cookie;
};

/* The probes on one file: file descriptors of links, so they are gone with the process that holds them, however it ends. */
struct attachment {
	int fds[2];			/* uprobe_multi links: enter, exit; -1 */
	struct bpf_link *links[2 * ATTACH_SITES_MAX];	/* where the kernel has no uprobe_multi */
	size_t link_cnt;
};

/*
 * Attaches enter and exit programs to the sites of a file, for every process
 * that maps it (never for one: the kernel then pays at each context switch).
 * multi: one link for all sites (Linux 6.6; programs loaded for it).  0, or negative errno and
 * nothing is attached.
 */
int attach_file(struct attachment *a, int file_fd, bool multi,
		struct bpf_program *enter, const struct attach_site *enter_sites, size_t enter_cnt,
		struct bpf_program *exit, const struct attach_site *exit_sites, size_t exit_cnt);
void attach_release(struct attachment *a);

#define EXPECT_UPROBE_MULTI 48	/* BPF_TRACE_UPROBE_MULTI: enum bpf_attach_type, Linux 6.6 */

/* Creates one uprobe_multi link; its fd or negative errno. */
int attach_multi(int prog_fd, const char *path, const struct attach_site *sites, size_t n, bool at_return);

#endif /* ATTACH_H */
