// SPDX-License-Identifier: Apache-2.0
/*
 * Texts of all finders in one pass: of a text that is 7 bytes or longer, one
 * word of four bytes lies whole at every fourth place, whatever its own place is.  So
 * each word there is asked of a filter of 64 Ki bits (in the first-level cache),
 * and few need more: 400 MB take a hundred million such questions.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find/find.h"
#include "find/scan_room.h"

#define TEXTS_MAX	512
#define CODES_MAX	64
#define TEXT_BYTES	128
#define STRING_BYTES	512	/* how far before its end a string may begin */
#define OVERLAP		1024	/* more than both of them together */

bool places_add(struct places *p, uint64_t va)
{
	if (p->cnt == SCAN_HITS_MAX) {
		p->more = true;
		return true;
	}
	if (p->cnt == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 8;
		uint64_t *more = realloc(p->va, cap * sizeof(*more));

		if (!more)
			return false;
		p->va = more;
		p->cap = cap;
	}
	p->va[p->cnt++] = va;
	return true;
}

static bool add_rows(struct scan *s, const struct finder *f)
{
	for (const struct scan_text *t = f->texts; t && t->text; t++) {
		size_t n = strlen(t->text) + (t->how != SCAN_STARTS);

		if (s->text_cnt == TEXTS_MAX || n < 7 || n > TEXT_BYTES)
			return false;
		s->text[s->text_cnt++] = (struct text_row){ .t = t, .owner = f, .n = n };
	}
	for (const struct scan_code *c = f->codes; c && c->n; c++) {
		if (s->code_cnt == CODES_MAX)
			return false;
		s->code[s->code_cnt++] = (struct code_row){ .c = c, .owner = f };
	}
	return true;
}

/* The words of all texts. */
#define BUCKETS 4096

struct word {
	uint32_t word;
	uint16_t row, at;	/* in that row's text */
	uint16_t next;		/* index + 1 */
};

struct words {
	struct scan *s;
	uint8_t filter[65536 / 8];
	uint16_t bucket[BUCKETS];
	struct word word[TEXTS_MAX * 4];
	size_t cnt;
};

static uint32_t load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t hash_of(uint32_t word)
{
	return word * 0x9e3779b1u >> 16;
}

static void add_word(struct words *w, size_t row, size_t at)
{
	uint32_t word = load32(w->s->text[row].t->text + at), h = hash_of(word);
	uint16_t *b = &w->bucket[h % BUCKETS];

	w->filter[h / 8] |= 1u << h % 8;
	w->word[w->cnt] = (struct word){ word, row, at, *b };
	*b = ++w->cnt;
}

static bool is_word(uint8_t c)
{
	return isalnum(c) || c == '_';
}

/* The place where the string around p[at] begins; `at` when nothing says so. */
static size_t string_begin(const uint8_t *p, size_t at)
{
	size_t floor = at > STRING_BYTES ? at - STRING_BYTES : 0, i = at;

	while (i > floor && p[i - 1])
		i--;
	return i;
}

static void take_text(struct scan *s, struct text_row *r, uint64_t va, const uint8_t *p, size_t n, size_t at)
{
	if (r->at.more || at + r->n > n || va + at + r->n <= s->seen || memcmp(p + at, r->t->text, r->n))
		return;
	if (r->t->how == SCAN_WHOLE && at && is_word(p[at - 1]))
		return;
	if (r->t->how == SCAN_ENDS) {
		if (!places_add(&r->tail, va + at))
			s->err = -ENOMEM;
		at = string_begin(p, at);
	}
	if (!places_add(&r->at, va + at))
		s->err = -ENOMEM;
}

static void take_word(struct words *w, uint32_t word, uint64_t va, const uint8_t *p, size_t n, size_t i)
{
	for (size_t k = w->bucket[hash_of(word) % BUCKETS]; k; k = w->word[k - 1].next) {
		const struct word *x = &w->word[k - 1];

		if (x->word == word && x->at <= i)
			take_text(w->s, &w->s->text[x->row], va, p, n, i - x->at);
	}
}

static bool put_texts(void *arg, uint64_t va, const uint8_t *p, size_t n)
{
	struct words *w = arg;

	for (size_t i = 0; i + 4 <= n; i += 4) {
		uint32_t word = load32(p + i), h = hash_of(word);

		if (w->filter[h / 8] >> h % 8 & 1)
			take_word(w, word, va, p, n, i);
	}
	w->s->seen = va + n;
	return !w->s->err;
}

static void text_pass(struct scan *s)
{
	struct words *w = calloc(1, sizeof(*w));

	if (!w) {
		s->err = -ENOMEM;
		return;
	}
	w->s = s;
	for (size_t i = 0; i < s->text_cnt; i++)
		for (size_t phase = 0; phase < 4; phase++)
			add_word(w, i, phase);
	if (!image_windows(s->im, IMAGE_CODE | IMAGE_DATA, OVERLAP, put_texts, w) && !s->err)
		s->err = -EIO;
	free(w);
}

static bool found_any(const struct scan *s)
{
	for (size_t i = 0; i < s->text_cnt; i++)
		if (s->text[i].at.cnt)
			return true;
	return false;
}

struct scan *scan_new(const struct image *im, const struct finder *const *table, int *ret_err)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (!s) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	s->im = im;
	s->text = calloc(TEXTS_MAX, sizeof(*s->text));
	s->code = calloc(CODES_MAX, sizeof(*s->code));
	if (!s->text || !s->code)
		s->err = -ENOMEM;
	for (size_t i = 0; table[i] && !s->err; i++)
		if (!add_rows(s, table[i]))
			s->err = -EINVAL;
	if (!s->err)
		text_pass(s);
	if (!s->err && found_any(s))
		scan_code_pass(s);
	if (!s->err)
		return s;
	*ret_err = s->err;
	scan_free(s);
	return NULL;
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->text && i < s->text_cnt; i++) {
		free(s->text[i].at.va);
		free(s->text[i].tail.va);
		free(s->text[i].ref);
	}
	for (size_t i = 0; s->code && i < s->code_cnt; i++)
		free(s->code[i].at.va);
	free(s->text);
	free(s->code);
	free(s->target);
	free(s->called);
	free(s->sweep_left);
	free(s);
}

static const struct text_row *row_of(const struct scan *s, const struct scan_text *t)
{
	for (size_t i = 0; i < s->text_cnt; i++)
		if (s->text[i].t == t)
			return &s->text[i];
	return NULL;
}

size_t scan_texts(const struct scan *s, const struct scan_text *t, const uint64_t **ret)
{
	const struct text_row *r = row_of(s, t);

	*ret = r ? r->at.va : NULL;
	return r ? r->at.cnt : 0;
}

size_t scan_refs(const struct scan *s, const struct scan_text *t, const struct scan_ref **ret)
{
	const struct text_row *r = row_of(s, t);

	*ret = r ? r->ref : NULL;
	return r ? r->ref_cnt : 0;
}

bool scan_too_many(const struct scan *s, const struct scan_text *t)
{
	const struct text_row *r = row_of(s, t);

	return r && (r->at.more || r->more_refs);
}

size_t scan_codes(const struct scan *s, const struct scan_code *c, const uint64_t **ret)
{
	for (size_t i = 0; i < s->code_cnt; i++) {
		if (s->code[i].c != c)
			continue;
		*ret = s->code[i].at.va;
		return s->code[i].at.cnt;
	}
	*ret = NULL;
	return 0;
}
