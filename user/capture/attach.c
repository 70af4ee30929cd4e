// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/attach.h"

/* The part of union bpf_attr that BPF_LINK_CREATE reads for uprobe_multi; the headers of Linux 6.1 lack it (include/uapi/linux/bpf.h, 89ae89f53d20). */
struct link_create_multi {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, pad;
};

#define MULTI_RETURN 1		/* BPF_F_UPROBE_MULTI_RETURN */

int attach_multi(int prog_fd, const char *path, const struct attach_site *sites, size_t n, bool at_return)
{
	uint64_t offsets[ATTACH_SITES_MAX], cookies[ATTACH_SITES_MAX];
	struct link_create_multi attr = {
		.prog_fd = prog_fd,
		.attach_type = EXPECT_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.cnt = n,
		.multi_flags = at_return ? MULTI_RETURN : 0,
	};
	int fd;

	if (n > ATTACH_SITES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		offsets[i] = sites[i].offset;
		cookies[i] = sites[i].cookie;
	}
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

static int attach_each(struct attachment *a, const char *path, struct bpf_program *prog,
		       const struct attach_site *sites, size_t n, bool at_return)
{
	for (size_t i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = sites[i].cookie, .retprobe = at_return);
		struct bpf_link *l = bpf_program__attach_uprobe_opts(prog, -1, path, sites[i].offset, &opts);

		if (!l)
			return -errno;
		a->links[a->link_cnt++] = l;
	}
	return 0;
}

int attach_file(struct attachment *a, int file_fd, bool multi,
		struct bpf_program *enter, const struct attach_site *enter_sites, size_t enter_cnt,
		struct bpf_program *exit, const struct attach_site *exit_sites, size_t exit_cnt)
{
	char path[64];
	int err = 0;

	*a = (struct attachment){ .fds = { -1, -1 } };
	if (enter_cnt > ATTACH_SITES_MAX || exit_cnt > ATTACH_SITES_MAX)
		return -E2BIG;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	if (!multi) {
		/* Returns first: an entry whose return is not seen would wait for ever. */
		err = attach_each(a, path, exit, exit_sites, exit_cnt, true);
		if (!err)
			err = attach_each(a, path, enter, enter_sites, enter_cnt, false);
	} else {
		if (exit_cnt)
			err = a->fds[1] = attach_multi(bpf_program__fd(exit), path, exit_sites, exit_cnt, true);
		if (err >= 0 && enter_cnt)
			err = a->fds[0] = attach_multi(bpf_program__fd(enter), path, enter_sites, enter_cnt, false);
	}
	if (err >= 0)
		return 0;
	attach_release(a);
	return err;
}

void attach_release(struct attachment *a)
{
	for (int i = 0; i < 2; i++)
		if (a->fds[i] >= 0)
			close(a->fds[i]);
	for (size_t i = 0; i < a->link_cnt; i++)
		bpf_link__destroy(a->links[i]);
	*a = (struct attachment){ .fds = { -1, -1 } };
}
