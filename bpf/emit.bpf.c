// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Into the ring, with every byte accounted for.
 *
 * One ring carries data and the events that must be ordered with it (exec,
 * exit, bind, end of a stream): reservation order is then the order, and no
 * merge has to guess.  So that control records do not drown in data, data may
 * not use the last eighth of the ring (data_limit): what remains takes tens of
 * thousands of control records while the reader catches up.  The check and the
 * reservation are not one step, so each CPU can overshoot by one 64 KiB record.
 * The second ring, "urgent", only tells the attaching thread what to look at;
 * its records are in no order with the others and nobody else reads it.
 *
 * A reservation's size is a constant (kernels before 5.19 know no other), hence
 * the classes.  Memory from the ring is not zeroed: every field is written.
 */
#include "capture.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct ring_map events SEC(".maps");
struct ring_map urgent SEC(".maps");
struct threads_map threads SEC(".maps");
struct streams_map tls_streams SEC(".maps");
struct socks_map socks SEC(".maps");
struct tracked_map tracked SEC(".maps");
/* Processes that user space takes for agents, and what they start.  Used where all processes are watched. */
struct pids_map agents SEC(".maps");
struct calls_map go_calls SEC(".maps");
struct checks_map tls_checks SEC(".maps");
struct ids_map ignored SEC(".maps");
struct known_map files SEC(".maps");
struct held_map held SEC(".maps");

const volatile __u32 self_tgid = 0;
const volatile __u32 watch_all = 0;
const volatile __u64 data_limit = 128 * 1024;	/* unread bytes above which data is dropped */
const volatile __u64 wake_limit = 64 * 1024;	/* unread bytes above which the reader is woken */

struct wire_stats stats = {};
__u64 next_id = 1;
__u32 ignored_cnt = 0;

/* Set by the reader, cleared here: it sleeps until woken; it has not been told of a full ring since it last read. */
__u32 reader_asleep = 1;
__u32 reader_unpressed = 1;

__hidden __u64 ring_wake(void)
{
	if (reader_asleep) {
		reader_asleep = 0;
		return BPF_RB_FORCE_WAKEUP;
	}
	if (reader_unpressed && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) > wake_limit) {
		reader_unpressed = 0;
		return BPF_RB_FORCE_WAKEUP;
	}
	return BPF_RB_NO_WAKEUP;
}

__hidden void wire_head(struct wire_hdr *h, __u32 size, __u8 kind, __u32 pid, __u64 start)
{
	h->size = size;
	h->kind = kind;
	h->flags = 0;
	h->cpu = bpf_get_smp_processor_id();
	h->pid = pid;
	h->tid = bpf_get_current_pid_tgid();
	h->ts = bpf_ktime_get_boot_ns();
	h->start = start;
}

static __always_inline void data_head(struct wire_data *d, struct move *m, __u32 follow, __u32 len, __u8 flags)
{
	if (len == m->todo)
		flags |= WIRE_F_LAST;
	wire_head(&d->hdr, sizeof(*d) + follow, WIRE_DATA, m->pid, m->start);
	d->stream = m->stream;
	d->obj = m->obj;
	d->off = m->off;
	d->len = len;
	d->call_len = m->call_len;
	d->source = m->source;
	d->dir = m->dir;
	d->lib = m->lib;
	d->flags = m->flags | flags;
	d->pad[0] = d->pad[1] = d->pad[2] = 0;
}

/*
 * A reservation takes its room in the ring whether it is filled or not: what would leave
 * more than a quarter of the largest empty goes into smaller ones.  17 KiB at a time, as
 * a reader of TLS records asks, a ring of 32 MiB held 9.
 */
#define BIG		16384
#define BIG_WORTH	(WIRE_CHUNK / 4 * 3)

/* m moves on by n bytes that were written down, or given up. */
static __always_inline void advance(struct move *m, __u64 n)
{
	m->off += n;
	m->addr += n;
	m->left -= n;
	m->todo -= n;
	m->paged = m->paged > n ? m->paged - n : 0;
}

#define CLASS(name, sz)								\
static __noinline int name(struct move *m, __u64 n)				\
{										\
	struct { struct wire_data d; __u8 bytes[sz]; } *r;			\
										\
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);			\
	if (!r)									\
		return -28;							\
	data_head(&r->d, m, n, n, 0);						\
	n = AT_MOST(n, sz);							\
	if (bpf_probe_read_user(r->bytes, n, (void *)m->addr)) {		\
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);			\
		return -14;							\
	}									\
	bpf_ringbuf_submit(r, ring_wake());					\
	return 0;								\
}
CLASS(put_1k, 1024)
CLASS(put_4k, 4096)
CLASS(put_16k, 16384)
CLASS(put_64k, WIRE_CHUNK)

/* Of a whole machine, agents may fill the ring, everybody else three quarters of it. */
static __noinline int has_room(struct move *m)
{
	__u64 used = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	__u32 pid = m->pid;

	if (used <= data_limit / 4 * 3)
		return 1;
	return used <= data_limit && (!watch_all || bpf_map_lookup_elem(&agents, &pid));
}

static __noinline int put_bytes(struct move *m, __u64 n)
{
	if (!has_room(m))
		return -28;
	if (n <= 1024)
		return put_1k(m, n);
	if (n <= 4096)
		return put_4k(m, n);
	if (n <= 16384)
		return put_16k(m, n);
	return put_64k(m, n);
}

/* len bytes that passed unread.  Small, so it may use the room that is kept for control records. */
static __noinline void put_hole(struct move *m, __u64 len)
{
	struct wire_data *d = bpf_ringbuf_reserve(&events, sizeof(*d), 0);

	count(truncated_bytes, len);
	if (!d) {
		count(dropped_records, 1);	/* the offset of the next record tells */
		return;
	}
	data_head(d, m, 0, len, WIRE_F_HOLE);
	count(records, 1);
	bpf_ringbuf_submit(d, ring_wake());
}

/* The next buffer of several, without what is to be skipped; false: there is none. */
static __always_inline bool next_buffer(struct move *m)
{
	struct { __u64 base, len; } iov;
	__u64 skip;

	if (!m->iov_cnt || bpf_probe_read_user(&iov, sizeof(iov), (void *)m->iov))
		return false;
	skip = m->skip < iov.len ? m->skip : iov.len;
	m->skip -= skip;
	iov.len -= skip;
	m->addr = iov.base + skip;
	m->left = iov.len < m->todo ? iov.len : m->todo;
	m->iov += sizeof(iov);
	m->iov_cnt--;
	return true;
}

/* Global, so that it is verified once and not once per turn of the loop.  0: call again. */
__noinline int emit_step(struct move *m)
{
	__u64 n;
	int err;

	if (!m || !m->todo)
		return 1;
	if (!m->left)
		return !next_buffer(m);
	n = m->left < WIRE_CHUNK ? m->left : WIRE_CHUNK;
	if (n > BIG && n < BIG_WORTH && !m->iov_cnt)	/* STEPS_MAX has no room for that in each of 1024 buffers */
		n = BIG;
	if (m->paged) {
		__u64 page = 4096 - (m->addr & 4095);

		n = n < page ? n : page;
	}
	err = put_bytes(m, n);
	if (err == -14 && !m->paged && n > 1) {
		m->paged = n;		/* one page that is not in memory fails the whole read */
		return 0;
	}
	if (err == -14) {
		put_hole(m, n);
	} else if (err) {
		count(dropped_bytes, n);
		count(dropped_records, 1);
	} else {
		count(delivered_bytes, n);
		count(records, 1);
	}
	advance(m, n);
	return 0;
}

__noinline int emit_move(struct move *m)
{
	if (!m)
		return 0;
	count(seen_bytes, m->call_len);
	if (m->ignored) {
		count(ignored_bytes, m->call_len);
		return 0;
	}
	for (int i = 0; i < STEPS_MAX && !m->unseen; i++)
		if (emit_step(m))
			break;
	/* What the loop did not reach, so that the stream's offset has no unexplained jump. */
	if (m->todo)
		put_hole(m, m->todo);
	return 0;
}

/* m: stream, obj, off, pid, start, lib, source, dir, flags. */
__hidden void emit_eof(struct move *m)
{
	struct wire_data *d = bpf_ringbuf_reserve(&events, sizeof(*d), 0);

	if (!d) {
		count(dropped_control, 1);
		return;
	}
	m->call_len = m->todo = 0;
	data_head(d, m, 0, 0, WIRE_F_EOF);
	count(records, 1);
	bpf_ringbuf_submit(d, ring_wake());
}

__hidden void emit_bind(__u64 stream, __u64 sock, __u8 basis, __u32 pid, __u64 start)
{
	struct wire_bind *b = bpf_ringbuf_reserve(&events, sizeof(*b), 0);

	if (!b) {
		count(dropped_control, 1);
		return;
	}
	wire_head(&b->hdr, sizeof(*b), WIRE_BIND, pid, start);
	b->stream = stream;
	b->sock = sock;
	b->basis = basis;
	__builtin_memset(b->pad, 0, sizeof(b->pad));
	count(records, 1);
	bpf_ringbuf_submit(b, ring_wake());
}

__hidden void emit_stream_end(__u64 stream, __u64 in, __u64 out, __u32 pid, __u64 start)
{
	struct wire_stream_end *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count(dropped_control, 1);
		return;
	}
	wire_head(&e->hdr, sizeof(*e), WIRE_STREAM_END, pid, start);
	e->stream = stream;
	e->off[WIRE_IN] = in;
	e->off[WIRE_OUT] = out;
	count(records, 1);
	bpf_ringbuf_submit(e, ring_wake());
}

/* Of the current task. */
static __always_inline void put_seen(__u32 tgid, __u64 start)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wire_seen *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	struct file *exe;

	if (!r) {
		count(dropped_control, 1);
		return;
	}
	wire_head(&r->hdr, sizeof(*r), WIRE_SEEN, tgid, start);
	exe = BPF_CORE_READ(t, mm, exe_file);
	r->ppid = BPF_CORE_READ(t, real_parent, tgid);
	r->uid = BPF_CORE_READ(t, cred, euid.val);
	r->dev = BPF_CORE_READ(exe, f_inode, i_sb, s_dev);
	r->ino = BPF_CORE_READ(exe, f_inode, i_ino);
	__builtin_memset(r->name, 0, sizeof(r->name));
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), BPF_CORE_READ(exe, f_path.dentry, d_name.name));
	count(records, 1);
	bpf_ringbuf_submit(r, ring_wake());
}

__hidden struct tracked *told(__u32 tgid, __u64 start)
{
	struct tracked *t = bpf_map_lookup_elem(&tracked, &tgid), first = { .start = start };

	if (t)
		return t;
	if (!bpf_map_update_elem(&tracked, &tgid, &first, BPF_NOEXIST))
		put_seen(tgid, start);
	else
		count(map_full, 1);
	return bpf_map_lookup_elem(&tracked, &tgid);
}

__hidden void emit_notice(__u8 what, __u64 sock, __u32 tgid, __u64 start)
{
	struct tracked *t = told(tgid, start);
	struct wire_notice *r;

	if (!t || t->noticed & 1u << (what & 31))
		return;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count(dropped_control, 1);
		return;
	}
	t->noticed |= 1u << (what & 31);
	wire_head(&r->hdr, sizeof(*r), WIRE_NOTICE, tgid, start);
	r->sock = sock;
	r->what = what;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
	count(records, 1);
	bpf_ringbuf_submit(r, ring_wake());
}
