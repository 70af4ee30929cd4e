# SPDX-License-Identifier: Apache-2.0
"""watch without a filter: who is interesting is decided on the way."""

import os
import signal
import subprocess
import threading
import time

import pytest

import bed
from test_watch import Watch, talker  # noqa: F401

pytestmark = pytest.mark.timeout(120)

BODY = '{"model":"%s","messages":[{"role":"user","content":"hi"}]}'


def ask(server, model, kind="tls"):
    subprocess.run(["curl", "-sS", "-o", "/dev/null", "-d", BODY % model, server.url(kind) + "/v1/chat/completions"],
                   env=server.env(kind), check=True)


def wait_for_model(w, model):
    """Other programs of this machine may talk too."""
    bed.wait_for(lambda: [s for s in w.spans() if s["gen_ai.request.model"] == model])


def spans_of(run, pid):
    return [s for s in run.spans if s["process.pid"] == pid and not s.is_call]


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_new_and_running_processes(server, bench, talker, kind):
    """Nobody is named: one that runs already and one that comes, and nobody's processes but theirs."""
    t = talker("all-old-", kind)
    t.say("old")
    w = Watch(bench)
    t.say("new")
    ask(server, "all-new", kind)
    silent = subprocess.Popen(["sh", "-c", "exit 7"])
    silent.wait()
    bed.wait_for(lambda: len([s for s in w.spans() if (s["gen_ai.request.model"] or "").startswith("all-")]) >= 2)
    run = w.end()
    assert run.status == 0
    run.call("all-new")
    (old,) = [s for s in run.calls if s["gen_ai.request.model"].startswith("all-old-")]
    assert {s["process.executable.name"] for s in run.spans if s.id in (old.parent, run.call("all-new").parent)} == {
        "curl", os.path.basename(os.path.realpath(bed.PYTHON))}
    assert not spans_of(run, silent.pid)


AGENT = """
import http.client, json, os, subprocess, sys
def call(model):
    host = os.environ["BASE"].split("://")[1]
    c = http.client.HTTPConnection(host)
    c.request("POST", "/v1/chat/completions", json.dumps({"model": model, "messages": []}),
              {"Content-Type": "application/json"})
    c.getresponse().read()
early = subprocess.Popen(["sleep", "60"])	# a child from before the first word to a model
call("agent-first")
sys.stdin.readline()
early.kill()
early.wait()
subprocess.run(["sh", "-c", "ls / >/dev/null; exit 3"])
print("done", flush=True)
sys.stdin.read()
"""


def test_agents_and_what_they_start(server, bench):
    """From its first word to a model on, an agent's processes are told; those it had by then too."""
    w = Watch(bench)
    p = subprocess.Popen([bed.PYTHON, "-c", AGENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=server.env("http"))
    try:
        wait_for_model(w, "agent-first")
        p.stdin.write(b"go\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"done\n"
        pid = p.pid
    finally:
        p.stdin.close()
        p.wait(10)
        p.stdout.close()
    bed.wait_for(lambda: [s for s in w.spans() if s["process.pid"] == pid and not s.is_call])
    run = w.end()
    (agent,) = spans_of(run, pid)
    (call,) = [s for s in run.calls if s["gen_ai.request.model"] == "agent-first"]
    assert call.parent == agent.id
    below = [s for s in run.spans if s.parent == agent.id and not s.is_call]
    (sleep,) = [s for s in below if s["onlooker.process.signal"] == signal.SIGKILL]
    assert sleep["process.executable.name"] == "sleep"
    (shell,) = [s for s in below if s["process.exit.code"] == 3]
    assert [s["process.executable.name"] for s in run.spans if s.parent == shell.id] == ["ls"]


def test_bulk_is_let_go(server, bench, tmp_path):
    """A download of 64 MiB is no model's: a moment of it is copied, the rest is counted; a model call beside it is whole."""
    import http.server
    import socketserver

    class Big(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(64 << 20))
            self.end_headers()
            for _ in range(64):
                self.wfile.write(bytes(1 << 20))
                time.sleep(0.005)	# a network is slower than this machine

        def log_message(self, *args):
            pass

    srv = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Big)
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    w = Watch(bench)
    try:
        subprocess.run(["curl", "-sS", "-o", "/dev/null", f"http://127.0.0.1:{srv.server_address[1]}/"], check=True)
        ask(server, "beside-bulk", "http")
        wait_for_model(w, "beside-bulk")
        st = w.status()
    finally:
        srv.shutdown()
        srv.server_close()
    k = st["books"]["kernel"]
    assert k["seen_bytes"] == k["delivered_bytes"] + k["dropped_bytes"] + k["truncated_bytes"] + k["ignored_bytes"]
    assert k["ignored_bytes"] > 40 << 20, k	# this process sends them and curl receives them
    run = w.end()
    assert run.call("beside-bulk")["onlooker.capture.complete"] is None
    run.books()


@pytest.mark.parametrize("kind", ["tls", "http", "h2"])
def test_a_call_behind_a_download(server, bench, kind):
    """A connection on which nobody wanted megabytes is kept and then carries a model call: whole, to the byte, twice."""
    mark = server.mark()
    w = Watch(bench)
    cmd = ["curl", "-sSv", "--http2" if kind == "h2" else "--http1.1"]
    for i in range(2):
        cmd += ["--limit-rate", "20M", "-o", "/dev/null", server.url(kind) + f"/bytes/{(8 << 20) + i}", "--next", "-sS", "-o", "/dev/null",
                "-d", BODY % f"behind-{i}", server.url(kind) + "/v1/chat/completions", *(["--next", "-sS"] if not i else [])]
    done = subprocess.run(cmd, env=server.env(kind), check=True, stderr=subprocess.PIPE, text=True)
    assert done.stderr.count("Re-using existing") == 3, done.stderr
    for i in range(2):
        wait_for_model(w, f"behind-{i}")
    run = w.end()
    seen = {e["req"]["json"]["model"]: e for e in server.exchanges(mark, 2)}
    for i in range(2):
        bed.check_span(run.call(f"behind-{i}"), seen[f"behind-{i}"])
    b = run.books()
    assert b["ignored"] > 2 << 20, b


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_a_long_prompt_is_whole(server, bench, kind):
    """What a request is for is known when all of it has passed: 8 MiB of an unknown host's are waited for."""
    w = Watch(bench)
    env = server.env(kind)
    subprocess.run([bed.PYTHON, str(bed.CLIENTS / "raw.py"), "upload", "long-prompt", str(8 << 20)], env=env, check=True)
    wait_for_model(w, "long-prompt")
    run = w.end()
    assert run.call("long-prompt")["onlooker.capture.complete"] is None


def test_replay_gives_the_same(server, bench, tmp_path):
    """What was decided on the way is decided again."""
    rec = tmp_path / "all.rec"
    w = Watch(bench, "--record", rec)
    subprocess.run([bed.PYTHON, "-c", AGENT], input=b"go\n", env=server.env("http"), check=True, stdout=subprocess.DEVNULL)
    wait_for_model(w, "agent-first")
    run = w.end()
    again = bench.finish(bench.start("replay", "--file", "-", rec))
    assert again.status == 0 and again.out == run.text
