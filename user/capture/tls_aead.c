// SPDX-License-Identifier: Apache-2.0
/*
 * The AEAD functions of AWS-LC and BoringSSL under a TLS library whose own functions
 * were not found (the finder sees to that): the last resort. They are C, and call nobody back: a uretprobe
 * on them is not seen by a caller in Rust. Arguments (openssl/aead.h):
 *
 *   seal(ctx, out, *out_len, max, nonce, nonce_len, in, in_len, ad, ad_len)
 *   seal_scatter(ctx, out, out_tag, *out_tag_len, max_tag, nonce, nonce_len, in, in_len, extra, extra_len, ad, ad_len)
 *   open(ctx, out, *out_len, max, nonce, nonce_len, in, in_len, ad, ad_len)
 *   open_gather(ctx, out, nonce, nonce_len, in, in_len, tag, tag_len, ad, ad_len)
 *
 * only_arg is ad, only is extra. What is sealed is often sealed in its place, so it is taken at the
 * entry; it would have to be taken back if the call failed, which it does on a wrong
 * length of its arguments alone. The additional data says whether this is a TLS record at all: 13
 * bytes in TLS 1.2 (RFC 5246 section 6.2.3.3), the record's header in 1.3 (RFC 8446 section 5.2),
 * where the plaintext ends with its type.
 *
 * A ctx serves one direction, so a connection is two streams here. One calls another inside (open,
 * open_gather), or not, as the compiler liked: the outermost reports.
 */
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_aead;

static const struct tls_func funcs[] = {
	{ "EVP_AEAD_CTX_seal", { .what = TLS_SEAL, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 7, .max_arg = 8,
				 .only_arg = 9, .len_how = TLS_LEN_ASKED } },
	{ "EVP_AEAD_CTX_seal_scatter", { .what = TLS_SEAL, .dir = WIRE_OUT, .conn_arg = 1, .buf_arg = 8, .max_arg = 9,
					 .only_arg = 12, .only = 10, .len_how = TLS_LEN_ASKED } },
	{ "EVP_AEAD_CTX_open", { .what = TLS_OPEN, .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 4,
				 .only_arg = 9, .len_how = TLS_LEN_OUT_PTR, .len_arg = 3 } },
	{ "EVP_AEAD_CTX_open_gather", { .what = TLS_OPEN, .dir = WIRE_IN, .conn_arg = 1, .buf_arg = 2, .max_arg = 6,
					.only_arg = 9, .len_how = TLS_LEN_ASKED } },
	{}
};

const struct tls_lib tls_aead = { .name = "aead", .funcs = funcs, .found_only = true };
