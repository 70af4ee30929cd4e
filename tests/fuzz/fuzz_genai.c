// SPDX-License-Identifier: Apache-2.0
/*
 * What providers read.  The first byte picks the request's path (from 128 on with other types of answers), the second the
 * answer's type and status, and whether content is wanted; then the request's
 * body, 0xf8, and the answer's, in which every further 0xf8 is a gap.
 */
#include "base/utf8.h"
#include "fuzz.h"
#include "unit/genai/drive.h"

#define MARK '\xf8'
#define GAP 7

static const char *const heads[] = {
	"POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n",
	"POST /v1/responses HTTP/1.1\r\nHost: api.openai.com\r\n",
	"POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\nanthropic-version: 2023-06-01\r\n",
	"POST /v1/embeddings HTTP/1.1\r\nHost: localhost:11434\r\n",
	"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n",
	"POST /openai/deployments/d/chat/completions?api-version=1 HTTP/1.1\r\nHost: x.openai.azure.com\r\n",
	"POST /v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict HTTP/1.1\r\nHost: g\r\n",
	"POST /elsewhere HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/responses/compact HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/messages/count_tokens HTTP/1.1\r\nHost: h\r\n",
	"",	/* the request was not seen */
	"POST /v1beta/models/m:generateContent HTTP/1.1\r\nHost: generativelanguage.googleapis.com\r\n",
	"POST /v1beta/models/m:streamGenerateContent HTTP/1.1\r\nHost: generativelanguage.googleapis.com\r\n",
	"POST /v1internal:streamGenerateContent?alt=sse HTTP/1.1\r\nHost: cloudcode-pa.googleapis.com\r\n",
	"POST /v1beta/models/m:batchEmbedContents HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/projects/p/publishers/google/models/m:predict HTTP/1.1\r\nHost: h\r\n",
	"POST /model/m%3A1/converse HTTP/1.1\r\nHost: h\r\n",
	"POST /model/m/converse-stream HTTP/1.1\r\nHost: h\r\n",
	"POST /model/anthropic.m/invoke-with-response-stream HTTP/1.1\r\nHost: h\r\n",
	"POST /model/amazon.nova/invoke-with-response-stream HTTP/1.1\r\nHost: h\r\n",
	"POST /model/meta.llama/invoke HTTP/1.1\r\nHost: h\r\n",
	"POST /model/x.embed/invoke HTTP/1.1\r\nHost: h\r\n",
	"POST /api/chat HTTP/1.1\r\nHost: h\r\n",
	"POST /api/generate HTTP/1.1\r\nHost: h\r\n",
	"POST /api/embed HTTP/1.1\r\nHost: h\r\n",
	"POST /v2/chat HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/chat HTTP/1.1\r\nHost: h\r\n",
	"POST /v2/embed HTTP/1.1\r\nHost: h\r\n",
	"POST /v2/rerank HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/vector_stores/v/search HTTP/1.1\r\nHost: h\r\n",
	"POST /collections/c/points/query HTTP/1.1\r\nHost: h\r\n",
	"POST /collections/c/query HTTP/1.1\r\nHost: h\r\n",
	"POST /v2/vectordb/entities/search HTTP/1.1\r\nHost: h\r\n",
	"POST /i/_search HTTP/1.1\r\nHost: h\r\n",
	"POST /knowledgebases/k/retrieve HTTP/1.1\r\nHost: h\r\n",
	"POST /completion HTTP/1.1\r\nHost: h\r\n",
	"POST /generate_stream HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/graphql HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/images/generations HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\n",
	"GET /v1/responses/resp_1?stream=true&starting_after=1 HTTP/1.1\r\nHost: h\r\n",
	"POST /agents/a/agentAliases/l/sessions/s/text HTTP/1.1\r\nHost: h\r\n",
	"POST /retrieveAndGenerateStream HTTP/1.1\r\nHost: h\r\n",
	"POST /v1beta/interactions HTTP/1.1\r\nHost: h\r\n",
	"POST /v1/conversations/c HTTP/1.1\r\nHost: h\r\n",
};

static void pass(struct drive *d, int dir, struct view bytes)
{
	char *copy = fuzz_copy(bytes);

	conn_bytes(d->conn, dir, (struct view){ copy, bytes.n }, 1);
	drive_pull(d);
	free(copy);
}

static void request(struct drive *d, const char *head, struct view body)
{
	struct buf b;

	if (!*head)
		return;
	buf_init(&b, SIZE_MAX / 2);
	WANT(!buf_addf(&b, "%sContent-Length: %zu\r\n\r\n", head, body.n) && !buf_add(&b, body));
	pass(d, 0, buf_view(&b));
	buf_release(&b);
}

static size_t length(struct view body)
{
	size_t n = body.n;

	for (size_t i = 0; i < body.n; i++)
		n += body.p[i] == MARK ? GAP - 1 : 0;
	return n;
}

static void answer(struct drive *d, uint8_t path, uint8_t how, struct view body)
{
	static const char *const types[] = { "text/event-stream", "application/json", "text/plain", "text/event-stream",
					     "application/x-ndjson", "application/vnd.amazon.eventstream",
					     "application/stream+json", "application/json" };
	static const unsigned status[] = { 200, 200, 200, 429, 529, 500, 400, 201 };
	struct view piece;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	WANT(!buf_addf(&b, "HTTP/1.1 %u X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status[how / 4 % 8],
		       types[how % 4 + path / 128 * 4], length(body)));
	pass(d, 1, buf_view(&b));
	buf_release(&b);
	while (view_cut(body, MARK, &piece, &body)) {
		pass(d, 1, piece);
		conn_gap(d->conn, 1, GAP, 1);
		drive_pull(d);
	}
	pass(d, 1, body);
}

static void want_text(struct view v)
{
	WANT(utf8_valid(v) == v.n);
}

static void want_json(const struct buf *b)
{
	WANT(!b->n || !json_check(buf_view(b)));
}

static void check(const struct gen_call *c)
{
	struct view finish[128];
	size_t n = gen_finish_reasons(c, finish, 128);
	struct buf out;
	int err;

	WANT(n <= 128);
	for (size_t i = 0; i < n; i++)
		want_text(finish[i]);
	want_text(c->request_model);
	want_text(c->response_model);
	want_text(c->response_id);
	want_text(c->guardrail_id);
	want_text(c->error_type);
	want_text(c->error_message);
	want_text(c->conversation_id);
	want_text(c->data_source_id);
	want_text(c->retrieval_query);
	want_json(&c->retrieval_documents);
	want_json(&c->stop_sequences);
	want_json(&c->encoding_formats);
	want_json(&c->system_instructions);
	want_json(&c->input_messages);
	want_json(&c->tool_definitions);
	WANT(c->want_content || (!c->system_instructions.n && !c->input_messages.n && !c->tool_definitions.n &&
				  !c->retrieval_query.n && !c->retrieval_documents.n));
	buf_init(&out, 1 << 24);
	err = gen_output_messages(c, &out);
	WANT(err || (out.n && !json_check(buf_view(&out))));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, body;
	uint8_t path = fuzz_byte(&in), how = fuzz_byte(&in);
	struct drive d = { .conn = conn_new(false), .want_content = how >> 7 };

	if (!view_cut(in, MARK, &body, &in)) {
		body = in;
		in = VIEW("");
	}
	request(&d, heads[path % 128 % (sizeof(heads) / sizeof(*heads))], body);
	answer(&d, path, how, in);
	conn_end(d.conn, 9);
	drive_pull(&d);
	if (d.result)
		check(d.result);
	gen_free(d.result);
	conn_free(d.conn);
	return 0;
}
