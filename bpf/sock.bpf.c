// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * TCP sockets: who they are, and when they end.
 *
 * A socket is its struct sock, not a file descriptor: dup, fork, fd reuse and
 * SCM_RIGHTS then need no tracking.  The memory of a struct sock is used again,
 * but only after tcp_destroy_sock, which deletes our entry.
 *
 * A socket ends for us as soon as nobody can read or write it: close() of
 * the last reference sets both shutdown bits, throws away what was not read and
 * then leaves ESTABLISHED or CLOSE_WAIT.  A shutdown() of the second direction looks the same
 * but for the receive queue, which may still be read.  A reset is no
 * end: what arrived before it can be read, and the call that reads it
 * may be under way.  Those end at tcp_destroy_sock, when the descriptor is closed.
 */
#include "capture.bpf.h"
#include <bpf/bpf_endian.h>

#define AF_INET		2
#define AF_INET6	10
#define S_IFMT		0170000
#define S_IFSOCK	0140000
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define SHUTDOWN_MASK	3

static const struct sock_state no_sock;

__hidden struct file *file_of_fd(__u32 fd)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct fdtable *fdt = t->files->fdt;
	struct file *f = NULL;

	if (fd >= fdt->max_fds)
		return NULL;
	bpf_probe_read_kernel(&f, sizeof(f), fdt->fd + fd);
	return f;
}

__hidden struct sock *inet_of_file(struct file *f)
{
	struct socket *s;
	struct sock *sk;
	__u16 family;

	if (!f || (BPF_CORE_READ(f, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	s = BPF_CORE_READ(f, private_data);
	sk = BPF_CORE_READ(s, sk);
	if (!sk)
		return NULL;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	return family == AF_INET || family == AF_INET6 ? sk : NULL;
}

__hidden bool sock_is_tcp(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_type) == SOCK_STREAM && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

__hidden bool sock_is_udp(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_UDP;
}

__hidden struct sock *tcp_of_file(struct file *f)
{
	struct sock *sk = inet_of_file(f);

	return sk && sock_is_tcp(sk) ? sk : NULL;
}

__hidden struct sock_state *sock_get(struct file *f, struct sock *sk, __u32 tgid, __u64 start, __u8 role)
{
	__u64 key = (__u64)sk;
	struct sock_state *so = bpf_map_lookup_elem(&socks, &key);

	if (so && so->id)
		return so;
	if (bpf_map_update_elem(&socks, &key, &no_sock, BPF_NOEXIST) && !so) {
		so = bpf_map_lookup_elem(&socks, &key);
		if (!so) {
			count(map_full, 1);
			return NULL;
		}
	}
	so = bpf_map_lookup_elem(&socks, &key);
	if (!so)
		return NULL;
	so->ino = BPF_CORE_READ(f, f_inode, i_ino);
	so->pid = tgid;
	so->start = start;
	so->role = role;
	so->joined = role == WIRE_ROLE_UNKNOWN;
	/* Two threads may get here at once; one id wins. */
	__sync_val_compare_and_swap(&so->id, 0, __sync_fetch_and_add(&next_id, 1));
	return so;
}

__hidden void sock_announce(struct sock_state *so, struct sock *sk)
{
	struct wire_sock *w;

	if (so->announced || __sync_lock_test_and_set(&so->announced, 1))
		return;
	if (watch_all)
		told(so->pid, so->start);
	w = bpf_ringbuf_reserve(&events, sizeof(*w), 0);
	if (!w) {
		so->announced = 0;	/* next time */
		count(dropped_control, 1);
		return;
	}
	wire_head(&w->hdr, sizeof(*w), WIRE_SOCK, so->pid, so->start);
	w->sock = so->id;
	w->ino = so->ino;
	w->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	w->lport = BPF_CORE_READ(sk, __sk_common.skc_num);
	w->rport = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	w->proto = IPPROTO_TCP;
	w->role = so->role;
	__builtin_memset(w->laddr, 0, sizeof(w->laddr));
	__builtin_memset(w->raddr, 0, sizeof(w->raddr));
	if (w->family == AF_INET) {
		bpf_core_read(w->laddr, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(w->raddr, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(w->laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(w->raddr, 16, &sk->__sk_common.skc_v6_daddr);
	}
	count(records, 1);
	bpf_ringbuf_submit(w, ring_wake());
}

__hidden struct sock_state *sock_of_fd(__u32 fd, __u32 tgid, __u64 start)
{
	struct file *f = file_of_fd(fd);
	struct sock *sk = tcp_of_file(f);
	struct sock_state *so;

	if (!sk || !BPF_CORE_READ(sk, __sk_common.skc_dport))
		return NULL;
	so = sock_get(f, sk, tgid, start, WIRE_ROLE_UNKNOWN);
	if (so)
		sock_announce(so, sk);
	return so;
}

static __always_inline void sock_end(__u64 key, struct sock_state *so)
{
	if (so->announced)
		emit_stream_end(so->id, so->off[WIRE_IN], so->off[WIRE_OUT], so->pid, so->start);
	if (so->owner.obj)
		tls_sock_gone(so);
	bpf_map_delete_elem(&socks, &key);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_sock_state, struct sock *sk, int oldstate, int newstate)
{
	__u64 key = (__u64)sk;
	struct sock_state *so = bpf_map_lookup_elem(&socks, &key);

	if (so && sk->sk_shutdown == SHUTDOWN_MASK && !sk->sk_receive_queue.qlen)
		sock_end(key, so);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_sock_destroy, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct sock_state *so = bpf_map_lookup_elem(&socks, &key);

	if (so)
		sock_end(key, so);
	return 0;
}
