// SPDX-License-Identifier: Apache-2.0
#include "trace/agents.h"

/*
 * Known agents, by the name they call themselves.  Seen in their requests (Claude Code 2.1, Codex 0.163, Gemini CLI 0.61,
 * Qwen Code 0.24, opencode 1.18) or in their packages; versions age, so only what does not change with them is compared.
 */
static const struct agent_row {
	const char *name;
	const char *agent[2];		/* how a user-agent begins */
	const char *exe;
	const char *session, *id, *parent_id;	/* headers */
} rows[] = {
	{ "claude-code", { "claude-cli/" }, "claude", "x-claude-code-session-id", "x-claude-code-agent-id",
	  "x-claude-code-parent-agent-id" },
	{ "codex", { "codex_", "codex-tui/" }, "codex", "session-id", NULL, NULL },
	{ "gemini-cli", { "GeminiCLI" }, "gemini", NULL, NULL, NULL },
	{ "qwen-code", { "QwenCode/" }, "qwen", NULL, NULL, NULL },
	{ "opencode", { "opencode/" }, "opencode", "x-session-id", NULL, NULL },
	{ "goose", { "goose/" }, "goose", NULL, NULL, NULL },
	{ "cline", { "Cline/" }, "cline", "x-task-id", NULL, NULL },
	{ "github-copilot", { "GitHubCopilotChat/" }, "copilot", "x-interaction-id", NULL, NULL },
	{ "zed", { "Zed/" }, "zed", NULL, NULL, NULL },
	{ "crush", { "crush/" }, "crush", NULL, NULL, NULL },
	{ "aider", { "aider/" }, "aider", NULL, NULL, NULL },
};

static bool is_row(const struct agent_row *r, struct view ua)
{
	for (size_t i = 0; i < 2 && r->agent[i]; i++)
		if (view_starts(ua, view_of(r->agent[i])))
			return true;
	return false;
}

/* NAME/VERSION[/…][ …]: what is no number is no version. */
static struct view version_of(struct view ua)
{
	struct view name, v;

	if (!view_cut(ua, '/', &name, &v))
		return VIEW_NONE;
	for (size_t n = 0; n < v.n; n++)
		if (memchr(" /;(", v.p[n], 4))
			v = view_take(v, n);
	return v.n && v.n <= 32 && v.p[0] >= '0' && v.p[0] <= '9' ? v : VIEW_NONE;
}

static struct view header(const struct exchange *x, const char *name)
{
	struct view v = name ? view_trim(message_header(&x->req, name)) : VIEW_NONE;

	return v.n <= 256 ? v : VIEW_NONE;
}

struct agent_says agent_says(const struct exchange *x)
{
	struct view ua = message_header(&x->req, "user-agent");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!is_row(&rows[i], ua))
			continue;
		return (struct agent_says){
			.name = rows[i].name,
			.version = version_of(ua),
			.session = header(x, rows[i].session),
			.id = header(x, rows[i].id),
			.parent_id = header(x, rows[i].parent_id),
		};
	}
	return (struct agent_says){ 0 };
}

const char *agent_of_exe(struct view exe)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (view_eq(exe, view_of(rows[i].exe)))
			return rows[i].name;
	return NULL;
}
