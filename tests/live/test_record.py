# SPDX-License-Identifier: Apache-2.0
"""A recording replayed gives what the live run gave, byte for byte; a damaged one gives what it can."""

import os
import pathlib
import random
import shutil
import subprocess
import tempfile

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(120)


def client(tmp_path):
    todo = calls.plain_calls() + [calls.chat(stream=True, scenario="cut_at=5;how=rst"),
                                  calls.chat(stream=True, tools=[calls.CHAT_TOOL], scenario="error_at=4")]
    path = calls.write(tmp_path / "calls.json", todo)
    return ["sh", "-c", f"ls / >/dev/null; {bed.PYTHON} {bed.CLIENTS}/py_http.py {path} requests"], len(todo)


@pytest.fixture
def recorded(observe, tmp_path, request):
    cmd, count = client(tmp_path)
    rec = str(tmp_path / "live.rec")
    run, seen = observe(cmd, "--record", rec, count=count, content=True)
    assert len(run.calls) == count
    return run, rec


def replay(bench, rec, *opts, **kw):
    out = bench.file()
    run = bench.finish(bench.start("replay", "--file", out, *opts, rec, **kw), out)
    return run


def test_replay_is_equal(bench, recorded):
    live, rec = recorded
    assert os.stat(rec).st_mode & 0o777 == 0o600
    again = replay(bench, rec, "--content", "full")
    assert again.status == 0 and again.err == ""
    assert again.text == live.text
    without = replay(bench, rec)
    assert len(without.calls) == len(live.calls)
    assert not [s for s in without.calls if any(k in s.attrs for k in bed.CONTENT)]


def test_replay_needs_no_root(recorded):
    live, rec = recorded
    d = tempfile.mkdtemp(prefix="onlooker-nobody-")
    try:
        os.chmod(d, 0o777)
        shutil.copy(bed.ONLOOKER, f"{d}/onlooker")
        shutil.copy(rec, f"{d}/r.rec")
        os.chown(f"{d}/r.rec", 65534, 65534)
        subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", f"{d}/onlooker", "replay",
                        "--content", "full", "--file", f"{d}/out.jsonl", f"{d}/r.rec"], check=True, timeout=60)
        assert pathlib.Path(f"{d}/out.jsonl").read_text() == live.text
    finally:
        shutil.rmtree(d)


def test_record_then_replay(server, bench, tmp_path):
    """record keeps the raw records; CMD's exit status is ours; replay draws them."""
    cmd, count = client(tmp_path)
    rec = tmp_path / "plain.rec"
    p = bench.start("record", "-o", rec, "--", "sh", "-c", f"{cmd[2]}; exit 6", env=server.env())
    assert bench.finish(p).status == 6
    assert os.stat(rec).st_mode & 0o777 == 0o600
    assert len(replay(bench, rec).calls) == count
    drawn = bench.finish(bench.start("replay", rec))
    assert drawn.status == 0 and drawn.out.count("chat ") >= 10


def test_replay_of_what_is_none(bench, tmp_path):
    for name, data in (("empty", b""), ("text", b"hello\n" * 1000), ("zeros", bytes(100000))):
        path = tmp_path / name
        path.write_bytes(data)
        run = replay(bench, path)
        assert run.status == 1 and len(run.err.strip().splitlines()) == 1, (name, run.err)
    run = replay(bench, tmp_path / "missing")
    assert run.status == 1 and "missing" in run.err


def damage(data, seed):
    r = random.Random(seed)
    data = bytearray(data)
    for _ in range(r.randint(1, 30)):
        at = r.randrange(64, len(data))
        n = r.randint(1, 400)
        how = seed % 5
        if how == 0:
            data[at:at + n] = r.randbytes(n)
        elif how == 1:
            del data[at:at + n]
        elif how == 2:
            data[at:at] = r.randbytes(n)
        elif how == 3:
            data[at] ^= 1 << r.randrange(8)
        else:
            del data[r.randrange(64, len(data)):]
            break
        if len(data) < 200:
            break
    return bytes(data)


def test_damaged_recordings(bench, recorded, tmp_path):
    """No crash, valid output, no call invented, and most of what damage did not touch."""
    live, rec = recorded
    whole = pathlib.Path(rec).read_bytes()
    names = {s["gen_ai.request.model"] for s in live.calls}
    survivors = []
    for seed in range(40):
        path = tmp_path / "damaged.rec"
        path.write_bytes(damage(whole, seed))
        run = replay(bench, path, "--content", "full")
        assert run.status in (0, 1), f"seed {seed}: {run.status}\n{run.err}"
        # Halves of a call that damage tore apart may each be a span, but they say so.
        whole_ones = [s for s in run.calls if s["onlooker.capture.complete"] is None and not s["onlooker.exchange.end"]]
        assert len(whole_ones) <= len(live.calls) and len(run.calls) <= 3 * len(live.calls)
        survivors.append(len([s for s in run.calls if s["gen_ai.request.model"] in names]))
    assert sum(survivors) > 5 * len(names)


def test_recording_of_a_killed_run(server, bench, tmp_path):
    """kill -9 in the middle: what is on disk can be replayed."""
    rec = tmp_path / "killed.rec"
    p = bench.start("record", "-o", rec, "--", bed.PYTHON, str(bed.CLIENTS / "raw.py"), "steady", "killed-", "400",
                    env=server.env())
    bed.wait_for(lambda: rec.exists() and rec.stat().st_size > 200000, timeout=30)
    p.kill()
    os.killpg(p.pid, 9)
    run = replay(bench, rec)
    assert run.status == 0 and len(run.calls) > 5
