/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* A borrowed run of bytes.  Never freed, never NUL-terminated, valid as long as its owner says. */
struct view {
	const char *p;
	size_t n;
};

#define VIEW(lit) ((struct view){ (lit), sizeof(lit) - 1 })
#define VIEW_NONE ((struct view){ NULL, 0 })
/* For printf("%.*s"). */
#define VIEW_ARG(v) (int)(v).n, (v).p

static inline struct view view_of(const char *s)
{
	return (struct view){ s, s ? strlen(s) : 0 };
}

static inline bool view_eq(struct view a, struct view b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

/* ASCII case is ignored, as in header names (RFC 9110 section 5.1). */
static inline bool view_eq_nocase(struct view a, struct view b)
{
	return a.n == b.n && (!a.n || !strncasecmp(a.p, b.p, a.n));
}

static inline bool view_starts(struct view v, struct view with)
{
	return v.n >= with.n && (!with.n || !memcmp(v.p, with.p, with.n));
}

static inline bool view_ends(struct view v, struct view with)
{
	return v.n >= with.n && (!with.n || !memcmp(v.p + v.n - with.n, with.p, with.n));
}

/* Without its first n bytes; n <= v.n. */
static inline struct view view_drop(struct view v, size_t n)
{
	/* NULL + 0 is undefined. */
	return (struct view){ n ? v.p + n : v.p, v.n - n };
}

/* Its first n bytes, or all. */
static inline struct view view_take(struct view v, size_t n)
{
	return (struct view){ v.p, n < v.n ? n : v.n };
}

/* Cuts v at the first c: *head is before it, *rest after it.  False: no c, nothing changed. */
static inline bool view_cut(struct view v, char c, struct view *head, struct view *rest)
{
	const char *at = v.n ? memchr(v.p, c, v.n) : NULL;

	if (!at)
		return false;
	*head = (struct view){ v.p, at - v.p };
	*rest = view_drop(v, head->n + 1);
	return true;
}

/* Without spaces and tabs at both ends (OWS, RFC 9110 section 5.6.3). */
static inline struct view view_trim(struct view v)
{
	while (v.n && (v.p[0] == ' ' || v.p[0] == '\t'))
		v = view_drop(v, 1);
	while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
		v.n--;
	return v;
}

#endif /* VIEW_H */
