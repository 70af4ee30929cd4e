// SPDX-License-Identifier: Apache-2.0
/*
 * What people look at.  A row is a finished span in two parts, what it is and
 * how it went, rendered when the span comes, so that little has to be kept: live
 * rows are written at once, a tree is drawn at the end from parents and start times.
 *
 * Names come from the observed program: nothing of them may move the cursor,
 * change colours or turn the direction of writing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "sink/plain.h"
#include "sink/sink.h"

#define ROWS_MAX	10000
#define NAME_MAX_COLS	44
#define NAME_MIN_COLS	20
#define TEXT_MAX_COLS	256
#define OUT_MAX		(16 * 1024 * 1024)

struct row {
	uint8_t span_id[8], parent_id[8];
	uint64_t start;
	char *name, *how;
	bool error;
	int first_child, next_sibling;	/* rows by number, -1: none */
};

struct totals {
	uint64_t calls, processes, errors, incomplete;
	int64_t input, cached, output;
	uint64_t lost;
};

struct terminal {
	struct sink sink;
	struct terminal_config config;
	bool utf8;
	struct totals totals;
	struct row *rows;
	size_t row_cnt, row_cap;
	uint64_t left_out;	/* spans past ROWS_MAX */
	struct buf out;
	bool drawn;
};

static bool locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

static void add_text(const struct terminal *t, struct buf *out, struct view v)
{
	plain_add(out, v, TEXT_MAX_COLS, t->utf8);
}

/* Columns that text takes, taking every character for one. */
static int columns(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* 1234567 as 1,234,567. */
static void add_number(struct buf *out, int64_t n)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf_add_byte(out, ',');
		buf_add_byte(out, digits[i]);
	}
}

static void add_seconds(struct buf *out, double s)
{
	if (s < 0.0995)
		buf_addf(out, "%.0f ms", s * 1000);
	else if (s < 99.95)
		buf_addf(out, "%.2f s", s);
	else
		buf_addf(out, "%d:%02d min", (int)(s / 60), (int)s % 60);
}

static int64_t number(const struct span *s, enum attr_id id, int64_t otherwise)
{
	const struct value *v = attrs_get(&s->attrs, id);

	return v && v->type == VALUE_INT ? v->i : otherwise;
}

static struct view string(const struct span *s, enum attr_id id)
{
	const struct value *v = attrs_get(&s->attrs, id);

	return v && v->type == VALUE_STR ? v->str : VIEW_NONE;
}

static void comma(struct buf *out)
{
	if (out->n)
		buf_add(out, VIEW(", "));
}

/* "1,324 -> 45 tokens (512 cached)"; what was not said is a question mark. */
static void add_tokens(struct terminal *t, struct buf *out, const struct span *s)
{
	int64_t in = number(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS, -1);
	int64_t cached = number(s, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 0);
	int64_t answer = number(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, -1);

	if (in < 0 && answer < 0)
		return;
	if (in < 0)
		buf_add_byte(out, '?');
	else
		add_number(out, in);
	buf_add(out, t->utf8 ? VIEW(" \u2192 ") : VIEW(" -> "));
	if (answer < 0)
		buf_add_byte(out, '?');
	else
		add_number(out, answer);
	buf_add(out, VIEW(" tokens"));
	if (cached > 0) {
		buf_add(out, VIEW(" ("));
		add_number(out, cached);
		buf_add(out, VIEW(" cached)"));
	}
}

static void add_failure(struct terminal *t, struct buf *out, const struct span *s)
{
	struct view type = string(s, ATTR_ERROR_TYPE);

	if (!s->error)
		return;
	comma(out);
	add_text(t, out, type.n ? type : VIEW("error"));
	if (s->error_message.n && s->kind == SPAN_CLIENT) {
		buf_add(out, VIEW(": "));
		add_text(t, out, view_take(s->error_message, 60));
	}
}

static void add_losses(struct buf *out, const struct span *s)
{
	const struct value *complete = attrs_get(&s->attrs, ATTR_ONLOOKER_CAPTURE_COMPLETE);
	int64_t lost = number(s, ATTR_ONLOOKER_CAPTURE_LOST_BYTES, 0);

	if (lost) {
		comma(out);
		add_number(out, lost);
		buf_add(out, VIEW(" bytes lost"));
	} else if (complete && !complete->b) {
		comma(out);
		buf_add(out, VIEW("not seen whole"));
	}
}

static void how_call(struct terminal *t, struct buf *out, const struct span *s)
{
	const struct value *first = attrs_get(&s->attrs, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK);
	const struct value *finish = attrs_get(&s->attrs, ATTR_GEN_AI_RESPONSE_FINISH_REASONS);
	int64_t again = number(s, ATTR_HTTP_REQUEST_RESEND_COUNT, 0);

	add_tokens(t, out, s);
	if (first) {
		comma(out);
		buf_add(out, VIEW("first "));
		add_seconds(out, first->d);
	}
	if (finish && finish->arr.n && !s->error) {
		comma(out);
		add_text(t, out, finish->arr.v[0]);
	}
	add_failure(t, out, s);
	if (again) {
		comma(out);
		buf_addf(out, "retry %lld", (long long)again);
	}
	add_losses(out, s);
}

static void how_process(struct terminal *t, struct buf *out, const struct span *s)
{
	int64_t code = number(s, ATTR_PROCESS_EXIT_CODE, -1);

	if (attrs_get(&s->attrs, ATTR_ONLOOKER_PROCESS_SIGNAL))
		add_text(t, out, string(s, ATTR_ERROR_TYPE));
	else if (code >= 0)
		buf_addf(out, "exit %lld", (long long)code);
	else
		buf_add(out, VIEW("still running"));
}

static bool is_call(const struct span *s)
{
	return attrs_get(&s->attrs, ATTR_GEN_AI_OPERATION_NAME);
}

static void count(struct totals *n, const struct span *s)
{
	const struct value *complete = attrs_get(&s->attrs, ATTR_ONLOOKER_CAPTURE_COMPLETE);
	int64_t in = number(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS, 0);

	if (!is_call(s)) {
		n->processes++;
		return;
	}
	n->calls++;
	n->errors += s->error;
	n->incomplete += complete && !complete->b;
	n->input += in;
	n->cached += number(s, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 0);
	n->output += number(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, 0);
	n->lost += number(s, ATTR_ONLOOKER_CAPTURE_LOST_BYTES, 0);
}

/* NUL-ended copy for the caller; NULL: no memory. */
static char *keep(struct buf *b)
{
	char *s = buf_add_byte(b, '\0') ? NULL : strdup(b->p);

	buf_release(b);
	return s;
}

static char *render_name(struct terminal *t, const struct span *s)
{
	struct buf b;

	buf_init(&b, 4096);
	add_text(t, &b, s->name);
	if (!is_call(s))
		buf_addf(&b, " [%u]", s->pid);
	return keep(&b);
}

static char *render_how(struct terminal *t, const struct span *s)
{
	struct buf b;

	buf_init(&b, 4096);
	if (is_call(s))
		how_call(t, &b, s);
	else
		how_process(t, &b, s);
	return keep(&b);
}

/* How long, right-aligned, and how it went. */
static char *render_ending(struct terminal *t, const struct span *s)
{
	char *how = render_how(t, s), *time = NULL;
	struct buf b;

	buf_init(&b, 64);
	add_seconds(&b, (s->end - s->start) / 1e9);
	time = keep(&b);
	buf_init(&b, 8192);
	buf_addf(&b, "%9s  %s", time ? time : "", how ? how : "");
	free(time);
	free(how);
	return keep(&b);
}

static void write_out(struct terminal *t)
{
	struct view v = buf_view(&t->out);
	ssize_t n;

	while (v.n && ((n = write(t->config.fd, v.p, v.n)) > 0 || errno == EINTR))
		v = view_drop(v, n > 0 ? n : 0);
	buf_reset(&t->out);
}

static void paint(struct terminal *t, const char *code)
{
	if (t->config.color)
		buf_addf(&t->out, "\033[%sm", code);
}

/* Text in a field of so many columns; longer text is cut, with a mark. */
static void add_field(struct terminal *t, const char *s, int width)
{
	int n = columns(s), kept = 0;
	const char *at = s;

	if (n <= width) {
		buf_addf(&t->out, "%s%*s", s, width - n, "");
		return;
	}
	while (kept < width - 1 && *at) {
		do
			at++;
		while (((unsigned char)*at & 0xc0) == 0x80);
		kept++;
	}
	buf_add(&t->out, (struct view){ s, at - s });
	buf_add(&t->out, t->utf8 ? VIEW("\u2026") : VIEW("~"));
}

static void add_line_end(struct terminal *t, const char *how, bool error)
{
	buf_add_byte(&t->out, ' ');
	if (error)
		paint(t, "31");
	buf_add(&t->out, view_of(how));
	if (error)
		paint(t, "0");
	buf_add_byte(&t->out, '\n');
}

static int draw_live(struct terminal *t, const struct span *s)
{
	char *name = render_name(t, s), *how = render_ending(t, s), clock[16];
	int indent = 2 * (s->depth < 8 ? s->depth : 8);
	time_t end = s->end / 1000000000;
	struct tm tm;

	localtime_r(&end, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	if (name && how) {
		paint(t, "2");
		buf_addf(&t->out, "%s  ", clock);
		paint(t, "0");
		buf_addf(&t->out, "%*s", indent, "");
		add_field(t, name, NAME_MAX_COLS - 10 - indent > 12 ? NAME_MAX_COLS - 10 - indent : 12);
		add_line_end(t, how, s->error);
	}
	free(name);
	free(how);
	errno = 0;
	write_out(t);
	return errno == EPIPE || errno == EIO ? -errno : 0;
}

static int keep_row(struct terminal *t, const struct span *s)
{
	struct row *r;

	if (t->row_cnt == ROWS_MAX) {
		t->left_out++;
		return 0;
	}
	if (t->row_cnt == t->row_cap) {
		size_t cap = t->row_cap ? t->row_cap * 2 : 64;

		r = realloc(t->rows, cap * sizeof(*r));
		if (!r) {
			t->left_out++;
			return 0;
		}
		t->rows = r;
		t->row_cap = cap;
	}
	r = &t->rows[t->row_cnt];
	*r = (struct row){ .start = s->start, .error = s->error, .first_child = -1, .next_sibling = -1 };
	memcpy(r->span_id, s->span_id, sizeof(r->span_id));
	memcpy(r->parent_id, s->parent_id, sizeof(r->parent_id));
	r->name = render_name(t, s);
	r->how = render_ending(t, s);
	t->row_cnt++;
	return 0;
}

static int put(struct sink *self, const struct span *s)
{
	struct terminal *t = (struct terminal *)self;
	int err;

	count(&t->totals, s);
	err = t->config.live ? draw_live(t, s) : keep_row(t, s);
	if (!err)
		self->stats.delivered++;
	return err;
}

static int by_id(const void *a, const void *b)
{
	return memcmp((*(const struct row *const *)a)->span_id, (*(const struct row *const *)b)->span_id, 8);
}

static int by_start_down(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	return x->start < y->start ? 1 : x->start > y->start ? -1 : memcmp(y->span_id, x->span_id, 8);
}

/* Children in start order: they are put in front of their siblings, the last one first.  Returns the first root. */
static int link_rows(struct terminal *t, struct row **sorted, struct row **ids)
{
	int roots = -1;

	for (size_t i = 0; i < t->row_cnt; i++)
		sorted[i] = ids[i] = &t->rows[i];
	qsort(ids, t->row_cnt, sizeof(*ids), by_id);
	qsort(sorted, t->row_cnt, sizeof(*sorted), by_start_down);
	for (size_t i = 0; i < t->row_cnt; i++) {
		struct row key, *k = &key, **up;
		int *list = &roots;

		memcpy(key.span_id, sorted[i]->parent_id, sizeof(key.span_id));
		up = bsearch(&k, ids, t->row_cnt, sizeof(*ids), by_id);
		if (up && *up != sorted[i])
			list = &(*up)->first_child;
		sorted[i]->next_sibling = *list;
		*list = sorted[i] - t->rows;
	}
	return roots;
}

/* Width of the first column: the longest name with its indent, within limits. */
static int name_width(const struct terminal *t, int at, int depth)
{
	int most = NAME_MIN_COLS, n;

	for (; at >= 0 && depth < 64; at = t->rows[at].next_sibling) {
		n = 3 * depth + columns(t->rows[at].name ? t->rows[at].name : "");
		most = n > most ? n : most;
		n = name_width(t, t->rows[at].first_child, depth + 1);
		most = n > most ? n : most;
	}
	return most < NAME_MAX_COLS ? most : NAME_MAX_COLS;
}

struct pen {
	struct terminal *t;
	int width;
	struct buf prefix;
};

static void draw(struct pen *p, int at, int depth)
{
	static const char *const twigs[2][4] = {
		{ "|- ", "`- ", "|  ", "   " },
		{ "\u251c\u2500 ", "\u2514\u2500 ", "\u2502  ", "   " },
	};
	struct terminal *t = p->t;

	for (; at >= 0; at = t->rows[at].next_sibling) {
		struct row *r = &t->rows[at];
		bool last = r->next_sibling < 0;
		const char *twig = depth ? twigs[t->utf8][last] : "";
		const char *below = depth ? twigs[t->utf8][2 + last] : "";
		size_t before = p->prefix.n;
		int indent = depth < 12 ? 3 * depth : 36;

		paint(t, "2");
		buf_add(&t->out, buf_view(&p->prefix));
		buf_add(&t->out, view_of(twig));
		paint(t, "0");
		add_field(t, r->name ? r->name : "?", p->width - indent > 8 ? p->width - indent : 8);
		add_line_end(t, r->how ? r->how : "", r->error);
		if (depth < 12)
			buf_add(&p->prefix, view_of(below));
		if (depth < 500)
			draw(p, r->first_child, depth + 1);
		p->prefix.n = before;
		if (t->out.n > 65536)
			write_out(t);
	}
}

static void draw_summary(struct terminal *t)
{
	const struct totals *n = &t->totals;
	struct buf *out = &t->out;

	if (!n->calls && !n->processes)
		return;
	buf_addf(out, "\n%llu model call%s", (unsigned long long)n->calls, n->calls == 1 ? "" : "s");
	if (n->calls) {
		buf_add(out, VIEW(", "));
		add_number(out, n->input);
		buf_add(out, VIEW(" tokens in"));
		if (n->cached) {
			buf_add(out, VIEW(" ("));
			add_number(out, n->cached);
			buf_add(out, VIEW(" cached)"));
		}
		buf_add(out, VIEW(", "));
		add_number(out, n->output);
		buf_add(out, VIEW(" out"));
		buf_addf(out, ", %llu failed", (unsigned long long)n->errors);
	}
	buf_addf(out, "; %llu process%s; ", (unsigned long long)n->processes, n->processes == 1 ? "" : "es");
	add_number(out, n->lost);
	buf_add(out, VIEW(" bytes lost"));
	if (n->incomplete)
		buf_addf(out, ", %llu not seen whole", (unsigned long long)n->incomplete);
	if (t->left_out)
		buf_addf(out, "; %llu more spans were not drawn", (unsigned long long)t->left_out);
	buf_add_byte(out, '\n');
}

static void draw_tree(struct terminal *t)
{
	struct row **sorted = calloc(t->row_cnt + 1, sizeof(*sorted));
	struct row **ids = calloc(t->row_cnt + 1, sizeof(*ids));
	struct pen p = { .t = t };
	int roots;

	buf_init(&p.prefix, 4096);
	if (sorted && ids && t->row_cnt) {
		roots = link_rows(t, sorted, ids);
		p.width = name_width(t, roots, 0);
		draw(&p, roots, 0);
	}
	buf_release(&p.prefix);
	free(sorted);
	free(ids);
}

static int flush(struct sink *self, int timeout_ms)
{
	struct terminal *t = (struct terminal *)self;

	if (t->drawn)
		return 0;
	t->drawn = true;
	if (!t->config.live)
		draw_tree(t);
	draw_summary(t);
	write_out(t);
	return 0;
}

static void terminal_free(struct sink *self)
{
	struct terminal *t = (struct terminal *)self;

	for (size_t i = 0; i < t->row_cnt; i++) {
		free(t->rows[i].name);
		free(t->rows[i].how);
	}
	free(t->rows);
	buf_release(&t->out);
	free(t);
}

static const struct sink_type terminal_type = {
	.name = "terminal",
	.put = put,
	.flush = flush,
	.free = terminal_free,
};

struct sink *sink_terminal_new(const struct terminal_config *c, int *ret_err)
{
	struct terminal *t = calloc(1, sizeof(*t));

	*ret_err = t ? 0 : -ENOMEM;
	if (!t)
		return NULL;
	t->sink.type = &terminal_type;
	t->config = *c;
	t->utf8 = locale_is_utf8();
	buf_init(&t->out, OUT_MAX);
	return &t->sink;
}
