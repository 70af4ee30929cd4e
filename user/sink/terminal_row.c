// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "sink/plain.h"
#include "sink/rollup.h"
#include "sink/terminal_row.h"

#define WORD_COLS	48	/* a name, a finish reason, an error's type */
#define MESSAGE_COLS	72
#define TEXT_MAX	4096

struct row {
	const struct span *span;
	struct buf out;
	bool utf8;
};

int64_t row_number(const struct span *s, enum attr_id id, int64_t otherwise)
{
	const struct value *v = attrs_get(&s->attrs, id);

	return v && v->type == VALUE_INT ? v->i : otherwise;
}

static struct view string(const struct span *s, enum attr_id id)
{
	const struct value *v = attrs_get(&s->attrs, id);

	return v && v->type == VALUE_STR ? v->str : VIEW_NONE;
}

static bool is_operation(const struct span *s, struct view name)
{
	return s->kind == SPAN_INTERNAL && view_eq(string(s, ATTR_GEN_AI_OPERATION_NAME), name);
}

bool row_is_tool(const struct span *s)
{
	return is_operation(s, VIEW("execute_tool"));
}

bool row_is_agent(const struct span *s)
{
	return is_operation(s, VIEW("invoke_agent"));
}

bool row_is_call(const struct span *s)
{
	return attrs_get(&s->attrs, ATTR_GEN_AI_OPERATION_NAME) && !row_is_mcp(s) && !row_is_a2a(s) && !row_is_tool(s) &&
	       !row_is_agent(s);
}

bool row_is_a2a(const struct span *s)
{
	return attrs_get(&s->attrs, ATTR_ONLOOKER_A2A_METHOD);
}

bool row_is_mcp(const struct span *s)
{
	return attrs_get(&s->attrs, ATTR_MCP_METHOD_NAME);
}

void row_add_number(struct buf *out, int64_t n)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf_add_byte(out, ',');
		buf_add_byte(out, digits[i]);
	}
}

static void add_seconds(struct buf *out, double s)
{
	if (s < 0.0995)
		buf_addf(out, "%.0f ms", s * 1000);
	else if (s < 99.95)
		buf_addf(out, "%.2f s", s);
	else if (s < 6000)
		buf_addf(out, "%d:%02d min", (int)(s / 60), (int)s % 60);
	else
		buf_addf(out, "%.1f h", s / 3600);
}

static void end_item(struct row *r)
{
	buf_add_byte(&r->out, ROW_ITEM);
}

static void item(struct row *r, struct view text, size_t cols)
{
	plain_add(&r->out, text, cols, r->utf8);
	end_item(r);
}

static void number_item(struct row *r, int64_t n, const char *words)
{
	row_add_number(&r->out, n);
	buf_add(&r->out, view_of(words));
	end_item(r);
}

static void add_count(struct row *r, int64_t n)
{
	if (n < 0)
		buf_add_byte(&r->out, '?');	/* was not said */
	else
		row_add_number(&r->out, n);
}

/* "1,324 -> 45 tokens (512 cached, 20 reasoning)" */
static void tokens_item(struct row *r)
{
	int64_t in = row_number(r->span, ATTR_GEN_AI_USAGE_INPUT_TOKENS, -1);
	int64_t answer = row_number(r->span, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, -1);
	int64_t cached = row_number(r->span, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 0);
	int64_t reasoning = row_number(r->span, ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, 0);

	if (in < 0 && answer < 0)
		return;
	add_count(r, in);
	buf_add(&r->out, r->utf8 ? VIEW(" \u2192 ") : VIEW(" -> "));
	add_count(r, answer);
	buf_add(&r->out, VIEW(" tokens"));
	if (cached > 0) {
		buf_add(&r->out, VIEW(" ("));
		row_add_number(&r->out, cached);
		buf_add(&r->out, VIEW(" cached"));
	}
	if (reasoning > 0) {
		buf_add(&r->out, cached > 0 ? VIEW(", ") : VIEW(" ("));
		row_add_number(&r->out, reasoning);
		buf_add(&r->out, VIEW(" reasoning"));
	}
	if (cached > 0 || reasoning > 0)
		buf_add_byte(&r->out, ')');
	end_item(r);
}

static void cost_item(struct row *r)
{
	const struct value *usd = attrs_get(&r->span->attrs, ATTR_ONLOOKER_COST_USD);

	if (!usd || usd->type != VALUE_DOUBLE)
		return;
	usd_add(&r->out, usd->d);
	end_item(r);
}

static void first_item(struct row *r)
{
	const struct value *first = attrs_get(&r->span->attrs, ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK);

	if (!first || first->type != VALUE_DOUBLE)
		return;
	buf_add(&r->out, VIEW("first "));
	add_seconds(&r->out, first->d);
	end_item(r);
}

static void finish_item(struct row *r)
{
	const struct value *finish = attrs_get(&r->span->attrs, ATTR_GEN_AI_RESPONSE_FINISH_REASONS);

	if (finish && finish->type == VALUE_STR_ARRAY && finish->arr.n && !r->span->error)
		item(r, finish->arr.v[0], WORD_COLS);
}

static void failure_items(struct row *r)
{
	struct view type = string(r->span, ATTR_ERROR_TYPE);

	if (!r->span->error)
		return;
	item(r, type.n ? type : VIEW("error"), WORD_COLS);
	if (r->span->error_message.n)
		item(r, r->span->error_message, MESSAGE_COLS);
}

static void loss_items(struct row *r)
{
	const struct value *complete = attrs_get(&r->span->attrs, ATTR_ONLOOKER_CAPTURE_COMPLETE);
	int64_t lost = row_number(r->span, ATTR_ONLOOKER_CAPTURE_LOST_BYTES, 0);

	if (lost)
		number_item(r, lost, lost == 1 ? " byte lost" : " bytes lost");
	else if (complete && complete->type == VALUE_BOOL && !complete->b)
		item(r, VIEW("not seen whole"), WORD_COLS);
}

static void call_items(struct row *r)
{
	int64_t again = row_number(r->span, ATTR_HTTP_REQUEST_RESEND_COUNT, 0);

	tokens_item(r);
	cost_item(r);
	first_item(r);
	finish_item(r);
	failure_items(r);
	if (again) {
		buf_add(&r->out, VIEW("retry "));
		number_item(r, again, "");
	}
	loss_items(r);
}

static void count_item(struct row *r, enum attr_id id, const char *one, const char *more)
{
	int64_t n = row_number(r->span, id, 0);

	if (n > 0)
		number_item(r, n, n == 1 ? one : more);
}

static void agent_items(struct row *r)
{
	count_item(r, ATTR_ONLOOKER_RUN_TURNS, " turn", " turns");
	count_item(r, ATTR_ONLOOKER_RUN_TOOLS, " tool call", " tool calls");
	count_item(r, ATTR_ONLOOKER_RUN_TOOLS_UNANSWERED, " tool call never answered", " tool calls never answered");
	tokens_item(r);
}

static void mcp_items(struct row *r)
{
	struct view server = string(r->span, ATTR_ONLOOKER_MCP_SERVER_NAME);

	if (server.n)
		item(r, server, WORD_COLS);
	if (r->span->kind == SPAN_SERVER)
		item(r, VIEW("answered"), WORD_COLS);
	failure_items(r);
	loss_items(r);
}

static void a2a_items(struct row *r)
{
	struct view state = string(r->span, ATTR_ONLOOKER_A2A_TASK_STATE);

	if (state.n && !r->span->error)
		item(r, state, WORD_COLS);
	if (r->span->kind == SPAN_SERVER)
		item(r, VIEW("answered"), WORD_COLS);
	failure_items(r);
	loss_items(r);
}

static void process_items(struct row *r)
{
	int64_t code = row_number(r->span, ATTR_PROCESS_EXIT_CODE, -1);
	struct view type = string(r->span, ATTR_ERROR_TYPE);
	int64_t sig = row_number(r->span, ATTR_ONLOOKER_PROCESS_SIGNAL, 0);

	if (sig && type.n) {
		item(r, type, WORD_COLS);
	} else if (sig || code >= 0) {
		buf_add(&r->out, sig ? VIEW("signal ") : VIEW("exit "));
		number_item(r, sig ? sig : code, "");
	} else if (attrs_get(&r->span->attrs, ATTR_ONLOOKER_PROCESS_UNFINISHED)) {
		item(r, VIEW("still running"), WORD_COLS);
	}
	loss_items(r);
}

/* The buffer's text, the caller's now; NULL: no memory. */
static char *keep(struct buf *b)
{
	char *s = buf_add_byte(b, '\0') ? NULL : strdup(b->p);

	buf_release(b);
	return s;
}

static char *name_of(struct row *r)
{
	plain_add(&r->out, r->span->name, WORD_COLS, r->utf8);
	if (attrs_get(&r->span->attrs, ATTR_PROCESS_EXECUTABLE_NAME))
		buf_addf(&r->out, " [%u]", r->span->pid);
	return keep(&r->out);
}

static char *time_of(struct row *r)
{
	add_seconds(&r->out, (r->span->end - r->span->start) / 1e9);
	return keep(&r->out);
}

static char *how_of(struct row *r)
{
	if (attrs_get(&r->span->attrs, ATTR_PROCESS_EXECUTABLE_NAME))
		process_items(r);
	else if (row_is_mcp(r->span))
		mcp_items(r);
	else if (row_is_a2a(r->span))
		a2a_items(r);
	else if (row_is_agent(r->span))
		agent_items(r);
	else if (row_is_tool(r->span))
		failure_items(r);
	else
		call_items(r);
	return keep(&r->out);
}

bool row_text(struct row_text *ret, const struct span *s, bool utf8)
{
	struct row r = { .span = s, .utf8 = utf8 };

	buf_init(&r.out, TEXT_MAX);
	*ret = (struct row_text){ .name = name_of(&r), .time = time_of(&r), .how = how_of(&r) };
	return ret->name && ret->time && ret->how;
}

void row_text_release(struct row_text *r)
{
	free(r->name);
	free(r->time);
	free(r->how);
}
