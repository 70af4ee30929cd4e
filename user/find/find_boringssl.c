// SPDX-License-Identifier: Apache-2.0
/*
 * BoringSSL without symbols, as in Bun and Chromium.
 *
 * OPENSSL_PUT_ERROR() hands over the library (16), a reason, the file's name and the line, so each place in
 * ssl/ssl_lib.cc where an error is raised is known by a text and two numbers.  The reasons
 * of a function name it; their values are fixed (include/openssl/ssl.h, err.h):
 *
 *	SSL_write	66 should not have been called, 226 uninitialized, 215 handshake failure; 111 bad length, since 2023
 *	ssl_read_impl	226, 215, neither 66 nor 111
 *	SSL_peek	66, on a line at most 60 above SSL_write's
 *
 * SSL_read() is SSL_peek() and then takes what was read out of the connection.  As a
 * rule SSL_peek() was put into it, and then both look alike but for that store.
 *
 * Second rule, because numbers may meet by chance: SSL_peek() calls ssl_read_impl(), and both test
 * the same field of the connection at their beginning as SSL_write() does, which is quic_method,
 * wherever in the struct it is.
 *
 * With link-time optimisation the second argument of ERR_put_error(), which is not used, goes away.
 */
#include <stdio.h>
#include <string.h>

#include "find/code.h"
#include "find/find.h"

extern const struct finder find_boringssl;

enum { FILE_TEXT };

static const struct scan_text texts[] = {
	[FILE_TEXT] = { "ssl_lib.cc", SCAN_ENDS },
	{ NULL }
};

#define LIB_SSL			16
#define SHOULD_NOT_BE_CALLED	66
#define BAD_LENGTH		111
#define TYPE_NOT_SET		134
#define HANDSHAKE_FAILURE	215
#define UNINITIALIZED		226
#define DATA_ON_SHUTDOWN	291

#define FUNCTIONS_MAX	128	/* of ssl_lib.cc that raise errors: 20 to 34 */
#define SITES_MAX	16	/* in one of them that is of interest */
#define BODY_MAX	(8u << 10)
#define CALLS_MAX	256
#define LINES_APART	60
#define BEGINNING	160	/* bytes in which quic_method is tested */

struct site {
	uint64_t reason, line;
};

struct func {
	struct scan_func f;
	size_t cnt;
	struct site site[SITES_MAX];
};

struct boringssl {
	const struct image *im;
	const struct scan *scan;
	const uint64_t *file;
	size_t file_cnt;
	size_t cnt;
	struct func func[FUNCTIONS_MAX];
};

static bool is_file(const struct boringssl *b, const struct code_call *c, unsigned arg)
{
	for (size_t i = 0; i < b->file_cnt && c->known >> arg & 1; i++)
		if (c->arg[arg] == b->file[i])
			return true;
	return false;
}

/* ERR_put_error(library, 0, reason, file, line), or without the second. */
static bool read_site(const struct boringssl *b, const struct code_call *c, struct site *ret)
{
	unsigned file = is_file(b, c, 3) ? 3 : is_file(b, c, 2) ? 2 : 0;

	if (!file || (c->known & 1 && c->arg[0] != LIB_SSL))
		return false;
	*ret = (struct site){
		.reason = c->known >> (file - 1) & 1 ? c->arg[file - 1] : 0,
		.line = c->known >> (file + 1) & 1 ? c->arg[file + 1] : 0,
	};
	return true;
}

static uint64_t body(const struct scan_func *f)
{
	return f->size && f->size < BODY_MAX ? f->size : BODY_MAX;
}

static void read_sites(struct boringssl *b, struct func *f)
{
	struct code_call call[CALLS_MAX];
	int cnt = code_calls(b->im, f->f.va, body(&f->f), call, CALLS_MAX);

	for (int i = 0; i < cnt && f->cnt < SITES_MAX; i++)
		f->cnt += read_site(b, &call[i], &f->site[f->cnt]);
}

static void read_functions(struct boringssl *b)
{
	struct scan_func f[FUNCTIONS_MAX];
	size_t cnt = scan_referrers(b->scan, &texts[FILE_TEXT], f, FUNCTIONS_MAX);

	b->file_cnt = scan_texts(b->scan, &texts[FILE_TEXT], &b->file);
	for (size_t i = 0; i < cnt && i < FUNCTIONS_MAX; i++) {
		b->func[i].f = f[i];
		read_sites(b, &b->func[i]);
		b->cnt++;
	}
}

static bool has(const struct func *f, uint64_t reason)
{
	for (size_t i = 0; i < f->cnt; i++)
		if (f->site[i].reason == reason)
			return true;
	return false;
}

static uint64_t line_of(const struct func *f, uint64_t reason)
{
	for (size_t i = 0; i < f->cnt; i++)
		if (f->site[i].reason == reason && f->site[i].line)
			return f->site[i].line;
	return 0;
}

/* More than one of these is more than one function: nobody calls the second, and nothing says where it begins. */
static bool has_one(const struct func *f, uint64_t reason)
{
	size_t n = 0;

	for (size_t i = 0; i < f->cnt; i++)
		n += f->site[i].reason == reason;
	return n == 1;
}

/* SSL_peek() looks so too when ssl_read_impl() was put into it, but for the line. */
static bool is_write(const struct func *f)
{
	return has(f, SHOULD_NOT_BE_CALLED) && has(f, UNINITIALIZED) && has(f, HANDSHAKE_FAILURE);
}

static bool is_impl(const struct func *f)
{
	return has(f, UNINITIALIZED) && has(f, HANDSHAKE_FAILURE) && !has(f, SHOULD_NOT_BE_CALLED) &&
	       !has(f, BAD_LENGTH) && !has(f, DATA_ON_SHUTDOWN);
}

static bool is_bad_length(const struct func *f)
{
	return is_write(f) && has(f, BAD_LENGTH);
}

static bool is_handshake(const struct func *f)
{
	return f->cnt == 1 && has(f, TYPE_NOT_SET);
}

static bool is_shutdown(const struct func *f)
{
	return has(f, UNINITIALIZED) && has(f, DATA_ON_SHUTDOWN);
}

static const struct func *only(const struct boringssl *b, bool (*is)(const struct func *))
{
	const struct func *ret = NULL;

	for (size_t i = 0; i < b->cnt; i++) {
		if (!is(&b->func[i]))
			continue;
		if (ret)
			return NULL;
		ret = &b->func[i];
	}
	return ret;
}

/* The lowest in the file of those that look like it. */
static const struct func *find_write(const struct boringssl *b)
{
	const struct func *ret = NULL;
	bool twice = false;

	for (size_t i = 0; i < b->cnt; i++) {
		const struct func *f = &b->func[i];
		uint64_t line = line_of(f, SHOULD_NOT_BE_CALLED), most = ret ? line_of(ret, SHOULD_NOT_BE_CALLED) : 0;

		if (!is_write(f) || !line || line < most)
			continue;
		twice = line == most;
		ret = f;
	}
	if (!ret || !has_one(ret, SHOULD_NOT_BE_CALLED))
		return NULL;
	return twice || (only(b, is_bad_length) && !has(ret, BAD_LENGTH)) ? NULL : ret;
}

static bool calls(const struct boringssl *b, const struct scan_func *from, uint64_t to)
{
	struct code_call call[CALLS_MAX];
	int cnt = code_calls(b->im, from->va, body(from), call, CALLS_MAX);

	for (int i = 0; i < cnt; i++)
		if (call[i].to == to)
			return true;
	return false;
}

/* Both begin by testing the same field. */
static bool agree(const struct boringssl *b, const struct scan_func *x, const struct scan_func *y)
{
	struct code_fields p, q;

	if (code_fields(b->im, x->va, BEGINNING, &p) || code_fields(b->im, y->va, BEGINNING, &q))
		return false;
	for (size_t i = 0; i < p.tested_cnt; i++)
		for (size_t k = 0; k < q.tested_cnt; k++)
			if (p.tested[i] == q.tested[k])
				return true;
	return false;
}

/* (connection, buffer, length), all of which are used; the part of a function that stands elsewhere has none. */
static bool takes_three(const struct boringssl *b, const struct scan_func *f)
{
	struct code_fields x;

	return !code_fields(b->im, f->va, body(f), &x) && (x.args_somewhere & 7) == 7;
}

static bool stores(const struct boringssl *b, const struct scan_func *f)
{
	struct code_fields x;

	return !code_fields(b->im, f->va, body(f), &x) && x.stored_cnt;
}

/* SSL_peek(), or SSL_read() with that in it. */
static bool is_peek(const struct boringssl *b, const struct func *f, const struct func *write, const struct func *impl)
{
	uint64_t line = line_of(f, SHOULD_NOT_BE_CALLED), below = line_of(write, SHOULD_NOT_BE_CALLED);

	return f != write && has_one(f, SHOULD_NOT_BE_CALLED) && line < below && below - line <= LINES_APART &&
	       (impl ? calls(b, &f->f, impl->f.va) : has(f, UNINITIALIZED) && has(f, HANDSHAKE_FAILURE)) &&
	       agree(b, &f->f, &write->f);
}

/* The one function that calls SSL_peek() and then writes to memory. */
static bool read_around(const struct boringssl *b, const struct scan_func *peek, struct scan_func *ret)
{
	uint64_t at[16];
	int cnt = scan_callers(b->scan, peek->va, at, 16);
	struct scan_func f;
	bool found = false;

	for (int i = 0; i < cnt; i++) {
		if (!scan_function(b->scan, at[i], &f) || (found && f.va == ret->va) || !stores(b, &f))
			continue;
		if (found)
			return false;
		*ret = f;
		found = true;
	}
	return found;
}

static bool find_read(const struct boringssl *b, const struct func *write, const struct func *impl, struct scan_func *ret)
{
	const struct scan_func *peek = NULL;
	size_t peeks = 0, reads = 0;

	for (size_t i = 0; i < b->cnt; i++) {
		if (!is_peek(b, &b->func[i], write, impl))
			continue;
		if (stores(b, &b->func[i].f)) {
			*ret = b->func[i].f;
			reads++;
		} else {
			peek = &b->func[i].f;
			peeks++;
		}
	}
	return reads == 1 || (!reads && peeks == 1 && read_around(b, peek, ret));
}

static void add_others(const struct boringssl *b, const struct func *write, const struct func *impl, struct found *ret)
{
	const struct func *handshake = only(b, is_handshake), *shutdown = only(b, is_shutdown);

	if (handshake && handshake->f.called && (calls(b, &write->f, handshake->f.va) || (impl && calls(b, &impl->f, handshake->f.va))))
		found_add(ret, b->im, "SSL_do_handshake", handshake->f.va);
	if (shutdown && shutdown->f.called && agree(b, &shutdown->f, &write->f) &&
	    line_of(shutdown, DATA_ON_SHUTDOWN) > line_of(write, SHOULD_NOT_BE_CALLED))
		found_add(ret, b->im, "SSL_shutdown", shutdown->f.va);
}

static const char *add_all(const struct boringssl *b, struct found *ret)
{
	const struct func *write = find_write(b), *impl = only(b, is_impl);
	struct scan_func read = { 0 };

	if (!write || !takes_three(b, &write->f))
		return "SSL_write could not be told from other functions";
	if (!find_read(b, write, impl, &read) || !takes_three(b, &read))
		return "SSL_read could not be told from other functions";
	if (!found_add(ret, b->im, "SSL_read", read.va) || !found_add(ret, b->im, "SSL_write", write->f.va))
		return "its functions are in no segment with code";
	add_others(b, write, impl, ret);
	return NULL;
}

static bool has_symbols(const struct image *im)
{
	static const char *const names[] = { "SSL_read", "SSL_write" };
	struct image_sym sym[2];

	return image_symbols(im, names, 2, sym) == 2;
}

static int find(const struct image *im, const struct scan *scan, struct found *ret)
{
	struct boringssl b = { .im = im, .scan = scan };
	const char *why;

	read_functions(&b);
	if (!b.cnt || has_symbols(im))
		return 0;
	ret->method = "error numbers and lines";
	why = add_all(&b, ret);
	if (why) {
		ret->cnt = 0;
		snprintf(ret->why, sizeof(ret->why), "BoringSSL without symbols: %s", why);
	}
	return 1;
}

const struct finder find_boringssl = {
	.stack = "boringssl",
	.texts = texts,
	.find = find,
};
