// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "br_bytes.h"
#include "golden.h"
#include "proto/coding.h"

#define BYTES(a) ((struct view){ (const char *)(a), sizeof(a) })

static const char *const events[] = {
	"data: {\"n\":1}\n\n", "data: {\"n\":2,\"text\":\"hello\"}\n\n", "data: [DONE]\n\n",
};

/* Takes all of in, step bytes at a time; the last return value. */
static int take(struct coding *c, struct view in, size_t step, struct buf *out)
{
	int r = 0;

	while (in.n && r >= 0) {
		struct view piece = view_take(in, step);

		in = view_drop(in, piece.n);
		do {
			size_t had = out->n;

			r = coding_take(c, &piece, out);
			assert_in_range(out->n - had, 0, 64 * 1024);
		} while (r > 0);
		assert_true(r < 0 || !piece.n);
	}
	return r;
}

static void decodes(const char *name, struct view coded, struct view want)
{
	static const size_t steps[] = { 1, 2, 3, 1000, SIZE_MAX };
	struct coding *c;
	struct buf out;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		c = coding_new(view_of(name));
		assert_non_null(c);
		buf_init(&out, 64 << 20);
		assert_int_equal(take(c, coded, steps[i], &out), 0);
		assert_true(view_eq(buf_view(&out), want));
		assert_true(coding_done(c));
		assert_null(coding_end_error(c));
		coding_free(c);
		buf_release(&out);
	}
}

/* flush after each text, as servers of event streams do; ends[i]: where the coded bytes of texts[i] end. */
static struct buf z_make(int window_bits, const char *const *texts, size_t cnt, size_t *ends)
{
	z_stream z = { 0 };
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (size_t i = 0; i <= cnt; i++) {
		char out[4096];

		z.next_in = (Bytef *)(i < cnt ? texts[i] : "");
		z.avail_in = i < cnt ? strlen(texts[i]) : 0;
		z.next_out = (Bytef *)out;
		z.avail_out = sizeof(out);
		deflate(&z, i < cnt ? Z_SYNC_FLUSH : Z_FINISH);
		assert_int_equal(buf_add(&b, (struct view){ out, sizeof(out) - z.avail_out }), 0);
		if (ends)
			ends[i] = b.n;
	}
	deflateEnd(&z);
	return b;
}

static struct buf zstd_make(const char *const *texts, size_t cnt, size_t *ends)
{
	ZSTD_CStream *z = ZSTD_createCStream();
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i <= cnt; i++) {
		char out[4096];
		ZSTD_inBuffer from = { i < cnt ? texts[i] : "", i < cnt ? strlen(texts[i]) : 0, 0 };
		ZSTD_outBuffer to = { out, sizeof(out), 0 };

		assert_int_equal(ZSTD_compressStream2(z, &to, &from, i < cnt ? ZSTD_e_flush : ZSTD_e_end), 0);
		assert_int_equal(buf_add(&b, (struct view){ out, to.pos }), 0);
		if (ends)
			ends[i] = b.n;
	}
	ZSTD_freeCStream(z);
	return b;
}

static struct buf br_make(size_t *ends)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add(&b, BYTES(br_part0)), 0);
	ends[0] = b.n;
	assert_int_equal(buf_add(&b, BYTES(br_part1)), 0);
	ends[1] = b.n;
	assert_int_equal(buf_add(&b, BYTES(br_part2)), 0);
	ends[2] = b.n;
	assert_int_equal(buf_add(&b, BYTES(br_part3)), 0);
	return b;
}

static struct view all_events(void)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s%s%s", events[0], events[1], events[2]);
	return view_of(text);
}

static void test_all(void **state)
{
	size_t ends[4];
	struct buf gz = z_make(31, events, 3, ends), zlib = z_make(15, events, 3, ends), raw = z_make(-15, events, 3, ends);
	struct buf zs = zstd_make(events, 3, ends), br = br_make(ends);

	decodes("gzip", buf_view(&gz), all_events());
	decodes(" X-GZip ", buf_view(&gz), all_events());
	decodes("deflate", buf_view(&zlib), all_events());
	decodes("deflate", buf_view(&raw), all_events());
	decodes("zstd", buf_view(&zs), all_events());
	decodes("br", buf_view(&br), all_events());
	decodes("identity, br ,identity,", buf_view(&br), all_events());
	buf_release(&gz);
	buf_release(&zlib);
	buf_release(&raw);
	buf_release(&zs);
	buf_release(&br);
}

/* What the sender flushed is there at once: an event stream is read event by event. */
static void flushes(const char *name, struct view coded, const size_t *ends)
{
	struct coding *c = coding_new(view_of(name));
	size_t from = 0;
	struct buf out;

	buf_init(&out, 1 << 20);
	for (int i = 0; i < 3; i++) {
		struct view part = view_take(view_drop(coded, from), ends[i] - from);

		buf_reset(&out);
		assert_int_equal(take(c, part, 5, &out), 0);
		if (!view_eq(buf_view(&out), view_of(events[i])))
			fail_msg("%s: event %d is not there: %.*s", name, i, VIEW_ARG(buf_view(&out)));
		assert_false(coding_done(c));
		assert_null(coding_error(c));
		assert_non_null(coding_end_error(c));
		from = ends[i];
	}
	coding_free(c);
	buf_release(&out);
}

static void test_flushes(void **state)
{
	size_t ends[4];
	struct buf b;

	b = z_make(31, events, 3, ends);
	flushes("gzip", buf_view(&b), ends);
	buf_release(&b);
	b = z_make(15, events, 3, ends);
	flushes("deflate", buf_view(&b), ends);
	buf_release(&b);
	b = z_make(-15, events, 3, ends);
	flushes("deflate", buf_view(&b), ends);
	buf_release(&b);
	b = zstd_make(events, 3, ends);
	flushes("zstd", buf_view(&b), ends);
	buf_release(&b);
	b = br_make(ends);
	flushes("br", buf_view(&b), ends);
	buf_release(&b);
}

static void test_members(void **state)
{
	struct buf b = z_make(31, events, 1, NULL), next = z_make(31, events + 1, 2, NULL);

	assert_int_equal(buf_add(&b, buf_view(&next)), 0);
	decodes("gzip", buf_view(&b), all_events());
	assert_int_equal(buf_add(&b, VIEW("\0\0\0padding")), 0);
	decodes("gzip", buf_view(&b), all_events());
	buf_release(&b);
	buf_release(&next);
	b = zstd_make(events, 1, NULL);
	next = zstd_make(events + 1, 2, NULL);
	assert_int_equal(buf_add(&b, buf_view(&next)), 0);
	decodes("zstd", buf_view(&b), all_events());
	buf_release(&b);
	buf_release(&next);
}

/* gzip of zstd of gzip of the text, named in the order in which they were applied. */
static void test_lists(void **state)
{
	struct buf gz = z_make(31, events, 3, NULL), raw = { 0 };
	char out[8192];
	size_t n = ZSTD_compress(out, sizeof(out), gz.p, gz.n, 3);
	uLongf z_n = sizeof(out);

	assert_false(ZSTD_isError(n));
	decodes("gzip, zstd", (struct view){ out, n }, all_events());
	buf_init(&raw, 1 << 16);
	assert_int_equal(buf_add(&raw, (struct view){ out, n }), 0);
	assert_int_equal(compress((Bytef *)out, &z_n, (Bytef *)raw.p, raw.n), Z_OK);
	decodes("gzip,zstd , deflate", (struct view){ out, z_n }, all_events());
	buf_release(&gz);
	buf_release(&raw);
}

static void test_names(void **state)
{
	struct coding *c;
	struct view in = VIEW("x");
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_null(coding_new(VIEW("")));
	assert_null(coding_new(VIEW_NONE));
	assert_null(coding_new(VIEW(" identity , Identity")));
	c = coding_new(VIEW("gzip, compress"));
	assert_int_equal(coding_take(c, &in, &out), -ENOTSUP);
	assert_int_equal(coding_take(c, &in, &out), -ENOTSUP);
	assert_string_equal(coding_error(c), "unknown content coding");
	coding_free(c);
	c = coding_new(VIEW("br, br, br, br, br"));
	assert_int_equal(coding_take(c, &in, &out), -ENOTSUP);
	coding_free(c);
	buf_release(&out);
}

static void test_broken(void **state)
{
	static const char *const names[] = { "gzip", "deflate", "br", "zstd" };
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < 4; i++) {
		struct coding *c = coding_new(view_of(names[i]));

		assert_int_equal(take(c, VIEW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 1, &out), -EILSEQ);
		assert_int_equal(take(c, VIEW("x"), 1, &out), -EILSEQ);
		assert_true(strstr(coding_error(c), names[i]) == coding_error(c));
		assert_false(coding_done(c));
		coding_free(c);
	}
	buf_release(&out);
}

/* Of two broken codings the one is to blame that broke on the earlier bytes, however they are cut. */
static void test_broken_twice(void **state)
{
	char z[200];
	uLongf n = sizeof(z);
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(compress((Bytef *)z, &n, (const Bytef *)"no gzip at all", 14), Z_OK);
	z[n - 1] ^= 1;
	for (size_t step = 1; step <= n; step++) {
		struct coding *c = coding_new(VIEW("gzip, deflate"));

		assert_int_equal(take(c, (struct view){ z, n }, step, &out), -EILSEQ);
		assert_string_equal(coding_error(c), "gzip: broken data");
		coding_free(c);
	}
	buf_release(&out);
}

/* The formats before RFC 8878, and a frame to skip. */
static void test_zstd_magic(void **state)
{
	struct buf zs = zstd_make(events, 1, NULL), out, skipped;
	char old[] = "\x22\xb5\x2f\xfd\0\0\0\0\0\0\0\0";

	buf_init(&out, 1 << 20);
	buf_init(&skipped, 1 << 20);
	for (old[0] = 0x1e; old[0] < 0x28; old[0]++) {
		for (size_t step = 1; step < sizeof(old); step++) {
			struct coding *c = coding_new(VIEW("zstd"));

			assert_int_equal(take(c, (struct view){ old, sizeof(old) - 1 }, step, &out), -EILSEQ);
			coding_free(c);
		}
	}
	assert_int_equal(out.n, 0);
	buf_add(&skipped, VIEW("\x5a\x2a\x4d\x18\x03\0\0\0abc"));
	buf_add(&skipped, buf_view(&zs));
	decodes("zstd", buf_view(&skipped), view_of(events[0]));
	buf_release(&skipped);
	buf_release(&out);
	buf_release(&zs);
}

/* A frame header whose second half reads like the magic number of an old format, and asks for a dictionary. */
static void test_zstd_header_like_old_format(void **state)
{
	static const char frame[] = "\x28\xb5\x2f\xfd\x27\xb5\x2f\xfd\x04\0\xff\0\0\x22\0\x2f";
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t step = 1; step < sizeof(frame); step++) {
		struct coding *c = coding_new(VIEW("zstd"));

		assert_int_equal(take(c, (struct view){ frame, sizeof(frame) - 1 }, step, &out), -EILSEQ);
		coding_free(c);
	}
	buf_release(&out);
}

/* Behind padding nothing is a member any more, whichever piece it begins. */
static void test_gzip_padding(void **state)
{
	struct buf b = z_make(31, events, 1, NULL), out;

	buf_add(&b, VIEW("\0\0\0\0\x1f\x8b\x08 and so on"));
	for (size_t step = 1; step <= b.n; step++) {
		struct coding *c = coding_new(VIEW("gzip"));

		buf_init(&out, 1 << 20);
		assert_int_equal(take(c, buf_view(&b), step, &out), 0);
		assert_true(view_eq(buf_view(&out), view_of(events[0])));
		buf_release(&out);
		coding_free(c);
	}
	buf_release(&b);
}

static void test_cut_and_gap(void **state)
{
	struct buf b = z_make(31, events, 3, NULL), out;
	struct coding *c = coding_new(VIEW("gzip"));

	buf_init(&out, 1 << 20);
	assert_null(coding_end_error(c));
	assert_int_equal(take(c, view_take(buf_view(&b), b.n - 4), 7, &out), 0);
	assert_false(coding_done(c));
	assert_null(coding_error(c));
	assert_string_equal(coding_end_error(c), "gzip: ends too early");
	coding_gap(c);
	assert_int_equal(take(c, VIEW("abcd"), 7, &out), -EILSEQ);
	assert_string_equal(coding_error(c), "gzip: bytes are missing");
	coding_free(c);
	buf_release(&b);
	buf_release(&out);
}

/* What grows a thousandfold past the first megabyte is an attack. */
static void bomb(const char *name, struct view coded)
{
	struct coding *c = coding_new(view_of(name));
	uint64_t total = 0;
	struct buf out;
	int r;

	buf_init(&out, 64 * 1024);
	do {
		buf_reset(&out);
		r = coding_take(c, &coded, &out);
		total += out.n;
	} while (r > 0);
	assert_int_equal(r, -E2BIG);
	assert_in_range(total, CODING_FREE, 4 * CODING_FREE);
	assert_in_range(coding_memory(c), 1, 4096);
	coding_free(c);
	buf_release(&out);
}

static void test_bombs(void **state)
{
	static char zeros[8 << 20];
	uLongf n = compressBound(sizeof(zeros));
	char *z = malloc(n), *zz = malloc(n);
	uLongf zz_n = n;
	size_t zs_n = ZSTD_compress(z, n, zeros, sizeof(zeros), 3);

	bomb("zstd", (struct view){ z, zs_n });
	assert_int_equal(compress((Bytef *)z, &n, (Bytef *)zeros, sizeof(zeros)), Z_OK);
	bomb("deflate", (struct view){ z, n });
	assert_int_equal(compress((Bytef *)zz, &zz_n, (Bytef *)z, n), Z_OK);
	bomb("deflate, deflate", (struct view){ zz, zz_n });
	bomb("br", BYTES(br_bomb));
	free(z);
	free(zz);
}

/* RFC 9659: a window over 8 MiB is refused. */
static void test_zstd_window(void **state)
{
	static char text[1000];
	char out[8192];

	for (int log = 23; log <= 25; log += 2) {
		ZSTD_CCtx *z = ZSTD_createCCtx();
		struct coding *c = coding_new(VIEW("zstd"));
		ZSTD_inBuffer from = { text, sizeof(text), 0 };
		ZSTD_outBuffer to = { out, sizeof(out), 0 };
		struct buf b;

		buf_init(&b, 1 << 20);
		ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, log);
		assert_false(ZSTD_isError(ZSTD_compressStream2(z, &to, &from, ZSTD_e_flush)));
		assert_int_equal(take(c, (struct view){ out, to.pos }, 100, &b), log == 23 ? 0 : -EILSEQ);
		assert_in_range(coding_memory(c), log == 23 ? 8 << 20 : 1, log == 23 ? 9 << 20 : 4096);
		ZSTD_freeCCtx(z);
		coding_free(c);
		buf_release(&b);
	}
}

/* Large and hard to compress, so that every buffer turns over. */
static void test_large(void **state)
{
	static char text[300000];
	unsigned seed = 1;
	uLongf n = compressBound(sizeof(text));
	char *z = malloc(n + 1000);

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + golden_random(&seed) % 20;
	assert_int_equal(compress((Bytef *)z, &n, (Bytef *)text, sizeof(text)), Z_OK);
	decodes("deflate", (struct view){ z, n }, (struct view){ text, sizeof(text) });
	n = ZSTD_compress(z, n + 1000, text, sizeof(text), 1);
	decodes("zstd", (struct view){ z, n }, (struct view){ text, sizeof(text) });
	free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_flushes),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_broken_twice),
		cmocka_unit_test(test_zstd_magic),
		cmocka_unit_test(test_zstd_header_like_old_format),
		cmocka_unit_test(test_gzip_padding),
		cmocka_unit_test(test_cut_and_gap),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_zstd_window),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
