// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include "trace/call_span.h"
#include "trace/http_span.h"

static void put(struct span *s, enum attr_id id, struct view v)
{
	if (v.n)
		attrs_str(&s->attrs, &s->arena, id, v);
}

static void client_attrs(struct span *span, const struct sock *k)
{
	char text[INET6_ADDRSTRLEN];

	if (!sock_peer_text(k, text))
		return;
	put(span, ATTR_CLIENT_ADDRESS, view_of(text));
	attrs_int(&span->attrs, &span->arena, ATTR_CLIENT_PORT, k->rport);
}

static const char *http_version(unsigned version)
{
	return version == 10 ? "1.0" : version == 11 ? "1.1" : version == 20 ? "2" : NULL;
}

void http_span_begin(struct span *span, bool client, const struct exchange *x, const struct stream *s)
{
	if (!x)
		return;
	put(span, ATTR_NETWORK_TRANSPORT, VIEW("tcp"));
	put(span, ATTR_NETWORK_PROTOCOL_NAME, VIEW("http"));
	put(span, ATTR_NETWORK_PROTOCOL_VERSION, view_of(http_version(x->version)));
	if (client)
		call_span_server(span, x, s);
	else if (s && s->sock)
		client_attrs(span, s->sock);
}
