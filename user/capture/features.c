// SPDX-License-Identifier: Apache-2.0
/* What this kernel allows: one probe and one row each. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/attach.h"
#include "capture/capture.h"
#include "capture/features.h"

static int kernel_at_least(int major, int minor)
{
	struct utsname u;
	int a, b;

	if (uname(&u) || sscanf(u.release, "%d.%d", &a, &b) != 2)
		return -EINVAL;
	return a > major || (a == major && b >= minor);
}

static int probe_kernel(void)
{
	return kernel_at_least(5, 15);
}

/* CAP_SYS_ADMIN, or what it was split into; both with what reading other users' /proc takes. */
int feature_privilege(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint64_t caps, admin = 1ull << CAP_SYS_ADMIN;
	uint64_t split = 1ull << 39 /* CAP_BPF */ | 1ull << 38 /* CAP_PERFMON */;
	uint64_t ptrace = 1ull << CAP_SYS_PTRACE;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	caps = (uint64_t)data[1].effective << 32 | data[0].effective;
	return (caps & ptrace) && ((caps & admin) || (caps & split) == split);
}

int feature_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

int feature_ringbuf(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL);
}

int feature_attach_cookie(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL);
}

int feature_bpf_loop(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL);
}

static int probe_tracing(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_TRACING, NULL);
}

static int trivial_program(enum bpf_prog_type type, int expected)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = expected);

	return bpf_prog_load(type, "probe", "GPL", insns, 2, &opts);
}

/*
 * A link to a file that is none: a kernel that knows uprobe_multi gets as far as
 * the file and says EBADF, others EINVAL (as libbpf 1.3 probes it).
 */
int feature_uprobe_multi(void)
{
	const struct attach_site site = { 0 };
	int prog = trivial_program(BPF_PROG_TYPE_KPROBE, EXPECT_UPROBE_MULTI), link;

	if (prog < 0)
		return prog == -EPERM ? -EPERM : 0;
	link = attach_multi(prog, "/", &site, 1, false);
	if (link >= 0)
		close(link);
	close(prog);
	return link == -EBADF;
}

static int probe_perf_uprobe(void)
{
	return !access("/sys/bus/event_source/devices/uprobe/type", R_OK);
}

/* Permission events are there if a group for them can be had and a mark set. */
int feature_exec_gate(void)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY), err = 0;

	if (fd < 0)
		return errno == EPERM ? -EPERM : 0;
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/proc/self/exe"))
		err = -errno;
	close(fd);
	return err == -EPERM ? -EPERM : !err;
}

static int probe_lockdown(void)
{
	char text[128] = "";
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	int ok = 1;

	if (!f)
		return 1;
	if (fgets(text, sizeof(text), f))
		ok = !strstr(text, "[confidentiality]");
	fclose(f);
	return ok;
}

static int probe_map_files(void)
{
	static const int checkpoint_restore = 40;	/* CAP_CHECKPOINT_RESTORE, Linux 5.9 */
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint64_t caps;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	caps = (uint64_t)data[1].effective << 32 | data[0].effective;
	return (caps & (1ull << CAP_SYS_ADMIN)) || (caps & (1ull << checkpoint_restore));
}

static const struct row {
	const char *name, *what_for, *remedy;
	bool required;
	int (*probe)(void);
} rows[] = {
	{ "kernel", "Linux 5.15 or newer", "use a newer kernel", true, probe_kernel },
	{ "privilege", "load BPF programs and read other users' /proc", "run it with sudo, or give it CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE", true,
	  feature_privilege },
	{ "lockdown", "the kernel lets BPF read memory", "lockdown is in confidentiality mode; boot with lockdown=integrity", true,
	  probe_lockdown },
	{ "btf", "types of the running kernel", "use a kernel built with CONFIG_DEBUG_INFO_BTF=y", true, feature_btf },
	{ "tracing", "typed tracepoints for system calls and processes", "use a kernel with CONFIG_BPF_EVENTS=y and CONFIG_DEBUG_INFO_BTF=y", true,
	  probe_tracing },
	{ "ringbuf", "the ring buffer that carries what is seen", "use Linux 5.8 or newer", true, feature_ringbuf },
	{ "attach_cookie", "one program for all functions of all TLS libraries", "use Linux 5.15 or newer", true, feature_attach_cookie },
	{ "uprobe", "probes on functions of TLS libraries", "use a kernel with CONFIG_UPROBE_EVENTS=y", true, probe_perf_uprobe },
	{ "bpf_loop", "cheaper copying of large calls", "nothing is lost without it: a bounded loop does the same", false, feature_bpf_loop },
	{ "uprobe_multi", "attach and detach in milliseconds, without CAP_SYS_ADMIN",
	  "Linux 6.6 has it; without it detaching takes about 0.1 s a probe", false, feature_uprobe_multi },
	{ "exec_gate", "the first byte of a program that nobody has seen before",
	  "needs CAP_SYS_ADMIN and CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y; without it the first milliseconds of a program may be missed", false,
	  feature_exec_gate },
	{ "map_files", "libraries that were deleted or lie in containers", "needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN", false,
	  probe_map_files },
};

static void detail(struct feature *f, int have)
{
	struct utsname u;

	f->detail[0] = '\0';
	if (!strcmp(f->name, "kernel") && !uname(&u))
		snprintf(f->detail, sizeof(f->detail), "this is %.80s %.40s", u.release, u.machine);
	if (have < 0)
		snprintf(f->detail, sizeof(f->detail), "cannot tell: %s", strerror(-have));
}

/* libbpf talks on stderr when a probe fails; a probe that fails is an answer. */
static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

size_t capture_features(struct feature *ret, size_t max)
{
	libbpf_print_fn_t before = libbpf_set_print(silent);
	size_t n = sizeof(rows) / sizeof(rows[0]);

	for (size_t i = 0; i < n && i < max; i++) {
		ret[i] = (struct feature){ .name = rows[i].name, .what_for = rows[i].what_for, .remedy = rows[i].remedy,
					   .required = rows[i].required, .have = rows[i].probe() };
		detail(&ret[i], ret[i].have);
	}
	libbpf_set_print(before);
	return n < max ? n : max;
}
