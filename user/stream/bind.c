// SPDX-License-Identifier: Apache-2.0
/*
 * Binding by record lengths.
 *
 * A TLS record is a header of 5 bytes, type, version and length, and then the
 * sealed plaintext, longer than it by a number that the cipher fixes: 17 in TLS
 * 1.3 (tag 16, content type 1; RFC 8446 section 5.2), 24 in TLS 1.2 with GCM
 * (explicit nonce 8, tag 16; RFC 5288), 16 with ChaCha20-Poly1305 (RFC 7905).  A
 * record holds at most 2^14 bytes of plaintext.
 *
 * Out: the library is called with n bytes, then the program writes the records
 * to the socket.  So a socket write fits the calls of one stream when the length
 * in its first header and its whole length follow from theirs.  In: the program
 * reads records from the socket, then the library gives out what was in the first.
 *
 * Go cuts a call into records that begin small and grow (maxPayloadSizeForWrite in crypto/tls/conn.go)
 * and writes each by itself: such writes on the thread, one after the other, fit when together they are the call's.
 *
 * Equal lengths are common (twenty agents that send the same request), so a fit
 * says something only when no other stream of the process that wrote lately, or
 * no other socket that received lately, fits as well.  It says much when both
 * happened on one thread with nothing between, little when not; a second fit of
 * the same length says nothing.  Whoever has enough, and three times what speaks
 * for all others, is bound.  One write is enough only where the process has no
 * more sockets than streams in question: one of them may belong to a library that is not observed.
 * Wrong is worse than unbound.
 */
#include <stdlib.h>

#include "stream/table.h"

#define FRESH_NS	(200 * 1000000ull)	/* older calls say nothing */
#define CALLS		8		/* of a stream, not seen on a socket yet */
#define RECORDS		4		/* of a socket, not seen in a stream yet */
#define RIVALS		4		/* sockets that a stream has reasons for */
#define CROWD		64		/* with more than these in question nothing is said */
#define PARTS		128		/* records of one call, one by one */

#define SCORE_BOUND	4
#define SCORE_NEXT_OUT	4		/* write on the thread and straight after the library's */
#define SCORE_DOUBTED	3		/* the same, with other sockets in question */
#define SCORE_NEXT_IN	2		/* read on the thread and straight before the library's */
#define SCORE_FIT	1
#define SHORT		64		/* shorter writes are too much alike */

#define TICKETS		2048		/* a server's session tickets, sealed like data, are shorter */

#define HEADER		5
#define PLAIN_MAX	(1u << 14)
#define SEALED_MAX	(PLAIN_MAX + 256)

static const unsigned overheads[] = { 17, 24, 16 };	/* TLS 1.3 first, see out_fits() */
#define OVERHEADS (sizeof(overheads) / sizeof(overheads[0]))

struct call {
	uint64_t at;
	uint32_t len, tid;
	uint32_t sealed, records;	/* of it that went to sock one by one: what their headers say, and how many */
	uint64_t sock;
};

struct rival {
	uint64_t sock;
	unsigned score;
	uint32_t len;		/* of the last fit */
	unsigned overhead;
};

struct courtship {
	struct call out[CALLS];
	unsigned out_cnt;
	struct rival rivals[RIVALS];
	unsigned rival_cnt;
};

struct sealed {
	uint64_t at;
	uint32_t tid;
	uint32_t len;		/* as its header says */
	uint32_t got;		/* bytes received since, header included */
};

struct mail {
	struct sealed in[RECORDS];
	unsigned cnt;
};

void suit_init(struct suit *u)
{
	*u = (struct suit){ 0 };
	link_init(&u->writer);
}

void inbox_init(struct inbox *b)
{
	*b = (struct inbox){ 0 };
	link_init(&b->reader);
}

static bool fresh(const struct streams *s, uint64_t at)
{
	return s->now - at < FRESH_NS;
}

void bind_forget_stream(struct streams *s, struct live *l)
{
	struct courtship *c = l->suit.state;

	link_out(&l->suit.writer);
	for (unsigned i = 0; c && i < c->rival_cnt; i++) {
		struct peer *p = peer_get(s, c->rivals[i].sock);

		if (p)
			p->inbox.claims -= c->rivals[i].score < p->inbox.claims ? c->rivals[i].score : p->inbox.claims;
	}
	if (c && l->holder)
		l->holder->suitors--;
	free(c);
	l->suit.state = NULL;
}

void bind_forget_peer(struct peer *p)
{
	link_out(&p->inbox.reader);
	if (p->inbox.counted)
		p->holder->inboxes--;
	p->inbox.counted = false;
	free(p->inbox.state);
	p->inbox.state = NULL;
}

static struct rival *rival_of(struct courtship *c, uint64_t sock)
{
	for (unsigned i = 0; i < c->rival_cnt; i++)
		if (c->rivals[i].sock == sock)
			return &c->rivals[i];
	if (c->rival_cnt == RIVALS)
		return NULL;
	c->rivals[c->rival_cnt] = (struct rival){ .sock = sock };
	return &c->rivals[c->rival_cnt++];
}

static unsigned all_scores(const struct courtship *c)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < c->rival_cnt; i++)
		sum += c->rivals[i].score;
	return sum;
}

/* A fit of l with p, which no other fit contradicts. */
static void fit(struct streams *s, struct live *l, struct peer *p, uint32_t len, unsigned overhead,
		unsigned score)
{
	struct courtship *c = l->suit.state;
	struct rival *r = rival_of(c, p->k.id);
	unsigned against;

	if (!r || (r->score && (r->overhead != overhead || r->len == len)))
		return;
	r->overhead = overhead;
	r->len = len;
	r->score += score;
	p->inbox.claims += score;
	if (r->score >= SCORE_DOUBTED)
		p->inbox.likely = l->s.id;
	against = all_scores(c) - r->score + p->inbox.claims - r->score;
	if (r->score < SCORE_BOUND || r->score < 3 * against)
		return;
	bind_forget_stream(s, l);
	bind_forget_peer(p);
	live_set_peer(s, l, p, WIRE_BIND_RECORD);
}

/*
 * The kernel half saw that p is now's. An object that wrote and was moved before it
 * read (codex' upgrade) has only the lengths of its writes to tell for it: when they all
 * tell for one stream that nobody contests, it was here before.
 */
void bind_likely(struct streams *s, struct peer *p, const struct live *now)
{
	struct live *l = p->tls ? NULL : live_get(s, p->inbox.likely);
	struct courtship *c = l ? l->suit.state : NULL;

	if (!c || l == now || l->s.sock || l->holder != now->holder || c->rival_cnt != 1 ||
	    c->rivals[0].sock != p->k.id || c->rivals[0].score != p->inbox.claims)
		return;
	bind_forget_stream(s, l);
	bind_forget_peer(p);
	live_set_peer(s, l, p, WIRE_BIND_RECORD);
}

static uint64_t sealed_size(uint32_t plain, unsigned overhead)
{
	uint64_t records = ((uint64_t)plain + PLAIN_MAX - 1) / PLAIN_MAX;

	return plain + records * (HEADER + overhead);
}

/* Calls in a row, the first of which is in a record of this length (0: any); how many calls that settles. */
static unsigned calls_fit(const struct courtship *c, uint32_t len, uint32_t first, unsigned overhead)
{
	for (unsigned i = 0; i < c->out_cnt; i++) {
		uint32_t plain = c->out[i].len < PLAIN_MAX ? c->out[i].len : PLAIN_MAX;
		uint64_t sum = 0;

		if (first && plain + overhead != first)
			continue;
		for (unsigned j = i; j < c->out_cnt && sum < len; j++) {
			sum += sealed_size(c->out[j].len, overhead);
			if (sum == len)
				return j + 1;
		}
	}
	return 0;
}

/* first 0: the write does not begin with these calls, as in wrote_first(), so it is TLS 1.3. */
static bool out_fits(const struct courtship *c, uint32_t len, uint32_t first, unsigned *ret_settled,
		     unsigned *ret_overhead)
{
	for (size_t i = 0; i < (first ? OVERHEADS : 1); i++) {
		unsigned n = calls_fit(c, len, first, overheads[i]);

		if (!n)
			continue;
		*ret_settled = n;
		*ret_overhead = overheads[i];
		return true;
	}
	return false;
}

static void drop_stale_calls(const struct streams *s, struct courtship *c, unsigned more)
{
	unsigned n = more;

	while (n < c->out_cnt && !fresh(s, c->out[n].at))
		n++;
	c->out_cnt -= n;
	memmove(c->out, c->out + n, c->out_cnt * sizeof(c->out[0]));
}

/* More sockets than streams: some of them belong to a library that is not observed. */
static unsigned next_out_score(const struct holder *h)
{
	return h->inboxes > 1 && h->inboxes > h->suitors ? SCORE_DOUBTED : SCORE_NEXT_OUT;
}

/* The end of a handshake is no data yet: sockets that only got so far say nothing against a fit. */
static void count_inbox(struct peer *p)
{
	p->holder->inboxes += !p->inbox.counted;
	p->inbox.counted = true;
}

/* One more record of a call; the overhead with which all of them are just that call. 0: not yet, or never. */
static unsigned part_fits(struct call *k, uint64_t sock, uint32_t first)
{
	if (k->records && k->sock != sock)
		k->records = PARTS;
	if (k->records == PARTS)
		return 0;
	k->sock = sock;
	k->sealed += first;
	k->records++;
	for (size_t i = 0; i < OVERHEADS; i++)
		if (k->sealed == k->len + (uint64_t)k->records * overheads[i])
			return overheads[i];
	return 0;
}

/* A write of one record that is no whole call: it may be the next part of the thread's last. */
static void wrote_part(struct streams *s, struct peer *p, const struct wire_record *r, uint32_t first)
{
	unsigned seen = 0;

	for (struct link *at = p->holder->writers.next; at != &p->holder->writers && seen < CROWD; at = at->next, seen++) {
		struct live *w = link_owner(at, struct live, suit.writer);
		struct courtship *c = w->suit.state;
		struct call *k = c->out_cnt ? &c->out[c->out_cnt - 1] : NULL;
		unsigned overhead;

		if (!k || k->tid != r->hdr.tid)
			continue;
		overhead = fresh(s, k->at) ? part_fits(k, p->k.id, first) : 0;
		if (overhead) {
			uint32_t len = k->len;

			drop_stale_calls(s, c, c->out_cnt);
			fit(s, w, p, len, overhead, next_out_score(p->holder));
		}
		return;
	}
}

/* len bytes were written to a socket, in the call r: whose were these? */
static void wrote(struct streams *s, struct peer *p, const struct wire_record *r, uint32_t len,
		  uint32_t first)
{
	unsigned seen = 0, fits = 0, n, overhead, settled = 0, its = 0;
	bool next = false, other = false;
	struct live *l = NULL;
	struct link *at, *after;

	for (at = p->holder->writers.next; at != &p->holder->writers; at = after) {
		struct live *w = link_owner(at, struct live, suit.writer);
		struct courtship *c = w->suit.state;
		bool same;

		after = at->next;
		drop_stale_calls(s, c, 0);
		if (!c->out_cnt) {
			link_out(at);
			continue;
		}
		if (++seen > CROWD)
			return;
		same = c->out[c->out_cnt - 1].tid == r->hdr.tid;
		if (out_fits(c, len, first, &n, &overhead)) {
			fits++;
			l = w;
			settled = n;
			its = overhead;
			next = same && !other && n == c->out_cnt;
		}
		other |= same;
	}
	if (!fits && first && len == HEADER + first)
		wrote_part(s, p, r, first);
	if (fits != 1)
		return;
	drop_stale_calls(s, l->suit.state, settled);
	fit(s, l, p, len, its, next && len >= SHORT ? next_out_score(p->holder) : SCORE_FIT);
}

/*
 * Seen with uvloop: the first write carries the end of a TLS 1.3 handshake before
 * the data, a ChangeCipherSpec for middleboxes (RFC 8446 section D.4) and the
 * Finished record, which is as long as the hash that the cipher goes with.
 */
static void wrote_first(struct streams *s, struct peer *p, const struct wire_record *r)
{
	static const uint32_t before[] = {
		HEADER + 1 + HEADER + 4 + 32 + 17,	/* SHA-256 */
		HEADER + 1 + HEADER + 4 + 48 + 17,	/* SHA-384 */
	};

	if (r->len > before[1])
		count_inbox(p);
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && p->inbox.state; i++)
		if (r->len > before[i])
			wrote(s, p, r, r->len - before[i], 0);
}

static void drop_mail(struct mail *m, unsigned n)
{
	m->cnt -= n;
	memmove(m->in, m->in + n, m->cnt * sizeof(m->in[0]));
}

/* A socket was read from: the record that came first will be known again when the library gives it out. */
static void received(struct streams *s, struct peer *p, const struct wire_record *r, uint32_t first)
{
	struct mail *m = p->inbox.state;
	struct sealed *last;

	list_push(&p->holder->readers, &p->inbox.reader);
	last = m->cnt ? &m->in[m->cnt - 1] : NULL;
	if (last && last->got < HEADER + last->len) {
		last->got = r->len < SEALED_MAX ? last->got + r->len : HEADER + last->len;
		last->at = s->now;
		last->tid = r->hdr.tid;
		return;
	}
	if (!first)
		return;
	if (m->cnt == RECORDS)
		drop_mail(m, 1);
	m->in[m->cnt++] = (struct sealed){ .at = s->now, .tid = r->hdr.tid, .len = first, .got = r->len };
}

/* The index of the first whole fresh record that holds n bytes; RECORDS: none. */
static unsigned mail_fits(const struct streams *s, const struct mail *m, uint32_t n, unsigned *ret_overhead)
{
	for (unsigned i = 0; i < m->cnt; i++) {
		if (!fresh(s, m->in[i].at) || m->in[i].got < HEADER + m->in[i].len)
			continue;
		for (size_t o = 0; o < OVERHEADS; o++) {
			if (m->in[i].len != n + overheads[o])
				continue;
			*ret_overhead = overheads[o];
			return i;
		}
	}
	return RECORDS;
}

/* The library gave out n bytes: which socket did they come from? */
static void gave_out(struct streams *s, struct live *l, uint32_t n, uint32_t tid)
{
	unsigned seen = 0, fits = 0, i, overhead, which = 0, its = 0;
	struct peer *p = NULL;
	struct link *at, *after;
	bool next = false;

	for (at = l->holder->readers.next; at != &l->holder->readers; at = after) {
		struct peer *r = link_owner(at, struct peer, inbox.reader);
		struct mail *m = r->inbox.state;

		after = at->next;
		if (!m->cnt || !fresh(s, m->in[m->cnt - 1].at)) {
			link_out(at);
			continue;
		}
		if (++seen > CROWD)
			return;
		i = mail_fits(s, m, n, &overhead);
		if (i == RECORDS)
			continue;
		fits++;
		p = r;
		which = i;
		its = overhead;
		next = seen == 1 && m->in[m->cnt - 1].tid == tid;
	}
	if (fits != 1)
		return;
	drop_mail(p->inbox.state, which + 1);
	fit(s, l, p, n, its, next ? SCORE_NEXT_IN : SCORE_FIT);
}

void bind_call(struct streams *s, struct live *l, const struct wire_data *d)
{
	struct courtship *c = l->suit.state;

	if (l->s.sock || !l->holder || !d->call_len || !(d->flags & WIRE_F_LAST))
		return;
	if (!c) {
		c = l->suit.state = calloc(1, sizeof(*c));
		if (!c)
			return;
		l->holder->suitors++;
	}
	if (d->dir == WIRE_IN) {
		gave_out(s, l, d->call_len, d->hdr.tid);
		return;
	}
	drop_stale_calls(s, c, c->out_cnt == CALLS);
	c->out[c->out_cnt++] = (struct call){ .at = s->now, .len = d->call_len, .tid = d->hdr.tid };
	list_push(&l->holder->writers, &l->suit.writer);
}

/* The length in a header of application data; 0: it is something else, or not a header at all. */
static uint32_t first_sealed(const uint8_t head[static 5])
{
	uint32_t n = (uint32_t)head[3] << 8 | head[4];

	return head[0] == 23 && head[1] == 3 && head[2] == 3 && n > 16 && n <= SEALED_MAX ? n : 0;
}

static bool open_inbox(struct peer *p)
{
	if (p->inbox.state)
		return true;
	p->inbox.state = calloc(1, sizeof(*p->inbox.state));
	return p->inbox.state;
}

void bind_record(struct streams *s, struct peer *p, const struct wire_record *r)
{
	uint32_t first = r->len >= HEADER ? first_sealed(r->head) : 0;
	bool finished = r->len > HEADER + 1 && !memcmp(r->head, (uint8_t[]){ 20, 3, 3, 0, 1 }, HEADER);

	if (!p->holder || !(first || finished || p->inbox.state) || !open_inbox(p))
		return;
	if (r->dir == WIRE_IN) {
		if (r->len > TICKETS)
			count_inbox(p);
		received(s, p, r, first);
	} else if (first) {
		count_inbox(p);
		wrote(s, p, r, r->len, first);
	} else if (finished)
		wrote_first(s, p, r);
}
