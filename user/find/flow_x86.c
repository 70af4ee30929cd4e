// SPDX-License-Identifier: Apache-2.0
#include "find/flow.h"

#define NONE 0xff

/* All widths of a register are one register, numbered as in the encoding. */
#define WIDTHS(q, d, w, b, n) case X86_REG_##q: case X86_REG_##d: case X86_REG_##w: case X86_REG_##b: return n
static unsigned index_of(unsigned reg)
{
	switch (reg) {
	WIDTHS(RAX, EAX, AX, AL, 0);
	WIDTHS(RCX, ECX, CX, CL, 1);
	WIDTHS(RDX, EDX, DX, DL, 2);
	WIDTHS(RBX, EBX, BX, BL, 3);
	WIDTHS(RSP, ESP, SP, SPL, 4);
	WIDTHS(RBP, EBP, BP, BPL, 5);
	WIDTHS(RSI, ESI, SI, SIL, 6);
	WIDTHS(RDI, EDI, DI, DIL, 7);
	WIDTHS(R8, R8D, R8W, R8B, 8);
	WIDTHS(R9, R9D, R9W, R9B, 9);
	WIDTHS(R10, R10D, R10W, R10B, 10);
	WIDTHS(R11, R11D, R11W, R11B, 11);
	WIDTHS(R12, R12D, R12W, R12B, 12);
	WIDTHS(R13, R13D, R13W, R13B, 13);
	WIDTHS(R14, R14D, R14W, R14B, 14);
	WIDTHS(R15, R15D, R15W, R15B, 15);
	}
	return NONE;
}

static bool plain_mem(const cs_x86_op *o)
{
	return o->type == X86_OP_MEM && o->mem.index == X86_REG_INVALID && o->mem.segment == X86_REG_INVALID;
}

static uint64_t cut(int64_t imm, uint8_t bytes)
{
	return bytes == 4 ? (uint32_t)imm : (uint64_t)imm;
}

static void other(struct flow *f, csh h, const cs_insn *in)
{
	const cs_x86 *x = &in->detail->x86;
	cs_regs r, w;
	uint8_t rn, wn;

	for (unsigned i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_MEM && x->operands[i].access & CS_AC_WRITE)
			flow_store(f, index_of(x->operands[i].mem.base), x->operands[i].mem.disp);
	if (cs_regs_access(h, in, r, &rn, w, &wn) != CS_ERR_OK)
		return;
	for (unsigned i = 0; i < wn; i++)
		if (index_of(w[i]) != 4)	/* however the stack pointer moves, it is the stack */
			flow_set(f, index_of(w[i]), FLOW_UNKNOWN, 0);
}

static void mov(struct flow *f, csh h, const cs_insn *in)
{
	const cs_x86_op *to = &in->detail->x86.operands[0], *from = to + 1;

	if (to->type != X86_OP_REG || to->size < 4) {
		other(f, h, in);
	} else if (from->type == X86_OP_IMM) {
		flow_set(f, index_of(to->reg), FLOW_CONST, cut(from->imm, to->size));
	} else if (from->type == X86_OP_REG && to->size == 8) {
		flow_copy(f, index_of(to->reg), index_of(from->reg));
	} else if (plain_mem(from) && to->size == 8) {
		flow_load(f, index_of(to->reg), index_of(from->mem.base), from->mem.disp);
	} else {
		other(f, h, in);
	}
}

static void lea(struct flow *f, const cs_insn *in)
{
	const cs_x86_op *to = &in->detail->x86.operands[0], *from = to + 1;
	unsigned base = index_of(from->mem.base);

	if (from->mem.base == X86_REG_RIP)
		flow_set(f, index_of(to->reg), FLOW_CONST, in->address + in->size + from->mem.disp);
	else if (base < FLOW_REGS && f->r[base].is == FLOW_STACK)
		flow_set(f, index_of(to->reg), FLOW_STACK, 0);
	else
		flow_set(f, index_of(to->reg), FLOW_UNKNOWN, 0);
}

static void compare(struct flow *f, const cs_insn *in)
{
	const cs_x86_op *a = &in->detail->x86.operands[0], *b = a + 1;
	bool same = a->type == X86_OP_REG && b->type == X86_OP_REG && a->reg == b->reg;

	if (plain_mem(a) && b->type == X86_OP_IMM && a->size == 8)
		flow_test(f, index_of(a->mem.base), a->mem.disp);
	else if (same && in->id == X86_INS_TEST && a->size == 8)
		flow_test_reg(f, index_of(a->reg));
}

static bool zeroes(const cs_insn *in)
{
	const cs_x86_op *o = in->detail->x86.operands;

	return in->id == X86_INS_XOR && o[0].type == X86_OP_REG && o[1].type == X86_OP_REG && o[0].reg == o[1].reg;
}

static uint64_t branch_to(const cs_insn *in)
{
	const cs_x86_op *o = in->detail->x86.operands;

	return in->detail->x86.op_count && o[0].type == X86_OP_IMM ? (uint64_t)o[0].imm : 0;
}

static void reads(struct flow *f, csh h, const cs_insn *in)
{
	cs_regs r, w;
	uint8_t rn, wn;

	if (!f->fields || cs_regs_access(h, in, r, &rn, w, &wn) != CS_ERR_OK)
		return;
	for (unsigned i = 0; i < rn; i++)
		flow_read(f, index_of(r[i]));
}

void flow_x86(struct flow *f, csh h, const cs_insn *in)
{
	const cs_x86_op *o = in->detail->x86.operands;
	bool pushed = f->pushed;

	f->pushed = false;
	if (in->id != X86_INS_PUSH && !zeroes(in))
		reads(f, h, in);
	switch (in->id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
		mov(f, h, in);
		break;
	case X86_INS_LEA:
		lea(f, in);
		break;
	case X86_INS_CMP:
	case X86_INS_TEST:
		compare(f, in);
		break;
	case X86_INS_PUSH:	/* builds for size: push imm; pop reg */
		f->pushed = o[0].type == X86_OP_IMM;
		f->push = f->pushed ? cut(o[0].imm, 8) : 0;
		break;
	case X86_INS_POP:
		if (o[0].type == X86_OP_REG && pushed)
			flow_set(f, index_of(o[0].reg), FLOW_CONST, f->push);
		else if (o[0].type == X86_OP_REG)
			flow_restore(f, index_of(o[0].reg));
		break;
	case X86_INS_CALL:
		flow_call(f, in->address, branch_to(in), false);
		break;
	case X86_INS_JMP:
		flow_call(f, in->address, branch_to(in), true);
		break;
	case X86_INS_RET:
		flow_break(f);
		break;
	default:
		if (zeroes(in))
			flow_set(f, index_of(o[0].reg), FLOW_CONST, 0);
		else
			other(f, h, in);
	}
}
