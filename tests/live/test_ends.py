# SPDX-License-Identifier: Apache-2.0
"""Answers that only the connection's end ends: over TLS that is the peer's close_notify, which libraries say in their own ways."""

import shutil

import pytest

import bed
import calls
from test_clients import curl_script, node, python

pytestmark = pytest.mark.timeout(60)

CLIENTS = {"urllib": python(0, "py_http.py", "urllib"), "requests": python(0, "py_http.py", "requests"),
           "aiohttp": python(0, "py_http.py", "aiohttp"), "fetch": node("node_http.mjs", "fetch")}


def until_closed():
    return [calls.chat(scenario="framing=close"), calls.messages(scenario="framing=close;http10=1")]


@pytest.mark.parametrize("name", CLIENTS)
def test_close_notify(observe, tmp_path, name):
    todo = until_closed()
    path = calls.write(tmp_path / "calls.json", todo)
    run, seen = observe([path if w == "CALLS" else w for w in CLIENTS[name]], "--verbose", content=True, count=len(todo),
                        env={"NODE_MODULES_DIR": bed.CACHE / "node"})
    # onlooker.exchange.end has to be absent; two streams at once through memory BIOs may be hard to bind, not the matter here
    bed.check_all(run, seen, content=True, unbound_max=1.0 if name in ("aiohttp", "fetch") else 0.0)


def test_close_notify_curl(observe, server, tmp_path):
    todo = until_closed()
    script = tmp_path / "run.sh"
    script.write_text(curl_script(todo, server, "tls", tmp_path))
    run, seen = observe(["sh", str(script)], content=True, count=len(todo))
    bed.check_all(run, seen, content=True)


@pytest.mark.skipif(not shutil.which("wget"), reason="there is no wget")
def test_close_notify_wget(observe, server, tmp_path):
    """Debian's wget is on GnuTLS."""
    call = until_closed()[0]
    body = tmp_path / "b.json"
    body.write_text(calls.json.dumps(call["body"]))
    run, seen = observe(["wget", "-q", "-O", "/dev/null", f"--ca-certificate={server.ca}", f"--post-file={body}",
                         "--header=Content-Type: application/json", f"--header=X-Scenario: {call['scenario']}",
                         server.url() + "/v1/chat/completions"], content=True, count=1)
    bed.check_all(run, seen, content=True)


HELLO_BY_HAND = """
import os, socket, sys
host, port = sys.argv[1:3]
s = socket.create_connection((host, int(port)))
body = b"\\x03\\x03" + os.urandom(32) + b"\\x00" + b"\\x00\\x02\\x13\\x01" + b"\\x01\\x00" + b"\\x00\\x00"
hand = b"\\x01" + len(body).to_bytes(3, "big") + body
s.sendall(b"\\x16\\x03\\x01" + len(hand).to_bytes(2, "big") + hand)
s.recv(100)
"""


def test_unknown_tls_is_said(observe, server):
    """A program with a TLS of its own, as those in Go, Rust or Java: no silent zero."""
    cmd = [bed.PYTHON, "-c", HELLO_BY_HAND, "127.0.0.1", str(server.ports["tls"])]
    run, _ = observe(cmd)
    assert [s["onlooker.process.unseen_tls_connections"] for s in run.spans] == [1]
    assert "1 TLS connection of python" in run.err and "could not be read" in run.err
    run, _ = observe(["curl", "-sS", "-o", "/dev/null", server.url() + "/health"])
    assert [s["onlooker.process.unseen_tls_connections"] for s in run.spans] == [None]
    assert "could not be read" not in run.err
