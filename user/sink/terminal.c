// SPDX-License-Identifier: Apache-2.0
/*
 * What people look at: a line for each span when it is finished, or the whole
 * tree at the end, and the sums.  Names and messages come from the observed
 * program and are made harmless where they become text (terminal_row.c).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "sink/out.h"
#include "sink/rollup.h"
#include "sink/sink.h"
#include "sink/terminal_row.h"
#include "sink/terminal_tree.h"

#define LINE_NAME_COLS	34
#define INDENT_MAX	8
#define WIDTH		80	/* when nobody says */
#define WIDTH_MIN	60
#define WIDTH_MAX	200
#define OUT_MAX		(64 * 1024 * 1024)	/* 10,000 spans of the longest kind */
#define LIVE_WAIT_MS	200	/* somebody has stopped the screen: drop lines, hold nothing up */
#define DRAW_WAIT_MS	5000

struct totals {
	uint64_t turns, tools, tool_errors, unanswered;
	uint64_t calls, mcp, mcp_errors, a2a, a2a_errors, with_usage, processes, errors, incomplete, lost;
	int64_t input, cached, output;
	uint64_t priced;
	double usd;
};

struct terminal {
	struct sink sink;
	struct terminal_config config;
	struct tree *tree;	/* NULL: live */
	struct totals totals;
	struct rollup *rollup;
	struct buf out;
	bool utf8, stuck, broken;
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

static size_t width_of(int fd)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) || !ws.ws_col)
		return WIDTH;
	return ws.ws_col < WIDTH_MIN ? WIDTH_MIN : ws.ws_col > WIDTH_MAX ? WIDTH_MAX : ws.ws_col;
}

static int64_t at_least_0(const struct span *s, enum attr_id id)
{
	int64_t n = row_number(s, id, 0);

	return n > 0 ? n : 0;
}

/* Token counts are what a stranger wrote: sums stop at the largest number. */
static void add_up(int64_t *sum, int64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = INT64_MAX;
}

static void count(struct totals *n, const struct span *s)
{
	const struct value *complete = attrs_get(&s->attrs, ATTR_ONLOOKER_CAPTURE_COMPLETE);
	const struct value *usd = attrs_get(&s->attrs, ATTR_ONLOOKER_COST_USD);

	n->lost += at_least_0(s, ATTR_ONLOOKER_CAPTURE_LOST_BYTES);
	n->incomplete += complete && complete->type == VALUE_BOOL && !complete->b;
	if (row_is_mcp(s)) {
		n->mcp++;
		n->mcp_errors += s->error;
		return;
	}
	if (row_is_a2a(s)) {
		n->a2a++;
		n->a2a_errors += s->error;
		return;
	}
	if (row_is_tool(s)) {
		n->tools++;
		n->tool_errors += s->error;
		return;
	}
	n->turns += at_least_0(s, ATTR_ONLOOKER_RUN_TURNS);
	n->unanswered += at_least_0(s, ATTR_ONLOOKER_RUN_TOOLS_UNANSWERED);
	if (!row_is_call(s)) {
		n->processes += attrs_get(&s->attrs, ATTR_PROCESS_EXECUTABLE_NAME) != NULL;
		return;
	}
	n->calls++;
	n->priced += usd && usd->type == VALUE_DOUBLE;
	n->usd += usd && usd->type == VALUE_DOUBLE ? usd->d : 0;
	n->errors += s->error;
	n->with_usage += attrs_get(&s->attrs, ATTR_GEN_AI_USAGE_INPUT_TOKENS) ||
			 attrs_get(&s->attrs, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS);
	add_up(&n->input, at_least_0(s, ATTR_GEN_AI_USAGE_INPUT_TOKENS));
	add_up(&n->cached, at_least_0(s, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS));
	add_up(&n->output, at_least_0(s, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS));
}

/* A broken terminal is said once, by the return value. */
static int write_out(struct terminal *t, int timeout_ms)
{
	int err = t->broken ? 0 : out_write(t->config.fd, buf_view(&t->out), timeout_ms);

	t->broken |= err && err != -ETIMEDOUT;
	buf_reset(&t->out);
	return err;
}

static bool writable(struct terminal *t)
{
	struct pollfd p = { .fd = t->config.fd, .events = POLLOUT };

	t->stuck = poll(&p, 1, t->stuck ? 0 : LIVE_WAIT_MS) == 0;
	return !t->stuck;
}

static void add_clock(struct terminal *t, uint64_t ns)
{
	time_t at = ns / 1000000000;
	char text[16] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	tree_paint(&t->out, t->config.color, "2");
	buf_addf(&t->out, "%-8s  ", text);
	tree_paint(&t->out, t->config.color, "0");
}

static void add_items(struct terminal *t, const char *how, bool error)
{
	struct view items = view_of(how), item;

	if (error)
		tree_paint(&t->out, t->config.color, "31");
	while (view_cut(items, ROW_ITEM, &item, &items)) {
		buf_add(&t->out, item);
		if (items.n)
			buf_add(&t->out, VIEW(", "));
	}
	if (error)
		tree_paint(&t->out, t->config.color, "0");
	buf_add_byte(&t->out, '\n');
}

static int put_line(struct terminal *t, const struct span *s)
{
	int indent = 2 * (s->depth < INDENT_MAX ? s->depth : INDENT_MAX);
	struct row_text r;
	bool ok = row_text(&r, s, t->utf8) && writable(t);

	if (ok) {
		add_clock(t, s->end);
		buf_addf(&t->out, "%*s", indent, "");
		tree_field(&t->out, r.name, LINE_NAME_COLS - indent, t->utf8);
		buf_addf(&t->out, " %8s  ", r.time);
		add_items(t, r.how, s->error);
	}
	row_text_release(&r);
	return ok ? write_out(t, LIVE_WAIT_MS) : -ETIMEDOUT;
}

static int terminal_put(struct sink *self, const struct span *s)
{
	struct terminal *t = (struct terminal *)self;
	int err;

	count(&t->totals, s);
	if (row_is_call(s))
		rollup_add(t->rollup, s);
	if (t->broken)
		err = -ETIMEDOUT;
	else if (t->tree)
		err = tree_add(t->tree, s) ? 0 : -ETIMEDOUT;
	else
		err = put_line(t, s);
	if (err)
		self->stats.dropped++;
	else
		self->stats.delivered++;
	return err == -ETIMEDOUT ? 0 : err;
}

static void add_plural(struct buf *out, uint64_t n, const char *one, const char *more)
{
	row_add_number(out, n);
	buf_addf(out, " %s", n == 1 ? one : more);
}

static void add_token_sums(struct buf *out, const struct totals *n)
{
	buf_add(out, VIEW(", "));
	row_add_number(out, n->input);
	buf_add(out, VIEW(" tokens in"));
	if (n->cached) {
		buf_add(out, VIEW(" ("));
		row_add_number(out, n->cached);
		buf_add(out, VIEW(" cached)"));
	}
	buf_add(out, VIEW(", "));
	row_add_number(out, n->output);
	buf_add(out, VIEW(" out"));
}

static void add_cost(struct buf *out, const struct totals *n)
{
	if (!n->priced)
		return;
	buf_add(out, VIEW(", "));
	usd_add(out, n->usd);
	if (n->priced < n->calls)
		buf_addf(out, " for %llu of them", (unsigned long long)n->priced);
}

static void add_tools(struct buf *out, const struct totals *n)
{
	if (!n->turns && !n->tools && !n->unanswered)
		return;
	if (n->turns) {
		add_plural(out, n->turns, "turn", "turns");
		buf_add(out, VIEW(", "));
	}
	add_plural(out, n->tools, "tool call", "tool calls");
	buf_addf(out, ", %llu failed", (unsigned long long)n->tool_errors);
	if (n->unanswered)
		buf_addf(out, ", %llu never answered", (unsigned long long)n->unanswered);
	buf_add_byte(out, '\n');
}

static void add_summary(struct terminal *t)
{
	const struct totals *n = &t->totals;
	uint64_t unseen = t->sink.stats.dropped;
	struct buf *out = &t->out;

	if (!n->calls && !n->mcp && !n->a2a && !n->processes)
		return;
	buf_add_byte(out, '\n');
	add_plural(out, n->calls, "model call", "model calls");
	if (n->with_usage)
		add_token_sums(out, n);
	add_cost(out, n);
	if (n->calls)
		buf_addf(out, ", %llu failed", (unsigned long long)n->errors);
	buf_add_byte(out, '\n');
	add_tools(out, n);
	rollup_write(t->rollup, out, t->utf8);
	if (n->mcp) {
		add_plural(out, n->mcp, "MCP operation", "MCP operations");
		buf_addf(out, ", %llu failed\n", (unsigned long long)n->mcp_errors);
	}
	if (n->a2a) {
		add_plural(out, n->a2a, "A2A operation", "A2A operations");
		buf_addf(out, ", %llu failed\n", (unsigned long long)n->a2a_errors);
	}
	add_plural(out, n->processes, "process", "processes");
	buf_add(out, VIEW(", "));
	add_plural(out, n->lost, "byte lost", "bytes lost");
	if (n->incomplete) {
		buf_add(out, VIEW(", "));
		add_plural(out, n->incomplete, "span not seen whole", "spans not seen whole");
	}
	if (unseen) {
		buf_add(out, VIEW(", "));
		add_plural(out, unseen, "more span is not shown", "more spans are not shown");
	}
	buf_add_byte(out, '\n');
}

static int terminal_flush(struct sink *self, int timeout_ms)
{
	struct terminal *t = (struct terminal *)self;
	struct tree_style style = {
		.utf8 = t->utf8, .color = t->config.color, .width = width_of(t->config.fd),
	};

	if (t->tree)
		tree_draw(t->tree, &style, &t->out);
	add_summary(t);
	if (t->tree) {
		tree_free(t->tree);
		t->tree = tree_new(t->utf8);
	}
	t->totals = (struct totals){};
	rollup_clear(t->rollup);
	return write_out(t, timeout_ms < DRAW_WAIT_MS ? timeout_ms : DRAW_WAIT_MS);
}

static void terminal_free(struct sink *self)
{
	struct terminal *t = (struct terminal *)self;

	tree_free(t->tree);
	rollup_free(t->rollup);
	buf_release(&t->out);
	free(t);
}

static const struct sink_type sink_terminal = {
	.name = "terminal",
	.put = terminal_put,
	.flush = terminal_flush,
	.free = terminal_free,
};

struct sink *sink_terminal_new(const struct terminal_config *c, int *ret_err)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	t->sink.type = &sink_terminal;
	t->config = *c;
	t->utf8 = locale_is_utf8();
	t->tree = c->live ? NULL : tree_new(t->utf8);
	t->rollup = rollup_new();
	buf_init(&t->out, OUT_MAX);
	if (!t->rollup || (!c->live && !t->tree)) {
		*ret_err = -ENOMEM;
		terminal_free(&t->sink);
		return NULL;
	}
	return &t->sink;
}
