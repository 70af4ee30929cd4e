// SPDX-License-Identifier: Apache-2.0
#include <capstone/capstone.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find/code.h"

#define SWEEP_MAX	(1u << 20)

/*
 * x86-64: an endbr64 is single-stepped, the push behind it is emulated and
 * costs a fifth; arguments and stack pointer are the same at both, and no
 * jump can land between them that is not a call of the function.
 */
static bool is_push(const uint8_t *b)
{
	return (b[0] & 0xf8) == 0x50 || (b[0] == 0x41 && (b[1] & 0xf8) == 0x50);
}

/*
 * Assemblers pad functions with segment prefixes, which say nothing in 64-bit mode
 * (-mbranches-within-32B-boundaries; seen in s2n-tls as awscrt carries it), and the kernel refuses a probe on them
 * (is_prefix_bad()). Behind them stands the same instruction; a breakpoint there is one with
 * prefixes, which is a breakpoint.
 */
static size_t x86_padding(const uint8_t *b, size_t n)
{
	size_t i = 0;

	while (i + 2 < n && (b[i] == 0x2e || b[i] == 0x3e || b[i] == 0x26 || b[i] == 0x36))
		i++;
	return is_push(b + i) ? i : 0;
}

static size_t x86_cheapest(const uint8_t *b, size_t n)
{
	static const uint8_t endbr64[4] = { 0xf3, 0x0f, 0x1e, 0xfa };

	if (n < 6 || memcmp(b, endbr64, sizeof(endbr64)))
		return n < 6 ? 0 : x86_padding(b, n);
	return is_push(b + sizeof(endbr64)) ? sizeof(endbr64) : 0;
}

/*
 * arm64 has no such choice: a return probe puts its own address into the link
 * register, which has to happen before paciasp signs it.
 */
uint64_t code_probe(const struct image *im, uint64_t va)
{
	uint8_t b[16];
	size_t n;

	if (!image_is_code(im, va) || (image_machine(im) == IMAGE_ARM64 && va % 4))
		return 0;
	if (image_machine(im) == IMAGE_ARM64)
		return image_off(im, va);
	n = image_read(im, va, b, sizeof(b));
	return image_off(im, va + x86_cheapest(b, n));
}

struct rets {
	uint64_t *va;
	size_t cnt, max;
};

static int rets_add(struct rets *r, uint64_t va)
{
	if (r->cnt == r->max)
		return -E2BIG;
	r->va[r->cnt++] = va;
	return 0;
}

/* RET, RETAA and RETAB (Arm ARM, C6.2): ret has its register in bits 5 to 9. */
static bool arm64_is_ret(uint32_t op)
{
	return (op & 0xfffffc1f) == 0xd65f0000 || op == 0xd65f0bff || op == 0xd65f0fff;
}

static int arm64_rets(const uint8_t *p, size_t n, uint64_t va, struct rets *r)
{
	int err = va % 4 || n % 4 ? -EILSEQ : 0;
	uint32_t op;

	for (size_t i = 0; i + 4 <= n && !err; i += 4) {
		memcpy(&op, p + i, sizeof(op));
		if (arm64_is_ret(op))
			err = rets_add(r, va + i);
	}
	return err;
}

/* Sweeps over whole instructions while step says so.  -EILSEQ: came to bytes that are none. */
static int x86_sweep(const uint8_t *p, size_t n, uint64_t va, int (*step)(void *arg, const cs_insn *in), void *arg)
{
	cs_insn *in;
	int err = 0;
	csh h;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &h) != CS_ERR_OK)
		return -ENOMEM;
	in = cs_malloc(h);
	while (in && n && !err)
		err = cs_disasm_iter(h, &p, &n, &va, in) ? step(arg, in) : -EILSEQ;
	if (in)
		cs_free(in, 1);
	else
		err = -ENOMEM;
	cs_close(&h);
	return err;
}

static int step_ret(void *arg, const cs_insn *in)
{
	if (in->id != X86_INS_RET && in->id != X86_INS_RETF && in->id != X86_INS_RETFQ)
		return 0;
	return rets_add(arg, in->address);
}

int code_rets(const struct image *im, uint64_t va, uint64_t size, uint64_t *ret, size_t max)
{
	struct rets r = { .va = ret, .max = max };
	uint8_t *p;
	int err;

	if (!image_is_code(im, va))
		return -ERANGE;
	if (size > SWEEP_MAX)
		return -E2BIG;
	p = malloc(size ? size : 1);
	if (!p)
		return -ENOMEM;
	if (image_read(im, va, p, size) != size)
		err = -ERANGE;
	else if (image_machine(im) == IMAGE_ARM64)
		err = arm64_rets(p, size, va, &r);
	else
		err = x86_sweep(p, size, va, step_ret, &r);
	free(p);
	return err ? err : (int)r.cnt;
}

static int step_reach(void *arg, const cs_insn *in)
{
	const uint64_t *at = arg;

	return in->address >= *at ? (in->address == *at ? 1 : -ERANGE) : 0;
}

bool code_reaches(const struct image *im, uint64_t va, uint64_t at)
{
	uint8_t *p;
	size_t n;
	bool ok;

	if (at < va || at - va > SWEEP_MAX - 16 || !image_is_code(im, va))
		return false;
	if (image_machine(im) == IMAGE_ARM64)
		return va % 4 == 0 && at % 4 == 0;
	p = malloc(at - va + 16);
	if (!p)
		return false;
	n = image_read(im, va, p, at - va + 16);
	ok = x86_sweep(p, n, va, step_reach, &at) == 1;
	free(p);
	return ok;
}
