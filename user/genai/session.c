// SPDX-License-Identifier: Apache-2.0
#include "genai/session.h"

#include <stdlib.h>

#include "genai/read.h"

#define ID_MAX		256
#define SETUP_MAX	(1024 * 1024)

struct gen_session {
	const struct exchange *x;	/* the upgrade */
	const struct dialect *dialect;
	bool want_content;
	struct gen_turn *open, **open_end;	/* in the order they were asked for */
	unsigned open_cnt;
	struct gen_turn *over, **over_end;
	struct buf setup;		/* JSON; empty: none was said */
	struct buf last_id;		/* of the answer that ended last */
};

/* RFC 6455, and RFC 8441 for HTTP/2. */
static bool is_upgrade(const struct exchange *x)
{
	return x->status == 101 || (x->status / 100 == 2 && view_eq(x->method, VIEW("CONNECT")));
}

struct gen_session *gen_session_new(const struct exchange *x, bool want_content)
{
	const struct dialect *const *d = dialects;
	struct gen_session *s;

	while (*d && !(is_upgrade(x) && (*d)->match(x)))
		d++;
	s = *d ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	s->x = x;
	s->dialect = *d;
	s->want_content = want_content;
	s->open_end = &s->open;
	s->over_end = &s->over;
	buf_init(&s->setup, SETUP_MAX);
	buf_init(&s->last_id, ID_MAX);
	return s;
}

void gen_turn_free(struct gen_turn *t)
{
	if (!t)
		return;
	gen_free(t->call);
	free(t);
}

static void free_all(struct gen_turn *t)
{
	struct gen_turn *next;

	for (; t; t = next) {
		next = t->next;
		gen_turn_free(t);
	}
}

void gen_session_free(struct gen_session *s)
{
	if (!s)
		return;
	free_all(s->open);
	free_all(s->over);
	buf_release(&s->setup);
	buf_release(&s->last_id);
	free(s);
}

/* --- turns --- */

static struct gen_turn *turn_new(struct gen_session *s, const struct gen_step *step, bool asked, uint64_t ts)
{
	struct gen_turn *t = s->open_cnt < GEN_TURNS_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->x = (struct exchange){ .no = s->x->no, .method = s->x->method, .target = s->x->target,
				  .version = s->x->version, .status = s->x->status, .joined = s->x->joined };
	t->x.req = (struct message){ .headers = s->x->req.headers, .seen = asked, .done = asked,
				     .first_ts = asked ? ts : 0, .last_ts = asked ? ts : 0 };
	t->x.resp = (struct message){ .headers = s->x->resp.headers, .kind = BODY_EVENTS, .seen = true };
	t->x.req.body.complete = asked;
	t->lost_before = s->x->lost_bytes;
	t->call = gen_open_as(s->dialect->provider, &t->x, s->setup.n ? json_read(buf_view(&s->setup)) : step->body,
			      s->want_content);
	if (!t->call) {
		free(t);
		return NULL;
	}
	if (s->setup.n)
		s->dialect->provider->request(t->call, &t->x, step->body);
	t->call->request_cut = asked ? !gen_whole(step->body) : !step->by_itself;
	t->x.req.seen |= step->by_itself;
	return t;
}

static struct gen_turn *begin(struct gen_session *s, const struct gen_step *step, bool asked, uint64_t ts)
{
	struct gen_turn *t = turn_new(s, step, asked, ts);

	if (!t)
		return NULL;
	gen_set_text(t->call, &t->lane, step->lane);
	t->call->not_inference = step->no_model;
	t->maybe = step->maybe;
	*s->open_end = t;
	s->open_end = &t->next;
	s->open_cnt++;
	return t;
}

static void unlink_open(struct gen_session *s, struct gen_turn *t)
{
	struct gen_turn **at = &s->open;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (!t->next)
		s->open_end = at;
	t->next = NULL;
	s->open_cnt--;
}

static void finish(struct gen_session *s, struct gen_turn *t, enum exchange_end end)
{
	bool no_model = t->call->not_inference;

	unlink_open(s, t);
	t->x.lost_bytes = s->x->lost_bytes - t->lost_before;
	t->lost |= t->x.lost_bytes > 0;
	t->x.end = t->lost ? XEND_LOST : end;
	t->x.resp.done = t->x.resp.body.complete = end == XEND_OK && !t->lost;
	gen_finish(t->call, &t->x);
	t->call->not_inference |= no_model || (t->maybe && !t->x.resp.event_cnt);
	buf_reset(&s->last_id);
	buf_add(&s->last_id, t->call->response_id);
	*s->over_end = t;
	s->over_end = &t->next;
}

static void finish_all(struct gen_session *s, enum exchange_end end)
{
	while (s->open)
		finish(s, s->open, end);
}

static struct gen_turn *turn_of(struct gen_session *s, struct json lane)
{
	for (struct gen_turn *t = s->open; t; t = t->next) {
		if (t->lane.n ? json_is(lane, t->lane.p) : !gen_is_text(lane))
			return t;
	}
	return NULL;
}

/* --- messages --- */

static bool is_last_id(const struct gen_session *s, struct json id)
{
	return s->last_id.n && gen_is_text(id) &&
	       view_eq(buf_view(&s->last_id), (struct view){ id.raw.p + 1, id.raw.n - 2 });
}

static void keep_setup(struct gen_session *s, const struct gen_message *m, struct json v)
{
	struct json setup = s->dialect->setup ? s->dialect->setup(m->client, v) : (struct json){ 0 };

	if (setup.type != JSON_OBJECT || !gen_whole(setup))
		return;
	buf_reset(&s->setup);
	buf_add(&s->setup, setup.raw);
}

static void on_event(struct gen_session *s, const struct gen_message *m, const struct gen_step *step)
{
	struct gen_turn *t = turn_of(s, step->lane);
	struct message *resp;

	if (is_last_id(s, step->id))
		return;
	if (!t && step->starts)
		t = begin(s, step, false, m->ts);
	if (!t || (step->only_if_idle && t->x.resp.event_cnt))
		return;
	resp = &t->x.resp;
	if (!resp->event_cnt++)
		resp->first_ts = resp->first_event_ts = m->ts;
	resp->last_ts = m->ts;
	t->lost |= m->cut;
	gen_event(t->call, &t->x, VIEW("message"), m->data);
	if (step->kind == STEP_END)
		finish(s, t, XEND_OK);
}

/* Which turns they belonged to nobody knows. */
static void on_missing(struct gen_session *s)
{
	for (struct gen_turn *t = s->open; t; t = t->next)
		t->lost = true;
}

void gen_session_message(struct gen_session *s, const struct gen_message *m)
{
	struct json v = json_read(m->data);
	struct gen_step step;

	if (view_eq(m->name, VIEW("close"))) {
		if (!m->client)		/* who answers may go on until it says so, too */
			finish_all(s, XEND_CUT);
		return;
	}
	if (view_eq(m->name, VIEW("gap")) || (m->cut && v.type != JSON_OBJECT)) {
		on_missing(s);
		return;
	}
	if (v.type != JSON_OBJECT)
		return;
	keep_setup(s, m, v);
	step = s->dialect->read(m->client, v);
	if (step.kind == STEP_BEGIN && !(step.only_if_idle && s->open)) {
		struct gen_turn *t = begin(s, &step, step.body.type != JSON_NONE, m->ts);

		if (t && m->cut)
			t->lost = t->call->request_cut = true;
	} else if (step.kind == STEP_EVENT || step.kind == STEP_END) {
		on_event(s, m, &step);
	}
}

void gen_session_end(struct gen_session *s)
{
	finish_all(s, XEND_CUT);
}

struct gen_turn *gen_session_next(struct gen_session *s)
{
	struct gen_turn *t = s->over;

	if (!t)
		return NULL;
	s->over = t->next;
	if (!s->over)
		s->over_end = &s->over;
	t->next = NULL;
	return t;
}
