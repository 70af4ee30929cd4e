// SPDX-License-Identifier: Apache-2.0
/*
 * rustls 0.23, whatever does its cryptography: CommonState::buffer_plaintext()
 * returns how much of the chunks it took (what is left is offered again),
 * CommonState::take_received_plaintext() is given one record's payload.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_rustls;

static const struct tls_func funcs[] = {
	{ "buffer_plaintext", { .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 2, .data = TLS_CHUNKS,
				.len_how = TLS_LEN_RET_LONG } },
	{ "take_received_plaintext", { .dir = WIRE_IN, .at = TLS_AT_ENTRY, .conn_arg = 1, .buf_arg = 2,
				       .data = TLS_PAYLOAD, .len_how = TLS_LEN_ASKED } },
	{}
};

const struct tls_lib tls_rustls = { .name = "rustls", .funcs = funcs, .found_only = true, .no_uretprobe = true };
