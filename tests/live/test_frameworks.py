# SPDX-License-Identifier: Apache-2.0
"""Agent frameworks over the providers' SDKs, unmodified: a span for each model call, as the server's log says."""

import pytest

import bed

pytestmark = pytest.mark.timeout(180)

PYTHON = bed.CACHE / "frameworks" / "bin" / "python"

FRAMEWORKS = {		# the command, and the models in the order in which they are asked
    "langchain": ([PYTHON, bed.CLIENTS / "py_frameworks.py", "langchain"],
                  [m for m in ("lc-chat", "lc-responses", "lc-messages") for _ in range(3)] +
                  ["lc-chat", "lc-responses", "lc-messages", "lc-embed"]),
    "langgraph": ([PYTHON, bed.CLIENTS / "py_frameworks.py", "langgraph"],
                  ["lc-chat"] * 2 + ["lc-messages"] * 2 + ["lc-responses"] * 2),
    "agents": ([bed.NODE, bed.CLIENTS / "node_frameworks.mjs", "agents"],
               ["agents-chat_completions"] * 4 + ["agents-responses"] * 4),
    "ai": ([bed.NODE, bed.CLIENTS / "node_frameworks.mjs", "ai"],
           ["ai-chat"] * 4 + ["ai-responses"] * 4 + ["ai-messages"] * 4 + ["ai-embed"]),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_framework(observe, name):
    cmd, models = FRAMEWORKS[name]
    needed = PYTHON if cmd[0] == PYTHON else bed.CACHE / "node" / "node_modules" / "@openai" / "agents"
    if not (cmd[0] and needed.exists()):
        pytest.skip(f"SKIPPED: there is no {needed}: scripts/setup-tests makes it")
    run, seen = observe(cmd, "--verbose", content=True, count=len(models), env={
        "NODE_MODULES_DIR": bed.CACHE / "node", "LANGSMITH_TRACING": "false", "OPENAI_AGENTS_DISABLE_TRACING": "1"})
    seen.sort(key=lambda e: e["req"]["first_ts"])
    assert [e["req"]["json"]["model"] for e in seen] == models
    spans = sorted(run.calls, key=lambda s: s.start)
    assert len(spans) == len(seen), run.err
    for span, e in zip(spans, seen):
        bed.check_span(span, e, content=True)
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == 0
