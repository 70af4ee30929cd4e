// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "cover/cover.h"
#include "stream/sni.h"

#define STREAMS_MAX	(64 * 1024)
#define SAID_MAX	4096		/* programs times things */
#define REPORTS_MAX	256		/* waiting to be pulled */
#define TEXT_MAX	512

/*
 * A TLS 1.3 handshake ends in records of type application data: a client's
 * Finished is 58 or 74 bytes, an alert 24.  A request is more.
 */
#define REQUEST_MIN	160
/* Records are longer than what is in them by 17 to 29 bytes; a factor of 2 leaves room for streams of tiny writes. */
#define PARTLY_FACTOR	2
#define PARTLY_MIN	(64 * 1024)

#define APPLICATION_DATA 0x17

/* What is counted of a stream; gone at its end. */
struct counted {
	uint64_t top[2];
	uint32_t pid;
	uint64_t start;
	unsigned lib;
	bool tls, bound, ignored, muted[2];
};

struct waiting {
	struct waiting *next;
	struct cover_report r;
};

struct cover {
	struct cover_stats stats;
	struct map procs, streams, said;
	struct link suspects;
	struct waiting *first, **last;
	size_t waiting_cnt;
};

static const char *const names[COVER_WHAT_CNT] = {
	[COVER_UNREAD] = "unread_tls",
	[COVER_PARTLY] = "partly_unread_tls",
	[COVER_IO_URING] = "io_uring",
	[COVER_KTLS] = "ktls",
	[COVER_QUIC] = "quic",
};

const char *cover_what_name(enum cover_what what)
{
	return what < COVER_WHAT_CNT ? names[what] : "unknown";
}

struct cover *cover_new(void)
{
	struct cover *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	map_init(&c->procs, COVER_PROCS_MAX);
	map_init(&c->streams, STREAMS_MAX);
	map_init(&c->said, SAID_MAX);
	link_init(&c->suspects);
	c->last = &c->first;
	return c;
}

static void proc_free(struct cover_proc *p)
{
	free(p->exe);
	free(p->peer);
	free(p->stacks_text);
	free(p->why);
	free(p);
}

void cover_free(struct cover *c)
{
	struct waiting *w;
	size_t pos = 0;
	void *p;

	if (!c)
		return;
	while ((p = map_next(&c->procs, &pos, NULL)))
		proc_free(p);
	for (pos = 0; (p = map_next(&c->streams, &pos, NULL)); )
		free(p);
	while ((w = c->first)) {
		c->first = w->next;
		free(w);
	}
	map_release(&c->procs);
	map_release(&c->streams);
	map_release(&c->said);
	free(c);
}

static uint64_t key_of(uint32_t pid, uint64_t start)
{
	return start ^ (uint64_t)pid << 40;
}

const struct cover_proc *cover_get(const struct cover *c, uint32_t pid, uint64_t start)
{
	const struct cover_proc *p = map_get(&c->procs, key_of(pid, start));

	return p && p->pid == pid && p->start == start ? p : NULL;
}

static struct cover_proc *proc_of(struct cover *c, uint32_t pid, uint64_t start)
{
	struct cover_proc *p = map_get(&c->procs, key_of(pid, start));

	if (p)
		return p->pid == pid && p->start == start ? p : NULL;
	p = calloc(1, sizeof(*p));
	if (p && map_put(&c->procs, key_of(pid, start), p)) {
		free(p);
		p = NULL;
	}
	if (!p) {
		c->stats.refused++;
		return NULL;
	}
	p->pid = pid;
	p->start = start;
	link_init(&p->suspect);
	return p;
}

static void set_text(char **field, struct view v)
{
	char *copy = v.n ? strndup(v.p, v.n < TEXT_MAX ? v.n : TEXT_MAX) : NULL;

	if (!copy)
		return;
	free(*field);
	*field = copy;
}

/* Reports */

static const char *exe_name(const struct cover_proc *p)
{
	const char *slash = p->exe ? strrchr(p->exe, '/') : NULL;

	return slash ? slash + 1 : p->exe ? p->exe : "a process";
}

static void say_unread(const struct cover_proc *p, struct cover_report *r)
{
	const char *part = r->what == COVER_PARTLY ? "most of it cannot be read" : "it cannot be read";

	snprintf(r->words, sizeof(r->words), "%s (pid %u) talks TLS%s%s, and %s: %s", exe_name(p), p->pid,
		 p->peer ? " with " : "", p->peer ? p->peer : "", part,
		 p->why ? p->why : p->stacks_text ? p->stacks_text : "it ended before its files could be looked at");
}

static void say(const struct cover_proc *p, struct cover_report *r)
{
	static const char *const ways[COVER_WHAT_CNT] = {
		[COVER_IO_URING] = "uses io_uring; what it reads and writes that way is not seen",
		[COVER_KTLS] = "uses kernel TLS; what it sends past its TLS library is not seen",
		[COVER_QUIC] = "uses QUIC (HTTP/3), which is not read",
	};

	if (!ways[r->what])
		say_unread(p, r);
	else
		snprintf(r->words, sizeof(r->words), "%s (pid %u) %s", exe_name(p), p->pid, ways[r->what]);
	/* Paths and server names are the process's: a terminal must not obey them. */
	for (char *s = r->words; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

/* FNV-1a over the program's path. */
static uint64_t said_key(const struct cover_proc *p, enum cover_what what)
{
	uint64_t h = 14695981039346656037ull;

	for (const char *s = p->exe ? p->exe : ""; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211ull;
	return h ^ what;
}

static void report(struct cover *c, struct cover_proc *p, enum cover_what what, uint64_t ts)
{
	struct waiting *w;

	if (p->said & 1u << what)
		return;
	p->said |= 1u << what;
	if (map_get(&c->said, said_key(p, what)) || c->waiting_cnt == REPORTS_MAX) {
		c->stats.repeated++;
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	if (p->exe && map_put(&c->said, said_key(p, what), c))
		c->stats.refused++;	/* said again next time */
	w->r = (struct cover_report){ .what = what, .pid = p->pid, .start = p->start, .ts = ts };
	snprintf(w->r.exe, sizeof(w->r.exe), "%s", p->exe ? p->exe : "");
	say(p, &w->r);
	*c->last = w;
	c->last = &w->next;
	c->waiting_cnt++;
	c->stats.reports++;
}

int cover_next(struct cover *c, struct cover_report *ret)
{
	struct waiting *w = c->first;

	if (!w)
		return 0;
	*ret = w->r;
	c->first = w->next;
	if (!c->first)
		c->last = &c->first;
	c->waiting_cnt--;
	free(w);
	return 1;
}

/* Suspects: processes that look unread now */

static bool unread(const struct cover_proc *p, enum cover_what *ret)
{
	uint64_t cipher = p->cipher[0] + p->cipher[1], loose = p->loose[0] + p->loose[1], all = 0;

	if (p->cipher[WIRE_OUT] < REQUEST_MIN || !p->cipher[WIRE_IN])
		return false;
	for (size_t i = 0; i < p->stack_cnt; i++)
		all += p->stack[i].bytes[0] + p->stack[i].bytes[1];
	*ret = all ? COVER_PARTLY : COVER_UNREAD;
	return !all || cipher > PARTLY_FACTOR * loose + PARTLY_MIN;
}

static void judge(struct cover *c, struct cover_proc *p, uint64_t ts)
{
	enum cover_what what;

	if (!link_alone(&p->suspect) || p->said & (1u << COVER_UNREAD | 1u << COVER_PARTLY) || !unread(p, &what))
		return;
	p->since = ts;
	list_append(&c->suspects, &p->suspect);
}

/* Still unread after the wait, or at its end: said.  No longer unread: forgotten. */
static void settle(struct cover *c, struct cover_proc *p, uint64_t ts)
{
	enum cover_what what;

	link_out(&p->suspect);
	p->asked = false;
	p->what &= ~(1u << COVER_UNREAD | 1u << COVER_PARTLY);
	if (!unread(p, &what))
		return;
	p->what |= 1u << what;
	report(c, p, what, ts);
}

static void walk_suspects(struct cover *c, uint64_t ts, bool all)
{
	struct link *first;

	while ((first = list_first(&c->suspects))) {
		struct cover_proc *p = link_owner(first, struct cover_proc, suspect);

		if (!all && ts < p->since + COVER_WAIT_NS)
			break;
		settle(c, p, ts);
	}
}

/* The latest are at the end. */
int cover_ask(struct cover *c, uint32_t *ret_pid, uint64_t *ret_start)
{
	struct cover_proc *p = NULL;

	for (struct link *l = c->suspects.prev; l != &c->suspects; l = l->prev) {
		if (link_owner(l, struct cover_proc, suspect)->asked)
			break;
		p = link_owner(l, struct cover_proc, suspect);
	}
	if (!p)
		return 0;
	p->asked = true;
	*ret_pid = p->pid;
	*ret_start = p->start;
	return 1;
}

/* Records */

static struct counted *counted_of(struct cover *c, uint64_t stream, const struct wire_hdr *h, bool tls, unsigned lib)
{
	struct counted *s = map_get(&c->streams, stream);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s && map_put(&c->streams, stream, s)) {
		free(s);
		s = NULL;
	}
	if (!s) {
		c->stats.refused++;
		return NULL;
	}
	*s = (struct counted){ .pid = h->pid, .start = h->start, .tls = tls, .lib = lib };
	return s;
}

static struct cover_stack *stack_of(struct cover_proc *p, const struct counted *s)
{
	if (!s->tls)
		return &p->plain;
	for (size_t i = 0; i < p->stack_cnt; i++)
		if (p->stack[i].lib == s->lib)
			return &p->stack[i];
	if (p->stack_cnt == COVER_STACKS)
		return &p->stack[COVER_STACKS - 1];
	p->stack[p->stack_cnt].lib = s->lib;
	return &p->stack[p->stack_cnt++];
}

static void count_to(struct counted *s, struct cover_stack *k, int dir, uint64_t top)
{
	if (top <= s->top[dir])
		return;
	k->counted[dir] += top - s->top[dir];
	s->top[dir] = top;
}

/* What was not copied because nobody wanted it ends at off. */
static void skip_muted(struct counted *s, int dir, uint64_t off)
{
	if (!s->muted[dir] || off <= s->top[dir])
		return;
	s->top[dir] = off;
	s->muted[dir] = false;
}

static void on_data(struct cover *c, const struct wire_data *d)
{
	struct counted *s = counted_of(c, d->stream, &d->hdr, d->source == WIRE_SRC_TLS, d->lib);
	struct cover_proc *p = proc_of(c, d->hdr.pid, d->hdr.start);
	size_t have = d->hdr.size - sizeof(*d);
	struct cover_stack *k;

	if (!s || !p || s->ignored)
		return;
	if (!s->tls && d->source == WIRE_SRC_TLS) {	/* bound before its first byte */
		s->tls = true;
		s->lib = d->lib;
	}
	k = stack_of(p, s);
	k->joined |= !!(d->flags & WIRE_F_JOINED);
	skip_muted(s, d->dir, d->off);
	count_to(s, k, d->dir, d->off + d->len);
	if (d->flags & WIRE_F_HOLE)
		return;
	k->bytes[d->dir] += have;
	if (s->tls && !s->bound)
		p->loose[d->dir] += have;
}

static void on_bind(struct cover *c, const struct wire_bind *b)
{
	struct counted *s = counted_of(c, b->stream, &b->hdr, false, 0);

	if (s && b->basis != WIRE_BIND_RECORD)
		s->bound = true;
}

static void on_stream_end(struct cover *c, const struct wire_stream_end *e)
{
	struct counted *s = map_del(&c->streams, e->stream);
	struct cover_proc *p = s ? map_get(&c->procs, key_of(s->pid, s->start)) : NULL;

	for (int dir = 0; p && !s->ignored && dir < 2; dir++)
		if (!s->muted[dir])
			count_to(s, stack_of(p, s), dir, e->off[dir]);
	free(s);
}

void cover_ignore(struct cover *c, uint64_t stream)
{
	struct counted *s = map_get(&c->streams, stream);

	if (s)
		s->ignored = true;
}

void cover_mute(struct cover *c, uint64_t stream, int dir)
{
	struct counted *s = map_get(&c->streams, stream);

	if (s)
		s->muted[dir] = true;
}

static void on_tls_record(struct cover *c, const struct wire_record *r)
{
	struct cover_proc *p;

	if (!r->len || r->head[0] != APPLICATION_DATA)
		return;
	p = proc_of(c, r->hdr.pid, r->hdr.start);
	if (!p)
		return;
	p->cipher[r->dir] += r->len;
	judge(c, p, r->hdr.ts);
}

static void on_hello(struct cover *c, const struct wire_hello *h)
{
	struct cover_proc *p = proc_of(c, h->hdr.pid, h->hdr.start);
	struct view name;

	if (!p)
		return;
	p->hellos++;
	if (!p->peer && sni_find(wire_hello_bytes(h), &name))
		set_text(&p->peer, name);
}

static void on_notice(struct cover *c, const struct wire_notice *n)
{
	static const enum cover_what whats[WIRE_NOTICE_CNT] = {
		[WIRE_NOTICE_IO_URING] = COVER_IO_URING,
		[WIRE_NOTICE_KTLS] = COVER_KTLS,
		[WIRE_NOTICE_QUIC] = COVER_QUIC,
	};
	struct cover_proc *p = proc_of(c, n->hdr.pid, n->hdr.start);

	if (!p || !n->what || n->what >= WIRE_NOTICE_CNT)
		return;
	p->what |= 1u << whats[n->what];
	report(c, p, whats[n->what], n->hdr.ts);
}

static void add_text(char **field, const char *more)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	if (*field)
		buf_addf(&b, "%s; ", *field);
	buf_addf(&b, "%s", more);	/* too much: what stood there stays */
	set_text(field, buf_view(&b));
	buf_release(&b);
}

static void on_cover(struct cover *c, const struct wire_cover *w)
{
	struct cover_proc *p = proc_of(c, w->hdr.pid, w->hdr.start);
	struct view stack = wire_cover_str(w, WIRE_COVER_STACK), file = wire_cover_str(w, WIRE_COVER_FILE);
	struct view version = wire_cover_str(w, WIRE_COVER_VERSION);
	char text[TEXT_MAX];

	if (!p)
		return;
	if (wire_cover_str(w, WIRE_COVER_WHY).n)
		set_text(&p->why, wire_cover_str(w, WIRE_COVER_WHY));
	if (!stack.n)
		return;
	snprintf(text, sizeof(text), "%.*s%s%.*s in %.*s is %.*s", VIEW_ARG(stack), version.n ? " " : "",
		 VIEW_ARG(version), VIEW_ARG(file), VIEW_ARG(wire_cover_str(w, WIRE_COVER_STATE)));
	add_text(&p->stacks_text, text);
}

/* The process ended, or is another program from now on. */
static void on_gone(struct cover *c, const struct wire_hdr *h)
{
	struct cover_proc *p = map_get(&c->procs, key_of(h->pid, h->start));

	if (!p || p->pid != h->pid || p->start != h->start)
		return;
	if (!link_alone(&p->suspect))
		settle(c, p, h->ts);
	map_del(&c->procs, key_of(h->pid, h->start));
	proc_free(p);
}

static void on_seen(struct cover *c, const struct wire_seen *s)
{
	struct cover_proc *p = proc_of(c, s->hdr.pid, s->hdr.start);

	if (p && !p->exe)
		set_text(&p->exe, view_of(s->name));
}

static void on_facts(struct cover *c, const struct wire_facts *f)
{
	struct view exe = wire_facts_str(f, WIRE_FACT_EXE);
	struct cover_proc *p = exe.n ? proc_of(c, f->hdr.pid, f->hdr.start) : NULL;

	if (p)
		set_text(&p->exe, exe);
}

void cover_record(struct cover *c, const struct wire_hdr *h)
{
	switch (h->kind) {
	case WIRE_DATA:
		if (((const struct wire_data *)h)->source != WIRE_SRC_LOCAL)
			on_data(c, (const void *)h);
		break;
	case WIRE_BIND:
		on_bind(c, (const void *)h);
		break;
	case WIRE_STREAM_END:
		on_stream_end(c, (const void *)h);
		break;
	case WIRE_RECORD:
		on_tls_record(c, (const void *)h);
		break;
	case WIRE_HELLO:
		on_hello(c, (const void *)h);
		break;
	case WIRE_NOTICE:
		on_notice(c, (const void *)h);
		break;
	case WIRE_COVER:
		on_cover(c, (const void *)h);
		break;
	case WIRE_SEEN:
		on_seen(c, (const void *)h);
		break;
	case WIRE_FACTS:
		on_facts(c, (const void *)h);
		break;
	case WIRE_EXEC:
	case WIRE_EXIT:
		on_gone(c, h);
		break;
	case WIRE_TICK:
		walk_suspects(c, h->ts, false);
		break;
	case WIRE_FINISH:
		walk_suspects(c, h->ts, true);
		break;
	}
}

const struct cover_stats *cover_stats(const struct cover *c)
{
	return &c->stats;
}
