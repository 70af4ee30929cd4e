// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "genai/messages.h"

static void put_view(struct jsonw *w, const char *key, struct view v)
{
	if (!v.n)
		return;
	jsonw_key(w, key);
	jsonw_str(w, v);
}

static void tool_call(struct msgs *m, const struct gen_part *p)
{
	if (!part_open(m, "tool_call"))
		return;
	put_view(&m->w, "id", p->id);
	jsonw_key(&m->w, "name");
	jsonw_str(&m->w, p->name);
	jsonw_key(&m->w, "arguments");
	msgs_put_arguments(&m->w, buf_view(&p->text));
	part_close(m);
}

static void server_tool_call(struct msgs *m, const struct gen_part *p)
{
	if (!part_open(m, "server_tool_call"))
		return;
	put_view(&m->w, "id", p->id);
	jsonw_key(&m->w, "name");
	jsonw_str(&m->w, p->name);
	jsonw_key(&m->w, "server_tool_call");
	jsonw_open(&m->w, '{');
	jsonw_key(&m->w, "type");
	jsonw_str(&m->w, p->type.n ? p->type : p->name);
	put_view(&m->w, "server_name", p->server);
	jsonw_key(&m->w, "input");
	msgs_put_arguments(&m->w, buf_view(&p->text));
	jsonw_close(&m->w, '}');
	part_close(m);
}

static void write_part(struct msgs *m, const struct gen_part *p)
{
	static const char *const types[GEN_OTHER + 1] = {
		[GEN_TEXT] = "text",
		[GEN_REASONING] = "reasoning",
		[GEN_REFUSAL] = "refusal",
		[GEN_COMPACTION] = "compaction",
	};

	if (p->kind == GEN_COMPACTION && !p->ready && !p->text.n)
		part_compaction(m, (struct json){ 0 }, (struct json){ 0 });
	else if (p->ready)
		part_ready(m, buf_view(&p->text));
	else if (p->kind == GEN_TOOL_CALL)
		tool_call(m, p);
	else if (p->kind == GEN_SERVER_TOOL_CALL)
		server_tool_call(m, p);
	else if (types[p->kind] && (p->text.n || p->kind != GEN_TEXT))
		part_text_view(m, types[p->kind], buf_view(&p->text));
}

/* Some services stop all the same when what they say last is a tool call. */
static struct view finish_word(const struct gen_choice *ch)
{
	struct view word = msgs_finish_word(ch->finish);
	const struct gen_part *p = ch->parts;

	while (p && p->next)
		p = p->next;
	return p && p->kind == GEN_TOOL_CALL && view_eq(word, VIEW("stop")) ? VIEW("tool_call") : word;
}

static void write_choice(struct msgs *m, const struct gen_call *c, const struct gen_choice *ch)
{
	struct msgs_head head = {
		.role = ch->role.n ? ch->role : VIEW("assistant"),
		.finish = ch->finish.n	      ? finish_word(ch)
			  : c->finish_unknown ? VIEW("unknown")
					      : VIEW("error"),
	};

	if (!msgs_begin(m, head))
		return;
	for (const struct gen_part *p = ch->parts; p; p = p->next)
		write_part(m, p);
	msgs_end(m);
}

int gen_output_messages(const struct gen_call *c, struct buf *out)
{
	size_t before = out->n;
	struct msgs m;

	msgs_open(&m, out);
	for (const struct gen_choice *ch = c->choices; ch; ch = ch->next)
		write_choice(&m, c, ch);
	msgs_close(&m);
	if (out->n > before)
		return 0;
	return m.w.err ? m.w.err : -E2BIG;
}
