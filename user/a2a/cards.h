/* SPDX-License-Identifier: Apache-2.0 */
#ifndef A2A_CARDS_H
#define A2A_CARDS_H

#include "base/json.h"

/* What agents say of themselves, by where they are spoken to.  The newest CARDS_MAX are kept. */
#define CARDS_MAX	256
#define CARD_URLS	4

struct card {
	char host[256];			/* that served it */
	char urls[CARD_URLS][256];	/* host and path of its interfaces, no query, no slash at the end */
	char name[128], version[64], description[512];
};

struct cards {
	struct card *ring;		/* NULL until the first one */
	unsigned cnt, at;
};

void cards_release(struct cards *cs);

/* False: v is no card, or no memory. */
bool cards_add(struct cards *cs, struct view host, struct json v);

/*
 * Of the agent that is spoken to at this host and path: its interface says so (the longest one), or it is the only one whose card
 * this host served.  *ret_exact: the interface.  NULL: none.
 */
const struct card *cards_find(const struct cards *cs, struct view host, struct view path, bool *ret_exact);

#endif /* A2A_CARDS_H */
