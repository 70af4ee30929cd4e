# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by unmodified clients: each span says what the server's log says, as over HTTP/1."""

import os
import shlex
import shutil
import subprocess

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(120)

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings",
         "messages": "/v1/messages"}


def check(run, seen, **kw):
    bed.check_all(run, seen, content=True, **kw)
    assert {s["network.protocol.version"] for s in run.calls} == {"2"}
    assert {e["version"] for e in seen} == {"HTTP/2"} or kw.get("mixed")
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == 0


@pytest.mark.parametrize("kind", ["h2", "http"])
@pytest.mark.parametrize("how", ["sync", "async", "parallel"])
@pytest.mark.parametrize("n", range(len(bed.PYTHONS)))
def test_httpx(observe, tmp_path, n, how, kind):
    todo = calls.plain_calls()
    path = calls.write(tmp_path / "calls.json", todo)
    run, seen = observe([bed.PYTHONS[n], str(bed.CLIENTS / "py_http2.py"), path, how], "--verbose", kind=kind, content=True,
                        count=len(todo))
    check(run, seen, unbound_max=0.0 if how == "sync" or kind == "http" else 0.25)


def curl_script(todo, base, option, tmp_path):
    lines = []
    for n, c in enumerate(todo):
        path = tmp_path / f"body{n}.json"
        path.write_text(calls.json.dumps(c["body"]), encoding="utf-8")
        lines.append(f"curl -sS -o /dev/null {option} --compressed -H 'Content-Type: application/json' "
                     f"-H 'Authorization: Bearer sk-test-SECRET' -H {shlex.quote('X-Scenario: ' + c['scenario'])} "
                     f"--data-binary @{path} {base}{PATHS[c['api']]}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind, option", [("h2", "--http2"), ("http", "--http2"), ("http", "--http2-prior-knowledge")],
                         ids=["alpn", "upgrade", "prior-knowledge"])
def test_curl(observe, server, tmp_path, kind, option):
    todo = calls.plain_calls()
    script = tmp_path / "run.sh"
    script.write_text(curl_script(todo, server.url(kind), option, tmp_path))
    run, seen = observe(["sh", str(script)], "--verbose", kind=kind, content=True, count=len(todo))
    check(run, seen)


@pytest.mark.skipif(not shutil.which("nghttp"), reason="nghttp is not installed (nghttp2-client)")
@pytest.mark.parametrize("kind, options", [("h2", ["--no-dep"]), ("http", ["-u"]), ("http", ["-p", "32", "-b", "16"]),
                                           ("h2", ["--continuation", "--header-table-size=0"])],
                         ids=["alpn", "upgrade", "padding", "continuation"])
def test_nghttp(observe, server, tmp_path, kind, options):
    c = calls.plain_calls()[0]
    body = tmp_path / "body.json"
    body.write_text(calls.json.dumps(c["body"]))
    run, seen = observe(["nghttp", "-n", "-y", *options, "-H", "content-type: application/json", "-H", ":method: POST",
                         "-H", "x-scenario: chunks=utf8;trailers=1;info=103", "-d", str(body),
                         server.url(kind) + PATHS[c["api"]]], "--verbose", kind=kind, content=True, count=1)
    check(run, seen)


@pytest.fixture(scope="module")
def go_client(directory):
    go = shutil.which("go") or (os.access("/usr/local/go/bin/go", os.X_OK) and "/usr/local/go/bin/go")
    if not go:
        pytest.skip("there is no Go toolchain")
    out = os.path.join(directory, "go_h2")
    subprocess.run([go, "build", "-o", out, str(bed.CLIENTS / "go_h2.go")], check=True,
                   env={**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "CGO_ENABLED": "0"})
    return out


@pytest.mark.parametrize("how", ["sequence", "parallel"])
def test_go(observe, tmp_path, go_client, how):
    """Plain: whether Go's own TLS can be read is another test's question."""
    todo = calls.plain_calls()
    path = calls.write(tmp_path / "calls.json", todo)
    run, seen = observe([go_client, path, how], "--verbose", kind="http", content=True, count=len(todo))
    check(run, seen)


@pytest.mark.skipif(not shutil.which("java"), reason="there is no Java")
def test_java(observe, server, tmp_path):
    todo = [c for c in calls.plain_calls() if not c["scenario"]] or [calls.chat()]
    files = []
    for n, c in enumerate(todo):
        files.append(tmp_path / f"{c['api']}-{n}.json")
        files[-1].write_text(calls.json.dumps(c["body"]), encoding="utf-8")
    run, seen = observe(["java", str(bed.CLIENTS / "JavaHttp2.java"), server.url("http"), *map(str, files)], "--verbose",
                        kind="http", content=True, count=len(todo))
    check(run, seen)


def test_a_thousand_streams(observe, tmp_path):
    """One connection, a thousand calls at a time."""
    todo = []
    for n in range(1000):
        c = calls.chat(stream=True)
        c["body"]["model"] = f"model-{n}"
        todo.append(c)
    path = calls.write(tmp_path / "calls.json", todo)
    run, seen = observe([bed.PYTHON, str(bed.CLIENTS / "py_http2.py"), path, "parallel"], "--verbose", kind="http",
                        content=True, count=len(todo), timeout=100)
    assert len({e["conn"] for e in seen}) == 1
    check(run, seen)
