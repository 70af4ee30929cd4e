// SPDX-License-Identifier: Apache-2.0
/*
 * rustls 0.23.
 *
 * All plaintext passes two functions that are not generic, so each is there once, whatever the cipher's
 * provider is (src/common_state.rs):
 *
 *	buffer_plaintext(&mut CommonState, &OutboundChunks, &mut ChunkVecBuffer) -> usize
 *	take_received_plaintext(&mut CommonState, &Payload)
 *
 * No text refers to them. What they do to CommonState does: buffer_plaintext begins by taking the Vec
 * out of an Option, queued_key_update_message: its word is read and the one that means None, 1 << 63,
 * stored instead; then it looks at the bool may_send_application_data. take_received_plaintext
 * begins by setting a counter of TemperCounters to 32. The bool and the counter are fields of one struct, among
 * its bytes, and the compiler puts those together behind the words: so each function
 * names a field that the other one has to lie next to. Neither is believed alone.
 *
 * Where code is made small the taking is a function of its own; then the bool's place has to
 * be the one that it has in every build seen, eight bytes behind the counter, and the function
 * to look at a second field of its argument, as OutboundChunks has it.
 *
 * Where the whole program is optimised at once, buffer_plaintext is gone into its only caller. It ends, and so does
 * what became of it, with a call of send_appdata_encrypt (in small builds send_plain_non_buffering),
 * which takes the same two arguments and returns the same; what was written before the end of
 * the handshake comes there too, later. That one is taken then.
 *
 * The counter is in 0.23.33 and not in 0.23.29; before it there is buffer_plaintext alone, and the stack is not usable this way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find/code.h"
#include "find/find.h"
#include "find/leave.h"
#include "find/scan_room.h"

#define HEAD		96		/* of a function: where its arguments still are in their registers */
#define BODY		512
#define BEFORE		24		/* bytes between the reading of a word and its replacement */
#define CANDIDATES	8

#define COUNTER		0x32e		/* of CommonState from 0.23.33 to 0.23.46 */
#define NEXT_TO		0x20		/* bytes between fields that are next to each other */

enum { TEXT_EOF, TEXT_REFUSE, TEXT_PATH };
static const struct scan_text texts[] = {
	[TEXT_EOF] = { "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/", SCAN_STARTS },
	[TEXT_REFUSE] = { "self.next_pre_encrypt_action() != PreEncryptAction::Refuse", SCAN_STARTS },
	[TEXT_PATH] = { "/src/common_state.rs", SCAN_STARTS },
	{ NULL }
};

enum { CODE_COUNTER, CODE_TAKE, CODE_BOOL, CODE_ARM64_COUNTER, CODE_ARM64_BOOL };
static const struct scan_code codes[] = {
	/* movb $0x20,disp32(%rdi) */
	[CODE_COUNTER] = { 7, 0, IMAGE_X86_64,
			   { 0xc6, 0x87, 0, 0, 0, 0, 0x20 },
			   { 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff } },
	/* movabs $1<<63,%reg; mov %reg,disp32(%rdi) */
	[CODE_TAKE] = { 16, 0, IMAGE_X86_64,
			{ 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x89, 0x87, 0, 0, 0 },
			{ 0xff, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb, 0xff, 0xc7, 0, 0, 0xff } },
	/* cmpb $1,COUNTER+8(%reg) */
	[CODE_BOOL] = { 7, 2, IMAGE_X86_64,
			{ 0x80, 0xb8, 0x36, 0x03, 0, 0, 1 },
			{ 0xff, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff } },
	/* strb wn,[x0,#COUNTER] */
	[CODE_ARM64_COUNTER] = { 4, 3, IMAGE_ARM64, { 0, 0xb8, 0x0c, 0x39 }, { 0xe0, 0xff, 0xff, 0xff } },
	/* ldrb wn,[xn,#COUNTER+8] */
	[CODE_ARM64_BOOL] = { 4, 3, IMAGE_ARM64, { 0, 0xd8, 0x4c, 0x39 }, { 0, 0xfc, 0xff, 0xff } },
	{ 0 }
};

/* A function that may be one of the two, and the field that says so. */
struct maybe {
	uint64_t va;
	uint32_t field;
};

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The function that va is near the beginning of: asking for those far away would take long where nothing but calls tells. */
static bool near_start(const struct image *im, const struct scan *scan, uint64_t va, struct scan_func *ret)
{
	*ret = (struct scan_func){ 0 };
	if (unwind_find(im, va, &ret->va, &ret->size))
		return va - ret->va <= HEAD && code_reaches(im, ret->va, va);
	for (uint64_t at = va; at && va - at <= HEAD; at--)
		if (scan_called(scan, at) && scan_function(scan, at, ret) && ret->va == at && code_reaches(im, at, va))
			return true;
	return false;
}

/* Its first n bytes, zeros behind its end. */
static bool head_of(const struct image *im, const struct scan *scan, uint64_t va, uint8_t *buf, size_t n,
		    uint64_t *ret_va)
{
	struct scan_func f;

	if (!near_start(im, scan, va, &f))
		return false;
	memset(buf, 0, n);
	if (f.size && f.size < n)
		n = f.size;
	*ret_va = f.va;
	return image_read(im, f.va, buf, n) == n;
}

/* mov disp8(reg),reg or mov (reg),reg with REX.W: reads a word from the argument at this place? */
static bool loads(const uint8_t *p, size_t n, uint8_t op, uint8_t disp)
{
	for (size_t i = 0; i + 4 < n; i++) {
		uint8_t mod = p[i + 2] >> 6, rm = p[i + 2] & 7;

		if ((p[i] & 0xf8) != 0x48 || p[i + 1] != op || rm == 5)
			continue;
		if (rm == 4 && p[i + 3] == 0x24 && mod == 1 && p[i + 4] == disp)
			return true;
		if (rm != 4 && mod == 1 && p[i + 3] == disp)
			return true;
	}
	return false;
}

/* mov %rsi,%reg */
static bool keeps_argument(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 3 <= n; i++)
		if ((p[i] & 0xfe) == 0x48 && p[i + 1] == 0x89 && (p[i + 2] & 0xf8) == 0xf0)
			return true;
	return false;
}

static void put_maybe(struct maybe *m, size_t *cnt, uint64_t va, uint32_t field)
{
	if (*cnt < CANDIDATES)
		m[(*cnt)++] = (struct maybe){ va, field };
}

/* ---- x86-64 ---- */

/* Payload is { tag or capacity, pointer, length }: all are read at once, or all handed on with rsi as it came. */
static bool x86_reads_payload(const uint8_t *p, size_t n)
{
	if (loads(p, n, 0x8b, 8) && loads(p, n, 0x8b, 16))
		return true;
	for (size_t i = 0; i + 5 <= n; i++)
		if (p[i] == 0xe8)
			return !keeps_argument(p, i);
	return false;
}

static size_t x86_readers(const struct image *im, const struct scan *scan, struct maybe *ret)
{
	uint8_t head[HEAD], at_store[8];
	const uint64_t *at;
	size_t n = scan_codes(scan, &codes[CODE_COUNTER], &at), cnt = 0;
	uint64_t va;

	for (size_t i = 0; i < n; i++)
		if (head_of(im, scan, at[i], head, sizeof(head), &va) && at[i] - va <= 32 &&
		    image_read(im, at[i], at_store, 8) == 8 && x86_reads_payload(head, sizeof(head)))
			put_maybe(ret, &cnt, va, u32(at_store + 2));
	return cnt;
}

/* mov disp32(%rdi),%reg with this displacement, before the store. */
static bool x86_took(const uint8_t *p, size_t n, uint32_t field)
{
	for (size_t i = 0; i + 7 <= n; i++)
		if ((p[i] & 0xfb) == 0x48 && p[i + 1] == 0x8b && (p[i + 2] & 0xc7) == 0x87 && u32(p + i + 3) == field)
			return true;
	return false;
}

/* cmpb $0 or $1,disp32(reg) of a field up to 0x80 behind this one; 0: none. */
static uint32_t x86_bool(const uint8_t *p, size_t n, uint32_t field)
{
	for (size_t i = 0; i + 7 <= n; i++) {
		uint32_t disp = u32(p + i + 2);

		if (p[i] == 0x80 && (p[i + 1] & 0xf8) == 0xb8 && p[i + 6] <= 1 && disp > field && disp < field + 0x80)
			return disp;
	}
	return 0;
}

static size_t x86_takers(const struct image *im, const struct scan *scan, struct maybe *ret)
{
	uint8_t near[BEFORE + 17], body[BODY];
	const uint64_t *at;
	size_t n = scan_codes(scan, &codes[CODE_TAKE], &at), cnt = 0, off;
	uint32_t take, field;
	uint64_t va;

	for (size_t i = 0; i < n; i++) {
		if (image_read(im, at[i] - BEFORE, near, sizeof(near)) != sizeof(near))
			continue;
		take = u32(near + BEFORE + 13);
		if (!x86_took(near, BEFORE, take) || !head_of(im, scan, at[i], body, sizeof(body), &va))
			continue;
		off = at[i] - va;
		field = x86_bool(body + off, sizeof(body) - off, take);
		if (field && keeps_argument(body, off))
			put_maybe(ret, &cnt, va, field);
	}
	return cnt;
}

/* Where an instruction begins whose opcode is at va: a REX prefix stands before it. */
static uint64_t x86_start(const struct image *im, uint64_t va)
{
	uint8_t rex;

	return image_read(im, va - 1, &rex, 1) == 1 && rex == 0x41 ? va - 1 : va;
}

/* The same where the taking is a function of its own. */
static size_t x86_small_takers(const struct image *im, const struct scan *scan, struct maybe *ret)
{
	uint8_t body[BODY];
	const uint64_t *at;
	size_t n = scan_codes(scan, &codes[CODE_BOOL], &at), cnt = 0, off;
	uint64_t va;

	for (size_t i = 0; i < n; i++) {
		if (!head_of(im, scan, x86_start(im, at[i]), body, sizeof(body), &va))
			continue;
		off = at[i] - va;
		if (keeps_argument(body, off) && memchr(body, 0xe8, off) && loads(body + off, HEAD, 0x8b, 0x18) &&
		    loads(body + off, HEAD, 0x2b, 0x10))
			put_maybe(ret, &cnt, va, COUNTER + 8);
	}
	return cnt;
}

/*
 * Where a call or jump goes that p, behind the comparison of the bool, comes to with Limit::Yes, which is 0, in
 * its third argument; 0: none.
 */
static uint64_t x86_sends(uint64_t va, const uint8_t *p, size_t n)
{
	bool limit = false;

	for (size_t i = 0; i + 5 <= n; i++) {
		limit |= p[i] == 0x31 && p[i + 1] == 0xd2;	/* xor %edx,%edx */
		if (limit && (p[i] == 0xe8 || p[i] == 0xe9))
			return va + i + 5 + (uint64_t)(int64_t)(int32_t)u32(p + i + 1);
	}
	return 0;
}

/* What is called with the plaintext once the bool is set. */
static size_t x86_senders(const struct image *im, const struct scan *scan, struct maybe *ret)
{
	uint8_t after[64], head[HEAD];
	const uint64_t *at;
	size_t n = scan_codes(scan, &codes[CODE_BOOL], &at), cnt = 0;
	uint64_t to, va;

	for (size_t i = 0; i < n; i++) {
		if (image_read(im, at[i] + 7, after, sizeof(after)) != sizeof(after) ||
		    (after[0] != 0x75 && (after[0] != 0x0f || after[1] != 0x85)))
			continue;
		to = x86_sends(at[i] + 7, after, sizeof(after));
		if (to && head_of(im, scan, to, head, sizeof(head), &va) && va == to &&
		    loads(head, sizeof(head), 0x8b, 0x10) && loads(head, sizeof(head), 0x8b, 0x18))
			put_maybe(ret, &cnt, va, COUNTER + 8);
	}
	return cnt;
}

/* ---- arm64 ---- */

/* ldr or ldp from x1, the argument: Payload's words. */
static bool arm64_reads_argument(const uint8_t *p, size_t n, uint32_t from)
{
	for (size_t i = 0; i + 4 <= n; i += 4) {
		uint32_t w = u32(p + i);

		if (((w & 0xffc00000) == 0xf9400000 || (w & 0xffc00000) == 0xa9400000) && (w >> 5 & 31) == from)
			return true;
	}
	return false;
}

/* mov wn,#32 */
static bool arm64_has_32(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i += 4)
		if ((u32(p + i) & 0xffffffe0) == 0x52800400)
			return true;
	return false;
}

/* mov xn,#1<<63 */
static bool arm64_has_none(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i += 4)
		if ((u32(p + i) & 0xffffffe0) == 0xd2f00000)
			return true;
	return false;
}

static size_t arm64_readers(const struct image *im, const struct scan *scan, struct maybe *ret)
{
	uint8_t head[HEAD];
	const uint64_t *at;
	size_t n = scan_codes(scan, &codes[CODE_ARM64_COUNTER], &at), cnt = 0;
	uint64_t va;

	for (size_t i = 0; i < n; i++)
		if (head_of(im, scan, at[i], head, sizeof(head), &va) && arm64_has_32(head, at[i] - va) &&
		    arm64_reads_argument(head, sizeof(head), 1))
			put_maybe(ret, &cnt, va, COUNTER);
	return cnt;
}

static size_t arm64_takers(const struct image *im, const struct scan *scan, struct maybe *ret)
{
	uint8_t body[BODY];
	const uint64_t *at;
	size_t n = scan_codes(scan, &codes[CODE_ARM64_BOOL], &at), cnt = 0;
	struct scan_func f;

	for (size_t i = 0; i < n; i++) {
		if (!scan_function(scan, at[i], &f) || at[i] - f.va > BODY - 4 ||
		    image_read(im, f.va, body, sizeof(body)) != sizeof(body))
			continue;
		if (arm64_has_none(body, HEAD))
			put_maybe(ret, &cnt, f.va, COUNTER + 8);
	}
	return cnt;
}

/* ---- */

static bool next_to(uint32_t a, uint32_t b)
{
	return (a < b ? b - a : a - b) <= NEXT_TO;
}

/* The one of m whose field is next to this one; NULL: none, or more. */
static const struct maybe *only(const struct maybe *m, size_t cnt, uint32_t field)
{
	const struct maybe *found = NULL;

	for (size_t i = 0; i < cnt; i++) {
		if (!next_to(m[i].field, field) || (found && found->va == m[i].va))
			continue;
		if (found)
			return NULL;
		found = &m[i];
	}
	return found;
}

static bool put_func(const struct image *im, const struct scan *scan, struct found *ret, const char *sym,
		     uint64_t va, bool rets)
{
	struct found_func *f = &ret->func[ret->cnt];
	int cnt = 0;

	*f = (struct found_func){ .sym = sym, .va = va, .probe = code_probe(im, va) };
	if (rets)
		cnt = leave_rets(im, scan, va, f->rets, FOUND_RETS_MAX);
	if (cnt < 0 || (rets && !cnt) || !f->probe)
		return false;
	for (int i = 0; i < cnt; i++)
		f->rets[i] = image_off(im, f->rets[i]);
	f->rets_cnt = (uint32_t)cnt;
	ret->cnt++;
	return true;
}

/* "rustls-0.23.46/src/common_state.rs" is where a panic in that file says it was. */
static void find_version(const struct image *im, const struct scan *scan, char *ret, size_t max)
{
	const uint64_t *at;
	size_t cnt = scan_texts(scan, &texts[TEXT_PATH], &at);
	char before[32], *name = NULL;

	for (size_t i = 0; i < cnt && !name; i++) {
		if (image_read(im, at[i] - (sizeof(before) - 1), before, sizeof(before) - 1) != sizeof(before) - 1)
			continue;
		before[sizeof(before) - 1] = '\0';
		name = memmem(before, sizeof(before) - 1, "rustls-", 7);
	}
	if (name && strlen(name) > 7 && strspn(name + 7, "0123456789.") == strlen(name + 7))
		snprintf(ret, max, "%s", name + 7);
}

static bool is_there(const struct scan *scan)
{
	const uint64_t *at;

	return scan_texts(scan, &texts[TEXT_EOF], &at) || scan_texts(scan, &texts[TEXT_REFUSE], &at);
}

static int rustls_find(const struct image *im, const struct scan *scan, struct found *ret)
{
	bool arm64 = image_machine(im) == IMAGE_ARM64;
	struct maybe readers[CANDIDATES], takers[CANDIDATES];
	size_t readers_cnt, takers_cnt;

	if (!is_there(scan))
		return 0;
	ret->method = "struct fields";
	find_version(im, scan, ret->version, sizeof(ret->version));
	readers_cnt = (arm64 ? arm64_readers : x86_readers)(im, scan, readers);
	takers_cnt = (arm64 ? arm64_takers : x86_takers)(im, scan, takers);
	if (!takers_cnt && !arm64)
		takers_cnt = x86_small_takers(im, scan, takers);
	if (!takers_cnt && !arm64)
		takers_cnt = x86_senders(im, scan, takers);
	for (size_t i = 0; i < readers_cnt; i++) {
		const struct maybe *taker = only(takers, takers_cnt, readers[i].field);

		if (!taker || only(readers, readers_cnt, taker->field) != &readers[i])
			continue;
		if (!put_func(im, scan, ret, "buffer_plaintext", taker->va, true) ||
		    !put_func(im, scan, ret, "take_received_plaintext", readers[i].va, false))
			ret->cnt = 0;
		break;
	}
	if (!ret->cnt)
		snprintf(ret->why, sizeof(ret->why), "the functions of rustls that plaintext passes were not found");
	return 1;
}

const struct finder find_rustls = { .stack = "rustls", .texts = texts, .codes = codes, .find = rustls_find };
