# SPDX-License-Identifier: Apache-2.0
"""The books, compared with what strace and the server counted."""

import collections
import re
import shutil

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(90)

CALL = re.compile(r"^\d+ +(read|write|sendto|recvfrom|sendmsg|recvmsg|readv|writev)\((\d+)<TCP:\[([^\]]*)\]>.*= (\d+)$")


def strace_bytes(path):
    """Bytes that each TCP connection carried, by direction, as strace saw them."""
    sums = collections.Counter()
    for line in open(path, encoding="utf-8", errors="replace"):
        m = CALL.match(line.rstrip())
        if m and "EAGAIN" not in line:
            sums["out" if m[1] in ("write", "sendto", "sendmsg", "writev") else "in"] += int(m[4])
    return sums


def test_strace_agrees_on_plain_http(observe, server, tmp_path):
    """curl under strace under onlooker: the same bytes, byte for byte, as strace and the server count them."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    body = '{"model":"counted-%d","messages":[],"stream":true}'
    urls = "; ".join(f"curl -sS -o /dev/null -d '{body % i}' {server.url('http')}/v1/chat/completions" for i in range(3))
    mark = server.mark()
    run, seen = observe(["strace", "-f", "-qq", "-yy", "-e", "signal=none", "-e",
                         "trace=read,write,sendto,recvfrom,sendmsg,recvmsg,readv,writev", "-o", str(trace),
                         "sh", "-c", urls], "--verbose", kind="http", count=3)
    bed.check_all(run, seen)
    connections = bed.wait_for(lambda: [e for e in server.log(mark) if e["kind"] == "connection"][2:] and
                               [e for e in server.log(mark) if e["kind"] == "connection"])
    counted = strace_bytes(trace)
    assert counted["out"] == sum(c["bytes_in"] for c in connections)
    assert counted["in"] == sum(c["bytes_out"] for c in connections)
    books = run.books()
    # ignored: what went through pipes that are no way of messages
    assert books["seen"] - books["ignored"] == books["delivered"] == books["decoded"] == counted["in"] + counted["out"]


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_the_server_agrees(observe, server, tmp_path, kind):
    """Plaintext bytes of every connection: what the server took and gave is what we decoded."""
    todo = calls.plain_calls()
    path = calls.write(tmp_path / "calls.json", todo)
    mark = server.mark()
    run, seen = observe([bed.PYTHON, str(bed.CLIENTS / "py_http.py"), path, "requests"], "--verbose", kind=kind,
                        count=len(todo))
    conns = {e["conn"] for e in seen}
    done = bed.wait_for(lambda: [c for c in server.log(mark) if c["kind"] == "connection" and c["conn"] in conns][len(conns) - 1:]
                        and [c for c in server.log(mark) if c["kind"] == "connection" and c["conn"] in conns])
    books = run.books()
    total = sum(c["bytes_in"] + c["bytes_out"] for c in done)
    assert books["decoded"] == total
    assert books["lost"] == books["dropped"] == books["truncated"] == 0
