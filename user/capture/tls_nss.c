// SPDX-License-Identifier: Apache-2.0
/*
 * NSS.  Its data passes through NSPR's PR_Read() and its kin (libnspr4), which serve files
 * and plain sockets too: they count only for a PRFileDesc that came out of
 * SSL_ImportFD() (libssl3).  That one stays the top of its stack of layers
 * (PR_PushIODescLayer() changes contents, not addresses), so its address is the name.
 * PRIOVec is no struct iovec, so what PR_Writev() and PR_TransmitFile() send is a hole.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_nss;

static const char *const sonames[] = { "libnspr4.so", "libssl3.so", NULL };

static const struct tls_func funcs[] = {
	{ "PR_Read", { .dir = WIRE_IN, .known = 1, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	/* flags: PR_MSG_PEEK takes nothing out */
	{ "PR_Recv", { .dir = WIRE_IN, .known = 1, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .only_arg = 4, .only = 0,
		       .len_how = TLS_LEN_RET } },
	{ "PR_Write", { .dir = WIRE_OUT, .known = 1, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "PR_Send", { .dir = WIRE_OUT, .known = 1, .conn_arg = 1, .buf_arg = 2, .max_arg = 3, .len_how = TLS_LEN_RET } },
	{ "PR_Writev", { .what = TLS_UNSEEN, .dir = WIRE_OUT, .known = 1, .conn_arg = 1, .len_how = TLS_LEN_RET } },
	{ "PR_TransmitFile", { .what = TLS_UNSEEN, .dir = WIRE_OUT, .known = 1, .conn_arg = 1, .len_how = TLS_LEN_RET } },
	{ "PR_Close", { .what = TLS_FREE, .known = 1, .conn_arg = 1 } },
	{ "SSL_ImportFD", { .what = TLS_NEW } },
	{ "SSL_ForceHandshake", { .what = TLS_HANDSHAKE, .conn_arg = 1 } },
	{}
};

const struct tls_lib tls_nss = { .name = "nss", .sonames = sonames, .funcs = funcs, .spread = true };
