// SPDX-License-Identifier: Apache-2.0
/* What this kernel and this process's rights allow.  Each row tries the thing itself where that is possible. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/room.h"
#include "capture/uprobe_multi.h"

static int has_kernel(char *detail, size_t n)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (uname(&u))
		return -errno;
	snprintf(detail, n, "%s %s", u.release, u.machine);
	sscanf(u.release, "%d.%d", &major, &minor);
	return major > 5 || (major == 5 && minor >= 15);
}

static int has_btf(char *detail, size_t n)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static bool read_line(const char *path, char *line, size_t n)
{
	FILE *in = fopen(path, "re");
	bool ok = in && fgets(line, n, in);

	if (in)
		fclose(in);
	if (ok)
		line[strcspn(line, "\n")] = 0;
	return ok;
}

static int has_rights(char *detail, size_t n)
{
	static const struct {
		int bit;
		const char *name;
	} need[] = {
		{ CAP_BPF, "CAP_BPF" }, { CAP_PERFMON, "CAP_PERFMON" }, { CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	};
	unsigned long long eff = 0;
	char line[256];
	FILE *in = fopen("/proc/self/status", "re");
	size_t at = 0;

	while (in && fgets(line, sizeof(line), in))
		sscanf(line, "CapEff: %llx", &eff);
	if (in)
		fclose(in);
	for (unsigned i = 0; i < sizeof(need) / sizeof(*need); i++)
		if (!(eff >> need[i].bit & 1) && at < n)
			at += snprintf(detail + at, n - at, "%s%s", at ? ", " : "without ", need[i].name);
	return (eff >> CAP_SYS_ADMIN & 1) || ((eff >> CAP_BPF & 1) && (eff >> CAP_PERFMON & 1));
}

static int has_ring(char *detail, size_t n)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL);
}

static int has_tp_btf(char *detail, size_t n)
{
	struct bpf_insn code[] = {
		{ .code = 0xb7 },
		{ .code = 0x95 },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = libbpf_find_vmlinux_btf_id("sys_exit", BPF_TRACE_RAW_TP), prog;

	if (id < 0)
		return 0;
	o.attach_btf_id = id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", code, 2, &o);
	if (prog < 0)
		return prog == -EPERM ? prog : 0;
	close(prog);
	return 1;
}

static int has_cookie(char *detail, size_t n)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL);
}

static int has_bpf_loop(char *detail, size_t n)
{
	int have = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL);

	snprintf(detail, n, "not used: a loop over a function that is verified once does the same on 5.15");
	return have;
}

static int has_uprobes(char *detail, size_t n)
{
	return read_line("/sys/bus/event_source/devices/uprobe/type", detail, n) ?
		snprintf(detail, n, "perf events, pid -1") > 0 : 0;
}

static int has_uprobe_multi(char *detail, size_t n)
{
	/* mov r0, 0; exit */
	struct bpf_insn code[] = {
		{ .code = 0xb7 },
		{ .code = 0x95 },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = UPROBE_MULTI_ATTACH_TYPE);
	int prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "probe", "GPL", code, 2, &o);
	uint64_t off = 0;
	int link;

	if (prog < 0)
		return prog == -EPERM ? prog : 0;
	/* A directory has no code: -EBADF (it is no regular file) from kernels that know the link, -EINVAL from others. */
	link = uprobe_multi_link(prog, "/", &off, NULL, 1, false);
	close(prog);
	if (link >= 0)
		close(link);
	return link >= 0 || link == -EBADF;
}

bool feature_uprobe_multi(void)
{
	char detail[8];

	return has_uprobe_multi(detail, sizeof(detail)) > 0;
}

static int has_gate(char *detail, size_t n)
{
	int fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
	int err;

	if (fan < 0)
		return errno == EPERM ? -EPERM : 0;
	err = fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/dev/null") ? errno : 0;
	close(fan);
	return !err;
}

static int has_no_lockdown(char *detail, size_t n)
{
	if (!read_line("/sys/kernel/security/lockdown", detail, n)) {
		snprintf(detail, n, "not in this kernel");
		return 1;
	}
	return !strstr(detail, "[confidentiality]");
}

static const struct {
	const char *name, *what_for, *remedy;
	bool required;
	int (*probe)(char *detail, size_t n);
} table[] = {
	{ "kernel", "everything: attach cookies came with 5.15", "boot Linux 5.15 or newer", true, has_kernel },
	{ "btf", "finding kernel fields by name", "boot a kernel with CONFIG_DEBUG_INFO_BTF=y", true, has_btf },
	{ "rights", "loading BPF, reading /proc of other users",
	  "run as root, or give CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_SYS_ADMIN", true, has_rights },
	{ "ring_buffer", "moving data to user space", "boot Linux 5.8 or newer", true, has_ring },
	{ "tp_btf", "processes, sockets and system calls", "boot a kernel with BTF and run as root", true, has_tp_btf },
	{ "attach_cookie", "one program for all library functions", "boot Linux 5.15 or newer", true, has_cookie },
	{ "uprobes", "plaintext of TLS libraries", "boot a kernel with CONFIG_UPROBE_EVENTS=y", true, has_uprobes },
	{ "uprobe_multi", "attaching in one step, letting go in milliseconds",
	  "Linux 6.6 or newer; perf events are used instead", false, has_uprobe_multi },
	{ "bpf_loop", "long buffers", "none needed", false, has_bpf_loop },
	{ "exec_gate", "the first byte of statically linked programs (fanotify FAN_OPEN_EXEC_PERM)",
	  "CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y and CAP_SYS_ADMIN; without, a process is stopped for "
	  "milliseconds instead where nobody can notice", false, has_gate },
	{ "lockdown", "reading kernel memory", "boot without lockdown=confidentiality", true, has_no_lockdown },
};

size_t capture_features(struct feature *ret, size_t max)
{
	size_t n = sizeof(table) / sizeof(*table);

	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct feature){
			.name = table[i].name, .what_for = table[i].what_for,
			.remedy = table[i].remedy, .required = table[i].required,
		};
		ret[i].have = table[i].probe(ret[i].detail, sizeof(ret[i].detail));
	}
	return n;
}
