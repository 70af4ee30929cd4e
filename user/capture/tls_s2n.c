// SPDX-License-Identifier: Apache-2.0
/*
 * s2n-tls.  s2n_send() is a call of s2n_sendv_with_offset() with one buffer, as s2n_sendv() is with
 * an offset of 0; the outermost reports.  A call may take part of the bytes, and is then made
 * again with the same buffer and a higher offset by the caller.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_s2n;

static const char *const sonames[] = { "libs2n.so", NULL };

static const struct tls_func funcs[] = {
	{ "s2n_recv", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET_LONG } },
	{ "s2n_send", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET_LONG } },
	{ "s2n_sendv", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .data = TLS_IOVEC,
			 .len_how = TLS_LEN_RET_LONG } },
	{ "s2n_sendv_with_offset", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .data = TLS_IOVEC,
				     .len_arg = 4, .len_how = TLS_LEN_RET_LONG } },
	{ "s2n_connection_new", { .what = TLS_NEW } },
	{ "s2n_connection_wipe", { .what = TLS_RESET, .conn_arg = 1 } },
	{ "s2n_connection_free", { .what = TLS_FREE, .conn_arg = 1 } },
	{ "s2n_negotiate", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "s2n_connection_set_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "s2n_connection_set_read_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{ "s2n_connection_set_write_fd", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 } },
	{}
};

const struct tls_lib tls_s2n = { .name = "s2n", .sonames = sonames, .funcs = funcs };
