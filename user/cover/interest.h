/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INTEREST_H
#define INTEREST_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is not wanted of a whole machine's traffic.  A direction of a connection is undecided
 * until somebody says that it is wanted; it may then take its time, but not
 * much room: a budget of bytes that refills slowly, so that small talk may go
 * on for days and a download is let go after a moment.  All that is undecided
 * has a budget together too.  Times are the records'.
 */
#define INTEREST_STREAM		(256 * 1024)	/* bytes of one direction */
#define INTEREST_REFILL		(8 * 1024)	/* bytes a second */
#define INTEREST_SECOND		(4 * 1024 * 1024)	/* bytes of all undecided connections in a second; beyond it */
#define INTEREST_PREFIX		(16 * 1024)	/* no direction gets more than this */

struct interest {
	uint64_t spent, since;
};

struct interest_all {
	uint64_t since, spent;
};

/* n bytes passed at ts.  True: let go of what this is. */
bool interest_spend(struct interest_all *all, struct interest *i, uint64_t n, uint64_t ts);

#endif /* INTEREST_H */
