/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>

#include "wire.h"

struct tls_func {
	const char *sym;
	struct tls_spec spec;	/* becomes a row of tls_specs[] in bpf/tls.bpf.c */
};

/* Two that see the same bytes. Where a finder found sym, it is the better place and the other is not needed; else the other is. */
struct tls_instead {
	const char *sym, *other;
};

/* How to recognise one TLS library by its symbols, and where its plaintext passes. */
struct tls_lib {
	const char *name;
	const char *const *sonames;	/* as they begin in the linker's cache; NULL-terminated; or NULL */
	const struct tls_func *funcs;	/* ends with .sym == NULL */
	const struct tls_instead *insteads;	/* ends with .sym == NULL; or NULL */
	/* Symbols are this library's only where this one is among them too: two libraries share their names. NULL: always. */
	const char *mark;
	/* Its functions are spread over files: a file that moves no data may hold one that is needed. */
	bool spread;
	bool found_only;	/* by a finder, not by symbols: they name less than has to be known, or more than is wanted */
	/* Goroutines and Rust read return addresses: return instructions are probed, never a uretprobe. */
	bool no_uretprobe;
};

extern const struct tls_lib *const tls_libs[];

#endif /* TLS_H */
