// SPDX-License-Identifier: Apache-2.0
/* Every prefix of a valid document has the members of the whole, up to the cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "suite.h"

static const char *const docs[] = {
	"{\"model\":\"gpt-4o\",\"stream\":true,\"temperature\":0.25,\"max_tokens\":1024,\"messages\":[{\"role\":"
	"\"system\",\"content\":\"Be\\u0020kind \\ud83d\\ude00 \\\"x\\\"\\n\"},{\"role\":\"user\",\"content\":[{"
	"\"type\":\"text\",\"text\":\"日本語 é 😀\"}]}],\"stop\":[\"a\",\"b\"],\"seed\":-12e2,\"n\":null}",
	" [ { \"a\" : [ ] , \"b\" : { } } , [ [ 1 , 2.5 ] , false ] , \"\" , 0 ] ",
	"{\"id\":\"msg_1\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"input\":{\"q\":\"\\u00e9\\ud83d\"}}],"
	"\"usage\":{\"input_tokens\":12,\"output_tokens\":340}}",
	"[\"\xf0\x9f\x98\x80\xe6\x97\xa5\",\"\\ud83dx\",\"\\ud83d\\u0041\",\"\xff after\",-0.0,1e5]",
};

struct pair {
	struct view whole, part;
};

static size_t offset(struct view doc, struct json v)
{
	return v.raw.p - doc.p;
}

static struct buf text_of(struct json v)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(json_text(v, &b), 0);
	return b;
}

static void same_text_up_to_cut(struct json whole, struct json part)
{
	struct buf w = text_of(whole), p = text_of(part);

	if (part.cut)
		assert_true(view_starts(buf_view(&w), buf_view(&p)));
	else
		assert_true(view_eq(buf_view(&w), buf_view(&p)));
	buf_release(&w);
	buf_release(&p);
}

static void same_up_to_cut(const struct pair *d, struct json whole, struct json part);

/* What the whole has next must be missing from the part for a reason: it does not begin before the cut. */
static void beyond_the_cut(const struct pair *d, struct json_member *next)
{
	assert_true(offset(d->whole, next->value) >= d->part.n);
}

static void same_members(const struct pair *d, struct json whole, struct json part)
{
	struct json_iter w = json_each(whole), p = json_each(part);
	struct json_member mw, mp;

	while (json_next(&w, &mw)) {
		if (!json_next(&p, &mp)) {
			beyond_the_cut(d, &mw);
			assert_true(p.cut && !p.bad);
			return;
		}
		assert_true(view_eq(mw.key.raw, mp.key.raw));
		same_up_to_cut(d, mw.value, mp.value);
	}
	assert_false(json_next(&p, &mp));
	assert_true(p.cut == part.cut && !p.bad);
}

static void same_up_to_cut(const struct pair *d, struct json whole, struct json part)
{
	size_t ends = offset(d->whole, whole) + whole.raw.n;
	int64_t i;

	assert_int_equal(part.type, whole.type);
	assert_int_equal(offset(d->part, part), offset(d->whole, whole));
	assert_true(part.bad ? whole.bad : true);
	if (ends < d->part.n)
		assert_false(part.cut);
	if (ends > d->part.n)
		assert_true(part.cut);
	if (!part.cut)
		assert_true(view_eq(part.raw, whole.raw));
	if (part.cut && part.type == JSON_NUMBER)
		assert_false(json_int(part, &i));
	if (whole.type == JSON_STRING)
		same_text_up_to_cut(whole, part);
	same_members(d, whole, part);
}

static void rewrites_valid(struct json part)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&w, &b);
	jsonw_value(&w, part);
	assert_int_equal(json_check(buf_view(&b)), 0);
	buf_release(&b);
}

static void every_prefix(struct view doc)
{
	struct json whole = json_read(doc), part;
	int whole_err = json_check(doc), err;

	for (size_t n = 0; n <= doc.n; n++) {
		char *copy = malloc(n);
		struct pair d = { doc, { copy, n } };

		if (n)
			memcpy(copy, doc.p, n);
		part = json_read(d.part);
		err = json_check(d.part);
		assert_true(err == -ENODATA || !err || err == whole_err);
		if (part.type != JSON_NONE)
			same_up_to_cut(&d, whole, part);
		else
			assert_true(n <= offset(doc, whole));
		rewrites_valid(part);
		free(copy);
	}
}

static void prefixes_of_messages(void **state)
{
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++)
		every_prefix(view_of(docs[i]));
}

static void prefixes_of_suite(void **state)
{
	struct suite s;
	int n = 0;

	for (suite_open(&s, __FILE__); suite_next(&s);) {
		bool whole = s.name[0] == 'y' || s.name[0] == 'i';

		/* Deep ones: 2,500 prefixes, each walked 512 times.  Numbers: below. */
		if (!whole || view_starts(view_of(s.name), VIEW("y_depth")) ||
		    json_read(s.doc).type == JSON_NUMBER)
			continue;
		every_prefix(s.doc);
		n++;
	}
	assert_true(n > 80);
}

/* A top-level number has no end but the input's, so its prefixes are numbers too. */
static void prefixes_of_top_numbers(void **state)
{
	int64_t n;

	assert_true(json_int(json_read(VIEW("123")), &n) && n == 123);
	assert_int_equal(json_check(VIEW("-")), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_of_messages),
		cmocka_unit_test(prefixes_of_suite),
		cmocka_unit_test(prefixes_of_top_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
