// SPDX-License-Identifier: Apache-2.0
/* Server names in ClientHellos that real clients sent, and in ones that nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stream/sni.h"

/*
 * Python 3.11 ssl.MemoryBIO, openssl s_client and node 20 (tls.connect), all
 * OpenSSL 3.0: the first bytes to the socket.
 */
static const char python_tls13[] =
	"1603010200010001fc0303616b7bce638dd558e0867e0055aee45d4d1aa5e0fe0ad3b102517382bf152ec42002174ea8"
	"e936d65a188a9651f0afffab7a7386b4f9b554cf32518156d89959ac0024130213031301c02cc030c02bc02fcca9cca8"
	"c024c028c023c027009f009e006b006700ff0100018f00000013001100000e6170692e6f70656e61692e636f6d000b00"
	"0403000102000a00160014001d0017001e0019001801000101010201030104002300000010000e000c02683208687474"
	"702f312e310016000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103"
	"0303010302040205020602002b00050403040303002d00020101003300260024001d00201161964920e6f2f7bce6326a"
	"1f4d9073f3b415b99a6c10045d51ef9b2f434461001500cd000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"00000000000000000000000000000000000000000000000000000000000000000000000000";

static const char python_tls12[] =
	"16030100af010000ab030338e5b269fbc89824f5c401434268921b16053c9c48e626cd1d4092575845538a00001ec02c"
	"c030c02bc02fcca9cca8c024c028c023c027009f009e006b006700ff010000640000000e000c0000096c6f63616c686f"
	"7374000b000403000102000a000c000a001d0017001e00190018002300000016000000170000000d002a002804030503"
	"0603080708080809080a080b080408050806040105010601030303010302040205020602";

static const char python_no_name[] =
	"160301009d010000990303f31c821e2771e1141c28b1f0d0ac25a96b4ea1c114a99ac8e61e224e43e1f30b00001ec02c"
	"c030c02bc02fcca9cca8c024c028c023c027009f009e006b006700ff01000052000b000403000102000a000c000a001d"
	"0017001e00190018002300000016000000170000000d002a0028040305030603080708080809080a080b080408050806"
	"040105010601030303010302040205020602";

static const char openssl_s_client[] =
	"160301013c0100013803035c2bd0b00bdca58b9dc495245aac092880f8f420fb9caa578b55d531aa4bbfab2044b80a11"
	"f78c4861576cb4e430e42d7bb7dc7e80f7e937724011a851206ff7b3003e130213031301c02cc030009fcca9cca8ccaa"
	"c02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000b1"
	"00000014001200000f6c6c6d2e6578616d706c652e6f7267000b000403000102000a00160014001d0017001e00190018"
	"01000101010201030104002300000016000000170000000d002a0028040305030603080708080809080a080b08040805"
	"0806040105010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d00"
	"20a2b60b3461618e3680b58ba2bd0d7d89a7c53102d353498ed3f476f2a0d49a15";

static const char node_https[] =
	"16030101720100016e0303f30c0c6e4bfcecf7a63c053990cf6dd72a53e16adaea2eb999c7b4c1540106d620f13819a4"
	"0eb0b164b3b5c88aed1a30b09c5340fb0abe0a89c7b4982b890c1abd0076130213031301c02fc02bc030c02c009ec027"
	"0067c028006b00a3009fcca9cca8ccaac0afc0adc0a3c09fc05dc061c057c05300a2c0aec0acc0a2c09ec05cc060c056"
	"c052c024006ac0230040c00ac01400390038c009c01300330032009dc0a1c09dc051009cc0a0c09cc050003d003c0035"
	"002f00ff010000af0000001600140000116170692e616e7468726f7069632e636f6d000b000403000102000a00160014"
	"001d0017001e0019001801000101010201030104002300000016000000170000000d002a002804030503060308070808"
	"0809080a080b080408050806040105010601030303010302040205020602002b00050403040303002d00020101003300"
	"260024001d0020ce463c18614730facf920553dfcdaaa392173b584735e26c10a9076bf4dcb42c";

/* In memory of exactly its size, so that the sanitizer sees every step too far. */
static struct view bytes(const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *p = malloc(n);
	unsigned byte;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		p[i] = byte;
	}
	return (struct view){ p, n };
}

static const struct {
	const char *hex, *name;
} hellos[] = {
	{ python_tls13, "api.openai.com" }, { python_tls12, "localhost" },
	{ openssl_s_client, "llm.example.org" }, { node_https, "api.anthropic.com" },
};
#define HELLOS (sizeof(hellos) / sizeof(hellos[0]))

static void real(void **state)
{
	for (size_t i = 0; i < HELLOS; i++) {
		struct view v = bytes(hellos[i].hex), name;

		assert_true(sni_find(v, &name));
		assert_true(view_eq(name, view_of(hellos[i].name)));
		free((char *)v.p);
	}
}

static void none(void **state)
{
	struct view v = bytes(python_no_name), name = VIEW("untouched");

	assert_false(sni_find(v, &name));
	assert_true(view_eq(name, VIEW("untouched")));
	free((char *)v.p);
	assert_false(sni_find(VIEW_NONE, &name));
	assert_false(sni_find(VIEW("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &name));
	assert_false(sni_find(VIEW("\x17\x03\x03\x00\x05hello"), &name));
}

/* Cut anywhere: the whole name or none. */
static void cut(void **state)
{
	for (size_t i = 0; i < HELLOS; i++) {
		struct view v = bytes(hellos[i].hex), name;
		size_t found = 0;

		for (size_t n = 0; n < v.n; n++) {
			char *p = malloc(n ? n : 1);

			memcpy(p, v.p, n);
			if (sni_find((struct view){ p, n }, &name)) {
				assert_true(view_eq(name, view_of(hellos[i].name)));
				found++;
			}
			free(p);
		}
		assert_true(found > 0);
		free((char *)v.p);
	}
}

/* Every byte changed in turn, to the values that hurt: no crash, and a name that could be one. */
static void changed(void **state)
{
	static const unsigned char to[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (size_t i = 0; i < HELLOS; i++) {
		struct view v = bytes(hellos[i].hex), name;

		for (size_t at = 0; at < v.n; at++) {
			char was = v.p[at];

			for (size_t k = 0; k < sizeof(to); k++) {
				((char *)v.p)[at] = to[k];
				if (!sni_find(v, &name))
					continue;
				assert_true(name.p >= v.p && name.p + name.n <= v.p + v.n);
				assert_true(name.n > 0 && name.n <= 253);
				assert_null(memchr(name.p, 0, name.n));
			}
			((char *)v.p)[at] = was;
		}
		free((char *)v.p);
	}
}

/* A hello with one server_name extension made by hand: type of the name, then the name. */
static bool with_name(int type, struct view name, struct view *ret)
{
	static char p[1024];
	size_t n = name.n, list = n + 3, ext = list + 2, exts = ext + 4, hello = 34 + 1 + 2 + 2 + 1 + 1 + 2 + exts;
	size_t at = 0;

	memset(p, 0, sizeof(p));
#define BYTE(b) p[at++] = (b)
#define TWO(x) BYTE((x) >> 8), BYTE((x) & 255)
	BYTE(22), TWO(0x0301), TWO(hello + 4), BYTE(1), BYTE(0), TWO(hello);
	at += 34;
	BYTE(0), TWO(2), TWO(0x1301), BYTE(1), BYTE(0), TWO(exts), TWO(0), TWO(ext), TWO(list), BYTE(type), TWO(n);
	memcpy(p + at, name.p, n);
	return sni_find((struct view){ p, at + n }, ret);
}

static void names(void **state)
{
	static char longest[300];
	struct view v;

	assert_true(with_name(0, VIEW("a_b-c.D9"), &v));
	assert_true(view_eq(v, VIEW("a_b-c.D9")));
	assert_false(with_name(1, VIEW("a.b"), &v));
	assert_false(with_name(0, VIEW(""), &v));
	assert_false(with_name(0, VIEW("a\0b"), &v));
	assert_false(with_name(0, VIEW("a\nb"), &v));
	assert_false(with_name(0, VIEW("a\xffz"), &v));
	memset(longest, 'a', sizeof(longest));
	assert_true(with_name(0, (struct view){ longest, 253 }, &v));
	assert_false(with_name(0, (struct view){ longest, 254 }, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real), cmocka_unit_test(none), cmocka_unit_test(cut),
		cmocka_unit_test(changed), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
