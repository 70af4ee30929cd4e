// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdlib.h>

#include "trace/tools.h"

#define HOPS_MAX	1024
#define ID_RANDOM	16	/* an id that long is made by chance and not by counting */
#define STRINGS_MAX	64	/* of a call's arguments that are looked for in a command line */
#define LEVELS_MAX	4
#define WORD_MIN	2	/* to be an argument */
#define PIECE_MIN	5	/* to be found inside of one */
#define PIECE_MAX	1024
#define ARGS_MAX	(16 * 1024)	/* longer ones are a file's text, no command */
#define OPEN_MAX	16	/* of so many at once nobody says which */

void tools_init(struct tools *ts)
{
	*ts = (struct tools){ 0 };
	ts->end = &ts->first;
}

void tool_free(struct tool *t)
{
	if (!t)
		return;
	free(t->call_id);
	free(t->name);
	buf_release(&t->args);
	free(t);
}

bool tools_full(const struct tools *ts)
{
	return ts->cnt >= TOOLS_MAX;
}

struct tool *tools_oldest(struct tools *ts)
{
	return ts->first;
}

static char *copy(struct view v)
{
	return v.n ? strndup(v.p, v.n < 1024 ? v.n : 1024) : NULL;
}

struct tool *tools_add(struct tools *ts, struct proc *p, const struct gen_part *part)
{
	struct tool *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->id = part->id.n ? gen_hash(part->id) : 0;
	t->name_hash = part->name.n ? gen_hash(part->name) : 0;
	t->call_id = copy(part->id);
	t->name = copy(part->name);
	buf_init(&t->args, TOOL_TEXT_MAX);
	buf_add(&t->args, buf_view(&part->text));
	t->proc = p;
	p->refs++;
	*ts->end = t;
	ts->end = &t->next;
	ts->cnt++;
	return t;
}

void tools_take(struct tools *ts, struct tool *t)
{
	struct tool **at = &ts->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (!t->next)
		ts->end = at;
	t->next = NULL;
	ts->cnt--;
}

static bool is_above(const struct proc *up, const struct proc *p)
{
	for (int hops = 0; p && hops < HOPS_MAX; p = p->parent, hops++)
		if (p == up)
			return true;
	return false;
}

/* The same conversation, by what cannot be the same by chance. */
static bool same_conversation(const struct tool *t, const struct gen_call *c)
{
	if (c->previous_response_id.n)
		return t->response && gen_hash(c->previous_response_id) == t->response;
	return gen_extends(c, t->head, t->message_cnt);
}

static bool fits(const struct tool *t, const struct gen_result *r, const struct proc *p, uint64_t ts)
{
	if (t->answer_ts > ts)		/* nobody knows a result before it was asked for */
		return false;
	if (r->id ? t->id != r->id : (t->id || !r->name || t->name_hash != r->name))
		return false;
	return is_above(t->proc, p) || is_above(p, t->proc);
}

/*
 * Both have messages, and these are not those: the agent rewrote what was said (compaction), or it is another conversation with an id that
 * counts from 1 in each.
 */
static bool random_id(const struct tool *t)
{
	return t->id && t->call_id && strlen(t->call_id) >= ID_RANDOM;
}

struct tool_match tools_match(struct tools *ts, const struct gen_call *c, const struct gen_result *r,
			      const struct proc *p, uint64_t ts_asked)
{
	struct tool *sure = NULL, *maybe = NULL;
	unsigned sure_cnt = 0, maybe_cnt = 0;

	for (struct tool *t = ts->first; t; t = t->next) {
		if (!fits(t, r, p, ts_asked))
			continue;
		if (same_conversation(t, c)) {
			if (!sure_cnt++)
				sure = t;
		} else if (random_id(t) && !maybe_cnt++) {
			maybe = t;
		}
	}
	if (sure_cnt == 1 || (sure_cnt && !r->id))	/* without ids the results come in the order of the calls */
		return (struct tool_match){ sure, r->id ? "tool_call_id" : "message_prefix", r->id ? 1 : 0.8 };
	if (!sure_cnt && maybe_cnt == 1)
		return (struct tool_match){ maybe, "tool_call_id", 0.9 };
	ts->ambiguous += sure_cnt + maybe_cnt > 0;
	return (struct tool_match){ 0 };
}

/* --- who started a process --- */

/* Not in the middle of a word. */
static bool has_piece(struct view arg, struct view piece)
{
	const char *at = arg.p, *end = arg.p + arg.n;

	while ((at = memmem(at, end - at, piece.p, piece.n))) {
		bool left = at == arg.p || !isalnum((unsigned char)at[-1]);
		bool right = at + piece.n == end || !isalnum((unsigned char)at[piece.n]);

		if (left && right)
			return true;
		at++;
	}
	return false;
}

static bool has_word(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (isalpha((unsigned char)v.p[i]))
			return true;
	return false;
}

/* The whole line with spaces in between; split by a shell's rules it may read otherwise, then it is no match. */
static bool is_line(struct view argv, struct view text)
{
	if (argv.n && !argv.p[argv.n - 1])
		argv.n--;
	if (argv.n != text.n)
		return false;
	for (size_t i = 0; i < argv.n; i++)
		if ((argv.p[i] ? argv.p[i] : ' ') != text.p[i])
			return false;
	return true;
}

static bool in_argv(struct view argv, struct view text)
{
	struct view arg, rest = argv;

	if (text.n < WORD_MIN || !has_word(text))
		return false;
	if (is_line(argv, text))
		return true;
	while (rest.n) {
		if (!view_cut(rest, '\0', &arg, &rest)) {
			arg = rest;
			rest = VIEW_NONE;
		}
		if (view_eq(arg, text) || (text.n >= PIECE_MIN && text.n <= PIECE_MAX && arg.n > text.n && has_piece(arg, text)))
			return true;
	}
	return false;
}

/* Walks the strings of a call's arguments. */
static bool any_string(struct json v, struct view argv, unsigned *left, unsigned levels)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	struct buf text;
	bool found = false;

	if (v.type == JSON_STRING && *left) {
		--*left;
		buf_init(&text, TOOL_TEXT_MAX);
		found = !json_text(v, &text) && in_argv(argv, view_trim(buf_view(&text)));
		buf_release(&text);
	}
	while (!found && levels && v.type >= JSON_ARRAY && *left && json_next(&it, &m))
		found = any_string(m.value, argv, left, levels - 1);
	return found;
}

static bool matches(const struct tool *t, struct view argv)
{
	unsigned left = STRINGS_MAX;

	return t->args.n <= ARGS_MAX && any_string(json_read(buf_view(&t->args)), argv, &left, LEVELS_MAX);
}

struct tool_match tools_starter(struct tools *ts, const struct proc *asker, struct view argv, unsigned *ret_open)
{
	struct tool *only = NULL, *match = NULL;
	unsigned open = 0, match_cnt = 0;

	for (struct tool *t = ts->first; t; t = t->next) {
		if (t->proc != asker)
			continue;
		only = t;
		if (++open <= OPEN_MAX && matches(t, argv) && !match_cnt++)
			match = t;
	}
	*ret_open = open;
	if (match_cnt == 1 && open <= OPEN_MAX)
		return (struct tool_match){ match, "argv_match", 0.95 };
	if (open == 1)
		return (struct tool_match){ only, "process_lineage", 0.7 };
	return (struct tool_match){ 0 };
}
