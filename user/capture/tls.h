/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>

#include "wire.h"

/* A function of a TLS library and where its plaintext passes. */
struct tls_func {
	const char *sym;
	struct tls_spec spec;	/* becomes a row of tls_specs[] in bpf/tls.bpf.c; .lib is filled in from the row in tls_libs[] */
	bool at_return;		/* needs the return probe too */
	bool essential;		/* without one of these for each direction the library is not captured */
};

/* How to recognise one TLS library. */
struct tls_lib {
	const char *name;
	const char *const *sonames;	/* beginnings of file names that the dynamic linker's cache is asked for; NULL-terminated */
	const struct tls_func *funcs;	/* ends with .sym == NULL */
};

extern const struct tls_lib *const tls_libs[];	/* NULL at the end; rows are named by number in recordings: append only */

#endif /* TLS_H */
