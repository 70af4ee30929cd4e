# SPDX-License-Identifier: Apache-2.0
"""watch without a filter: who is interesting is decided on the way."""

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
    subprocess.run(["sh", "-c", "true; ls / >/dev/null"], check=True)
    w.wait_for_calls(2)
    run = w.end()
    assert run.status == 0
    models = {s["gen_ai.request.model"] for s in run.calls}
    assert "all-new" in models and any(m.startswith("all-old-") for m in models), models
    names = {s["process.executable.name"] for s in run.spans if not s.is_call}
    assert "curl" in names and not names & {"sh", "ls"}, names


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
        w.wait_for_calls(1)
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
    by_name = {s["process.executable.name"]: s for s in run.spans if not s.is_call}
    assert call.parent == agent.id
    assert by_name["sh"]["process.exit.code"] == 3 and by_name["sh"].parent == agent.id
    assert by_name["sleep"]["onlooker.process.signal"] == signal.SIGKILL and by_name["sleep"].parent == agent.id
    assert by_name["ls"].parent == by_name["sh"].id


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
        w.wait_for_calls(1)
        st = w.status()
    finally:
        srv.shutdown()
        srv.server_close()
    k = st["books"]["kernel"]
    assert k["seen_bytes"] == k["delivered_bytes"] + k["dropped_bytes"] + k["truncated_bytes"] + k["ignored_bytes"]
    assert k["ignored_bytes"] > 40 << 20, k	# this process sends them and curl receives them
    assert k["dropped_bytes"] == 0
    run = w.end()
    assert [s["gen_ai.request.model"] for s in run.calls] == ["beside-bulk"]
    assert run.calls[0]["onlooker.capture.complete"] is None
    run.books()


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_a_long_prompt_is_whole(server, bench, kind):
    """What a request is for is known when all of it has passed: 8 MiB of an unknown host's are waited for."""
    w = Watch(bench)
    env = server.env(kind)
    subprocess.run([bed.PYTHON, str(bed.CLIENTS / "raw.py"), "upload", "long-prompt", str(8 << 20)], env=env, check=True)
    w.wait_for_calls(1)
    run = w.end()
    assert run.call("long-prompt")["onlooker.capture.complete"] is None
    assert run.books()["ignored"] == 0


def test_replay_gives_the_same(server, bench, tmp_path):
    """What was decided on the way is decided again."""
    rec = tmp_path / "all.rec"
    w = Watch(bench, "--record", rec)
    subprocess.run([bed.PYTHON, "-c", AGENT], input=b"go\n", env=server.env("http"), check=True, stdout=subprocess.DEVNULL)
    w.wait_for_calls(1)
    run = w.end()
    again = bench.finish(bench.start("replay", "--file", "-", rec))
    assert again.status == 0 and again.out == run.text
