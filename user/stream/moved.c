// SPDX-License-Identifier: Apache-2.0
/*
 * TLS objects that move in memory.
 *
 * A Rust program moves its connection where it likes: seen with codex between the upgrade to
 * WebSocket and the first frame. The kernel half, which knows a stream by its object's address,
 * then counts a new stream from 0, and says once that it has the socket of the old one, when a
 * record passes there that fits. Both are one conversation: what waits of the new stream is
 * put behind the old one's bytes, and all that comes later.
 *
 * What was handed on cannot be taken back. So in a process that uses such a library a new
 * stream says nothing until its socket is known, or STREAM_WAIT_NS have passed; then the two
 * stay two.
 */
#include "stream/table.h"

void moved_hold(struct live *l)
{
	l->held = l->s.source == WIRE_SRC_TLS && l->holder && l->holder->moves && !l->s.sock;
}

uint64_t moved_base(const struct live *l, uint64_t id, int dir)
{
	return l->other && l->other == id ? l->base[dir] : 0;
}

/* No record of this id can come any more, but its end. */
static void bury_other(struct streams *s, struct live *l)
{
	struct grave *g;

	map_del(&s->streams, l->other);
	g = grave_dig(s, l->other, GRAVE_GONE);
	for (int dir = 0; g && dir < 2; dir++)
		g->end[dir] = l->s.dir[dir].top - l->base[dir];
	l->other = 0;
}

void moved_forget(struct streams *s, struct live *l)
{
	if (l->other)
		bury_other(s, l);
}

static bool said_nothing(const struct live *l)
{
	const struct stream_dir *out = &l->s.dir[WIRE_OUT], *in = &l->s.dir[WIRE_IN];

	return !l->other && !out->next && !out->eof && !in->next && !in->eof;
}

/* Whose library is not known before its first bytes may be anybody. */
static bool same_lib(const struct live *old, const struct live *l)
{
	return old->s.lib == l->s.lib || (!l->s.dir[WIRE_OUT].top && !l->s.dir[WIRE_IN].top);
}

static bool goes_on(const struct live *old, const struct live *l)
{
	return old && old != l && !old->ending && old->holder == l->holder && same_lib(old, l) &&
	       (old->s.bind_basis == WIRE_BIND_THREAD || old->s.bind_basis == WIRE_BIND_RECORD);
}

bool moved_join(struct streams *s, struct live *l, struct peer *p)
{
	uint64_t id = l->s.id, base[2];
	struct live *old = p->tls;
	struct grave *g;

	if (!goes_on(old, l) || !said_nothing(l))
		return false;
	for (int dir = 0; dir < 2; dir++) {
		base[dir] = dir_of(old, dir)->top;
		order_append(old, l, dir);
	}
	live_free(s, l);
	s->stats.bound[0]--;
	g = grave_get(s, id);
	if (g)
		grave_fill(s, g);
	moved_forget(s, old);
	if (map_put(&s->streams, id, old))
		return true;
	old->other = id;
	memcpy(old->base, base, sizeof(base));
	s->stats.moved++;
	return true;
}

/* The kernel half tells where the old object's bytes ended: those that never came are lost. */
bool moved_end(struct streams *s, struct live *l, const struct wire_stream_end *e)
{
	if (!l->other || e->stream != l->s.id)
		return false;
	for (int dir = 0; dir < 2; dir++) {
		uint64_t n = e->off[dir] > l->base[dir] ? e->off[dir] - l->base[dir] : 0;

		s->stats.seen[dir] += n;
		s->stats.lost[dir] += n;
		l->s.dir[dir].lost += n;
	}
	return true;
}
