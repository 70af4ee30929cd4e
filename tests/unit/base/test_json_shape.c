// SPDX-License-Identifier: Apache-2.0
/* A stencil fits what is the same tree but for its slots, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/json_shape.h"

static const char stencil[] = " {\"a\":[1,{\"t\":\"text\"}],\"n\":12,\"s\":\"x\"}\n";

/* Slots: t, n, s. */
static struct json_shape shape_of(struct view doc)
{
	struct json v = json_read(doc), slots[3], first;
	struct json_iter it = json_each(json_get(v, "a"));
	struct json_member m = { 0 };
	struct json_shape s = { 0 };

	json_next(&it, &m);
	first = json_next(&it, &m) ? m.value : (struct json){ 0 };
	slots[0] = json_get(first, "t");
	slots[1] = json_get(v, "n");
	slots[2] = json_get(v, "s");
	assert_true(json_shape_init(&s, doc, v, slots, 3));
	return s;
}

static bool fits(const struct json_shape *s, const char *text, struct json ret[JSON_SHAPE_SLOTS])
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1);	/* a sanitizer sees a byte read too far */
	bool r;

	memcpy(copy, text, n);
	r = json_shape_match(s, (struct view){ copy, n }, ret);
	for (unsigned i = 0; r && i < s->slot_cnt; i++)
		ret[i].raw.p = text + (ret[i].raw.p - copy);
	free(copy);
	return r;
}

static void test_fits(void **state)
{
	static const struct {
		const char *doc, *slots[3];	/* slots[0] NULL: it does not fit */
	} rows[] = {
		{ stencil, { "\"text\"", "12", "\"x\"" } },
		{ " {\"a\":[1,{\"t\":\"\"}],\"n\":-3,\"s\":\"\\\"}\"}\n", { "\"\"", "-3", "\"\\\"}\"" } },
		{ " {\"a\":[1,{\"t\":\"\xff\\u00e9\"}],\"n\":0,\"s\":\"y\"}\n", { "\"\xff\\u00e9\"", "0", "\"y\"" } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":-0,\"s\":\"x\"}\n", { "\"text\"", "-0", "\"x\"" } },
		{ " {\"a\":[1,{\"t\":\"\\x\"}],\"n\":12,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"\n\"}],\"n\":12,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":null}],\"n\":12,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text}],\"n\":12,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":012,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":1.2,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":1e2,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":-,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":\"12\",\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[2,{\"t\":\"text\"}],\"n\":12,\"s\":\"x\"}\n", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":12,\"s\":\"x\"}", { 0 } },
		{ " {\"a\":[1,{\"t\":\"text\"}],\"n\":12,\"s\":\"x\"}\n ", { 0 } },
		{ "", { 0 } },
	};
	struct json_shape s = shape_of(VIEW(stencil));
	struct json got[JSON_SHAPE_SLOTS];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (fits(&s, rows[i].doc, got) != (rows[i].slots[0] != NULL))
			fail_msg("%s", rows[i].doc);
		for (size_t k = 0; rows[i].slots[0] && k < 3; k++)
			assert_true(view_eq(got[k].raw, view_of(rows[i].slots[k])));
	}
	json_shape_release(&s);
}

/* Every cut, and every byte changed to each of some: what fits is a whole document and its slots are what json_get() says. */
static void test_near_misses(void **state)
{
	static const char bytes[] = "\"\\{}[]:,01-.e \n\x01\xff";
	struct json_shape s = shape_of(VIEW(stencil));
	struct json got[JSON_SHAPE_SLOTS], v;
	char doc[sizeof(stencil)];
	unsigned fitted = 0;

	for (size_t n = 0; n < sizeof(stencil) - 1; n++) {
		memcpy(doc, stencil, n);
		doc[n] = '\0';
		assert_false(fits(&s, doc, got));
		for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
			memcpy(doc, stencil, sizeof(stencil));
			doc[n] = bytes[b];
			if (!fits(&s, doc, got))
				continue;
			fitted++;
			v = json_read(view_of(doc));
			assert_true(v.type == JSON_OBJECT && !v.cut && !v.bad);
			assert_true(view_eq(json_get(v, "n").raw, got[1].raw));
			assert_true(view_eq(json_get(v, "s").raw, got[2].raw));
		}
	}
	assert_true(fitted > 40);
	json_shape_release(&s);
}

static void test_refused(void **state)
{
	static char big[JSON_SHAPE_MAX + 2];
	const struct view doc = VIEW("{\"a\":\"x\",\"b\":\"y\",\"c\":[]}"), bad = VIEW("{\"a\":\"x\"");
	struct json v = json_read(doc), a = json_get(v, "a"), b = json_get(v, "b"), c = json_get(v, "c"), many[9];
	struct json_shape s = { 0 };
	struct json got[JSON_SHAPE_SLOTS];

	assert_true(json_shape_init(&s, doc, v, (struct json[]){ a, b }, 2));
	assert_false(json_shape_init(&s, doc, v, (struct json[]){ b, a }, 2));
	assert_false(json_shape_match(&s, doc, got));
	assert_false(json_shape_init(&s, doc, v, (struct json[]){ a, a }, 2));
	assert_false(json_shape_init(&s, doc, v, &c, 1));
	assert_false(json_shape_init(&s, bad, json_read(bad), NULL, 0));
	memset(big, ' ', sizeof(big));
	big[0] = '1';
	assert_false(json_shape_init(&s, (struct view){ big, sizeof(big) }, json_read((struct view){ big, sizeof(big) }),
				     NULL, 0));
	for (size_t i = 0; i < 9; i++)
		many[i] = a;
	assert_false(json_shape_init(&s, doc, v, many, 9));
	json_shape_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_near_misses),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
