/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_SPAN_H
#define HTTP_SPAN_H

#include "stream/stream.h"
#include "trace/span.h"

/* Attributes of the connection that protocols over HTTP have in common, on the asking side's span and on the asked one's.  x, s: NULL: not known. */
void http_span_begin(struct span *span, bool client, const struct exchange *x, const struct stream *s);

#endif /* HTTP_SPAN_H */
