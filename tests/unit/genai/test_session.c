// SPDX-License-Identifier: Apache-2.0
/* Model calls inside a WebSocket: the recorded sessions, and odd ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "genai/session.h"
#include "proto/golden.h"

/* Turns that are over, written down. */
struct log {
	struct conn *conn;
	struct gen_session *session;
	struct buf text;
	bool content;
};

static void log_turns(struct log *l)
{
	static const char *const ends[] = { "open", "ok", "cut", "lost", "upgrade" };
	struct gen_turn *t;

	while ((t = gen_session_next(l->session))) {
		buf_addf(&l->text, "--- %s%s\n", ends[t->x.end], t->x.req.seen ? "" : " unasked");
		if (t->call->not_inference) {
			buf_addf(&l->text, "no model\n");
		} else {
			facts_request(t->call, &l->text);
			facts_answer(t->call, &l->text);
			if (l->content) {
				buf_addf(&l->text, "%.*s\n", VIEW_ARG(buf_view(&t->call->input_messages)));
				assert_int_equal(gen_output_messages(t->call, &l->text), 0);
				buf_addf(&l->text, "\n");
			}
		}
		gen_turn_free(t);
	}
}

static void log_pull(struct log *l)
{
	struct xev ev;

	while (conn_next(l->conn, &ev)) {
		if (ev.kind == XEV_RESPONSE)
			l->session = gen_session_new(ev.x, l->content);
		if (ev.kind == XEV_MESSAGE && l->session)
			gen_session_message(l->session, &(struct gen_message){ !ev.dir, ev.name, ev.value, ev.cut, ev.ts });
		if (ev.kind == XEV_DONE && l->session)
			gen_session_end(l->session);
		if (l->session)
			log_turns(l);
		if (ev.kind == XEV_DONE) {
			gen_session_free(l->session);
			l->session = NULL;
		}
	}
}

static void log_bytes(struct log *l, int dir, struct view v)
{
	conn_bytes(l->conn, dir, v, 1000);
	log_pull(l);
}

static struct log log_new(bool content)
{
	struct log l = { .conn = conn_new(false), .content = content };

	buf_init(&l.text, 1 << 20);
	return l;
}

static void log_is(struct log *l, const char *want)
{
	conn_end(l->conn, 9000);
	log_pull(l);
	buf_add_byte(&l->text, 0);
	assert_string_equal(l->text.p, want);
	conn_free(l->conn);
	buf_release(&l->text);
}

static size_t head_of(struct view v)
{
	return (char *)memmem(v.p, v.n, "\r\n\r\n", 4) - v.p + 4;
}

static void recorded(const char *path, const char *want)
{
	struct buf c2s = golden_read(path), s2c = golden_other(path);
	struct view up = buf_view(&c2s), down = buf_view(&s2c);
	struct log l = log_new(true);

	log_bytes(&l, 0, view_take(up, head_of(up)));
	log_bytes(&l, 1, view_take(down, head_of(down)));
	log_bytes(&l, 0, view_drop(up, head_of(up)));
	log_bytes(&l, 1, view_drop(down, head_of(down)));
	log_is(&l, want);
	buf_release(&c2s);
	buf_release(&s2c);
}

/* Checked by hand against the flow they were made from: a warm-up and two turns. */
#define RESPONSES_TURNS \
	"--- ok\n" \
	"no model\n" \
	"--- ok\n" \
	"chat openai responses\n" \
	"model=gpt-6-sol\n" \
	"stream\n" \
	"level=medium\n" \
	"previous=resp_ws0\n" \
	"id=resp_ws1\n" \
	"answered=gpt-6-sol-2026-09-15\n" \
	"tier=default\n" \
	"status=completed\n" \
	"in=1200\n" \
	"out=60\n" \
	"cache_read=1024\n" \
	"cache_write=0\n" \
	"reasoning=40\n" \
	"finish=tool_call\n" \
	"terminal\n" \
	"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Was steht im README?\"}]}]\n" \
	"[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":[{\"type\":\"reasoning\",\"content\":\"\"},{\"type\":\"tool_call\",\"id\":\"call_ws1\",\"name\":\"read_file\",\"arguments\":{\"path\":\"README.md\"}}]}]\n" \
	"--- ok\n" \
	"chat openai responses\n" \
	"model=gpt-6-sol\n" \
	"stream\n" \
	"previous=resp_ws1\n" \
	"id=resp_ws2\n" \
	"answered=gpt-6-sol-2026-09-15\n" \
	"tier=default\n" \
	"status=completed\n" \
	"in=1300\n" \
	"out=25\n" \
	"cache_read=1152\n" \
	"cache_write=128\n" \
	"reasoning=0\n" \
	"finish=stop\n" \
	"terminal\n" \
	"[{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_call_response\",\"id\":\"call_ws1\",\"response\":\"# README\\nMicrokernels.\"}]}]\n" \
	"[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[{\"type\":\"text\",\"content\":\"Das README beschreibt µ-Kerne 🙂.\"}]}]\n"

static void responses(void **state)
{
	recorded("tests/golden/wire/ws/openai-responses.c2s", RESPONSES_TURNS);
	recorded("tests/golden/wire/ws/openai-responses-deflate.c2s", RESPONSES_TURNS);
}

static void realtime(void **state)
{
	recorded("tests/golden/wire/ws/openai-realtime.c2s", "--- ok\n"
		 "chat openai -\n"
		 "model=gpt-realtime\n"
		 "stream\n"
		 "conversation=conv_rt1\n"
		 "id=resp_rt1\n"
		 "status=completed\n"
		 "in=140\n"
		 "out=38\n"
		 "cache_read=64\n"
		 "in_text=140\n"
		 "in_image=0\n"
		 "in_audio=0\n"
		 "out_text=38\n"
		 "out_audio=0\n"
		 "finish=tool_call\n"
		 "terminal\n"
		 "\n"
		 "[{\"role\":\"assistant\",\"finish_reason\":\"tool_call\",\"parts\":[{\"type\":\"text\",\"content\":\"Let me check.\"},{\"type\":\"tool_call\",\"id\":\"call_rt1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Ulm\"}}]}]\n");
}

static void live(void **state)
{
	recorded("tests/golden/wire/ws/gemini-live.c2s", "--- ok\n"
		 "generate_content gcp.gemini -\n"
		 "model=models/gemini-live-2.5-flash-preview\n"
		 "stream\n"
		 "temperature=0.5\n"
		 "in=50\n"
		 "out=9\n"
		 "in_text=50\n"
		 "out_text=9\n"
		 "finish=stop\n"
		 "terminal\n"
		 "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Weather in Ulm?\"}]}]\n"
		 "[{\"role\":\"assistant\",\"finish_reason\":\"stop\",\"parts\":[{\"type\":\"tool_call\",\"id\":\"fc-live-1\",\"name\":\"get_weather\",\"arguments\":{\"city\":\"Ulm\"}},{\"type\":\"text\",\"content\":\"It is 7°C.\"}]}]\n");
}

/* Made by hand: frames without masks, which RFC 6455 forbids clients and we do not mind. */
static void say(struct log *l, int dir, const char *json)
{
	size_t n = strlen(json);
	unsigned char head[4] = { 0x81, n < 126 ? n : 126, n >> 8, n };
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add(&b, (struct view){ (char *)head, n < 126 ? 2 : 4 });
	buf_add(&b, view_of(json));
	log_bytes(l, dir, buf_view(&b));
	buf_release(&b);
}

static void greet(struct log *l, const char *target)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b, "GET %s HTTP/1.1\r\nHost: api.openai.com\r\nUpgrade: websocket\r\n\r\n", target);
	log_bytes(l, 0, buf_view(&b));
	log_bytes(l, 1, VIEW("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"));
	buf_release(&b);
}

#define CREATED(lane, id) "{\"type\":\"response.created\",\"response\":{\"id\":\"" id "\"}" lane "}"
#define DONE(lane, id) "{\"type\":\"response.completed\",\"response\":{\"id\":\"" id "\",\"status\":\"completed\",\"output\":[]," \
	"\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}" lane "}"
#define LANE(x) ",\"stream_id\":\"" x "\""

static void lanes_answer_at_once(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/responses");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"a\"" LANE("x") "}");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"b\"" LANE("y") "}");
	say(&l, 1, CREATED(LANE("y"), "r2"));
	say(&l, 1, CREATED(LANE("x"), "r1"));
	say(&l, 1, DONE(LANE("y"), "r2"));
	say(&l, 1, "{\"type\":\"error\",\"status\":400,\"error\":{\"code\":\"boom\",\"message\":\"no\"}" LANE("x") "}");
	log_is(&l, "--- ok\nchat openai responses\nmodel=b\nstream\nid=r2\nstatus=completed\nin=3\nout=1\nfinish=stop\nterminal\n"
		   "--- ok\nchat openai responses\nmodel=a\nstream\nid=r1\nerror=boom\nsays=no\n");
}

/* An error's own response.failed is not the next turn's. */
static void an_error_may_come_twice(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/responses");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"a\"}");
	say(&l, 1, CREATED("", "r1"));
	say(&l, 1, "{\"type\":\"error\",\"error\":{\"code\":\"boom\"}}");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"b\"}");
	say(&l, 1, "{\"type\":\"response.failed\",\"response\":{\"id\":\"r1\",\"status\":\"failed\"}}");
	say(&l, 1, CREATED("", "r2"));
	say(&l, 1, DONE("", "r2"));
	log_is(&l, "--- ok\nchat openai responses\nmodel=a\nstream\nid=r1\nerror=boom\n"
		   "--- ok\nchat openai responses\nmodel=b\nstream\nid=r2\nstatus=completed\nin=3\nout=1\nfinish=stop\nterminal\n");
}

static void what_is_open_at_the_end_is_cut(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/responses");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"a\"}");
	say(&l, 1, CREATED("", "r1"));
	log_bytes(&l, 0, VIEW("\x88\x02\x03\xe8"));
	say(&l, 1, "{\"type\":\"response.in_progress\",\"response\":{\"id\":\"r1\",\"model\":\"m\"}}");
	log_bytes(&l, 1, VIEW("\x88\x02\x03\xe8"));
	say(&l, 1, DONE("", "r1"));
	log_is(&l, "--- cut\nchat openai responses\nmodel=a\nstream\nid=r1\nanswered=m\n");
}

static void a_gap_marks_what_is_open(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/responses");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"a\"}");
	say(&l, 1, CREATED("", "r1"));
	conn_gap(l.conn, 1, 100, 1000);
	log_pull(&l);
	log_is(&l, "--- lost\nchat openai responses\nmodel=a\nstream\nid=r1\nresponse_cut\n");
}

static void an_answer_whose_request_was_not_seen(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/responses");
	say(&l, 1, DONE("", "r0"));
	say(&l, 1, CREATED("", "r1"));
	say(&l, 1, DONE("", "r1"));
	log_is(&l, "--- ok unasked\nchat openai responses\nstream\nrequest_cut\nid=r1\nstatus=completed\nin=3\nout=1\n"
		   "finish=stop\nterminal\n");
}

/* What the service says by itself is a turn; sound that nobody answers is none; an error ends what had no answer. */
static void turns_without_questions(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/realtime?x=y&model=m");
	say(&l, 1, CREATED("", "r1"));
	say(&l, 1, "{\"type\":\"error\",\"error\":{\"code\":\"other\"}}");
	say(&l, 1, "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"completed\"}}");
	say(&l, 0, "{\"type\":\"response.create\"}");
	say(&l, 1, "{\"type\":\"error\",\"error\":{\"code\":\"boom\"}}");
	log_is(&l, "--- ok\nchat openai -\nmodel=m\nstream\nid=r1\nstatus=completed\nfinish=stop\nterminal\n"
		   "--- ok\nchat openai -\nmodel=m\nstream\nerror=boom\n");

	l = log_new(false);
	greet(&l, "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent");
	say(&l, 0, "{\"realtimeInput\":{\"audio\":{\"data\":\"AAAA\"}}}");
	say(&l, 0, "{\"realtimeInput\":{\"audio\":{\"data\":\"AAAA\"}}}");
	log_is(&l, "--- cut\nno model\n");
}

static void too_many_at_once(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/v1/responses");
	for (int i = 0; i < 1000; i++)
		say(&l, 0, "{\"type\":\"response.create\",\"model\":\"a\"}");
	conn_end(l.conn, 1);
	log_pull(&l);
	assert_int_equal(l.text.n / strlen("--- cut\nchat openai responses\nmodel=a\nstream\n"), GEN_TURNS_MAX);
	buf_reset(&l.text);
	log_is(&l, "");
}

static void others_are_left_alone(void **state)
{
	struct log l = log_new(false);

	greet(&l, "/chat/room");
	say(&l, 0, "{\"type\":\"response.create\",\"model\":\"a\"}");
	log_is(&l, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(responses),
		cmocka_unit_test(realtime),
		cmocka_unit_test(live),
		cmocka_unit_test(lanes_answer_at_once),
		cmocka_unit_test(an_error_may_come_twice),
		cmocka_unit_test(what_is_open_at_the_end_is_cut),
		cmocka_unit_test(a_gap_marks_what_is_open),
		cmocka_unit_test(an_answer_whose_request_was_not_seen),
		cmocka_unit_test(turns_without_questions),
		cmocka_unit_test(too_many_at_once),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
