/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLP_HTTP_H
#define OTLP_HTTP_H

#include "base/buf.h"
#include "sink/sink.h"

/* One POST and what the other side made of it: the part of the exporter that knows HTTP. */

enum otlp_verdict {
	OTLP_ACCEPTED,		/* all but rejected spans */
	OTLP_RETRY,
	OTLP_REFUSED,		/* for good */
	OTLP_STOPPED,		/* *stop was raised */
};

struct otlp_answer {
	enum otlp_verdict verdict;
	long retry_after_ms;	/* the server's wish; 0: none */
	int64_t rejected;
	char why[200];		/* printable; empty: all is well */
};

struct otlp_http;

/* Copies what it needs.  NULL: *ret_err = negative errno. */
struct otlp_http *otlp_http_new(const struct otlp_config *c, int *ret_err);
void otlp_http_free(struct otlp_http *h);	/* NULL is fine */

/* Blocks until there is a verdict; another thread ends that early with otlp_http_wake() after it has raised *stop. */
void otlp_http_post(struct otlp_http *h, struct view request, const bool *stop, struct otlp_answer *ret);
void otlp_http_wake(struct otlp_http *h);

#endif /* OTLP_HTTP_H */
