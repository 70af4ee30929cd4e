// SPDX-License-Identifier: Apache-2.0
/* Mbed TLS 2.x and 3.x.  The program owns the context; init, or a session reset, begins a connection in it. */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_mbedtls;

static const char *const sonames[] = { "libmbedtls.so", NULL };

static const struct tls_func funcs[] = {
	{ "mbedtls_ssl_read", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "mbedtls_ssl_write", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	/* since 3.6 */
	{ "mbedtls_ssl_read_early_data", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
					   .len_how = TLS_LEN_RET, .early = 1 } },
	{ "mbedtls_ssl_write_early_data", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
					    .len_how = TLS_LEN_RET, .early = 1 } },
	{ "mbedtls_ssl_init", { .what = TLS_RESET, .conn_arg = 1 } },
	{ "mbedtls_ssl_session_reset", { .what = TLS_RESET, .conn_arg = 1 } },
	{ "mbedtls_ssl_handshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "mbedtls_ssl_free", { .what = TLS_FREE, .conn_arg = 1 } },
	{}
};

const struct tls_lib tls_mbedtls = { .name = "mbedtls", .sonames = sonames, .funcs = funcs };
