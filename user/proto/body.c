// SPDX-License-Identifier: Apache-2.0
#include "proto/body.h"

#define BINARY_HEAD_MAX (64 * 1024)

void body_init(struct body *b)
{
	*b = (struct body){ 0 };
	buf_init(&b->head, BODY_HEAD_MAX);
	buf_init(&b->tail, 2 * BODY_TAIL_MAX);
}

void body_release(struct body *b)
{
	buf_release(&b->head);
	buf_release(&b->tail);
}

static struct view media_type(struct view content_type)
{
	struct view type = content_type, params;

	view_cut(content_type, ';', &type, &params);
	return view_trim(type);
}

bool media_type_is(struct view content_type, const char *type)
{
	return view_eq_nocase(media_type(content_type), view_of(type));
}

static bool starts_nocase(struct view v, const char *with)
{
	struct view w = view_of(with);

	return v.n >= w.n && view_eq_nocase(view_take(v, w.n), w);
}

/* Downloads and media, by the types that package registries, model hubs and web servers give them. */
static bool is_binary(struct view content_type)
{
	static const char *const prefixes[] = {
		"image/", "audio/", "video/", "font/", "model/", "application/octet-stream", "application/zip",
		"application/gzip", "application/x-gzip", "application/x-tar", "application/x-bzip",
		"application/x-xz", "application/zstd", "application/x-7z", "application/x-rar",
		"application/pdf", "application/wasm", "application/java-archive",
		"application/vnd.debian.binary-package", "application/x-rpm", "application/x-git-",
		"application/vnd.docker.image.rootfs", "application/vnd.oci.image.layer", "application/grpc",
	};
	struct view type = media_type(content_type);

	/* image/svg+xml and its like are text. */
	if (view_ends(type, VIEW("+xml")) || view_ends(type, VIEW("+json")))
		return false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (starts_nocase(type, prefixes[i]))
			return true;
	return false;
}

struct body_fill body_fill(struct view content_type)
{
	return (struct body_fill){ .head_max = is_binary(content_type) ? BINARY_HEAD_MAX : BODY_HEAD_MAX };
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The buffer is twice the size of what it is for, so that old bytes move out in large steps. */
static void tail_add(struct buf *tail, struct view v)
{
	if (v.n >= BODY_TAIL_MAX) {
		buf_reset(tail);
		v = view_drop(v, v.n - BODY_TAIL_MAX);
	}
	if (tail->n + v.n > tail->max)
		buf_drop(tail, tail->n - BODY_TAIL_MAX);
	if (buf_add(tail, v))
		buf_reset(tail);
}

void body_add(struct body *b, struct body_fill *f, struct view v, size_t room)
{
	size_t n = f->closed ? 0 : min(min(v.n, room), f->head_max - b->head.n);

	b->decoded += v.n;
	if (n && buf_add(&b->head, view_take(v, n)))
		n = 0;
	if (n == v.n)
		return;
	f->closed = true;
	if (room - n >= 2 * BODY_TAIL_MAX || b->tail.cap)
		tail_add(&b->tail, view_drop(v, n));
}

void body_gap(struct body *b, struct body_fill *f)
{
	f->closed = true;
	buf_reset(&b->tail);
}

void body_finish(struct body *b, bool whole)
{
	if (b->tail.n > BODY_TAIL_MAX)
		buf_drop(&b->tail, b->tail.n - BODY_TAIL_MAX);
	b->cut = b->decoded - b->head.n - b->tail.n;
	b->complete = whole && !b->cut && !b->lost && !b->error && !b->tail.n;
}

size_t body_memory(const struct body *b)
{
	return b->head.cap + b->tail.cap;
}
