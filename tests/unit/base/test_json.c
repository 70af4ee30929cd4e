// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"

static struct json read_str(const char *s)
{
	return json_read(view_of(s));
}

static void expect_text(struct json v, struct view want)
{
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(json_text(v, &b), 0);
	assert_int_equal(b.n, want.n);
	if (want.n)
		assert_memory_equal(b.p, want.p, want.n);
	buf_release(&b);
}

static void expect_rewritten(const char *doc, const char *want)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	jsonw_value(&w, read_str(doc));
	assert_int_equal(w.err, 0);
	buf_add_byte(&b, 0);
	assert_string_equal(b.p, want);
	buf_release(&b);
}

static void reads_types(void **state)
{
	static const struct { const char *doc; enum json_type type; } rows[] = {
		{ "null", JSON_NULL }, { "false", JSON_FALSE }, { "true", JSON_TRUE }, { "-1", JSON_NUMBER },
		{ "\"\"", JSON_STRING }, { " [] ", JSON_ARRAY }, { "{}", JSON_OBJECT }, { "x", JSON_NONE },
		{ "", JSON_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(read_str(rows[i].doc).type, rows[i].type);
	assert_int_equal(json_read(VIEW_NONE).type, JSON_NONE);
	assert_true(read_str("").cut && !read_str("").bad);
	assert_true(read_str("x").bad && !read_str("x").cut);
	assert_true(read_str("{} x").bad && read_str("{} x").raw.n == 2);
}

static void walks_members(void **state)
{
	struct json_iter it = json_each(read_str(" { \"a\" : 1 , \"b\\u0063\" : [ true ] , \"d\":{}} "));
	struct json_member m;
	int64_t n;

	assert_true(json_next(&it, &m) && json_is(m.key, "a") && json_int(m.value, &n) && n == 1);
	assert_true(json_next(&it, &m) && json_is(m.key, "bc") && m.value.type == JSON_ARRAY);
	assert_true(view_eq(m.value.raw, VIEW("[ true ]")));
	assert_true(json_next(&it, &m) && json_is(m.key, "d") && m.value.type == JSON_OBJECT);
	assert_false(json_next(&it, &m));
	assert_true(!it.cut && !it.bad);
	assert_false(json_next(&it, &m));

	it = json_each(read_str("[1,\"x\"]"));
	assert_true(json_next(&it, &m) && m.key.type == JSON_NONE && m.value.type == JSON_NUMBER);
	assert_true(json_next(&it, &m) && json_is(m.value, "x"));
	assert_false(json_next(&it, &m));
	it = json_each(read_str("\"[1]\""));
	assert_false(json_next(&it, &m));
	it = json_each((struct json){ 0 });
	assert_false(json_next(&it, &m));
}

/* doc has whole members before it ends or goes wrong; the members after the last are none. */
static void stops(const char *doc, int whole, bool cut, bool bad)
{
	struct json_iter it = json_each(read_str(doc));
	struct json_member m;
	int n = 0;

	while (json_next(&it, &m))
		n += !m.value.cut && !m.value.bad;
	if (n != whole || it.cut != cut || it.bad != bad)
		fail_msg("%s: %d members, cut %d, bad %d", doc, n, it.cut, it.bad);
}

static void says_why_it_stops(void **state)
{
	stops("[1,2,3]", 3, false, false);
	stops("[1,2,3", 2, true, false);
	stops("[1,2,3 ", 3, true, false);
	stops("[1,2,", 2, true, false);
	stops("[true", 1, true, false);
	stops("[1,2,}", 2, false, true);
	stops("[1,2 3]", 2, false, true);
	stops("[1,[2,x],3]", 1, false, true);
	stops("[1,[2,[3", 1, true, false);
	stops("[1,01,2]", 1, false, true);
	stops("{\"a\":1,\"b", 1, true, false);
	stops("{\"a\":1,\"b\"", 1, true, false);
	stops("{\"a\":1,\"b\":", 1, true, false);
	stops("{\"a\":1,\"b\":{\"c\":2", 1, true, false);
	stops("{\"a\":1,b:2}", 1, false, true);
	stops("{\"a\":1,\"b\" 2}", 1, false, true);
	stops("{\"a\":1,}", 1, false, true);
	stops("{\"a\":{\"b\":[1,{]}", 0, false, true);
}

/* A string that is wrong inside still has an end: what follows is read. */
static void reads_on_behind_a_wrong_string(void **state)
{
	struct json v = read_str("{\"a\":\"x\\qy\",\"b\":2}"), a = json_get(v, "a");
	int64_t n;

	assert_true(v.bad && a.bad && !a.cut);
	expect_text(a, VIEW("x\xef\xbf\xbdqy"));
	assert_true(json_int(json_get(v, "b"), &n) && n == 2);
	stops("[\"a\nb\",1]", 1, false, false);
	expect_rewritten("[\"a\nb\",\"\\x\",1]", "[\"a\\nb\",\"\xef\xbf\xbdx\",1]");
}

static void bad_inside_a_child(void **state)
{
	struct json v = read_str("{\"a\":{\"b\":1,\"c\":[2,}},\"d\":4}"), a = json_get(v, "a"), c = json_get(a, "c");
	struct json_iter it = json_each(c);
	struct json_member m;
	int64_t n;

	assert_true(v.bad && a.bad && c.bad && !v.cut && !a.cut && !c.cut);
	assert_true(json_int(json_get(a, "b"), &n) && n == 1);
	assert_true(json_next(&it, &m) && json_int(m.value, &n) && n == 2);
	assert_false(json_next(&it, &m));
	assert_true(it.bad && !it.cut);
	assert_int_equal(json_get(v, "d").type, JSON_NONE);
}

static void gets(void **state)
{
	struct json v = read_str("{\"a\":1,\"a\":2,\"\":3,\"k\\u0000\":4,\"\\ud83d\\ude00\":5,\"z\":\"zz");
	int64_t n;

	assert_true(json_int(json_get(v, "a"), &n) && n == 1);
	assert_true(json_int(json_get(v, ""), &n) && n == 3);
	assert_int_equal(json_get(v, "k").type, JSON_NONE);
	assert_true(json_int(json_get(v, "\xf0\x9f\x98\x80"), &n) && n == 5);
	assert_true(json_get(v, "z").cut);
	assert_int_equal(json_get(read_str("[1]"), "a").type, JSON_NONE);
	assert_int_equal(json_get((struct json){ 0 }, "a").type, JSON_NONE);
}

static void compares(void **state)
{
	assert_true(json_is(read_str("\"\""), ""));
	assert_true(json_is(read_str("\"model\""), "model"));
	assert_true(json_is(read_str("\"\\u006d\\u006F\\u0064\\u0065\\u006C\""), "model"));
	assert_true(json_is(read_str("\"a\\/\\n\""), "a/\n"));
	assert_false(json_is(read_str("\"models\""), "model"));
	assert_false(json_is(read_str("\"mode\""), "model"));
	assert_false(json_is(read_str("\"Model\""), "model"));
	assert_false(json_is(read_str("\"model"), "model"));
	assert_false(json_is(read_str("1"), "1"));
	assert_false(json_is((struct json){ 0 }, ""));
}

/* json_is() says what comparing the text would say. */
static void compares_as_texts_do(void **state)
{
	static const char *const raw[] = {
		"\"\"", "\"a\"", "\"ab\"", "\"abc\"", "\"\\u0061b\"", "\"a\\u0062\"", "\"ab\\n\"", "\"a\\\\b\"", "\"\xc3\xa9\"",
		"\"\\u00e9\"", "\"a\xff\"", "\"a\xef\xbf\xbd\"", "\"a\\ufffd\"", "\"a\\ud83d\"", "\"a\\x\"", "\"a\\u0000b\"",
		"\"a\x01\"", "\"\xc3\"", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"",
	};
	const size_t cnt = sizeof(raw) / sizeof(raw[0]);
	struct buf a, b;

	buf_init(&a, 100);
	buf_init(&b, 100);
	for (size_t i = 0; i < cnt * cnt; i++) {
		buf_reset(&a);
		buf_reset(&b);
		json_text(read_str(raw[i / cnt]), &a);
		json_text(read_str(raw[i % cnt]), &b);
		buf_add_byte(&b, '\0');
		if (strlen(b.p) + 1 < b.n)
			continue;		/* no C string */
		if (json_is(read_str(raw[i / cnt]), b.p) != view_eq(buf_view(&a), view_of(b.p)))
			fail_msg("%s and %s", raw[i / cnt], raw[i % cnt]);
	}
	buf_release(&a);
	buf_release(&b);
}

static void texts(void **state)
{
	expect_text(read_str("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), VIEW("\"\\/\b\f\n\r\t"));
	expect_text(read_str("\"a\\u0000b\""), VIEW("a\0b"));
	expect_text(read_str("\"\\u00e9\\u65E5\\ud83d\\uDE00\""), VIEW("é日😀"));
	expect_text(read_str("\"\\ud800|\\udc00|\\ud83d\\ud83d\\ude00\""), VIEW("\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd😀"));
	expect_text(read_str("\"\\ud83d\\u0041\\ud83d\\n\\ud83d\""), VIEW("\xef\xbf\xbd" "A\xef\xbf\xbd\n\xef\xbf\xbd"));
	expect_text(read_str("\"a\xff\xe6\x97z\""), VIEW("a\xef\xbf\xbd\xef\xbf\xbdz"));
	expect_text(read_str("\"\xe6\x97\\n\""), VIEW("\xef\xbf\xbd\n"));
	expect_text(read_str("\"\\u12\""), VIEW("\xef\xbf\xbdu12"));
}

static void texts_of_cut_strings(void **state)
{
	static const char *const docs[] = { "\"ab", "\"ab\\", "\"ab\\u", "\"ab\\u00e", "\"ab\xe6", "\"ab\xf0\x9f\x98",
					    "\"ab\\ud83d", "\"ab\\ud83d\\", "\"ab\\ud83d\\ude0" };

	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++) {
		assert_true(read_str(docs[i]).cut);
		expect_text(read_str(docs[i]), VIEW("ab"));
	}
	expect_text(read_str("\"ab\xff"), VIEW("ab\xef\xbf\xbd"));
	expect_text(read_str("\"a\xe6\\nb"), VIEW("a\xef\xbf\xbd\nb"));
	expect_text(read_str("\""), VIEW(""));
}

static void text_stops_at_the_limit(void **state)
{
	struct buf b;

	buf_init(&b, 7);
	assert_int_equal(json_text(read_str("\"日本語\""), &b), -E2BIG);
	assert_int_equal(b.n, 6);
	buf_reset(&b);
	assert_int_equal(json_text(read_str("\"abcde\\u00e9\\u00e9z\""), &b), -E2BIG);
	assert_true(view_eq(buf_view(&b), VIEW("abcdeé")));
	assert_int_equal(json_text(read_str("1"), &b), -EINVAL);
	buf_release(&b);
}

static void integers(void **state)
{
	static const struct { const char *doc; bool ok; int64_t n; } rows[] = {
		{ "0", true, 0 }, { "-0", true, 0 }, { "-0.0e5", true, 0 }, { "42", true, 42 }, { "1.0", true, 1 },
		{ "1e3", true, 1000 }, { "1.5e1", true, 15 }, { "-12.50e2", true, -1250 }, { "1000e-3", true, 1 },
		{ "9223372036854775807", true, INT64_MAX }, { "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775807.000", true, INT64_MAX }, { "922337203685477580700e-2", true, INT64_MAX },
		{ "0e99999999999999999999", true, 0 }, { "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 }, { "99999999999999999999", false, 0 }, { "1.5", false, 0 },
		{ "1e-1", false, 0 }, { "1e19", false, 0 }, { "1e99999999999999999999", false, 0 },
		{ "1e-99999999999999999999", false, 0 }, { "0.1", false, 0 }, { "\"1\"", false, 0 },
		{ "true", false, 0 }, { "01", false, 0 }, { "1x", false, 0 }, { "1.", false, 0 }, { "", false, 0 },
	};
	int64_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		n = 77;
		if (json_int(read_str(rows[i].doc), &n) != rows[i].ok || n != (rows[i].ok ? rows[i].n : 77))
			fail_msg("%s: %lld", rows[i].doc, (long long)n);
	}
	n = 77;
	assert_false(json_int(json_get(read_str("{\"a\":12"), "a"), &n));	/* may have been 123 */
	assert_int_equal(n, 77);
}

static void doubles(void **state)
{
	double d = 7;

	assert_true(json_double(read_str("0.1"), &d) && d == 0.1);
	assert_true(json_double(read_str("-2.5e-3"), &d) && d == -2.5e-3);
	assert_true(json_double(read_str("-0"), &d) && d == 0 && signbit(d));
	assert_true(json_double(read_str("1e-400"), &d) && d == 0);
	assert_true(json_double(read_str("4.9e-324"), &d) && d == 5e-324);
	assert_true(json_double(read_str("0.3"), &d) && d == 0.3);
	d = 7;
	assert_false(json_double(read_str("1e400"), &d));
	assert_false(json_double(read_str("null"), &d));
	assert_false(json_double(read_str("[1"), &d));
	assert_true(d == 7);
}

/* 2^53 + 1 lies half way; one digit a thousand places behind decides (and is no tie any more). */
static void rounds_by_digits_far_out(void **state)
{
	char s[1100];
	double d;

	memset(s, '0', sizeof(s));
	memcpy(s, "9007199254740993.", 17);
	s[sizeof(s) - 1] = '0';
	assert_true(json_double(json_read((struct view){ s, sizeof(s) }), &d) && d == 9007199254740992.);
	s[sizeof(s) - 1] = '1';
	assert_true(json_double(json_read((struct view){ s, sizeof(s) }), &d) && d == 9007199254740994.);
}

static void booleans(void **state)
{
	bool b = false;

	assert_true(json_bool(read_str("true"), &b) && b);
	assert_true(json_bool(read_str("false"), &b) && !b);
	assert_false(json_bool(read_str("null"), &b));
	assert_false(json_bool(read_str("tru"), &b));
	assert_false(json_bool(read_str("1"), &b));
}

static void expect_double(double d, const char *want)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 64);
	jsonw_init(&w, &b);
	jsonw_double(&w, d);
	buf_add_byte(&b, 0);
	assert_string_equal(b.p, want);
	buf_release(&b);
}

static void writes_shortest_doubles(void **state)
{
	expect_double(0, "0");
	expect_double(-0.0, "-0");
	expect_double(1, "1");
	expect_double(0.1, "0.1");
	expect_double(-0.25, "-0.25");
	expect_double(0.1 + 0.2, "0.30000000000000004");
	expect_double(1e16, "10000000000000000");
	expect_double(1e17, "1e17");
	expect_double(1.5e300, "1.5e300");
	expect_double(0.0001, "0.0001");
	expect_double(0.00001, "1e-5");
	expect_double(5e-324, "5e-324");
	expect_double(1.7976931348623157e308, "1.7976931348623157e308");
	expect_double(NAN, "null");
	expect_double(-INFINITY, "null");
}

static void numbers_ignore_the_locale(void **state)
{
	double d;

	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8")) {
		print_message("SKIPPED: no locale here has a decimal comma\n");
		return;
	}
	expect_double(0.5, "0.5");
	assert_true(json_double(read_str("0.5"), &d) && d == 0.5);
	setlocale(LC_NUMERIC, "C");
}

static void writes(void **state)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_open(&w, '{');
	jsonw_key(&w, "a");
	jsonw_open(&w, '[');
	jsonw_int(&w, INT64_MIN);
	jsonw_uint(&w, UINT64_MAX);
	jsonw_open(&w, '[');
	jsonw_close(&w, ']');
	jsonw_bool(&w, true);
	jsonw_null(&w);
	jsonw_close(&w, ']');
	jsonw_key_view(&w, VIEW("q\"\xff"));
	jsonw_str(&w, VIEW("\0\1\x1f\x7f\b\f\n\r\t\\/é\xe6\x97"));
	jsonw_key(&w, "o");
	jsonw_open(&w, '{');
	jsonw_close(&w, '}');
	jsonw_close(&w, '}');
	buf_add_byte(&b, 0);
	assert_string_equal(b.p,
			    "{\"a\":[-9223372036854775808,18446744073709551615,[],true,null],"
			    "\"q\\\"\xef\xbf\xbd\":\"\\u0000\\u0001\\u001f\x7f\\b\\f\\n\\r\\t\\\\/é\xef\xbf\xbd\",\"o\":{}}");
	buf_release(&b);
}

static void writer_errors_stick(void **state)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4);
	jsonw_init(&w, &b);
	jsonw_open(&w, '[');
	jsonw_str(&w, VIEW("longer than four"));
	assert_int_equal(w.err, -E2BIG);
	b.max = 4096;
	jsonw_int(&w, 1);
	jsonw_value(&w, read_str("[1,2,3]"));
	assert_int_equal(w.err, -E2BIG);
	assert_true(b.n <= 4);
	buf_release(&b);
}

static void rewrites_what_is_not_whole(void **state)
{
	expect_rewritten(" { \"a\" : [ 1 , true ] } ", "{\"a\":[1,true]}");
	expect_rewritten("{\"a\":\"caf\xe9\\u00e9\\/\"}", "{\"a\":\"caf\xef\xbf\xbd\xc3\xa9/\"}");
	expect_rewritten("[1,[2,{\"a\":\"b", "[1,[2,{\"a\":\"b\"}]]");
	expect_rewritten("{\"a\":1,\"b", "{\"a\":1}");
	expect_rewritten("{\"a\":1,\"b\":", "{\"a\":1}");
	expect_rewritten("{\"a\":1,\"b\":12", "{\"a\":1,\"b\":null}");
	expect_rewritten("[tr", "[null]");
	expect_rewritten("[1,}", "[1]");
	expect_rewritten("{\"a\":1,\"b\":x}", "{\"a\":1}");
	expect_rewritten("1.x", "null");
	expect_rewritten("garbage", "null");
	expect_rewritten("", "null");
	expect_rewritten("\"\\ud83d", "\"\"");
}

static void rewrites_as_a_member(void **state)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_open(&w, '[');
	jsonw_value(&w, read_str("{\"a\":[1"));
	jsonw_value(&w, read_str("2"));
	jsonw_value(&w, (struct json){ 0 });
	jsonw_close(&w, ']');
	buf_add_byte(&b, 0);
	assert_string_equal(b.p, "[{\"a\":[null]},2,null]");
	buf_release(&b);
}

/* 100,000 brackets: an answer, and quickly. */
static void deep(const char *open, size_t n)
{
	struct jsonw w;
	struct buf in, out;
	struct json v;
	unsigned int depth = 0;

	buf_init(&in, 1 << 24);
	buf_init(&out, 1 << 20);
	while (n--)
		buf_add(&in, view_of(open));
	assert_int_equal(json_check(buf_view(&in)), -E2BIG);
	v = json_read(buf_view(&in));
	assert_true(v.bad && !v.cut);
	jsonw_init(&w, &out);
	jsonw_value(&w, v);
	assert_int_equal(json_check(buf_view(&out)), 0);
	for (;; depth++) {
		struct json_iter it = json_each(v);
		struct json_member m;

		if (!json_next(&it, &m))
			break;
		v = m.value;
	}
	assert_true(depth == JSON_DEPTH_MAX - 1);
	buf_release(&in);
	buf_release(&out);
}

static void deep_nesting(void **state)
{
	deep("[", 100000);
	deep("{\"a\":", 100000);
	deep("[{\"a\":", 100000);
}

/* A million bytes of the dearest input for each path; minutes if one of them were quadratic. */
static void costs_grow_with_the_input(void **state)
{
	static const char *const units[] = { "\xff", "\\", "\x01", "\\ud83d", "\\u12", "\xe6\x97", "\\\"" };
	struct buf in, out;
	struct jsonw w;

	buf_init(&in, 1 << 24);
	buf_init(&out, 1 << 26);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		buf_reset(&in);
		buf_reset(&out);
		buf_add(&in, VIEW("{\"k\":\""));
		while (in.n < 1000000)
			buf_add(&in, view_of(units[i]));
		buf_add(&in, VIEW("\"}"));
		assert_int_equal(json_get(json_read(buf_view(&in)), "zz").type, JSON_NONE);
		json_text(json_get(json_read(buf_view(&in)), "k"), &out);
		buf_reset(&out);
		jsonw_init(&w, &out);
		jsonw_value(&w, json_read(buf_view(&in)));
		assert_int_equal(w.err, 0);
	}
	buf_release(&in);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_types),
		cmocka_unit_test(walks_members),
		cmocka_unit_test(says_why_it_stops),
		cmocka_unit_test(reads_on_behind_a_wrong_string),
		cmocka_unit_test(bad_inside_a_child),
		cmocka_unit_test(gets),
		cmocka_unit_test(compares),
		cmocka_unit_test(compares_as_texts_do),
		cmocka_unit_test(texts),
		cmocka_unit_test(texts_of_cut_strings),
		cmocka_unit_test(text_stops_at_the_limit),
		cmocka_unit_test(integers),
		cmocka_unit_test(doubles),
		cmocka_unit_test(rounds_by_digits_far_out),
		cmocka_unit_test(booleans),
		cmocka_unit_test(writes_shortest_doubles),
		cmocka_unit_test(numbers_ignore_the_locale),
		cmocka_unit_test(writes),
		cmocka_unit_test(writer_errors_stick),
		cmocka_unit_test(rewrites_what_is_not_whole),
		cmocka_unit_test(rewrites_as_a_member),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(costs_grow_with_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
