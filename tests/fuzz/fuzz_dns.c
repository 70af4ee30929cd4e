// SPDX-License-Identifier: Apache-2.0
/* Any datagram as a DNS answer: what comes out is a name that can be shown and addresses that stand in the message. */
#include "fuzz.h"
#include "stream/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dns_address a;
	struct dns d;
	unsigned cnt = 0;

	if (!dns_begin(&d, (struct view){ (const char *)p, n }))
		return 0;
	WANT(d.name[0] && strlen(d.name) < sizeof(d.name));
	for (const char *s = d.name; *s; s++)
		WANT((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '.' || *s == '-' || *s == '_');
	while (dns_next(&d, &a)) {
		WANT(memmem(p, n, a.addr, 16) || memmem(p, n, a.addr + 12, 4));
		cnt++;
	}
	WANT(cnt <= n / 10);
	return 0;
}
