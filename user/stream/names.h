/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMES_H
#define NAMES_H

#include "base/map.h"
#include "feed/feed.h"

/*
 * What an address was called when a process asked: DNS answers of that process,
 * for as long as they were said to be good, but at least NAMES_LEAST_NS, since what
 * is asked for is used at once and used for long.  The oldest of too many go.
 */
#define NAMES_MAX	4096
#define NAMES_LEAST_NS	(30 * 1000000000ull)
#define NAMES_MOST_NS	(24 * 3600 * 1000000000ull)

struct names {
	struct map by_key;
	struct name *ring;	/* NAMES_MAX of them, made with the first answer */
	size_t next;
};

void names_init(struct names *n);
void names_release(struct names *n);

/* An answer that a process received. */
void names_take(struct names *n, const struct wire_dns *d);

/* addr: IPv4 mapped into IPv6.  NULL: this process was not told a name, or that was long ago. */
const char *names_get(const struct names *n, uint32_t pid, uint64_t start, const uint8_t addr[static 16], uint64_t now);

#endif /* NAMES_H */
