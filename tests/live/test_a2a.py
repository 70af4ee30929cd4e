# SPDX-License-Identifier: Apache-2.0
"""The official A2A SDK on both ends of HTTP: client and server spans of every operation, by both bindings and in both versions."""

import json
import socket

import pytest

import bed

pytestmark = pytest.mark.timeout(120)

SCRIPT = str(bed.CLIENTS / "py_a2a.py")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def talk(bench, server):
    """Runs server and client under one observation; returns the run and what the client says it did."""

    def go(binding, version, how, content=True):
        port = free_port()
        cmd = (f"'{bed.PYTHON}' '{SCRIPT}' server {port} {binding} {version} >&2 & s=$!; "
               f"'{bed.PYTHON}' '{SCRIPT}' client http://127.0.0.1:{port} {binding} {how}; r=$?; kill $s; wait $s; exit $r")
        run = bench.run(["sh", "-c", cmd], content=content, env=server.env("http"))
        return run, json.loads(run.out)

    return go


def text(span, key):
    return "".join(p["content"] for m in json.loads(span[key]) for p in m["parts"])


ANSWERS = {"weather": "7 °C in Ulm", "ping": "pong", "fail": "no such place", "which": "which Ulm?"}


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("how", ["stream", "plain"])
def test_both_ends(talk, binding, version, how):
    run, said = talk(binding, version, how)
    spans = [s for s in run.spans if s["onlooker.a2a.method"]]
    by_id = {s.id: s for s in spans}
    for kind in (3, 2):
        asked = [s for s in spans if s.kind == kind and s["gen_ai.operation.name"] == "invoke_agent"]
        assert [text(s, "gen_ai.input.messages") for s in asked] == [d["text"] for d in said["done"]]
        for s, d in zip(asked, said["done"]):
            assert s.name == "invoke_agent Wetter-Agent ü" and s["gen_ai.agent.version"] == "4.5.6"
            assert s["onlooker.a2a.method"] == ("SendStreamingMessage" if how == "stream" else "SendMessage")
            assert s["gen_ai.conversation.id"] == d["context"] == "ctx-7"
            assert (s["onlooker.a2a.task.id"], s["onlooker.a2a.task.state"]) == (d["task"], d["state"])
            assert text(s, "gen_ai.output.messages") == ANSWERS[d["text"]]
            assert s["error.type"] == ("task_failed" if d["text"] == "fail" else None)
            assert ("jsonrpc.request.id" in s.attrs) == (binding == "JSONRPC")
            assert s["network.transport"] == "tcp" and s.trace == run.spans[0].trace and s.end >= s.start
        polls = [s for s in spans if s.kind == kind and s["onlooker.a2a.method"] == "GetTask"]
        assert [s["onlooker.a2a.task.id"] for s in polls] == [said["got"], "none"]
        assert "gen_ai.operation.name" not in polls[0].attrs
        assert asked[0].id in [link["spanId"] for link in polls[0].raw["links"]]
    refused = next(s for s in spans if s.kind == 3 and s["onlooker.a2a.task.id"] == "none")
    assert refused["error.type"] == ("-32001" if binding == "JSONRPC" else "404") and refused.status["code"] == 2
    for s in spans:
        if s.kind == 2 and s["gen_ai.operation.name"]:
            assert by_id[s.parent].kind == 3 and by_id[s.parent]["gen_ai.input.messages"] == s["gen_ai.input.messages"]
            assert s["onlooker.link.basis"] == "a2a_message_id"


def test_no_content_unless_asked(talk):
    run, _ = talk("JSONRPC", "1.0", "stream", content=False)
    calls = [s for s in run.spans if s["gen_ai.operation.name"] == "invoke_agent"]
    assert len(calls) == 8 and not any(k.endswith(".messages") for s in calls for k in s.attrs)
