// SPDX-License-Identifier: Apache-2.0
/*
 * Operations out of messages.  What a message belongs to is its session: one process's end of one
 * conversation.  A session has a name where the protocol gives one (Mcp-Session-Id, the sessionId in a 2024-11-05
 * message URL); then an answer may come on any connection.  Where there is none (stateless servers, 2026-07-28) it is known by
 * URL, only for what the server said of itself, and an answer has to come on the exchange that asked.
 */
#include <stdlib.h>

#include "base/map.h"
#include "mcp/mcp_core.h"

#define SESSIONS_MAX	4096
#define OPEN_MAX	16384	/* calls without an answer, in all */
#define ARENA_MAX	(64 * 1024)
#define ARENA_MAX_CONTENT (20 * 1024 * 1024)
#define TEXT_MAX	4096	/* of a name, id or message */

struct mcp {
	bool want_content;
	struct map by_key, by_where;
	struct mcp_session *newest, *oldest;	/* by last use */
	unsigned session_cnt, open_cnt;
	struct mcp_news *first, **end;
	struct mcp_ways ways;
	struct mcp_stats stats;
};

struct mcp *mcp_new(bool want_content)
{
	struct mcp *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->want_content = want_content;
	m->end = &m->first;
	map_init(&m->by_key, SESSIONS_MAX * 2);
	map_init(&m->by_where, SESSIONS_MAX);
	mcp_ways_init(&m->ways);
	return m;
}

void mcp_call_free(struct mcp_call *c)
{
	if (!c)
		return;
	arena_release(&c->arena);
	free(c);
}

const struct mcp_stats *mcp_stats(const struct mcp *m)
{
	return &m->stats;
}

struct mcp_ways *mcp_ways(struct mcp *m)
{
	return &m->ways;
}

void mcp_lost(struct mcp *m)
{
	m->stats.lost++;
}

/* Sessions */

static void unlink_session(struct mcp *m, struct mcp_session *s)
{
	*(s->newer ? &s->newer->older : &m->newest) = s->older;
	*(s->older ? &s->older->newer : &m->oldest) = s->newer;
	s->newer = s->older = NULL;
}

static void link_newest(struct mcp *m, struct mcp_session *s)
{
	s->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = s;
	m->newest = s;
}

static void session_free(struct mcp *m, struct mcp_session *s)
{
	struct mcp_session *at = map_get(&m->by_key, s->key);

	if (at == s) {
		map_del(&m->by_key, s->key);
		if (s->same)
			map_put(&m->by_key, s->key, s->same);
	} else {
		while (at && at->same != s)
			at = at->same;
		if (at)
			at->same = s->same;
	}
	unlink_session(m, s);
	m->session_cnt--;
	free(s);
}

static void make_room(struct mcp *m)
{
	struct mcp_session *s = m->oldest, *newer;

	for (; s && m->session_cnt >= SESSIONS_MAX; s = newer) {
		newer = s->newer;
		if (!s->open && !s->pins)
			session_free(m, s);
	}
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3;	/* FNV-1a */
	return h;
}

static uint64_t session_key(const struct mcp_who *who, struct view name)
{
	uint64_t key = mix(0xcbf29ce484222325, &who->pid, sizeof(who->pid));

	key = mix(key, &who->start, sizeof(who->start));
	return mix(mix(key, &who->serves, 1), name.p, name.n);
}

struct mcp_session *mcp_session_find(struct mcp *m, const struct mcp_who *who, struct view name, bool real)
{
	struct mcp_session *s;

	name = view_take(name, sizeof(s->name) - 1);
	for (s = map_get(&m->by_key, session_key(who, name)); s; s = s->same)
		if (s->pid == who->pid && s->start == who->start && s->serves == who->serves && s->real == real &&
		    view_eq(name, view_of(s->name)))
			return s;
	return NULL;
}

static struct mcp_session *session_new(struct mcp *m, const struct mcp_who *who, struct view name, bool real)
{
	struct mcp_session *s;

	make_room(m);
	s = m->session_cnt < SESSIONS_MAX ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		m->stats.lost++;
		return NULL;
	}
	*s = (struct mcp_session){ .pid = who->pid, .start = who->start, .serves = who->serves, .real = real };
	name = view_take(name, sizeof(s->name) - 1);
	if (name.n)
		memcpy(s->name, name.p, name.n);
	s->key = session_key(who, name);
	s->same = map_get(&m->by_key, s->key);
	if (map_put(&m->by_key, s->key, s)) {
		m->stats.lost++;
		free(s);
		return NULL;
	}
	link_newest(m, s);
	m->session_cnt++;
	return s;
}

struct mcp_session *mcp_session(struct mcp *m, const struct mcp_who *who, struct view name, bool real)
{
	struct mcp_session *s = mcp_session_find(m, who, name, real);

	if (!s)
		return session_new(m, who, name, real);
	unlink_session(m, s);
	link_newest(m, s);
	return s;
}

void mcp_pin(struct mcp *m, const void *where, struct mcp_session *s)
{
	mcp_unpin(m, where);
	if (!map_put(&m->by_where, (uintptr_t)where, s))
		s->pins++;
}

struct mcp_session *mcp_pinned(struct mcp *m, const void *where)
{
	return map_get(&m->by_where, (uintptr_t)where);
}

void mcp_unpin(struct mcp *m, const void *where)
{
	struct mcp_session *s = map_del(&m->by_where, (uintptr_t)where);

	if (s)
		s->pins--;
}

void mcp_set_fact(char *to, size_t n, struct json v)
{
	struct buf b;

	buf_init(&b, n - 1);
	json_text(v, &b);
	if (b.n) {
		memcpy(to, b.p, b.n);
		to[b.n] = '\0';
	}
	buf_release(&b);
}

/* Calls */

/* What is to be told is in the call itself: that it is over can never fail to be said. */
static void tell(struct mcp *m, struct mcp_call *c, bool over)
{
	struct mcp_news *n = &c->news[over];

	n->call = c;
	n->next = NULL;
	*m->end = n;
	m->end = &n->next;
}

bool mcp_next(struct mcp *m, struct mcp_event *ret)
{
	struct mcp_news *n = m->first;

	if (!n)
		return false;
	*ret = (struct mcp_event){ n->call, n == &n->call->news[1] };
	m->first = n->next;
	if (!m->first)
		m->end = &m->first;
	return true;
}

struct view mcp_text(struct mcp_call *c, struct json v)
{
	struct view copy = VIEW_NONE;
	struct buf b;

	if (v.type == JSON_NUMBER)
		return arena_copy(&c->arena, view_take(v.raw, TEXT_MAX));
	buf_init(&b, TEXT_MAX);
	json_text(v, &b);
	if (b.n)
		copy = arena_copy(&c->arena, buf_view(&b));
	buf_release(&b);
	return copy;
}

struct view mcp_content(const struct mcp *m, struct mcp_call *c, struct json v)
{
	struct view copy = VIEW_NONE;
	struct jsonw w;
	struct buf b;

	if (!m->want_content || v.type == JSON_NONE)
		return VIEW_NONE;
	buf_init(&b, ARENA_MAX_CONTENT / 2);
	jsonw_init(&w, &b);
	jsonw_value(&w, v);
	if (!w.err)
		copy = arena_copy(&c->arena, buf_view(&b));
	buf_release(&b);
	return copy;
}

struct mcp_call *mcp_open(struct mcp *m, struct mcp_session *s, const struct mcp_place *at, bool sent, struct json id)
{
	struct mcp_call *c = m->open_cnt < OPEN_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		m->stats.lost++;
		return NULL;
	}
	arena_init(&c->arena, m->want_content ? ARENA_MAX_CONTENT : ARENA_MAX);
	c->side = sent ? MCP_CLIENT : MCP_SERVER;
	c->pid = at->who->pid;
	c->start = at->who->start;
	c->first_ts = at->first_ts;
	c->last_ts = at->ts;
	c->where = at->where;
	c->raw_id = id;
	c->raw_id.raw = arena_copy(&c->arena, id.raw);
	c->id = mcp_text(c, id);
	c->notification = id.type == JSON_NONE;
	c->local = at->local;
	if (at->conn)
		c->key = mix(at->conn, id.raw.p, id.raw.n) | 1;
	c->next = s->open;
	s->open = c;
	s->open_cnt++;
	m->open_cnt++;
	return c;
}

void mcp_opened(struct mcp *m, struct mcp_call *c)
{
	tell(m, c, false);
}

void mcp_close(struct mcp *m, struct mcp_session *s, struct mcp_call *c, enum mcp_end end, uint64_t ts)
{
	struct mcp_call **at = &s->open;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->next = NULL;
	s->open_cnt--;
	m->open_cnt--;
	c->end = end;
	c->last_ts = ts > c->first_ts ? ts : c->first_ts;
	if (!c->version.n)
		c->version = arena_copy(&c->arena, view_of(s->version));
	if (!c->server_name.n) {
		c->server_name = arena_copy(&c->arena, view_of(s->server_name));
		c->server_version = arena_copy(&c->arena, view_of(s->server_version));
	}
	tell(m, c, true);
}

struct mcp_call *mcp_find(struct mcp_session *s, enum mcp_side side, struct json id, const void *where)
{
	struct mcp_call *elsewhere = NULL;

	for (struct mcp_call *c = s->open; c; c = c->next) {
		if (c->side != side || !rpc_same_id(c->raw_id, id))
			continue;
		if (c->where == where)
			return c;
		elsewhere = c;
	}
	return s->real ? elsewhere : NULL;
}

void mcp_count(struct mcp *m, bool matched)
{
	m->stats.messages++;
	m->stats.unmatched += !matched;
}

void mcp_finish(struct mcp *m, uint64_t ts)
{
	for (struct mcp_session *s = m->newest; s; s = s->older)
		while (s->open)
			mcp_close(m, s, s->open, MCP_CUT, ts);
}

void mcp_free(struct mcp *m)
{
	struct mcp_event e;

	if (!m)
		return;
	mcp_ways_release(m);
	mcp_finish(m, 0);
	while (mcp_next(m, &e))
		if (e.over)
			mcp_call_free(e.call);
	while (m->oldest)
		session_free(m, m->oldest);
	map_release(&m->by_key);
	map_release(&m->by_where);
	free(m);
}
