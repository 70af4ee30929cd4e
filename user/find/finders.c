// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "find/code.h"
#include "find/find.h"

extern const struct finder find_aead, find_boringssl, find_go, find_openssl, find_rustls;

const struct finder *const finders[] = {
	&find_boringssl,
	&find_go,
	&find_openssl,
	&find_rustls,
	&find_aead,
	NULL
};

bool found_add(struct found *f, const struct image *im, const char *sym, uint64_t va)
{
	uint64_t probe = code_probe(im, va);

	if (!probe || f->cnt == FOUND_FUNCS_MAX)
		return false;
	f->func[f->cnt++] = (struct found_func){ .sym = sym, .va = va, .probe = probe };
	return true;
}

int find_stacks(const struct image *im, struct found ret[static FOUND_STACKS_MAX])
{
	struct scan *scan;
	int err, n = 0;

	scan = scan_new(im, finders, &err);
	if (!scan)
		return err;
	for (size_t i = 0; finders[i] && n < FOUND_STACKS_MAX; i++) {
		memset(&ret[n], 0, sizeof(ret[n]));
		ret[n].stack = finders[i]->stack;
		n += finders[i]->find(im, scan, &ret[n]);
	}
	scan_free(scan);
	return n;
}
