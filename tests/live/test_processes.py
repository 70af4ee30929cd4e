# SPDX-License-Identifier: Apache-2.0
"""Processes that fork, hand over, are killed; and onlooker that is."""

import os
import pathlib
import signal
import time

import pytest

import bed

pytestmark = pytest.mark.timeout(90)

RAW = str(bed.CLIENTS / "raw.py")


@pytest.mark.parametrize("kind", ["tls", "http"])
@pytest.mark.parametrize("how", ["fork_holding", "fork_using"])
def test_fork(observe, how, kind):
    run, seen = observe([bed.PYTHON, RAW, how, f"{how}-"], kind=kind, count=3)
    bed.check_all(run, seen)


def test_connection_handed_over(observe):
    """SCM_RIGHTS: the connection is the same, whoever holds it."""
    run, seen = observe([bed.PYTHON, RAW, "scm_rights", "scm-"], kind="http", count=3)
    assert len({e["conn"] for e in seen}) == 1
    bed.check_all(run, seen)


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_exit_in_the_middle(observe, kind):
    run, seen = observe([bed.PYTHON, RAW, "exit_mid", "exit-mid"], kind=kind, count=1)
    span = run.call("exit-mid")
    assert span["onlooker.exchange.end"] == "cut" and span["error.type"] == "incomplete"
    assert span["gen_ai.response.id"] == seen[0]["facts"]["id"]
    assert span["gen_ai.response.time_to_first_chunk"] > 0


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_client_killed(server, bench, kind):
    """kill -9 of the client in the middle of a stream: onlooker ends with its status, the call is there and says so."""
    file = bench.file()
    p = bench.start("run", "--file", file, "--", bed.PYTHON, RAW, "hold", "held", env=server.env(kind))
    assert p.stdout.readline() == b"reading\n"
    child = bed.child_of(p, "raw.py")
    os.kill(child, signal.SIGKILL)
    run = bench.finish(p, file)
    assert run.status == 128 + signal.SIGKILL
    span = run.call("held")
    assert span["onlooker.exchange.end"] == "cut" and span["gen_ai.response.id"]
    process = [s for s in run.spans if s.is_process][0]
    assert process["onlooker.process.signal"] == signal.SIGKILL and process["process.exit.code"] is None


def test_onlooker_killed(server, bench, tmp_path):
    """kill -9 of onlooker: the observed program finishes unharmed, and nothing stays attached."""
    before = bed.attached()
    file, done = bench.file(), tmp_path / "done"
    with open(tmp_path / "out", "wb") as out:
        p = bench.start("run", "--file", file, "--", bed.PYTHON, RAW, "steady", "steady-", "60", "0.02", str(done),
                        env=server.env(), stdout=out, stderr=out)
    said = tmp_path / "out"
    bed.wait_for(lambda: b"\n5\n" in said.read_bytes())
    child = bed.child_of(p, "raw.py")
    mark = server.mark()
    p.kill()
    p.wait(10)
    bed.wait_for(lambda: not any(bed.attached()[k] - before[k] for k in before), timeout=10)
    assert os.path.exists(f"/proc/{child}"), "the observed program died with onlooker"
    bed.wait_for(done.exists, timeout=30)
    assert said.read_bytes().split()[-1] == b"59"
    assert len(server.exchanges(mark)) >= 20	# it went on, after
    spans = bed.read_spans("".join(line + "\n" for line in pathlib.Path(file).read_text().splitlines()))
    assert spans, "what was finished before the kill was not on disk"


def test_sigterm_drains(server, bench):
    """SIGTERM: what is open is finished as incomplete, sinks are flushed, within 5 s; also when CMD does not want to end."""
    file = bench.file()
    p = bench.start("run", "--file", file, "--", "sh", "-c", f"trap '' TERM; {bed.PYTHON} {RAW} hold stubborn",
                    env=server.env())
    assert p.stdout.readline() == b"reading\n"
    start = time.monotonic()
    p.send_signal(signal.SIGTERM)
    p.wait(10)
    took = time.monotonic() - start
    text = pathlib.Path(file).read_text()
    os.killpg(p.pid, signal.SIGKILL)
    assert took < 5.5, f"took {took:.1f} s"
    assert p.returncode == 128 + signal.SIGTERM
    span = [s for s in bed.read_spans(text) if s["gen_ai.request.model"] == "stubborn"][0]
    assert span["onlooker.exchange.end"] and span["error.type"] == "incomplete"
    assert any(s["onlooker.process.unfinished"] for s in bed.read_spans(text) if s.is_process)


def test_process_tree(observe):
    """Every process from exec to exit, child of the one that started it, with how it ended."""
    run, _ = observe(["sh", "-c", "ls / >/dev/null; sh -c 'exit 7'; sh -c 'kill -9 $$'; true"], count=0)
    by_id = {s.id: s for s in run.spans}
    top = [s for s in run.spans if not s.parent]
    assert len(top) == 1
    children = [s for s in run.spans if s.parent]
    assert all(by_id[s.parent] is top[0] for s in children)
    ends = [(s["process.exit.code"], s["onlooker.process.signal"]) for s in children if s.name != "ls"]
    assert len(ends) == 2 and set(ends) == {(7, None), (None, 9)}
    assert [s["process.exit.code"] for s in children if s.name == "ls"] == [0]
    assert all(top[0].start <= s.start <= s.end <= top[0].end for s in children)
    assert len({s.trace for s in run.spans}) == 1
    assert all(s["process.command_args"] is None for s in run.spans)


def test_command_line_only_with_content(observe, bench):
    cmd = [bed.PYTHON, RAW, "pipeline", "SECRETWORD-", "2"]
    run, _ = observe(cmd, count=2, content=True)
    span = run.process_of(run.calls[0])
    assert span["process.command_args"] == cmd
    assert span["process.working_directory"] == str(bench.dir)


def test_first_byte_of_a_short_process(observe, server, tmp_path):
    """Whatever CMD starts is seen from its first byte, however soon it speaks."""
    body = tmp_path / "b.json"
    body.write_text('{"model": "quick", "messages": []}')
    line = f"curl -sS -o /dev/null --data-binary @{body} {server.url()}/v1/chat/completions\n"
    run, seen = observe(["sh", "-c", line * 10], count=10)
    assert len(run.calls) == 10
    assert not [s for s in run.calls if s["onlooker.capture.joined"] or s["onlooker.capture.complete"] is not None]
    for s in run.calls:
        e = [e for e in seen if e["facts"]["id"] == s["gen_ai.response.id"]]
        bed.check_span(s, e[0])


def test_daemon_is_said(bench):
    """run ends with CMD: what it left behind is not observed any longer, and that is said."""
    run = bench.run(["sh", "-c", "sleep 2 >/dev/null 2>&1 & exit 0"])
    assert "1 process of the command still runs and is no longer observed" in run.err
    run = bench.run(["sh", "-c", "sleep 0.01 & wait"])
    assert "still run" not in run.err
