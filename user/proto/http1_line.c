// SPDX-License-Identifier: Apache-2.0
#include "proto/http1_line.h"

bool http1_version(struct view v, unsigned *ret_minor)
{
	if (v.n != 8 || !view_starts(v, VIEW("HTTP/1.")) || !is_digit(v.p[7]))
		return false;
	*ret_minor = v.p[7] - '0';
	return true;
}

/* Words are told apart by white space, however much of it (RFC 9112 section 3). */
bool http1_request_line(struct view line, struct proto_event *ev)
{
	struct view method, rest, version;
	const char *sp;
	unsigned minor;

	if (!view_cut(line, ' ', &method, &rest) || !is_token(method) || method.n > METHOD_MAX)
		return false;
	rest = view_trim(rest);
	sp = rest.n ? memrchr(rest.p, ' ', rest.n) : NULL;
	if (!sp)
		return false;
	version = view_drop(rest, sp + 1 - rest.p);
	if (!http1_version(version, &minor))
		return false;
	*ev = (struct proto_event){
		.kind = EV_REQUEST,
		.name = method,
		.value = view_trim((struct view){ rest.p, sp - rest.p }),
		.num = minor,
	};
	return true;
}

/* HTTP/1.x SP 3DIGIT [SP reason] */
bool http1_status_line(struct view line, struct proto_event *ev)
{
	unsigned minor;
	const char *d = line.p + 9;

	if (line.n < 12 || !http1_version(view_take(line, 8), &minor) || line.p[8] != ' ')
		return false;
	if (!is_digit(d[0]) || !is_digit(d[1]) || !is_digit(d[2]) || d[0] == '0')
		return false;
	if (line.n > 12 && !is_ws(line.p[12]))
		return false;
	*ev = (struct proto_event){
		.kind = EV_STATUS,
		.num = (d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0'),
		.num2 = minor,
		.value = view_trim(view_drop(line, 12)),
	};
	return true;
}
