// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSSL 1.1.1 and 3.x, ssl.h, and what exports the same names (LibreSSL,
 * BoringSSL when not stripped):
 *
 *	int SSL_read(SSL *, void *, int)			bytes, or <= 0
 *	int SSL_read_ex(SSL *, void *, size_t, size_t *)	1 and *arg4
 *	int SSL_write_ex2(SSL *, const void *, size_t, uint64_t, size_t *)	3.3 and later
 *	int SSL_read_early_data(SSL *, void *, size_t, size_t *)	0 error, 1 success, 2 finish
 *	ossl_ssize_t SSL_sendfile(SSL *, int, off_t, size_t, int)	kernel TLS only: no buffer
 *
 * SSL_peek does not consume and is left out.  An object may have several
 * owners (SSL_up_ref): only the last SSL_free ends it.
 */
#include <stddef.h>

#include "capture/tls.h"

static const char *const sonames[] = { "libssl.so", NULL };

static const struct tls_func funcs[] = {
	{ "SSL_read", { .what = TLS_DATA, .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2,
			.len_how = TLS_LEN_RET }, true, true },
	{ "SSL_read_ex", { .what = TLS_DATA, .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2,
			   .len_how = TLS_LEN_OUT_PTR, .len_arg = 4 }, true, true },
	{ "SSL_write", { .what = TLS_DATA, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
			 .len_how = TLS_LEN_RET }, true, true },
	{ "SSL_write_ex", { .what = TLS_DATA, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
			    .len_how = TLS_LEN_OUT_PTR, .len_arg = 4 }, true, true },
	{ "SSL_write_ex2", { .what = TLS_DATA, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
			     .len_how = TLS_LEN_OUT_PTR, .len_arg = 5 }, true, true },
	{ "SSL_write_early_data", { .what = TLS_DATA, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
				    .len_how = TLS_LEN_OUT_PTR, .len_arg = 4, .early = 1 }, true, false },
	{ "SSL_read_early_data", { .what = TLS_DATA, .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2,
				   .len_how = TLS_LEN_EARLY_IN, .len_arg = 4, .early = 1 }, true, false },
	{ "SSL_sendfile", { .what = TLS_UNSEEN, .dir = WIRE_OUT, .conn_arg = 1,
			    .len_how = TLS_LEN_RET_LONG }, true, false },
	{ "SSL_new", { .what = TLS_NEW }, true, false },
	{ "SSL_up_ref", { .what = TLS_REF, .conn_arg = 1 }, false, false },
	{ "SSL_free", { .what = TLS_FREE, .conn_arg = 1 }, false, false },
	{ "SSL_clear", { .what = TLS_RESET, .conn_arg = 1 }, false, false },
	{ "SSL_do_handshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 }, true, false },
	{ "SSL_connect", { .what = TLS_HANDSHAKE, .conn_arg = 1 }, true, false },
	{ "SSL_accept", { .what = TLS_HANDSHAKE, .conn_arg = 1 }, true, false },
	{ "SSL_set_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 }, false, false },
	{ "SSL_set_rfd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 }, false, false },
	{ "SSL_set_wfd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 }, false, false },
	{}
};

const struct tls_lib tls_openssl = { "openssl", sonames, funcs };
