// SPDX-License-Identifier: Apache-2.0
/*
 * Every function that a uprobe program can reach keeps its stack at 48 bytes or
 * less.  Since Linux 6.13 the JIT gives a function whose stack, rounded up to 16,
 * reaches 64 a private per-CPU stack, and a preempted uprobe program would find
 * it overwritten.  Measured here in the object that is built in: no root needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"
#include "capture.skel.h"

#define STACK_MAX	48
#define FUNCS_MAX	256

struct func {
	char name[64];
	size_t scn;
	uint64_t at, size;
	bool reached;
	int stack;
};

struct object {
	Elf *elf;
	Elf_Data *symbols, *rel[64];
	struct bpf_insn *code[64];
	char scn_name[64][64];
	struct func funcs[FUNCS_MAX];
	size_t cnt;
};

static void read_object(struct object *o)
{
	size_t n, sz = 0, names = 0, scns, str = 0;
	const void *bytes;
	GElf_Shdr h;
	GElf_Sym s;

	elf_version(EV_CURRENT);
	bytes = capture_bpf__elf_bytes(&sz);
	o->elf = elf_memory((char *)bytes, sz);
	assert_non_null(o->elf);
	assert_int_equal(elf_getshdrstrndx(o->elf, &names), 0);
	assert_int_equal(elf_getshdrnum(o->elf, &scns), 0);
	assert_true(scns < 64);
	for (size_t i = 1; i < scns; i++) {
		Elf_Scn *scn = elf_getscn(o->elf, i);

		gelf_getshdr(scn, &h);
		snprintf(o->scn_name[i], 64, "%s", elf_strptr(o->elf, names, h.sh_name));
		if (h.sh_type == SHT_SYMTAB) {
			o->symbols = elf_getdata(scn, NULL);
			str = h.sh_link;
		} else if (h.sh_type == SHT_REL) {
			o->rel[h.sh_info] = elf_getdata(scn, NULL);
		} else if (h.sh_flags & SHF_EXECINSTR) {
			o->code[i] = elf_getdata(scn, NULL)->d_buf;
		}
	}
	n = o->symbols->d_size / sizeof(Elf64_Sym);
	for (size_t i = 0; i < n && o->cnt < FUNCS_MAX; i++) {
		gelf_getsym(o->symbols, i, &s);
		if (GELF_ST_TYPE(s.st_info) != STT_FUNC)
			continue;
		o->funcs[o->cnt].scn = s.st_shndx;
		o->funcs[o->cnt].at = s.st_value;
		o->funcs[o->cnt].size = s.st_size;
		snprintf(o->funcs[o->cnt++].name, 64, "%s", elf_strptr(o->elf, str, s.st_name));
	}
}

/* The section and place that a relocated call or function pointer goes to; false: no relocation here. */
static bool relocated(struct object *o, size_t scn, uint64_t off, size_t *ret_scn, uint64_t *ret_base)
{
	GElf_Rel r;
	GElf_Sym s;

	for (size_t i = 0; o->rel[scn] && i < o->rel[scn]->d_size / sizeof(Elf64_Rel); i++) {
		gelf_getrel(o->rel[scn], i, &r);
		if (r.r_offset != off)
			continue;
		gelf_getsym(o->symbols, GELF_R_SYM(r.r_info), &s);
		*ret_scn = s.st_shndx;
		*ret_base = s.st_value;
		return true;
	}
	return false;
}

static struct func *func_at(struct object *o, size_t scn, uint64_t at)
{
	for (size_t i = 0; i < o->cnt; i++)
		if (o->funcs[i].scn == scn && o->funcs[i].at == at)
			return &o->funcs[i];
	return NULL;
}

/* Stores to, loads from and pointers into the frame: by r10 and a negative offset, or by r10 plus a constant. */
static void measure(struct func *f, const struct bpf_insn *in, bool *is_frame)
{
	if ((in->dst_reg == 10 || in->src_reg == 10) && -in->off > f->stack)
		f->stack = -in->off;
	if (in->code == (BPF_ALU64 | BPF_MOV | BPF_X))
		is_frame[in->dst_reg] = in->src_reg == 10;
	if (in->code == (BPF_ALU64 | BPF_ADD | BPF_K) && is_frame[in->dst_reg] && -in->imm > f->stack)
		f->stack = -in->imm;
}

static void reach(struct object *o, struct func *f)
{
	bool is_frame[16] = { false };

	if (!f || f->reached)
		return;
	f->reached = true;
	for (uint64_t at = f->at; at < f->at + f->size; at += 8) {
		struct bpf_insn *in = &o->code[f->scn][at / 8];
		size_t scn = f->scn;
		uint64_t base = 0, to;
		bool moved;

		measure(f, in, is_frame);
		if (in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL) {
			moved = relocated(o, f->scn, at, &scn, &base);
			to = moved ? base + (in->imm + 1) * 8ll : at + 8 + in->imm * 8ll;
			assert_non_null(func_at(o, scn, to));
			reach(o, func_at(o, scn, to));
		} else if (in->code == (BPF_LD | BPF_IMM | BPF_DW) && relocated(o, f->scn, at, &scn, &base) &&
			   o->code[scn]) {
			reach(o, func_at(o, scn, base + in->imm));	/* a callback */
		}
	}
}

static void test_small_stacks(void **state)
{
	struct object *o = calloc(1, sizeof(*o));
	unsigned programs = 0, reached = 0, over = 0;

	read_object(o);
	for (size_t i = 0; i < o->cnt; i++) {
		if (strcmp(o->scn_name[o->funcs[i].scn], "uprobe") && strcmp(o->scn_name[o->funcs[i].scn], "uretprobe"))
			continue;
		programs++;
		reach(o, &o->funcs[i]);
	}
	for (size_t i = 0; i < o->cnt; i++) {
		if (!o->funcs[i].reached)
			continue;
		reached++;
		if (o->funcs[i].stack > STACK_MAX) {
			print_error("%s: %d bytes of stack\n", o->funcs[i].name, o->funcs[i].stack);
			over++;
		}
	}
	elf_end(o->elf);
	free(o);
	assert_int_equal(programs, 2);
	assert_true(reached > 10);	/* the walk does follow calls */
	assert_int_equal(over, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_small_stacks) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
