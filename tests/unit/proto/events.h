/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENTS_H
#define EVENTS_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/proto.h"

/* Events in a short hand that fits into a table of expectations. */
static inline void events_add(struct buf *b, const struct proto_event *ev)
{
	static const char letters[] = "QSH.BGEOVRA";

	assert(!buf_addf(b, "%s%c", b->n ? " " : "", letters[ev->kind]));
	if (ev->stream)
		assert(!buf_addf(b, "%u", ev->stream));
	switch (ev->kind) {
	case EV_REQUEST:
		assert(!buf_addf(b, "1.%d(%.*s %.*s)", (int)ev->num, VIEW_ARG(ev->name), VIEW_ARG(ev->value)));
		break;
	case EV_STATUS:
		assert(!buf_addf(b, "1.%d(%d %.*s)", (int)ev->num2, (int)ev->num, VIEW_ARG(ev->value)));
		break;
	case EV_HEADER:
		assert(!buf_addf(b, "(%.*s=%.*s)", VIEW_ARG(ev->name), VIEW_ARG(ev->value)));
		break;
	case EV_HEADERS_END:
		if (ev->num)
			assert(!buf_addf(b, "%s%d", ev->stream ? "-" : "", (int)ev->num));
		if (ev->num2)
			assert(!buf_addf(b, "!"));
		break;
	case EV_BODY:
	case EV_OPAQUE:
		assert(!buf_addf(b, "(%.*s)", VIEW_ARG(ev->value)));
		break;
	case EV_GAP:
		if (ev->num == UINT64_MAX)
			assert(!buf_addf(b, "?"));
		else
			assert(!buf_addf(b, "%s%llu", ev->stream ? ":" : "", (unsigned long long)ev->num));
		break;
	case EV_END:
		assert(!buf_addf(b, "%s%d%s", ev->stream ? ":" : "", (int)ev->num, ev->num2 ? "c" : ""));
		break;
	case EV_RESET:
		assert(!buf_addf(b, ":%lld", (long long)ev->num));
		break;
	case EV_GOAWAY:
		assert(!buf_addf(b, "%llu:%llu", (unsigned long long)ev->num2, (unsigned long long)ev->num));
		break;
	case EV_EVENT:
		assert(!buf_addf(b, "(%.*s:%.*s)%s", VIEW_ARG(ev->name), VIEW_ARG(ev->value), ev->num ? "cut" : ""));
		break;
	}
}

static inline void events_pull(struct buf *b, const struct proto *p, void *state, struct view in)
{
	struct proto_event ev;

	while (p->next(state, &in, &ev) > 0)
		events_add(b, &ev);
}

#endif /* EVENTS_H */
