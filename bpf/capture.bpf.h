/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef CAPTURE_BPF_H
#define CAPTURE_BPF_H

/* Shared between the .bpf.c files that are linked into one object; user space never sees it. */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "wire.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

#define THREADS_MAX	16384
#define STREAMS_MAX	32768
#define SOCKS_MAX	65536
#define TRACKED_MAX	65536
#define GO_CALLS_MAX	16384
#define LOCALS_MAX	8192
#define QUIET_MAX	16384
#define FRAMES_MAX	4
#define STEPS_MAX	2052	/* pieces of one call: 1024 whole chunks, as many for the odd ones, and the last one's parts */

/*
 * One call's bytes on their way into the ring.  Passed by pointer to functions
 * that are verified once (global), which is how the loop over a 64 MiB buffer
 * stays cheap for the verifier on kernels without bpf_loop().
 */
struct move {
	__u64 stream, obj;
	__u64 off;		/* stream offset of the next piece */
	__u64 addr, left;	/* the buffer being copied */
	__u64 iov, iov_cnt;	/* buffers after it */
	__u64 skip;		/* bytes of those that are not part of the call */
	__u64 todo;		/* bytes of the call that are not accounted yet */
	__u64 paged;		/* bytes that are tried page by page: a larger read of them failed */
	__u64 start;
	__u32 call_len;
	__u32 pid;
	__u16 lib;
	__u8 source, dir;
	__u8 flags;		/* WIRE_F_* for every record of the call */
	__u8 ignored;		/* count, do not copy */
	__u8 unseen;		/* no buffer holds these bytes */
	__u8 pad;
};

struct stream_key {
	__u64 obj, start;
	__u32 tgid, lib;
};

/* A TLS connection object. */
struct stream {
	__u64 id;
	__u64 off[2];
	__u64 sock;		/* id of the socket it was last bound to */
	__u32 refs;		/* owners beyond the first */
	__u8 joined, ignored, eof, nolife;
};

/* A TLS call that has not returned yet. */
struct frame {
	__u64 sp;		/* stack pointer at entry: finds the frame again at return */
	__u64 obj, buf, len_ptr;
	__u64 more[2];		/* what else describes the buffers */
	__u64 max;		/* bytes asked for */
	__u64 cookie;
	__u8 again;		/* times the same entry was seen once more: tail call, or file attached twice */
	__u8 inner;		/* inside a call on the same object, which will report the bytes */
	__u8 moving;		/* Go: buf is a distance from the top of a stack that may be moved */
	__u8 pad[5];
};

/*
 * A Go call that has not returned yet.  Goroutines change threads, and their
 * stacks move; what stays is the g and the distance from the stack's top.
 */
struct go_key {
	__u64 g;
	__u32 tgid;
	__u32 depth;
};

/*
 * What a thread is doing, and its scratch memory.  Nobody but the thread
 * itself uses its entry, so a uprobe program that is preempted cannot find its
 * scratch overwritten, and its stack stays small (see tls.bpf.c).
 */
struct thread {
	struct frame frame[FRAMES_MAX];
	struct move move;
	struct stream_key key;
	struct stream fresh;
	struct go_key go;
	struct frame call;	/* of a goroutine, or one that is told all at its entry */
	__u64 read_sk, read_sock;	/* the last read of a TLS socket, until its plaintext was seen */
	struct stream_key wrote;	/* the stream without a socket that was written to last, until a socket was */
	__u32 read_len;		/* of the TLS record at its head */
	__u32 wrote_len;	/* plaintext bytes; 0: none */
	__u32 depth;
	__u32 pad;
};

struct tracked {
	__u64 start;		/* 0: set by user space, to be filled in at first sight */
	__u32 tls;		/* streams in tls_streams */
	__u32 noticed;		/* bits by enum wire_notice_what */
	__s32 hellos;		/* TLS handshakes begun whose stream was not seen yet */
	__u32 asked;		/* its standard input is a local way that is copied */
};

/* One way of a pipe or unix socket that is copied; the key is its inode, or the struct sock that sends. */
struct local {
	__u64 id, ino, peer;
	__u64 written;		/* bytes that observed processes wrote */
	__u64 read;		/* bytes that they read before LOCAL_WROTE was set here */
	__u32 writer, reader;	/* who was told last */
	__u8 kind, joined, pad[6];
};

/* One that is not. */
struct quiet {
	__u64 ino;
	__u32 looks;		/* calls whose first bytes were looked at; LOOKS_MAX: never again */
	__u32 wrote;		/* an observed process writes to it */
};

enum sock_kind { SOCK_NEW, SOCK_PLAIN, SOCK_TLS };

/* A TCP socket in use by an observed process; the key is its struct sock. */
struct sock_state {
	__u64 id, ino, start;
	__u64 off[2];
	__u64 bound;		/* stream that was bound to it */
	struct stream_key owner;	/* of a stream that ends with it; obj 0: none */
	__u32 pid;		/* who used it first */
	__u32 announced;
	__u8 kind;
	__u8 role, joined, eof, ignored, hello, pad[2];
};

struct file_key {
	__u64 dev, ino, size;
	__s64 mtime;		/* seconds; with the size it tells a reused inode number from the file we know */
};

#define HEAD_MAX	12

/* A call on a socket that moved bytes, or found the end. */
struct io {
	struct file *file;
	struct sock *sk;
	__u64 id, sp, start;
	__u64 addr, want;	/* one buffer, or */
	__u64 iov, iov_cnt;	/* several */
	__u64 len;		/* bytes moved */
	__u32 tgid;
	__u8 dir, unseen, fresh, head_len;
	__u8 head[HEAD_MAX];
	__u32 pad;
};

enum file_known { FILE_PENDING = 1, FILE_DONE = 2 };

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);	/* resized before load */
};

struct threads_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, THREADS_MAX);
	__type(key, __u64);
	__type(value, struct thread);
};

struct streams_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STREAMS_MAX);
	__type(key, struct stream_key);
	__type(value, struct stream);
};

struct socks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SOCKS_MAX);
	__type(key, __u64);
	__type(value, struct sock_state);
};

struct tracked_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TRACKED_MAX);
	__type(key, __u32);
	__type(value, struct tracked);
};

struct pids_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TRACKED_MAX);
	__type(key, __u32);
	__type(value, __u64);
};

struct calls_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GO_CALLS_MAX);
	__type(key, struct go_key);
	__type(value, struct frame);
};

struct checks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct tls_check);
};

struct ids_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
};

struct files_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct file_key);
	__type(value, __u32);
};

/*
 * What has been examined.  Forgetting the oldest of too many costs a second look, losing
 * what is new would cost a look at every use: hence LRU.
 */
struct known_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct file_key);
	__type(value, __u32);
};

/*
 * Nothing tells of a pipe's end, so the oldest make room: an idle one comes back as a new
 * stream.  Those that are not copied have a map of their own, and come in any number.
 */
struct locals_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LOCALS_MAX);
	__type(key, __u64);
	__type(value, struct local);
};

struct quiets_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, QUIET_MAX);
	__type(key, __u64);
	__type(value, struct quiet);
};

struct held_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
};

extern struct ring_map events SEC(".maps");
extern struct ring_map urgent SEC(".maps");
extern struct threads_map threads SEC(".maps");
extern struct streams_map tls_streams SEC(".maps");
extern struct socks_map socks SEC(".maps");
extern struct tracked_map tracked SEC(".maps");
extern struct pids_map agents SEC(".maps");
extern struct calls_map go_calls SEC(".maps");
extern struct checks_map tls_checks SEC(".maps");
extern struct ids_map ignored SEC(".maps");
extern struct known_map files SEC(".maps");
extern struct held_map held SEC(".maps");

extern const volatile __u32 self_tgid;
extern const volatile __u32 watch_all;
extern struct wire_stats stats;
extern __u64 next_id;
extern __u32 ignored_cnt;

#define count(field, n) __sync_fetch_and_add(&stats.field, n)

/* The flags of a submit: wakes the reader when it sleeps or the ring fills. */
__u64 ring_wake(void);
/* Fills all of the header but its flags. */
void wire_head(struct wire_hdr *h, __u32 size, __u8 kind, __u32 pid, __u64 start);
/* Copies what m describes into the ring and accounts for every byte of it. */
int emit_move(struct move *m);
/* The peer ended this direction. */
void emit_eof(struct move *m);
void emit_bind(__u64 stream, __u64 sock, __u8 basis, __u32 pid, __u64 start);
void emit_stream_end(__u64 stream, __u64 in, __u64 out, __u32 pid, __u64 start);

/* Ends every TLS stream of a process: its memory is gone. */
void tls_end_process(__u32 tgid, __u64 start);
/* The TLS object whose call this thread is in, at this stack pointer; NULL: none. */
struct stream *tls_inside(__u64 pid_tgid, __u64 sp);
/* A read inside that call found the end of what the peer sends. */
void tls_eof(__u64 pid_tgid, struct stream *s);
/* A handshake begins on a socket whose first byte was seen. */
void tls_hello(__u32 tgid);
/* This thread read from a TLS socket; len: of the TLS record that it begins with, header not counted. */
void tls_read(__u64 pid_tgid, __u64 sk, __u64 sock, __u32 len);
/* This thread wrote to a TLS socket; len: of the record of application data that it begins with, 0: another record. */
void tls_wrote(__u64 pid_tgid, struct sock_state *so, __u32 len);
/* The stream that tls_inside() gave last was bound to so. */
void tls_bound(__u64 pid_tgid, struct stream *s, struct sock_state *so);
/* A socket is gone, and with it the TLS object of its stream. */
void tls_sock_gone(struct sock_state *so);

/* The file behind an fd of the current task, or NULL; its struct sock if it is a TCP socket, or NULL. */
struct file *file_of_fd(__u32 fd);
struct sock *inet_of_file(struct file *f);	/* of IPv4 or IPv6, whatever its protocol */
bool sock_is_tcp(struct sock *sk);
bool sock_is_udp(struct sock *sk);
struct sock *tcp_of_file(struct file *f);
/* What is known of a socket; made if new.  role: enum wire_role; UNKNOWN also means that it was in use before. */
struct sock_state *sock_get(struct file *f, struct sock *sk, __u32 tgid, __u64 start, __u8 role);
void sock_announce(struct sock_state *so, struct sock *sk);
/* The connected TCP socket behind an fd, announced; or NULL. */
struct sock_state *sock_of_fd(__u32 fd, __u32 tgid, __u64 start);

/*
 * What is known of a process.  Among all processes of a machine it is made when
 * user space first hears of one, so that it also hears of its end; NULL: there is no room.
 */
struct tracked *told(__u32 tgid, __u64 start);
/* A process went a way that is not observed; said once. */
void emit_notice(__u8 what, __u64 sock, __u32 tgid, __u64 start);

/* The current task mapped or executes this file: asks user space to look at it if nobody has. */
void file_used(struct file *f, __u64 addr, __u64 len, __u32 pid, __u64 start);

static __always_inline __u64 task_start(struct task_struct *t)
{
	return t->group_leader->start_boottime;
}

static __always_inline bool observed(__u32 tgid)
{
	if (tgid == self_tgid)
		return false;
	return watch_all || bpf_map_lookup_elem(&tracked, &tgid);
}

/* Its life is told.  Where all are watched, that of agents is and nobody else's: see agents in emit.bpf.c. */
static __always_inline bool life_told(__u32 tgid)
{
	if (!watch_all)
		return observed(tgid);
	return bpf_map_lookup_elem(&agents, &tgid);
}

/* Put there by user space when a stream is not wanted (MUTE(), MUTE_FOR_GOOD); 0: it is.  Asked once per call. */
static __always_inline __u64 mute_of(__u64 id)
{
	__u64 *v = ignored_cnt ? bpf_map_lookup_elem(&ignored, &id) : NULL;

	return v ? *v : 0;
}

/* Whether what moves in dir now is not wanted; off: how far the other direction is. */
static __always_inline bool mute_holds(__u64 v, __u8 dir, __u64 off)
{
	if (!v || v == MUTE_FOR_GOOD)
		return v;
	return MUTE_DIR(v) == dir && off - MUTE_OFF(v) <= MUTE_SLACK;
}

/* A copy of v that clang cannot see through, at most max: the verifier's bound stays on the register that is used. */
#define AT_MOST(v, max) ({						\
	__u64 _v = (v);							\
	asm volatile("if %0 <= %1 goto +1; %0 = %1" : "+r"(_v) : "i"(max)); \
	_v;								\
})

/* The first bytes; several buffers: of the first that is not empty. */
static __always_inline void read_head(struct io *io)
{
	__u64 addr = io->addr, n = io->len;

	if (io->unseen)
		return;
	if (io->iov_cnt) {
		struct { __u64 base, len; } v = {};

		for (int i = 0; i < 4 && i < io->iov_cnt && !v.len; i++)
			bpf_probe_read_user(&v, sizeof(v), (void *)(io->iov + i * sizeof(v)));
		addr = v.base;
		n = v.len < n ? v.len : n;
		io->want = v.len;
	}
	n = AT_MOST(n, HEAD_MAX);
	if (!bpf_probe_read_user(io->head, n, (void *)addr))
		io->head_len = n;
}

/* A call on what is no socket of IPv4 or IPv6; io->file and what was moved are set. */
int on_local(struct io *io, __u32 fd);

#endif /* CAPTURE_BPF_H */
