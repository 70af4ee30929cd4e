/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATHER_H
#define GATHER_H

#include "base/buf.h"
#include "proto/proto.h"

/*
 * One event while its bytes come in.  GATHER_MAX bytes at most; of a longer one
 * the first part is handed out as cut.
 */
#define GATHER_MAX (16 * 1024 * 1024)
#define GATHER_KEEP (64 * 1024)		/* of the memory from event to event */

struct gather {
	struct buf b;
	bool cut;
	bool spent;		/* it went out with the last event */
};

void gather_init(struct gather *g);
void gather_release(struct gather *g);

/* Adds what fits.  0, -ENOMEM. */
int gather_add(struct gather *g, struct view v);

/* 1, and *ev is the event; its bytes stay until gather_fresh(). */
int gather_out(struct gather *g, struct view name, struct proto_event *ev);

/* At the start of next(): what was handed out is no longer needed. */
void gather_fresh(struct gather *g);
void gather_forget(struct gather *g);

#endif /* GATHER_H */
