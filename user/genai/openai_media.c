// SPDX-License-Identifier: Apache-2.0
/*
 * Pictures, speech and transcripts.  Edits and transcripts are asked for with a form (RFC 7578); what is made
 * is not kept.  A last event has the counts.
 */
#include "genai/openai.h"

#define FORM_PARTS_MAX 64
#define FORM_NAME_MAX 256	/* bytes of a model's name */

static const struct media {
	const char *ends, *output_type;
} media[] = {
	{ "/images/generations", "image" },
	{ "/images/edits", "image" },
	{ "/images/variations", "image" },
	{ "/audio/speech", "speech" },
	{ "/audio/transcriptions", "text" },
	{ "/audio/translations", "text" },
};

static const struct media *media_of(const struct exchange *x)
{
	struct view path = gen_path(x);

	for (size_t i = 0; gen_is_post(x) && i < sizeof(media) / sizeof(media[0]); i++)
		if (view_ends(path, view_of(media[i].ends)))
			return &media[i];
	return NULL;
}

static bool is_form(const struct exchange *x)
{
	return view_starts(message_header(&x->req, "content-type"), VIEW("multipart/form-data"));
}

static int media_match(const struct exchange *x, struct json body)
{
	if (!media_of(x))
		return 0;
	if (json_get(body, "prompt").type == JSON_STRING || json_get(body, "input").type == JSON_STRING ||
	    json_get(body, "model").type == JSON_STRING || is_form(x))
		return 3;
	return (body.type != JSON_OBJECT || body.cut) && memmem(gen_path(x).p, gen_path(x).n, "/v1/", 4) ? 2 : 0;
}

static bool is_last(struct json type)
{
	static const char *const types[] = {
		"image_generation.completed", "image_edit.completed", "speech.audio.done", "transcript.text.done",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is(type, types[i]))
			return true;
	return false;
}

static bool media_answers(struct view name, struct json data)
{
	static const char *const types[] = {
		"image_generation.partial_image", "image_edit.partial_image", "speech.audio.delta", "transcript.text.delta",
	};
	struct json type = json_get(data, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (json_is(type, types[i]))
			return true;
	return is_last(type);
}

/* Forms */

static struct view find(struct view in, struct view what)
{
	const char *at = in.n ? memmem(in.p, in.n, what.p, what.n) : NULL;

	return at ? view_drop(in, at - in.p) : VIEW_NONE;
}

/* The text up to what; rest: behind it.  VIEW_NONE: it is not there. */
static struct view until(struct view in, struct view what, struct view *rest)
{
	struct view at = find(in, what);

	if (!at.n)
		return VIEW_NONE;
	*rest = view_drop(at, what.n);
	return view_take(in, in.n - at.n);
}

static void read_text(struct gen_call *c, struct view v)
{
	struct msgs m;

	if (!c->want_content || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text_view(&m, "text", v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static void form_field(struct gen_call *c, struct view head, struct view value)
{
	if (find(head, VIEW("; name=\"model\"")).n && value.n <= FORM_NAME_MAX)
		c->request_model = gen_copy(c, value);
	else if (find(head, VIEW("; name=\"n\"")).n)
		gen_set_int(&c->choice_count, json_read(value));
	else if (find(head, VIEW("; name=\"stream\"")).n)
		c->stream = view_eq(value, VIEW("true")) || view_eq(value, VIEW("True"));
	else if (find(head, VIEW("; name=\"prompt\"")).n)
		read_text(c, value);
}

/* Its first line is what stands between its fields. */
static void read_form(struct gen_call *c, struct view form)
{
	struct view line, head, value, boundary;
	struct buf b;

	line = until(form, VIEW("\r\n"), &form);
	if (!view_starts(line, VIEW("--")) || line.n > 2 + 70)	/* RFC 2046, 5.1.1 */
		return;
	buf_init(&b, 128);
	buf_addf(&b, "\r\n%.*s", VIEW_ARG(line));
	boundary = buf_view(&b);
	for (int i = 0; i < FORM_PARTS_MAX; i++) {
		head = until(form, VIEW("\r\n\r\n"), &form);
		value = head.n ? until(form, boundary, &form) : VIEW_NONE;
		if (!value.p)
			break;
		form_field(c, head, value);
	}
	buf_release(&b);
}

/* JSON */

static void read_string(struct gen_call *c, struct json v)
{
	struct msgs m;

	if (!c->want_content || v.type != JSON_STRING || c->input_messages.n)
		return;
	msgs_open(&m, &c->input_messages);
	if (msgs_begin(&m, (struct msgs_head){ .role = VIEW("user") })) {
		part_text(&m, "text", v);
		msgs_end(&m);
	}
	c->request_cut |= !msgs_close(&m);
}

static const struct gen_field request_fields[] = {
	GEN_TEXT_FIELD("model", request_model),
	GEN_FN_FIELD("stream", gen_read_stream),
	GEN_INT_FIELD("n", choice_count),
	GEN_FN_FIELD("prompt", read_string),
	GEN_FN_FIELD("input", read_string),
	{ 0 }
};

static void media_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	const struct media *m = media_of(x);

	c->op = GEN_GENERATE_CONTENT;
	if (m)
		c->output_type = view_of(m->output_type);
	if (is_form(x)) {
		read_form(c, buf_view(&x->req.body.head));
		c->request_cut = !x->req.body.complete;
	} else {
		gen_read(c, body, request_fields);
	}
	openai_path_model(c, x);
}

static const struct gen_field answer_fields[] = {
	GEN_TEXT_FIELD("model", response_model),
	GEN_FN_FIELD("usage", openai_usage),
	GEN_FN_FIELD("error", gen_error),
	{ 0 }
};

static void media_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	gen_read(c, body, answer_fields);
}

static void media_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
	gen_read(c, v, answer_fields);
	c->terminal |= is_last(json_get(v, "type"));
}

/* Sound and subtitles are no JSON: they end where their body does. */
static void media_finish(struct gen_call *c, const struct exchange *x)
{
	c->terminal |= x->resp.kind == BODY_BYTES && x->resp.done;
}

const struct provider provider_openai_media = {
	.name = "openai-media",
	.flavour = "openai",
	.match = media_match,
	.answers = media_answers,
	.request = media_request,
	.response = media_response,
	.event = media_event,
	.finish = media_finish,
};
