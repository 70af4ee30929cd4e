// SPDX-License-Identifier: Apache-2.0
/* The rows that the kernel half is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "capture/files.h"
#include "capture/stacks.h"
#include "capture/tls.h"

static void test_specs_make_sense(void **state)
{
	struct tls_spec specs[TLS_SPECS_MAX] = { { 0 } };
	size_t n = specs_fill(specs), rows = 0;

	for (unsigned l = 0; tls_libs[l]; l++)
		for (const struct tls_func *f = tls_libs[l]->funcs; f->sym; f++)
			rows++;
	assert_int_equal(n, rows);	/* all fit */
	for (size_t i = 0; i < n; i++) {
		bool aead = specs[i].what == TLS_SEAL || specs[i].what == TLS_OPEN;	/* these take 13 */

		assert_true(specs[i].conn_arg <= 5 && specs[i].len_arg <= 5);
		assert_true(aead || (specs[i].buf_arg <= 5 && specs[i].max_arg <= 5 && specs[i].only_arg <= 5));
		if (specs[i].len_how == TLS_LEN_ASKED)
			assert_true(specs[i].max_arg || specs[i].data == TLS_PAYLOAD);
		assert_int_equal(!specs[i].conn_arg, specs[i].what == TLS_NEW);
		if (specs[i].what == TLS_DATA)
			assert_true(specs[i].buf_arg);
		if (specs[i].len_how == TLS_LEN_OUT_PTR || specs[i].len_how == TLS_LEN_EARLY_IN)
			assert_true(specs[i].len_arg);
	}
}

static void check(const char *lib, const char *sym, enum wire_dir dir)
{
	unsigned found = 0;

	for (unsigned l = 0; tls_libs[l]; l++)
		for (const struct tls_func *f = tls_libs[l]->funcs; f->sym; f++)
			if (!strcmp(tls_libs[l]->name, lib) && !strcmp(f->sym, sym)) {
				assert_int_equal(f->spec.dir, dir);
				found++;
			}
	assert_int_equal(found, 1);
}

/* A direction mixed up for one variant was a bug of another project (SSL_read_ex taken for a write). */
static void test_directions(void **state)
{
	check("openssl", "SSL_read", WIRE_IN);
	check("openssl", "SSL_read_ex", WIRE_IN);
	check("openssl", "SSL_read_early_data", WIRE_IN);
	check("openssl", "SSL_write", WIRE_OUT);
	check("openssl", "SSL_write_ex", WIRE_OUT);
	check("openssl", "SSL_write_ex2", WIRE_OUT);
	check("openssl", "SSL_write_early_data", WIRE_OUT);
	check("openssl", "SSL_sendfile", WIRE_OUT);
	check("gnutls", "gnutls_record_recv", WIRE_IN);
	check("gnutls", "gnutls_record_send", WIRE_OUT);
	check("openssl", "ssl_read_internal", WIRE_IN);
	check("openssl", "ssl_write_internal", WIRE_OUT);
	check("boringssl", "SSL_read", WIRE_IN);
	check("boringssl", "SSL_write", WIRE_OUT);
	check("go", "crypto/tls.(*Conn).Read", WIRE_IN);
	check("go", "crypto/tls.(*Conn).writeRecordLocked", WIRE_OUT);
	check("rustls", "take_received_plaintext", WIRE_IN);
	check("rustls", "buffer_plaintext", WIRE_OUT);
	check("nss", "PR_Read", WIRE_IN);
	check("nss", "PR_Recv", WIRE_IN);
	check("nss", "PR_Write", WIRE_OUT);
	check("nss", "PR_Send", WIRE_OUT);
	check("s2n", "s2n_recv", WIRE_IN);
	check("s2n", "s2n_send", WIRE_OUT);
	check("s2n", "s2n_sendv_with_offset", WIRE_OUT);
	check("mbedtls", "mbedtls_ssl_read", WIRE_IN);
	check("mbedtls", "mbedtls_ssl_write", WIRE_OUT);
	check("wolfssl", "wolfSSL_read", WIRE_IN);
	check("wolfssl", "wolfSSL_write", WIRE_OUT);
}

static void test_lib_names(void **state)
{
	assert_string_equal(capture_lib_name(0), "openssl");
	assert_string_equal(capture_lib_name(1), "gnutls");
	assert_string_equal(capture_lib_name(2), "boringssl");
	assert_string_equal(capture_lib_name(3), "go");
	assert_string_equal(capture_lib_name(4), "rustls");
	assert_string_equal(capture_lib_name(5), "nss");
	assert_string_equal(capture_lib_name(6), "s2n");
	assert_string_equal(capture_lib_name(7), "mbedtls");
	assert_string_equal(capture_lib_name(8), "wolfssl");
	assert_string_equal(capture_lib_name(9), "aead");
	assert_string_equal(capture_lib_name(60000), "unknown");
}

static void test_syscalls(void **state)
{
	uint8_t t[SYS_CLASSES_MAX] = { 0 };

	syscalls_fill(t);
	assert_int_equal(t[SYS_read], SYS_READ);
	assert_int_equal(t[SYS_sendmsg], SYS_SENDMSG);
	assert_int_equal(t[SYS_accept4], SYS_ACCEPT);
	assert_int_equal(t[SYS_close], SYS_NONE);
}

/* The kernel packs a device number as 12 bits major, 20 bits minor. */
static void test_device_numbers(void **state)
{
	struct stat st = { .st_dev = makedev(0xfe, 0x12345), .st_ino = 7, .st_size = 9 };
	struct file_key k = file_key_of(&st);

	assert_int_equal(k.dev, 0xfeull << 20 | 0x12345);
	assert_int_equal(k.ino, 7);
	assert_int_equal(k.size, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs_make_sense),
		cmocka_unit_test(test_directions),
		cmocka_unit_test(test_lib_names),
		cmocka_unit_test(test_syscalls),
		cmocka_unit_test(test_device_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
