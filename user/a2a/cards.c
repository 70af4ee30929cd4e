// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "a2a/cards.h"

#define INTERFACES_MAX 16	/* that are looked at, of one card */

void cards_release(struct cards *cs)
{
	free(cs->ring);
	*cs = (struct cards){ 0 };
}

static void set(char *to, size_t n, struct view v)
{
	v = view_take(v, n - 1);
	if (v.n)
		memcpy(to, v.p, v.n);
	to[v.n] = '\0';
}

/* As much of it as fits, on the border of a character. */
static void set_text(char *to, size_t n, struct json v)
{
	struct buf b;

	buf_init(&b, n - 1);
	json_text(v, &b);
	set(to, n, buf_view(&b));
	buf_release(&b);
}

/* A URL without its scheme, query and last slash. */
static void add_url(struct card *c, struct json url)
{
	struct view v, path, rest;
	const char *scheme;
	struct buf b;
	size_t i = 0;

	while (i < CARD_URLS && c->urls[i][0])
		i++;
	if (i == CARD_URLS || url.type != JSON_STRING)
		return;
	buf_init(&b, 1024);
	json_text(url, &b);
	v = buf_view(&b);
	scheme = v.n ? memmem(v.p, v.n, "://", 3) : NULL;
	if (scheme) {
		v = view_drop(v, scheme + 3 - v.p);
		if (view_cut(v, '?', &path, &rest))
			v = path;
		while (v.n && v.p[v.n - 1] == '/')
			v.n--;
		if (v.n < sizeof(c->urls[i]))
			set(c->urls[i], sizeof(c->urls[i]), v);
	}
	buf_release(&b);
}

static void add_interfaces(struct card *c, struct json list)
{
	struct json_iter it = json_each(list);
	struct json_member m;

	for (int i = 0; i < INTERFACES_MAX && json_next(&it, &m); i++)
		add_url(c, json_get(m.value, "url"));
}

/* The same card again takes the old one's place. */
static struct card *place(struct cards *cs, const struct card *c)
{
	for (unsigned i = 0; i < cs->cnt; i++)
		if (!strcmp(cs->ring[i].host, c->host) && !strcmp(cs->ring[i].urls[0], c->urls[0]))
			return &cs->ring[i];
	if (cs->cnt < CARDS_MAX)
		return &cs->ring[cs->cnt++];
	cs->at = (cs->at + 1) % CARDS_MAX;
	return &cs->ring[cs->at];
}

bool cards_add(struct cards *cs, struct view host, struct json v)
{
	struct card c = { .host = "" };

	/* What every version demands of a card. */
	if (json_get(v, "name").type != JSON_STRING || json_get(v, "skills").type != JSON_ARRAY ||
	    json_get(v, "capabilities").type != JSON_OBJECT || host.n >= sizeof(c.host))
		return false;
	if (!cs->ring)
		cs->ring = calloc(CARDS_MAX, sizeof(*cs->ring));
	if (!cs->ring)
		return false;
	set(c.host, sizeof(c.host), host);
	set_text(c.name, sizeof(c.name), json_get(v, "name"));
	set_text(c.version, sizeof(c.version), json_get(v, "version"));
	set_text(c.description, sizeof(c.description), json_get(v, "description"));
	add_url(&c, json_get(v, "url"));
	add_interfaces(&c, json_get(v, "supportedInterfaces"));
	add_interfaces(&c, json_get(v, "additionalInterfaces"));
	*place(cs, &c) = c;
	return true;
}

/* How much of host and path together the URL covers, whole segments only; 0: it is another place. */
static size_t covers(const char *url, struct view host, struct view path)
{
	size_t n = strlen(url);
	struct view u = { url, n }, rest;

	if (!n || !view_starts(u, host) || n > host.n + path.n)
		return 0;
	rest = view_drop(u, host.n);
	if (!view_starts(path, rest) || (path.n > rest.n && path.p[rest.n] != '/'))
		return 0;
	return n;
}

const struct card *cards_find(const struct cards *cs, struct view host, struct view path, bool *ret_exact)
{
	const struct card *best = NULL, *served = NULL;
	unsigned served_cnt = 0;
	size_t most = 0;

	for (unsigned i = 0; i < cs->cnt; i++) {
		const struct card *c = &cs->ring[i];

		for (int u = 0; u < CARD_URLS; u++) {
			size_t n = covers(c->urls[u], host, path);

			if (n > most) {
				most = n;
				best = c;
			}
		}
		if (view_eq(host, view_of(c->host))) {
			served = c;
			served_cnt++;
		}
	}
	*ret_exact = best;
	return best ? best : served_cnt == 1 ? served : NULL;
}
