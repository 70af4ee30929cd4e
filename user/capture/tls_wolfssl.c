// SPDX-License-Identifier: Apache-2.0
/*
 * wolfSSL under its own names (its OpenSSL names are macros).  wolfSSL_send() and
 * wolfSSL_writev() are calls of wolfSSL_write(); the outermost reports, so the second has no row.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_wolfssl;

static const char *const sonames[] = { "libwolfssl.so", NULL };

static const struct tls_func funcs[] = {
	{ "wolfSSL_read", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "wolfSSL_write", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	/* flags: MSG_PEEK takes nothing out */
	{ "wolfSSL_recv", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .only_arg = 4, .only = 0,
			    .len_how = TLS_LEN_RET } },
	{ "wolfSSL_send", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "wolfSSL_read_early_data", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
				       .len_how = TLS_LEN_RET, .early = 1 } },
	{ "wolfSSL_write_early_data", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
					.len_how = TLS_LEN_RET, .early = 1 } },
	{ "wolfSSL_get_error", { .what = TLS_ERROR, .dir = WIRE_IN, .conn_arg = 1 } },
	{ "wolfSSL_new", { .what = TLS_NEW } },
	{ "wolfSSL_up_ref", { .what = TLS_REF, .conn_arg = 1 } },
	{ "wolfSSL_free", { .what = TLS_FREE, .conn_arg = 1 } },
	{ "wolfSSL_clear", { .what = TLS_RESET, .conn_arg = 1 } },
	{ "wolfSSL_connect", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "wolfSSL_accept", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "wolfSSL_set_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "wolfSSL_set_read_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "wolfSSL_set_write_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{}
};

const struct tls_lib tls_wolfssl = { .name = "wolfssl", .sonames = sonames, .funcs = funcs };
