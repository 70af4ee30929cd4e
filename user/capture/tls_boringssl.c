// SPDX-License-Identifier: Apache-2.0
/*
 * BoringSSL and AWS-LC: OpenSSL's names without SSL_read_ex() and its kin.
 * SSL_read() calls SSL_peek() inside, which has no row.  Mostly it is found in
 * stripped programs (Bun, Chromium), where nothing tells that an SSL ends.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_boringssl;

static const struct tls_func funcs[] = {
	{ "SSL_read", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "SSL_write", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "SSL_get_error", { .what = TLS_ERROR, .dir = WIRE_IN, .conn_arg = 1 } },
	{ "SSL_new", { .what = TLS_NEW } },
	{ "SSL_up_ref", { .what = TLS_REF, .conn_arg = 1 } },
	{ "SSL_free", { .what = TLS_FREE, .conn_arg = 1 } },
	{ "SSL_clear", { .what = TLS_RESET, .conn_arg = 1 } },
	{ "SSL_do_handshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "SSL_set_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "SSL_set_rfd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "SSL_set_wfd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{}
};

const struct tls_lib tls_boringssl = {
	.name = "boringssl", .funcs = funcs, .mark = "SSL_CTX_set_grease_enabled",
};
