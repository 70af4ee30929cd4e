// SPDX-License-Identifier: Apache-2.0
/* HPACK by the examples of RFC 7541 appendix C, and what an observer knows that joins late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/hpack.h"

static struct buf unhex(const char *hex)
{
	struct buf b;
	unsigned byte;
	int n;

	buf_init(&b, 1 << 20);
	for (; *hex; hex += n) {
		assert_int_equal(sscanf(hex, " %2x%n", &byte, &n), 1);
		assert_int_equal(buf_add_byte(&b, byte), 0);
	}
	return b;
}

/* "name: value" by lines; ? for what is not known; ! for a block that is broken there. */
static struct buf told(struct hpack *h, struct view block)
{
	struct hpack_field f;
	struct buf got;
	int r;

	buf_init(&got, 1 << 20);
	while ((r = hpack_next(h, &block, &f)) > 0)
		assert_int_equal(buf_addf(&got, "%.*s: %.*s\n", f.name_unknown ? 1 : (int)f.name.n,
					  f.name_unknown ? "?" : f.name.p, f.value_unknown ? 1 : (int)f.value.n,
					  f.value_unknown ? "?" : f.value.p), 0);
	if (r < 0)
		assert_int_equal(buf_addf(&got, "!"), 0);
	assert_int_equal(buf_add_byte(&got, 0), 0);
	return got;
}

static void want(struct hpack *h, const char *hex, const char *expected)
{
	struct buf block = unhex(hex), got = told(h, buf_view(&block));

	assert_string_equal(got.p, expected);
	buf_release(&got);
	buf_release(&block);
}

#define C41 "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"
#define C42 "8286 84be 5886 a8eb 1064 9cbf"
#define C43 "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"

static void test_requests(void **state)
{
	struct hpack h;

	hpack_init(&h);
	want(&h, C41, ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n");
	want(&h, C42, ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache\n");
	want(&h, C43, ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n"
		      "custom-key: custom-value\n");
	assert_int_equal(h.held, 164);
	hpack_release(&h);
}

#define C61 "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718" \
	    "63c7 8f0b 97c8 e9ae 82ae 43d3"
#define C62 "4883 640e ffc1 c0bf"
#define C63 "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7" \
	    "b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07"
#define DATE1 "date: Mon, 21 Oct 2013 20:13:21 GMT\n"
#define LOCATION "location: https://www.example.com\n"

/* A table of 256 bytes: entries are pushed out. */
static void test_responses(void **state)
{
	struct hpack h;

	hpack_init(&h);
	h.max = 256;
	want(&h, C61, ":status: 302\ncache-control: private\n" DATE1 LOCATION);
	want(&h, C62, ":status: 307\ncache-control: private\n" DATE1 LOCATION);
	want(&h, C63, ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n" LOCATION
		      "content-encoding: gzip\nset-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n");
	assert_int_equal(h.held, 215);
	hpack_release(&h);
}

static void test_broken(void **state)
{
	static const char *const blocks[] = {
		"80",			/* index 0 */
		"be",			/* nothing in the table */
		"40",			/* no name */
		"4001",
		"400161",		/* no value */
		"40016105",
		"82 20",		/* a size update behind a field */
		"ff ff ff ff ff 7f",	/* an integer over 32 bits */
		"0081 00 0161",		/* padding of zeros */
		"0084 ff ff ff ff 0161",	/* EOS */
		"0082 1f ff 0161",	/* 8 bits of padding */
	};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct buf block = unhex(blocks[i]), got;
		struct hpack h;

		hpack_init(&h);
		got = told(&h, buf_view(&block));
		assert_int_equal(got.p[got.n - 2], '!');
		assert_true(h.older);
		buf_release(&got);
		buf_release(&block);
		hpack_release(&h);
	}
}

/* Of three blocks the first was not seen. */
static void test_late(void **state)
{
	struct hpack h;

	hpack_init(&h);
	hpack_forget(&h);
	want(&h, C42, ":method: GET\n:scheme: http\n:path: /\n?: ?\ncache-control: no-cache\n");
	want(&h, C43, ":method: GET\n:scheme: https\n:path: /index.html\n?: ?\ncustom-key: custom-value\n");
	want(&h, "be bf c0", "custom-key: custom-value\ncache-control: no-cache\n?: ?\n");
	/* a literal with a name we do not know goes in, and counts */
	want(&h, "7f 01 0178", "?: x\n");
	want(&h, "be bf", "?: x\ncustom-key: custom-value\n");
	/* an empty table is known again */
	want(&h, "20 82", ":method: GET\n");
	assert_false(h.older);
	want(&h, "be", "!");
	hpack_release(&h);
}

/* What we saw fills the encoder's table: nothing older can be in it. */
static void test_late_is_over(void **state)
{
	struct hpack h;

	hpack_init(&h);
	hpack_forget(&h);
	want(&h, "3f 29 be", "?: ?\n");		/* 72 bytes: two entries of 34 */
	want(&h, "40 0161 0162", "a: b\n");
	assert_true(h.older);
	want(&h, "40 0163 0164", "c: d\n");
	want(&h, "c0", "?: ?\n");
	want(&h, "40 0165 0166", "e: f\n");
	assert_false(h.older);
	want(&h, "be bf", "e: f\nc: d\n");
	want(&h, "c0", "!");
	hpack_release(&h);
}

/* An encoder with a huge table, and one whose table we know nothing of: what we keep of it has an end. */
static void test_bounded(void **state)
{
	char literal[3 + 100 + 1 + 8], value[9];
	struct hpack_field f;
	struct view v;

	for (int late = 0; late < 2; late++) {
		struct hpack h;

		hpack_init(&h);
		if (late)
			hpack_forget(&h);
		else
			want(&h, "3f e1 ff 3f", "");
		for (int i = 0; i < 100000; i++) {
			snprintf(value, sizeof(value), "%08d", i);
			literal[0] = 0x40;
			literal[1] = 100;
			memset(literal + 2, 'n', 100);
			literal[102] = 8;
			memcpy(literal + 103, value, 8);
			v = (struct view){ literal, 111 };
			assert_int_equal(hpack_next(&h, &v, &f), 1);
			assert_true(view_eq(f.value, view_of(value)));
			assert_int_equal(hpack_next(&h, &v, &f), 0);
			assert_in_range(hpack_memory(&h), 0, HPACK_KEEP + 64 * 1024);
		}
		want(&h, "ff 80 ff 07", "?: ?\n");
		assert_true(h.older);
		hpack_release(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_is_over),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
