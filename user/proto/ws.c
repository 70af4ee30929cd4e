// SPDX-License-Identifier: Apache-2.0
/*
 * WebSocket frames of one direction (RFC 6455), with permessage-deflate
 * (RFC 7692).  An EV_EVENT for each message, "text" or "binary", whatever frames it
 * came in, and one for a close frame, "close"; pings and pongs are between
 * the two ends.
 *
 * A gap inside a frame costs the rest of its message.  One that takes a frame's
 * header is an EV_GAP, for nobody knows how many messages went with it;
 * the next frame is looked for by headers that follow on each other: three
 * in a row that could be ones are taken for it, and decoding goes on with the third.
 *
 * A sender that keeps its compression window from message to message cannot be
 * understood any more once bytes of a message are missing.  Its messages
 * are handed out empty and as cut.  The same becomes of a message that is blown up past
 * INFLATED_MAX.
 *
 * Memory: the message (GATHER_MAX), and zlib's window of 2^window_bits.
 */
#include "proto/ws.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "proto/gather.h"

#define HEAD_MAX	14
#define CONTROL_MAX	125
#define INFLATED_MAX	(64 * 1024 * 1024)
#define PLAUSIBLE_MAX	(16 * 1024 * 1024)	/* of a frame, while hunting */
#define CHAIN		3	/* headers in a row */
#define CANDIDATES	16
#define STEP		4096

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct head {
	unsigned char b[HEAD_MAX];
	unsigned n;
};

struct candidate {
	uint64_t skip;		/* bytes of payload until its next header */
	unsigned chain;		/* headers that were good; 0: free */
	struct head head;
};

enum at { HEAD, PAYLOAD, HUNT };

struct ws {
	enum at at;
	struct ws_deflate deflate;
	struct head head;
	enum { MASK_UNKNOWN, MASK_NEVER, MASK_ALWAYS } masks;

	/* the frame */
	enum opcode opcode;
	bool fin;
	unsigned char key[4];
	uint64_t len, left;

	/* the message; fragments of it may have control frames between them */
	bool open, coded, broken;	/* broken: no more of it can be read */
	bool begun;		/* some of it was given to zlib */
	bool adrift;		/* after hunting: until a message begins */
	enum opcode type;
	struct gather msg;
	uint64_t inflated;

	struct gather control;
	z_stream z;
	bool z_open, z_lost;

	const char *due;	/* msg is to go out under this name */
	bool close_due;
	bool ended;
	uint64_t gap;		/* to be reported; 0: none */
	struct candidate *hunt;	/* CANDIDATES of them; NULL unless at HUNT */
	int err;
};

static void ws_init(void *state)
{
	struct ws *s = state;

	*s = (struct ws){ .at = HEAD };
	gather_init(&s->msg);
	gather_init(&s->control);
}

static void ws_deflate_init(void *state)
{
	ws_init(state);
	ws_setup(state, (struct ws_deflate){ .on = true, .window_bits = 15 });
}

static void ws_fini(void *state)
{
	struct ws *s = state;

	gather_release(&s->msg);
	gather_release(&s->control);
	if (s->z_open)
		inflateEnd(&s->z);
	free(s->hunt);
}

void ws_setup(void *state, struct ws_deflate d)
{
	struct ws *s = state;

	s->deflate = d;
}

/* --- extensions --- */

static struct view next_item(struct view *list, char between)
{
	struct view item = *list, rest = VIEW_NONE;

	view_cut(*list, between, &item, &rest);
	*list = rest;
	return view_trim(item);
}

static int window_bits(struct view value)
{
	int n = 0;

	for (size_t i = 0; i < value.n && n < 100; i++)
		if (value.p[i] >= '0' && value.p[i] <= '9')	/* it may be quoted */
			n = n * 10 + value.p[i] - '0';
	return n >= 8 && n <= 15 ? n : 15;
}

struct ws_deflate ws_agreed(struct view extensions, bool server)
{
	struct view takeover = server ? VIEW("server_no_context_takeover") : VIEW("client_no_context_takeover");
	struct view bits = server ? VIEW("server_max_window_bits") : VIEW("client_max_window_bits");
	struct ws_deflate d = { .window_bits = 15 };
	struct view extension, name, value;

	while (extensions.n && !d.on) {
		extension = next_item(&extensions, ',');
		d.on = view_eq_nocase(next_item(&extension, ';'), VIEW("permessage-deflate"));
		while (d.on && extension.n) {
			value = next_item(&extension, ';');
			name = next_item(&value, '=');
			d.no_takeover |= view_eq_nocase(name, takeover);
			if (view_eq_nocase(name, bits))
				d.window_bits = window_bits(value);
		}
	}
	return d;
}

/* --- headers --- */

static unsigned head_size(const struct head *h)
{
	unsigned len = h->n < 2 ? 0 : h->b[1] & 127;

	if (h->n < 2)
		return 2;
	return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + (h->b[1] & 128 ? 4 : 0);
}

static uint64_t head_len(const struct head *h)
{
	unsigned len = h->b[1] & 127, n = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum = sum << 8 | h->b[2 + i];
	return n ? sum : len;
}

/* What of its first two bytes no sender may send (RFC 6455 section 5.2, RFC 7692 section 6). */
static bool head_legal(const struct ws *s, const struct head *h)
{
	unsigned op = h->b[0] & 15, rsv = h->b[0] & 0x70;
	bool control = op & 8;

	if (op > PONG || (op > BINARY && !control))
		return false;
	if (rsv && (rsv != 0x40 || !s->deflate.on || control || op == CONTINUATION))
		return false;
	return !control || (h->b[0] & 128 && (h->b[1] & 127) <= CONTROL_MAX);
}

static bool head_plausible(const struct ws *s, const struct head *h)
{
	uint64_t len;

	if (!head_legal(s, h))
		return false;
	if (s->masks != MASK_UNKNOWN && !(h->b[1] & 128) != (s->masks == MASK_NEVER))
		return false;
	if (h->n < head_size(h))
		return true;
	len = head_len(h);
	return len <= PLAUSIBLE_MAX && ((h->b[1] & 127) < 126 || len > CONTROL_MAX);
}

static int begin_frame(struct ws *s, const struct head *h)
{
	bool masked = h->b[1] & 128;

	if (!head_legal(s, h))
		return -EPROTO;
	s->opcode = h->b[0] & 15;
	s->fin = h->b[0] & 128;
	s->len = s->left = head_len(h);
	if (s->len >> 63)
		return -EPROTO;
	s->masks = masked ? MASK_ALWAYS : MASK_NEVER;
	memset(s->key, 0, sizeof(s->key));
	if (masked)
		memcpy(s->key, h->b + h->n - 4, 4);
	s->at = PAYLOAD;
	if (s->opcode & 8)
		return 0;
	if (s->opcode == CONTINUATION)
		return s->open || s->adrift ? 0 : -EPROTO;
	if (s->open)		/* a new one inside of another */
		return -EPROTO;
	s->open = true;
	s->begun = s->adrift = false;
	s->type = s->opcode;
	s->coded = h->b[0] & 0x40;
	s->broken = false;
	s->inflated = 0;
	return 0;
}

/* --- compression --- */

static void lose_window(struct ws *s)
{
	s->z_lost = true;
	s->broken = s->msg.cut = true;
}

static int begin_inflate(struct ws *s)
{
	bool first = !s->begun;

	s->begun = true;
	if (first && s->deflate.no_takeover)
		s->z_lost = false;
	if (s->z_open)
		return !first || !s->deflate.no_takeover || inflateReset(&s->z) == Z_OK ? 0 : -ENOMEM;
	s->z = (z_stream){ 0 };
	if (inflateInit2(&s->z, -s->deflate.window_bits) != Z_OK)
		return -ENOMEM;
	s->z_open = true;
	return 0;
}

static int inflate_step(struct ws *s, int *ret)
{
	unsigned char out[STEP];

	s->z.next_out = out;
	s->z.avail_out = sizeof(out);
	*ret = inflate(&s->z, Z_SYNC_FLUSH);
	s->inflated += sizeof(out) - s->z.avail_out;
	if (s->inflated > INFLATED_MAX)
		*ret = Z_DATA_ERROR;
	return gather_add(&s->msg, (struct view){ (char *)out, sizeof(out) - s->z.avail_out });
}

static int inflate_bytes(struct ws *s, const unsigned char *p, size_t n)
{
	int r = Z_OK, err = 0;

	if (s->broken)
		return 0;
	s->z.next_in = (unsigned char *)p;
	s->z.avail_in = n;
	do {
		err = inflate_step(s, &r);
		if (r == Z_STREAM_END)		/* RFC 7692 section 7.2.3.5: the window lives on */
			r = inflateResetKeep(&s->z);
	} while (!err && r == Z_OK && (s->z.avail_in || !s->z.avail_out));
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (r != Z_OK && r != Z_BUF_ERROR)
		lose_window(s);
	return err;
}

/* --- payload --- */

static int take_coded(struct ws *s, const unsigned char *p, size_t n)
{
	int err = begin_inflate(s);

	if (s->z_lost)
		s->broken = s->msg.cut = true;
	return err ? err : inflate_bytes(s, p, n);
}

static int take_plain(struct ws *s, const unsigned char *p, size_t n)
{
	struct view v = { (const char *)p, n };

	if (s->opcode & 8)
		return s->opcode == CLOSE ? gather_add(&s->control, v) : 0;
	if (!s->open || s->broken)
		return 0;
	return s->coded ? take_coded(s, p, n) : gather_add(&s->msg, v);
}

static int take_payload(struct ws *s, struct view *in)
{
	uint64_t at = s->len - s->left;
	unsigned char out[STEP];
	size_t n = in->n < sizeof(out) ? in->n : sizeof(out);

	if (n > s->left)
		n = s->left;
	for (size_t i = 0; i < n; i++)
		out[i] = in->p[i] ^ s->key[(at + i) & 3];
	*in = view_drop(*in, n);
	s->left -= n;
	return take_plain(s, out, n);
}

/* The four bytes that every compressed message ends with are not sent (RFC 7692 section 7.2.2). */
static int end_message(struct ws *s)
{
	static const unsigned char tail[4] = { 0, 0, 0xff, 0xff };
	int err = s->coded && !s->broken ? take_coded(s, tail, sizeof(tail)) : 0;

	s->open = false;
	s->due = s->type == TEXT ? "text" : "binary";
	return err;
}

static int end_frame(struct ws *s)
{
	s->at = HEAD;
	s->head.n = 0;
	if (s->opcode == CLOSE)
		s->close_due = true;
	if (s->opcode & 8 || !s->fin)
		return 0;
	/* After hunting: the end of a message whose beginning was not seen. */
	return s->open ? end_message(s) : 0;
}

/* --- after a gap --- */

static void hunt_add(struct ws *s, unsigned char c)
{
	struct candidate *to = NULL;

	if (!head_legal(s, &(struct head){ .b = { c } }))
		return;
	for (size_t i = 0; i < CANDIDATES; i++) {
		struct candidate *k = &s->hunt[i];

		if (!to || !k->chain || (to->chain && k->chain <= to->chain && k->skip > to->skip))
			to = k;
		if (!k->chain)
			break;
	}
	*to = (struct candidate){ .chain = 1, .head = { .b = { c }, .n = 1 } };
}

/* One byte for one candidate.  True: a chain is complete. */
static bool hunt_take(struct ws *s, struct candidate *k, unsigned char c)
{
	struct head *h = &k->head;

	if (k->skip) {
		k->skip--;
		return false;
	}
	if (h->n == HEAD_MAX || h->n == head_size(h))
		h->n = 0;
	h->b[h->n++] = c;
	if (h->n >= 2 && !head_plausible(s, h)) {
		k->chain = 0;
		return false;
	}
	if (h->n < 2 || h->n < head_size(h))
		return false;
	if (k->chain++ == CHAIN)
		return true;
	k->skip = head_len(h);
	return false;
}

static int hunt(struct ws *s, struct view *in)
{
	unsigned char c = in->p[0];

	*in = view_drop(*in, 1);
	for (size_t i = 0; i < CANDIDATES; i++) {
		if (!s->hunt[i].chain || !hunt_take(s, &s->hunt[i], c))
			continue;
		s->head = s->hunt[i].head;
		free(s->hunt);
		s->hunt = NULL;
		return begin_frame(s, &s->head);
	}
	hunt_add(s, c);
	return 0;
}

static void begin_hunt(struct ws *s)
{
	s->at = HUNT;
	s->adrift = true;
	s->head.n = 0;
	s->z_lost = s->deflate.on;
	if (!s->hunt)
		s->hunt = malloc(CANDIDATES * sizeof(*s->hunt));
	if (s->hunt)
		memset(s->hunt, 0, CANDIDATES * sizeof(*s->hunt));
	else
		s->err = -ENOMEM;
}

/* --- the door --- */

static int take_head(struct ws *s, struct view *in)
{
	s->head.b[s->head.n++] = in->p[0];
	*in = view_drop(*in, 1);
	if (s->head.n < 2 || s->head.n < head_size(&s->head))
		return 0;
	return begin_frame(s, &s->head);
}

static int take(struct ws *s, struct view *in)
{
	switch (s->at) {
	case HEAD:
		return take_head(s, in);
	case HUNT:
		return hunt(s, in);
	default:
		return take_payload(s, in);
	}
}

static int hand_out(struct ws *s, struct proto_event *ev)
{
	const char *name = s->due;

	if (s->close_due && !s->due) {
		s->close_due = false;
		return gather_out(&s->control, VIEW("close"), ev);
	}
	if (s->due) {
		s->due = NULL;
		return gather_out(&s->msg, view_of(name), ev);
	}
	*ev = (struct proto_event){ .kind = EV_GAP, .num = s->gap };
	s->gap = 0;
	return 1;
}

/* What is there of the message goes out as cut. */
static void cut_message(struct ws *s)
{
	if (s->open && !s->due) {
		s->msg.cut = true;
		s->due = s->type == TEXT ? "text" : "binary";
	}
	s->open = false;
}

static int ws_next(void *state, struct view *in, struct proto_event *ev)
{
	struct ws *s = state;

	gather_fresh(&s->msg);
	gather_fresh(&s->control);
	if (s->ended)
		*in = view_drop(*in, in->n);
	while (!s->err && !s->due && !s->close_due && !s->gap) {
		if (s->at == PAYLOAD && !s->left)
			s->err = end_frame(s);
		else if (in->n)
			s->err = take(s, in);
		else
			break;
		if (s->err)
			cut_message(s);
	}
	if (s->due || s->close_due || s->gap)
		return hand_out(s, ev);
	return s->err;
}

static void ws_gap(void *state, uint64_t n)
{
	struct ws *s = state;

	if (s->err || !n)
		return;
	gather_fresh(&s->msg);
	gather_fresh(&s->control);
	if (s->at == PAYLOAD && n <= s->left) {
		s->left -= n;
		if (s->opcode & 8 || !s->open)
			return;
		s->broken = s->msg.cut = true;
		s->z_lost |= s->coded;
		return;
	}
	cut_message(s);
	s->gap = n;
	begin_hunt(s);
}

static void ws_end(void *state)
{
	struct ws *s = state;

	s->ended = true;
	gather_fresh(&s->msg);
	cut_message(s);
}

static size_t ws_memory(const void *state)
{
	const struct ws *s = state;

	return s->msg.b.cap + s->control.b.cap + (s->hunt ? CANDIDATES * sizeof(*s->hunt) : 0) +
	       (s->z_open ? (1u << s->deflate.window_bits) + 8192 : 0);
}

const struct proto proto_ws = {
	.name = "ws",
	.state_size = sizeof(struct ws),
	.init = ws_init,
	.fini = ws_fini,
	.next = ws_next,
	.gap = ws_gap,
	.end = ws_end,
	.memory = ws_memory,
};

const struct proto proto_ws_deflate = {
	.name = "ws deflate",
	.state_size = sizeof(struct ws),
	.init = ws_deflate_init,
	.fini = ws_fini,
	.next = ws_next,
	.gap = ws_gap,
	.end = ws_end,
	.memory = ws_memory,
};
