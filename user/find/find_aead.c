// SPDX-License-Identifier: Apache-2.0
/*
 * The AEAD functions of aws-lc and BoringSSL, which seal and open TLS records for rustls: what
 * is left where rustls' own functions were not found. With other TLS libraries above
 * them, which are found by themselves, the same bytes would be seen twice.
 *
 * crypto/fipsmodule/cipher/aead.c raises its errors as ERR_put_error(30, 0, reason, file, line); with
 * the second argument left out by the compiler where the whole program is optimised at once. Which reasons
 * a function has (include/openssl/cipher.h) says which one it is; that the lines are in the order of the source
 * is the second thing that has to agree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find/code.h"
#include "find/find.h"

extern const struct finder find_aead, find_rustls;

enum { TEXT_C, TEXT_CC, TEXT_INC, TEXT_CNT };
static const struct scan_text texts[] = {
	[TEXT_C] = { "/cipher/aead.c", SCAN_ENDS },
	[TEXT_CC] = { "/cipher/aead.cc", SCAN_ENDS },
	[TEXT_INC] = { "/cipher/aead.cc.inc", SCAN_ENDS },
	[TEXT_CNT] = { NULL }
};

#define ERR_LIB_CIPHER	30
#define BAD_DECRYPT	101
#define TOO_SMALL	103
#define NOT_IMPLEMENTED	104
#define NOT_VALID	112	/* INVALID_OPERATION */
#define ALIASES		115	/* OUTPUT_ALIASES_INPUT */
#define TOO_LARGE	117

#define FUNCTIONS_MAX	32
#define CALLS_MAX	64
#define BODY_MAX	4096
#define REASON_LO	100
#define BIT(reason)	(1u << ((reason) - REASON_LO))

/* In the order of the source.  What a function has, and has not. */
static const struct {
	const char *sym;
	uint32_t has, not;
} rows[] = {
	{ "EVP_AEAD_CTX_seal", BIT(TOO_LARGE) | BIT(TOO_SMALL) | BIT(ALIASES), BIT(BAD_DECRYPT) },
	{ "EVP_AEAD_CTX_seal_scatter", BIT(ALIASES) | BIT(NOT_VALID), BIT(TOO_LARGE) | BIT(BAD_DECRYPT) },
	{ "EVP_AEAD_CTX_open", BIT(ALIASES) | BIT(BAD_DECRYPT), BIT(TOO_LARGE) | BIT(NOT_VALID) },
	{ "EVP_AEAD_CTX_open_gather", BIT(ALIASES) | BIT(NOT_IMPLEMENTED), BIT(TOO_LARGE) | BIT(BAD_DECRYPT) | BIT(NOT_VALID) },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))
#define SEAL	0
#define OPEN	2

struct errors {
	uint32_t reasons;
	uint64_t first_line;
};

static void take_error(struct errors *e, uint64_t reason, uint64_t line)
{
	if (reason < REASON_LO || reason >= REASON_LO + 32 || !line || line > 10000)
		return;
	e->reasons |= BIT(reason);
	if (!e->first_line || line < e->first_line)
		e->first_line = line;
}

/* (30, 0, reason, file, line), or (30, reason, file, line). */
static void take_call(struct errors *e, const struct code_call *c, uint64_t file)
{
	if (!(c->known & 1) || c->arg[0] != ERR_LIB_CIPHER)
		return;
	if ((c->known & 0x1c) == 0x1c && c->arg[3] == file)
		take_error(e, c->arg[2], c->arg[4]);
	else if ((c->known & 0xe) == 0xe && c->arg[2] == file)
		take_error(e, c->arg[1], c->arg[3]);
}

static struct errors errors_of(const struct image *im, const struct scan_func *f, uint64_t file)
{
	struct code_call call[CALLS_MAX];
	struct errors e = { 0 };
	int cnt = code_calls(im, f->va, f->size && f->size < BODY_MAX ? f->size : BODY_MAX, call, CALLS_MAX);

	for (int i = 0; i < cnt; i++)
		take_call(&e, &call[i], file);
	return e;
}

static size_t row_of(const struct errors *e)
{
	for (size_t i = 0; i < ROWS; i++)
		if ((e->reasons & rows[i].has) == rows[i].has && !(e->reasons & rows[i].not))
			return i;
	return ROWS;
}

struct aead {
	uint64_t va[ROWS], line[ROWS];
	bool twice;
};

static void take_functions(const struct image *im, const struct scan *scan, const struct scan_text *t, struct aead *a)
{
	struct scan_func f[FUNCTIONS_MAX];
	const uint64_t *file;
	size_t cnt = scan_referrers(scan, t, f, FUNCTIONS_MAX);

	if (scan_texts(scan, t, &file) != 1)
		return;
	for (size_t i = 0; i < cnt && i < FUNCTIONS_MAX; i++) {
		struct errors e = errors_of(im, &f[i], file[0]);
		size_t row = row_of(&e);

		if (row == ROWS || !(f[i].unwind || f[i].called))
			continue;
		a->twice |= a->va[row] != 0;
		a->va[row] = f[i].va;
		a->line[row] = e.first_line;
	}
}

static bool in_order(const struct aead *a)
{
	uint64_t line = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (!a->va[i])
			continue;
		if (a->line[i] <= line)
			return false;
		line = a->line[i];
	}
	return true;
}

/* rustls is there, and cannot be used. */
static bool is_needed(const struct image *im, const struct scan *scan)
{
	struct found *f = calloc(1, sizeof(*f));
	bool needed = f && find_rustls.find(im, scan, f) == 1 && !f->cnt;

	free(f);
	return needed;
}

static int find(const struct image *im, const struct scan *scan, struct found *ret)
{
	struct aead a = { 0 };

	for (size_t i = 0; i < TEXT_CNT; i++)
		take_functions(im, scan, &texts[i], &a);
	if (!a.va[SEAL] || !a.va[OPEN] || a.twice || !in_order(&a) || !is_needed(im, scan))
		return 0;
	ret->method = "reasons in error reports";
	for (size_t i = 0; i < ROWS; i++)
		if (a.va[i])
			found_add(ret, im, rows[i].sym, a.va[i]);
	return 1;
}

const struct finder find_aead = { .stack = "aead", .texts = texts, .find = find };
