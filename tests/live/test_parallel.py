# SPDX-License-Identifier: Apache-2.0
"""Many at once: every span right, nothing mixed up, nothing lost without a word."""

import collections
import shlex

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(180)

RAW = str(bed.CLIENTS / "raw.py")


def agent(n, tmp_path):
    """One agent's command and its ten overlapping streams."""
    if n % 4 == 3:
        todo = [calls.messages(stream=True, scenario="delay=0.02;chunks=odd") for _ in range(10)]
        cmd = [bed.NODE, str(bed.CLIENTS / "node_anthropic.mjs"), "CALLS", "parallel"]
    elif n % 4 == 2:
        todo = [calls.responses(stream=True, scenario="delay=0.01") for _ in range(10)]
        cmd = [bed.NODE, str(bed.CLIENTS / "node_openai.mjs"), "CALLS", "parallel"]
    elif n % 4 == 1:
        todo = [calls.chat(stream=True, scenario="delay=0.02;coding=gzip") for _ in range(10)]
        cmd = [bed.PYTHONS[-1], str(bed.CLIENTS / "py_http.py"), "CALLS", "aiohttp"]
    else:
        todo = [calls.chat(stream=True, scenario="delay=0.02;chunks=utf8") for _ in range(10)]
        cmd = [bed.PYTHON, str(bed.CLIENTS / ("py_openai.py" if n % 8 == 0 else "py_http.py")), "CALLS",
               "async" if n % 8 == 0 else "httpx-async"]
    path = calls.write(tmp_path / f"agent{n}.json", todo)
    return [path if w == "CALLS" else w for w in cmd]


def test_twenty_agents(observe, server, tmp_path):
    noise = f"i=0; while [ $i -lt 40 ]; do curl -sS -o /dev/null {server.url()}/bytes/200000; i=$((i+1)); done"
    lines = [f"({noise}) & noise=$!"] + [shlex.join(agent(n, tmp_path)) + " &" for n in range(20)] + ["wait"]
    script = tmp_path / "agents.sh"
    script.write_text("\n".join(lines) + "\n")
    run, seen = observe(["sh", str(script)], "--verbose", count=200, content=True, timeout=150,
                        env={"NODE_MODULES_DIR": bed.CACHE / "node"})
    assert len(seen) == 200
    bed.check_all(run, seen, content=True, unbound_max=0.25)
    # They really overlapped, and each agent's ten calls hang under that agent's process.
    moments = sorted([(e["req"]["first_ts"], 1) for e in seen] + [(e["resp"]["last_ts"], -1) for e in seen])
    now = most = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    assert most >= 20, f"only {most} at a time"
    assert collections.Counter(s.parent for s in run.calls).most_common()[-1][1] == 10
    assert len({s.parent for s in run.calls}) == 20
    books = run.books()
    assert books["dropped"] == books["lost"] == books["truncated"] == 0


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_threads_share_a_client(observe, kind):
    run, seen = observe([bed.PYTHON, RAW, "threads", "thread-", "16"], kind=kind, count=48)
    bed.check_all(run, seen)


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_fd_reuse(observe, kind):
    run, seen = observe([bed.PYTHON, RAW, "fd_reuse", "reuse-", "40"], kind=kind, count=27)
    assert len({e["conn"] for e in seen}) == 27
    bed.check_all(run, seen)
