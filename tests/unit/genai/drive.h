/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVE_H
#define DRIVE_H

#include <stdio.h>
#include <stdlib.h>

#include "genai/genai.h"
#include "proto/exchange.h"

/* Brings bytes of an HTTP/1 exchange all the way to a finished call.  NULL: no call. */
struct drive {
	struct conn *conn;
	struct gen_call *call, *result;
	bool want_content, read_all;
	unsigned done;
};

static inline void drive_step(struct drive *d, const struct xev *ev)
{
	bool ask = ev->kind == XEV_REQUEST || ev->kind == XEV_DONE ||
		   (ev->kind == XEV_EVENT && ev->x->resp.event_cnt <= 1);

	if (!d->call && ask)
		d->call = gen_open(ev->x, d->want_content);
	if (d->call)
		d->call->read_all = d->read_all;
	if (ev->kind == XEV_EVENT && d->call)
		gen_event(d->call, ev->x, ev->name, ev->value);
	if (ev->kind != XEV_DONE)
		return;
	d->done++;
	if (d->call)
		gen_finish(d->call, ev->x);
	gen_free(d->result);
	d->result = d->call;
	d->call = NULL;
}

static inline void drive_pull(struct drive *d)
{
	struct xev ev;

	while (conn_next(d->conn, &ev))
		if (ev.kind != XEV_OPAQUE)
			drive_step(d, &ev);
}

static inline struct gen_call *drive(struct view req, struct view resp, bool want_content)
{
	struct drive d = { .conn = conn_new(false), .want_content = want_content };

	conn_bytes(d.conn, 0, req, 1000);
	drive_pull(&d);
	conn_bytes(d.conn, 1, resp, 2000);
	drive_pull(&d);
	conn_end(d.conn, 3000);
	drive_pull(&d);
	conn_free(d.conn);
	return d.result;
}

/* The same from parts: what a request and an answer are, without HTTP's dressing. */
struct said {
	const char *target;		/* "/v1/chat/completions"; NULL: the request was not seen */
	const char *headers;		/* further request headers, "a: b\r\n"; NULL */
	const char *request;
	unsigned status;		/* 0: 200 */
	const char *type;		/* of the answer; NULL: by what it is */
	const char *answer;		/* events, or a body */
};

static inline bool is_events(const char *answer)
{
	return !strncmp(answer, "data:", 5) || !strncmp(answer, "event:", 6) || answer[0] == ':';
}

static inline void said_request(const struct said *s, struct buf *out)
{
	buf_init(out, 64 << 20);
	buf_addf(out, "POST %s HTTP/1.1\r\nHost: model.example\r\n%sContent-Length: %zu\r\n\r\n", s->target,
		 s->headers ? s->headers : "", strlen(s->request));
	buf_add(out, view_of(s->request));
}

static inline void said_answer(const struct said *s, struct buf *out)
{
	const char *type = s->type ? s->type : is_events(s->answer) ? "text/event-stream" : "application/json";

	buf_init(out, 64 << 20);
	buf_addf(out, "HTTP/1.1 %u X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", s->status ? s->status : 200,
		 type, strlen(s->answer));
	buf_add(out, view_of(s->answer));
}

static inline struct gen_call *drive_said(const struct said *s, bool want_content)
{
	struct gen_call *c;
	struct buf req, resp;

	said_request(s, &req);
	said_answer(s, &resp);
	c = drive(buf_view(&req), buf_view(&resp), want_content);
	buf_release(&req);
	buf_release(&resp);
	return c;
}

/* What a call knows, written down; good until free(). */
static inline void put_view(struct buf *b, const char *key, struct view v)
{
	if (v.n)
		buf_addf(b, "%s=%.*s\n", key, VIEW_ARG(v));
}

static inline void put_num(struct buf *b, const char *key, struct opt_int v)
{
	if (v.set)
		buf_addf(b, "%s=%lld\n", key, (long long)v.v);
}

static inline void put_double(struct buf *b, const char *key, struct opt_double v)
{
	if (v.set)
		buf_addf(b, "%s=%g\n", key, v.v);
}

static inline void put_flag(struct buf *b, const char *key, bool v)
{
	if (v)
		buf_addf(b, "%s\n", key);
}

static inline void facts_request(const struct gen_call *c, struct buf *b)
{
	static const char *const ops[] = { "chat", "text_completion", "generate_content", "embeddings", "retrieval",
					   "fetch_response", "invoke_agent" };

	buf_addf(b, "%s %s %s\n", ops[c->op], c->provider_name, c->api_type ? c->api_type : "-");
	put_view(b, "model", c->request_model);
	put_flag(b, "stream", c->stream);
	put_num(b, "max_tokens", c->max_tokens);
	put_num(b, "seed", c->seed);
	put_num(b, "top_k", c->top_k);
	put_num(b, "n", c->choice_count);
	put_double(b, "temperature", c->temperature);
	put_double(b, "top_p", c->top_p);
	put_double(b, "frequency_penalty", c->frequency_penalty);
	put_double(b, "presence_penalty", c->presence_penalty);
	put_view(b, "stop", buf_view(&c->stop_sequences));
	put_view(b, "level", c->reasoning_level);
	put_view(b, "previous", c->previous_response_id);
	put_view(b, "cursor", c->stream_cursor);
	put_view(b, "agent", c->agent_id);
	put_view(b, "conversation", c->conversation_id);
	put_view(b, "output_type", c->output_type);
	put_view(b, "asked_tier", c->request_service_tier);
	put_view(b, "encoding", buf_view(&c->encoding_formats));
	put_num(b, "dimensions", c->dimension_count);
	put_view(b, "source", c->data_source_id);
	put_num(b, "retrieval_top_k", c->retrieval_top_k);
	put_view(b, "query", c->retrieval_query);
	put_view(b, "documents", buf_view(&c->retrieval_documents));
	put_flag(b, "request_cut", c->request_cut);
}

static inline void facts_usage(const struct gen_call *c, struct buf *b)
{
	put_num(b, "in", c->input_tokens);
	put_num(b, "out", c->output_tokens);
	put_num(b, "cache_read", c->cache_read_tokens);
	put_num(b, "cache_write", c->cache_write_tokens);
	put_num(b, "reasoning", c->reasoning_tokens);
	put_num(b, "in_text", c->input_text_tokens);
	put_num(b, "in_image", c->input_image_tokens);
	put_num(b, "in_audio", c->input_audio_tokens);
	put_num(b, "out_text", c->output_text_tokens);
	put_num(b, "out_image", c->output_image_tokens);
	put_num(b, "out_audio", c->output_audio_tokens);
}

static inline void facts_answer(const struct gen_call *c, struct buf *b)
{
	struct view finish[GEN_CHOICES_MAX];
	size_t n = gen_finish_reasons(c, finish, GEN_CHOICES_MAX);

	put_view(b, "id", c->response_id);
	put_view(b, "answered", c->response_model);
	put_view(b, "tier", c->response_service_tier);
	put_view(b, "fingerprint", c->system_fingerprint);
	put_view(b, "status", c->response_status);
	facts_usage(c, b);
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%s%.*s%s", i ? "," : "finish=", VIEW_ARG(finish[i]), i + 1 < n ? "" : "\n");
	put_view(b, "error", c->error_type);
	put_view(b, "says", c->error_message);
	put_flag(b, "compacted", c->compacted);
	put_flag(b, "response_cut", c->response_cut);
	put_flag(b, "not_inference", c->not_inference);
	put_flag(b, "other_models", c->other_models);
	put_flag(b, "terminal", c->terminal);
}

static inline char *facts(const struct gen_call *c, void (*write)(const struct gen_call *c, struct buf *b))
{
	struct buf b;

	buf_init(&b, 64 << 20);
	if (c)
		write(c, &b);
	buf_add_byte(&b, 0);
	return b.p;
}

/* All that is known of a call. */
static inline void facts_all(const struct gen_call *c, struct buf *b)
{
	facts_request(c, b);
	facts_answer(c, b);
	buf_addf(b, "system=%.*s\ninput=%.*s\ntools=%.*s\n", VIEW_ARG(buf_view(&c->system_instructions)),
		 VIEW_ARG(buf_view(&c->input_messages)), VIEW_ARG(buf_view(&c->tool_definitions)));
	buf_addf(b, "choices=%u parts=%u text_left=%zu failed=%d\n", c->choice_cnt, c->part_cnt, c->text_left, c->failed);
	if (gen_output_messages(c, b))
		abort();
}

static inline char *output_messages(const struct gen_call *c)
{
	struct buf b;

	buf_init(&b, 64 << 20);
	if (c && gen_output_messages(c, &b))
		abort();
	buf_add_byte(&b, 0);
	return b.p;
}

#endif /* DRIVE_H */
