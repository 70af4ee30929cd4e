// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL without symbols, or with them but better places to be had.
 *
 * Every error says where it was raised.  Since 3.0 ERR_raise() hands over __func__, so
 * the function's name is a text that this function alone refers to; 1.1.1 hands over
 * a number for the function (include/openssl/sslerr.h) and the file's name.
 *
 * SSL_read() and SSL_read_ex() are a few instructions around ssl_read_internal(), which
 * does not care who called it, and so are SSL_write() and its like (ssl/ssl_lib.c).  One
 * probe on the inner function sees all of them, and on x86-64 a cheaper one: it
 * begins with a push.  It is reported when two things agree: its own name is in it, and the outer
 * function, by its own name or symbol, calls its first instruction.
 * Where the compiler put the inner function into the outer ones, those are reported.
 *
 * Rows: ssl_read_internal(s, buf, num, *readbytes); ssl_write_internal(s, buf, num, *written)
 * up to 3.2; ssl_write_internal/flags(s, buf, num, flags, *written) since 3.3.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "find/code.h"
#include "find/find.h"

extern const struct finder find_openssl;

enum name {
	READ, READ_INNER, READ_EARLY, WRITE, WRITE_INNER, WRITE_EARLY,
	HANDSHAKE, NEW, CLEAR, SHUTDOWN, SET_FD, SET_RFD, SET_WFD,
	NAME_CNT,
	FILE_TEXT = NAME_CNT, VERSION_3, VERSION_1,
	TEXT_CNT
};

static const struct scan_text texts[] = {
	[READ] = { "SSL_read", SCAN_WHOLE },
	[READ_INNER] = { "ssl_read_internal", SCAN_WHOLE },
	[READ_EARLY] = { "SSL_read_early_data", SCAN_WHOLE },
	[WRITE] = { "SSL_write", SCAN_WHOLE },
	[WRITE_INNER] = { "ssl_write_internal", SCAN_WHOLE },
	[WRITE_EARLY] = { "SSL_write_early_data", SCAN_WHOLE },
	[HANDSHAKE] = { "SSL_do_handshake", SCAN_WHOLE },
	[NEW] = { "SSL_new", SCAN_WHOLE },
	[CLEAR] = { "SSL_clear", SCAN_WHOLE },
	[SHUTDOWN] = { "SSL_shutdown", SCAN_WHOLE },
	[SET_FD] = { "SSL_set_fd", SCAN_WHOLE },
	[SET_RFD] = { "SSL_set_rfd", SCAN_WHOLE },
	[SET_WFD] = { "SSL_set_wfd", SCAN_WHOLE },
	[FILE_TEXT] = { "ssl/ssl_lib.c", SCAN_ENDS },
	[VERSION_3] = { "OpenSSL 3.", SCAN_STARTS },
	[VERSION_1] = { "OpenSSL 1.1.1", SCAN_STARTS },
	[TEXT_CNT] = { NULL }
};

/* SSL_F_SSL_... of 1.1.1, which never changed within it. */
static const uint16_t codes_1_1_1[NAME_CNT] = {
	[READ] = 223, [READ_INNER] = 523, [READ_EARLY] = 529, [WRITE] = 208, [WRITE_INNER] = 524, [WRITE_EARLY] = 526,
	[HANDSHAKE] = 180, [NEW] = 186, [CLEAR] = 164, [SHUTDOWN] = 224, [SET_FD] = 192, [SET_RFD] = 194, [SET_WFD] = 196,
};
#define ERR_LIB_SSL	20

#define EACH_MAX	4	/* functions that may carry one name: itself, and those it was put into */
#define FUNCTIONS_MAX	256	/* of ssl_lib.c that raise errors: 1.1.1 has about a hundred */
#define BODY_MAX	(8u << 10)
#define CALLS_MAX	256

struct openssl {
	const struct image *im;
	const struct scan *scan;
	struct {
		struct scan_func f[EACH_MAX];
		size_t cnt;
	} named[NAME_CNT];
	bool symbols;		/* SSL_read and SSL_write have them */
	struct image_sym read, read_ex, write, write_ex;
};

static uint64_t body(const struct scan_func *f)
{
	return f->size && f->size < BODY_MAX ? f->size : BODY_MAX;
}

/*
 * A call goes there.  An unwind entry alone is not enough: the unlikely parts of a
 * function, where errors are raised, may stand elsewhere and have their own.  Neither are
 * calls alone, where no other rule names the same first instruction: a function that nobody calls is taken for a part of the one before it.
 */
static bool sure(const struct scan_func *f)
{
	return f->called;
}

static void name_function(struct openssl *o, enum name n, const struct scan_func *f)
{
	for (size_t i = 0; i < o->named[n].cnt && i < EACH_MAX; i++)
		if (o->named[n].f[i].va == f->va)
			return;
	if (o->named[n].cnt < EACH_MAX)
		o->named[n].f[o->named[n].cnt] = *f;
	o->named[n].cnt++;
}

static void name_by_texts(struct openssl *o)
{
	struct scan_func f[EACH_MAX];

	for (enum name n = 0; n < NAME_CNT; n++) {
		size_t cnt = scan_referrers(o->scan, &texts[n], f, EACH_MAX);

		for (size_t i = 0; i < cnt; i++)
			if (i < EACH_MAX)
				name_function(o, n, &f[i]);
			else
				o->named[n].cnt++;
	}
}

/* ERR_put_error(library, function, reason, file, line) */
static void name_by_code(struct openssl *o, const struct scan_func *f, const struct code_call *c)
{
	if ((c->known & 3) != 3 || c->arg[0] != ERR_LIB_SSL)
		return;
	for (enum name n = 0; n < NAME_CNT; n++)
		if (c->arg[1] == codes_1_1_1[n])
			name_function(o, n, f);
}

static void name_by_codes(struct openssl *o)
{
	struct scan_func f[FUNCTIONS_MAX];
	struct code_call call[CALLS_MAX];
	size_t cnt = scan_referrers(o->scan, &texts[FILE_TEXT], f, FUNCTIONS_MAX);

	for (size_t i = 0; i < cnt && i < FUNCTIONS_MAX; i++) {
		int calls = code_calls(o->im, f[i].va, body(&f[i]), call, CALLS_MAX);

		for (int k = 0; k < calls; k++)
			name_by_code(o, &f[i], &call[k]);
	}
}

static void look_for_symbols(struct openssl *o)
{
	static const char *const names[] = { "SSL_read", "SSL_read_ex", "SSL_write", "SSL_write_ex" };
	struct image_sym sym[4];

	image_symbols(o->im, names, 4, sym);
	o->read = sym[0];
	o->read_ex = sym[1];
	o->write = sym[2];
	o->write_ex = sym[3];
	o->symbols = o->read.va && o->write.va;
}

static const struct scan_func *has(const struct openssl *o, enum name n, uint64_t va)
{
	for (size_t i = 0; i < o->named[n].cnt && i < EACH_MAX; i++)
		if (o->named[n].f[i].va == va)
			return &o->named[n].f[i];
	return NULL;
}

/* The call of `to` in the function at va. */
static bool find_call(const struct openssl *o, uint64_t va, uint64_t size, uint64_t to, struct code_call *ret)
{
	struct code_call call[CALLS_MAX];
	int cnt = code_calls(o->im, va, size && size < BODY_MAX ? size : BODY_MAX, call, CALLS_MAX);

	for (int i = 0; i < cnt; i++) {
		if (call[i].to != to)
			continue;
		*ret = call[i];
		return true;
	}
	return false;
}

/* The one function that carries the name and is called; others are parts of callers or of itself. */
static const struct scan_func *only(const struct openssl *o, enum name n)
{
	const struct scan_func *ret = NULL;

	if (o->named[n].cnt > EACH_MAX)
		return NULL;
	for (size_t i = 0; i < o->named[n].cnt; i++) {
		if (!sure(&o->named[n].f[i]))
			continue;
		if (ret)
			return NULL;
		ret = &o->named[n].f[i];
	}
	return ret;
}

/* The outer function, by symbol or name. Whether it is called does not matter: no probe is put on it. */
static bool outer_of(const struct openssl *o, enum name n, struct image_sym *ret)
{
	const struct scan_func *f = o->named[n].cnt == 1 ? &o->named[n].f[0] : NULL;

	if (o->symbols) {
		*ret = n == READ ? o->read : o->write;
		return !o->named[n].cnt || has(o, n, ret->va);
	}
	*ret = (struct image_sym){ f ? f->va : 0, f ? f->size : 0 };
	return f;
}

/* By the arguments it reads; NULL: not one of these functions. */
static const char *row_of(const struct openssl *o, enum name inner_name, const struct scan_func *f)
{
	struct code_fields x;

	if (code_fields(o->im, f->va, body(f), &x) || (x.args_somewhere & 7) != 7)
		return NULL;
	if (inner_name == READ_INNER)
		return (x.args >> 3 & 3) == 1 ? "ssl_read_internal" : NULL;
	if (x.args >> 4 & 1)
		return "ssl_write_internal/flags";
	return x.args >> 3 & 1 ? "ssl_write_internal" : NULL;
}

/* ERR_set_debug(file, line, function): the file is ssl_lib.c. */
static bool names_its_file(const struct openssl *o, enum name n, const struct scan_func *f)
{
	struct code_call call[CALLS_MAX];
	int cnt = code_calls(o->im, f->va, body(f), call, CALLS_MAX);
	const uint64_t *file, *name;
	size_t files = scan_texts(o->scan, &texts[FILE_TEXT], &file), names = scan_texts(o->scan, &texts[n], &name);

	for (int i = 0; i < cnt; i++)
		for (size_t k = 0; k < files && (call[i].known & 5) == 5; k++)
			for (size_t m = 0; m < names; m++)
				if (call[i].arg[0] == file[k] && call[i].arg[2] == name[m])
					return true;
	return false;
}

/*
 * The outer function was not linked in, because the program uses SSL_write_ex() and
 * nothing else.  The file's name beside its own, and the arguments it reads, stand for it: if SSL_write_ex() is what
 * it is, the inner function inside, then the same rows are right for it.
 */
static bool add_alone(struct openssl *o, enum name outer_name, enum name inner_name, struct found *ret)
{
	const struct scan_func *inner = o->named[inner_name].cnt == 1 ? only(o, inner_name) : NULL;
	const char *sym = inner && !o->named[outer_name].cnt ? row_of(o, inner_name, inner) : NULL;

	return sym && inner->unwind && names_its_file(o, inner_name, inner) && found_add(ret, o->im, sym, inner->va);
}

/* False: the compiler left no inner function that both rules agree on. */
static bool add_inner(struct openssl *o, enum name outer_name, enum name inner_name, struct image_sym ex, struct found *ret)
{
	const struct scan_func *inner = o->named[inner_name].cnt == 1 ? only(o, inner_name) : NULL;
	struct image_sym outer;
	struct code_call call, again;
	const char *sym = inner ? row_of(o, inner_name, inner) : NULL;

	if (!sym || !outer_of(o, outer_name, &outer) || outer.va == inner->va ||
	    !find_call(o, outer.va, outer.size, inner->va, &call))
		return false;
	/* With symbols, a caller whose way round it would be missed for good. */
	if (o->symbols && outer_name == READ && ex.va && !find_call(o, ex.va, ex.size, inner->va, &again))
		return false;
	/* The one gives where the other takes: the length goes to a variable of the outer function. */
	if ((call.local >> 3 & 3) != (strchr(sym, '/') ? 2 : 1))
		return false;
	return found_add(ret, o->im, sym, inner->va);
}

/* The row of an outer function that takes the arguments of the inner one. */
static const char *outer_row(const char *inner)
{
	if (!strcmp(inner, "ssl_read_internal"))
		return "SSL_read_ex";
	return strchr(inner, '/') ? "SSL_write_ex2" : "SSL_write_ex";
}

/*
 * The inner function is part of the outer ones: SSL_read() is the one that carries
 * both names and reads three arguments.  SSL_read_ex() and what is left of the inner
 * one carry the inner one's and take the same arguments: the one of them that is called.
 */
static bool add_outer(struct openssl *o, enum name outer_name, enum name inner_name, enum name early_name, struct found *ret)
{
	const struct scan_func *outer = o->named[outer_name].cnt == 1 ? &o->named[outer_name].f[0] : NULL, *other = NULL;
	size_t cnt = o->named[inner_name].cnt;
	const char *sym = NULL;
	struct code_fields x;

	if (!outer || !outer->unwind || !has(o, inner_name, outer->va) || cnt > EACH_MAX ||
	    code_fields(o->im, outer->va, body(outer), &x) || (x.args_somewhere & 7) != 7)
		return false;
	for (size_t i = 0; i < cnt; i++) {
		const struct scan_func *f = &o->named[inner_name].f[i];

		if (f->va == outer->va || has(o, early_name, f->va) || !sure(f))
			continue;
		sym = row_of(o, inner_name, f);
		if (other || !sym)
			return false;
		other = f;
	}
	return found_add(ret, o->im, texts[outer_name].text, outer->va) &&
	       (!other || found_add(ret, o->im, outer_row(sym), other->va));
}

/* What helps but moves no data; nothing else says that the name's function begins where calls go, so an unwind entry has to. */
static void add_others(struct openssl *o, struct found *ret)
{
	for (enum name n = HANDSHAKE; n < NAME_CNT; n++) {
		const struct scan_func *f = only(o, n);

		if (f && f->unwind)
			found_add(ret, o->im, texts[n].text, f->va);
	}
}

/* "3.0.19" of "OpenSSL 3.0.19 27 Jan 2026"; other texts begin so too. */
static bool read_version(const struct openssl *o, enum name n, struct found *ret)
{
	const uint64_t *at;
	size_t cnt = scan_texts(o->scan, &texts[n], &at);
	char b[sizeof(ret->version)];

	for (size_t i = 0; i < cnt; i++) {
		size_t len;

		b[image_read(o->im, at[i] + strlen("OpenSSL "), b, sizeof(b) - 1)] = 0;
		len = strspn(b, "0123456789.abcdefghijklmnopqrstuvwxyz+-");
		if (len < 5 || b[len] != ' ' || !isdigit((unsigned char)b[len + strspn(b + len, " ")]))
			continue;
		b[len] = 0;
		memcpy(ret->version, b, len + 1);
		return true;
	}
	return false;
}

static bool add_read(struct openssl *o, struct found *ret)
{
	if (add_inner(o, READ, READ_INNER, o->read_ex, ret))
		return true;
	return !o->symbols && (add_outer(o, READ, READ_INNER, READ_EARLY, ret) ||
			       add_alone(o, READ, READ_INNER, ret));
}

static bool add_write(struct openssl *o, struct found *ret)
{
	if (add_inner(o, WRITE, WRITE_INNER, o->write_ex, ret))
		return true;
	return !o->symbols && (add_outer(o, WRITE, WRITE_INNER, WRITE_EARLY, ret) ||
			       add_alone(o, WRITE, WRITE_INNER, ret));
}

static int add_all(struct openssl *o, struct found *ret)
{
	bool r = add_read(o, ret), w = add_write(o, ret);

	if (o->symbols)
		return r || w;
	if (r && w) {
		add_others(o, ret);
		return 1;
	}
	ret->cnt = 0;
	snprintf(ret->why, sizeof(ret->why), "OpenSSL without symbols: %s could not be told from other functions",
		 r ? "SSL_write" : w ? "SSL_read" : "SSL_read and SSL_write");
	return 1;
}

static int find(const struct image *im, const struct scan *scan, struct found *ret)
{
	struct openssl o = { .im = im, .scan = scan };
	bool v3 = read_version(&o, VERSION_3, ret), v1 = !v3 && read_version(&o, VERSION_1, ret);

	name_by_texts(&o);
	ret->method = "function names in error reports";
	if (v1 && !o.named[READ_INNER].cnt && !o.named[WRITE_INNER].cnt) {
		name_by_codes(&o);
		ret->method = "function numbers in error reports";
	}
	if (!o.named[READ_INNER].cnt && !o.named[WRITE_INNER].cnt)
		return 0;
	look_for_symbols(&o);
	return add_all(&o, ret);
}

const struct finder find_openssl = {
	.stack = "openssl",
	.texts = texts,
	.find = find,
};
