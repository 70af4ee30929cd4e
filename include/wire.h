/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef WIRE_H
#define WIRE_H

/*
 * What the kernel half writes and the user half reads.  The only header both
 * halves include, and also the on-disk format of recordings, so: fixed-width
 * types, explicit padding, host byte order, enum values append-only.
 *
 * Every record starts with struct wire_hdr.  hdr.size is the whole record; what
 * the ring holds behind it (reservations come in size classes) is not data.
 * Times are CLOCK_BOOTTIME nanoseconds; WIRE_CLOCK says how to make them unix time.
 */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define WIRE_VERSION 1

enum wire_kind {
	/* from the kernel */
	WIRE_DATA = 1,		/* struct wire_data: bytes of one call, or of a part of it */
	WIRE_STREAM_END = 2,	/* struct wire_stream_end: the object is gone; final offsets */
	WIRE_BIND = 3,		/* struct wire_bind: this TLS object uses this socket */
	WIRE_SOCK = 4,		/* struct wire_sock: a socket's addresses, once, before its first use */
	WIRE_RECORD = 5,	/* struct wire_record: TLS records passed on a socket (lengths only) */
	WIRE_HELLO = 6,		/* struct wire_hello: the head of a TLS ClientHello */
	WIRE_FORK = 7,		/* struct wire_fork */
	WIRE_EXEC = 8,		/* struct wire_exec */
	WIRE_EXIT = 9,		/* struct wire_exit */
	WIRE_MAP = 10,		/* struct wire_map: a tracked process mapped an executable file not seen before */
	WIRE_NOTICE = 11,	/* struct wire_notice: a process uses a way that is not observed */
	WIRE_DNS = 12,		/* struct wire_dns: a DNS message that a process received */
	WIRE_SEEN = 13,		/* struct wire_seen: of all that are watched, this process is heard of for the first time */
	WIRE_CHANNEL = 14,	/* struct wire_channel: who is at one end of a pipe or unix socket */
	/* from the user half, put into the order of the others so that a replay sees them too */
	WIRE_CLOCK = 64,	/* struct wire_clock */
	WIRE_TICK = 65,		/* struct wire_hdr alone: time has passed, drive timeouts */
	WIRE_FACTS = 66,	/* struct wire_facts: what /proc said of a process */
	WIRE_BOOKS = 67,	/* struct wire_books: the kernel half's counters so far */
	WIRE_FINISH = 68,	/* struct wire_hdr alone: observation ends here */
	WIRE_COVER = 69,	/* struct wire_cover: a TLS stack of a process, or that there is none, and why */
};

/* The direction as the observed process sees it. */
enum wire_dir { WIRE_OUT = 0, WIRE_IN = 1 };

/*
 * What user space does not want to be copied of a stream: all of it for good, or a direction as
 * long as the other one has not gone on from where user space saw it.  A request behind a
 * download that nobody wants is new.  MUTE_SLACK: what HTTP/2 says in between (two WINDOW_UPDATEs, an answer to a PING).
 */
#define MUTE_FOR_GOOD	(~0ull)
#define MUTE_SLACK	48
#define MUTE(dir, off)	(((off) + 1) << 1 | (dir))
#define MUTE_DIR(v)	((v) & 1)
#define MUTE_OFF(v)	(((v) >> 1) - 1)

struct wire_hdr {
	__u32 size;		/* whole record, this header included */
	__u8 kind;		/* enum wire_kind */
	__u8 flags;
	__u16 cpu;
	__u32 pid;		/* tgid in the initial pid namespace */
	__u32 tid;
	__u64 ts;		/* CLOCK_BOOTTIME, ns; for a call: when it returned */
	__u64 start;		/* start_boottime of the thread group's leader, ns: with pid it names a process */
};

/* wire_data.source */
enum wire_source {
	WIRE_SRC_SOCKET = 0,	/* obj: the kernel's struct sock */
	WIRE_SRC_TLS = 1,	/* obj: the library's connection object (SSL *) */
	WIRE_SRC_LOCAL = 2,	/* one way of a pipe, FIFO or unix socket, dir OUT; obj: its inode, or the sending struct sock */
};

/* wire_data.flags */
#define WIRE_F_HOLE	0x01	/* len bytes passed, none of them follow: unreadable, too many, or ring full */
#define WIRE_F_EARLY	0x02	/* TLS 0-RTT data */
#define WIRE_F_JOINED	0x04	/* the stream was in use before we looked: its first record does not start at its beginning */
#define WIRE_F_EOF	0x08	/* the peer ended this direction (a read returned 0); no bytes */
#define WIRE_F_LAST	0x10	/* last part of the call that moved it */
#define WIRE_F_READ	0x20	/* WIRE_SRC_LOCAL: seen where it was read, hdr names the reader; else the writer */

struct wire_data {
	struct wire_hdr hdr;
	__u64 stream;		/* names the stream; given out once, never used again in one recording */
	__u64 obj;		/* see source: a name, never dereferenced */
	__u64 off;		/* bytes that passed this stream and direction before this record */
	__u32 len;		/* bytes this record stands for; min(len, size - sizeof) follow, HOLE: none */
	__u32 call_len;		/* bytes the whole call moved */
	__u8 source;		/* enum wire_source */
	__u8 dir;		/* enum wire_dir */
	__u16 lib;		/* WIRE_SRC_TLS: row of the library in user/capture/tls_libs.c */
	__u8 flags;		/* WIRE_F_* */
	__u8 pad[3];
	/* bytes follow */
};

struct wire_stream_end {
	struct wire_hdr hdr;
	__u64 stream;
	__u64 off[2];		/* final offsets by enum wire_dir */
};

struct wire_bind {
	struct wire_hdr hdr;
	__u64 stream;		/* a TLS stream */
	__u64 sock;		/* wire_sock.sock */
	__u8 basis;		/* enum wire_bind_basis */
	__u8 pad[7];
};

enum wire_bind_basis {
	WIRE_BIND_CALL = 1,	/* a socket call on the same thread inside the TLS call */
	WIRE_BIND_FD = 2,	/* SSL_set_fd, SSL_set_rfd, SSL_set_wfd */
	WIRE_BIND_RECORD = 3,	/* user half: TLS record lengths match the plaintext lengths, same thread */
	WIRE_BIND_OBJECT = 4,	/* the descriptor that the library's own object holds (Go: tls.Conn.conn) */
	WIRE_BIND_THREAD = 5,	/* a record as long as the plaintext passed on the thread straight before it came out, or after it went in */
};

struct wire_sock {
	struct wire_hdr hdr;
	__u64 sock;		/* names the socket; given out once, as wire_data.stream */
	__u64 ino;		/* as in /proc/PID/fd: socket:[ino] */
	__u16 family;		/* AF_INET, AF_INET6, AF_UNIX */
	__u16 lport, rport;	/* host byte order */
	__u8 proto;		/* IPPROTO_TCP, ... */
	__u8 role;		/* enum wire_role */
	__u8 laddr[16], raddr[16];	/* network byte order; IPv4: the first 4 bytes */
};

enum wire_role { WIRE_ROLE_UNKNOWN = 0, WIRE_ROLE_CLIENT = 1, WIRE_ROLE_SERVER = 2 };

/*
 * One socket call of a TLS-looking socket: its length and first header, no payload.
 * Until the socket is bound; len 0 (the peer ended its direction) comes always.
 */
struct wire_record {
	struct wire_hdr hdr;
	__u64 sock;
	__u32 len;		/* bytes the call moved */
	__u8 dir;
	__u8 head[5];		/* first five bytes of the buffer */
	__u8 pad[6];
};

struct wire_hello {
	struct wire_hdr hdr;
	__u64 sock;
	/* up to 4 KiB of the ClientHello follow */
};

struct wire_fork {
	struct wire_hdr hdr;	/* the parent */
	__u32 child;
	__u32 pad;
	__u64 child_start;
};

struct wire_exec {
	struct wire_hdr hdr;
	__u32 ppid;
	__u32 uid;
	__u64 dev, ino;		/* of the executable: s_dev, i_ino */
	__u16 filename_len;	/* with its NUL */
	__u16 argv_len;		/* bytes kept of the NUL-separated argument area */
	__u32 argv_total;
	/* filename, then argv follow */
};

struct wire_exit {
	struct wire_hdr hdr;
	__s32 code;		/* as wait(2): exit status << 8 | signal */
	__u32 pad;
};

struct wire_map {
	struct wire_hdr hdr;
	__u64 dev, ino;
	__u64 addr;		/* where it was mapped */
	__u32 held;		/* 1: the process was stopped for us, continue it when attached */
	__u32 pages;		/* of 4 KiB, that were asked for; 0: not known */
};

enum wire_notice_what {
	WIRE_NOTICE_IO_URING = 1,	/* io_uring_setup(): calls through the ring are not seen */
	WIRE_NOTICE_KTLS = 2,		/* setsockopt(TCP_ULP, "tls"): what bypasses the library is not seen */
	WIRE_NOTICE_QUIC = 3,		/* a QUIC long header to UDP port 443 */
	WIRE_NOTICE_CNT
};

/* Once for each process and what. */
struct wire_notice {
	struct wire_hdr hdr;
	__u64 sock;		/* KTLS: wire_sock.sock; else 0 */
	__u8 what;		/* enum wire_notice_what */
	__u8 pad[7];
};

struct wire_dns {
	struct wire_hdr hdr;
	__u32 len;		/* of the datagram; what is longer than WIRE_DNS_MAX is cut */
	__u32 pad;
	/* the message follows */
};

#define WIRE_DNS_MAX	1472

/* It may be gone before user space has looked at /proc. */
struct wire_seen {
	struct wire_hdr hdr;
	__u32 ppid;
	__u32 uid;
	__u64 dev, ino;		/* of the executable */
	char name[64];		/* of the executable's file, without its path; ended by NUL, cut */
};

enum wire_channel_kind { WIRE_CHANNEL_PIPE = 1, WIRE_CHANNEL_FIFO = 2, WIRE_CHANNEL_UNIX = 3 };
enum wire_channel_end { WIRE_CHANNEL_WRITES = 0, WIRE_CHANNEL_READS = 1 };

/*
 * hdr names a process that uses this end; once for each that is seen there after another.
 * A pipe has one way, a socket two: its other way's record has ino and peer exchanged.
 */
struct wire_channel {
	struct wire_hdr hdr;
	__u64 stream;		/* wire_data.stream of the way */
	__u64 ino;		/* as in /proc/PID/fd: pipe:[ino]; UNIX: socket:[ino] of the sender; 0: not known any more */
	__u64 peer;		/* UNIX: that of the receiver; else 0 */
	__u32 fd;		/* of the call */
	__u8 kind;		/* enum wire_channel_kind */
	__u8 end;		/* enum wire_channel_end */
	__u8 pad[2];
};

struct wire_clock {
	struct wire_hdr hdr;
	__u64 unix_offset;	/* CLOCK_REALTIME - CLOCK_BOOTTIME, ns */
	__u64 seed[2];		/* trace and span ids are made from this: a replay makes the same ones */
	__u32 mode;		/* enum wire_mode */
	__u32 root_pid;		/* WIRE_MODE_RUN: the observed command's pid */
	__u64 root_start;
};

enum wire_mode {
	WIRE_MODE_RUN = 1,
	WIRE_MODE_WATCH = 2,		/* processes that were named */
	WIRE_MODE_WATCH_ALL = 3,	/* all of the machine: who is interesting is decided on the way */
};

/* Strings follow, each ended by NUL, in this order; empty: unknown. */
enum wire_fact {
	WIRE_FACT_EXE,		/* readlink /proc/PID/exe */
	WIRE_FACT_CWD,
	WIRE_FACT_CONTAINER,	/* container id, 64 hex digits */
	WIRE_FACT_SERVICE,	/* OTEL_SERVICE_NAME of the process */
	WIRE_FACT_RESOURCE,	/* OTEL_RESOURCE_ATTRIBUTES of the process */
	WIRE_FACT_HOST,		/* host name */
	WIRE_FACT_HOST_ID,	/* /etc/machine-id */
	WIRE_FACT_TRACEPARENT,	/* TRACEPARENT of the process */
	WIRE_FACT_USER,		/* name of the effective user */
	WIRE_FACT_ARGV0,	/* argv[0], for processes whose exec we did not see */
	WIRE_FACT_CNT
};

struct wire_facts {
	struct wire_hdr hdr;
	__u32 ppid;
	__u32 vpid;		/* pid in its own namespace; 0 unknown */
};

/* Strings follow, each ended by NUL, in this order; empty: unknown. */
enum wire_cover_text {
	WIRE_COVER_STACK,	/* "openssl"; empty: none was found */
	WIRE_COVER_VERSION,
	WIRE_COVER_METHOD,	/* how its functions were found */
	WIRE_COVER_FILE,
	WIRE_COVER_STATE,	/* "attached", "unsupported", "failed", "none" */
	WIRE_COVER_WHY,
	WIRE_COVER_CNT
};

struct wire_cover {
	struct wire_hdr hdr;
	__u32 lib;		/* as wire_data.lib; ~0: none of them */
	__u32 pad;
};

/* Counters of the kernel half.  Bytes are plaintext bytes of accepted calls of observed processes. */
struct wire_stats {
	__u64 seen_bytes;	/* = delivered + dropped + truncated + ignored */
	__u64 delivered_bytes;	/* copied into the ring */
	__u64 dropped_bytes;	/* ring full */
	__u64 truncated_bytes;	/* unreadable pages, calls past the largest size */
	__u64 ignored_bytes;	/* the user half asked not to copy this stream */
	__u64 records;		/* put into the rings */
	__u64 dropped_records;	/* of them data; control records are counted next */
	__u64 dropped_control;
	__u64 map_full;		/* a map had no room: streams, sockets or calls that could not be followed */
	__u64 unmatched;	/* a return without its entry: the call began before we attached */
};

struct wire_books {
	struct wire_hdr hdr;
	struct wire_stats stats;
};

/* A BPF global's type has to be here: the generated skeleton names it. */

enum tls_len {
	TLS_LEN_RET = 0,	/* the return value, an int: bytes if > 0 */
	TLS_LEN_OUT_PTR = 1,	/* *(size_t *)len_arg, if the return value is 1 */
	TLS_LEN_RET_LONG = 2,	/* the return value, a ssize_t */
	TLS_LEN_EARLY_IN = 3,	/* SSL_read_early_data: *(size_t *)len_arg, if the return value is 1 or 2 */
	TLS_LEN_ASKED = 4,	/* all of max_arg */
};

enum tls_what {
	TLS_DATA = 0,
	TLS_FREE = 1,		/* conn_arg dies: SSL_free */
	TLS_HANDSHAKE = 2,	/* conn_arg begins here: the stream was not joined in the middle */
	TLS_SET_FD = 3,		/* conn_arg, buf_arg is the fd */
	TLS_SNI = 4,		/* reserved */
	TLS_NEW = 5,		/* the return value is a new connection: SSL_new */
	TLS_REF = 6,		/* conn_arg gets one more owner: SSL_up_ref, one more FREE is needed */
	TLS_RESET = 7,		/* conn_arg ends and begins anew: SSL_clear */
	TLS_UNSEEN = 8,		/* moves bytes that no buffer holds: SSL_sendfile; counted as a hole */
	TLS_ERROR = 9,		/* says why conn_arg's last call failed: SSL_get_error */
	TLS_SEAL = 10,		/* an AEAD takes a TLS record's plaintext in; see tls_aead.c */
	TLS_OPEN = 11,		/* and gives it out */
};

/* Where arguments are. */
enum tls_abi {
	TLS_ABI_C = 0,
	TLS_ABI_GO = 1,		/* ABIInternal, Go 1.17: rax, rbx, rcx, rdi, rsi, r8; arm64 as C; g in r14 or x28 */
};

/* When the bytes are taken. */
enum tls_at {
	TLS_AT_RETURN = 0,
	TLS_AT_ENTRY = 1,
};

/* What buf_arg is. */
enum tls_data {
	TLS_PTR = 0,		/* the first byte */
	TLS_IOVEC = 1,		/* an array of struct iovec, max_arg of them */
	TLS_CHUNKS = 2,		/* &rustls::OutboundChunks (0.23): one slice, or slices with a first and last byte */
	TLS_PAYLOAD = 3,	/* &rustls::Payload (0.23): pointer and length in its second and third word */
};

struct tls_spec {
	__u8 what;		/* enum tls_what */
	__u8 dir;		/* enum wire_dir */
	__u8 conn_arg;		/* 1-based arguments; 0: none */
	__u8 buf_arg;
	__u8 len_how;		/* enum tls_len */
	__u8 len_arg;		/* for the OUT_PTR kinds */
	__u8 early;		/* 0-RTT data */
	__u8 abi;		/* enum tls_abi */
	__u16 lib;		/* row in user/capture/tls_libs.c */
	__u8 at;		/* enum tls_at */
	__u8 data;		/* enum tls_data */
	__u8 max_arg;		/* bytes asked for: no more can have moved; 0: not an argument */
	__u8 only_arg;		/* this argument has to be `only`, else the call is none of ours; 0: always */
	__u8 only;
	__u8 known;		/* only for connections whose beginning was seen: the function serves others too */
};

#define TLS_SPECS_MAX	128	/* power of two: the BPF side masks with MAX - 1 */

/*
 * The attach cookie: row of tls_specs[], what is special about this place, and
 * which file's stack it belongs to.
 */
#define COOKIE_SPEC(c)	((c) & (TLS_SPECS_MAX - 1))
#define COOKIE_CHECK	0x100	/* found without a symbol: its calls are held against its contract, see tls_checks */
#define COOKIE_NOLIFE	0x200	/* no function tells when its objects end: the socket does */
#define COOKIE_RETS	0x400	/* its return instructions are probed, one of which a tail call never comes to */
#define COOKIE_SLOT	16	/* from this bit on */

/* How the calls of one found function kept its contract; the map tls_checks, by cookie. */
struct tls_check {
	__u64 good, bad;
};

/* sys_class[]: what a system call does to a socket, by its number; made by user/capture/syscalls.c. */
enum sys_class {
	SYS_NONE = 0,
	SYS_READ,		/* fd, buffer */
	SYS_WRITE,
	SYS_READV,		/* fd, iovec, count */
	SYS_WRITEV,
	SYS_RECVFROM,		/* fd, buffer, length, flags */
	SYS_SENDTO,
	SYS_RECVMSG,		/* fd, msghdr, flags */
	SYS_SENDMSG,
	SYS_RECVMMSG,		/* fd, mmsghdr, count, flags */
	SYS_SENDMMSG,
	SYS_CONNECT,
	SYS_ACCEPT,
	SYS_SENDFILE,		/* out fd, in fd */
	SYS_SPLICE,		/* in fd, offset, out fd */
	SYS_MMAP,
	SYS_SETSOCKOPT,
	SYS_URING,		/* io_uring_setup */
};

#define SYS_CLASSES_MAX	512	/* power of two */

/* The part of a record that its size class may hold.  A call longer than a class is cut into parts of the largest. */
#define WIRE_CHUNK	(64 * 1024)

_Static_assert(sizeof(struct wire_hdr) == 32, "wire_hdr is on disk");
_Static_assert(sizeof(struct wire_data) == 72, "wire_data is on disk");
_Static_assert(sizeof(struct wire_stream_end) == 56, "wire_stream_end is on disk");
_Static_assert(sizeof(struct wire_bind) == 56, "wire_bind is on disk");
_Static_assert(sizeof(struct wire_sock) == 88, "wire_sock is on disk");
_Static_assert(sizeof(struct wire_record) == 56, "wire_record is on disk");
_Static_assert(sizeof(struct wire_hello) == 40, "wire_hello is on disk");
_Static_assert(sizeof(struct wire_fork) == 48, "wire_fork is on disk");
_Static_assert(sizeof(struct wire_exec) == 64, "wire_exec is on disk");
_Static_assert(sizeof(struct wire_exit) == 40, "wire_exit is on disk");
_Static_assert(sizeof(struct wire_map) == 64, "wire_map is on disk");
_Static_assert(sizeof(struct wire_notice) == 48, "wire_notice is on disk");
_Static_assert(sizeof(struct wire_seen) == 120, "wire_seen is on disk");
_Static_assert(sizeof(struct wire_dns) == 40, "wire_dns is on disk");
_Static_assert(sizeof(struct wire_cover) == 40, "wire_cover is on disk");
_Static_assert(sizeof(struct wire_channel) == 64, "wire_channel is on disk");
_Static_assert(sizeof(struct wire_clock) == 72, "wire_clock is on disk");
_Static_assert(sizeof(struct wire_facts) == 40, "wire_facts is on disk");
_Static_assert(sizeof(struct wire_books) == 112, "wire_books is on disk");
_Static_assert(sizeof(struct tls_spec) == 16, "tls_spec is shared");
_Static_assert((SYS_CLASSES_MAX & (SYS_CLASSES_MAX - 1)) == 0, "mask");
_Static_assert((TLS_SPECS_MAX & (TLS_SPECS_MAX - 1)) == 0, "mask");

#endif /* WIRE_H */
