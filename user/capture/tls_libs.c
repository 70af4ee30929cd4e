// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>

#include "capture/capture.h"
#include "capture/tls.h"

extern const struct tls_lib tls_openssl, tls_gnutls, tls_boringssl, tls_go, tls_rustls, tls_nss, tls_s2n, tls_mbedtls,
	tls_wolfssl, tls_aead;

/* The row number is in recordings (wire_data.lib): append only. */
const struct tls_lib *const tls_libs[] = {
	&tls_openssl,
	&tls_gnutls,
	&tls_boringssl,
	&tls_go,
	&tls_rustls,
	&tls_nss,
	&tls_s2n,
	&tls_mbedtls,
	&tls_wolfssl,
	&tls_aead,
	NULL
};

const char *capture_lib_name(unsigned lib)
{
	for (unsigned i = 0; tls_libs[i]; i++)
		if (i == lib)
			return tls_libs[i]->name;
	return "unknown";
}
