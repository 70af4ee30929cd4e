// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "trace/agents.h"

static struct agent_says says(struct conn **conn, const char *headers)
{
	char req[1024];
	struct xev ev;

	snprintf(req, sizeof(req), "POST /v1/messages HTTP/1.1\r\nHost: m.test\r\n%sContent-Length: 2\r\n\r\n{}", headers);
	*conn = conn_new(false);
	conn_bytes(*conn, 0, view_of(req), 1000);
	while (conn_next(*conn, &ev))
		if (ev.kind == XEV_REQUEST)
			return agent_says(ev.x);
	fail();
	return (struct agent_says){ 0 };
}

static void what_agents_say(void **state)
{
	static const struct {
		const char *headers, *name, *version, *session, *id, *parent;
	} rows[] = {
		{ "User-Agent: claude-cli/2.1.329 (external, sdk-cli)\r\nX-Claude-Code-Session-Id: s-1\r\n"
		  "x-claude-code-agent-id: a2\r\nx-claude-code-parent-agent-id: a1\r\n", "claude-code", "2.1.329", "s-1", "a2", "a1" },
		{ "User-Agent: codex_exec/0.163.0 (Debian 12; x86_64) xterm (codex_exec; 0.163.0)\r\nsession-id: t\r\n",
		  "codex", "0.163.0", "t", "", "" },
		{ "User-Agent: GeminiCLI-tui/0.61.0/gemini-3 (linux; x64; tui)\r\n", "gemini-cli", "0.61.0", "", "", "" },
		{ "User-Agent: Cline/SDK\r\n", "cline", "", "", "", "" },
		{ "User-Agent: opencode/1.18.33 ai-sdk/provider-utils/4 runtime/bun/1.3\r\n", "opencode", "1.18.33", "", "", "" },
		{ "User-Agent: OpenAI/Python 2.6.0\r\nsession-id: not-ours\r\n", "", "", "", "", "" },
		{ "", "", "", "", "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conn *conn;
		struct agent_says got = says(&conn, rows[i].headers);

		assert_true(view_eq(view_of(got.name), view_of(rows[i].name)));
		assert_true(view_eq(got.version, view_of(rows[i].version)));
		assert_true(view_eq(got.session, view_of(rows[i].session)));
		assert_true(view_eq(got.id, view_of(rows[i].id)));
		assert_true(view_eq(got.parent_id, view_of(rows[i].parent)));
		conn_free(conn);
	}
}

static void executables(void **state)
{
	assert_string_equal(agent_of_exe(VIEW("claude")), "claude-code");
	assert_null(agent_of_exe(VIEW("claude-x")));
	assert_null(agent_of_exe(VIEW("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_agents_say),
		cmocka_unit_test(executables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
