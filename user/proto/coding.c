// SPDX-License-Identifier: Apache-2.0
/*
 * Content codings over zlib, libbrotlidec and libzstd.
 *
 * All three libraries hand out what can be decoded from the bytes at hand, which
 * is what makes a compressed event stream readable event by event: senders flush
 * behind each event.  Their memory is bounded by the window: 32 KiB for
 * deflate, 16 MiB for brotli (RFC 7932 section 9.1; "large window" stays off), and 8 MiB
 * for zstd, the most a sender may ask for in HTTP (RFC 9659).
 */
#include <brotli/decode.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "proto/coding.h"

#define LAYERS_MAX 4
#define STEP (64 * 1024)
#define ZSTD_WINDOW_LOG 23
#define ZSTD_HEAD_MAX 14	/* of a frame's header behind the magic number: RFC 8878 section 3.1.1.1 */

struct layer;

/* One coding.  take: like coding_take(), and sets ended where the coded stream ends. */
struct codec {
	const char *name, *alias;
	const char *broken, *blown, *memory, *cut, *missing;
	int (*init)(struct layer *l);
	void (*fini)(struct layer *l);
	int (*take)(struct layer *l, struct view *in, struct buf *out);
};

struct layer {
	const struct codec *codec;
	bool started, ended;
	int err;		/* for good; what came out before it is still good */
	uint64_t in, out;	/* bytes so far */
	size_t memory;		/* what the library holds */
	struct buf mid;		/* its output, for the next layer */
	struct view rest;	/* of mid, not yet taken */
	union {
		z_stream z;
		BrotliDecoderState *br;
		ZSTD_DStream *zstd;
	};
	char first;		/* deflate: the first byte, until the second one tells zlib from raw */
	bool has_first;
	char magic[4];		/* zstd: the first bytes of a frame, until all four are here */
	unsigned char magic_n;
	unsigned char head_left;	/* zstd: bytes that may still belong to the frame's header */
	bool in_frame;
	bool padded;		/* gzip: no member follows any more, whatever the bytes look like */
};

struct coding {
	struct layer layers[LAYERS_MAX];
	unsigned cnt;		/* layers[0] takes the wire's bytes */
	int err;
	const char *why;
};

/* The libraries' memory is counted by a size in front of each block. */
union block {
	size_t n;
	max_align_t align;
};

static void *counted_alloc(void *opaque, size_t n)
{
	struct layer *l = opaque;
	union block *b = n < SIZE_MAX - sizeof(*b) ? malloc(sizeof(*b) + n) : NULL;

	if (!b)
		return NULL;
	b->n = n;
	l->memory += n;
	return b + 1;
}

static void counted_free(void *opaque, void *p)
{
	struct layer *l = opaque;
	union block *b = p;

	if (!p)
		return;
	b--;
	l->memory -= b->n;
	free(b);
}

static void *z_alloc(void *opaque, unsigned items, unsigned size)
{
	return counted_alloc(opaque, (size_t)items * size);
}

static int z_start(struct layer *l, int window_bits)
{
	l->z = (z_stream){ .zalloc = z_alloc, .zfree = counted_free, .opaque = l };
	if (inflateInit2(&l->z, window_bits) != Z_OK)
		return -ENOMEM;
	l->started = true;
	return 0;
}

static void z_fini(struct layer *l)
{
	inflateEnd(&l->z);
}

static int z_take(struct layer *l, struct view *in, struct buf *out)
{
	uInt n = in->n < STEP ? in->n : STEP;
	int r;

	l->z.next_in = (Bytef *)in->p;
	l->z.avail_in = n;
	l->z.next_out = (Bytef *)out->p + out->n;
	l->z.avail_out = STEP;
	r = inflate(&l->z, Z_SYNC_FLUSH);
	*in = view_drop(*in, n - l->z.avail_in);
	out->n += STEP - l->z.avail_out;
	if (r == Z_STREAM_END)
		l->ended = true;
	else if (r == Z_MEM_ERROR)
		return -ENOMEM;
	else if (r != Z_OK && r != Z_BUF_ERROR)
		return -EILSEQ;
	return in->n || !l->z.avail_out;
}

static int gzip_init(struct layer *l)
{
	return z_start(l, 16 + MAX_WBITS);
}

/* Members may follow one another (RFC 1952 section 2.2); padding behind the last one is no error to gzip(1) either. */
static int gzip_take(struct layer *l, struct view *in, struct buf *out)
{
	if (l->ended && in->n) {
		if (l->padded || in->p[0] != '\x1f') {
			l->padded = true;
			*in = view_drop(*in, in->n);
			return 0;
		}
		if (inflateReset(&l->z) != Z_OK)
			return -EILSEQ;
		l->ended = false;
	}
	return z_take(l, in, out);
}

/* zlib by its header (RFC 1950 section 2.2); some send raw deflate under the same name (RFC 9110 section 8.4.1.2). */
static bool is_zlib(unsigned char a, unsigned char b)
{
	return (a & 0x0f) == 8 && (a << 8 | b) % 31 == 0;
}

static int deflate_start(struct layer *l, struct view *in)
{
	char second;
	int err;

	if (!l->has_first) {
		l->first = in->p[0];
		l->has_first = true;
		*in = view_drop(*in, 1);
	}
	if (!in->n)
		return 0;
	second = in->p[0];
	err = z_start(l, is_zlib(l->first, second) ? MAX_WBITS : -MAX_WBITS);
	return err ? err : 1;
}

static int deflate_take(struct layer *l, struct view *in, struct buf *out)
{
	struct view first = { &l->first, 1 };
	int r = 1;

	if (!in->n && !l->started)
		return 0;
	if (!l->started) {
		r = deflate_start(l, in);
		if (r != 1)
			return r;
		r = z_take(l, &first, out);
		if (r < 0)
			return r;
	}
	if (l->ended) {
		*in = view_drop(*in, in->n);
		return 0;
	}
	return z_take(l, in, out);
}

static int br_init(struct layer *l)
{
	l->br = BrotliDecoderCreateInstance(counted_alloc, counted_free, l);
	l->started = l->br;
	return l->br ? 0 : -ENOMEM;
}

static void br_fini(struct layer *l)
{
	BrotliDecoderDestroyInstance(l->br);
}

static int br_error(const struct layer *l)
{
	BrotliDecoderErrorCode e = BrotliDecoderGetErrorCode(l->br);

	return e <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && e >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES ?
		       -ENOMEM : -EILSEQ;
}

static int br_take(struct layer *l, struct view *in, struct buf *out)
{
	size_t left = STEP, n = in->n;
	uint8_t *to = (uint8_t *)out->p + out->n;
	const uint8_t *from = (const uint8_t *)in->p;
	BrotliDecoderResult r;

	if (l->ended) {
		*in = view_drop(*in, in->n);
		return 0;
	}
	r = BrotliDecoderDecompressStream(l->br, &n, &from, &left, &to, NULL);
	*in = view_drop(*in, in->n - n);
	out->n += STEP - left;
	if (r == BROTLI_DECODER_RESULT_ERROR)
		return br_error(l);
	l->ended = r == BROTLI_DECODER_RESULT_SUCCESS;
	return in->n || r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
}

static int zstd_init(struct layer *l)
{
	l->zstd = ZSTD_createDStream();
	if (!l->zstd)
		return -ENOMEM;
	l->started = true;
	ZSTD_DCtx_setParameter(l->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
	return 0;
}

static void zstd_fini(struct layer *l)
{
	ZSTD_freeDStream(l->zstd);
}

/* Takes input for the frame that began; out may grow to end. */
static int zstd_step(struct layer *l, struct view *in, struct buf *out, size_t end)
{
	ZSTD_inBuffer from = { in->p, in->n, 0 };
	ZSTD_outBuffer to = { out->p, end, out->n };
	size_t r = ZSTD_decompressStream(l->zstd, &to, &from);

	l->memory = ZSTD_sizeof_DStream(l->zstd);
	if (ZSTD_isError(r))
		return ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation ? -ENOMEM : -EILSEQ;
	*in = view_drop(*in, from.pos);
	out->n = to.pos;
	l->ended = r == 0;
	l->in_frame = !l->ended;
	return in->n || to.pos == to.size;
}

/* A frame, or one to skip (RFC 8878 sections 3.1.1 and 3.1.2). */
static bool is_frame(const char m[static 4])
{
	return !memcmp(m, "\x28\xb5\x2f\xfd", 4) || ((m[0] & 0xf0) == 0x50 && !memcmp(m + 1, "\x2a\x4d\x18", 3));
}

/*
 * libzstd may be built to read the formats before RFC 8878 too, with decoders
 * of that time.  Nobody sends those, so nobody but an attacker would have them
 * run.  1: a frame begins with l->magic.  0: not all of it is here.
 */
static int zstd_begin(struct layer *l, struct view *in)
{
	for (; in->n && l->magic_n < sizeof(l->magic); *in = view_drop(*in, 1)) {
		l->magic[l->magic_n++] = in->p[0];
		l->ended = false;
	}
	if (l->magic_n < sizeof(l->magic))
		return 0;
	l->magic_n = 0;
	l->head_left = ZSTD_HEAD_MAX;
	l->in_frame = true;
	return is_frame(l->magic) ? 1 : -EILSEQ;
}

/*
 * Until a frame's header is complete, libzstd asks of whatever piece it is given
 * whether that begins like a frame of the old formats (seen with 1.5.4, where a
 * whole frame would fit).  A byte is too short to look like one.
 */
static int zstd_head(struct layer *l, struct view *in, struct buf *out, size_t end)
{
	struct view one;
	int r = 0;

	while (!r && l->in_frame && l->head_left && in->n) {
		one = view_take(*in, 1);
		r = zstd_step(l, &one, out, end);
		*in = view_drop(*in, 1 - one.n);
		l->head_left--;
	}
	return r;
}

static int zstd_take(struct layer *l, struct view *in, struct buf *out)
{
	struct view magic = { l->magic, sizeof(l->magic) };
	size_t end = out->n + STEP;
	int r;

	if (!l->in_frame) {
		r = zstd_begin(l, in);
		if (r == 1)
			r = zstd_step(l, &magic, out, end);
		if (r < 0 || !in->n)
			return r < 0 ? r : 0;
	}
	r = zstd_head(l, in, out, end);
	if (r || !l->in_frame)
		return r ? r : in->n > 0;
	return zstd_step(l, in, out, end);
}

#define WORDS(name)						\
	.broken = name ": broken data",				\
	.blown = name ": grows beyond all measure",		\
	.memory = name ": out of memory",			\
	.cut = name ": ends too early",				\
	.missing = name ": bytes are missing"

static const struct codec codecs[] = {
	{ "gzip", "x-gzip", WORDS("gzip"), gzip_init, z_fini, gzip_take },
	{ "deflate", NULL, WORDS("deflate"), NULL, z_fini, deflate_take },
	{ "br", NULL, WORDS("br"), br_init, br_fini, br_take },
	{ "zstd", NULL, WORDS("zstd"), zstd_init, zstd_fini, zstd_take },
};

static const struct codec *find(struct view name)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (view_eq_nocase(name, view_of(codecs[i].name)) ||
		    (codecs[i].alias && view_eq_nocase(name, view_of(codecs[i].alias))))
			return &codecs[i];
	return NULL;
}

/* Stands in for a decoder there was no memory for, so that coded bytes are never taken for text. */
static struct coding no_memory = { .err = -ENOMEM, .why = "content coding: out of memory" };

static void layers_release(struct coding *c)
{
	for (struct layer *l = c->layers; l < c->layers + c->cnt; l++) {
		if (l->started)
			l->codec->fini(l);
		l->started = false;
		l->memory = 0;
		buf_release(&l->mid);
	}
}

/* For good, so what the decoders hold is of no more use. */
static void give_up(struct coding *c, int err, const char *why)
{
	if (c->err)
		return;
	c->err = err;
	c->why = why;
	layers_release(c);
}

static void add_layer(struct coding *c, struct view name)
{
	const struct codec *codec = find(name);

	if (!name.n || view_eq_nocase(name, VIEW("identity")))
		return;
	if (!codec)
		give_up(c, -ENOTSUP, "unknown content coding");
	else if (c->cnt == LAYERS_MAX)
		give_up(c, -ENOTSUP, "too many content codings");
	else
		c->layers[c->cnt++] = (struct layer){ .codec = codec, .mid.max = STEP };
}

/* The list is in the order in which the codings were applied (RFC 9110 section 8.4); undo the last one first. */
static void add_layers(struct coding *c, struct view list)
{
	const char *comma;

	while ((comma = list.n ? memrchr(list.p, ',', list.n) : NULL)) {
		add_layer(c, view_trim(view_drop(list, comma + 1 - list.p)));
		list.n = comma - list.p;
	}
	add_layer(c, view_trim(list));
}

struct coding *coding_new(struct view content_encoding)
{
	struct coding *c;

	if (!view_trim(content_encoding).n)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return &no_memory;
	add_layers(c, content_encoding);
	if (c->cnt || c->err)
		return c;
	free(c);
	return NULL;
}

void coding_free(struct coding *c)
{
	if (!c || c == &no_memory)
		return;
	layers_release(c);
	free(c);
}

/* Room for one step, in place, so that a decoder can write there. */
static int make_room(struct buf *b)
{
	size_t need = b->n + STEP, cap;
	char *p;

	if (b->cap >= need)
		return 0;
	if (b->max < need)
		return -E2BIG;
	cap = need < b->max / 2 ? need * 2 : b->max;
	p = realloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

static const char *reason(const struct codec *codec, int err)
{
	switch (err) {
	case -E2BIG:
		return codec->blown;
	case -ENOMEM:
		return codec->memory;
	default:
		return codec->broken;
	}
}

static int layer_take(struct layer *l, struct view *in, struct buf *out)
{
	size_t in_n = in->n, out_n = out->n;
	int r = l->err;

	if (!r && !l->started && l->codec->init)
		r = l->codec->init(l);
	if (!r)
		r = make_room(out);
	if (r)
		return l->err = r;
	r = l->codec->take(l, in, out);
	l->in += in_n - in->n;
	l->out += out->n - out_n;
	if (r >= 0 && l->out > CODING_FREE && l->out / CODING_RATIO_MAX >= l->in)
		r = -E2BIG;
	if (r < 0)
		l->err = r;
	return r;
}

/* The next output of layer i, whose input is pulled through the layers before it. */
static int pull(struct coding *c, unsigned i, struct view *in, struct buf *out)
{
	struct layer *l = &c->layers[i], *from = i ? l - 1 : NULL;
	size_t had = out->n;
	int r;

	for (;;) {
		r = layer_take(l, from ? &from->rest : in, out);
		if (r || !from || out->n > had)
			return r || !from ? r : 1;
		buf_reset(&from->mid);
		r = pull(c, i - 1, in, &from->mid);
		from->rest = buf_view(&from->mid);
		if (r <= 0 && !from->rest.n)
			return r;
	}
}

int coding_take(struct coding *c, struct view *in, struct buf *out)
{
	int r = c->err ? c->err : pull(c, c->cnt - 1, in, out);

	/* Of several that failed the last one did so on bytes that came before. */
	for (unsigned i = c->cnt; r < 0 && !c->err && i--;)
		if (c->layers[i].err)
			give_up(c, r, reason(c->layers[i].codec, r));
	return r;
}

bool coding_done(const struct coding *c)
{
	for (unsigned i = 0; i < c->cnt; i++)
		if (!c->layers[i].ended)
			return false;
	return !c->err;
}

void coding_gap(struct coding *c)
{
	if (c->cnt)
		give_up(c, -EILSEQ, c->layers[0].codec->missing);
}

const char *coding_error(const struct coding *c)
{
	return c->err ? c->why : NULL;
}

const char *coding_end_error(const struct coding *c)
{
	if (c->err)
		return c->why;
	if (!c->layers[0].in || coding_done(c))
		return NULL;
	return c->layers[0].codec->cut;
}

size_t coding_memory(const struct coding *c)
{
	size_t n = sizeof(*c);

	for (unsigned i = 0; i < c->cnt; i++)
		n += c->layers[i].memory + c->layers[i].mid.cap;
	return n;
}
