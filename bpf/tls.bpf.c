// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Plaintext at the edge of TLS libraries.
 *
 * Two programs serve all libraries.  What differs between them (which argument
 * is the buffer, where the length comes back) is a row of tls_specs[], which
 * user space fills from its tables before load and names in the attach cookie.
 *
 * Bytes are taken at return, with the length that the call reports: a write
 * that was refused (WANT_WRITE) and is tried again counts once, and the pages
 * were just touched, so they can be read without sleeping.
 *
 * Entry and return are matched by stack pointer.  That tells a return whose
 * entry we did not see from one we did, lets calls nest (TLS inside TLS, as
 * with an HTTPS proxy), and frees what a longjmp() left behind: a frame at or
 * below the new entry's stack pointer cannot be alive.  The kernel's own list of
 * pending uretprobes is pruned by the same rule.
 *
 * The stack of every function here stays under 64 bytes, rounded up to 16 as
 * the JIT does, so at most 48: since 6.13 a larger one is taken from a private per-CPU stack,
 * and uprobe programs can be preempted since 6.0, so another task's run of the
 * same program would overwrite it (a kernel panic for others).  Keys and
 * scratch therefore live in the thread's own map entry.  The unit tests measure it.
 */
#include "capture.bpf.h"

const volatile struct tls_spec tls_specs[TLS_SPECS_MAX];

static const struct thread no_thread;	/* a value to start from that is not on the stack */

#if defined(__TARGET_ARCH_x86)
#define RET_SLOT 8	/* the return address has been popped when the return probe fires */
#else
#define RET_SLOT 0
#endif

/*
 * The barrier keeps clang from folding the cases into one load at a computed
 * offset of ctx, which the verifier refuses ("dereference of modified ctx ptr").
 */
#define ARG(n) ({ __u64 v = PT_REGS_PARM##n(ctx); barrier_var(v); v; })

static __always_inline __u64 arg(struct pt_regs *ctx, __u8 n)
{
	switch (n) {
	case 1: return ARG(1);
	case 2: return ARG(2);
	case 3: return ARG(3);
	case 4: return ARG(4);
	case 5: return ARG(5);
	default: return 0;
	}
}

static __noinline struct thread *thread_get(__u64 id)
{
	struct thread *th = bpf_map_lookup_elem(&threads, &id);

	if (th)
		return th;
	if (bpf_map_update_elem(&threads, &id, &no_thread, BPF_NOEXIST))
		count(map_full, 1);
	return bpf_map_lookup_elem(&threads, &id);
}

static __always_inline void set_key(struct thread *th, __u64 obj, __u32 lib)
{
	th->key.obj = obj;
	th->key.start = task_start(bpf_get_current_task_btf());
	th->key.tgid = bpf_get_current_pid_tgid() >> 32;
	th->key.lib = lib;
}

static __always_inline void stream_counted(__u32 tgid, int by)
{
	struct tracked *t = bpf_map_lookup_elem(&tracked, &tgid);

	if (!t && by > 0 && watch_all)
		t = told(tgid, task_start(bpf_get_current_task_btf()));
	if (t)
		__sync_fetch_and_add(&t->tls, by);
}

/* The stream of th->key, made if it is new.  joined: its beginning was not seen. */
static __noinline struct stream *stream_get(struct thread *th, __u64 joined)
{
	struct stream *s = bpf_map_lookup_elem(&tls_streams, &th->key);

	if (s)
		return s;
	__builtin_memset(&th->fresh, 0, sizeof(th->fresh));
	th->fresh.id = __sync_fetch_and_add(&next_id, 1);
	th->fresh.joined = joined;
	if (bpf_map_update_elem(&tls_streams, &th->key, &th->fresh, BPF_NOEXIST))
		count(map_full, 1);
	else
		stream_counted(th->key.tgid, 1);
	return bpf_map_lookup_elem(&tls_streams, &th->key);
}

/* Anything was written down about it. */
static __always_inline bool stream_used(struct stream *s)
{
	return s->off[WIRE_IN] || s->off[WIRE_OUT] || s->sock;
}

/* The object of th->key is gone, unless it has other owners. */
static __noinline void stream_release(struct thread *th)
{
	struct stream *s = bpf_map_lookup_elem(&tls_streams, &th->key);

	if (!s)
		return;
	if (s->refs) {
		s->refs--;
		return;
	}
	if (stream_used(s))
		emit_stream_end(s->id, s->off[WIRE_IN], s->off[WIRE_OUT], th->key.tgid, th->key.start);
	bpf_map_delete_elem(&tls_streams, &th->key);
	stream_counted(th->key.tgid, -1);
}

/* An address that is given out anew was freed, whether we saw it or not. */
static __noinline void object_born(struct thread *th)
{
	struct stream *s;

	if (!th->key.obj)
		return;
	s = bpf_map_lookup_elem(&tls_streams, &th->key);
	if (s) {
		s->refs = 0;
		stream_release(th);
	}
	stream_get(th, 0);
}

struct ending {
	__u64 start;
	__u32 tgid, pad;
};

static long end_one(struct bpf_map *map, struct stream_key *k, struct stream *s, struct ending *of)
{
	if (k->tgid != of->tgid || k->start != of->start)
		return 0;
	if (stream_used(s))
		emit_stream_end(s->id, s->off[WIRE_IN], s->off[WIRE_OUT], of->tgid, of->start);
	bpf_map_delete_elem(&tls_streams, k);
	stream_counted(of->tgid, -1);
	return 0;
}

__hidden void tls_end_process(__u32 tgid, __u64 start)
{
	struct ending of = { .start = start, .tgid = tgid };

	bpf_for_each_map_elem(&tls_streams, end_one, &of, 0);
}

static __noinline void bind_fd(struct thread *th, __u32 fd)
{
	struct sock_state *so = sock_of_fd(fd, th->key.tgid, th->key.start);
	struct stream *s = stream_get(th, 0);

	if (!so || !s || s->sock == so->id)
		return;
	so->kind = SOCK_TLS;
	so->bound = s->id;
	s->sock = so->id;
	emit_bind(s->id, so->id, WIRE_BIND_FD, th->key.tgid, th->key.start);
}

/* Frames that are alive when the stack pointer is at sp; the dead ones go. */
static __always_inline __u32 alive(struct thread *th, __u64 sp)
{
	__u32 d = th->depth;

	if (d > FRAMES_MAX)
		d = FRAMES_MAX;
	for (int i = 0; i < FRAMES_MAX; i++)
		if (d && th->frame[(d - 1) & (FRAMES_MAX - 1)].sp < sp)
			d--;
	return d;
}

/* A call on the object of th->key has not returned: OpenSSL itself calls SSL_clear() in every handshake. */
static __noinline int in_call(struct thread *th, __u64 sp)
{
	__u32 d = alive(th, sp);

	for (int i = 0; i < FRAMES_MAX; i++)
		if (i < d && th->frame[i].obj == th->key.obj)
			return 1;
	return 0;
}

/* Calls of the life cycle that tell all at their entry.  Else: false. */
static __always_inline bool life(struct pt_regs *ctx, struct thread *th, const volatile struct tls_spec *s, __u64 sp)
{
	struct stream *st;

	switch (s->what) {
	case TLS_FREE:
		stream_release(th);
		return true;
	case TLS_RESET:
		if (!in_call(th, sp))
			object_born(th);
		return true;
	case TLS_REF:
		st = bpf_map_lookup_elem(&tls_streams, &th->key);
		if (st)
			st->refs++;
		return true;
	case TLS_SET_FD:
		bind_fd(th, arg(ctx, s->buf_arg));
		return true;
	case TLS_HANDSHAKE:
		stream_get(th, 0);
		return false;
	default:
		return false;
	}
}

static __always_inline bool moves_data(const volatile struct tls_spec *s)
{
	return s->what == TLS_DATA || s->what == TLS_UNSEEN;
}

/* True: a call further out on the same object and direction will report the bytes. */
static __noinline int is_inner(struct thread *th, __u64 obj, __u64 spec)
{
	const volatile struct tls_spec *s = &tls_specs[spec & (TLS_SPECS_MAX - 1)], *o;

	if (!moves_data(s))
		return 0;
	for (int i = 0; i < FRAMES_MAX; i++) {
		if (i >= th->depth || th->frame[i].obj != obj)
			continue;
		o = &tls_specs[th->frame[i].spec & (TLS_SPECS_MAX - 1)];
		if (moves_data(o) && o->dir == s->dir)
			return 1;
	}
	return 0;
}

SEC("uprobe")
int tls_enter(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), sp = PT_REGS_SP(ctx), spec, obj;
	const volatile struct tls_spec *s;
	struct thread *th;
	struct frame *f;
	__u32 d;

	if (!observed(id >> 32))
		return 0;
	spec = bpf_get_attach_cookie(ctx) & (TLS_SPECS_MAX - 1);
	s = &tls_specs[spec];
	th = thread_get(id);
	if (!th)
		return 0;
	obj = arg(ctx, s->conn_arg);
	set_key(th, obj, s->lib);
	if (life(ctx, th, s, sp))
		return 0;
	d = alive(th, sp);
	if (d) {
		f = &th->frame[(d - 1) & (FRAMES_MAX - 1)];
		if (f->sp == sp && f->obj == obj && f->spec != spec) {
			f->again++;	/* gnutls_record_send() jumps into gnutls_record_send2() */
			return 0;
		}
		if (f->sp == sp)
			d--;
	}
	if (d >= FRAMES_MAX) {
		count(map_full, 1);
		return 0;
	}
	th->depth = d;
	f = &th->frame[d & (FRAMES_MAX - 1)];
	f->sp = sp;
	f->obj = obj;
	f->spec = spec;
	f->again = 0;
	f->buf = arg(ctx, s->buf_arg);
	f->len_ptr = s->len_arg ? arg(ctx, s->len_arg) : 0;
	f->inner = is_inner(th, obj, spec);
	th->depth = d + 1;
	return 0;
}

static __noinline __u64 result_len(__u64 rc, __u64 len_ptr, __u64 how)
{
	__u64 out = 0;
	int ret = rc;	/* SSL_read() is an int: the upper half of the register is not its */

	switch (how) {
	case TLS_LEN_RET:
		return ret > 0 ? ret : 0;
	case TLS_LEN_RET_LONG:
		return (__s64)rc > 0 ? rc : 0;
	case TLS_LEN_EARLY_IN:
		if (ret == 2)
			break;
		/* fall through */
	case TLS_LEN_OUT_PTR:
		if (ret != 1)
			return 0;
		break;
	}
	if (bpf_probe_read_user(&out, sizeof(out), (void *)len_ptr))
		return 0;
	return out;
}

static __noinline void data_moved(struct thread *th, struct frame *f, const volatile struct tls_spec *spec, __u64 len)
{
	struct stream *s = stream_get(th, 1);
	struct move *m = &th->move;

	if (!s)
		return;
	m->off = __sync_fetch_and_add(&s->off[spec->dir & 1], len);
	if (len > 0xffffffff) {		/* no record can say it; the next one's offset does */
		count(seen_bytes, len);
		count(truncated_bytes, len);
		return;
	}
	if (!s->ignored && ignore_asked(s->id))
		s->ignored = 1;
	m->stream = s->id;
	m->obj = f->obj;
	m->addr = f->buf;
	m->left = m->todo = m->call_len = len;
	m->iov = m->iov_cnt = m->paged = 0;
	m->start = th->key.start;
	m->pid = th->key.tgid;
	m->lib = spec->lib;
	m->source = WIRE_SRC_TLS;
	m->dir = spec->dir;
	m->flags = (s->joined ? WIRE_F_JOINED : 0) | (spec->early ? WIRE_F_EARLY : 0);
	m->ignored = s->ignored;
	m->unseen = spec->what == TLS_UNSEEN;
	emit_move(m);
}

/*
 * The peer said that it sends no more (close_notify).  SSL_get_error() says
 * SSL_ERROR_ZERO_RETURN, 6 in every OpenSSL and BoringSSL; gnutls_record_recv()
 * returns 0.
 */
static __noinline int peer_ended(__u64 rc, const volatile struct tls_spec *s)
{
	if (s->what == TLS_ERROR)
		return (int)rc == 6;
	return s->dir == WIRE_IN && s->what == TLS_DATA && s->len_how == TLS_LEN_RET_LONG && !rc;
}

static __noinline void stream_eof(__u64 id, struct thread *th)
{
	struct stream *s = bpf_map_lookup_elem(&tls_streams, &th->key);

	if (s)
		tls_eof(id, s);
}

static __always_inline int frame_at(struct thread *th, __u64 sp)
{
	for (int i = FRAMES_MAX - 1; i >= 0; i--)
		if (i < th->depth && th->frame[i].sp == sp)
			return i;
	return -1;
}

SEC("uretprobe")
int tls_exit(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), len;
	const volatile struct tls_spec *s;
	struct thread *th;
	struct frame *f;
	int i;

	if (!observed(id >> 32))
		return 0;
	th = bpf_map_lookup_elem(&threads, &id);
	i = th ? frame_at(th, PT_REGS_SP(ctx) - RET_SLOT) : -1;
	if (!th || i < 0) {
		count(unmatched, 1);
		return 0;
	}
	f = &th->frame[i & (FRAMES_MAX - 1)];
	if (f->again) {
		f->again--;
		return 0;
	}
	th->depth = i;
	s = &tls_specs[f->spec & (TLS_SPECS_MAX - 1)];
	if (s->what == TLS_NEW) {
		set_key(th, PT_REGS_RC(ctx), s->lib);
		object_born(th);
	}
	if (f->inner)
		return 0;
	set_key(th, f->obj, s->lib);
	if (peer_ended(PT_REGS_RC(ctx), s))
		stream_eof(id, th);
	if (!moves_data(s))
		return 0;
	len = result_len(PT_REGS_RC(ctx), f->len_ptr, s->len_how);
	if (len)
		data_moved(th, f, s, len);
	return 0;
}

__hidden struct stream *tls_inside(__u64 id, __u64 sp)
{
	struct thread *th = bpf_map_lookup_elem(&threads, &id);

	if (!th)
		return NULL;
	for (int i = FRAMES_MAX - 1; i >= 0; i--) {
		struct frame *f = &th->frame[i];

		if (i >= th->depth || f->sp <= sp || !f->obj)
			continue;
		set_key(th, f->obj, tls_specs[f->spec & (TLS_SPECS_MAX - 1)].lib);
		return stream_get(th, 1);
	}
	return NULL;
}

__hidden void tls_eof(__u64 id, struct stream *s)
{
	struct thread *th = bpf_map_lookup_elem(&threads, &id);

	if (!th || s->eof)
		return;
	s->eof = 1;
	th->move.stream = s->id;
	th->move.obj = th->key.obj;
	th->move.off = s->off[WIRE_IN];
	th->move.start = th->key.start;
	th->move.pid = th->key.tgid;
	th->move.lib = th->key.lib;
	th->move.source = WIRE_SRC_TLS;
	th->move.dir = WIRE_IN;
	th->move.flags = s->joined ? WIRE_F_JOINED : 0;
	emit_eof(&th->move);
}
