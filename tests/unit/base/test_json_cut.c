// SPDX-License-Identifier: Apache-2.0
/* Every prefix of a valid document has the members of the whole, up to the cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cut.h"
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

static void every_prefix(const char *name, struct view doc)
{
	int whole_err = json_check(doc), err;
	const char *why;

	for (size_t n = 0; n <= doc.n; n++) {
		why = cut_differs(doc, n);
		if (why)
			fail_msg("%s, %zu bytes of it: not so: %s", name, n, why);
		err = json_check(view_take(doc, n));
		assert_true(err == -ENODATA || !err || err == whole_err);
	}
}

static void prefixes_of_messages(void **state)
{
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++)
		every_prefix(docs[i], view_of(docs[i]));
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
		every_prefix(s.name, s.doc);
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
