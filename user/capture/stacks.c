// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stacks.h"
#include "capture/tls.h"
#include "find/code.h"
#include "find/find.h"

#define MARKS_MAX	8

/* A row of tls_specs, and what one file has of it. */
struct row {
	const struct tls_func *func;
	unsigned lib;
	bool symbol;		/* a symbol names it */
	bool found;		/* a finder does */
	uint64_t probe;		/* 0: it is not there */
	size_t rets_cnt;
	const uint64_t *rets;	/* file offsets */
};

struct search {
	const struct image *im;
	struct row row[TLS_SPECS_MAX];
	size_t n;
	struct found found[FOUND_STACKS_MAX];
	size_t found_cnt;
};

size_t specs_fill(struct tls_spec table[static TLS_SPECS_MAX])
{
	size_t n = 0;

	for (unsigned l = 0; tls_libs[l]; l++) {
		for (const struct tls_func *f = tls_libs[l]->funcs; f->sym && n < TLS_SPECS_MAX; f++) {
			table[n] = f->spec;
			table[n++].lib = l;
		}
	}
	return n;
}

static void list_rows(struct search *s)
{
	for (unsigned l = 0; tls_libs[l]; l++)
		for (const struct tls_func *f = tls_libs[l]->funcs; f->sym && s->n < TLS_SPECS_MAX; f++)
			s->row[s->n++] = (struct row){ .func = f, .lib = l };
}

static const struct tls_func *func_of(unsigned row)
{
	for (unsigned l = 0; tls_libs[l]; l++)
		for (const struct tls_func *f = tls_libs[l]->funcs; f->sym; f++)
			if (!row--)
				return f;
	return NULL;
}

const char *spec_name(unsigned row)
{
	const struct tls_func *f = func_of(row);

	return f ? f->sym : NULL;
}

static bool moves_data(const struct tls_spec *s)
{
	return s->what == TLS_DATA || s->what == TLS_SEAL || s->what == TLS_OPEN;
}

bool spec_moves_data(unsigned row)
{
	const struct tls_func *f = func_of(row);

	return f && moves_data(&f->spec);
}

static struct row *row_of(struct search *s, unsigned lib, const char *sym)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->row[i].lib == lib && !strcmp(s->row[i].func->sym, sym))
			return &s->row[i];
	return NULL;
}

/* A library whose symbols these are goes before one that has functions of the same names. */
static void drop_doubles(struct search *s, const bool *marked)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!s->row[i].probe || tls_libs[s->row[i].lib]->mark)
			continue;
		for (unsigned l = 0; tls_libs[l]; l++)
			if (marked[l] && row_of(s, l, s->row[i].func->sym))
				s->row[i].probe = 0;
	}
}

static bool by_symbol(unsigned lib, const bool *marked)
{
	return !tls_libs[lib]->found_only && (!tls_libs[lib]->mark || marked[lib]);
}

static void by_symbols(struct search *s)
{
	const char *names[TLS_SPECS_MAX + MARKS_MAX];
	struct image_sym sym[TLS_SPECS_MAX + MARKS_MAX];
	bool marked[TLS_SPECS_MAX] = { false };
	unsigned mark_lib[MARKS_MAX], marks = 0;

	for (size_t i = 0; i < s->n; i++)
		names[i] = s->row[i].func->sym;
	for (unsigned l = 0; tls_libs[l]; l++) {
		if (!tls_libs[l]->mark || marks == MARKS_MAX)
			continue;
		mark_lib[marks] = l;
		names[s->n + marks++] = tls_libs[l]->mark;
	}
	if (!image_symbols(s->im, names, s->n + marks, sym))
		return;
	for (unsigned i = 0; i < marks; i++)
		marked[mark_lib[i]] = sym[s->n + i].va;
	for (size_t i = 0; i < s->n; i++) {
		if (!sym[i].va || !by_symbol(s->row[i].lib, marked))
			continue;
		s->row[i].probe = code_probe(s->im, sym[i].va);
		s->row[i].symbol = true;
	}
	drop_doubles(s, marked);
}

static int lib_by_name(const char *name)
{
	for (int l = 0; tls_libs[l]; l++)
		if (!strcmp(tls_libs[l]->name, name))
			return l;
	return -1;
}

static bool wants_return(const struct tls_spec *s)
{
	switch (s->what) {
	case TLS_DATA:
	case TLS_UNSEEN:
		return s->at == TLS_AT_RETURN;
	case TLS_NEW:
	case TLS_HANDSHAKE:
	case TLS_ERROR:
	case TLS_SEAL:
	case TLS_OPEN:
		return true;
	default:
		return false;
	}
}

static void take_found(struct search *s, const struct found *f, unsigned lib)
{
	for (size_t i = 0; i < f->cnt; i++) {
		const struct found_func *fn = &f->func[i];
		struct row *r = row_of(s, lib, fn->sym);

		if (!r || !fn->probe)
			continue;
		if (tls_libs[lib]->no_uretprobe && wants_return(&r->func->spec) && !fn->rets_cnt)
			continue;
		r->probe = fn->probe;
		r->found = true;
		r->rets_cnt = fn->rets_cnt;
		r->rets = fn->rets;
	}
}

static int by_finders(struct search *s)
{
	int n = find_stacks_cached(s->im, FIND_CACHE, s->found), lib;

	if (n < 0)
		return n;
	s->found_cnt = n;
	for (int i = 0; i < n; i++) {
		lib = lib_by_name(s->found[i].stack);
		if (lib >= 0)
			take_found(s, &s->found[i], lib);
	}
	return 0;
}

/*
 * One probe on the inner function is enough, and cheaper, where a finder has seen
 * the outer ones call it; a symbol alone does not say so: the compiler may have copied it into them.
 */
static bool needed(struct search *s, const struct row *r)
{
	const struct tls_instead *in = tls_libs[r->lib]->insteads;

	for (; in && in->sym; in++) {
		const struct row *inner = row_of(s, r->lib, in->sym), *outer = row_of(s, r->lib, in->other);
		bool inner_does = inner && inner->probe && inner->found;

		if (r == outer && inner_does)
			return false;
		if (r == inner && !inner_does && outer && outer->probe)
			return false;
	}
	return r->probe;
}

struct kinds {
	bool data, any, symbol, free;
};

static struct kinds kinds_of(struct search *s, unsigned lib)
{
	struct kinds k = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		const struct row *r = &s->row[i];

		if (r->lib != lib || !r->probe)
			continue;
		k.any = true;
		k.symbol |= r->symbol;
		k.free |= r->func->spec.what == TLS_FREE;
		k.data |= moves_data(&r->func->spec);
	}
	return k;
}

static void put_probes(struct stack *st, const struct row *r, uint64_t cookie)
{
	if (!r->symbol)
		cookie |= COOKIE_CHECK;
	if (r->rets_cnt)
		cookie |= COOKIE_RETS;
	st->probes[st->probes_cnt++] = (struct probe){ PROBE_ENTER, r->probe, cookie };
	if (!wants_return(&r->func->spec))
		return;
	if (!r->rets_cnt)
		st->probes[st->probes_cnt++] = (struct probe){ PROBE_RETURN, r->probe, cookie };
	for (size_t k = 0; k < r->rets_cnt; k++)
		st->probes[st->probes_cnt++] = (struct probe){ PROBE_RET, r->rets[k], cookie };
}

static int make_probes(struct search *s, unsigned lib, const struct kinds *k, struct stack *st)
{
	size_t most = 0;

	for (size_t i = 0; i < s->n; i++)
		most += s->row[i].lib == lib ? 2 + s->row[i].rets_cnt : 0;
	st->probes = calloc(most, sizeof(*st->probes));
	if (!st->probes)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		if (s->row[i].lib == lib && needed(s, &s->row[i]))
			put_probes(st, &s->row[i], i | (k->free || tls_libs[lib]->spread ? 0 : COOKIE_NOLIFE));
	return 0;
}

static const struct found *found_of(struct search *s, unsigned lib)
{
	for (size_t i = 0; i < s->found_cnt; i++)
		if (!strcmp(s->found[i].stack, tls_libs[lib]->name))
			return &s->found[i];
	return NULL;
}

/* 1: st is filled; 0: this library is not in the file. */
static int take_stack(struct search *s, unsigned lib, struct stack *st)
{
	const struct found *f = found_of(s, lib);
	struct kinds k = kinds_of(s, lib);
	bool usable = k.data || (k.any && tls_libs[lib]->spread);

	if (!usable && !f)
		return 0;
	*st = (struct stack){ .told = { .lib = lib, .state = usable ? FILE_ATTACHED : FILE_UNSUPPORTED } };
	snprintf(st->told.method, sizeof(st->told.method), "%s", k.symbol || !f ? "symbols" : f->method ? f->method : "");
	snprintf(st->told.version, sizeof(st->told.version), "%s", f ? f->version : "");
	if (usable)
		return make_probes(s, lib, &k, st) ? -ENOMEM : 1;
	snprintf(st->told.why, sizeof(st->told.why), "%s", f->why[0] ? f->why : "its functions were not found");
	return 1;
}

static int take_stacks(struct search *s, struct stack *ret)
{
	int n = 0, got;

	for (unsigned l = 0; tls_libs[l] && n < FILE_STACKS_MAX; l++) {
		got = take_stack(s, l, &ret[n]);
		if (got < 0) {
			stacks_release(ret, n + 1);
			return got;
		}
		n += got;
	}
	return n;
}

int stacks_find(const struct image *im, struct stack ret[static FILE_STACKS_MAX])
{
	struct search *s = calloc(1, sizeof(*s));
	int n;

	if (!s)
		return -ENOMEM;
	s->im = im;
	list_rows(s);
	by_symbols(s);
	n = by_finders(s);
	if (!n)
		n = take_stacks(s, ret);
	free(s);
	return n;
}

void stacks_release(struct stack *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(s[i].probes);
}
