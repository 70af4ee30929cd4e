// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which processes are observed, and their lives.
 *
 * sched_process_fork fires before the child can run, so a child of an observed
 * process is observed from its first instruction.  A thread group is named by
 * (tgid, start_boottime); de_thread() gives both to a thread that execs, so the
 * name holds across exec.  The group is gone when the last thread has passed
 * the decrement of signal->live; two threads that exit at once may both see 0,
 * and the one that deletes the entry reports.
 */
#include "capture.bpf.h"

#define PF_KTHREAD	0x00200000
#define NAME_KEPT	512
#define CGROUP_DEPTH	12

struct ids_map cgroups SEC(".maps");		/* cgroup v2 ids: what executes below is observed */
struct files_map exes SEC(".maps");		/* executables: whoever executes them is observed */

__u32 cgroups_cnt = 0;
__u32 exes_cnt = 0;

static __always_inline void track(__u32 tgid, __u64 start)
{
	struct tracked t = { .start = start };

	if (bpf_map_update_elem(&tracked, &tgid, &t, BPF_ANY))
		count(map_full, 1);
}

/* The child of an agent is one. */
static __always_inline void adopt(__u32 tgid, __u64 start)
{
	if (bpf_map_update_elem(&agents, &tgid, &start, BPF_ANY))
		count(map_full, 1);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = child->tgid, ptgid = parent->tgid;
	struct wire_fork *f;

	if (tgid == ptgid || !life_told(ptgid) || child->flags & PF_KTHREAD)
		return 0;
	track(tgid, task_start(child));
	if (watch_all)
		adopt(tgid, task_start(child));
	f = bpf_ringbuf_reserve(&events, sizeof(*f), 0);
	if (!f) {
		count(dropped_control, 1);
		return 0;
	}
	wire_head(&f->hdr, sizeof(*f), WIRE_FORK, ptgid, task_start(parent));
	f->child = tgid;
	f->pad = 0;
	f->child_start = task_start(child);
	count(records, 1);
	bpf_ringbuf_submit(f, ring_wake());
	return 0;
}

static __always_inline bool in_cgroup(void)
{
	if (!cgroups_cnt)
		return false;
	for (int i = 0; i < CGROUP_DEPTH; i++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(i);

		if (!id)
			return false;
		if (bpf_map_lookup_elem(&cgroups, &id))
			return true;
	}
	return false;
}

static __always_inline void read_key(struct inode *i, struct file_key *k)
{
	struct inode___mid *mid = (void *)i;
	struct inode___old *old = (void *)i;

	k->dev = BPF_CORE_READ(i, i_sb, s_dev);
	k->ino = BPF_CORE_READ(i, i_ino);
	k->size = BPF_CORE_READ(i, i_size);
	if (bpf_core_field_exists(i->i_mtime_sec))
		k->mtime = BPF_CORE_READ(i, i_mtime_sec);
	else if (bpf_core_field_exists(mid->__i_mtime))
		k->mtime = BPF_CORE_READ(mid, __i_mtime.tv_sec);
	else
		k->mtime = BPF_CORE_READ(old, i_mtime.tv_sec);
}

static __always_inline bool wanted_exe(struct file *f)
{
	struct file_key k = {};

	if (!exes_cnt || !f)
		return false;
	read_key(BPF_CORE_READ(f, f_inode), &k);
	return bpf_map_lookup_elem(&exes, &k);
}

#define EXEC(name, argv_max)								\
static __noinline void name(struct task_struct *p, struct linux_binprm *bprm, __u64 total)	\
{											\
	struct { struct wire_exec e; char bytes[NAME_KEPT + argv_max]; } *r;		\
	__u64 n, kept = AT_MOST(total, argv_max);					\
	__u64 from = BPF_CORE_READ(p, mm, arg_start);					\
	struct inode *i = BPF_CORE_READ(p, mm, exe_file, f_inode);			\
											\
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);				\
	if (!r) {									\
		count(dropped_control, 1);						\
		return;									\
	}										\
	n = bpf_probe_read_kernel_str(r->bytes, NAME_KEPT, BPF_CORE_READ(bprm, filename)); \
	n = AT_MOST(n, NAME_KEPT);							\
	if (bpf_probe_read_user(r->bytes + n, kept, (void *)from))			\
		kept = 0;								\
	wire_head(&r->e.hdr, sizeof(r->e) + n + kept, WIRE_EXEC, BPF_CORE_READ(p, tgid),	\
		  BPF_CORE_READ(p, group_leader, start_boottime));			\
	r->e.ppid = BPF_CORE_READ(p, real_parent, tgid);				\
	r->e.uid = BPF_CORE_READ(p, cred, euid.val);					\
	r->e.dev = BPF_CORE_READ(i, i_sb, s_dev);					\
	r->e.ino = BPF_CORE_READ(i, i_ino);						\
	r->e.filename_len = n;								\
	r->e.argv_len = kept;								\
	r->e.argv_total = total;							\
	count(records, 1);								\
	bpf_ringbuf_submit(r, ring_wake());						\
}
EXEC(exec_small, 512)
EXEC(exec_large, 16384)

static __always_inline void put_exec(struct task_struct *p, struct linux_binprm *bprm)
{
	__u64 total = BPF_CORE_READ(p, mm, arg_end) - BPF_CORE_READ(p, mm, arg_start);

	if (total <= 512)
		exec_small(p, bprm, total);
	else
		exec_large(p, bprm, total);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct file *exe = BPF_CORE_READ(p, mm, exe_file);
	__u64 start = task_start(p), old;
	__u32 tgid = p->tgid;
	struct tracked *t;

	t = bpf_map_lookup_elem(&tracked, &tgid);
	if (!t && (in_cgroup() || wanted_exe(exe)) && tgid != self_tgid) {
		track(tgid, start);
		t = bpf_map_lookup_elem(&tracked, &tgid);
	}
	if (!observed(tgid))
		return 0;
	if (t && t->tls)
		tls_end_process(tgid, start);
	old = (__u64)tgid << 32 | (__u32)old_pid;
	bpf_map_delete_elem(&threads, &old);
	if (t)		/* else: one of all, of which nobody has heard yet */
		put_exec(p, bprm);
	if (exe)
		file_used(exe, 0, 0, tgid, start);
	return 0;
}

/* On kernels since 6.16 there is a second argument, group_dead; what it says is read from live on all. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *p)
{
	__u64 id = bpf_get_current_pid_tgid(), start = task_start(p);
	__u32 tgid = p->tgid, tls = 0;
	struct wire_exit *e;
	struct tracked *t;
	int code;

	/* Asked of every thread: a sibling may have reported the end of the process before this one gets here. */
	bpf_map_delete_elem(&threads, &id);
	if (!observed(tgid) || p->flags & PF_KTHREAD || p->signal->live.counter)
		return 0;
	t = bpf_map_lookup_elem(&tracked, &tgid);
	if (t)
		tls = t->tls;
	if (watch_all)
		bpf_map_delete_elem(&agents, &tgid);
	if (bpf_map_delete_elem(&tracked, &tgid))
		return 0;
	if (tls)
		tls_end_process(tgid, start);
	code = p->signal->group_exit_code;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(dropped_control, 1);
		return 0;
	}
	wire_head(&e->hdr, sizeof(*e), WIRE_EXIT, tgid, start);
	e->code = code ? code : p->group_leader->exit_code;
	e->pad = 0;
	count(records, 1);
	bpf_ringbuf_submit(e, ring_wake());
	return 0;
}

/*
 * A file of an observed process that nobody has examined yet.  It is reported to
 * the attaching thread, and where nobody can notice, the process is stopped
 * (SIGSTOP, acts on the way back to user mode) until that is done and user
 * space continues it: otherwise the first calls into the library pass unseen
 * (measured: all of them, when they come at once).
 *
 * Who could notice: a tracer; a shell with job control, which puts its children
 * in process groups of their own and waits for stops too; a process that handles
 * SIGCONT, as terminal programs do to draw anew.  Those are not stopped and may
 * lose the milliseconds until the attach.  What remains visible is
 * a SIGCHLD to a parent that asked for stops, and EINTR from the few calls that
 * do not restart (signal(7)), in other threads of a process that loads a library late.
 *
 * "held" names the stopped: whoever survives continues them (user/capture/warden.c).
 */
const volatile __u32 hold_allowed = 0;

#define HOLD_SIZE	(256 * 1024)	/* smaller files hold no TLS library, unless their name says so */
#define SIGCONT		18
#define SIGSTOP		19

static __always_inline bool named_tls(struct file *f)
{
	char name[48] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(f, f_path.dentry, d_name.name));
	for (int i = 0; i < (int)sizeof(name) - 3; i++)
		if ((name[i] == 's' && name[i + 1] == 's' && name[i + 2] == 'l') ||
		    (name[i] == 't' && name[i + 1] == 'l' && name[i + 2] == 's'))
			return true;
	return false;
}

/* A stop is seen by a tracer, a job-control parent and a process that handles SIGCONT. */
static __always_inline bool stop_unnoticed(struct task_struct *t)
{
	struct signal_struct *sig = BPF_CORE_READ(t, signal);

	if (BPF_CORE_READ(t, ptrace) || BPF_CORE_READ(t, sighand, action[SIGCONT - 1].sa.sa_handler))
		return false;
	return !BPF_CORE_READ(sig, tty) ||
	       BPF_CORE_READ(sig, pids[PIDTYPE_PGID]) ==
	       BPF_CORE_READ(t, real_parent, signal, pids[PIDTYPE_PGID]);
}

static __always_inline bool hold(struct file *f, struct file_key *k, __u32 pid, __u64 start)
{
	if (!hold_allowed || (k->size < HOLD_SIZE && !named_tls(f)))
		return false;
	if (!stop_unnoticed((void *)bpf_get_current_task()))
		return false;
	if (bpf_map_update_elem(&held, &pid, &start, BPF_ANY))
		return false;
	return true;
}

__hidden void file_used(struct file *f, __u64 addr, __u64 len, __u32 pid, __u64 start)
{
	__u32 *known, pending = FILE_PENDING;
	struct file_key k = {};
	struct wire_map *m;
	__u32 wait;

	read_key(BPF_CORE_READ(f, f_inode), &k);
	known = bpf_map_lookup_elem(&files, &k);
	if (known && *known == FILE_DONE)
		return;
	m = bpf_ringbuf_reserve(&urgent, sizeof(*m), 0);
	if (!m) {
		count(dropped_control, 1);
		return;
	}
	bpf_map_update_elem(&files, &k, &pending, BPF_NOEXIST);
	/* The stop comes before the record: a SIGCONT that answers it takes back a stop, but not one still to be sent. */
	wait = hold(f, &k, pid, start);
	if (wait && bpf_send_signal(SIGSTOP)) {
		bpf_map_delete_elem(&held, &pid);
		wait = 0;
	}
	wire_head(&m->hdr, sizeof(*m), WIRE_MAP, pid, start);
	m->dev = k.dev;
	m->ino = k.ino;
	m->addr = addr;
	m->held = wait;
	m->pages = (len + 4095) / 4096;
	bpf_ringbuf_submit(m, BPF_RB_FORCE_WAKEUP);
}

/* The exact start times of what runs already; /proc rounds them to clock ticks. */
struct task_line {
	__u32 pid, ppid;
	__u64 start;
};

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct task_line l;

	if (!t || t->pid != t->tgid)
		return 0;
	l = (struct task_line){
		.pid = t->tgid,
		.ppid = BPF_CORE_READ(t, real_parent, tgid),
		.start = t->start_boottime,
	};
	bpf_seq_write(ctx->meta->seq, &l, sizeof(l));
	return 0;
}
