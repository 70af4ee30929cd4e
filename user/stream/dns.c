// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>

#include "stream/dns.h"

#define HEAD		12
#define TYPE_A		1
#define TYPE_AAAA	28
#define CLASS_IN	1
#define RECORDS_MAX	256	/* more than fit into a datagram that anyone sends */
#define LABEL_MAX	63

static uint8_t byte(const struct dns *d, size_t at)
{
	return at < d->msg.n ? (uint8_t)d->msg.p[at] : 0;
}

static unsigned two(const struct dns *d, size_t at)
{
	return byte(d, at) << 8 | byte(d, at + 1);
}

static bool name_char(uint8_t c)
{
	return isalnum(c) || c == '-' || c == '_';
}

/* The question's name; it stands whole, since there is nothing before it to point to. */
static bool read_name(struct dns *d)
{
	size_t n = 0;
	unsigned len;

	while ((len = byte(d, d->at))) {
		if (len > LABEL_MAX || d->at + 1 + len >= d->msg.n || n + len + 1 >= sizeof(d->name))
			return false;
		if (n)
			d->name[n++] = '.';
		for (unsigned i = 1; i <= len; i++) {
			uint8_t c = byte(d, d->at + i);

			if (!name_char(c))
				return false;
			d->name[n++] = tolower(c);
		}
		d->at += 1 + len;
	}
	d->at++;
	d->name[n] = '\0';
	return n && d->at <= d->msg.n;
}

/* Past a name, which may end in a pointer; it is not followed. */
static bool skip_name(struct dns *d)
{
	unsigned len;

	while (d->at < d->msg.n) {
		len = byte(d, d->at);
		if (len >= 0xc0) {
			d->at += 2;
			return true;
		}
		if (len > LABEL_MAX)
			return false;
		d->at += 1 + len;
		if (!len)
			return true;
	}
	return false;
}

bool dns_begin(struct dns *d, struct view msg)
{
	unsigned flags, type;

	*d = (struct dns){ .msg = msg, .at = HEAD };
	if (msg.n < HEAD)
		return false;
	flags = two(d, 2);
	/* an answer to a standard query, without error; one question */
	if (!(flags & 0x8000) || flags & 0x7800 || flags & 0x000f || two(d, 4) != 1 || !read_name(d))
		return false;
	type = two(d, d->at);
	if ((type != TYPE_A && type != TYPE_AAAA) || two(d, d->at + 2) != CLASS_IN)
		return false;
	d->at += 4;
	d->left = two(d, 6) < RECORDS_MAX ? two(d, 6) : RECORDS_MAX;
	return true;
}

static bool take_address(const struct dns *d, unsigned type, unsigned len, struct dns_address *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (type == TYPE_A && len == 4) {
		memcpy(ret->addr, mapped, sizeof(mapped));
		memcpy(ret->addr + sizeof(mapped), d->msg.p + d->at, 4);
		return true;
	}
	if (type != TYPE_AAAA || len != 16)
		return false;
	memcpy(ret->addr, d->msg.p + d->at, 16);
	return true;
}

bool dns_next(struct dns *d, struct dns_address *ret)
{
	unsigned type, class, len;
	bool found;

	while (d->left) {
		d->left--;
		if (!skip_name(d) || d->at + 10 > d->msg.n)
			break;
		type = two(d, d->at);
		class = two(d, d->at + 2);
		ret->ttl = (uint32_t)two(d, d->at + 4) << 16 | two(d, d->at + 6);
		len = two(d, d->at + 8);
		d->at += 10;
		if (len > d->msg.n - d->at)
			break;
		found = class == CLASS_IN && take_address(d, type, len, ret);
		d->at += len;
		if (found)
			return true;
	}
	d->left = 0;
	return false;
}
