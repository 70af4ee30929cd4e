// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "sink/plain.h"
#include "sink/terminal_row.h"
#include "sink/terminal_tree.h"

#define NODES_MAX	10000
#define LEVELS_MAX	12	/* deeper ones are drawn at this depth */
#define LEVEL_COLS	3
#define NAME_MIN	8
#define TIME_COLS	8

/* Nodes by number in tree.nodes, NONE: none.  Walked without recursion: the depth is theirs, the stack ours. */
#define NONE (-1)

struct node {
	uint8_t span_id[8], parent_id[8];
	uint64_t start;
	struct row_text text;
	bool error, placed;
	int parent, first_child, next_sibling;
	unsigned level;
	uint32_t bars;		/* bit n: a line runs down at level n, to a later sibling */
};

struct tree {
	struct node *nodes;
	size_t cnt, cap;
	uint64_t left_out;
	bool utf8;
};

struct tree *tree_new(bool utf8)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (t)
		t->utf8 = utf8;
	return t;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cnt; i++)
		row_text_release(&t->nodes[i].text);
	free(t->nodes);
	free(t);
}

uint64_t tree_left_out(const struct tree *t)
{
	return t->left_out;
}

static struct node *node_new(struct tree *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct node *n;

	if (t->cnt == NODES_MAX)
		return NULL;
	if (t->cnt == t->cap) {
		n = realloc(t->nodes, cap * sizeof(*n));
		if (!n)
			return NULL;
		t->nodes = n;
		t->cap = cap;
	}
	return &t->nodes[t->cnt];
}

bool tree_add(struct tree *t, const struct span *s)
{
	struct node *n = node_new(t);
	struct row_text text = {};

	if (!n || !row_text(&text, s, t->utf8)) {
		row_text_release(&text);
		t->left_out++;
		return false;
	}
	*n = (struct node){
		.start = s->start, .text = text, .error = s->error,
		.parent = NONE, .first_child = NONE, .next_sibling = NONE,
	};
	memcpy(n->span_id, s->span_id, sizeof(n->span_id));
	memcpy(n->parent_id, s->parent_id, sizeof(n->parent_id));
	t->cnt++;
	return true;
}

static int by_id(const void *a, const void *b)
{
	return memcmp((*(const struct node *const *)a)->span_id, (*(const struct node *const *)b)->span_id, 8);
}

static int by_start_down(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a, *y = *(const struct node *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? 1 : -1;
	return x < y ? 1 : -1;		/* then in the order they came */
}

static int find_parent(const struct tree *t, const struct node *n, struct node **ids)
{
	struct node key, *k = &key, **up;

	memcpy(key.span_id, n->parent_id, sizeof(key.span_id));
	up = bsearch(&k, ids, t->cnt, sizeof(*ids), by_id);
	return up && *up != n ? *up - t->nodes : NONE;
}

/*
 * Parents that lead back to where one started are no tree.  Walking up from
 * each node until something known costs one step per node in all.
 */
static void cut_circles(struct tree *t)
{
	size_t i;
	int at, up;

	for (i = 0; i < t->cnt; i++) {
		for (at = i; at != NONE && !t->nodes[at].level; at = t->nodes[at].parent)
			t->nodes[at].level = i + 1;	/* walked in this round */
		if (at != NONE && t->nodes[at].level == i + 1)
			t->nodes[at].parent = NONE;
		for (at = i; at != NONE && t->nodes[at].level == i + 1; at = up) {
			up = t->nodes[at].parent;
			t->nodes[at].level = NODES_MAX + 1;
		}
	}
}

/* Children are put in front of their siblings, the last one first.  Returns the first root. */
static int link_nodes(struct tree *t, struct node **sorted)
{
	int roots = NONE, *list;
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		list = sorted[i]->parent == NONE ? &roots : &t->nodes[sorted[i]->parent].first_child;
		sorted[i]->next_sibling = *list;
		*list = sorted[i] - t->nodes;
	}
	return roots;
}

static int arrange(struct tree *t)
{
	struct node **ids = calloc(t->cnt + 1, sizeof(struct node *));
	size_t i;
	int roots = NONE;

	if (!ids)
		return NONE;
	for (i = 0; i < t->cnt; i++) {
		t->nodes[i].first_child = t->nodes[i].next_sibling = NONE;
		t->nodes[i].level = 0;
		ids[i] = &t->nodes[i];
	}
	qsort(ids, t->cnt, sizeof(*ids), by_id);
	for (i = 0; i < t->cnt; i++)
		t->nodes[i].parent = find_parent(t, &t->nodes[i], ids);
	cut_circles(t);
	qsort(ids, t->cnt, sizeof(*ids), by_start_down);
	roots = link_nodes(t, ids);
	free(ids);
	return roots;
}

/* The node after this one in the drawing, with its level and bars set. */
static int next_node(struct tree *t, int at)
{
	struct node *n = &t->nodes[at], *next;
	int to = n->first_child;

	while (to == NONE && at != NONE) {
		to = t->nodes[at].next_sibling;
		at = t->nodes[at].parent;
	}
	if (to == NONE)
		return NONE;
	next = &t->nodes[to];
	n = next->parent == NONE ? NULL : &t->nodes[next->parent];
	next->level = !n ? 0 : n->level < LEVELS_MAX ? n->level + 1 : LEVELS_MAX;
	next->bars = n ? n->bars & ((1u << next->level) - 1) : 0;
	if (next->level && next->next_sibling != NONE)
		next->bars |= 1u << next->level;
	return to;
}

void tree_paint(struct buf *out, bool color, const char *code)
{
	if (color)
		buf_addf(out, "\033[%sm", code);
}

void tree_field(struct buf *out, const char *text, size_t cols, bool utf8)
{
	size_t used = plain_add(out, view_of(text), cols, utf8);

	buf_addf(out, "%*s", (int)(cols - used), "");
}

static void add_bars(struct buf *out, const struct node *n, unsigned levels, bool utf8)
{
	for (unsigned i = 1; i <= levels; i++)
		buf_add(out, !(n->bars >> i & 1) ? VIEW("   ") : utf8 ? VIEW("\u2502  ") : VIEW("|  "));
}

static void add_twig(struct buf *out, const struct node *n, bool utf8)
{
	bool last = n->next_sibling == NONE;

	if (!n->level)
		return;
	add_bars(out, n, n->level - 1, utf8);
	if (utf8)
		buf_add(out, last ? VIEW("\u2514\u2500 ") : VIEW("\u251c\u2500 "));
	else
		buf_add(out, last ? VIEW("`- ") : VIEW("|- "));
}

/* The line goes on below: what runs down on the left, up to the column where it continues. */
static void new_line(struct buf *out, const struct node *n, size_t column, const struct tree_style *st)
{
	size_t left = LEVEL_COLS * n->level;

	buf_add_byte(out, '\n');
	tree_paint(out, st->color, "2");
	add_bars(out, n, n->level, st->utf8);
	if (n->first_child != NONE && n->level < LEVELS_MAX) {
		buf_add(out, st->utf8 ? VIEW("\u2502  ") : VIEW("|  "));
		left += LEVEL_COLS;
	}
	tree_paint(out, st->color, "0");
	buf_addf(out, "%*s", (int)(column > left ? column - left : 0), "");
}

static void add_how(struct buf *out, const struct node *n, size_t column, const struct tree_style *st)
{
	struct view items = view_of(n->text.how), item;
	size_t room = st->width > column + 20 ? st->width - column : 20, used = 0, need;

	if (n->error)
		tree_paint(out, st->color, "31");
	while (view_cut(items, ROW_ITEM, &item, &items)) {
		need = plain_columns(item) + (items.n ? 1 : 0);
		if (used && used + 1 + need > room) {
			new_line(out, n, column, st);
			if (n->error)
				tree_paint(out, st->color, "31");
			used = 0;
		} else if (used) {
			buf_add_byte(out, ' ');
			used++;
		}
		used += plain_add(out, item, room, st->utf8);
		if (items.n)
			buf_add_byte(out, ',');
		used++;
	}
	if (n->error)
		tree_paint(out, st->color, "0");
	buf_add_byte(out, '\n');
}

static void draw_node(struct buf *out, const struct node *n, size_t names, const struct tree_style *st)
{
	size_t indent = LEVEL_COLS * n->level;

	tree_paint(out, st->color, "2");
	add_twig(out, n, st->utf8);
	tree_paint(out, st->color, "0");
	tree_field(out, n->text.name, names > indent + NAME_MIN ? names - indent : NAME_MIN, st->utf8);
	buf_addf(out, " %*s  ", TIME_COLS, n->text.time);
	add_how(out, n, (names > indent + NAME_MIN ? names : indent + NAME_MIN) + TIME_COLS + 3, st);
}

/* The width of the first column: the longest name with its indent, but not more than 2/5 of the line. */
static size_t names_width(struct tree *t, int roots, const struct tree_style *st)
{
	size_t most = NAME_MIN, max = st->width * 2 / 5 + 2, n;

	for (int at = roots; at != NONE; at = next_node(t, at)) {
		n = LEVEL_COLS * t->nodes[at].level + plain_columns(view_of(t->nodes[at].text.name));
		most = n > most ? n : most;
	}
	return most < max ? most : max;
}

void tree_draw(struct tree *t, const struct tree_style *style, struct buf *out)
{
	int roots = arrange(t), at;
	size_t names;

	if (roots == NONE)
		return;
	t->nodes[roots].level = t->nodes[roots].bars = 0;
	names = names_width(t, roots, style);
	for (at = roots; at != NONE; at = next_node(t, at))
		draw_node(out, &t->nodes[at], names, style);
}
