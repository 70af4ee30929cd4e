// SPDX-License-Identifier: Apache-2.0
/*
 * A walk over all instructions that a function can come to without a call.
 *
 * Behind a call that never returns there is nothing to walk: the function ends there, or a block
 * begins that something else jumps to. A function's end is known from its unwind entry, or else from
 * a place that is called. A jump through a table stays within the function, and then all
 * its returns are taken: those of code that only unwinding reaches do no harm.
 */
#include <capstone/capstone.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find/code.h"
#include "find/leave.h"

#define SEEN_MAX	(1u << 14)	/* instructions, half the places of a hash table; a power of two */
#define TODO_MAX	1024
#define FUNCS_MAX	16		/* functions whose returns are all taken */
#define FETCH		512

struct walk {
	const struct image *im;
	const struct scan *scan;
	uint64_t seen[2 * SEEN_MAX], todo[TODO_MAX], whole[FUNCS_MAX];
	size_t seen_cnt, todo_cnt, whole_cnt;
	uint64_t *ret;
	size_t ret_cnt, ret_max;
	csh capstone;
	cs_insn *in;
};

/* What an instruction does to the way. */
struct step {
	uint8_t len;
	bool ends;		/* the next instruction does not follow */
	bool returns;
	bool calls;
	bool table;		/* jumps to where a register says */
	bool lost;		/* jumps to where memory says */
	uint64_t to;		/* jumps there; 0: does not */
};

/* 1: not seen before. */
static int walk_see(struct walk *w, uint64_t va)
{
	size_t at = (va * 0x9e3779b97f4a7c15ull >> 32) % (2 * SEEN_MAX);

	for (; w->seen[at]; at = (at + 1) % (2 * SEEN_MAX))
		if (w->seen[at] == va)
			return 0;
	if (w->seen_cnt == SEEN_MAX)
		return -E2BIG;
	w->seen_cnt++;
	w->seen[at] = va;
	return 1;
}

static int walk_push(struct walk *w, uint64_t va)
{
	if (w->todo_cnt == TODO_MAX)
		return -E2BIG;
	w->todo[w->todo_cnt++] = va;
	return 0;
}

static int walk_ret(struct walk *w, uint64_t va)
{
	for (size_t i = 0; i < w->ret_cnt; i++)
		if (w->ret[i] == va)
			return 0;
	if (w->ret_cnt == w->ret_max)
		return -E2BIG;
	w->ret[w->ret_cnt++] = va;
	return 0;
}

static bool x86_has(const cs_detail *d, uint8_t group)
{
	for (uint8_t i = 0; i < d->groups_count; i++)
		if (d->groups[i] == group)
			return true;
	return false;
}

static int x86_step(struct walk *w, const uint8_t *p, size_t n, uint64_t va, struct step *ret)
{
	const cs_x86_op *op;

	if (!cs_disasm_iter(w->capstone, &p, &n, &va, w->in))
		return -EILSEQ;
	op = &w->in->detail->x86.operands[0];
	*ret = (struct step){
		.len = (uint8_t)w->in->size,
		.calls = x86_has(w->in->detail, CS_GRP_CALL),
		.returns = x86_has(w->in->detail, CS_GRP_RET),
	};
	if (ret->returns || w->in->id == X86_INS_UD2 || w->in->id == X86_INS_INT3 || w->in->id == X86_INS_HLT)
		ret->ends = true;
	if (ret->calls || !x86_has(w->in->detail, CS_GRP_JUMP))
		return 0;
	ret->ends = w->in->id == X86_INS_JMP;
	if (op->type == X86_OP_IMM)
		ret->to = (uint64_t)op->imm;
	else if (op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP)
		ret->lost = true;
	else
		ret->table = true;
	return 0;
}

static uint64_t arm64_to(uint64_t va, uint32_t field, unsigned bits)
{
	return va + (uint64_t)((int64_t)((uint64_t)field << (64 - bits)) >> (64 - bits)) * 4;
}

/* Arm ARM C4.1: branches, exception generating and system instructions. */
static int arm64_step(const uint8_t *p, size_t n, uint64_t va, struct step *ret)
{
	uint32_t op;

	if (n < 4 || va % 4)
		return -EILSEQ;
	memcpy(&op, p, sizeof(op));
	*ret = (struct step){ .len = 4 };
	if ((op & 0xfc000000) == 0x14000000) {			/* b */
		ret->to = arm64_to(va, op & 0x3ffffff, 26);
		ret->ends = true;
	} else if ((op & 0xfc000000) == 0x94000000) {		/* bl */
		ret->calls = true;
	} else if ((op & 0xff000010) == 0x54000000 || (op & 0x7e000000) == 0x34000000) {	/* b.cond, cbz */
		ret->to = arm64_to(va, op >> 5 & 0x7ffff, 19);
	} else if ((op & 0x7e000000) == 0x36000000) {		/* tbz */
		ret->to = arm64_to(va, op >> 5 & 0x3fff, 14);
	} else if ((op & 0xfffffc1f) == 0xd65f0000 || op == 0xd65f0bff || op == 0xd65f0fff) {	/* ret */
		ret->returns = ret->ends = true;
	} else if ((op & 0xfefff000) == 0xd63f0000) {		/* blr */
		ret->calls = true;
	} else if ((op & 0xfefff000) == 0xd61f0000) {		/* br */
		ret->table = ret->ends = true;
	} else if ((op & 0xffe0001f) == 0xd4200000 || !(op & 0xffff0000)) {	/* brk, udf */
		ret->ends = true;
	}
	return 0;
}

/* All returns of the function around va. */
static int take_whole(struct walk *w, uint64_t va)
{
	struct scan_func f;
	uint64_t found[64];
	int n, err = 0;

	if (!scan_function(w->scan, va, &f) || !f.size)
		return -ENOTSUP;
	for (size_t i = 0; i < w->whole_cnt; i++)
		if (w->whole[i] == f.va)
			return 0;
	if (w->whole_cnt == FUNCS_MAX)
		return -E2BIG;
	w->whole[w->whole_cnt++] = f.va;
	n = code_rets(w->im, f.va, f.size, found, sizeof(found) / sizeof(found[0]));
	for (int i = 0; i < n && !err; i++)
		err = walk_ret(w, found[i]);
	return n < 0 ? n : err;
}

/* Nothing follows a call at the end of a function: it does not return. */
static bool is_end(const struct walk *w, uint64_t va, uint64_t call)
{
	struct scan_func f;

	if (scan_called(w->scan, va))
		return true;
	return scan_function(w->scan, call, &f) && f.size && va - f.va >= f.size;
}

static int walk_step(struct walk *w, const struct step *s, uint64_t va)
{
	int err = 0;

	if (s->returns)
		err = walk_ret(w, va);
	else if (s->table)
		err = take_whole(w, va);
	else if (s->lost)
		err = -ENOTSUP;
	else if (s->to)
		err = walk_push(w, s->to);
	return err;
}

/* From va as far as instructions follow each other. */
static int walk_line(struct walk *w, uint64_t va)
{
	uint8_t buf[FETCH];
	uint64_t at = 0;
	size_t n = 0;
	struct step s;
	int err;

	if (!image_is_code(w->im, va))
		return -EILSEQ;
	for (;;) {
		err = walk_see(w, va);
		if (err <= 0)
			return err;
		if (!n || va - at + 16 > n) {
			at = va;
			n = image_read(w->im, va, buf, sizeof(buf));
		}
		err = image_machine(w->im) == IMAGE_ARM64 ?
			arm64_step(buf + (va - at), n - (va - at), va, &s) :
			x86_step(w, buf + (va - at), n - (va - at), va, &s);
		if (!err)
			err = walk_step(w, &s, va);
		if (err || s.ends || (s.calls && is_end(w, va + s.len, va)))
			return err;
		va += s.len;
	}
}

static int walk_all(struct walk *w, uint64_t va)
{
	int err = walk_push(w, va);

	while (!err && w->todo_cnt)
		err = walk_line(w, w->todo[--w->todo_cnt]);
	return err;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int leave_rets(const struct image *im, const struct scan *scan, uint64_t va, uint64_t *ret, size_t max)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	w->im = im;
	w->scan = scan;
	w->ret = ret;
	w->ret_max = max;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &w->capstone) == CS_ERR_OK) {
		cs_option(w->capstone, CS_OPT_DETAIL, CS_OPT_ON);
		w->in = cs_malloc(w->capstone);
		if (w->in)
			err = walk_all(w, va);
		if (w->in)
			cs_free(w->in, 1);
		cs_close(&w->capstone);
	}
	if (!err) {
		err = (int)w->ret_cnt;
		qsort(ret, w->ret_cnt, sizeof(*ret), compare);
	}
	free(w);
	return err;
}
