// SPDX-License-Identifier: Apache-2.0
/*
 * Model calls inside a WebSocket.  The first byte picks the path and whether content is wanted; then
 * messages, each behind 0xf8 and a byte that says who sent it and what it is.
 */
#include "base/utf8.h"
#include "fuzz.h"
#include "genai/session.h"

#define MARK '\xf8'

static const char *const targets[] = {
	"/v1/responses",
	"/v1/realtime?model=m",
	"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k",
};

static void check(const struct gen_turn *t, const struct exchange *x)
{
	struct view finish[GEN_CHOICES_MAX];
	struct buf out;

	WANT(t->x.end == XEND_OK || t->x.end == XEND_CUT || t->x.end == XEND_LOST);
	WANT(view_eq(t->x.target, x->target));
	WANT(gen_finish_reasons(t->call, finish, GEN_CHOICES_MAX) <= GEN_CHOICES_MAX);
	WANT(utf8_valid(t->call->response_id) == t->call->response_id.n);
	WANT(utf8_valid(t->call->request_model) == t->call->request_model.n);
	buf_init(&out, 1 << 24);
	if (!gen_output_messages(t->call, &out))
		WANT(!json_check(buf_view(&out)));
	buf_release(&out);
}

static unsigned turns(struct gen_session *s, const struct exchange *x)
{
	struct gen_turn *t;
	unsigned n = 0;

	for (; (t = gen_session_next(s)); n++) {
		check(t, x);
		gen_turn_free(t);
	}
	return n;
}

static void say(struct gen_session *s, struct exchange *x, uint8_t how, struct view data)
{
	static const struct view names[] = { VIEW("text"), VIEW("binary"), VIEW("close"), VIEW("gap") };
	bool plain = how < 0xe0;
	char *copy = fuzz_copy(data);

	x->lost_bytes += names[plain ? 0 : how % 4].p[0] == 'g';
	gen_session_message(s, &(struct gen_message){
		.client = how & 1,
		.name = names[plain ? 0 : how % 4],
		.data = { copy, data.n },
		.cut = how % 16 == 9,
		.ts = 1,
	});
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, piece;
	uint8_t first = fuzz_byte(&in), how = 0;
	struct exchange x = { .method = VIEW("GET"), .target = view_of(targets[first % 3]), .status = 101 };
	struct gen_session *s = gen_session_new(&x, first >> 7);
	unsigned asked = 0, over = 0;

	WANT(s);
	while (in.n) {
		if (!view_cut(in, MARK, &piece, &in)) {
			piece = in;
			in = VIEW_NONE;
		}
		say(s, &x, how, piece);
		asked++;
		over += turns(s, &x);
		how = fuzz_byte(&in);
	}
	gen_session_end(s);
	over += turns(s, &x);
	WANT(over <= asked);
	gen_session_free(s);
	return 0;
}
