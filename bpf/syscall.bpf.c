// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * System calls of observed processes, seen once, when they return.
 *
 * At sys_exit the argument registers still hold what the call was made with
 * (arm64: but the first, which is in orig_x0), so there is no entry hook and
 * nothing to remember in between; a call that was blocked since before we came
 * is seen like any other.  The price is one array lookup for every system call of
 * the machine.
 *
 * A socket whose first bytes look like a TLS record gives away lengths only:
 * its plaintext comes from the library.  Any other TCP payload is copied.
 */
#include "capture.bpf.h"
#include <bpf/bpf_endian.h>

#define HELLO_MAX	4096
#define MMSG_MAX	1024		/* UIO_MAXIOV, the kernel's own limit */

#define EINPROGRESS	115
#define PROT_EXEC	4
#define MAP_ANONYMOUS	0x20
#define MSG_OOB		1
#define MSG_PEEK	2
#define MSG_TRUNC	0x20
#define MSG_ERRQUEUE	0x2000
#define MSG_FASTOPEN	0x20000000
#define SOL_TCP		6
#define TCP_ULP		31
#define PORT_DNS	53
#define PORT_HTTPS	443
#define QUIC_LONG	0xc0		/* RFC 9000 section 17.2: header form and fixed bit */
#define TS_COMPAT	2
#define PSR_MODE32_BIT	0x10

#if defined(__TARGET_ARCH_x86)
#define NR(r)	(r)->orig_ax
#define A1(r)	(r)->di
#define A2(r)	(r)->si
#define A3(r)	(r)->dx
#define A4(r)	(r)->r10
#define A5(r)	(r)->r8
#else
#define NR(r)	(__u64)(__s64)(r)->syscallno
#define A1(r)	(r)->orig_x0
#define A2(r)	(r)->regs[1]
#define A3(r)	(r)->regs[2]
#define A4(r)	(r)->regs[3]
#define A5(r)	(r)->regs[4]
#endif

const volatile __u8 sys_classes[SYS_CLASSES_MAX];	/* by system call number: enum sys_class */

/* 32-bit calls have other numbers and other structures. */
static __always_inline bool compat(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
#else
	return regs->pstate & PSR_MODE32_BIT;
#endif
}

/* A TLS record header (RFC 8446 section 5.1): type, 3, minor version. */
static __always_inline bool looks_tls(const struct io *io)
{
	return io->head_len >= 5 && io->head[0] >= 0x14 && io->head[0] <= 0x17 &&
	       io->head[1] == 3 && io->head[2] <= 4;
}

/*
 * A whole ClientHello at the head of a call.  Stricter than looks_tls(),
 * because it may change what a socket is taken for after the first bytes, as
 * behind a proxy's CONNECT.
 */
static __always_inline bool is_hello(const struct io *io)
{
	const __u8 *h = io->head;
	__u32 record = h[3] << 8 | h[4], message = h[6] << 16 | h[7] << 8 | h[8];

	return io->head_len >= 11 && h[0] == 0x16 && h[1] == 3 && h[5] == 1 && h[9] == 3 &&
	       record >= 4 && message + 4 >= record;
}

static __noinline void put_hello(struct io *io, struct sock_state *so)
{
	struct { struct wire_hello h; __u8 bytes[HELLO_MAX]; } *r;
	__u64 addr = io->addr, n = io->len;
	struct { __u64 base, len; } v = {};

	if (io->iov_cnt) {
		if (bpf_probe_read_user(&v, sizeof(v), (void *)io->iov))
			return;
		addr = v.base;
		n = v.len < n ? v.len : n;
	}
	so->hello = 1;
	if (!so->joined)
		tls_hello(io->tgid);
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count(dropped_control, 1);
		return;
	}
	n = AT_MOST(n, HELLO_MAX);
	if (bpf_probe_read_user(r->bytes, n, (void *)addr)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return;
	}
	wire_head(&r->h.hdr, sizeof(r->h) + n, WIRE_HELLO, io->tgid, io->start);
	r->h.sock = so->id;
	count(records, 1);
	bpf_ringbuf_submit(r, ring_wake());
}

static __noinline void put_record(struct io *io, struct sock_state *so)
{
	struct wire_record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r) {
		count(dropped_control, 1);
		return;
	}
	wire_head(&r->hdr, sizeof(*r), WIRE_RECORD, io->tgid, io->start);
	r->sock = so->id;
	r->len = io->len;
	r->dir = io->dir;
	for (int i = 0; i < 5; i++)
		r->head[i] = i < io->head_len ? io->head[i] : 0;
	__builtin_memset(r->pad, 0, sizeof(r->pad));
	count(records, 1);
	bpf_ringbuf_submit(r, ring_wake());
}

static __always_inline void tls_io(struct io *io, struct sock_state *so, struct stream *inside)
{
	if (!so->hello && is_hello(io))
		put_hello(io, so);
	if (inside && inside->sock != so->id) {
		inside->sock = so->id;
		so->bound = inside->id;
		tls_bound(io->id, inside, so);
		emit_bind(inside->id, so->id, WIRE_BIND_CALL, io->tgid, io->start);
	}
	if (io->dir == WIRE_IN && !inside && looks_tls(io))
		tls_read(io->id, (__u64)io->sk, so->id, io->head[3] << 8 | io->head[4]);
	if (io->dir == WIRE_OUT && !inside && looks_tls(io))
		tls_wrote(io->id, so, io->head[0] == 0x17 ? io->head[3] << 8 | io->head[4] : 0);
	if (!io->len) {
		if (inside)
			tls_eof(io->id, inside);
		else if (!so->eof)
			put_record(io, so);
		so->eof = 1;
		return;
	}
	if (so->bound || so->ignored)
		return;
	if (mute_of(so->id) == MUTE_FOR_GOOD)
		so->ignored = 1;
	else
		put_record(io, so);
}

static __always_inline void plain_io(struct io *io, struct sock_state *so)
{
	struct move m = {
		.stream = so->id,
		.obj = (__u64)io->sk,
		.addr = io->addr,
		.left = io->iov_cnt ? 0 : io->len,
		.iov = io->iov,
		.iov_cnt = io->iov_cnt,
		.todo = io->len,
		.start = io->start,
		.call_len = io->len,
		.pid = io->tgid,
		.source = WIRE_SRC_SOCKET,
		.dir = io->dir,
		.flags = so->joined ? WIRE_F_JOINED : 0,
		.unseen = io->unseen,
	};
	__u64 mute = 0;

	if (!io->len) {
		m.off = so->off[WIRE_IN];
		if (!so->eof)
			emit_eof(&m);
		so->eof = 1;
		return;
	}
	m.off = __sync_fetch_and_add(&so->off[io->dir & 1], io->len);
	if (!so->ignored)
		mute = mute_of(so->id);
	so->ignored |= mute == MUTE_FOR_GOOD;
	m.ignored = so->ignored || mute_holds(mute, io->dir, so->off[!io->dir]);
	emit_move(&m);
}

/* What a socket is taken for after these bytes. */
static __always_inline __u8 kind_after(struct io *io, struct sock_state *so, struct stream *inside)
{
	if (!io->len || so->kind == SOCK_TLS)
		return so->kind;
	if (inside && (looks_tls(io) || (so->kind == SOCK_NEW && (so->joined || io->head_len < 5))))
		return SOCK_TLS;
	if (so->kind == SOCK_NEW)
		return looks_tls(io) ? SOCK_TLS : SOCK_PLAIN;
	return is_hello(io) ? SOCK_TLS : so->kind;
}

__noinline int on_io(struct io *io)
{
	struct sock_state *so;
	struct stream *inside;

	if (!io)
		return 0;
	so = sock_get(io->file, io->sk, io->tgid, io->start, io->fresh ? WIRE_ROLE_CLIENT : WIRE_ROLE_UNKNOWN);
	if (!so)
		return 0;
	sock_announce(so, io->sk);
	inside = tls_inside(io->id, io->sp);
	io->head_len = 0;
	if (io->len)
		read_head(io);
	so->kind = kind_after(io, so, inside);
	if (so->kind == SOCK_TLS)
		tls_io(io, so, inside);
	else if (so->kind == SOCK_PLAIN)
		plain_io(io, so);
	return 0;
}

#define MSG_IOV		16	/* offsets in struct msghdr, struct mmsghdr */
#define MSG_LEN		56
#define MMSG_SIZE	64

static __always_inline void take_msghdr(struct io *io, __u64 msg)
{
	struct { __u64 iov, cnt; } v = {};

	bpf_probe_read_user(&v, sizeof(v), (void *)(msg + MSG_IOV));
	io->iov = v.iov;
	io->iov_cnt = v.cnt;
	io->want = v.cnt;
}

/* Global as on_io(): verified once. */
__noinline int on_msg(struct io *io, __u64 msg)
{
	__u32 len = 0;

	if (!io)
		return 0;
	bpf_probe_read_user(&len, sizeof(len), (void *)(msg + MSG_LEN));
	if (!len)
		return 0;
	take_msghdr(io, msg);
	io->len = len;
	on_io(io);
	return 0;
}

static __always_inline void connected(__u32 fd, __u32 tgid, __u64 start, __u8 role)
{
	struct file *f = file_of_fd(fd);
	struct sock *sk = tcp_of_file(f);

	if (sk)
		sock_get(f, sk, tgid, start, role);
}

static __always_inline bool skipped(__u64 flags)
{
	return flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB);
}

/* False: this call moved nothing of interest.  fd: of the socket. */
static __always_inline bool describe(struct io *io, struct pt_regs *regs, __u8 class, __u32 *fd)
{
	__u64 flags = 0;

	*fd = A1(regs);
	io->addr = A2(regs);
	io->want = A3(regs);
	switch (class) {
	case SYS_WRITE:
		io->dir = WIRE_OUT;
		break;
	case SYS_READ:
		io->dir = WIRE_IN;
		break;
	case SYS_WRITEV:
		io->dir = WIRE_OUT;
		/* fall through */
	case SYS_READV:
		io->iov = A2(regs);
		io->iov_cnt = A3(regs);
		break;
	case SYS_SENDTO:
		io->dir = WIRE_OUT;
		/* fall through */
	case SYS_RECVFROM:
		flags = A4(regs);
		break;
	case SYS_SENDMSG:
		io->dir = WIRE_OUT;
		/* fall through */
	case SYS_RECVMSG:
		take_msghdr(io, A2(regs));
		flags = A3(regs);
		break;
	case SYS_SENDMMSG:
		io->dir = WIRE_OUT;
		/* fall through */
	case SYS_RECVMMSG:
		flags = A4(regs);
		break;
	case SYS_SENDFILE:
		io->dir = WIRE_OUT;
		io->unseen = 1;
		break;
	case SYS_SPLICE:
		io->unseen = 1;
		break;
	}
	if (io->dir == WIRE_IN && flags & MSG_TRUNC)
		io->unseen = 1;		/* TCP throws these bytes away: they passed, but nobody has them */
	io->fresh = io->dir == WIRE_OUT && flags & MSG_FASTOPEN;
	return io->dir == WIRE_OUT || !skipped(flags);
}

/* The other end's port: of the connection, or where this message goes to or came from. */
static __always_inline __u16 peer_port(struct io *io, struct pt_regs *regs, __u8 class)
{
	struct { __u64 name; __u32 len; } msg = {};
	struct sock *sk = io->sk;
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	__u64 name = 0;

	if (port)
		return bpf_ntohs(port);
	switch (class) {
	case SYS_SENDTO:
	case SYS_RECVFROM:
		name = A5(regs);
		break;
	case SYS_SENDMSG:
	case SYS_RECVMSG:
	case SYS_SENDMMSG:
	case SYS_RECVMMSG:
		bpf_probe_read_user(&msg, sizeof(msg), (void *)A2(regs));
		name = msg.name;
		break;
	}
	/* sin_port and sin6_port stand at the same place */
	if (!name || bpf_probe_read_user(&port, sizeof(port), (void *)(name + 2)))
		return 0;
	return bpf_ntohs(port);
}

static __noinline int put_dns(struct io *io)
{
	struct { struct wire_dns d; __u8 bytes[WIRE_DNS_MAX]; } *r;
	__u64 addr = io->addr, n = io->len;
	struct { __u64 base, len; } v = {};

	if (io->iov_cnt) {
		if (bpf_probe_read_user(&v, sizeof(v), (void *)io->iov))
			return 0;
		addr = v.base;
		n = v.len < n ? v.len : n;
	}
	if (watch_all)
		told(io->tgid, io->start);
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		count(dropped_control, 1);
		return 0;
	}
	n = AT_MOST(n, WIRE_DNS_MAX);
	if (bpf_probe_read_user(r->bytes, n, (void *)addr)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return 0;
	}
	wire_head(&r->d.hdr, sizeof(r->d) + n, WIRE_DNS, io->tgid, io->start);
	r->d.len = io->len;
	r->d.pad = 0;
	count(records, 1);
	bpf_ringbuf_submit(r, ring_wake());
	return 0;
}

/* UDP: names that the process is told, and QUIC, which nobody reads for us. */
static __noinline int datagram(struct io *io, struct pt_regs *regs, __u64 class)
{
	__u16 port = peer_port(io, regs, class);

	if (port != PORT_DNS && port != PORT_HTTPS)
		return 0;
	if (class == SYS_SENDMMSG || class == SYS_RECVMMSG) {
		take_msghdr(io, A2(regs));
		io->len = 0;
		bpf_probe_read_user(&io->len, sizeof(__u32), (void *)(A2(regs) + MSG_LEN));
	}
	if (!io->len)
		return 0;
	if (port == PORT_DNS)
		return io->dir == WIRE_IN && !io->unseen ? put_dns(io) : 0;
	io->head_len = 0;
	read_head(io);
	if (io->dir == WIRE_OUT && io->head_len > 4 && (io->head[0] & QUIC_LONG) == QUIC_LONG)
		emit_notice(WIRE_NOTICE_QUIC, 0, io->tgid, io->start);
	return 0;
}

/* Neither of IPv4 nor of IPv6: a pipe or unix socket, if anything. */
static __always_inline int local(struct io *io, struct pt_regs *regs, __u8 class)
{
	if (class == SYS_SENDMMSG || class == SYS_RECVMMSG)
		return 0;
	if (class != SYS_SPLICE)
		return on_local(io, A1(regs));
	on_local(io, A3(regs));
	io->dir = WIRE_IN;
	io->file = file_of_fd(A1(regs));
	return on_local(io, A1(regs));
}

static __noinline int moved(struct pt_regs *regs, __u64 ret, __u8 class, __u64 start)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct io io = {
		.id = id,
		.tgid = id >> 32,
		.sp = regs->sp,
		.start = start,
		.len = ret,
		.dir = WIRE_IN,
	};
	__u32 fd;

	if (!describe(&io, regs, class, &fd))
		return 0;
	io.file = file_of_fd(fd);
	io.sk = inet_of_file(io.file);
	if (class == SYS_SPLICE && !io.sk) {
		io.dir = WIRE_OUT;
		io.file = file_of_fd(A3(regs));
		io.sk = inet_of_file(io.file);
	}
	if (!io.sk)
		return watch_all ? 0 : local(&io, regs, class);
	if (!sock_is_tcp(io.sk))
		return sock_is_udp(io.sk) ? datagram(&io, regs, class) : 0;
	if ((!ret && (io.dir == WIRE_OUT || !io.want)))
		return 0;
	if (class != SYS_SENDMMSG && class != SYS_RECVMMSG)
		return on_io(&io);
	for (int i = 0; i < MMSG_MAX && i < ret; i++)
		on_msg(&io, A2(regs) + i * MMSG_SIZE);
	return 0;
}

static __noinline int set_option(struct pt_regs *regs, __u32 tgid, __u64 start)
{
	struct sock_state *so;
	char name[3] = {};

	if (A2(regs) != SOL_TCP || A3(regs) != TCP_ULP)
		return 0;
	if (bpf_probe_read_user(name, sizeof(name), (void *)A4(regs)) ||
	    name[0] != 't' || name[1] != 'l' || name[2] != 's')
		return 0;
	so = sock_of_fd(A1(regs), tgid, start);
	emit_notice(WIRE_NOTICE_KTLS, so ? so->id : 0, tgid, start);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 nr = NR(regs), id, start;
	__u8 class;

	if (nr >= SYS_CLASSES_MAX)
		return 0;
	class = sys_classes[nr & (SYS_CLASSES_MAX - 1)];
	if (!class)
		return 0;
	id = bpf_get_current_pid_tgid();
	if (!observed(id >> 32) || compat(regs))
		return 0;
	if (ret < 0 && !(class == SYS_CONNECT && ret == -EINPROGRESS))
		return 0;
	start = task_start(bpf_get_current_task_btf());
	switch (class) {
	case SYS_CONNECT:
		connected(A1(regs), id >> 32, start, WIRE_ROLE_CLIENT);
		return 0;
	case SYS_ACCEPT:
		connected(ret, id >> 32, start, WIRE_ROLE_SERVER);
		return 0;
	case SYS_SETSOCKOPT:
		return set_option(regs, id >> 32, start);
	case SYS_URING:
		emit_notice(WIRE_NOTICE_IO_URING, 0, id >> 32, start);
		return 0;
	case SYS_MMAP:
		if (A3(regs) & PROT_EXEC && !(A4(regs) & MAP_ANONYMOUS)) {
			struct file *f = file_of_fd(A5(regs));

			if (f)
				file_used(f, ret, A2(regs), id >> 32, start);
		}
		return 0;
	default:
		return moved(regs, ret, class, start);
	}
}
