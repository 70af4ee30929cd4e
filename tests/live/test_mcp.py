# SPDX-License-Identifier: Apache-2.0
"""The official MCP SDK on both ends of HTTP: client and server spans of every message, and which belongs to which."""

import collections
import json
import socket

import pytest

import bed

pytestmark = pytest.mark.timeout(120)

SCRIPT = str(bed.CLIENTS / "py_mcp.py")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def talk(bench, server):
    """Runs server and client under one observation; returns the run and what the client says it did."""

    def go(transport, mode, *more, content=True):
        port = free_port()
        where = f"sse:http://127.0.0.1:{port}/sse" if transport == "sse" else f"http://127.0.0.1:{port}/mcp"
        cmd = (f"'{bed.PYTHON}' '{SCRIPT}' server {port} {transport} {' '.join(more)} >&2 & s=$!; "
               f"'{bed.PYTHON}' '{SCRIPT}' client {where} {mode}; r=$?; kill $s; wait $s; exit $r")
        run = bench.run(["sh", "-c", cmd], content=content, env=server.env("http"))
        return run, json.loads(run.out)

    return go


WAYS = [("streamable-http", "auto"), ("streamable-http", "legacy"), ("streamable-http", "legacy", "json"), ("sse", "legacy")]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_both_ends(talk, way):
    run, said = talk(*way)
    spans = [s for s in run.spans if s["mcp.method.name"]]
    client, served = ([s for s in spans if s.kind == kind] for kind in (3, 2))
    wanted = collections.Counter((d[0], d[1] if d[0] in ("tools/call", "prompts/get") else None) for d in said["done"])
    for side in (client, served):
        got = collections.Counter((s["mcp.method.name"], s["gen_ai.tool.name"] or s["gen_ai.prompt.name"]) for s in side
                                  if s["mcp.method.name"] in {d[0] for d in said["done"]})
        assert got == wanted
    adds = sorted((json.loads(s["gen_ai.tool.call.arguments"])["a"],
                   json.loads(s["gen_ai.tool.call.result"])["structuredContent"]["result"])
                  for s in client if s["gen_ai.tool.name"] == "add")
    assert adds == sorted([(a, a + 40) for a in range(3)] + [(n, n + 1000) for n in range(5)])
    for s in client + served:
        assert s["mcp.protocol.version"] == said["protocol"] or s["mcp.method.name"] in ("server/discover", "initialize")
        assert s["onlooker.mcp.server.name"] == "weather-station" or s["mcp.method.name"] in ("server/discover", "initialize")
        assert s["network.transport"] == "tcp" and s["network.protocol.name"] == "http"
        assert (s["gen_ai.operation.name"] == "execute_tool") == bool(s["gen_ai.tool.name"])
        assert ("jsonrpc.request.id" in s.attrs) != s["mcp.method.name"].startswith("notifications/")
        assert s.end >= s.start and s.trace == run.spans[0].trace
    by_id = {s.id: s for s in spans}
    for s in served:                        # every request that the server answers was asked by the client
        if s["mcp.method.name"].startswith("notifications/"):
            continue
        asker = by_id[s.parent]
        assert asker.kind == 3 and asker.name == s.name and asker["jsonrpc.request.id"] == s["jsonrpc.request.id"]
        assert asker["gen_ai.tool.call.arguments"] == s["gen_ai.tool.call.arguments"]
        assert asker.start <= s.start + 250_000_000 and s["onlooker.link.basis"] == "jsonrpc_id"
        assert s["client.port"] and asker["server.address"] == "127.0.0.1"
    broken = next(s for s in client if s["gen_ai.tool.name"] == "broken")
    assert broken["error.type"] == "tool_error" and broken.status["code"] == 2
    never = next(s for s in client if s["mcp.resource.uri"] == "notes://never")
    assert never["error.type"] == never["rpc.response.status_code"] == str(said["done"][-2][2])
    assert "error.type" not in next(s for s in served if s["mcp.resource.uri"] == "notes://never").attrs
    progress = [s for s in spans if s["mcp.method.name"] == "notifications/progress"]
    assert not progress or len([s for s in progress if s.kind == 2]) == 3
    if way[1] == "legacy" and way[0] != "sse":
        assert len({s["mcp.session.id"] for s in client if s["mcp.method.name"] == "tools/call"} - {None}) == 1


@pytest.mark.skipif(not bed.NODE, reason="SKIPPED: no node")
def test_typescript(bench, server):
    """The other official SDK; the server asks back in the middle of a call."""
    port = free_port()
    script = str(bed.CLIENTS / "node_mcp.mjs")
    cmd = (f"'{bed.NODE}' '{script}' server {port} >&2 & s=$!; '{bed.NODE}' '{script}' client http://127.0.0.1:{port}/mcp; "
           f"r=$?; kill $s; wait $s; exit $r")
    run = bench.run(["sh", "-c", cmd], content=True, env=server.env("http", NODE_MODULES_DIR=bed.CACHE / "node"))
    done = json.loads(run.out)["done"]
    spans = [s for s in run.spans if s["mcp.method.name"]]
    for kind in (2, 3):
        got = sorted((s["gen_ai.tool.name"], json.loads(s["gen_ai.tool.call.result"])["content"][0]["text"])
                     for s in spans if s["gen_ai.tool.name"] in ("add", "ask") and s.kind == kind)
        assert got == sorted((d[1], d[2]) for d in done if d[1] != "broken")
    asks = [s for s in spans if s["mcp.method.name"] == "elicitation/create"]
    assert sorted(s.kind for s in asks) == [2, 3]       # there it is the server that asks
    outer = next(s for s in spans if s["gen_ai.tool.name"] == "ask" and s.kind == 3)
    for s in asks:
        assert outer.start - 250_000_000 <= s.start and s.end <= outer.end + 250_000_000
    assert {s["error.type"] for s in spans if s["gen_ai.tool.name"] == "broken"} == {"tool_error"}
    by_id = {s.id: s for s in spans}
    for s in spans:
        if s.kind == 2 and s["gen_ai.tool.name"]:
            assert by_id[s.parent].kind == 3 and by_id[s.parent]["jsonrpc.request.id"] == s["jsonrpc.request.id"]


def test_no_content_unless_asked(talk):
    run, _ = talk("streamable-http", "auto", content=False)
    calls = [s for s in run.spans if s["gen_ai.tool.name"]]
    assert calls and not any(k.startswith("gen_ai.tool.call.") for s in calls for k in s.attrs)
