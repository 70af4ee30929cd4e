// SPDX-License-Identifier: Apache-2.0
/*
 * Events that are hardly different from one another: whether they are recognised or
 * all read in full, the call says the same.  The first byte picks the request, the second
 * content; then events, 0xf8 between them.  Each is the one before it with a stretch
 * replaced: two bytes say where (in 256ths of it) and how long it is.
 */
#include "fuzz.h"
#include "unit/genai/drive.h"

#define MARK '\xf8'

static const char *const asks[] = {
	"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\n{\"messages\":[{\"role\":\"\"}]}",
	"POST /v1/responses HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n{\"input\":\"\"}",
	"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}",
	"POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\n\r\n{\"prompt\":\"\"}",
	"POST /elsewhere HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\n{\"messages\":[{\"role\":\"\"}]}",
	"",
	"POST /api/chat HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\n{\"messages\":[{\"role\":\"\"}]}",
	"POST /v1beta/models/m:streamGenerateContent?alt=sse HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n{\"contents\":[]}",
	"POST /v2/chat HTTP/1.1\r\nHost: api.cohere.com\r\nContent-Length: 25\r\n\r\n{\"messages\":[{\"role\":\"\"}]}",
};

static void edit(struct buf *event, struct view by)
{
	size_t at = fuzz_byte(&by) * event->n / 256, n = fuzz_byte(&by);
	struct buf next;

	buf_init(&next, 1 << 20);
	n = n < event->n - at ? n : event->n - at;
	WANT(!buf_add(&next, view_take(buf_view(event), at)) && !buf_add(&next, by) &&
	     !buf_add(&next, view_drop(buf_view(event), at + n)));
	buf_release(event);
	*event = next;
}

static void answer_of(struct view in, struct buf *out)
{
	struct view by;
	struct buf event;

	buf_init(&event, 1 << 20);
	WANT(!buf_add(out, VIEW("HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")));
	for (bool more = true; more && out->n < 1 << 19;) {
		more = view_cut(in, MARK, &by, &in);
		edit(&event, more ? by : in);
		WANT(!buf_add(out, buf_view(&event)) && !buf_add(out, VIEW("\n\n")));
	}
	buf_release(&event);
}

static char *say(const char *ask, struct view answer, bool content, bool all)
{
	struct drive d = { .conn = conn_new(false), .want_content = content, .read_all = all };
	char *said;

	conn_bytes(d.conn, 0, view_of(ask), 1);
	drive_pull(&d);
	conn_bytes(d.conn, 1, answer, 2);
	drive_pull(&d);
	conn_end(d.conn, 3);
	drive_pull(&d);
	said = facts(d.result, facts_all);
	gen_free(d.result);
	conn_free(d.conn);
	return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	const char *ask = asks[fuzz_byte(&in) % (sizeof(asks) / sizeof(*asks))];
	bool content = fuzz_byte(&in) & 1;
	struct buf answer;
	char *some, *all;

	buf_init(&answer, 4 << 20);
	answer_of(in, &answer);
	some = say(ask, buf_view(&answer), content, false);
	all = say(ask, buf_view(&answer), content, true);
	if (strcmp(some, all))
		fprintf(stderr, "recognised:\n%s\nread in full:\n%s\n", some, all);
	WANT(!strcmp(some, all));
	free(some);
	free(all);
	buf_release(&answer);
	return 0;
}
