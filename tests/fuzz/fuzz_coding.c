// SPDX-License-Identifier: Apache-2.0
/* The first byte picks the content codings, the second how the coded bytes are cut; output must not depend on it. */
#include <errno.h>

#include "fuzz.h"
#include "proto/coding.h"

#define ENOUGH (8u << 20)
#define TAKE_MAX (64 * 1024)

static const char *const codings[] = {
	"gzip", "deflate", "br", "zstd", "identity", "gzip, br", "x-gzip, deflate, zstd", "deflate, gzip", "unknown",
};

struct run {
	struct buf out;
	int err;
	bool done;
	const char *error;
};

static void take(struct run *r, struct coding *c, struct view piece)
{
	char *copy = fuzz_copy(piece);
	struct view in = { copy, piece.n };
	size_t before;
	int n = 1;

	while (n > 0 && r->out.n < ENOUGH) {
		before = r->out.n;
		n = coding_take(c, &in, &r->out);
		WANT(r->out.n - before <= TAKE_MAX);
		WANT(n || !in.n);
	}
	r->err = n < 0 ? n : 0;
	WANT(!r->err || r->err == -EILSEQ || r->err == -E2BIG || r->err == -ENOTSUP);
	free(copy);
}

static void run(struct run *r, const char *names, struct view in, size_t step)
{
	struct coding *c = coding_new(view_of(names));
	size_t fed = 0;

	*r = (struct run){ 0 };
	buf_init(&r->out, SIZE_MAX / 2);
	while (c && in.n && !r->err && r->out.n < ENOUGH) {
		struct view piece = view_take(in, step);

		take(r, c, piece);
		fed += piece.n;
		in = view_drop(in, piece.n);
		WANT(r->out.n <= CODING_FREE + fed * CODING_RATIO_MAX + TAKE_MAX);
	}
	if (c) {
		struct view again = VIEW("x");

		r->done = coding_done(c);
		r->error = coding_error(c);
		WANT(!r->err || coding_take(c, &again, &r->out) == r->err);
		WANT(!r->err || r->error);
		WANT(coding_memory(c) < 64u << 20);
	}
	coding_free(c);
}

/*
 * Where it blows up, how much comes out before broken data, and so which of
 * several codings finds fault first, may depend on the cuts: libbrotli and
 * libzstd hold back output of the call that fails.
 */
static void compare(const struct run *whole, const struct run *cut)
{
	struct view a = buf_view(&whole->out), b = buf_view(&cut->out);

	WANT(view_starts(a, b) || view_starts(b, a));
	if (whole->err == -E2BIG || cut->err == -E2BIG || a.n >= ENOUGH || b.n >= ENOUGH)
		return;
	WANT(whole->err == cut->err && whole->done == cut->done && !whole->error == !cut->error);
	if (!whole->err)
		fuzz_same(a, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	const char *names = codings[fuzz_byte(&in) % (sizeof(codings) / sizeof(*codings))];
	uint8_t how = fuzz_byte(&in);
	struct run whole, cut;

	run(&whole, names, in, SIZE_MAX);
	run(&cut, names, in, how + 1);
	compare(&whole, &cut);
	buf_release(&whole.out);
	buf_release(&cut.out);
	return 0;
}
