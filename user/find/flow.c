// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find/flow.h"

#define FUNCTION_MAX	(64u << 10)

/* System V AMD64 ABI 3.2.3: rdi, rsi, rdx, rcx, r8, r9; kept: rbx, rsp, rbp, r12 to r15. */
static const uint8_t x86_args[CODE_ARGS] = { 7, 6, 2, 1, 8, 9 };
#define X86_KEPT	0xf038u
/* AAPCS64 6.1.1: x0 to x5 of eight; kept: x19 to x29, sp. */
static const uint8_t arm64_args[CODE_ARGS] = { 0, 1, 2, 3, 4, 5 };
#define ARM64_KEPT	0xbff80000u
#define X86_SP		4
#define ARM64_SP	31

void flow_set(struct flow *f, unsigned reg, enum flow_is is, uint64_t v)
{
	if (reg >= FLOW_REGS)
		return;
	f->r[reg] = (struct flow_reg){ is, v };
	for (unsigned i = 0; i < CODE_ARGS; i++)
		if (f->arg_reg[i] == reg) {
			f->spoilt |= 1u << i;
			f->spoilt_here |= 1u << i;
		}
}

void flow_read(struct flow *f, unsigned reg)
{
	for (unsigned i = 0; f->fields && i < CODE_ARGS; i++) {
		if (f->arg_reg[i] != reg)
			continue;
		f->fields->args |= (~f->spoilt >> i & 1) << i;
		f->fields->args_somewhere |= (~f->spoilt_here >> i & 1) << i;
	}
}

void flow_copy(struct flow *f, unsigned to, unsigned from)
{
	struct flow_reg r = from < FLOW_REGS ? f->r[from] : (struct flow_reg){ 0 };

	flow_set(f, to, r.is, r.v);
}

void flow_load(struct flow *f, unsigned to, unsigned base, int64_t disp)
{
	bool self = base < FLOW_REGS && f->r[base].is == FLOW_SELF;

	flow_set(f, to, self ? FLOW_FIELD : FLOW_UNKNOWN, disp);
}

static void note(int32_t *list, size_t *cnt, int64_t disp)
{
	for (size_t i = 0; i < *cnt; i++)
		if (list[i] == disp)
			return;
	if (*cnt < 64 && disp == (int32_t)disp)
		list[(*cnt)++] = disp;
}

void flow_test(struct flow *f, unsigned base, int64_t disp)
{
	if (f->fields && base < FLOW_REGS && f->r[base].is == FLOW_SELF)
		note(f->fields->tested, &f->fields->tested_cnt, disp);
}

void flow_test_reg(struct flow *f, unsigned reg)
{
	if (f->fields && reg < FLOW_REGS && f->r[reg].is == FLOW_FIELD)
		note(f->fields->tested, &f->fields->tested_cnt, f->r[reg].v);
}

void flow_store(struct flow *f, unsigned base, int64_t disp)
{
	if (f->fields && base < FLOW_REGS && f->r[base].is != FLOW_STACK)
		note(f->fields->stored, &f->fields->stored_cnt, disp);
}

void flow_restore(struct flow *f, unsigned reg)
{
	if (reg < FLOW_REGS && f->r[reg].is == FLOW_SELF && f->kept >> reg & 1)
		return;
	flow_set(f, reg, FLOW_UNKNOWN, 0);
}

void flow_break(struct flow *f)
{
	for (unsigned i = 0; i < FLOW_REGS; i++)
		if (f->r[i].is == FLOW_CONST || f->r[i].is == FLOW_FIELD || !(f->kept >> i & 1))
			f->r[i].is = FLOW_UNKNOWN;
	f->spoilt_here = 0;
}

void flow_call(struct flow *f, uint64_t at, uint64_t to, bool jump)
{
	if (f->call && f->call_cnt < f->call_max) {
		struct code_call *c = &f->call[f->call_cnt++];

		*c = (struct code_call){ .at = at, .to = to, .jump = jump };
		for (unsigned i = 0; i < CODE_ARGS; i++) {
			const struct flow_reg *r = &f->r[f->arg_reg[i]];

			c->known |= (r->is == FLOW_CONST) << i;
			c->local |= (r->is == FLOW_STACK) << i;
			c->arg[i] = r->is == FLOW_CONST ? r->v : 0;
		}
	}
	if (jump) {
		flow_break(f);
		return;
	}
	for (unsigned i = 0; i < FLOW_REGS; i++)
		if (!(f->kept >> i & 1))
			f->r[i].is = FLOW_UNKNOWN;
}

static int run(struct flow *f, bool arm64, const uint8_t *p, size_t n, uint64_t va)
{
	cs_insn *in;
	csh h;

	if (cs_open(arm64 ? CS_ARCH_ARM64 : CS_ARCH_X86, arm64 ? CS_MODE_ARM : CS_MODE_64, &h) != CS_ERR_OK)
		return -ENOMEM;
	cs_option(h, CS_OPT_DETAIL, CS_OPT_ON);
	in = cs_malloc(h);
	while (in && n) {
		if (cs_disasm_iter(h, &p, &n, &va, in)) {
			(arm64 ? flow_arm64 : flow_x86)(f, h, in);
		} else if (arm64 && n >= 4) {	/* an instruction younger than capstone */
			p += 4;
			n -= 4;
			va += 4;
		} else {
			break;
		}
	}
	if (in)
		cs_free(in, 1);
	cs_close(&h);
	return in ? 0 : -ENOMEM;
}

static int sweep(struct flow *f, const struct image *im, uint64_t va, uint64_t size)
{
	bool arm64 = image_machine(im) == IMAGE_ARM64;
	uint8_t *p;
	int err;

	if (!image_is_code(im, va))
		return -ERANGE;
	if (size > FUNCTION_MAX)
		size = FUNCTION_MAX;
	p = malloc(size ? size : 1);
	if (!p)
		return -ENOMEM;
	f->arg_reg = arm64 ? arm64_args : x86_args;
	f->kept = arm64 ? ARM64_KEPT : X86_KEPT;
	f->r[f->arg_reg[0]].is = FLOW_SELF;
	f->r[arm64 ? ARM64_SP : X86_SP].is = FLOW_STACK;
	err = run(f, arm64, p, image_read(im, va, p, size), va);
	free(p);
	return err;
}

int code_calls(const struct image *im, uint64_t va, uint64_t size, struct code_call *ret, size_t max)
{
	struct flow f = { .call = ret, .call_max = max };
	int err = sweep(&f, im, va, size);

	return err ? err : (int)f.call_cnt;
}

int code_fields(const struct image *im, uint64_t va, uint64_t size, struct code_fields *ret)
{
	struct flow f = { .fields = ret };

	memset(ret, 0, sizeof(*ret));
	return sweep(&f, im, va, size);
}
