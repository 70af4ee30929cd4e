// SPDX-License-Identifier: Apache-2.0
#include "find/flow.h"

#define NONE 0xff

static unsigned index_of(unsigned reg)
{
	if (reg >= ARM64_REG_X0 && reg <= ARM64_REG_X28)
		return reg - ARM64_REG_X0;
	if (reg >= ARM64_REG_W0 && reg <= ARM64_REG_W28)
		return reg - ARM64_REG_W0;
	switch (reg) {
	case ARM64_REG_X29: case ARM64_REG_W29: return 29;
	case ARM64_REG_X30: case ARM64_REG_W30: return 30;
	case ARM64_REG_SP: case ARM64_REG_WSP: return 31;
	}
	return NONE;
}

static bool is_wide(unsigned reg)
{
	return (reg >= ARM64_REG_X0 && reg <= ARM64_REG_X28) || reg == ARM64_REG_X29 || reg == ARM64_REG_X30;
}

static void other(struct flow *f, csh h, const cs_insn *in)
{
	cs_regs r, w;
	uint8_t rn, wn;

	if (cs_regs_access(h, in, r, &rn, w, &wn) != CS_ERR_OK)
		return;
	for (unsigned i = 0; i < wn; i++)
		if (index_of(w[i]) != 31)
			flow_set(f, index_of(w[i]), FLOW_UNKNOWN, 0);
}

static void mov(struct flow *f, csh h, const cs_insn *in)
{
	const cs_arm64_op *to = &in->detail->arm64.operands[0], *from = to + 1;

	if (from->type == ARM64_OP_IMM) {
		uint64_t v = (uint64_t)from->imm << (from->shift.type == ARM64_SFT_LSL ? from->shift.value : 0);

		flow_set(f, index_of(to->reg), FLOW_CONST, is_wide(to->reg) ? v : (uint32_t)v);
	} else if (from->type == ARM64_OP_REG && (from->reg == ARM64_REG_WZR || from->reg == ARM64_REG_XZR)) {
		flow_set(f, index_of(to->reg), FLOW_CONST, 0);
	} else if (from->type == ARM64_OP_REG && (is_wide(from->reg) || from->reg == ARM64_REG_SP)) {
		flow_copy(f, index_of(to->reg), index_of(from->reg));
	} else {
		other(f, h, in);
	}
}

static void add(struct flow *f, csh h, const cs_insn *in)
{
	const cs_arm64_op *o = in->detail->arm64.operands;
	unsigned from = in->detail->arm64.op_count == 3 && o[1].type == ARM64_OP_REG ? index_of(o[1].reg) : NONE;

	if (from == NONE || o[2].type != ARM64_OP_IMM)
		other(f, h, in);
	else if (f->r[from].is == FLOW_CONST)
		flow_set(f, index_of(o[0].reg), FLOW_CONST,
			 f->r[from].v + ((uint64_t)o[2].imm << (o[2].shift.type == ARM64_SFT_LSL ? o[2].shift.value : 0)));
	else if (f->r[from].is == FLOW_STACK)
		flow_set(f, index_of(o[0].reg), FLOW_STACK, 0);
	else
		other(f, h, in);
}

static void memory(struct flow *f, csh h, const cs_insn *in, bool store)
{
	const cs_arm64 *a = &in->detail->arm64;
	const cs_arm64_op *m = a->op_count > 1 ? &a->operands[1] : NULL;

	if (m && m->type != ARM64_OP_MEM && a->op_count > 2)	/* pairs */
		m = &a->operands[2];
	if (!m || m->type != ARM64_OP_MEM) {
		other(f, h, in);
		return;
	}
	if (store)
		flow_store(f, index_of(m->mem.base), m->mem.disp);
	other(f, h, in);
	if (in->id == ARM64_INS_LDR && !a->writeback && m->mem.index == ARM64_REG_INVALID && is_wide(a->operands[0].reg) &&
	    m->mem.base != a->operands[0].reg)
		flow_load(f, index_of(a->operands[0].reg), index_of(m->mem.base), m->mem.disp);
}

static uint64_t branch_to(const cs_insn *in)
{
	const cs_arm64_op *o = in->detail->arm64.operands;

	return in->detail->arm64.op_count && o[0].type == ARM64_OP_IMM ? (uint64_t)o[0].imm : 0;
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

void flow_arm64(struct flow *f, csh h, const cs_insn *in)
{
	const cs_arm64_op *o = in->detail->arm64.operands;
	arm64_cc cc = in->detail->arm64.cc;

	reads(f, h, in);
	switch (in->id) {
	case ARM64_INS_MOV:
	case ARM64_INS_MOVZ:
		mov(f, h, in);
		break;
	case ARM64_INS_ADR:
	case ARM64_INS_ADRP:
		flow_set(f, index_of(o[0].reg), FLOW_CONST, o[1].imm);
		break;
	case ARM64_INS_ADD:
		add(f, h, in);
		break;
	case ARM64_INS_STR: case ARM64_INS_STUR: case ARM64_INS_STP:
		memory(f, h, in, true);
		break;
	case ARM64_INS_LDR:
		memory(f, h, in, false);
		break;
	case ARM64_INS_LDP:
		flow_restore(f, index_of(o[0].reg));
		flow_restore(f, index_of(o[1].reg));
		break;
	case ARM64_INS_CBZ:
	case ARM64_INS_CBNZ:
		flow_test_reg(f, is_wide(o[0].reg) ? index_of(o[0].reg) : NONE);
		break;
	case ARM64_INS_BL:
	case ARM64_INS_BLR:
		flow_call(f, in->address, branch_to(in), false);
		break;
	case ARM64_INS_B:
		if (cc == ARM64_CC_INVALID || cc == ARM64_CC_AL)
			flow_call(f, in->address, branch_to(in), true);
		break;
	case ARM64_INS_BR:
		flow_call(f, in->address, 0, true);
		break;
	case ARM64_INS_RET:
		flow_break(f);
		break;
	default:
		other(f, h, in);
	}
}
