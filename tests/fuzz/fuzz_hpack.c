// SPDX-License-Identifier: Apache-2.0
/*
 * HPACK against libnghttp2.  The first byte: whether the rest are header
 * blocks themselves (a length in front of each) or what libnghttp2's encoder is to write, and at which
 * block somebody joins late.  The same fields, the same blocks broken, and what the late one
 * knows is right.
 */
#undef NDEBUG
#include "fuzz.h"
#include "unit/proto/hpack_diff.h"

static void raw(struct hpack_diff *d, struct view in)
{
	while (in.n) {
		struct view block = view_take(in, fuzz_byte(&in));
		char *copy;
		bool whole;

		block = view_take((struct view){ in.p, block.n }, in.n);
		in = view_drop(in, block.n);
		copy = fuzz_copy(block);
		whole = diff_block(d, (struct view){ copy, block.n });
		free(copy);
		if (!whole)
			return;
	}
}

static void made(struct hpack_diff *d, struct view in)
{
	struct hpack_maker m;
	struct view block;

	maker_init(&m);
	while ((block = maker_block(&m, &in)).p) {
		char *copy = fuzz_copy(block);

		WANT(diff_block(d, (struct view){ copy, block.n }));
		free(copy);
	}
	maker_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	uint8_t how = fuzz_byte(&in);
	struct hpack_diff d;

	diff_init(&d, how / 2);
	if (how & 1)
		raw(&d, in);
	else
		made(&d, in);
	diff_release(&d);
	return 0;
}
