# SPDX-License-Identifier: Apache-2.0
"""The tree of real SDK loops against what they did: which tools were run, and what they started. No edge may be wrong."""

import collections
import json
import os

import pytest

import bed

pytestmark = pytest.mark.timeout(120)

AGENT = str(bed.CLIENTS / "py_agent.py")

ONE = [
    {"ask": "list", "tools": [["list_files", {"command": "ls -l /etc/hostname"}, ["ls", "-l", "/etc/hostname"]]]},
    {"ask": "both", "tools": [["cat_a", {"path": "/etc/hostname"}, ["cat", "/etc/hostname"]],
                              ["say_b", {"command": "echo two; true"}, ["sh", "-c", "echo two; true"]]]},
    {"ask": "broken", "tools": [["broken", {"x": "y"}, "fail"]]},
    {"ask": "inside", "tools": [["inside", {"x": "y"}, "python"]]},
    {"ask": "date", "tools": [["today", {}, ["date", "+%F"]]]},
    {"ask": "stays", "tools": [["stays", {"what": "server"}, "daemon"]]},
    {"ask": "refused", "tools": [["refused", {"x": "y"}, "never"]]},
]
TWO = [
    {"ask": "other", "tools": [["wc_c", {"path": "/etc/passwd"}, ["wc", "-c", "/etc/passwd"]]]},
    {"ask": "again", "tools": [["other_inside", {"x": "z"}, "python"]]},
]

edges = collections.defaultdict(collections.Counter)


def check(run, content):
    """Compares every edge; returns how many are missing."""
    said = [json.loads(line) for line in run.out.splitlines()]
    agent_pid = said[0]["agent"]
    by_id = {s.id: s for s in run.spans}
    root = [s for s in run.spans if not s.parent]
    assert len(root) == 1 and root[0].name == f"invoke_agent {os.path.basename(os.path.realpath(bed.PYTHON))}"
    tools = {s["gen_ai.tool.call.id"]: s for s in run.spans if s["gen_ai.operation.name"] == "execute_tool"}
    truth = {d["id"]: d for d in said[1:]}
    told = {i for i, d in truth.items() if d["told"]}
    assert set(tools) <= told, "a tool call is shown as run that was not"
    edges["tool_call_id"].update(right=len(tools), missing=len(told - set(tools)))
    for call_id, s in tools.items():
        assert s.kind == 1 and s["gen_ai.tool.name"] == truth[call_id]["tool"] and s.parent == root[0].id
        assert (s["error.type"] == "tool_error") == (truth[call_id]["failed"] and call_id.startswith("toolu_"))
        assert bool(s["gen_ai.tool.call.arguments"]) == content
        assert s["onlooker.link.basis"] == "tool_call_id" and s["onlooker.link.confidence"] == 1
    # The processes that tools started: under their tool, or nowhere better than the agent.
    missing = 0
    owner = {d["pid"]: i for i, d in truth.items() if d["pid"]}
    for s in run.spans:
        if not s.is_process or s["process.parent_pid"] != agent_pid:
            continue
        parent = by_id[s.parent]
        if parent["gen_ai.operation.name"] == "execute_tool":
            assert s["process.pid"] in owner, f"{s.name} was started by no tool"
            assert parent["gen_ai.tool.call.id"] == owner[s["process.pid"]], f"{s.name} is under the wrong tool"
            edges[s["onlooker.link.basis"]].update(right=1)
        elif s["process.pid"] in owner:
            edges[s["onlooker.link.basis"] or "link or none"].update(missing=1)
            missing += 1
    for s in run.calls:
        assert s.parent == root[0].id
    never = [e for e in root[0].raw.get("events", []) if e["name"] == "onlooker.tool.unanswered"]
    assert {bed.attributes(e["attributes"])["gen_ai.tool.call.id"] for e in never} == set(truth) - told
    assert root[0]["onlooker.run.tools"] == len(tools) and root[0]["onlooker.run.model_calls"] == len(run.calls)
    assert root[0]["onlooker.run.tools_unanswered"] == len(never)
    return missing + len(told - set(tools))


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("mode, content", [("sync", False), ("async", True)])
def test_one_conversation(observe, tmp_path, sdk, mode, content):
    path = tmp_path / "script.json"
    path.write_text(json.dumps([ONE]))
    run, _ = observe([bed.PYTHON, AGENT, str(path), sdk, mode], content=content)
    assert check(run, content) == 0
    # Turns come in order, and each conversation is one.
    chains = [s["onlooker.conversation.chain"] for s in sorted(run.calls, key=lambda s: s.start)]
    assert chains == [1] * len(chains)


@pytest.mark.parametrize("mode", ["threads", "async"])
def test_conversations_at_once(observe, tmp_path, mode):
    """Two SDKs with two conversations each, all at the same time: edges may be missing, none may be wrong."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps([ONE, TWO]))
    run, _ = observe([bed.PYTHON, AGENT, str(path), "both", mode])
    tools = [s for s in run.spans if s["gen_ai.operation.name"] == "execute_tool"]
    check(run, False)
    assert len(tools) == 2 * (len(ONE) + len(TWO))	# of ONE, "both" has two and "refused" none
    by_chain = collections.defaultdict(set)
    for s in run.calls:
        by_chain[s["onlooker.conversation.chain"]].add((s["gen_ai.provider.name"], s["gen_ai.request.model"] in
                                                        {f"m-{t['ask']}" for t in ONE}))
    assert len(by_chain) == 4 and all(len(v) == 1 for v in by_chain.values())


def test_agent_below_a_shell(observe, tmp_path):
    """The command is no agent, what it starts is: nested where it was started."""
    path = tmp_path / "script.json"
    path.write_text(json.dumps([TWO]))
    run, _ = observe(["sh", "-c", f"'{bed.PYTHON}' '{AGENT}' '{path}' openai sync; true"])
    by_id = {s.id: s for s in run.spans}
    agents = [s for s in run.spans if s["gen_ai.operation.name"] == "invoke_agent"]
    assert len(agents) == 1
    above = by_id[agents[0].parent]
    assert above.is_process and not above.parent and above["onlooker.run.tools"] == 2
    assert all(s.parent == agents[0].id for s in run.calls)


def test_table():
    """What the tests above counted; docs/tracing.md shows it."""
    assert edges, "run the whole file"
    for basis in sorted(edges):
        print(f"\n{basis:18} right {edges[basis]['right']:3} missing {edges[basis]['missing']:3} wrong 0", end="")
