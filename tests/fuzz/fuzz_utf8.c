// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "unit/base/utf8_plain.h"
#include "base/utf8.h"
#include "fuzz.h"

static size_t plain_head(struct view v)
{
	size_t i = 0, len;

	while (i < v.n && utf8_plain((const unsigned char *)v.p + i, v.n - i, &len))
		i += len;
	return i;
}

static bool begins_a_character(struct view v)
{
	static const char tails[][3] = { { '\x80', '\x80', '\x80' }, { '\x90', '\x80', '\x80' }, { '\xa0', '\x80', '\x80' } };
	unsigned char s[8];
	size_t len;

	for (size_t i = 0; v.n < 4 && i < 3; i++) {
		memcpy(s, v.p, v.n);
		memcpy(s + v.n, tails[i], 3);
		if (utf8_plain(s, v.n + 3, &len) && len > v.n)
			return true;
	}
	return false;
}

/* The maximal subpart by its definition (Unicode 15 D93b): the longest that begins a character, or one byte. */
static size_t plain_subpart(struct view v)
{
	size_t n = v.n < 3 ? v.n : 3;

	while (n > 1 && !begins_a_character(view_take(v, n)))
		n--;
	return n;
}

static void plain_repair(struct buf *out, struct view v)
{
	size_t n;

	while (v.n) {
		n = plain_head(v);
		buf_add(out, view_take(v, n));
		v = view_drop(v, n);
		if (v.n) {
			buf_add(out, VIEW("\xef\xbf\xbd"));
			v = view_drop(v, plain_subpart(v));
		}
	}
}

static void repair(struct view in)
{
	struct buf a, b;

	buf_init(&a, SIZE_MAX / 2);
	buf_init(&b, SIZE_MAX / 2);
	WANT(!utf8_repair(&a, in));
	plain_repair(&b, in);
	WANT(view_eq(buf_view(&a), buf_view(&b)));
	WANT(utf8_valid(buf_view(&a)) == a.n);
	WANT(utf8_valid(in) != in.n || view_eq(buf_view(&a), in));

	buf_release(&b);
	buf_init(&b, in.n / 2);
	WANT(utf8_repair(&b, in) == (a.n > in.n / 2 ? -E2BIG : 0));
	WANT(utf8_valid(buf_view(&b)) == b.n && view_starts(buf_view(&a), buf_view(&b)));
	buf_release(&a);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	size_t head = utf8_valid(in);
	bool cut;

	WANT(head == plain_head(in));
	if (head < size) {
		struct view rest = view_drop(in, head);
		size_t n = utf8_bad(rest, &cut);

		WANT(n == plain_subpart(rest));
		WANT(cut == (n == rest.n && begins_a_character(rest)));
	} else {
		WANT(!utf8_bad(view_drop(in, head), &cut) && !cut);
	}
	repair(in);
	return 0;
}
