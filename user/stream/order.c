// SPDX-License-Identifier: Apache-2.0
/*
 * One direction of one stream.  next is where the reader stands, top what the
 * kernel has counted, give_up the offset below which what is missing counts as
 * lost.  A record at or before next is handed on, one ahead of it waits.
 */
#include <stdlib.h>

#include "stream/table.h"

static void count_top(struct streams *s, struct stream_dir *d, int dir, uint64_t end)
{
	if (end <= d->top)
		return;
	s->stats.seen[dir] += end - d->top;
	d->top = end;
}

void order_expect(struct streams *s, struct live *l, int dir, uint64_t end)
{
	count_top(s, dir_of(l, dir), dir, end);
}

static void insert(struct stream_dir *d, struct waiting *w)
{
	struct waiting **at = &d->wait;

	if (d->wait_last && d->wait_last->off <= w->off)
		at = &d->wait_last->next;
	else
		while (*at && (*at)->off <= w->off)
			at = &(*at)->next;
	w->next = *at;
	*at = w;
	if (!w->next)
		d->wait_last = w;
}

/* Bytes that must wait are copied.  Without memory they are as good as dropped: later offsets say so. */
static void keep(struct streams *s, struct stream_dir *d, const struct waiting *w)
{
	struct waiting *copy = malloc(sizeof(*copy) + w->have);

	if (!copy)
		return;
	*copy = *w;
	copy->bytes = (char *)(copy + 1);
	if (w->have)
		memcpy(copy + 1, w->bytes, w->have);
	insert(d, copy);
	d->wait_bytes += sizeof(*copy) + w->have;
	d->wait_cnt++;
	s->wait_bytes += sizeof(*copy) + w->have;
	s->stats.reordered += w->off > d->next;
}

void order_take(struct streams *s, struct live *l, int dir, const struct waiting *w)
{
	struct stream_dir *d = dir_of(l, dir);

	count_top(s, d, dir, w->off + w->len);
	if (w->off > d->next || l->held) {
		keep(s, d, w);
		return;
	}
	s->cur = *w;
	s->cur_live = l;
	s->cur_dir = dir;
}

void order_expire(struct streams *s, struct live *l)
{
	for (int dir = 0; dir < 2; dir++) {
		struct stream_dir *d = dir_of(l, dir);

		for (struct waiting *w = d->wait; w; w = w->next)
			if (s->now - w->arrived >= STREAM_WAIT_NS && w->off > d->give_up)
				d->give_up = w->off;
	}
}

void order_finish(struct live *l)
{
	for (int dir = 0; dir < 2; dir++)
		dir_of(l, dir)->give_up = dir_of(l, dir)->top;
}

bool order_quiet(const struct live *l)
{
	for (int dir = 0; dir < 2; dir++)
		if (l->s.dir[dir].wait || l->s.dir[dir].next < l->s.dir[dir].top)
			return false;
	return true;
}

static void unlink_first(struct streams *s, struct stream_dir *d)
{
	struct waiting *w = d->wait;

	d->wait = w->next;
	if (!d->wait)
		d->wait_last = NULL;
	d->wait_bytes -= sizeof(*w);
	d->wait_cnt--;
	s->wait_bytes -= sizeof(*w);
}

/* The reader may still look at the bytes of a copy, so it lives until the next piece is asked for. */
static void used_up(struct streams *s, struct stream_dir *d, struct waiting *w)
{
	if (w == &s->cur) {
		s->cur_live = NULL;
		return;
	}
	unlink_first(s, d);
	w->next = s->spent;
	s->spent = w;
}

static struct waiting *first(struct streams *s, struct live *l, int dir)
{
	if (s->cur_live == l && s->cur_dir == dir)
		return &s->cur;
	return dir_of(l, dir)->wait;
}

/* Takes n bytes off the front of a record. */
static void consume(struct streams *s, struct stream_dir *d, struct waiting *w, uint32_t n)
{
	uint32_t here = n < w->have ? n : w->have;

	if (w != &s->cur) {
		d->wait_bytes -= here;
		s->wait_bytes -= here;
	}
	w->off += n;
	w->len -= n;
	w->bytes += here;
	w->have -= here;
}

static void skip_repeated(struct streams *s, struct stream_dir *d, struct waiting *w)
{
	uint64_t n = d->next - w->off;

	n = n < w->len ? n : w->len;
	if (!n)
		return;
	s->stats.repeated += n;
	consume(s, d, w, n);
}

static void moved_by(struct piece *p, const struct waiting *w)
{
	p->ts = w->ts;
	p->pid = w->pid;
	p->start = w->start;
	p->tid = w->tid;
}

/* What is missing up to `end`.  False: nobody wants to know. */
static bool gap(struct streams *s, struct live *l, int dir, uint64_t end, const struct waiting *w,
		struct piece *ret)
{
	struct stream_dir *d = dir_of(l, dir);
	uint64_t n = end - d->next;

	if (!d->next)
		l->s.joined = true;
	d->next = end;
	if (l->s.ignored) {
		s->stats.ignored[dir] += n;
		return false;
	}
	if (l->s.muted[dir]) {
		s->stats.ignored[dir] += n;
	} else {
		s->stats.lost[dir] += n;
		d->lost += n;
	}
	*ret = (struct piece){
		.kind = PIECE_GAP, .stream = &l->s, .dir = dir, .n = n, .muted = l->s.muted[dir],
		.ts = l->s.last_ts, .pid = l->s.pid, .start = l->s.start,
	};
	if (w)
		moved_by(ret, w);
	return true;
}

uint64_t stream_mute(struct stream *st, int dir)
{
	uint64_t mute = MUTE((uint64_t)dir, st->dir[!dir].next);

	if (st->muted[dir] == mute)
		return 0;
	st->muted[!dir] = 0;	/* the kernel half knows one */
	return st->muted[dir] = mute;
}

/* The other direction went on; until then what comes are records from before the kernel half heard of it. */
static bool speaks_again(const struct stream *st, int dir)
{
	return st->muted[dir] && st->dir[!dir].next - MUTE_OFF(st->muted[dir]) > MUTE_SLACK;
}

static void bytes(struct streams *s, struct live *l, int dir, struct waiting *w, struct piece *ret)
{
	*ret = (struct piece){
		.kind = PIECE_BYTES, .stream = &l->s, .dir = dir, .bytes = { w->bytes, w->have },
	};
	moved_by(ret, w);
	if (speaks_again(&l->s, dir))
		l->s.muted[dir] = 0;
	s->stats.delivered[dir] += w->have;
	dir_of(l, dir)->next += w->have;
	consume(s, dir_of(l, dir), w, w->have);
}

/* One piece of a record whose turn it is, or nothing when it says nothing new. */
static bool piece_of(struct streams *s, struct live *l, int dir, struct waiting *w, struct piece *ret)
{
	struct stream_dir *d = dir_of(l, dir);
	bool said = false;

	skip_repeated(s, d, w);
	if (w->have) {
		bytes(s, l, dir, w, ret);
		said = true;
	} else if (w->len) {
		uint32_t n = w->len;

		said = gap(s, l, dir, d->next + n, w, ret);
		consume(s, d, w, n);
	} else if (w->eof && !d->eof) {
		*ret = (struct piece){ .kind = PIECE_EOF, .stream = &l->s, .dir = dir };
		moved_by(ret, w);
		d->eof = said = true;
	}
	if (!w->len && !(w->eof && !d->eof))
		used_up(s, d, w);
	return said;
}

static bool too_much(const struct streams *s, const struct stream_dir *d)
{
	return d->wait_bytes > STREAM_WAIT_BYTES || d->wait_cnt > STREAM_WAIT_RECORDS ||
	       s->wait_bytes > STREAM_WAIT_ALL;
}

bool order_crowded(const struct streams *s, const struct live *l)
{
	return too_much(s, &l->s.dir[0]) || too_much(s, &l->s.dir[1]);
}

void order_append(struct live *to, struct live *from, int dir)
{
	struct stream_dir *d = dir_of(to, dir), *f = dir_of(from, dir);
	struct waiting *w, *next;

	for (w = f->wait; w; w = next) {
		next = w->next;
		w->off += d->top;
		insert(d, w);
	}
	d->top += f->top;
	d->wait_bytes += f->wait_bytes;
	d->wait_cnt += f->wait_cnt;
	*f = (struct stream_dir){ 0 };
}

bool order_next(struct streams *s, struct live *l, int dir, struct piece *ret)
{
	struct stream_dir *d = dir_of(l, dir);
	struct waiting *w;

	while ((w = first(s, l, dir)) || d->next < d->give_up) {
		if (w && w->off <= d->next) {
			if (piece_of(s, l, dir, w, ret))
				return true;
			continue;
		}
		if (w && (too_much(s, d) || speaks_again(&l->s, dir)) && d->give_up < w->off)
			d->give_up = w->off;
		if (d->next >= d->give_up)
			return false;
		if (gap(s, l, dir, w && w->off < d->give_up ? w->off : d->give_up, w, ret))
			return true;
	}
	return false;
}

void order_release(struct streams *s, struct live *l)
{
	if (s->cur_live == l)
		s->cur_live = NULL;
	for (int dir = 0; dir < 2; dir++) {
		struct stream_dir *d = dir_of(l, dir);

		while (d->wait) {
			struct waiting *w = d->wait;

			consume(s, d, w, w->len);
			unlink_first(s, d);
			free(w);
		}
	}
}
