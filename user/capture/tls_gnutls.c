// SPDX-License-Identifier: Apache-2.0
/*
 * GnuTLS.  gnutls_record_send() is a tail jump into gnutls_record_send2() (3.7.9):
 * both returns fire, bytes are counted at the second.  gnutls_record_send_file()
 * has no row because it calls gnutls_record_send() with the bytes.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_gnutls;

static const char *const sonames[] = { "libgnutls.so", NULL };

static const struct tls_func funcs[] = {
	{ "gnutls_record_recv", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .len_how = TLS_LEN_RET_LONG } },
	{ "gnutls_record_recv_seq", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .len_how = TLS_LEN_RET_LONG } },
	{ "gnutls_record_send", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .len_how = TLS_LEN_RET_LONG } },
	{ "gnutls_record_send2", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .len_how = TLS_LEN_RET_LONG } },
	{ "gnutls_record_send_early_data", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
					     .len_how = TLS_LEN_RET_LONG, .early = 1 } },
	{ "gnutls_record_recv_early_data", { .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2,
					     .len_how = TLS_LEN_RET_LONG, .early = 1 } },
	{ "gnutls_handshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{ "gnutls_deinit", { .what = TLS_FREE, .conn_arg = 1 } },
	{}
};

const struct tls_lib tls_gnutls = { .name = "gnutls", .sonames = sonames, .funcs = funcs };
