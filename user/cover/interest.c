// SPDX-License-Identifier: Apache-2.0
#include "cover/interest.h"

#define SECOND 1000000000ull

static void refill(struct interest *i, uint64_t ts)
{
	uint64_t back;

	if (ts <= i->since)
		return;
	back = (ts - i->since) / (SECOND / INTEREST_REFILL);
	if (!back)
		return;
	i->spent = i->spent > back ? i->spent - back : 0;
	i->since = ts;
}

bool interest_spend(struct interest_all *all, struct interest *i, uint64_t n, uint64_t ts)
{
	if (ts >= all->since + SECOND) {
		all->since = ts;
		all->spent = 0;
	}
	refill(i, ts);
	i->spent += n;
	all->spent += n;
	return i->spent > INTEREST_STREAM || (all->spent > INTEREST_SECOND && i->spent > INTEREST_PREFIX);
}
