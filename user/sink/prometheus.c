// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "sink/metrics_export.h"

#define TEXT_MAX	(64u * 1024 * 1024)
#define CONNECTIONS_MAX	16
#define TIMEOUT_S	10

struct prometheus {
	struct MHD_Daemon *daemon;
	struct metrics *metrics;
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, struct buf *text, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(text->n, text->p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	done = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **state)
{
	static const char plain[] = "text/plain; charset=utf-8";
	struct prometheus *p = arg;
	enum MHD_Result done;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
		buf_add(&text, VIEW("GET /metrics\n"));
		done = reply(c, MHD_HTTP_METHOD_NOT_ALLOWED, &text, plain);
	} else if (strcmp(url, "/metrics")) {
		buf_add(&text, VIEW("metrics are at /metrics\n"));
		done = reply(c, MHD_HTTP_NOT_FOUND, &text, plain);
	} else if (metrics_text(&text, p->metrics)) {
		buf_reset(&text);
		done = reply(c, MHD_HTTP_INTERNAL_SERVER_ERROR, &text, plain);
	} else {
		done = reply(c, MHD_HTTP_OK, &text, "text/plain; version=0.0.4; charset=utf-8");
	}
	buf_release(&text);
	return done;
}

/* "host:port", "[::1]:port", ":port", "port".  False: it is none of these. */
static bool split(const char *address, char host[static 256], const char **ret_port)
{
	const char *colon = strrchr(address, ':'), *end = colon;

	*ret_port = colon ? colon + 1 : address;
	snprintf(host, 256, "127.0.0.1");
	if (!colon || colon == address)
		return true;
	if (*address == '[') {
		address++;
		end--;
		if (*end != ']')
			return false;
	}
	if (end - address >= 256)
		return false;
	snprintf(host, 256, "%.*s", (int)(end - address), address);
	return true;
}

static bool is_port(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	return end != text && !*end && n > 0 && n <= UINT16_MAX;
}

static struct addrinfo *resolve(const char *address, const char **ret_why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	const char *port;
	char host[256];
	int err;

	*ret_why = "it has to look like 127.0.0.1:9464";
	if (!split(address, host, &port) || !is_port(port))
		return NULL;
	err = getaddrinfo(host, port, &hints, &found);
	if (!err)
		return found;
	*ret_why = gai_strerror(err);
	return NULL;
}

struct prometheus *prometheus_new(const char *address, struct metrics *m, const char **ret_why)
{
	struct addrinfo *at = resolve(address, ret_why);
	struct prometheus *p = at ? calloc(1, sizeof(*p)) : NULL;
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD;

	if (!at)
		return NULL;
	*ret_why = "out of memory";
	if (p) {
		p->metrics = m;
		errno = 0;
		p->daemon = MHD_start_daemon(flags | (at->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0), 0, NULL, NULL, answer, p,
					     MHD_OPTION_SOCK_ADDR, at->ai_addr,
					     MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
					     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
		*ret_why = strerror(errno);
	}
	freeaddrinfo(at);
	if (p && p->daemon)
		return p;
	free(p);
	return NULL;
}

void prometheus_free(struct prometheus *p)
{
	if (!p)
		return;
	MHD_stop_daemon(p->daemon);
	free(p);
}
