/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_H
#define TLS_H

#include "wire.h"

struct tls_func {
	const char *sym;
	struct tls_spec spec;	/* becomes a row of tls_specs[] in bpf/tls.bpf.c */
};

/* How to recognise one TLS library by its symbols, and where its plaintext passes. */
struct tls_lib {
	const char *name;
	const char *const *sonames;	/* as they begin in the linker's cache; NULL-terminated */
	const struct tls_func *funcs;	/* ends with .sym == NULL */
};

extern const struct tls_lib *const tls_libs[];

#endif /* TLS_H */
