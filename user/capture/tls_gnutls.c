// SPDX-License-Identifier: Apache-2.0
/*
 * ssize_t gnutls_record_{recv,send}(gnutls_session_t, void *, size_t), gnutls.h.
 * In 3.7 gnutls_record_send is a tail jump to gnutls_record_send2(session, data,
 * size, pad, flags): both rows are kept, the kernel half counts nested calls on one object once.
 */
#include <stddef.h>

#include "capture/tls.h"

static const char *const sonames[] = { "libgnutls.so", NULL };

static const struct tls_func funcs[] = {
	{ "gnutls_record_recv", { .what = TLS_DATA, .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2,
				  .len_how = TLS_LEN_RET_LONG }, true, true },
	{ "gnutls_record_send", { .what = TLS_DATA, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
				  .len_how = TLS_LEN_RET_LONG }, true, true },
	{ "gnutls_record_send2", { .what = TLS_DATA, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2,
				   .len_how = TLS_LEN_RET_LONG }, true, false },
	{ "gnutls_handshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 }, true, false },
	{ "gnutls_deinit", { .what = TLS_FREE, .conn_arg = 1 }, false, false },
	{ "gnutls_transport_set_int2", { .what = TLS_SET_FD, .conn_arg = 1, .buf_arg = 2 }, false, false },
	{}
};

const struct tls_lib tls_gnutls = { "gnutls", sonames, funcs };
