/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP1_LINE_H
#define HTTP1_LINE_H

#include "proto/proto.h"

/* What stands in single lines of HTTP/1. */
#define METHOD_MAX 32

static inline bool is_ws(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* tchar, RFC 9110 section 5.6.2. */
static inline bool is_tchar(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static inline bool is_token(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!is_tchar(v.p[i]))
			return false;
	return v.n > 0;
}

static inline struct view without_cr(struct view line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static inline int hex(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* HTTP/1.x, nothing else (RFC 9112 section 2.3). */
bool http1_version(struct view v, unsigned *ret_minor);

/* A first line without its line end, as EV_REQUEST and EV_STATUS; false: it is none. */
bool http1_request_line(struct view line, struct proto_event *ev);
bool http1_status_line(struct view line, struct proto_event *ev);

#endif /* HTTP1_LINE_H */
