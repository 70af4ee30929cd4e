/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP1_HUNT_H
#define HTTP1_HUNT_H

#include "proto/http1.h"

/* The hunt for a message in bytes that are out of sync; offsets count from the first byte that is undecided. */
struct hunt {
	bool in_chunks;		/* the next chunk of an open message would do as well */
	bool at_line;		/* a size line may stand where the unfinished line begins */
	size_t scanned;		/* lines before it are no heads */
	size_t line;		/* where the unfinished line begins */
	size_t guess;		/* what stands first may be a chunk; known when this much is there; 0: no */
};

enum hunt_find { HUNT_NOTHING, HUNT_HEAD, HUNT_CHUNK };

#define HUNT_KEEP (36 * 1024)	/* bytes that may stay undecided */

/*
 * v: all undecided bytes.  Returns how many of them are of no message and
 * have to go before the next call; *ret_found, if set: what stands behind them.
 */
size_t hunt_look(struct hunt *h, enum http1_side side, struct view v, enum hunt_find *ret_found);

#endif /* HTTP1_HUNT_H */
