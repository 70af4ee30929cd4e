// SPDX-License-Identifier: Apache-2.0
#include "proto/gather.h"

void gather_init(struct gather *g)
{
	*g = (struct gather){ 0 };
	buf_init(&g->b, GATHER_MAX);
}

void gather_release(struct gather *g)
{
	buf_release(&g->b);
}

int gather_add(struct gather *g, struct view v)
{
	struct view fits = view_take(v, g->b.max - g->b.n);

	if (fits.n < v.n)
		g->cut = true;
	return fits.n ? buf_add(&g->b, fits) : 0;
}

int gather_out(struct gather *g, struct view name, struct proto_event *ev)
{
	struct view data = buf_view(&g->b);

	*ev = (struct proto_event){
		.kind = EV_EVENT,
		.name = name,
		.value = data.n ? data : VIEW(""),
		.num = g->cut,
	};
	g->spent = true;
	return 1;
}

void gather_forget(struct gather *g)
{
	g->cut = g->spent = false;
	buf_reset(&g->b);
	if (g->b.cap > GATHER_KEEP)
		buf_release(&g->b);
}

void gather_fresh(struct gather *g)
{
	if (g->spent)
		gather_forget(g);
}
