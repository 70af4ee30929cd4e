// SPDX-License-Identifier: Apache-2.0
/*
 * Go's crypto/tls, 1.17 and later (register arguments).  Out: writeRecordLocked()
 * takes all bytes of one Write() and cuts them into records itself; it is told at its
 * entry, alerts and handshake messages have another type than 23 (RFC 8446 section
 * 5.1).  In: Read() returns n even together with an error, as with the last
 * bytes before a close_notify.  A handshake happens once for each Conn, so it
 * tells of a new one where an old one lay that was never closed.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_go;

static const struct tls_func funcs[] = {
	{ "crypto/tls.(*Conn).writeRecordLocked", { .dir = WIRE_OUT, .abi = TLS_ABI_GO, .at = TLS_AT_ENTRY, .conn_arg = 1,
	  .only_arg = 2, .only = 23, .buf_arg = 3, .max_arg = 4, .len_how = TLS_LEN_ASKED } },
	{ "crypto/tls.(*Conn).Read", { .dir = WIRE_IN, .abi = TLS_ABI_GO, .conn_arg = 1, .buf_arg = 2, .max_arg = 3,
	  .len_how = TLS_LEN_RET_LONG } },
	{ "crypto/tls.(*Conn).Close", { .what = TLS_FREE, .abi = TLS_ABI_GO, .conn_arg = 1 } },
	{ "crypto/tls.(*Conn).clientHandshake", { .what = TLS_RESET, .abi = TLS_ABI_GO, .conn_arg = 1 } },
	{ "crypto/tls.(*Conn).serverHandshake", { .what = TLS_RESET, .abi = TLS_ABI_GO, .conn_arg = 1 } },
	{}
};

const struct tls_lib tls_go = { .name = "go", .funcs = funcs, .found_only = true, .no_uretprobe = true };
