# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients from the registries: each span says what the server's log says, attribute by attribute."""

import os
import re
import shlex
import shutil

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(120)


def python(n, script, *args):
    return [bed.PYTHONS[n], str(bed.CLIENTS / script), "CALLS", *args]


def node(script, *args):
    return [bed.NODE or "node", str(bed.CLIENTS / script), "CALLS", *args]


def clients():
    for n, path in enumerate(bed.PYTHONS):
        tag = f"python{n + 1}"
        for mode in ("sync", "async"):
            yield f"{tag}-openai-{mode}", python(n, "py_openai.py", mode), calls.openai_calls
        for mode in ("sync", "async", "helper"):
            yield f"{tag}-anthropic-{mode}", python(n, "py_anthropic.py", mode), calls.anthropic_calls
        for library in ("requests", "httpx", "httpx-async", "aiohttp", "urllib"):
            yield f"{tag}-{library}", python(n, "py_http.py", library), calls.plain_calls
    for mode in ("sequence", "parallel"):
        yield f"node-openai-{mode}", node("node_openai.mjs", mode), calls.openai_calls
        yield f"node-anthropic-{mode}", node("node_anthropic.mjs", mode), calls.anthropic_calls
    for library in ("fetch", "undici", "https"):
        yield f"node-{library}", node("node_http.mjs", library), calls.plain_calls


CLIENTS = list(clients())


@pytest.mark.parametrize("cmd, make", [c[1:] for c in CLIENTS], ids=[c[0] for c in CLIENTS])
def test_every_attribute(observe, tmp_path, cmd, make):
    todo = make()
    path = calls.write(tmp_path / "calls.json", todo)
    cmd = [path if word == "CALLS" else word for word in cmd]
    run, seen = observe(cmd, "--verbose", content=True, count=calls.exchanges_of(todo),
                        env={"NODE_MODULES_DIR": bed.CACHE / "node"})
    assert len(seen) == calls.exchanges_of(todo)
    memory_bio = "node" in cmd[0] or "async" in cmd[-1] or "aiohttp" in cmd[-1]
    bed.check_all(run, seen, content=True, unbound_max=0.25 if memory_bio else 0.0)
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == 0


def curl_script(todo, server, kind, tmp_path):
    lines = []
    for n, c in enumerate(todo):
        body = calls.json.dumps(c["body"])
        path = tmp_path / f"body{n}.json"
        path.write_text(body, encoding="utf-8")
        target = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings",
                  "messages": "/v1/messages"}[c["api"]]
        lines.append(f"curl -sS -o /dev/null --http1.1 --compressed -H 'Content-Type: application/json' "
                     f"-H 'Authorization: Bearer sk-test-SECRET' -H {shlex.quote('X-Scenario: ' + c['scenario'])} "
                     f"--data-binary @{path} {server.url(kind)}{target}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["tls", "tls12", "http"])
def test_curl(observe, server, tmp_path, kind):
    todo = calls.plain_calls()
    script = tmp_path / "run.sh"
    script.write_text(curl_script(todo, server, kind, tmp_path))
    run, seen = observe(["sh", str(script)], kind=kind, content=True, count=len(todo))
    bed.check_all(run, seen, content=True)
    # Each curl is a process with a span of its own, and the parent of what it said.
    names = [s.name for s in run.spans if not s.is_call]
    assert names.count("curl") == len(todo)
    by_id = {s.id: s for s in run.spans}
    for s in run.calls:
        assert by_id[s.parent].name == "curl" and by_id[by_id[s.parent].parent].name == os.path.basename(
            os.path.realpath(shutil.which("sh")))
        assert s.trace == by_id[s.parent].trace


def test_plain_http_of_sdks(observe, tmp_path):
    """Local model servers speak plain HTTP: the same spans without TLS."""
    for script, make in (("py_openai.py", calls.openai_calls), ("py_anthropic.py", calls.anthropic_calls)):
        todo = make()
        path = calls.write(tmp_path / f"{script}.json", todo)
        run, seen = observe([bed.PYTHON, str(bed.CLIENTS / script), path, "sync"], kind="http", content=True,
                            count=calls.exchanges_of(todo))
        bed.check_all(run, seen, content=True)
        assert {s["onlooker.capture.source"] for s in run.calls} == {"socket"}


def test_no_content_unless_asked(observe, tmp_path):
    todo = calls.openai_calls()
    path = calls.write(tmp_path / "calls.json", todo)
    run, seen = observe([bed.PYTHON, str(bed.CLIENTS / "py_openai.py"), path, "sync"], count=calls.exchanges_of(todo))
    bed.check_all(run, seen, content=False)
    said = re.sub(r'"gen_ai.tool.name","value":{"stringValue":"[^"]*"}', "", run.text)
    assert "get_weather" not in said	# names of tools are no content, what they are called with is
    for word in ("Zürich", "Z\\u00fcrich", "knapp", "sk-test", "21 °C"):
        assert word not in run.text
    assert os.stat(run.file).st_mode & 0o777 == 0o600


def test_content_by_environment(observe, tmp_path):
    path = calls.write(tmp_path / "calls.json", [calls.chat()])
    run, seen = observe([bed.PYTHON, str(bed.CLIENTS / "py_openai.py"), path, "sync"], count=1,
                        env={"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"})
    bed.check_all(run, seen, content=True)


def test_resource(observe, tmp_path):
    path = calls.write(tmp_path / "calls.json", [calls.chat()])
    run, _ = observe([bed.PYTHON, str(bed.CLIENTS / "py_openai.py"), path, "sync"], count=1,
                     env={"OTEL_SERVICE_NAME": "my agent", "OTEL_RESOURCE_ATTRIBUTES": "team=a%20b,stage=test"})
    r = run.calls[0].resource
    assert r["service.name"] == "my agent" and r["team"] == "a b" and r["stage"] == "test"
    assert r["process.executable.path"] == os.path.realpath(bed.PYTHON)
    assert r["host.name"] == os.uname().nodename
    process = run.process_of(run.calls[0])
    assert process["process.pid"] == r["process.pid"]
    assert process.kind == 1 and process["process.exit.code"] == 0
    root = [s for s in run.spans if not s.parent]
    assert [s.name for s in root] == ["invoke_agent my agent"] and process.parent == run.calls[0].parent == root[0].id


def test_traceparent_of_the_agent(observe, server, tmp_path):
    """A traceparent header that the agent itself sent makes the span part of that trace."""
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    body = tmp_path / "b.json"
    body.write_text(calls.json.dumps(calls.chat()["body"]))
    run, _ = observe(["curl", "-sS", "-o", "/dev/null", "-H", f"traceparent: 00-{trace}-{parent}-01",
                      "--data-binary", f"@{body}", server.url() + "/v1/chat/completions"], count=1)
    assert (run.calls[0].trace, run.calls[0].parent) == (trace, parent)


def test_names(observe, server, tmp_path):
    """server.address is the name the client asked for: SNI, then Host, then the address."""
    def curl(*args):
        body = tmp_path / "b.json"
        body.write_text(calls.json.dumps(calls.chat()["body"]))
        run, seen = observe(["curl", "-sS", "-o", "/dev/null", "--data-binary", f"@{body}", *args], count=1)
        return run.calls[0], seen[0]

    port = server.ports["tls"]
    span, e = curl("--resolve", f"api.models.test:{port}:127.0.0.1", f"https://api.models.test:{port}/v1/chat/completions")
    assert e["sni"] == "api.models.test"
    assert (span["server.address"], span["server.port"]) == ("api.models.test", port)
    bed.check_span(span, e)
    span, e = curl(f"https://127.0.0.1:{port}/v1/chat/completions")
    assert (span["server.address"], span["server.port"]) == ("127.0.0.1", port)
    http = server.ports["http"]
    span, e = curl("-H", "Host: models.internal:8080", f"http://127.0.0.1:{http}/v1/chat/completions")
    assert (span["server.address"], span["server.port"]) == ("models.internal", 8080)
    assert (span["network.peer.address"], span["network.peer.port"]) == ("127.0.0.1", http)
    span, e = curl("--http1.0", "-H", "Host:", f"http://127.0.0.1:{http}/v1/chat/completions")
    assert (span["server.address"], span["server.port"]) == ("127.0.0.1", http)
    assert span["network.protocol.version"] == "1.0"


def test_time_to_first_chunk(observe, tmp_path):
    """The server waits half a second before its first event: that is in the span, and the head does not count."""
    todo = [make(stream=True, scenario="first=0.5") for make in (calls.chat, calls.responses, calls.messages)]
    path = calls.write(tmp_path / "calls.json", todo)
    run, seen = observe([bed.PYTHON, str(bed.CLIENTS / "py_http.py"), path, "requests"], count=3, content=True)
    bed.check_all(run, seen, content=True)
    for s in run.calls:
        assert 0.45 < s["gen_ai.response.time_to_first_chunk"] < 3
