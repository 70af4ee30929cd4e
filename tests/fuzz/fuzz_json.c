// SPDX-License-Identifier: Apache-2.0
#include "unit/base/cut.h"
#include "unit/base/index.h"
#include "unit/base/jansson_diff.h"
#include "base/utf8.h"
#include "fuzz.h"

static void want_null(const char *why)
{
	if (why)
		fuzz_broken(__FILE__, __LINE__, why);
}

/* At a few places that depend on the document only. */
static void cuts(struct view doc)
{
	struct json v = json_read(doc);
	size_t at = doc.n;

	if (v.cut || v.bad || v.type == JSON_NUMBER || v.type == JSON_NONE)
		return;
	for (int i = 0; i < 4 && at; i++) {
		at = (at * 2654435761u + (unsigned char)doc.p[at / 2]) % (doc.n + 1);
		want_null(cut_differs(doc, at));
	}
	if (doc.n)
		want_null(cut_differs(doc, doc.n - 1));
}

/* Any bytes written as a string read back as those bytes, repaired. */
static void string_round_trip(struct view text)
{
	struct buf doc, back, repaired;
	struct jsonw w;

	buf_init(&doc, SIZE_MAX / 2);
	buf_init(&back, SIZE_MAX / 2);
	buf_init(&repaired, SIZE_MAX / 2);
	jsonw_init(&w, &doc);
	jsonw_str(&w, text);
	WANT(!w.err && !json_check(buf_view(&doc)));
	WANT(!json_text(json_read(buf_view(&doc)), &back));
	WANT(!utf8_repair(&repaired, text));
	WANT(view_eq(buf_view(&back), buf_view(&repaired)));
	buf_release(&doc);
	buf_release(&back);
	buf_release(&repaired);
}

/* With too little room: an error, never more than the limit, text never cut inside a character. */
static void little_room(struct json v)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, v.raw.n / 2);
	jsonw_init(&w, &b);
	jsonw_value(&w, v);
	WANT(b.n <= b.max);
	WANT(w.err || !json_check(buf_view(&b)));
	buf_reset(&b);
	if (!json_text(v, &b) || b.n)
		WANT(b.n <= b.max && utf8_valid(buf_view(&b)) == b.n);
	buf_release(&b);
}

/* Whatever comes out of a walk lies inside of the document and says so consistently. */
static void walk(struct view doc, struct json v, int depth)
{
	struct json_iter it = json_each(v);
	struct json_member m;

	WANT(v.raw.p >= doc.p && v.raw.p + v.raw.n <= doc.p + doc.n);
	while (json_next(&it, &m)) {
		WANT((m.key.type == JSON_STRING) == (v.type == JSON_OBJECT));
		WANT(m.value.type != JSON_NONE && m.value.raw.n);
		WANT(!m.value.bad || v.bad);
		WANT(!m.value.cut || v.cut);
		if (depth)
			walk(doc, m.value, depth - 1);
	}
	WANT(!it.cut || v.cut);
	WANT(!it.bad || v.bad);
	WANT(!(it.cut && it.bad));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view doc = { (const char *)data, size };
	struct json v = json_read(doc);

	want_null(jansson_differs(doc));
	want_null(cut_rewritten(v));
	want_null(index_differs(doc));
	cuts(doc);
	string_round_trip(doc);
	if (v.type != JSON_NONE) {
		little_room(v);
		walk(doc, v, 8);
	}
	return 0;
}
