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
    bed.check_all(run, seen, content=True)	# onlooker.exchange.end has to be absent


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
