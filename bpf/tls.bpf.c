// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Plaintext at the edge of TLS libraries.
 *
 * Three programs serve all libraries: one at entries, one at returns (uretprobe),
 * one at return instructions.  What differs between libraries (which argument
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
 * A uretprobe writes over the return address, which a Go runtime that unwinds or
 * moves the stack dies of, and Rust unwinds too: there the RET instructions
 * themselves are probed, where the stack pointer is as at the entry.  A goroutine
 * may return on another thread and its stack may have moved meanwhile: its call is
 * kept by its g and its distance from the top of the stack, which a move keeps.
 *
 * A function that was found without a symbol is held against its contract: it
 * cannot move more bytes than it was asked for, and its object and buffer can be read.
 * User space reads the tally (tls_checks) and lets go of a function that fails.
 *
 * Some stacks have no function that tells that an object ends (COOKIE_NOLIFE), and the next
 * connection's often lies at the same address.  Their streams end with their
 * socket, which is known when a socket read on the same thread is followed by as much plaintext as
 * its first record holds.
 *
 * The stack of every function here stays under 64 bytes, rounded up to 16 as
 * the JIT does, so at most 48: since 6.13 a larger one is taken from a private per-CPU stack,
 * and uprobe programs can be preempted since 6.0, so another task's run of the
 * same program would overwrite it (a kernel panic for others).  Keys and
 * scratch therefore live in the thread's own map entry.  The unit tests measure it.
 */
#include "capture.bpf.h"

const volatile struct tls_spec tls_specs[TLS_SPECS_MAX];

__u32 go_seen = 0;	/* any Go program is observed */

static const struct thread no_thread;	/* a value to start from that is not on the stack */

/*
 * The barrier keeps clang from folding the cases into one load at a computed
 * offset of ctx, which the verifier refuses ("dereference of modified ctx ptr").
 */
#define REG(r) ({ __u64 v = (r); barrier_var(v); v; })

#if defined(__TARGET_ARCH_x86)
#define RET_SLOT 8	/* the return address has been popped when the return probe fires */
#define C_REGS	6	/* arguments in registers */
#define STACK_ARGS 8	/* behind the return address */
#define GO_G(ctx) REG((ctx)->r14)
#else
#define RET_SLOT 0
#define C_REGS	8
#define STACK_ARGS 0
#define ARM(ctx, n) REG(((struct user_pt_regs *)(ctx))->regs[n])
#define GO_G(ctx) ARM(ctx, 28)
#endif

#define PLAIN_MAX	16384		/* RFC 8446 section 5.1 */
#define RECORD_MAX	(16384 + 2048)	/* RFC 5246 section 6.2.3 */

static __always_inline __u64 c_reg(struct pt_regs *ctx, __u64 n)
{
	switch (n) {
	case 1: return REG(PT_REGS_PARM1(ctx));
	case 2: return REG(PT_REGS_PARM2(ctx));
	case 3: return REG(PT_REGS_PARM3(ctx));
	case 4: return REG(PT_REGS_PARM4(ctx));
	case 5: return REG(PT_REGS_PARM5(ctx));
#if defined(__TARGET_ARCH_x86)
	case 6: return REG(ctx->r9);
#else
	case 6: return ARM(ctx, 5);
	case 7: return ARM(ctx, 6);
	case 8: return ARM(ctx, 7);
#endif
	default: return 0;
	}
}

static __always_inline __u64 go_reg(struct pt_regs *ctx, __u64 n)
{
#if defined(__TARGET_ARCH_x86)
	switch (n) {
	case 1: return REG(ctx->ax);
	case 2: return REG(ctx->bx);
	case 3: return REG(ctx->cx);
	case 4: return REG(ctx->di);
	case 5: return REG(ctx->si);
	default: return 0;
	}
#else
	return c_reg(ctx, n);
#endif
}

/* An argument by its number from 1; 0: none. */
static __noinline __u64 arg(struct pt_regs *ctx, __u64 n, __u64 abi)
{
	__u64 v = 0, at;

	if (abi == TLS_ABI_GO)
		return go_reg(ctx, n);
	if (n <= C_REGS)
		return c_reg(ctx, n);
	at = PT_REGS_SP(ctx) + STACK_ARGS + (n - C_REGS - 1) * 8;
	bpf_probe_read_user(&v, sizeof(v), (void *)at);
	return v;
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

enum begin { BEGIN_SEEN, BEGIN_MISSED, BEGIN_ASK };

/* A handshake that was seen to begin has no stream yet: this one is taken to be its. */
static __noinline int handshake_due(__u32 tgid)
{
	struct tracked *t = bpf_map_lookup_elem(&tracked, &tgid);

	if (!t || t->hellos <= 0)
		return 0;
	__sync_fetch_and_add(&t->hellos, -1);
	return 1;
}

/* The stream of th->key, made if it is new.  begin: was the connection's beginning seen? */
static __noinline struct stream *stream_get(struct thread *th, __u64 begin)
{
	struct stream *s = bpf_map_lookup_elem(&tls_streams, &th->key);

	if (s)
		return s;
	__builtin_memset(&th->fresh, 0, sizeof(th->fresh));
	th->fresh.id = __sync_fetch_and_add(&next_id, 1);
	th->fresh.nolife = begin == BEGIN_ASK;
	th->fresh.joined = begin == BEGIN_MISSED || (begin == BEGIN_ASK && !handshake_due(th->key.tgid));
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
	stream_get(th, BEGIN_SEEN);
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

static long forget_call(struct bpf_map *map, struct go_key *k, struct frame *f, struct ending *of)
{
	if (k->tgid == of->tgid)
		bpf_map_delete_elem(&go_calls, k);
	return 0;
}

__hidden void tls_end_process(__u32 tgid, __u64 start)
{
	struct ending of = { .start = start, .tgid = tgid };

	bpf_for_each_map_elem(&tls_streams, end_one, &of, 0);
	if (go_seen)
		bpf_for_each_map_elem(&go_calls, forget_call, &of, 0);
}

__hidden void tls_hello(__u32 tgid)
{
	struct tracked *t = bpf_map_lookup_elem(&tracked, &tgid);

	if (t)
		__sync_fetch_and_add(&t->hellos, 1);
}

__hidden void tls_read(__u64 id, __u64 sk, __u64 sock, __u32 len)
{
	struct thread *th = bpf_map_lookup_elem(&threads, &id);

	if (!th)
		return;
	th->read_sk = sk;
	th->read_sock = sock;
	th->read_len = len;
}

__hidden void tls_bound(__u64 id, struct stream *s, struct sock_state *so)
{
	struct thread *th = bpf_map_lookup_elem(&threads, &id);

	if (th && s->nolife)
		so->owner = th->key;
}

/* The stream that so is bound to ends, if it is one that ends so. */
__hidden void tls_sock_gone(struct sock_state *so)
{
	struct stream *s = bpf_map_lookup_elem(&tls_streams, &so->owner);

	if (!s || s->id != so->bound)
		return;
	emit_stream_end(s->id, s->off[WIRE_IN], s->off[WIRE_OUT], so->owner.tgid, so->owner.start);
	bpf_map_delete_elem(&tls_streams, &so->owner);
	stream_counted(so->owner.tgid, -1);
}

static __noinline void bind_to(struct thread *th, struct stream *s, struct sock_state *so, __u64 basis)
{
	if (!s || !so || s->sock == so->id)
		return;
	so->kind = SOCK_TLS;
	so->bound = s->id;
	s->sock = so->id;
	emit_bind(s->id, so->id, basis, th->key.tgid, th->key.start);
}

static __noinline void bind_fd(struct thread *th, __u32 fd, __u64 basis)
{
	bind_to(th, stream_get(th, basis == WIRE_BIND_FD ? BEGIN_SEEN : BEGIN_MISSED),
		sock_of_fd(fd, th->key.tgid, th->key.start), basis);
}

/* What a record of TLS 1.3, or 1.2 with AES or ChaCha20, is longer than its plaintext (user/stream/bind.c). */
static __always_inline bool is_overhead(__u64 n)
{
	return n == 17 || n == 24 || n == 16;
}

/*
 * s, the stream of key, is on that socket, and so is what was there before it: the same connection before its
 * object was moved.  User space hears of the new one first, to go on with the old one as it.
 */
static __noinline void take_socket(struct stream *s, struct stream_key *key, struct sock_state *so)
{
	if (!s || !key || !so)
		return;
	emit_bind(s->id, so->id, WIRE_BIND_THREAD, key->tgid, key->start);
	if (so->owner.obj) {
		if (!s->joined)		/* the handshake that it was taken to begin with was another's */
			tls_hello(key->tgid);
		tls_sock_gone(so);
	}
	so->kind = SOCK_TLS;
	so->bound = s->id;
	so->owner = *key;
	s->sock = so->id;
}

/*
 * A write follows the plaintext on its thread, and begins with a record as long as that makes it. A stream of
 * a new connection, whose socket can take its first bytes, is written to its own socket then: what is written to one that
 * has a stream of this kind already is that one, moved.
 */
__hidden void tls_wrote(__u64 id, struct sock_state *so, __u32 len)
{
	struct thread *th = bpf_map_lookup_elem(&threads, &id);
	struct stream *s;
	__u32 first;

	if (!th || !th->wrote_len)
		return;
	first = th->wrote_len < PLAIN_MAX ? th->wrote_len : PLAIN_MAX;
	th->wrote_len = 0;
	if (!is_overhead(len - first))
		return;
	s = bpf_map_lookup_elem(&tls_streams, &th->wrote);
	if (s && !s->sock && (!so->bound || so->owner.obj))
		take_socket(s, &th->wrote, so);
}

#define TICKETS_MAX	4096	/* bytes of records before the first answer's */

/*
 * A server's session tickets are in the same read as its first answer when the machine is busy. An object that
 * reads before it ever wrote, where another of its library wrote, is that one moved.
 */
static __always_inline bool moved_behind_tickets(struct thread *th, struct sock_state *so, __u64 over)
{
	return over < TICKETS_MAX && so->owner.obj && so->owner.tgid == th->key.tgid && so->owner.lib == th->key.lib;
}

/*
 * len bytes of plaintext come out of the object of th->key.  If they are what the record that
 * this thread read last from a socket holds (RFC 8446 section 5.2: 17 less; TLS
 * 1.2: 24 or 16), it is its socket: a stream at this address that had another socket was
 * another connection, and a stream at another address that had this socket is this one before
 * its object was moved (Rust).
 */
static __noinline void bind_thread(struct thread *th, __u64 len)
{
	struct sock_state *so = bpf_map_lookup_elem(&socks, &th->read_sk);
	__u64 over = th->read_len - len, sock = th->read_sock;
	struct stream *s;

	th->read_sock = 0;
	if (!sock || !so || so->id != sock)
		return;
	s = bpf_map_lookup_elem(&tls_streams, &th->key);
	if ((s && s->sock == sock) || (!is_overhead(over) && (s || !moved_behind_tickets(th, so, over))))
		return;
	if (s && s->sock)
		stream_release(th);
	take_socket(stream_get(th, BEGIN_ASK), &th->key, so);
}

/*
 * tls.Conn holds its net.Conn at 0, an interface: type, data.  If it is a
 * *net.TCPConn its first word points to a netFD, which begins with a poll.FD (Sysfd at 16)
 * and goes on with family, sotype: these must say that it is a TCP socket.
 */
static __noinline void bind_go(struct thread *th, __u64 conn)
{
	struct { __u64 family, sotype; } of;
	__u64 at = 0;
	__u32 fd;

	if (bpf_probe_read_user(&at, sizeof(at), (void *)(conn + 8)) ||
	    bpf_probe_read_user(&at, sizeof(at), (void *)at) ||
	    bpf_probe_read_user(&of, sizeof(of), (void *)(at + 56)) ||
	    bpf_probe_read_user(&fd, sizeof(fd), (void *)(at + 16)))
		return;
	if ((of.family == 2 || of.family == 10) && of.sotype == 1)
		bind_fd(th, fd, WIRE_BIND_OBJECT);
}

/* The mask stays: the compiler may know better, but Linux 6.1's verifier does not see what it knows. */
static __always_inline struct frame *nth_frame(struct thread *th, __u32 i)
{
	barrier_var(i);
	return &th->frame[i & (FRAMES_MAX - 1)];
}

/* Frames that are alive when the stack pointer is at sp; the dead ones go. */
static __always_inline __u32 alive(struct thread *th, __u64 sp)
{
	__u32 d = th->depth;

	if (d > FRAMES_MAX)
		d = FRAMES_MAX;
	for (int i = 0; i < FRAMES_MAX; i++)
		if (d && nth_frame(th, d - 1)->sp < sp)
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
		bind_fd(th, arg(ctx, s->buf_arg, s->abi), WIRE_BIND_FD);
		return true;
	case TLS_HANDSHAKE:
		stream_get(th, BEGIN_SEEN);
		return false;
	default:
		return false;
	}
}

static __always_inline bool is_aead(const volatile struct tls_spec *s)
{
	return s->what == TLS_SEAL || s->what == TLS_OPEN;
}

static __always_inline bool moves_data(const volatile struct tls_spec *s)
{
	return s->what == TLS_DATA || s->what == TLS_UNSEEN || is_aead(s);
}

/* True: a call further out on the same object and direction will report the bytes. */
static __noinline int is_inner(struct thread *th, __u64 obj, __u64 cookie)
{
	const volatile struct tls_spec *s = &tls_specs[COOKIE_SPEC(cookie)], *o;

	if (!moves_data(s))
		return 0;
	for (int i = 0; i < FRAMES_MAX; i++) {
		if (i >= th->depth || th->frame[i].obj != obj)
			continue;
		o = &tls_specs[COOKIE_SPEC(th->frame[i].cookie)];
		if (moves_data(o) && o->dir == s->dir)
			return 1;
	}
	return 0;
}

/* Where the bytes of this call are, or will be. */
static __noinline int take_args(struct pt_regs *ctx, struct frame *f, __u64 cookie)
{
	const volatile struct tls_spec *s = &tls_specs[COOKIE_SPEC(cookie)];

	f->cookie = cookie;
	f->again = f->inner = f->moving = 0;
	f->buf = arg(ctx, s->buf_arg, s->abi);
	f->len_ptr = arg(ctx, s->len_arg, s->abi);
	f->max = s->max_arg ? arg(ctx, s->max_arg, s->abi) : -1ull;
	if (s->len_how == TLS_LEN_RET && s->max_arg)
		f->max = (__u32)f->max;		/* an int as well */
	if (s->data == TLS_CHUNKS) {
		/* buf, len_ptr, more[2] stand in a row, as the enum's four words do. */
		if (bpf_probe_read_user(&f->buf, 32, (void *)f->buf))
			f->buf = f->more[0] = 0;
		f->max = f->buf ? f->more[1] - f->more[0] : f->more[0];
	} else if (s->data == TLS_PAYLOAD) {
		if (bpf_probe_read_user(&f->len_ptr, 16, (void *)(f->buf + 8)))
			f->len_ptr = f->more[0] = 0;
		f->max = RECORD_MAX;
	}
	return 0;
}

#define TYPE_DATA	23	/* RFC 8446 section 5.1 */
#define PADDING_MAX	64	/* zeros behind a TLS 1.3 record's type; more is not looked through */

static __always_inline __u8 user_byte(__u64 at)
{
	__u8 b = 0;

	bpf_probe_read_user(&b, 1, (void *)at);
	return b;
}

/*
 * What the additional data of an AEAD call says: more[0] is 0: no application data of
 * TLS; 12: data of TLS 1.2; 13: a record of TLS 1.3, whose type is in more[1] or, if that is 0, behind the text.
 */
static __noinline int take_aead(struct pt_regs *ctx, struct frame *f, __u64 ad_arg, __u64 extra_arg)
{
	__u64 ad = arg(ctx, ad_arg, TLS_ABI_C), n = arg(ctx, ad_arg + 1, TLS_ABI_C);

	f->more[0] = f->more[1] = 0;
	if (n == 13)
		f->more[0] = user_byte(ad + 8) == TYPE_DATA ? 12 : 0;
	else if (n == 5 && user_byte(ad) == TYPE_DATA && user_byte(ad + 1) == 3)
		f->more[0] = 13;
	if (extra_arg && arg(ctx, extra_arg + 1, TLS_ABI_C) == 1)
		f->more[1] = user_byte(arg(ctx, extra_arg, TLS_ABI_C));
	return 0;
}

/* How many of the n bytes of a record's plaintext at `at` are data. */
static __noinline __u64 record_text(struct frame *f, __u64 at, __u64 n)
{
	__u8 type;

	if (f->more[0] != 13)
		return f->more[0] ? n : 0;
	if (f->more[1])
		return f->more[1] == TYPE_DATA ? n : 0;
	for (int i = 0; i < PADDING_MAX && n; i++) {
		type = user_byte(at + --n);
		if (type)
			return type == TYPE_DATA ? n : 0;
	}
	return 0;
}

static __noinline __u64 result_len(__u64 rc, struct frame *f, const volatile struct tls_spec *s)
{
	__u64 out = 0;
	int ret = rc;	/* SSL_read() is an int: the upper half of the register is not its */

	switch (s->len_how) {
	case TLS_LEN_RET:
		return ret > 0 ? ret : 0;
	case TLS_LEN_RET_LONG:
		return (__s64)rc > 0 ? rc : 0;
	case TLS_LEN_ASKED:
		return s->data == TLS_PAYLOAD ? f->more[0] : f->max;
	case TLS_LEN_EARLY_IN:
		if (ret == 2)
			break;
		/* fall through */
	default:
		if (ret != 1)
			return 0;
		break;
	}
	if (bpf_probe_read_user(&out, sizeof(out), (void *)f->len_ptr))
		return 0;
	return out;
}

/* The buffers of f, len bytes of which were moved. */
static __always_inline void set_buffers(struct move *m, struct frame *f, __u8 data, __u64 len)
{
	m->left = m->todo = m->call_len = len;
	m->addr = f->buf;
	m->iov = m->iov_cnt = m->skip = m->paged = 0;
	if (data == TLS_PAYLOAD || (data == TLS_CHUNKS && !f->buf)) {
		m->addr = f->len_ptr;
	} else if (data != TLS_PTR) {
		m->left = 0;
		m->iov = f->buf;
		m->iov_cnt = data == TLS_CHUNKS ? f->len_ptr : f->max;
		m->skip = data == TLS_CHUNKS ? f->more[0] : f->len_ptr;
	}
}

/* False: these can be no bytes of a connection, for more moved than was asked for. */
static __noinline int keeps_contract(struct frame *f, struct move *m)
{
	struct tls_check *c = bpf_map_lookup_elem(&tls_checks, &f->cookie);
	bool fits = m->todo <= f->max;
	__u8 byte;

	if (!c)
		return fits;
	if (fits && !bpf_probe_read_user(&byte, 1, (void *)f->obj) &&
	    !bpf_probe_read_user(&byte, 1, (void *)(m->left ? m->addr : m->iov)))
		__sync_fetch_and_add(&c->good, 1);
	else
		__sync_fetch_and_add(&c->bad, 1);
	return fits;
}

static __noinline void data_moved(struct thread *th, struct frame *f, const volatile struct tls_spec *spec, __u64 len)
{
	struct move *m = &th->move;
	struct stream *s;
	__u64 mute = 0;

	set_buffers(m, f, spec->data, len);
	if (f->cookie & COOKIE_CHECK && !keeps_contract(f, m))
		return;
	if (f->cookie & COOKIE_NOLIFE && spec->dir == WIRE_IN)
		bind_thread(th, len);
	s = stream_get(th, f->cookie & COOKIE_NOLIFE ? BEGIN_ASK : BEGIN_MISSED);
	if (s && !s->sock && spec->abi == TLS_ABI_GO)
		bind_go(th, f->obj);
	if (!s)
		return;
	if (f->cookie & COOKIE_NOLIFE && spec->dir == WIRE_OUT) {
		th->wrote = th->key;
		th->wrote_len = s->sock ? 0 : len;
	}
	m->off = __sync_fetch_and_add(&s->off[spec->dir & 1], len);
	if (len > 0xffffffff) {		/* no record can say it; the next one's offset does */
		count(seen_bytes, len);
		count(truncated_bytes, len);
		return;
	}
	if (!s->ignored)
		mute = mute_of(s->id);
	s->ignored |= mute == MUTE_FOR_GOOD;
	m->stream = s->id;
	m->obj = f->obj;
	m->start = th->key.start;
	m->pid = th->key.tgid;
	m->lib = spec->lib;
	m->source = WIRE_SRC_TLS;
	m->dir = spec->dir;
	m->flags = (s->joined ? WIRE_F_JOINED : 0) | (spec->early ? WIRE_F_EARLY : 0);
	m->ignored = s->ignored || mute_holds(mute, spec->dir, s->off[!spec->dir]);
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

/* The call of f has returned, or tells all at its entry. */
static __noinline int call_done(struct thread *th, struct frame *f, __u64 rc)
{
	const volatile struct tls_spec *s = &tls_specs[COOKIE_SPEC(f->cookie)];
	__u64 len;

	if (s->what == TLS_NEW) {
		set_key(th, rc, s->lib);
		object_born(th);
	}
	if (f->inner)
		return 0;
	set_key(th, f->obj, s->lib);
	if (peer_ended(rc, s))
		stream_eof(bpf_get_current_pid_tgid(), th);
	if (!moves_data(s) || s->what == TLS_SEAL || (s->what == TLS_OPEN && (int)rc != 1))
		return 0;
	len = result_len(rc, f, s);
	if (s->what == TLS_OPEN)
		len = record_text(f, f->buf, len);
	if (len)
		data_moved(th, f, s, len);
	return 0;
}

/* th->go is what names the goroutine's call; returns where its stack ends, 0: unreadable. */
static __noinline __u64 go_call(struct pt_regs *ctx, struct thread *th, __u64 *ret_low)
{
	struct { __u64 lo, hi; } stack;

	th->go.g = GO_G(ctx);
	th->go.tgid = th->key.tgid;
	if (bpf_probe_read_user(&stack, sizeof(stack), (void *)th->go.g))
		return 0;
	th->go.depth = stack.hi - PT_REGS_SP(ctx);
	*ret_low = stack.lo;
	return stack.hi;
}

static __noinline int go_enter(struct pt_regs *ctx, struct thread *th, __u64 cookie)
{
	struct frame *f = &th->call;
	__u64 lo = 0, hi = go_call(ctx, th, &lo);

	if (!hi)
		return 0;
	go_seen = 1;
	f->obj = th->key.obj;
	take_args(ctx, f, cookie);
	if (f->buf >= lo && f->buf < hi) {
		f->moving = 1;
		f->buf = hi - f->buf;
	}
	if (bpf_map_update_elem(&go_calls, &th->go, f, BPF_ANY))
		count(map_full, 1);
	return 0;
}

/* The call that returns here, or NULL. */
static __noinline struct frame *go_pop(struct pt_regs *ctx, struct thread *th)
{
	struct frame *f;
	__u64 lo, hi;

	th->key.tgid = bpf_get_current_pid_tgid() >> 32;
	hi = go_call(ctx, th, &lo);
	f = hi ? bpf_map_lookup_elem(&go_calls, &th->go) : NULL;
	if (!f) {
		count(unmatched, 1);
		return NULL;
	}
	th->call = *f;
	bpf_map_delete_elem(&go_calls, &th->go);
	if (th->call.moving)
		th->call.buf = hi - th->call.buf;
	return &th->call;
}

/* A frame for a call that begins, to be counted in th->depth when it is filled; NULL: it needs none. */
static __noinline struct frame *push(struct thread *th, __u64 sp, __u64 cookie)
{
	__u32 d = alive(th, sp);
	struct frame *f;

	if (d) {
		f = nth_frame(th, d - 1);
		if (f->sp == sp && f->obj == th->key.obj && COOKIE_SPEC(f->cookie) != COOKIE_SPEC(cookie) &&
		    !(cookie & COOKIE_RETS)) {
			f->again++;	/* gnutls_record_send() jumps into gnutls_record_send2() */
			return NULL;
		}
		if (f->sp == sp)
			d--;
	}
	if (d >= FRAMES_MAX) {
		count(map_full, 1);
		return NULL;
	}
	th->depth = d;
	f = nth_frame(th, d);
	f->sp = sp;
	f->obj = th->key.obj;
	return f;
}

/* What is sealed may be sealed in its place: it is taken now. */
static __noinline int aead_enter(struct pt_regs *ctx, struct thread *th, struct frame *f, const volatile struct tls_spec *s)
{
	__u64 len;

	take_aead(ctx, f, s->only_arg, s->only);
	len = s->what == TLS_SEAL && !f->inner ? record_text(f, f->buf, f->max) : 0;
	if (len)
		data_moved(th, f, s, len);
	return 0;
}

SEC("uprobe")
int tls_enter(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), cookie;
	const volatile struct tls_spec *s;
	struct thread *th;
	struct frame *f;

	if (!observed(id >> 32))
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	s = &tls_specs[COOKIE_SPEC(cookie)];
	th = thread_get(id);
	if (!th)
		return 0;
	if (s->only_arg && !is_aead(s) && (__u8)arg(ctx, s->only_arg, s->abi) != s->only)
		return 0;
	set_key(th, arg(ctx, s->conn_arg, s->abi), s->lib);
	if (s->known && !bpf_map_lookup_elem(&tls_streams, &th->key))
		return 0;
	if (life(ctx, th, s, PT_REGS_SP(ctx)))
		return 0;
	if (s->at == TLS_AT_ENTRY) {
		th->call.obj = th->key.obj;
		take_args(ctx, &th->call, cookie);
		return call_done(th, &th->call, 1);
	}
	if (s->abi == TLS_ABI_GO)
		return go_enter(ctx, th, cookie);
	f = push(th, PT_REGS_SP(ctx), cookie);
	if (!f)
		return 0;
	take_args(ctx, f, cookie);
	f->inner = is_inner(th, f->obj, cookie);
	th->depth++;
	return is_aead(s) ? aead_enter(ctx, th, f, s) : 0;
}

static __always_inline int frame_at(struct thread *th, __u64 sp)
{
	for (int i = FRAMES_MAX - 1; i >= 0; i--)
		if (i < th->depth && th->frame[i].sp == sp)
			return i;
	return -1;
}

/* The call that returns here, or NULL. */
static __noinline struct frame *pop(struct thread *th, __u64 sp)
{
	int i = frame_at(th, sp);
	struct frame *f;

	if (i < 0) {
		count(unmatched, 1);
		return NULL;
	}
	f = nth_frame(th, i);
	if (f->again) {
		f->again--;
		return NULL;
	}
	th->depth = i;
	return f;
}

/* At a return: on the instruction (COOKIE_RETS: nothing was popped yet) or, as a uretprobe, behind it. */
SEC("uretprobe")
int tls_exit(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), cookie, sp = PT_REGS_SP(ctx);
	struct thread *th;
	struct frame *f;

	if (!observed(id >> 32))
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	th = thread_get(id);
	if (!th)
		return 0;
	if (tls_specs[COOKIE_SPEC(cookie)].abi == TLS_ABI_GO)
		f = go_pop(ctx, th);
	else
		f = pop(th, cookie & COOKIE_RETS ? sp : sp - RET_SLOT);
	return f ? call_done(th, f, PT_REGS_RC(ctx)) : 0;
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
		set_key(th, f->obj, tls_specs[COOKIE_SPEC(f->cookie)].lib);
		return stream_get(th, f->cookie & COOKIE_NOLIFE ? BEGIN_ASK : BEGIN_MISSED);
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
