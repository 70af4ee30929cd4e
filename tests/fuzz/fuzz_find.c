// SPDX-License-Identifier: Apache-2.0
/*
 * An ELF file, as it comes.  Whatever it claims, every finder comes to an end, and
 * what they report is code of that file.
 */
#include "find/code.h"
#include "find/find.h"
#include "fuzz.h"

static bool in_code(const struct image *im, uint64_t off)
{
	const struct image_seg *seg;
	size_t n = image_segs(im, &seg);

	for (size_t i = 0; i < n; i++)
		if (seg[i].exec && off >= seg[i].off && off - seg[i].off < seg[i].file_sz)
			return true;
	return false;
}

static void check_func(const struct image *im, const struct found_func *f, size_t size)
{
	WANT(f->sym && f->probe && f->probe < size && in_code(im, f->probe));
	WANT(image_is_code(im, f->va));
	WANT(f->rets_cnt <= FOUND_RETS_MAX);
	for (size_t i = 0; i < f->rets_cnt; i++)
		WANT(f->rets[i] < size && in_code(im, f->rets[i]));
}

static void check_stack(const struct image *im, const struct found *f, size_t size)
{
	WANT(f->stack && f->method && f->cnt <= FOUND_FUNCS_MAX);
	WANT(memchr(f->version, 0, sizeof(f->version)) && memchr(f->why, 0, sizeof(f->why)));
	WANT(!f->cnt == !!f->why[0]);
	for (size_t i = 0; i < f->cnt; i++)
		check_func(im, &f->func[i], size);
}

static void ask_symbols(const struct image *im, size_t size)
{
	static const char *const names[] = { "SSL_read", "SSL_write", "gnutls_record_send", "SSL_read", "main" };
	struct image_sym sym[5];
	uint64_t ret[8];
	uint8_t id[32];

	WANT(image_symbols(im, names, 5, sym) <= 5);
	WANT(image_build_id(im, id) <= sizeof(id));
	for (size_t i = 0; i < 5; i++) {
		WANT(!sym[i].va || code_probe(im, sym[i].va) < size);
		if (sym[i].va)
			code_rets(im, sym[i].va, sym[i].size, ret, 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct found f[FOUND_STACKS_MAX];
	struct view in = { (const char *)data, size };
	char *copy = fuzz_copy(in);
	int err = 0, n;
	struct image *im = image_of_memory(copy, size, &err);

	WANT(im || err < 0);
	if (im) {
		ask_symbols(im, size);
		n = find_stacks(im, f);
		WANT(n >= 0 && n <= FOUND_STACKS_MAX);
		for (int i = 0; i < n; i++)
			check_stack(im, &f[i], size);
	}
	image_free(im);
	free(copy);
	return 0;
}
