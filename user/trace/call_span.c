// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "trace/call_span.h"

static const char *const op_names[GEN_OP_CNT] = {
	[GEN_CHAT] = "chat",
	[GEN_COMPLETION] = "text_completion",
	[GEN_GENERATE_CONTENT] = "generate_content",
	[GEN_EMBEDDINGS] = "embeddings",
	[GEN_RETRIEVAL] = "retrieval",
	[GEN_FETCH_RESPONSE] = "fetch_response",
	[GEN_INVOKE_AGENT] = "invoke_agent",
};

struct filler {
	struct span *span;
	const struct call_facts *f;
};

static void put_str(struct filler *w, enum attr_id id, struct view v)
{
	if (v.n)
		attrs_str(&w->span->attrs, &w->span->arena, id, v);
}

static void put_int(struct filler *w, enum attr_id id, struct opt_int v)
{
	if (v.set)
		attrs_int(&w->span->attrs, &w->span->arena, id, v.v);
}

static void put_double(struct filler *w, enum attr_id id, struct opt_double v)
{
	if (v.set)
		attrs_double(&w->span->attrs, &w->span->arena, id, v.v);
}

static void put_num(struct filler *w, enum attr_id id, int64_t v)
{
	attrs_int(&w->span->attrs, &w->span->arena, id, v);
}

static void put_bool(struct filler *w, enum attr_id id, bool v)
{
	attrs_bool(&w->span->attrs, &w->span->arena, id, v);
}

/* A JSON array of strings as a string[] attribute. */
static void put_json_strs(struct filler *w, enum attr_id id, const struct buf *json)
{
	struct json_iter it = json_each(json_read(buf_view(json)));
	struct view list[64];
	struct json_member m;
	struct buf text;
	size_t n = 0;

	while (n < sizeof(list) / sizeof(list[0]) && json_next(&it, &m)) {
		buf_init(&text, 64 * 1024);
		if (!json_text(m.value, &text))
			list[n++] = arena_copy(&w->span->arena, buf_view(&text));
		buf_release(&text);
	}
	if (n)
		attrs_strs(&w->span->attrs, &w->span->arena, id, list, n);
}

static void request_attrs(struct filler *w, const struct gen_call *c)
{
	put_str(w, ATTR_GEN_AI_REQUEST_MODEL, c->request_model);
	if (c->stream && c->op != GEN_INVOKE_AGENT)
		put_bool(w, ATTR_GEN_AI_REQUEST_STREAM, true);
	put_int(w, ATTR_GEN_AI_REQUEST_MAX_TOKENS, c->max_tokens);
	put_double(w, ATTR_GEN_AI_REQUEST_TEMPERATURE, c->temperature);
	put_double(w, ATTR_GEN_AI_REQUEST_TOP_P, c->top_p);
	put_int(w, ATTR_GEN_AI_REQUEST_TOP_K, c->top_k);
	put_double(w, ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY, c->frequency_penalty);
	put_double(w, ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY, c->presence_penalty);
	put_int(w, ATTR_GEN_AI_REQUEST_SEED, c->seed);
	if (c->choice_count.set && c->choice_count.v != 1)
		put_int(w, ATTR_GEN_AI_REQUEST_CHOICE_COUNT, c->choice_count);
	put_json_strs(w, ATTR_GEN_AI_REQUEST_STOP_SEQUENCES, &c->stop_sequences);
	put_json_strs(w, ATTR_GEN_AI_REQUEST_ENCODING_FORMATS, &c->encoding_formats);
	put_str(w, ATTR_GEN_AI_REQUEST_REASONING_LEVEL, c->reasoning_level);
	put_str(w, ATTR_GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID, c->previous_response_id);
	put_str(w, ATTR_GEN_AI_REQUEST_STREAM_CURSOR, c->stream_cursor);
	put_str(w, ATTR_GEN_AI_AGENT_ID, c->agent_id);
	put_str(w, ATTR_GEN_AI_CONVERSATION_ID, c->conversation_id);
	put_str(w, ATTR_GEN_AI_OUTPUT_TYPE, c->output_type);
	put_int(w, ATTR_GEN_AI_EMBEDDINGS_DIMENSION_COUNT, c->dimension_count);
	put_str(w, ATTR_AWS_BEDROCK_GUARDRAIL_ID, c->guardrail_id);
	put_str(w, ATTR_OPENAI_API_TYPE, view_of(c->api_type));
	put_str(w, ATTR_OPENAI_REQUEST_SERVICE_TIER, c->request_service_tier);
}

static void retrieval_attrs(struct filler *w, const struct gen_call *c)
{
	put_str(w, ATTR_GEN_AI_DATA_SOURCE_ID, c->data_source_id);
	put_int(w, ATTR_GEN_AI_RETRIEVAL_TOP_K, c->retrieval_top_k);
	if (!strcmp(c->provider_name, "aws.bedrock"))
		put_str(w, ATTR_AWS_BEDROCK_KNOWLEDGE_BASE_ID, c->data_source_id);
}

static void response_attrs(struct filler *w, const struct gen_call *c)
{
	struct view finish[128];
	size_t n = gen_finish_reasons(c, finish, sizeof(finish) / sizeof(finish[0]));

	if (n)
		attrs_strs(&w->span->attrs, &w->span->arena, ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
			   finish, n);
	if (c->op != GEN_INVOKE_AGENT) {	/* an agent's answer is that of many models */
		put_str(w, ATTR_GEN_AI_RESPONSE_ID, c->response_id);
		put_str(w, ATTR_GEN_AI_RESPONSE_MODEL, c->response_model);
	}
	if (c->op == GEN_FETCH_RESPONSE)
		put_str(w, ATTR_GEN_AI_RESPONSE_STATUS, c->response_status);
	put_str(w, ATTR_OPENAI_RESPONSE_SERVICE_TIER, c->response_service_tier);
	put_str(w, ATTR_OPENAI_RESPONSE_SYSTEM_FINGERPRINT, c->system_fingerprint);
	if (c->compacted)
		put_bool(w, ATTR_GEN_AI_CONVERSATION_COMPACTED, true);
}

static void usage_attrs(struct filler *w, const struct gen_call *c)
{
	put_int(w, ATTR_GEN_AI_USAGE_INPUT_TOKENS, c->input_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, c->output_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, c->cache_read_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, c->cache_write_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, c->reasoning_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_TEXT_INPUT_TOKENS, c->input_text_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_IMAGE_INPUT_TOKENS, c->input_image_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_AUDIO_INPUT_TOKENS, c->input_audio_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_TEXT_OUTPUT_TOKENS, c->output_text_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_IMAGE_OUTPUT_TOKENS, c->output_image_tokens);
	put_int(w, ATTR_GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS, c->output_audio_tokens);
}

/* What the provider, or a gateway on the way, says it costs; not what a failed call might have. */
static bool said_cost(const struct call_facts *f, double *ret_usd)
{
	struct view said = message_header(&f->x->resp, "x-litellm-response-cost");	/* LiteLLM proxy */

	if (f->call->cost_usd.set)
		*ret_usd = f->call->cost_usd.v;
	return f->call->cost_usd.set || json_double(json_read(said), ret_usd);
}

static void cost_attrs(struct filler *w)
{
	const struct call_facts *f = w->f;
	double usd;

	if (!f->prices || f->call->op == GEN_FETCH_RESPONSE)
		return;
	if (said_cost(f, &usd)) {
		put_double(w, ATTR_ONLOOKER_COST_USD, (struct opt_double){ true, usd });
		put_str(w, ATTR_ONLOOKER_COST_BASIS, VIEW("provider"));
		return;
	}
	if (!prices_cost(f->prices, f->call, w->span->start / 1000000000, &usd))
		return;
	put_double(w, ATTR_ONLOOKER_COST_USD, (struct opt_double){ true, usd });
	put_str(w, ATTR_ONLOOKER_COST_BASIS, VIEW("list_price"));
	put_str(w, ATTR_ONLOOKER_COST_LIST_DATE, view_of(prices_date(f->prices)));
}

static void content_attrs(struct filler *w, const struct gen_call *c)
{
	struct buf out;

	put_str(w, ATTR_GEN_AI_SYSTEM_INSTRUCTIONS, buf_view(&c->system_instructions));
	put_str(w, ATTR_GEN_AI_INPUT_MESSAGES, buf_view(&c->input_messages));
	put_str(w, ATTR_GEN_AI_TOOL_DEFINITIONS, buf_view(&c->tool_definitions));
	put_str(w, ATTR_GEN_AI_RETRIEVAL_QUERY_TEXT, c->retrieval_query);
	put_str(w, ATTR_GEN_AI_RETRIEVAL_DOCUMENTS, buf_view(&c->retrieval_documents));
	if (!c->choices)
		return;
	buf_init(&out, 32 * 1024 * 1024);
	if (!gen_output_messages(c, &out))
		put_str(w, ATTR_GEN_AI_OUTPUT_MESSAGES, buf_view(&out));
	buf_release(&out);
}

struct view authority_split(struct view v, uint16_t *ret_port)
{
	struct view port = VIEW_NONE;
	char digits[6] = "";
	const char *colon;
	long n;

	*ret_port = 0;
	if (v.n && v.p[0] == '[') {		/* RFC 3986 section 3.2.2: an IPv6 literal */
		const char *end = memchr(v.p, ']', v.n);

		if (!end)
			return VIEW_NONE;
		port = view_drop(v, end + 1 - v.p);
		v = (struct view){ v.p + 1, end - v.p - 1 };
		if (port.n && port.p[0] == ':')
			port = view_drop(port, 1);
	} else if (v.n && (colon = memrchr(v.p, ':', v.n))) {
		port = view_drop(v, colon + 1 - v.p);
		v.n = colon - v.p;
	}
	if (!port.n || port.n >= sizeof(digits))
		return v;
	memcpy(digits, port.p, port.n);
	n = strtol(digits, NULL, 10);
	if (n > 0 && n <= UINT16_MAX)
		*ret_port = n;
	return v;
}

/* The authority the client addressed: of an absolute target (to a proxy), else the Host header. */
static struct view authority(const struct exchange *x)
{
	static const struct view schemes[] = { VIEW("http://"), VIEW("https://") };
	struct view rest, v;
	size_t n;

	for (size_t i = 0; i < 2; i++) {
		if (!view_starts(x->target, schemes[i]))
			continue;
		rest = view_drop(x->target, schemes[i].n);
		for (n = 0; n < rest.n && !memchr("/?#", rest.p[n], 3); n++)
			;
		v = view_take(rest, n);
		if (v.n && memrchr(v.p, '@', v.n)) {	/* credentials never leave */
			const char *at = memrchr(v.p, '@', v.n);

			v = view_drop(v, at + 1 - v.p);
		}
		return v;
	}
	v = message_header(&x->req, ":authority");	/* HTTP/2 (RFC 9113 section 8.3.1) */
	return v.n ? v : message_header(&x->req, "host");
}

/* An IPv4 peer of an IPv6 socket (Java's only kind) is an IPv4 peer: RFC 4291, 2.5.5.2. */
bool sock_peer_text(const struct sock *k, char text[static INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (k->family == AF_INET6 && !memcmp(k->raddr, mapped, sizeof(mapped)))
		return inet_ntop(AF_INET, k->raddr + sizeof(mapped), text, INET6_ADDRSTRLEN);
	return inet_ntop(k->family, k->raddr, text, INET6_ADDRSTRLEN);
}

static void peer_attrs(struct filler *w, const struct sock *k)
{
	char text[INET6_ADDRSTRLEN];

	if (k->family != AF_INET && k->family != AF_INET6)
		return;
	if (!sock_peer_text(k, text))
		return;
	put_str(w, ATTR_NETWORK_PEER_ADDRESS, view_of(text));
	put_num(w, ATTR_NETWORK_PEER_PORT, k->rport);
}

struct named {
	struct view name;
	const char *basis;
};

/* server.address: SNI, then Host, then what DNS said, then the peer's address; what the client addressed comes first. */
static struct named server_name(const struct sock *k, struct view host, char text[static INET6_ADDRSTRLEN])
{
	if (k && k->sni[0])
		return (struct named){ view_of(k->sni), "sni" };
	if (host.n)
		return (struct named){ host, "host" };
	if (k && k->dns)
		return (struct named){ view_of(k->dns), "dns" };
	if (k && sock_peer_text(k, text))
		return (struct named){ view_of(text), "address" };
	return (struct named){ VIEW_NONE, NULL };
}

static void server_attrs(struct filler *w)
{
	static const char *const basis[] = {
		[WIRE_BIND_CALL] = "socket_call",
		[WIRE_BIND_FD] = "set_fd",
		[WIRE_BIND_RECORD] = "record_lengths",
		[WIRE_BIND_OBJECT] = "tls_object",
		[WIRE_BIND_THREAD] = "same_thread",
	};
	const struct stream *s = w->f->s;
	const struct sock *k = s ? s->sock : NULL;
	bool tls = s && s->source == WIRE_SRC_TLS;
	char text[INET6_ADDRSTRLEN];
	uint16_t port;
	struct view host = authority_split(authority(w->f->x), &port);
	struct named n = server_name(k, host, text);

	if (n.name.n) {
		if (!port)
			port = host.n || !k ? (tls ? 443 : 80) : k->rport;
		put_str(w, ATTR_SERVER_ADDRESS, n.name);
		put_num(w, ATTR_SERVER_PORT, port);
		put_str(w, ATTR_ONLOOKER_SERVER_ADDRESS_BASIS, view_of(n.basis));
	}
	if (!k)
		return;
	peer_attrs(w, k);
	if (tls && (size_t)s->bind_basis < sizeof(basis) / sizeof(basis[0]) && basis[s->bind_basis])
		put_str(w, ATTR_ONLOOKER_PEER_BASIS, view_of(basis[s->bind_basis]));
}

void call_span_server(struct span *span, const struct exchange *x, const struct stream *s)
{
	struct call_facts f = { .x = x, .s = s };

	server_attrs(&(struct filler){ span, &f });
}

static struct view http_version(unsigned version)
{
	if (version == 20)
		return VIEW("2");
	return version == 10 ? VIEW("1.0") : VIEW("1.1");
}

static void http_attrs(struct filler *w)
{
	const struct exchange *x = w->f->x;
	struct view retry = message_header(&x->req, "x-stainless-retry-count");
	char digits[8] = "";
	long n;

	if (x->version)
		put_str(w, ATTR_NETWORK_PROTOCOL_VERSION, http_version(x->version));
	if (x->status)
		put_num(w, ATTR_HTTP_RESPONSE_STATUS_CODE, x->status);
	if (!retry.n || retry.n >= sizeof(digits))
		return;
	memcpy(digits, retry.p, retry.n);
	n = strtol(digits, NULL, 10);
	if (n > 0)
		put_num(w, ATTR_HTTP_REQUEST_RESEND_COUNT, n);
}

/* How the exchange ended, when not well; NULL: it did. */
static const char *bad_end(const struct call_facts *f)
{
	switch (f->x->end) {
	case XEND_CUT:		/* a client that hangs up after the provider's last word has all of it */
		return f->call->terminal ? NULL : "cut";
	case XEND_LOST:
		return "lost";
	default:
		return f->call->terminal || f->x->status >= 400 ? NULL : "unfinished";
	}
}

static void capture_attrs(struct filler *w)
{
	const struct exchange *x = w->f->x;
	const struct gen_call *c = w->f->call;
	const char *error = x->req.body.error ? x->req.body.error : x->resp.body.error;
	uint64_t cut = x->req.body.cut + x->resp.body.cut;
	const char *end = bad_end(w->f);

	put_str(w, ATTR_ONLOOKER_CAPTURE_SOURCE, view_of(w->f->source));
	if (x->lost_bytes)
		put_num(w, ATTR_ONLOOKER_CAPTURE_LOST_BYTES, x->lost_bytes);
	if (cut)
		put_num(w, ATTR_ONLOOKER_CAPTURE_CUT_BYTES, cut);
	if (x->joined)
		put_bool(w, ATTR_ONLOOKER_CAPTURE_JOINED, true);
	put_str(w, ATTR_ONLOOKER_CAPTURE_ERROR, view_of(error));
	put_str(w, ATTR_ONLOOKER_EXCHANGE_END, view_of(end));
	if (x->lost_bytes || cut || error || c->request_cut || c->response_cut ||
	    !x->req.seen || x->end == XEND_LOST)
		put_bool(w, ATTR_ONLOOKER_CAPTURE_COMPLETE, false);
}

/*
 * What the provider or HTTP said went wrong; else, that the answer never came to
 * its end: documented values of error.type are the provider's codes, HTTP
 * status codes, and "incomplete".
 */
static void status_attrs(struct filler *w)
{
	const struct call_facts *f = w->f;
	struct view type = f->call->error_type;
	char code[12];

	if (!type.n && f->x->status >= 400) {
		snprintf(code, sizeof(code), "%u", f->x->status);
		type = view_of(code);
	}
	if (!type.n && f->x->end == XEND_CUT && !f->call->terminal)
		type = VIEW("incomplete");
	if (!type.n)
		return;
	w->span->error = true;
	w->span->error_message = arena_copy(&w->span->arena, f->call->error_message);
	put_str(w, ATTR_ERROR_TYPE, type);
}

static void times(struct filler *w, const struct trace_clock *clock)
{
	const struct exchange *x = w->f->x;
	uint64_t start = x->req.first_ts ? x->req.first_ts : x->resp.first_ts;
	uint64_t end = x->resp.last_ts ? x->resp.last_ts : w->f->ts;

	if (!start)
		start = w->f->ts;
	if (end < start)
		end = start;
	w->span->start = clock_unix(clock, start);
	w->span->end = clock_unix(clock, end);
	if (x->req.first_ts && x->resp.first_event_ts >= x->req.first_ts)
		attrs_double(&w->span->attrs, &w->span->arena, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
			     (x->resp.first_event_ts - x->req.first_ts) / 1e9);
}

static void chunks(struct filler *w)
{
	const struct gen_chunks *from = &w->f->call->chunks;
	struct gen_chunks *copy = from->cnt ? arena_alloc(&w->span->arena, sizeof(*copy)) : NULL;

	if (copy)
		*copy = *from;
	w->span->chunks = copy;
}

static void name(struct filler *w)
{
	const struct gen_call *c = w->f->call;
	struct view what;
	struct buf b;

	buf_init(&b, 64 * 1024);
	buf_addf(&b, "%s", op_names[c->op]);
	what = c->op == GEN_RETRIEVAL ? c->data_source_id : c->request_model;
	if (what.n) {
		buf_add_byte(&b, ' ');
		buf_add(&b, what);
	}
	w->span->name = arena_copy(&w->span->arena, buf_view(&b));
	buf_release(&b);
}

void call_span_fill(struct span *span, const struct call_facts *f, const struct trace_clock *clock)
{
	struct filler w = { span, f };

	span->kind = SPAN_CLIENT;
	name(&w);
	put_str(&w, ATTR_GEN_AI_OPERATION_NAME, view_of(op_names[f->call->op]));
	put_str(&w, ATTR_GEN_AI_PROVIDER_NAME, view_of(f->call->provider_name));
	request_attrs(&w, f->call);
	retrieval_attrs(&w, f->call);
	times(&w, clock);
	response_attrs(&w, f->call);
	chunks(&w);
	usage_attrs(&w, f->call);
	cost_attrs(&w);
	server_attrs(&w);
	http_attrs(&w);
	status_attrs(&w);
	capture_attrs(&w);
	if (f->content)
		content_attrs(&w, f->call);
}
