/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_H
#define DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

/*
 * The addresses in a DNS answer (RFC 1035, 3596) and the name that was asked
 * for, whatever aliases lead from one to the other.  The message is anyone's.
 */
struct dns {
	struct view msg;
	size_t at;
	unsigned left;		/* records not looked at */
	char name[256];		/* of the question, lower case, without its last dot; what is no letter, digit, - or _ is refused */
};

struct dns_address {
	uint8_t addr[16];	/* IPv4: mapped into IPv6 (RFC 4291, 2.5.5.2) */
	uint32_t ttl;		/* seconds */
};

/* False: no answer to one question for addresses, or a failure. */
bool dns_begin(struct dns *d, struct view msg);
/* The next address; false: no more. */
bool dns_next(struct dns *d, struct dns_address *ret);

#endif /* DNS_H */
