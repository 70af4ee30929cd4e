// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

#include "stream/sni.h"

#define CONTENT_HANDSHAKE	22
#define CLIENT_HELLO		1
#define EXT_SERVER_NAME		0
#define NAME_HOST		0
#define NAME_MAX_LEN		253	/* RFC 1035 section 2.3.4, without the root's dot */

/* The first n bytes as a number, taken off v. */
static bool number(struct view *v, size_t n, size_t *ret)
{
	size_t value = 0;

	if (v->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		value = value << 8 | (uint8_t)v->p[i];
	*v = view_drop(*v, n);
	*ret = value;
	return true;
}

/* A vector with a length of n bytes before it; what a cut left of it. */
static bool vector(struct view *v, size_t n, struct view *ret)
{
	size_t len;

	if (!number(v, n, &len))
		return false;
	*ret = view_take(*v, len);
	*v = view_drop(*v, ret->n);
	return true;
}

/* The same, but whole. */
static bool whole_vector(struct view *v, size_t n, struct view *ret)
{
	struct view at = *v;
	size_t len;

	return number(&at, n, &len) && len <= at.n && vector(v, n, ret);
}

static bool host_name(struct view v)
{
	if (!v.n || v.n > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!letter && c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool server_name(struct view ext, struct view *ret)
{
	struct view list, name;
	size_t type;

	if (!vector(&ext, 2, &list))
		return false;
	while (number(&list, 1, &type) && whole_vector(&list, 2, &name)) {
		if (type != NAME_HOST || !host_name(name))
			continue;
		*ret = name;
		return true;
	}
	return false;
}

static bool in_hello(struct view v, struct view *ret)
{
	struct view skip, extensions, ext;
	size_t type;

	if (v.n < 2 + 32)		/* legacy_version, random */
		return false;
	v = view_drop(v, 2 + 32);
	if (!whole_vector(&v, 1, &skip) ||	/* legacy_session_id */
	    !whole_vector(&v, 2, &skip) ||	/* cipher_suites */
	    !whole_vector(&v, 1, &skip) ||	/* legacy_compression_methods */
	    !vector(&v, 2, &extensions))
		return false;
	while (number(&extensions, 2, &type) && vector(&extensions, 2, &ext))
		if (type == EXT_SERVER_NAME)
			return server_name(ext, ret);
	return false;
}

/* The message may go on in further records (RFC 8446 section 5.1); it is read as far as the first one goes. */
bool sni_find(struct view record, struct view *ret)
{
	struct view fragment, hello;
	size_t type, version;

	if (!number(&record, 1, &type) || type != CONTENT_HANDSHAKE || !number(&record, 2, &version) ||
	    version >> 8 != 3 || !vector(&record, 2, &fragment))
		return false;
	if (!number(&fragment, 1, &type) || type != CLIENT_HELLO || !vector(&fragment, 3, &hello))
		return false;
	return in_hello(hello, ret);
}
