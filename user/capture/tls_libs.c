// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>

#include "capture/tls.h"

extern const struct tls_lib tls_openssl;
extern const struct tls_lib tls_gnutls;

const struct tls_lib *const tls_libs[] = {
	&tls_openssl,
	&tls_gnutls,
	NULL
};
