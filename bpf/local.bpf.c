// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Pipes, FIFOs and unix stream sockets between observed processes: how an agent talks to
 * the tools that it starts.  Each way that bytes go is a stream of its own.  Its first bytes
 * decide: what begins as JSON objects do is copied, and user space, which reads it, says when it
 * is none of ours; all else is dropped here, and after LOOKS_MAX calls not looked at any more.
 * A program may say something else on its standard output before it speaks; where its
 * standard input is copied, that is waited out.
 *
 * Bytes are copied once, where they are written.  A writer that is not observed leaves the
 * reader.  Which of the two it is is known when a write returns, and the read that it woke may
 * return before it does: what was read before the first write returned is
 * copied from there, and that write's record begins behind it (struct local, read).
 */
#include "capture.bpf.h"

#define S_IFMT		0170000
#define S_IFSOCK	0140000
#define S_IFIFO		0010000
#define AF_UNIX		1
#define SOCK_STREAM	1
#define PIPEFS_MAGIC	0x50495045
#define LOCAL_WROTE	(1ull << 63)
#define LOOKS_MAX	8

struct locals_map locals SEC(".maps");
struct quiets_map quiets SEC(".maps");

struct way {
	__u64 key, ino, peer;
	__u32 fd;
	__u8 kind, pad[3];
};

static const struct local no_local;

static __always_inline __u64 ino_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

static __always_inline bool unix_way(struct io *io, struct way *w)
{
	struct file *f = io->file;
	struct socket *s = BPF_CORE_READ(f, private_data);
	struct sock *sk = BPF_CORE_READ(s, sk), *peer;
	__u64 ino = BPF_CORE_READ(f, f_inode, i_ino);

	if (!sk || !bpf_core_type_exists(struct unix_sock) ||
	    BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX || BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return false;
	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	if (!peer)
		return false;
	w->kind = WIRE_CHANNEL_UNIX;
	w->key = (__u64)(io->dir == WIRE_OUT ? sk : peer);
	w->ino = io->dir == WIRE_OUT ? ino : ino_of(peer);
	w->peer = io->dir == WIRE_OUT ? ino_of(peer) : ino;
	return true;
}

static __always_inline bool way_of(struct io *io, struct way *w)
{
	struct file *f = io->file;
	struct inode *i = BPF_CORE_READ(f, f_inode);
	__u16 type = BPF_CORE_READ(i, i_mode) & S_IFMT;

	if (type == S_IFSOCK)
		return unix_way(io, w);
	if (type != S_IFIFO)
		return false;
	w->kind = WIRE_CHANNEL_PIPE;
	w->key = (__u64)i;
	w->ino = BPF_CORE_READ(i, i_ino);
	return true;
}

/* An object, or a list of them, as far as the first bytes go. */
static __always_inline bool looks_json(const struct io *io)
{
	__u8 first = 0;

	for (int i = 0; i < HEAD_MAX; i++) {
		__u8 c = io->head[i];

		if (i >= io->head_len)
			break;
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (first)
			return c == (first == '{' ? '"' : '{');
		if (c != '{' && c != '[')
			return false;
		first = c;
	}
	return first;
}

static __noinline void put_channel(struct io *io, struct local *l, __u32 fd)
{
	struct wire_channel *c = bpf_ringbuf_reserve(&events, sizeof(*c), 0);

	if (!c) {
		count(dropped_control, 1);
		return;
	}
	wire_head(&c->hdr, sizeof(*c), WIRE_CHANNEL, io->tgid, io->start);
	c->stream = l->id;
	c->ino = l->ino;
	c->peer = l->peer;
	c->fd = fd;
	c->kind = l->kind;
	c->end = io->dir == WIRE_OUT ? WIRE_CHANNEL_WRITES : WIRE_CHANNEL_READS;
	c->pad[0] = c->pad[1] = 0;
	if (io->dir == WIRE_OUT)
		l->writer = io->tgid;
	else
		l->reader = io->tgid;
	count(records, 1);
	bpf_ringbuf_submit(c, ring_wake());
}

static __always_inline void local_end(__u64 key, struct local *l, struct io *io)
{
	__u64 read = l->read & ~LOCAL_WROTE;

	emit_stream_end(l->id, 0, l->written > read ? l->written : read, io->tgid, io->start);
	bpf_map_delete_elem(&locals, &key);
}

static __always_inline void drop(struct io *io, bool wrote)
{
	if (io->dir == WIRE_IN && wrote)
		return;
	count(seen_bytes, io->len);
	count(ignored_bytes, io->len);
}

static __always_inline void keep_quiet(struct way *w, struct local *l)
{
	struct quiet q = { .ino = l->ino, .looks = ~0u, .wrote = l->read >> 63 };

	bpf_map_update_elem(&quiets, &w->key, &q, BPF_ANY);
}

static __always_inline struct quiet *quiet_of(struct way *w)
{
	struct quiet *q = bpf_map_lookup_elem(&quiets, &w->key), fresh = { .ino = w->ino };

	if (q && (!w->ino || q->ino == w->ino))
		return q;
	bpf_map_update_elem(&quiets, &w->key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&quiets, &w->key);
}

/* A copy of the key: kernels before 6.2 take no memory of a global function's argument for one. */
static __always_inline struct tracked *tracked_of(struct io *io)
{
	__u32 tgid = io->tgid;

	return bpf_map_lookup_elem(&tracked, &tgid);
}

/* Whether a way that is not copied is to be from this call on. */
static __always_inline bool begins(struct io *io, struct way *w, struct quiet *q)
{
	struct tracked *t;

	if (io->unseen || (io->dir == WIRE_IN && q->wrote))
		return false;
	if (io->dir == WIRE_OUT)
		q->wrote = 1;
	if (io->dir == WIRE_OUT && w->fd == 1 && q->looks != ~0u) {
		t = tracked_of(io);
		if (t && t->asked)
			return true;
	}
	if (q->looks >= LOOKS_MAX)
		return false;
	q->looks++;
	io->head_len = 0;
	read_head(io);
	return looks_json(io);
}

/* Asked late: most pipes are never copied. */
static __always_inline __u8 kind_of(struct way *w)
{
	struct inode *i = (struct inode *)w->key;

	if (w->kind == WIRE_CHANNEL_PIPE && BPF_CORE_READ(i, i_sb, s_magic) != PIPEFS_MAGIC)
		return WIRE_CHANNEL_FIFO;
	return w->kind;
}

static __always_inline struct local *local_new(struct way *w, bool joined)
{
	struct local *l;

	bpf_map_update_elem(&locals, &w->key, &no_local, BPF_NOEXIST);
	l = bpf_map_lookup_elem(&locals, &w->key);
	if (!l) {
		count(map_full, 1);
		return NULL;
	}
	l->ino = w->ino;
	l->peer = w->peer;
	l->kind = kind_of(w);
	l->joined = joined;
	/* Writer and reader may get here at once; one id wins. */
	__sync_val_compare_and_swap(&l->id, 0, __sync_fetch_and_add(&next_id, 1));
	return l;
}

/* The bytes of a read belong to the stream only as long as no write has returned. */
static __always_inline bool claim_read(struct local *l, __u64 len, __u64 *off)
{
	for (int i = 0; i < 4; i++) {
		__u64 had = *(volatile __u64 *)&l->read;

		if (had & LOCAL_WROTE)
			return false;
		if (__sync_val_compare_and_swap(&l->read, had, had + len) == had) {
			*off = had;
			return true;
		}
	}
	return false;
}

/* How much of a write was copied where it was read. */
static __always_inline __u64 claim_write(struct local *l, __u64 len, __u64 *off)
{
	__u64 had = __sync_fetch_and_or(&l->read, LOCAL_WROTE), taken = had & ~LOCAL_WROTE;

	/* More was read than this first write wrote: that came from somebody else. */
	if (!(had & LOCAL_WROTE) && taken > len)
		__sync_fetch_and_add(&l->written, taken);
	*off = __sync_fetch_and_add(&l->written, len);
	if (*off >= taken)
		return 0;
	return taken - *off < len ? taken - *off : len;
}

static __always_inline void local_move(struct io *io, struct way *w, struct local *l)
{
	struct move m = {
		.stream = l->id,
		.obj = w->key,
		.iov = io->iov,
		.iov_cnt = io->iov_cnt,
		.start = io->start,
		.pid = io->tgid,
		.source = WIRE_SRC_LOCAL,
		.dir = WIRE_OUT,
		.flags = l->joined ? WIRE_F_JOINED : 0,
		.unseen = io->unseen,
	};

	if (io->dir == WIRE_OUT)
		m.skip = claim_write(l, io->len, &m.off);
	else if (!claim_read(l, io->len, &m.off))
		return;
	else
		m.flags |= WIRE_F_READ;
	if (m.skip >= io->len)
		return;
	m.off += m.skip;
	m.addr = io->addr + m.skip;
	m.todo = io->len - m.skip;
	m.left = io->iov_cnt ? 0 : m.todo;
	m.call_len = m.todo;
	emit_move(&m);
}

static __always_inline void note_end(struct io *io, struct way *w, struct local *l)
{
	struct tracked *t;

	if (io->tgid != (io->dir == WIRE_OUT ? l->writer : l->reader))
		put_channel(io, l, w->fd);
	if (io->dir == WIRE_OUT || w->fd)
		return;
	t = tracked_of(io);
	if (t && !t->asked)
		t->asked = 1;
}

/* Global as on_io(): verified once. */
__noinline int on_local(struct io *io, __u32 fd)
{
	struct way w = { .fd = fd };
	struct local *l;
	struct quiet *q;

	if (!io || !io->file || !way_of(io, &w))
		return 0;
	l = bpf_map_lookup_elem(&locals, &w.key);
	if (l && w.ino && l->ino != w.ino) {		/* its memory is another's now */
		local_end(w.key, l, io);
		l = NULL;
	}
	if (!l) {
		if (!io->len)
			return 0;
		q = quiet_of(&w);
		if (!q)
			return 0;
		if (!begins(io, &w, q)) {
			drop(io, q->wrote);
			return 0;
		}
		l = local_new(&w, q->looks > 1);
		if (!l)
			return 0;
	}
	if (io->dir == WIRE_IN && !io->len && !io->want)
		return 0;
	note_end(io, &w, l);
	if (io->dir == WIRE_IN && !io->len) {
		local_end(w.key, l, io);
	} else if (mute_of(l->id) == MUTE_FOR_GOOD) {
		keep_quiet(&w, l);
		drop(io, l->read >> 63);
		local_end(w.key, l, io);
	} else if (io->len) {
		local_move(io, &w, l);
	}
	return 0;
}
