// SPDX-License-Identifier: Apache-2.0
/*
 * Two ways to the same probes.  uprobe_multi puts all of a stack's probes of one kind into
 * one link, needs no CAP_SYS_ADMIN and lets go of them in milliseconds; perf
 * events take two descriptors for each and about 100 ms each to let go.  Neither is
 * ever bound to a process: a per-process perf event costs every context switch.
 *
 * libbpf 1.1 does not know uprobe_multi, so the system call is made by hand;
 * the layout is the kernel's (6.6, include/uapi/linux/bpf.h).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/attach.h"
#include "capture/uprobe_multi.h"

struct attached {
	int multi[PROBE_KINDS];
	size_t links_cnt;
	struct bpf_link *links[];
};

/* Returns first: a return whose entry was not seen is counted, an entry that never returns would linger. */
static const enum probe_kind order[] = { PROBE_RETURN, PROBE_RET, PROBE_ENTER };

int uprobe_multi_link(int prog_fd, const char *path, const uint64_t *offs, const uint64_t *cookies,
		      uint32_t cnt, bool ret)
{
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid, pad;
	} attr = {
		.prog_fd = prog_fd,
		.attach_type = UPROBE_MULTI_ATTACH_TYPE,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offs,
		.cookies = (uintptr_t)cookies,
		.cnt = cnt,
		.multi_flags = ret ? 1 : 0,	/* BPF_F_UPROBE_MULTI_RETURN */
	};
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static int multi_kind(const struct attach *a, const char *path, const struct probe *p, size_t n, enum probe_kind kind)
{
	uint64_t *offs = calloc(2 * n, sizeof(*offs)), *cookies = offs + n;
	uint32_t cnt = 0;
	int fd = -ENOENT;

	if (!offs)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (p[i].kind != kind)
			continue;
		offs[cnt] = p[i].off;
		cookies[cnt++] = p[i].cookie;
	}
	if (cnt)
		fd = uprobe_multi_link(bpf_program__fd(a->prog[kind]), path, offs, cookies, cnt, kind == PROBE_RETURN);
	free(offs);
	return fd;
}

static int with_multi(const struct attach *a, struct attached *at, const char *path,
		      const struct probe *p, size_t n)
{
	for (unsigned i = 0; i < PROBE_KINDS; i++) {
		int fd = multi_kind(a, path, p, n, order[i]);

		if (fd < 0 && fd != -ENOENT)
			return fd;
		at->multi[order[i]] = fd;
	}
	return 0;
}

static int with_perf(const struct attach *a, struct attached *at, const char *path,
		     const struct probe *p, size_t n)
{
	for (unsigned k = 0; k < PROBE_KINDS; k++) {
		for (size_t i = 0; i < n; i++) {
			LIBBPF_OPTS(bpf_uprobe_opts, o, .retprobe = order[k] == PROBE_RETURN, .bpf_cookie = p[i].cookie);
			struct bpf_link *l;

			if (p[i].kind != order[k])
				continue;
			l = bpf_program__attach_uprobe_opts(a->prog[order[k]], -1, path, p[i].off, &o);
			if (!l)
				return -errno;
			at->links[at->links_cnt++] = l;
		}
	}
	return 0;
}

struct attached *attach_file(const struct attach *a, int fd, const struct probe *p, size_t n, int *ret_err)
{
	struct attached *at = calloc(1, sizeof(*at) + (a->multi ? 0 : n) * sizeof(*at->links));
	char path[64];
	int err = -ENOMEM;

	if (at) {
		for (int i = 0; i < PROBE_KINDS; i++)
			at->multi[i] = -1;
		/* By descriptor: the name may mean another file by now, or none. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		err = a->multi ? with_multi(a, at, path, p, n) : with_perf(a, at, path, p, n);
	}
	if (!err)
		return at;
	attached_free(at);
	*ret_err = err;
	return NULL;
}

void attached_free(struct attached *at)
{
	if (!at)
		return;
	for (int i = 0; i < PROBE_KINDS; i++)
		if (at->multi[i] >= 0)
			close(at->multi[i]);
	for (size_t i = 0; i < at->links_cnt; i++)
		bpf_link__destroy(at->links[i]);
	free(at);
}
