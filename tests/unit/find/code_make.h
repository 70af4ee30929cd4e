/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODE_MAKE_H
#define CODE_MAKE_H

#include "find/elf_make.h"

/* x86-64 functions in a made file, instruction by instruction, as compilers write the ones that finders look for. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 };

struct code {
	struct made *m;
	uint64_t va;
	size_t n;
	uint8_t b[1024];
};

static inline struct code code_begin(struct made *m)
{
	return (struct code){ .m = m, .va = MADE_CODE_VA + (m->code_n + 15) / 16 * 16 };
}

static inline void put(struct code *c, const void *p, size_t n)
{
	memcpy(c->b + c->n, p, n);
	c->n += n;
}
#define PUT(c, lit) put(c, lit, sizeof(lit) - 1)

static inline void put32(struct code *c, uint32_t v)
{
	put(c, &v, sizeof(v));
}

static inline void put_lea(struct code *c, int reg, uint64_t to)
{
	uint8_t op[3] = { reg < 8 ? 0x48 : 0x4c, 0x8d, 5 | (reg & 7) << 3 };

	put(c, op, sizeof(op));
	put32(c, to - (c->va + c->n + 4));
}

static inline void put_mov(struct code *c, int reg, uint32_t v)
{
	uint8_t op[2] = { 0x41, 0xb8 | (reg & 7) };

	put(c, op + (reg < 8), 2 - (reg < 8));
	put32(c, v);
}

static inline void put_call(struct code *c, uint64_t to)
{
	PUT(c, "\xe8");
	put32(c, to - (c->va + c->n + 4));
}

static inline uint64_t code_end(struct code *c)
{
	PUT(c, "\xc3");
	return made_code(c->m, c->b, c->n);
}

/* A function that does nothing. */
static inline uint64_t made_stub(struct made *m)
{
	struct code c = code_begin(m);

	return code_end(&c);
}

/* Calls them all, as a program does: what nobody calls is no function to a file without unwind tables. */
static inline void made_callers(struct made *m, const uint64_t *va, size_t n)
{
	struct code c = code_begin(m);

	for (size_t i = 0; i < n; i++)
		put_call(&c, va[i]);
	code_end(&c);
}

/* .eh_frame_hdr with one entry, for a function at va. */
static inline void made_unwind(struct made *m, uint64_t va, uint32_t size)
{
	static const uint8_t cie[24] = {	/* length, 0, version, "zR", alignments 1 and -8, register 16, R: pcrel sdata4 */
		20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b,
	};
	uint64_t at = MADE_DATA_VA + m->data_n, fde, hdr;
	uint32_t b[4] = { 12, 28 };	/* length, back to the CIE */
	uint8_t head[4] = { 1, 0x1b, 0x03, 0x3b };
	int32_t row[4];
	Elf64_Ehdr *h = (void *)m->b;
	Elf64_Phdr *p = (void *)(m->b + sizeof(*h));

	made_data(m, cie, sizeof(cie));
	fde = at + sizeof(cie);
	b[2] = va - (fde + 8);
	b[3] = size;
	made_data(m, b, sizeof(b));
	hdr = MADE_DATA_VA + m->data_n;
	memcpy(row, (int32_t[]){ at - (hdr + 4), 1, va - hdr, fde - hdr }, sizeof(row));
	made_data(m, head, sizeof(head));
	made_data(m, row, sizeof(row));
	p[h->e_phnum++] = (Elf64_Phdr){ .p_type = PT_GNU_EH_FRAME, .p_vaddr = hdr, .p_filesz = 20, .p_memsz = 20 };
}

/* OpenSSL 3's ssl_lib.c. */
struct made_openssl {
	bool flags;		/* since 3.3: one more argument */
	bool strangers;		/* SSL_write calls something else */
	bool no_outer;		/* SSL_write was not linked in */
	uint64_t err, file, read_inner, write_inner, read, write;
};

static inline uint64_t made_text(struct made *m, const char *s)
{
	return made_data(m, s, strlen(s) + 1);
}

static inline void put_raise(struct code *c, const struct made_openssl *o, uint64_t name)
{
	put_lea(c, RDX, name);
	put_mov(c, RSI, 1835);
	put_lea(c, RDI, o->file);
	put_call(c, o->err);
}

static inline uint64_t made_inner(struct made *m, const struct made_openssl *o, const char *name, bool flags)
{
	uint64_t text = made_text(m, name);
	struct code c = code_begin(m);

	PUT(&c, "\x55\x48\x89\xfd\x48\x89\xf3\x49\x89\xd4\x49\x89\xcd");	/* push rbp; keep rdi, rsi, rdx, rcx */
	if (flags)
		PUT(&c, "\x4d\x89\xc6");	/* and r8 */
	put_raise(&c, o, text);
	PUT(&c, "\x5d");
	return code_end(&c);
}

static inline uint64_t made_outer(struct made *m, const struct made_openssl *o, const char *name, uint64_t inner, bool flags)
{
	uint64_t text = made_text(m, name);
	struct code c = code_begin(m);

	PUT(&c, "\x48\x83\xec\x18\x48\x63\xd2");	/* sub rsp, 0x18; movsxd rdx, edx */
	if (flags)
		PUT(&c, "\x31\xc9\x4c\x8d\x44\x24\x08");	/* xor ecx, ecx; lea r8, [rsp + 8] */
	else
		PUT(&c, "\x48\x8d\x4c\x24\x08");	/* lea rcx, [rsp + 8] */
	put_call(&c, inner);
	put_raise(&c, o, text);
	PUT(&c, "\x48\x83\xc4\x18");
	return code_end(&c);
}

static inline void made_openssl(struct made *m, struct made_openssl *o)
{
	uint64_t stranger = made_stub(m), all[6];

	o->err = made_stub(m);
	o->file = made_text(m, "../deps/openssl/ssl/ssl_lib.c");
	made_text(m, "OpenSSL 3.0.19 27 Jan 2026");
	o->read_inner = made_inner(m, o, "ssl_read_internal", false);
	o->write_inner = made_inner(m, o, "ssl_write_internal", o->flags);
	if (o->no_outer)
		made_unwind(m, o->write_inner, MADE_CODE_VA + m->code_n - o->write_inner);
	o->read = made_outer(m, o, "SSL_read", o->read_inner, false);
	o->write = o->no_outer ? stranger :
		   made_outer(m, o, "SSL_write", o->strangers ? stranger : o->write_inner, o->flags);
	memcpy(all, (uint64_t[]){ o->read, o->write, o->read_inner, o->write_inner, o->err, stranger }, sizeof(all));
	made_callers(m, all, 6);
}

/* BoringSSL's ssl_lib.cc. */
struct made_boringssl {
	bool lto;		/* the second argument of ERR_put_error() is gone */
	bool old;		/* no 111 in SSL_write */
	bool peek;		/* SSL_peek is there too */
	bool other_field;	/* SSL_read tests another field than SSL_write */
	bool no_store;		/* nothing that reads moves on */
	uint64_t err, file, impl, peek_va, read, write;
};

static inline void put_error(struct code *c, const struct made_boringssl *b, uint32_t reason, uint32_t line)
{
	put_mov(c, RDI, 16);
	if (b->lto) {
		put_mov(c, RSI, reason);
		put_lea(c, RDX, b->file);
		put_mov(c, RCX, line);
	} else {
		PUT(c, "\x31\xf6");
		put_mov(c, RDX, reason);
		put_lea(c, RCX, b->file);
		put_mov(c, R8, line);
	}
	put_call(c, b->err);
}

static inline uint64_t made_peek(struct made *m, const struct made_boringssl *b, bool store)
{
	struct code c = code_begin(m);

	PUT(&c, "\x55\x49\x89\xf6\x49\x89\xd7");	/* push rbp; keep rsi and rdx */
	PUT(&c, "\x48\x83\xbf");			/* cmp qword [rdi + d], 0 */
	put32(&c, b->other_field ? 0xa0 : 0x98);
	PUT(&c, "\x00");
	put_error(&c, b, 66, 1048);
	put_call(&c, b->impl);
	if (store)
		PUT(&c, "\x48\x01\x98\x80\x00\x00\x00");	/* add [rax + 0x80], rbx */
	PUT(&c, "\x5d");
	return code_end(&c);
}

static inline void made_boringssl(struct made *m, struct made_boringssl *b)
{
	uint64_t all[5];
	struct code c;

	b->err = made_stub(m);
	b->file = made_text(m, "../../vendor/boringssl/ssl/ssl_lib.cc");
	c = code_begin(m);
	PUT(&c, "\x55");
	put_error(&c, b, 226, 960);
	put_error(&c, b, 215, 984);
	b->impl = code_end(&c);
	b->peek_va = b->peek ? made_peek(m, b, false) : b->err;
	b->read = made_peek(m, b, !b->no_store);
	c = code_begin(m);
	PUT(&c, "\x55\x49\x89\xf6\x49\x89\xd7\x48\x83\xbf\x98\x00\x00\x00\x00");
	put_error(&c, b, 66, 1069);
	put_error(&c, b, 226, 1074);
	put_error(&c, b, 215, 1089);
	if (!b->old)
		put_error(&c, b, 111, 1095);
	b->write = code_end(&c);
	memcpy(all, (uint64_t[]){ b->impl, b->peek_va, b->read, b->write, b->err }, sizeof(all));
	made_callers(m, all, 5);
}

#endif /* CODE_MAKE_H */
