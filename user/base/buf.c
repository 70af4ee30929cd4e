// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->n = 0;
}

static int buf_room(struct buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	if (more > b->max - b->n)
		return -E2BIG;
	need = b->n + more;
	if (need <= b->cap)
		return 0;
	cap = need < b->max / 2 ? need * 2 : b->max;
	p = realloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, struct view v)
{
	int err = buf_room(b, v.n);

	if (err || !v.n)
		return err;
	memcpy(b->p + b->n, v.p, v.n);
	b->n += v.n;
	return 0;
}

int buf_add_byte(struct buf *b, char c)
{
	return buf_add(b, (struct view){ &c, 1 });
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	char small[256], *s = small;
	va_list ap;
	int n, err;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n >= sizeof(small)) {
		va_start(ap, fmt);
		n = vasprintf(&s, fmt, ap);
		va_end(ap);
		if (n < 0)
			return -ENOMEM;
	}
	err = buf_add(b, (struct view){ s, n });
	if (s != small)
		free(s);
	return err;
}

void buf_drop(struct buf *b, size_t n)
{
	b->n -= n;
	if (b->n)
		memmove(b->p, b->p + n, b->n);
}
