# SPDX-License-Identifier: Apache-2.0
"""MCP over stdio: both ends' spans of every message against what the client says it did, and which belongs to which."""

import collections
import json

import pytest

import bed

pytestmark = pytest.mark.timeout(120)

SCRIPT = str(bed.CLIENTS / "py_mcp.py")
NODE_SCRIPT = str(bed.CLIENTS / "node_mcp.mjs")


def mcp_spans(run):
    return [s for s in run.spans if s["mcp.method.name"]]


def check_pairs(spans):
    """Every request that one end was asked is a child of what the other end asked, and nothing else is."""
    by_id = {s.id: s for s in spans}
    served = [s for s in spans if s.kind == 2 and not s["mcp.method.name"].startswith("notifications/")]
    assert served
    for s in served:
        asker = by_id[s.parent]
        assert asker.kind == 3 and asker.name == s.name and asker["jsonrpc.request.id"] == s["jsonrpc.request.id"]
        for key in ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "mcp.resource.uri"):
            assert asker[key] == s[key]
        assert s["onlooker.link.basis"] == "pipe_peer" and asker.start <= s.start
        assert s.resource["process.pid"] != asker.resource["process.pid"]
    assert len({s.parent for s in served}) == len(served)


def check_local(spans):
    for s in spans:
        assert s["network.transport"] == "pipe" and s["onlooker.capture.source"] == "pipe"
        assert "server.address" not in s.attrs and "network.protocol.name" not in s.attrs
        assert ("jsonrpc.request.id" in s.attrs) != s["mcp.method.name"].startswith("notifications/")
        assert s.end >= s.start


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_both_ends(bench, server, mode):
    run = bench.run([bed.PYTHON, SCRIPT, "client", "stdio", mode], content=True, env=server.env("http"))
    said = json.loads(run.out)
    spans = mcp_spans(run)
    check_local(spans)
    check_pairs(spans)
    wanted = collections.Counter((d[0], d[1] if d[0] in ("tools/call", "prompts/get") else None) for d in said["done"])
    for kind in (2, 3):
        side = [s for s in spans if s.kind == kind]
        assert wanted == collections.Counter((s["mcp.method.name"], s["gen_ai.tool.name"] or s["gen_ai.prompt.name"])
                                             for s in side if s["mcp.method.name"] in {d[0] for d in said["done"]})
        adds = sorted((json.loads(s["gen_ai.tool.call.arguments"])["a"],
                       json.loads(s["gen_ai.tool.call.result"])["structuredContent"]["result"])
                      for s in side if s["gen_ai.tool.name"] == "add")
        assert adds == sorted([(a, a + 40) for a in range(3)] + [(n, n + 1000) for n in range(5)])
        calls = [s for s in side if s["gen_ai.tool.name"]]
        assert {s["mcp.protocol.version"] for s in calls} == {said["protocol"]}
        assert {(s["onlooker.mcp.server.name"], s["onlooker.mcp.server.version"]) for s in calls} == \
            {("weather-station", "3.2.1")}
        assert next(s for s in side if s["gen_ai.tool.name"] == "broken")["error.type"] == "tool_error"
    slow = next(s for s in spans if s["gen_ai.tool.name"] == "slow" and s.kind == 3)
    assert len(json.loads(slow["gen_ai.tool.call.result"])["content"][0]["text"]) == 5008
    assert not any(s["error.type"] == "incomplete" for s in spans)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_two_servers_number_alike(bench, server, mode):
    run = bench.run([bed.PYTHON, SCRIPT, "twins", mode], content=True, env=server.env("http"))
    spans = mcp_spans(run)
    check_local(spans)
    check_pairs(spans)
    said = sorted((n, b, r) for n, b, r in json.loads(run.out))
    pids = collections.defaultdict(set)
    for kind in (2, 3):
        adds = [s for s in spans if s["gen_ai.tool.name"] == "add" and s.kind == kind]
        got = []
        for s in adds:
            args = json.loads(s["gen_ai.tool.call.arguments"])
            got.append((args["a"], args["b"], json.loads(s["gen_ai.tool.call.result"])["structuredContent"]["result"]))
            pids[kind, args["b"]].add(s.resource["process.pid"])
        assert sorted(got) == said
    assert pids[3, 1000] == pids[3, 2000] and len(pids[2, 1000]) == len(pids[2, 2000]) == 1
    assert pids[2, 1000] != pids[2, 2000]
    ids = [s["jsonrpc.request.id"] for s in spans if s.kind == 3 and s["gen_ai.tool.name"]]
    assert len(set(ids)) < len(ids)         # else this has tested nothing


@pytest.mark.skipif(not bed.NODE, reason="SKIPPED: no node")
def test_typescript(bench, server):
    """The other official SDK: node makes socket pairs; the server asks back in the middle of a call."""
    run = bench.run([bed.NODE, NODE_SCRIPT, "client", "stdio"], content=True,
                    env=server.env("http", NODE_MODULES_DIR=bed.CACHE / "node"))
    done = json.loads(run.out)["done"]
    spans = mcp_spans(run)
    check_local(spans)
    check_pairs(spans)
    for kind in (2, 3):
        got = sorted((s["gen_ai.tool.name"], json.loads(s["gen_ai.tool.call.result"])["content"][0]["text"])
                     for s in spans if s["gen_ai.tool.name"] in ("add", "ask") and s.kind == kind)
        assert got == sorted((d[1], d[2]) for d in done if d[1] != "broken")
    asks = [s for s in spans if s["mcp.method.name"] == "elicitation/create"]
    assert sorted(s.kind for s in asks) == [2, 3]       # there it is the server that asks
    outer = next(s for s in spans if s["gen_ai.tool.name"] == "ask" and s.kind == 3)
    assert all(outer.start <= s.start and s.end <= outer.end for s in asks)
    asking = next(s for s in asks if s.kind == 3)
    assert asking.resource["process.pid"] != outer.resource["process.pid"]


# A client that stands for no SDK, and a server that says more than it should: what passes is known to the byte.
NOISY = r"""
import json, subprocess, sys
SERVER = '''
import json, sys
print("Starting up", flush=True)
print(json.dumps({"level": "info"}), flush=True)
for line in sys.stdin:
    m = json.loads(line)
    if "id" not in m:
        continue
    sys.stdout.write("\\r\\n\\r\\nworking\\r\\n" + json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": {
        "protocolVersion": "2025-11-25", "serverInfo": {"name": "noisy", "version": "1"},
        "content": [{"type": "text", "text": "z" * int(m.get("params", {}).get("arguments", {}).get("n", 0))}]}}) + "\\r\\n")
    sys.stdout.flush()
'''
p = subprocess.Popen(sys.argv[1:] + [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

def ask(i, method, params):
    p.stdin.write(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": params}).encode() + b"\n")
    p.stdin.flush()
    while True:
        line = p.stdout.readline().strip()
        if line.startswith(b'{"jsonrpc'):
            return json.loads(line)

ask(0, "initialize", {"protocolVersion": "2025-11-25"})
for i, n in enumerate([1, 100000, 3000000, 7], 1):
    assert len(ask(i, "tools/call", {"name": "t", "arguments": {"n": n, "fill": "f" * n}})["result"]["content"][0]["text"]) == n
p.stdin.close()
p.wait()
"""


@pytest.mark.parametrize("wrapper", [[], ["sh", "-c", '"$@"; exit $?', "sh"], ["env"]], ids=["direct", "sh", "env"])
def test_noise_sizes_and_wrappers(bench, server, wrapper):
    run = bench.run([bed.PYTHON, "-c", NOISY, *wrapper], content=True, env=server.env("http"), timeout=20)
    spans = mcp_spans(run)
    check_local(spans)
    check_pairs(spans)
    for kind in (2, 3):
        side = [s for s in spans if s.kind == kind]
        assert [s["mcp.method.name"] for s in side].count("initialize") == 1
        calls = sorted((s for s in side if s["gen_ai.tool.name"]), key=lambda s: s.start)
        for s, n in zip(calls, [1, 100000, 3000000, 7], strict=True):
            assert json.loads(s["gen_ai.tool.call.arguments"]) == {"n": n, "fill": "f" * n}
            assert json.loads(s["gen_ai.tool.call.result"])["content"][0]["text"] == "z" * n
            assert s["onlooker.mcp.server.name"] == "noisy"


def test_no_content_unless_asked(bench, server):
    run = bench.run([bed.PYTHON, SCRIPT, "client", "stdio", "auto"], content=False, env=server.env("http"))
    calls = [s for s in run.spans if s["gen_ai.tool.name"]]
    assert calls and not any(k.startswith("gen_ai.tool.call.") for s in calls for k in s.attrs)
