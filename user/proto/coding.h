/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODING_H
#define CODING_H

#include "base/buf.h"

/*
 * Content codings (RFC 9110 section 8.4): gzip, deflate (zlib and raw), br,
 * zstd, identity, and several one after another ("gzip, br").  Decoding is
 * incremental; output is bounded per call and in all.
 */
struct coding;

/* From a Content-Encoding value.  NULL: identity or empty.  An unknown coding gives a decoder whose first take says -ENOTSUP. */
struct coding *coding_new(struct view content_encoding);
void coding_free(struct coding *c);

#define CODING_RATIO_MAX 1000	/* decoded bytes per coded byte, once more than CODING_FREE were decoded */
#define CODING_FREE (1024 * 1024)

/*
 * Decodes from *in (advanced), appending at most 64 KiB to *out.  1: there may be
 * more, call again.  0: *in is used up.  < 0 for good: -EILSEQ broken data, -E2BIG blow-up
 * limit, -ENOTSUP, -ENOMEM.  What was appended by a call that failed is good.  libbrotlidec keeps some of what
 * stands before broken data to itself, more or less of it by how its input was cut.
 */
int coding_take(struct coding *c, struct view *in, struct buf *out);

/* True when the coded stream reached its own end. */
bool coding_done(const struct coding *c);

/* Bytes are missing here: this is the end of decoding, -EILSEQ. */
void coding_gap(struct coding *c);

/* Why decoding failed: static text ("gzip: broken data"); NULL: it did not. */
const char *coding_error(const struct coding *c);

/* The same, when all coded bytes that there were have been taken: a stream that has not ended by then is an error. */
const char *coding_end_error(const struct coding *c);

/* Bytes of memory it holds now. */
size_t coding_memory(const struct coding *c);

#endif /* CODING_H */
