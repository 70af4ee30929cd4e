# SPDX-License-Identifier: Apache-2.0
"""watch: processes that were there before us, and the books of a running observation."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

import bed

pytestmark = pytest.mark.timeout(90)

RAW = str(bed.CLIENTS / "raw.py")


class Talker:
    """A client that runs already and says something when it is told to."""

    def __init__(self, server, prefix, kind="tls"):
        self.p = subprocess.Popen([bed.PYTHON, RAW, "on_demand", prefix], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env=server.env(kind))
        self.pid = self.p.pid

    def say(self, word):
        self.p.stdin.write(word.encode() + b"\n")
        self.p.stdin.flush()
        return self.p.stdout.readline()

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)
        self.p.stdout.close()


@pytest.fixture
def talker(server):
    made = []

    def make(*args, **kw):
        made.append(Talker(server, *args, **kw))
        return made[-1]

    yield make
    for t in made:
        t.close()


class Watch:
    def __init__(self, bench, *args):
        self.bench, self.file = bench, bench.file()
        self.p = bench.start("watch", "--file", self.file, "--verbose", *args)
        self.line = self.p.stderr.readline().decode()
        assert "observing" in self.line, self.line

    def status(self):
        run = self.bench.finish(self.bench.start("status", "--json"))
        assert run.status == 0, run.err
        return json.loads(run.out)

    def spans(self):
        return bed.read_spans(pathlib.Path(self.file).read_text()) if os.path.exists(self.file) else []

    def wait_for_calls(self, n):
        def look():
            found = [s for s in self.spans() if s.is_call]
            return found if len(found) >= n else None
        return bed.wait_for(look)

    def end(self, how=signal.SIGTERM):
        self.p.send_signal(how)
        return self.bench.finish(self.p, self.file, timeout=10)


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_running_process(server, bench, talker, kind):
    """From its first call after the attach on; a connection of before says that it was joined."""
    mark = server.mark()
    t = talker("watched-", kind)
    t.say("old")	# before we look
    w = Watch(bench, "--pid", t.pid)
    t.say("old")
    t.say("new")
    t.say("new")
    found = w.wait_for_calls(3)
    run = w.end()
    assert run.status == 0 and len(run.calls) == 3
    seen = {e["req"]["json"]["model"]: e for e in server.exchanges(mark, 4)}
    assert "watched-0-old" not in {s["gen_ai.request.model"] for s in run.calls}
    old = run.call("watched-1-old")
    assert old["onlooker.capture.joined"] is True
    assert old["gen_ai.response.id"] == seen["watched-1-old"]["facts"]["id"]
    for s in found:
        if s is not old and "new" in s["gen_ai.request.model"]:
            assert s["onlooker.capture.joined"] is None
            bed.check_span(s, seen[s["gen_ai.request.model"]])
    run.books()


def test_only_what_was_named(server, bench, talker):
    a, b = talker("named-"), talker("other-")
    w = Watch(bench, "--pid", a.pid)
    for t in (b, a, b, a):
        t.say("new")
    w.wait_for_calls(2)
    run = w.end(signal.SIGINT)
    assert run.status == 0
    assert {s["gen_ai.request.model"].split("-")[0] for s in run.calls} == {"named"}


def test_by_executable(server, bench, tmp_path):
    """--exe: processes of that program that start later, from their first byte."""
    import shutil
    program = shutil.copy(shutil.which("curl"), tmp_path / "my-curl")
    w = Watch(bench, "--exe", program)
    body = '{"model":"by-exe-%s","messages":[]}'
    for name in ("curl", str(program), str(program)):
        subprocess.run([name, "-sS", "-o", "/dev/null", "-d", body % os.path.basename(name),
                        server.url() + "/v1/chat/completions"], env=server.env(), check=True)
    w.wait_for_calls(2)
    run = w.end()
    assert [s["gen_ai.request.model"] for s in run.calls] == ["by-exe-my-curl"] * 2


def test_status(server, bench, talker):
    """status: which process has which TLS stack, and the books of everything; asserts the identities."""
    t = talker("status-")
    t.say("old")
    w = Watch(bench, "--pid", t.pid)
    for _ in range(5):
        t.say("new")
    w.wait_for_calls(5)
    st = w.status()
    mine = [p for p in st["processes"] if p["pid"] == t.pid]
    ssl = [p for p in mine if p["tls"] == "openssl"]
    assert [p["state"] for p in ssl] == ["captured"] and ssl[0]["method"] == "symbols", st["processes"]
    assert ssl[0]["bytes_out"] > 1000 and ssl[0]["bytes_in"] > 1000 and ssl[0]["lost_bytes"] == 0
    assert "libssl" in ssl[0]["file"]
    k, d, sp = st["books"]["kernel"], st["books"]["decoders"], st["books"]["spans"]
    assert k["seen_bytes"] == k["delivered_bytes"] + k["dropped_bytes"] + k["truncated_bytes"] + k["ignored_bytes"]
    assert k["dropped_bytes"] == k["truncated_bytes"] == k["dropped_control"] == d["lost_bytes"] == 0
    assert sp["model_calls"] == 5 and d["exchanges"] >= 5 and sp["incomplete"] == 0
    assert st["sinks"][0]["counts"]["delivered"] == 5
    text = bench.finish(bench.start("status"))
    assert text.status == 0 and str(t.pid) in text.out
    assert w.end().status == 0


def test_process_that_is_gone(bench):
    gone = subprocess.Popen(["true"])
    gone.wait()
    run = bench.finish(bench.start("watch", "--pid", gone.pid))
    assert run.status == 1 and str(gone.pid) in run.err


def test_coverage_says_what_is_not_seen(bench):
    """A process without any TLS library is named as such, not passed over."""
    p = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        w = Watch(bench, "--pid", p.pid)
        mine = bed.wait_for(lambda: [x for x in w.status()["processes"] if x["pid"] == p.pid])
        assert all(x["tls"] is None and x.get("why") for x in mine), mine
        w.end()
    finally:
        p.stdin.close()
        p.wait()
