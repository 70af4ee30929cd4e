/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIND_FLOW_H
#define FIND_FLOW_H

#include <capstone/capstone.h>

#include "find/code.h"

/*
 * A sweep over one function that remembers, in the order of the bytes, what each
 * register was last given.  Both machines fill the same memory; code_calls() and
 * code_fields() are two ways to ask it.
 */
enum flow_is { FLOW_UNKNOWN, FLOW_CONST, FLOW_SELF, FLOW_FIELD, FLOW_STACK };

struct flow_reg {
	enum flow_is is;
	uint64_t v;		/* FLOW_CONST: the value; FLOW_FIELD: which */
};

#define FLOW_REGS 32

struct flow {
	struct flow_reg r[FLOW_REGS];
	const uint8_t *arg_reg;		/* registers of the arguments */
	uint32_t kept;			/* a call leaves these registers alone */
	uint8_t spoilt, spoilt_here;	/* arguments written, at all and since the last jump */
	bool pushed;			/* the instruction before pushed this number */
	uint64_t push;
	struct code_call *call;		/* NULL: not asked for */
	size_t call_cnt, call_max;
	struct code_fields *fields;	/* NULL: not asked for */
};

void flow_set(struct flow *f, unsigned reg, enum flow_is is, uint64_t v);
/* The register is read; `push` and the like that only keep it are not reading. */
void flow_read(struct flow *f, unsigned reg);
void flow_copy(struct flow *f, unsigned to, unsigned from);
/* Memory at [base + disp] is read into a register, compared, or written. */
void flow_load(struct flow *f, unsigned to, unsigned base, int64_t disp);
void flow_test(struct flow *f, unsigned base, int64_t disp);
void flow_test_reg(struct flow *f, unsigned reg);
void flow_store(struct flow *f, unsigned base, int64_t disp);
/* A register is taken back from the stack, as before a return: the code behind that return still has it. */
void flow_restore(struct flow *f, unsigned reg);
void flow_call(struct flow *f, uint64_t at, uint64_t to, bool jump);
/* Code behind a jump or return is another path's. */
void flow_break(struct flow *f);

void flow_x86(struct flow *f, csh h, const cs_insn *in);
void flow_arm64(struct flow *f, csh h, const cs_insn *in);

#endif /* FIND_FLOW_H */
