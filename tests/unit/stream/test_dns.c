// SPDX-License-Identifier: Apache-2.0
/* DNS answers as resolvers send them, and ones that nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/dns.h"
#include "stream/names.h"

#define SECOND 1000000000ull

struct message {
	uint8_t b[1500];
	size_t n;
};

static void put(struct message *m, const void *p, size_t n)
{
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static void put2(struct message *m, unsigned v)
{
	put(m, (uint8_t[]){ v >> 8, v }, 2);
}

static void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		put(m, (uint8_t[]){ n }, 1);
		put(m, name, n);
		name += n + (name[n] == '.');
	}
	put(m, "", 1);
}

static struct message begin(const char *name, unsigned type, unsigned answers)
{
	struct message m = { .n = 0 };

	put2(&m, 0x1234);
	put2(&m, 0x8180);
	put2(&m, 1);
	put2(&m, answers);
	put2(&m, 0);
	put2(&m, 0);
	put_name(&m, name);
	put2(&m, type);
	put2(&m, 1);
	return m;
}

static void put_record(struct message *m, unsigned type, unsigned ttl, const void *p, size_t n)
{
	put2(m, 0xc00c);	/* the question's name */
	put2(m, type);
	put2(m, 1);
	put2(m, ttl >> 16);
	put2(m, ttl);
	put2(m, n);
	put(m, p, n);
}

static struct view view(const struct message *m)
{
	return (struct view){ (const char *)m->b, m->n };
}

static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 104, 18, 6, 192 };

static void addresses_behind_an_alias(void **state)
{
	struct message m = begin("API.OpenAI.com", 1, 3);
	struct dns_address a;
	struct dns d;

	put_record(&m, 5, 300, "\5alias\xc0\x10", 8);
	put_record(&m, 1, 70000, v4 + 12, 4);
	put_record(&m, 1, 20, "\x68\x12\x07\xc0", 4);
	assert_true(dns_begin(&d, view(&m)));
	assert_string_equal(d.name, "api.openai.com");
	assert_true(dns_next(&d, &a));
	assert_memory_equal(a.addr, v4, 16);
	assert_int_equal(a.ttl, 70000);
	assert_true(dns_next(&d, &a));
	assert_int_equal(a.addr[14], 7);
	assert_false(dns_next(&d, &a));
}

static void version_six(void **state)
{
	static const uint8_t addr[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct message m = begin("example.com", 28, 1);
	struct dns_address a;
	struct dns d;

	put_record(&m, 28, 60, addr, 16);
	assert_true(dns_begin(&d, view(&m)) && dns_next(&d, &a));
	assert_memory_equal(a.addr, addr, 16);
}

static bool any(struct view v)
{
	struct dns_address a;
	struct dns d;

	return dns_begin(&d, v) && dns_next(&d, &a);
}

static void what_is_no_answer(void **state)
{
	struct message good = begin("example.com", 1, 1), m;

	put_record(&good, 1, 60, v4 + 12, 4);
	assert_true(any(view(&good)));
	for (size_t n = 0; n < good.n; n++)
		assert_false(any((struct view){ (const char *)good.b, n }));
	m = good;
	m.b[2] = 1;			/* a query */
	assert_false(any(view(&m)));
	m = good;
	m.b[3] |= 3;			/* no such name */
	assert_false(any(view(&m)));
	m = good;
	m.b[5] = 2;			/* two questions */
	assert_false(any(view(&m)));
	m = good;
	m.b[13] = '\n';			/* in the name */
	assert_false(any(view(&m)));
	m = good;
	m.b[12] = 0xc0;			/* a question that points */
	assert_false(any(view(&m)));
	m = begin("example.com", 15, 1);	/* for mail */
	put_record(&m, 1, 60, v4 + 12, 4);
	assert_false(any(view(&m)));
}

static struct wire_dns *record(const struct message *m, uint32_t pid, uint64_t ts)
{
	struct wire_dns *d = calloc(1, sizeof(*d) + m->n);

	d->hdr = (struct wire_hdr){ .size = sizeof(*d) + m->n, .kind = WIRE_DNS, .pid = pid, .start = pid, .ts = ts };
	memcpy(d + 1, m->b, m->n);
	return d;
}

static void names_of_a_process(void **state)
{
	struct message m = begin("example.com", 1, 1);
	struct wire_dns *d;
	struct names n;

	put_record(&m, 1, 60, v4 + 12, 4);
	d = record(&m, 7, SECOND);
	names_init(&n);
	assert_null(names_get(&n, 7, 7, v4, SECOND));
	names_take(&n, d);
	assert_string_equal(names_get(&n, 7, 7, v4, 61 * SECOND), "example.com");
	assert_null(names_get(&n, 7, 7, v4, 61 * SECOND + 1));
	assert_null(names_get(&n, 8, 7, v4, SECOND));
	assert_null(names_get(&n, 7, 8, v4, SECOND));
	free(d);
	names_release(&n);
}

static void the_oldest_go(void **state)
{
	struct names n;
	uint8_t addr[16];

	names_init(&n);
	memcpy(addr, v4, 16);
	for (unsigned i = 0; i < 3 * NAMES_MAX; i++) {
		struct message m = begin("example.com", 1, 1);
		struct wire_dns *d;

		addr[13] = i >> 8;
		addr[14] = i;
		put_record(&m, 1, 60, addr + 12, 4);
		d = record(&m, 7, SECOND);
		names_take(&n, d);
		free(d);
		assert_true(n.by_key.cnt <= NAMES_MAX);
		assert_non_null(names_get(&n, 7, 7, addr, SECOND));
	}
	addr[13] = addr[14] = 0;
	assert_null(names_get(&n, 7, 7, addr, SECOND));
	names_release(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_behind_an_alias), cmocka_unit_test(version_six),
		cmocka_unit_test(what_is_no_answer), cmocka_unit_test(names_of_a_process),
		cmocka_unit_test(the_oldest_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
