# SPDX-License-Identifier: Apache-2.0
"""Go programs, by every toolchain here: what net/http says over crypto/tls against the server's log."""

import glob
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(300)

GOS = {}
for path in [shutil.which("go"), "/usr/local/go/bin/go", *sorted(glob.glob("/usr/lib/go-1.*/bin/go"))]:
    if path and os.access(path, os.X_OK):
        version = subprocess.run([path, "version"], env={**os.environ, "GOTOOLCHAIN": "local"}, capture_output=True, text=True)
        GOS.setdefault(version.stdout.split()[2] if version.returncode == 0 else path, path)

PURE, CGO = {"CGO_ENABLED": "0"}, {"CGO_ENABLED": "1"}
EXTERNAL = "-linkmode=external"
HOW = {
    "plain": ([], PURE),
    "stripped": (["-ldflags=-s -w"], PURE),
    "pie-stripped": (["-buildmode=pie", "-ldflags=-s -w"], PURE),
    "cgo": (["-ldflags=" + EXTERNAL], CGO),
    "cgo-pie-stripped": (["-buildmode=pie", f"-ldflags={EXTERNAL} -s -w"], CGO),
}


def build(go, source, how):
    """Built once for a toolchain and a source."""
    flags, env = HOW[how]
    name = hashlib.sha256(f"{go}{flags}{env}".encode() + pathlib.Path(source).read_bytes()).hexdigest()[:16]
    out = bed.CACHE / "go" / name
    if not out.exists():
        out.parent.mkdir(exist_ok=True)
        env = {**os.environ, **env, "GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "",
               "GOCACHE": str(bed.CACHE / "go" / "cache")}
        made = subprocess.run([GOS[go], "build", "-o", f"{out}.new", *flags, source], env=env, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        os.rename(f"{out}.new", out)
    return str(out)


def test_there_is_go():
    assert GOS, "no Go toolchain: scripts/setup-tests installs one"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("go", GOS)
def test_calls(observe, tmp_path, go, how):
    todo = [calls.chat(stream=i % 2 == 1, scenario="chunks=odd" if i % 3 else "") for i in range(10)]
    todo += [calls.messages(stream=True), calls.responses(stream=True), calls.embeddings()]
    # Larger than a record, and answers of many.
    todo += [calls.chat(messages=[{"role": "user", "content": "ä☀" * 8000}], scenario="size=200000")]
    client = build(go, str(bed.CLIENTS / "go" / "client.go"), how)
    run, seen = observe([client, calls.write(tmp_path / "calls.json", todo), "parallel"], "--verbose", count=len(todo),
                        content=True)
    bed.check_all(run, seen, content=True, unbound_max=0)
    for call in run.calls:
        assert call["onlooker.capture.source"] == "go"
        assert call["onlooker.capture.joined"] is None and call["onlooker.capture.complete"] is None
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == books["opaque"] == 0


class LoadServer:
    def __init__(self, program, directory):
        self.dir = pathlib.Path(directory)
        self.p = subprocess.Popen([program, "serve", directory], stdin=subprocess.PIPE)
        bed.wait_for(lambda: (self.dir / "port").exists() or self.p.poll() is not None)
        self.base = "https://localhost:" + (self.dir / "port").read_text()

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)

    def log(self):
        lines = (self.dir / "log").read_text().splitlines()
        out = {line.split()[0]: line.split()[1:] for line in lines}
        assert len(out) == len(lines), "a call was made twice"
        return out


SECONDS = int(os.environ.get("ONLOOKER_GO_LOAD_SECONDS", "30"))
RATE = 400


def load_spans(path):
    """Spans of model calls one by one: the file may be large."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            for s in bed.read_spans(line):
                if s.is_call:
                    yield s


def test_a_thousand_goroutines(bench, tmp_path):
    """No crash, no call twice, no byte missing: each call and each answer follows from its model's name."""
    program = build(next(iter(GOS)), str(bed.CLIENTS / "go" / "load.go"), "stripped")
    server = LoadServer(program, str(tmp_path))
    file = bench.file()
    try:
        p = bench.start("run", "--verbose", "--content", "full", "--file", file, "--", program, "ask", server.base, "1000",
                        SECONDS, RATE, env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")})
        run = bench.finish(p, timeout=SECONDS + 120)
    finally:
        server.close()
    assert run.status == 0, f"{run.out}\n{run.err}"
    log = server.log()
    assert len(log) >= 1000 and int(run.out.split()[0]) == len(log)
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == books["opaque"] == 0, run.err
    seen = set()
    for s in load_spans(file):
        model, told = s["gen_ai.request.model"], s["gen_ai.request.max_tokens"]
        assert model not in seen, f"{model} twice"
        seen.add(model)
        for key, n in ("gen_ai.input.messages", 401 - told), ("gen_ai.output.messages", told):
            (message,) = json.loads(s[key])
            assert message["parts"] == [{"type": "text", "content": f"{model} " * n}]
        assert s["gen_ai.usage.input_tokens"] == int(log[model][0])
        assert s["onlooker.capture.complete"] is None and s["onlooker.peer.basis"]
    assert seen == set(log)
