// SPDX-License-Identifier: Apache-2.0
/*
 * The OpenSSL interface: 1.1.1, 3.x, and what copies it (LibreSSL).  SSL_peek() consumes nothing and has no row.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_openssl;

static const char *const sonames[] = { "libssl.so", NULL };

static const struct tls_func funcs[] = {
	{ "SSL_read", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "SSL_write", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	/* since 1.1.1; CPython uses these */
	{ "SSL_read_ex", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
			   .len_how = TLS_LEN_OUT_PTR, .len_arg = 4 } },
	{ "SSL_write_ex", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
			    .len_how = TLS_LEN_OUT_PTR, .len_arg = 4 } },
	/* since 3.3; SSL_write_ex() may be a call of it */
	{ "SSL_write_ex2", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
			     .len_how = TLS_LEN_OUT_PTR, .len_arg = 5 } },
	/*
	 * Static, for stripped files: a finder knows them by their names in error messages. Where the exported functions
	 * are known these are not asked, for the compiler may have copied them into those and left them
	 * uncalled (seen in node 20).
	 */
	{ "ssl_read_internal", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
				 .len_how = TLS_LEN_OUT_PTR, .len_arg = 4 } },
	{ "ssl_write_internal", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
				  .len_how = TLS_LEN_OUT_PTR, .len_arg = 4 } },
	/* since 3.3, the flags before the length */
	{ "ssl_write_internal/flags", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
					.len_how = TLS_LEN_OUT_PTR, .len_arg = 5 } },
	{ "SSL_write_early_data", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .len_how = TLS_LEN_OUT_PTR,
				    .len_arg = 4, .early = 1 } },
	{ "SSL_read_early_data", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .len_how = TLS_LEN_EARLY_IN,
				   .len_arg = 4, .early = 1 } },
	/* since 3.0, kernel TLS: from a file to the socket */
	{ "SSL_sendfile", { .what = TLS_UNSEEN, .dir = WIRE_OUT, .conn_arg = 1, .len_how = TLS_LEN_RET_LONG } },
	/* the only word of close_notify that SSL_read_ex() leaves: it returns 0 for WANT_READ as well */
	{ "SSL_get_error", { .what = TLS_ERROR, .dir = WIRE_IN, .conn_arg = 1 } },
	{ "SSL_new", { .what = TLS_NEW } },
	{ "SSL_up_ref", { .what = TLS_REF, .conn_arg = 1 } },
	{ "SSL_free", { .what = TLS_FREE, .conn_arg = 1 } },
	{ "SSL_clear", { .what = TLS_RESET, .conn_arg = 1 } },
	{ "SSL_do_handshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "SSL_connect", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "SSL_accept", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "SSL_set_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "SSL_set_rfd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "SSL_set_wfd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{}
};

static const struct tls_instead insteads[] = {
	{ "ssl_read_internal", "SSL_read" },
	{ "ssl_read_internal", "SSL_read_ex" },
	{ "ssl_write_internal", "SSL_write" },
	{ "ssl_write_internal", "SSL_write_ex" },
	{ "ssl_write_internal/flags", "SSL_write" },
	{ "ssl_write_internal/flags", "SSL_write_ex" },
	{ "ssl_write_internal/flags", "SSL_write_ex2" },
	{ NULL, NULL }
};

const struct tls_lib tls_openssl = { .name = "openssl", .sonames = sonames, .funcs = funcs, .insteads = insteads };
