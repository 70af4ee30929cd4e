// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "stream/dns.h"
#include "stream/names.h"

#define SECOND 1000000000ull

struct name {
	uint64_t key, start, until;
	uint32_t pid;
	uint8_t addr[16];
	char text[256];
};

void names_init(struct names *n)
{
	*n = (struct names){ 0 };
	map_init(&n->by_key, 2 * NAMES_MAX);
}

void names_release(struct names *n)
{
	free(n->ring);
	map_release(&n->by_key);
}

/* FNV-1a; two with one key: the later one stays. */
static uint64_t key_of(uint32_t pid, uint64_t start, const uint8_t addr[static 16])
{
	uint64_t h = 14695981039346656037ull ^ start ^ (uint64_t)pid << 40;

	for (int i = 0; i < 16; i++)
		h = (h ^ addr[i]) * 1099511628211ull;
	return h;
}

static void add(struct names *n, const struct wire_hdr *h, const char text[static 256], const struct dns_address *a)
{
	uint64_t good = a->ttl * SECOND, key = key_of(h->pid, h->start, a->addr);
	struct name *at = map_get(&n->by_key, key);

	if (!at) {
		at = &n->ring[n->next++ % NAMES_MAX];
		if (at->key && map_get(&n->by_key, at->key) == at)
			map_del(&n->by_key, at->key);
		at->key = 0;
		if (map_put(&n->by_key, key, at))
			return;
	}
	good = good > NAMES_LEAST_NS ? good : NAMES_LEAST_NS;
	good = good < NAMES_MOST_NS ? good : NAMES_MOST_NS;
	*at = (struct name){ .key = key, .start = h->start, .pid = h->pid, .until = h->ts + good };
	memcpy(at->addr, a->addr, sizeof(at->addr));
	memcpy(at->text, text, strlen(text) + 1);	/* both are 256 bytes */
}

void names_take(struct names *n, const struct wire_dns *d)
{
	struct dns_address a;
	struct dns msg;

	if (!dns_begin(&msg, wire_dns_bytes(d)))
		return;
	if (!n->ring)
		n->ring = calloc(NAMES_MAX, sizeof(*n->ring));
	while (n->ring && dns_next(&msg, &a))
		add(n, &d->hdr, msg.name, &a);
}

const char *names_get(const struct names *n, uint32_t pid, uint64_t start, const uint8_t addr[static 16], uint64_t now)
{
	const struct name *at = map_get(&n->by_key, key_of(pid, start, addr));

	if (!at || at->pid != pid || at->start != start || memcmp(at->addr, addr, 16) || now > at->until)
		return NULL;
	return at->text;
}
