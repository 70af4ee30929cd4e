/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A ring of links inside the things they link; the head is one too.  A link in no list points to itself. */
struct link {
	struct link *next, *prev;
};

#define link_owner(l, type, member) ((type *)((char *)(l) - offsetof(type, member)))

static inline void link_init(struct link *l)
{
	l->next = l->prev = l;
}

static inline bool link_alone(const struct link *l)
{
	return l->next == l;
}

static inline void link_out(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

/* l is in no list. */
static inline void link_before(struct link *at, struct link *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

/* Moves l to the front of a list, or to its end; it may be in one, also in this one. */
static inline void list_push(struct link *head, struct link *l)
{
	link_out(l);
	link_before(head->next, l);
}

static inline void list_append(struct link *head, struct link *l)
{
	link_out(l);
	link_before(head, l);
}

static inline struct link *list_first(const struct link *head)
{
	return head->next == head ? NULL : head->next;
}

#endif /* LIST_H */
