# SPDX-License-Identifier: Apache-2.0
"""The fake providers' network, runs of real agents in it, and the comparison with what the server logged."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import uuid

import bed
import records

HERE = pathlib.Path(__file__).resolve().parent
AGENTS = bed.CACHE / "agents"
MUSL = {"x86_64": "x86_64-unknown-linux-musl", "aarch64": "aarch64-unknown-linux-musl"}[os.uname().machine]


def find(name, *patterns):
    """An installed agent's file; the launchers of the packages are scripts, these are the programs."""
    for pattern in patterns:
        for path in sorted((AGENTS / name).glob(pattern)):
            if path.is_file():
                return str(path)
    raise AssertionError(f"{name} is not installed: scripts/setup-agents {name}")


def version_of(name):
    stamp = (AGENTS / name / ".stamp").read_text().strip()
    return stamp.rsplit("@", 1)[1]


class Net:
    """The server's process holds the namespaces; what enters them ends with its test."""

    def __init__(self, directory, coverage_file=None):
        self.dir = pathlib.Path(directory)
        self.coverage = open(coverage_file, "a", encoding="utf-8") if coverage_file else None
        server = [sys.executable, str(HERE / "fakeserver.py"), "--dir", str(self.dir)]
        subprocess.run([*server, "--make-ca"], check=True)
        self.err = open(self.dir / "server.err", "wb")
        self.process = subprocess.Popen([str(HERE / "fakenet"), str(self.dir), *server], stdin=subprocess.PIPE,
                                        stdout=self.err, stderr=self.err)
        ready = self.dir / "ready"
        bed.wait_for(lambda: (ready.exists() and ready.read_text()) or self.process.poll() is not None)
        assert ready.exists(), (self.dir / "server.err").read_text()
        self.pid = int(ready.read_text())
        self.ca, self.bundle = str(self.dir / "pki/ca.pem"), str(self.dir / "bundle.pem")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.err.close()
        if self.coverage:
            self.coverage.close()

    def enter(self, cwd):
        """Words before a command that make it run in the network. nsenter's --wd is outside of the mount namespace."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "env", "-C", str(cwd)]

    def note(self, **row):
        if self.coverage:
            self.coverage.write(json.dumps(row) + "\n")
            self.coverage.flush()


class Seen:
    """One run: onlooker's spans and records beside the server's log and bytes."""

    def __init__(self, desk, run, recording, entries):
        self.desk, self.run, self.recording, self.entries = desk, run, recording, entries
        self.calls = [e for e in entries if e.get("api") and "facts" in e and not e.get("warm_up")]

    def conns(self, host=None):
        return [e for e in self.entries if e["kind"] == "connection" and (not host or e.get("sni") == host)]

    def wire(self, conn, way):
        path = self.desk.net.dir / f"conn-{conn}.{'in' if way == records.OUT else 'out'}"
        return path.read_bytes()

    def stream_of(self, conn):
        """The recorded stream that is this connection's: both directions, byte by byte. The kernel half names TLS objects
        by address, and rustls' move: then it is several streams, one continuing where the other ended."""
        sent, got = self.wire(conn, records.OUT), self.wire(conn, records.IN)
        best = None
        for s in self.recording.tls():
            out, into = bytes(s.bytes[records.OUT]), bytes(s.bytes[records.IN])
            if sent and out.startswith(sent) and got.startswith(into):
                best = best if best and len(best.bytes[records.IN]) >= len(into) else s
        return best or self.assembled(sent, got)

    def assembled(self, sent, got):
        whole = None
        for s in self.recording.tls():
            out, into = bytes(s.bytes[records.OUT]), bytes(s.bytes[records.IN])
            if whole is None:
                whole = records.Stream(s.pid, s.source, s.lib)
            have_out, have_in = whole.bytes[records.OUT], whole.bytes[records.IN]
            if (out or into) and sent.startswith(out, len(have_out)) and got.startswith(into, len(have_in)):
                have_out += out
                have_in += into
                whole.lost += s.lost
        return whole if whole and sent and whole.bytes[records.OUT] == sent else None

    def whole(self, conn, needed_in):
        """The connection was seen whole: every byte the server got, and at least what the client needed of the answer."""
        s = self.stream_of(conn)
        assert s, f"connection {conn} is in no recorded stream: {self.explain(conn)}"
        assert not s.lost, f"connection {conn}: {s.lost} bytes lost"
        assert len(s.bytes[records.IN]) >= needed_in, \
            f"connection {conn}: {len(s.bytes[records.IN])} of {needed_in} bytes of the answer"
        return s

    def explain(self, conn):
        sent, got = self.wire(conn, records.OUT), self.wire(conn, records.IN)
        near = []
        for name, s in self.recording.streams.items():
            out, into = bytes(s.bytes[records.OUT]), bytes(s.bytes[records.IN])
            near.append((common(out, sent) + common(into, got), f"stream {name:x} of {s.pid}, source {s.source}, lib {s.lib}: "
                         f"out {len(out)} bytes, {common(out, sent)} of {len(sent)} right; "
                         f"in {len(into)}, {common(into, got)} of {len(got)} right; {s.lost} lost"))
        near.sort(reverse=True)
        return "; ".join(t for _, t in near[:3]) or f"no streams at all\n{self.run.err}"

    def share(self):
        """Bytes seen of bytes passed on all TLS connections, out and in."""
        total, seen = [0, 0], [0, 0]
        for c in self.conns():
            if "tls" not in c:
                continue
            s = self.stream_of(c["conn"])
            for way in (records.OUT, records.IN):
                n = len(self.wire(c["conn"], way))
                total[way] += n
                seen[way] += min(n, len(s.bytes[way])) if s else 0
        return [f"{s} of {t}" for s, t in zip(seen, total)]

    def check_calls(self, prompt, model=None):
        """A span for each model call, with what the server got and said."""
        assert self.calls, f"the agent made no model call: {self.run.out}\n{self.run.err}"
        found = {s["gen_ai.response.id"]: s for s in self.run.calls}
        for e in self.calls:
            f = e["facts"]
            s = found.get(f["id"])
            assert s, f"no span for {e['api']} {f['id']}: {self.run.calls}\n{self.run.err}"
            asked = model or e["req"]["json"].get("model")
            want = {"gen_ai.request.model": asked, "gen_ai.response.model": f["model"],
                    "gen_ai.usage.input_tokens": f["usage"]["input"],
                    "gen_ai.usage.output_tokens": f["usage"]["output"]}
            assert {k: s[k] for k in want} == want
            assert not s["onlooker.capture.lost_bytes"]
            said = json.loads(s["gen_ai.output.messages"])
            text = "".join(p.get("content", "") for m in said for p in m["parts"] if p["type"] == "text")
            assert text == (f["choices"][0]["text"] or "")
        last = found[self.calls[-1]["facts"]["id"]]
        assert prompt in (last["gen_ai.input.messages"] or ""), "the prompt is not in the span"

    def check_bytes(self, host):
        """Every connection to the model's host that carried a call: whole, in both directions."""
        conns = {e["conn"] for e in self.calls}
        assert conns, f"no call reached {host}"
        for conn in conns:
            self.whole(conn, self.needed(conn))

    def needed(self, conn):
        """Bytes that the client had to read. Not the empty frame behind the last words of an HTTP/2 answer (RFC 9113 4.1)."""
        return max(e.get("out_end", 0) - 9 * (e.get("version") == "HTTP/2") for e in self.calls if e["conn"] == conn)

    def stack(self, host):
        """(name, method, version) of the TLS stack that carried the calls, as onlooker names it."""
        sources = {s["onlooker.capture.source"] for s in self.run.calls}
        return ", ".join(sorted(x for x in sources if x))


def common(a, b):
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    lo, hi = 0, n
    while lo + 1 < hi:
        mid = (lo + hi) // 2
        lo, hi = (mid, hi) if a[:mid] == b[:mid] else (lo, mid)
    return lo


class Desk:
    def __init__(self, net, directory):
        self.net, self.dir = net, pathlib.Path(directory)
        self.bench = bed.Bench(directory)
        self.home = self.dir / "home"
        (self.home / "work").mkdir(parents=True)
        (self.home / ".codex").mkdir()
        subprocess.run(["git", "init", "-q", str(self.home / "work")], check=True)
        self.prompt = f"Say hi to {uuid.uuid4().hex[:12]} – grüezi"
        self.refuse = self.net.dir / "refuse-websocket"

    def close(self):
        self.bench.close()
        self.refuse.unlink(missing_ok=True)

    def env(self, **more):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb", "LANG": "C.UTF-8", "NO_COLOR": "1",
               "NODE_EXTRA_CA_CERTS": self.net.ca, "SSL_CERT_FILE": self.net.bundle, "SSL_CERT_DIR": "",
               "DENO_TLS_CA_STORE": "system", "CURL_CA_BUNDLE": self.net.bundle,
               "ONLOOKER_SOCKET": os.environ["ONLOOKER_SOCKET"]}
        env.update(more)
        return env

    def mark(self):
        log = self.net.dir / "server.log"
        return log.stat().st_size if log.exists() else 0

    def log(self, mark):
        with open(self.net.dir / "server.log", "rb") as f:
            f.seek(mark)
            data = f.read()
        return [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]

    def entries_when_closed(self, mark):
        """What the server logged, once all connections of the agent have ended there."""
        def look():
            entries = self.log(mark)
            open_ = {e["conn"] for e in entries if e["kind"] != "connection"} - \
                {e["conn"] for e in entries if e["kind"] == "connection"}
            return None if open_ else entries
        return bed.wait_for(look, timeout=30)

    def command(self, verb, *words):
        return [*self.net.enter(self.home / "work"), bed.ONLOOKER, verb, *map(str, words)]

    def start(self, args, env):
        p = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True)
        self.bench.started.append(p)
        return p

    def run(self, cmd, *opts, env=None, timeout=90, check=True):
        """onlooker run --file F --record R --content full -- cmd, inside the network."""
        file, rec = self.dir / "run.jsonl", self.dir / "run.rec"
        for path in (file, rec):
            path.unlink(missing_ok=True)
        mark = self.mark()
        args = self.command("run", "--verbose", "--content", "full", "--file", file, "--record", rec, *opts, "--",
                            *map(str, cmd))
        r = self.bench.finish(self.start(args, self.env(**(env or {}))), str(file), timeout)
        if check:
            assert r.status == 0, f"exit status {r.status}\n{r.out}\n{r.err}"
        return Seen(self, r, records.Recording(rec), self.entries_when_closed(mark))

    def watch(self, cmd, *opts, env=None, timeout=90):
        """The same under an onlooker that watches and is told to end afterwards."""
        file, rec = self.dir / "watch.jsonl", self.dir / "watch.rec"
        mark = self.mark()
        p = self.start(self.command("watch", "--verbose", "--content", "full", "--file", file, "--record", rec, *opts),
                       self.env())
        status = self.command("status")
        bed.wait_for(lambda: subprocess.run(status, capture_output=True).returncode == 0 or p.poll() is not None)
        c = subprocess.run([*self.net.enter(self.home / "work"), *map(str, cmd)], env=self.env(**(env or {})),
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        assert c.returncode == 0, f"{c.stdout.decode()}\n{c.stderr.decode()}"
        entries = self.entries_when_closed(mark)
        os.kill(p.pid, signal.SIGTERM)
        r = self.bench.finish(p, str(file), 30)
        return Seen(self, r, records.Recording(rec), entries)


def facts_of_file(path):
    """What onlooker's finders say of an executable: [(stack, method, version)]."""
    r = subprocess.run([bed.ONLOOKER, "check", "--file", str(path), "--json"], capture_output=True, text=True)
    try:
        data = json.loads(r.stdout)
    except ValueError:
        return []
    return [(s["tls"], s["method"], s["version"]) for s in data.get("stacks", []) if s.get("functions")]


def describe(path, used):
    """(stack with version, method) for the coverage table: of the stack that carried the calls."""
    rows = [r for r in facts_of_file(path) if not used or r[0] in used]
    return (", ".join(f"{t} {v}".strip() for t, _, v in rows) or used,
            ", ".join(m for _, m, _ in rows) or "symbols of its library")


def http_of(entries):
    words = {"HTTP/1.1": "h1", "HTTP/2": "h2"}
    kinds = {"WebSocket" if e.get("websocket") else words.get(e.get("version"), "?") for e in entries}
    return ", ".join(sorted(kinds))


def digits(text):
    return re.sub(r"[^0-9.]", "", text)
