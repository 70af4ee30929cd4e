/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLE_H
#define TABLE_H

#include "base/map.h"
#include "stream/bind.h"
#include "stream/list.h"
#include "stream/names.h"
#include "stream/stream.h"

/*
 * What the stream room keeps behind its door: streams, sockets, the processes
 * that hold them, and the graves of streams that are gone.
 */

/* A record's bytes ahead of their turn, or the record that is being walked. */
struct waiting {
	struct waiting *next;
	uint64_t off;
	uint32_t len;		/* bytes it stands for */
	uint32_t have;		/* of them here, from the first on */
	bool eof;
	const char *bytes;
	uint64_t ts, arrived;
	uint64_t start;
	uint32_t pid, tid;
};

struct live {
	struct stream s;
	struct holder *holder;	/* WIRE_SRC_TLS; NULL: none could be kept */
	struct link by_holder, by_age, ready, due;
	uint64_t due_since;
	uint64_t end_ts;
	bool ending;
	bool gone;		/* the kernel said so itself: no later record can be new */
	bool soft_eof[2];	/* the socket ended; what the library still holds comes first */
	bool held;		/* says nothing until its socket is known: moved.c */
	uint64_t other;		/* its records have this id since its object moved; 0: it did not */
	uint64_t base[2];	/* where the offsets of those begin */
	struct suit suit;
};

/* A socket. */
struct peer {
	struct sock k;
	struct holder *holder;	/* the process that last used it */
	struct link by_holder, orphan;
	uint64_t orphan_since;
	bool gone;		/* freed when nobody refers to it any more */
	struct live *tls;	/* the TLS stream on it */
	struct inbox inbox;
};

/* A process, as long as it has streams or sockets. */
struct holder {
	uint64_t key, start;
	uint32_t pid;
	struct link streams, peers;
	bool moves;		/* it uses a library whose objects move */
	struct link writers;	/* unbound TLS streams that wrote, the last first */
	struct link readers;	/* unbound sockets that received, the last first */
	unsigned inboxes;	/* unbound sockets that application data passed on */
	unsigned suitors;	/* unbound TLS streams that have written */
};

/* What is left of a stream, so that a record that comes late is counted once. */
enum grave_why { GRAVE_LEFT, GRAVE_GONE, GRAVE_REFUSED };
#define GRAVES 4096

struct grave {
	uint64_t id;
	uint64_t end[2];
	enum grave_why why;
	bool used;
};

struct streams {
	struct stream_stats stats;
	struct map streams, peers, holders, graves;
	struct names names;
	struct link by_age, ready, due, orphans;
	uint64_t now;
	size_t wait_bytes;
	struct waiting cur;	/* the record that was taken last */
	struct live *cur_live;	/* NULL: it is used up */
	int cur_dir;
	struct waiting *spent;	/* what the last piece was borrowed from */
	struct live *dead;	/* the stream that the last piece ended */
	struct grave *grave_ring;
	size_t grave_at;
};

static inline struct stream_dir *dir_of(struct live *l, int dir)
{
	return &l->s.dir[dir];
}

/* order.c: the bytes of one stream in order */
void order_take(struct streams *s, struct live *l, int dir, const struct waiting *w);
void order_expect(struct streams *s, struct live *l, int dir, uint64_t end);	/* so much is counted, seen or not */
void order_expire(struct streams *s, struct live *l);	/* STREAM_WAIT_NS have passed */
void order_finish(struct live *l);			/* nothing is waited for any more */
bool order_next(struct streams *s, struct live *l, int dir, struct piece *ret);
bool order_quiet(const struct live *l);			/* nothing waits and nothing is missing */
bool order_crowded(const struct streams *s, const struct live *l);	/* more waits than may */
void order_append(struct live *to, struct live *from, int dir);	/* what waits in from comes behind all of to */
void order_release(struct streams *s, struct live *l);

/* moved.c: TLS objects that move in memory */
void moved_hold(struct live *l);			/* a new stream: it may be an old one */
bool moved_join(struct streams *s, struct live *l, struct peer *p);	/* true: l is gone, p's stream goes on as it */
bool moved_end(struct streams *s, struct live *l, const struct wire_stream_end *e);	/* of what moved; true: it goes on */
uint64_t moved_base(const struct live *l, uint64_t id, int dir);
void moved_forget(struct streams *s, struct live *l);	/* it ends */

/* table.c */
void table_init(struct streams *s, size_t max);
void table_release(struct streams *s);
struct live *live_get(const struct streams *s, uint64_t id);
/* Made if it is not there; NULL: refused, or it has ended. */
struct live *live_open(struct streams *s, uint64_t id, const struct wire_hdr *h, enum wire_source source,
		       unsigned lib);
void live_free(struct streams *s, struct live *l);
struct grave *grave_get(const struct streams *s, uint64_t id);
struct grave *grave_dig(struct streams *s, uint64_t id, enum grave_why why);
void grave_fill(struct streams *s, struct grave *g);
void grave_count(struct streams *s, struct grave *g, int dir, uint64_t end);
struct peer *peer_get(const struct streams *s, uint64_t id);
struct peer *peer_open(struct streams *s, uint64_t id, const struct wire_hdr *h);	/* NULL: full */
void peer_leave(struct streams *s, struct peer *p);	/* the socket is gone */
void live_set_peer(struct streams *s, struct live *l, struct peer *p, enum wire_bind_basis basis);
struct holder *holder_get(const struct streams *s, uint32_t pid, uint64_t start);
void holder_rest(struct streams *s, struct holder *h);	/* frees it when it has nothing left */

#endif /* TABLE_H */
