// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "trace/procs.h"

static uint64_t proc_key(uint32_t pid, uint64_t start)
{
	return start ^ (uint64_t)pid << 40;
}

void procs_init(struct procs *ps)
{
	*ps = (struct procs){ 0 };
	map_init(&ps->by_id, PROCS_MAX);
	ps->dead_end = &ps->dead;
}

static void forget_image(struct proc *p)
{
	char **own[] = { &p->exe, &p->cwd, &p->argv, &p->argv0 };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		free(*own[i]);
		*own[i] = NULL;
	}
	p->argv_n = p->argv_total = 0;
	resource_put(p->resource);
	p->resource = NULL;
}

static void proc_free(struct proc *p)
{
	forget_image(p);
	free(p->user);
	free(p->service);
	free(p->traceparent);
	free(p->resource_attributes);
	free(p->container);
	free(p->host);
	free(p->host_id);
	free(p);
}

void procs_release(struct procs *ps)
{
	struct proc *p;
	size_t pos = 0;

	while ((p = map_next(&ps->by_id, &pos, NULL)))
		proc_free(p);
	map_release(&ps->by_id);
	procs_init(ps);
}

struct proc *procs_get(const struct procs *ps, uint32_t pid, uint64_t start)
{
	struct proc *p = map_get(&ps->by_id, proc_key(pid, start));

	return p && p->pid == pid && p->start == start ? p : NULL;
}

struct proc *procs_add(struct procs *ps, uint32_t pid, uint64_t start)
{
	struct proc *p = map_get(&ps->by_id, proc_key(pid, start));

	if (p)
		return p->pid == pid && p->start == start ? p : NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = pid;
	p->start = start;
	if (map_put(&ps->by_id, proc_key(pid, start), p)) {
		free(p);
		return NULL;
	}
	return p;
}

static void set_str(char **field, struct view v)
{
	char *copy;

	if (!v.n)
		return;
	copy = strndup(v.p, v.n);
	if (!copy)
		return;
	free(*field);
	*field = copy;
}

/* What a fork hands down until an exec replaces it. */
static void inherit(struct proc *child, const struct proc *parent)
{
	set_str(&child->exe, view_of(parent->exe));
	set_str(&child->cwd, view_of(parent->cwd));
	set_str(&child->user, view_of(parent->user));
	set_str(&child->service, view_of(parent->service));
	set_str(&child->resource_attributes, view_of(parent->resource_attributes));
	set_str(&child->container, view_of(parent->container));
	set_str(&child->host, view_of(parent->host));
	set_str(&child->host_id, view_of(parent->host_id));
	child->uid = parent->uid;
	child->has_uid = parent->has_uid;
}

struct proc *procs_fork(struct procs *ps, const struct wire_fork *r)
{
	struct proc *parent = procs_add(ps, r->hdr.pid, r->hdr.start);
	struct proc *child = procs_add(ps, r->child, r->child_start);

	if (!child || child->parent || child == parent)
		return child;
	child->ppid = r->hdr.pid;
	child->agent |= parent && parent->agent;
	if (parent) {
		child->parent = parent;
		parent->refs++;
		inherit(child, parent);
	}
	return child;
}

struct proc *procs_exec(struct procs *ps, const struct wire_exec *r)
{
	struct proc *p = procs_add(ps, r->hdr.pid, r->hdr.start);
	struct view argv = wire_exec_argv(r);

	if (!p)
		return NULL;
	forget_image(p);
	set_str(&p->exe, wire_exec_filename(r));
	if (argv.n && (p->argv = malloc(argv.n))) {
		memcpy(p->argv, argv.p, argv.n);
		p->argv_n = argv.n;
	}
	p->argv_total = r->argv_total;
	p->ppid = r->ppid;
	p->uid = r->uid;
	p->has_uid = true;
	p->exec_ts = r->hdr.ts;
	if (!p->exec_cnt++)
		p->first_exec_ts = r->hdr.ts;
	return p;
}

struct proc *procs_facts(struct procs *ps, const struct wire_facts *r)
{
	struct proc *p = procs_add(ps, r->hdr.pid, r->hdr.start);

	if (!p)
		return NULL;
	set_str(&p->exe, wire_facts_str(r, WIRE_FACT_EXE));
	p->other_image |= p->parent && p->exe && p->parent->exe && strcmp(p->exe, p->parent->exe);
	set_str(&p->cwd, wire_facts_str(r, WIRE_FACT_CWD));
	set_str(&p->container, wire_facts_str(r, WIRE_FACT_CONTAINER));
	set_str(&p->service, wire_facts_str(r, WIRE_FACT_SERVICE));
	set_str(&p->resource_attributes, wire_facts_str(r, WIRE_FACT_RESOURCE));
	set_str(&p->host, wire_facts_str(r, WIRE_FACT_HOST));
	set_str(&p->host_id, wire_facts_str(r, WIRE_FACT_HOST_ID));
	set_str(&p->traceparent, wire_facts_str(r, WIRE_FACT_TRACEPARENT));
	set_str(&p->user, wire_facts_str(r, WIRE_FACT_USER));
	set_str(&p->argv0, wire_facts_str(r, WIRE_FACT_ARGV0));
	if (r->ppid)
		p->ppid = r->ppid;
	p->vpid = r->vpid;
	resource_put(p->resource);
	p->resource = NULL;
	return p;
}

struct proc *procs_seen(struct procs *ps, const struct wire_seen *r)
{
	struct proc *p = procs_add(ps, r->hdr.pid, r->hdr.start);

	if (!p)
		return NULL;
	if (!p->exe)		/* /proc gives the path, if the process lives so long */
		set_str(&p->exe, view_of(r->name));
	p->ppid = r->ppid;
	p->uid = r->uid;
	p->has_uid = true;
	return p;
}

struct proc *procs_exit(struct procs *ps, const struct wire_exit *r)
{
	struct proc *p = procs_get(ps, r->hdr.pid, r->hdr.start);

	if (!p || p->exit_ts)
		return NULL;
	p->exit_ts = r->hdr.ts;
	p->exit_code = r->code;
	*ps->dead_end = p;
	ps->dead_end = &p->next_dead;
	return p;
}

static void drop(struct procs *ps, struct proc *p)
{
	struct proc *parent = p->parent;

	map_del(&ps->by_id, proc_key(p->pid, p->start));
	proc_free(p);
	if (parent)
		parent->refs--;
}

void procs_sweep(struct procs *ps, uint64_t now)
{
	struct proc *p, **at = &ps->dead;

	while ((p = *at) && p->exit_ts + PROCS_LINGER_NS < now) {
		if (p->refs) {		/* a child still points here: look again next time */
			at = &p->next_dead;
			continue;
		}
		*at = p->next_dead;
		if (!p->next_dead)
			ps->dead_end = at;
		drop(ps, p);
	}
}

unsigned proc_unseen_tls(const struct proc *p)
{
	return p->tls_seen ? 0 : p->hello_cnt;
}

struct view proc_exe_name(const struct proc *p)
{
	struct view v = view_of(p->exe), head, rest;

	if (view_ends(v, VIEW(" (deleted)")))
		v.n -= strlen(" (deleted)");
	while (view_cut(v, '/', &head, &rest))
		v = rest;
	return v.n ? v : VIEW("unknown");
}
