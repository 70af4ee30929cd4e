# SPDX-License-Identifier: Apache-2.0
"""Each TLS library: what the observer saw are the bytes that the server got and gave, no more and no less."""

import json
import os
import re
import pathlib
import shutil
import string
import struct
import subprocess

import pytest

import bed
import calls

SIZES = ["10", "20000", "300000"]


def ends(server, mark, count):
    """The connections since mark, closed; waits until there are so many."""
    def look():
        found = [e for e in server.log(mark) if e["kind"] == "connection" and e["why"] != "open"]
        return found if len(found) >= count else None
    return bed.wait_for(look)


def check_bytes(run, connections):
    """Every plaintext byte once, in no other stream than the right one."""
    books = run.books()
    assert books["seen"] - books["ignored"] == sum(c["bytes_in"] + c["bytes_out"] for c in connections), run.err
    assert run.books()["lost"] == run.books()["opaque"] == 0, run.err


def check_calls(run, seen, text):
    """Right spans, and every character of what was asked: text(model)."""
    for span in run.calls:
        said = json.loads(span.attrs.pop("gen_ai.input.messages"))
        assert json.loads(span.attrs.pop("gen_ai.output.messages"))
        assert [p["content"] for m in said for p in m["parts"]] == [text(span["gen_ai.request.model"])]
    bed.check_all(run, seen)


def number(model):
    """gpt-tls-N: N"""
    return int(model.rsplit("-", 1)[1])


def source(run, name):
    assert {s["onlooker.capture.source"] for s in run.calls} == {name}, run.calls


def pkg(*names):
    return subprocess.run(["pkg-config", "--cflags", "--libs", *names], capture_output=True, text=True, check=True).stdout.split()


C_CLIENTS = {
    "mbedtls": lambda: ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"],
    "wolfssl": lambda: ["-lwolfssl"],
    "nss": lambda: pkg("nss", "nspr"),
}


@pytest.mark.parametrize("lib", C_CLIENTS)
def test_c_library(observe, server, bench, lib):
    program = bench.path(lib)
    made = subprocess.run(["cc", "-w", "-o", program, str(bed.CLIENTS / f"tls_{lib}.c"), *C_CLIENTS[lib]()],
                          capture_output=True, text=True, check=False)
    assert not made.returncode, f"scripts/setup-tests installs what is missing\n{made.stderr}"
    mark = server.mark()
    run, seen = observe([program, "localhost", str(server.ports["tls"]), server.ca, *SIZES], "--verbose", count=3,
                        content=True)
    check_calls(run, seen, lambda model: (string.ascii_lowercase * 12000)[:number(model)])
    source(run, lib)
    check_bytes(run, ends(server, mark, 3))


def test_s2n(observe, server):
    """The AWS runtime carries s2n-tls in its own module, with its symbols."""
    mark = server.mark()
    run, seen = observe([bed.PYTHON, str(bed.CLIENTS / "py_awscrt.py"), "localhost", str(server.ports["tls"]), server.ca,
                         *SIZES], "--verbose", count=3, content=True)
    check_calls(run, seen, lambda model: "a" * number(model))
    source(run, "s2n")
    check_bytes(run, ends(server, mark, 3))


def body_file(tmp_path, size):
    body = tmp_path / f"body{size}.json"
    call = calls.chat()["body"]
    call["messages"] = [{"role": "user", "content": "w" * int(size)}]
    body.write_text(json.dumps(call))
    return str(body)


def test_wget(observe, server, tmp_path):
    """Debian's wget is built with GnuTLS."""
    mark = server.mark()
    run, seen = observe(["wget", "-q", "-O", "/dev/null", f"--ca-certificate={server.ca}", "--header=Content-Type: application/json",
                         f"--post-file={body_file(tmp_path, 50000)}", server.url() + "/v1/chat/completions"], "--verbose",
                        count=1, content=True)
    check_calls(run, seen, lambda model: "w" * 50000)
    if "gnutls" in subprocess.run(["ldd", shutil.which("wget")], capture_output=True, text=True, check=True).stdout:
        source(run, "gnutls")
    check_bytes(run, ends(server, mark, 1))


def test_git(bench, server):
    """git speaks through libcurl-gnutls, in a helper process of its own."""
    mark = server.mark()
    run = bench.run(["git", "-c", "http.sslVerify=false", "ls-remote", server.url() + "/no/such/repository"],
                    "--verbose", env=server.env(GIT_TERMINAL_PROMPT=0), check=False)
    connections = ends(server, mark, 1)
    books = run.books()
    assert books["seen"] - books["ignored"] == sum(c["bytes_in"] + c["bytes_out"] for c in connections) > 0, run.err


BUN_SCRIPT = """
async function one(i) {
  const r = await fetch(process.env.BASE + "/v1/chat/completions", { method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-tls-" + i, messages: [{ role: "user", content: "b".repeat(i * 40000 + 10) }] }) });
  if (r.status != 200) process.exit(1);
  await r.text();
}
for (let i = 0; i < 3; i++) await one(i);
await Promise.all([3, 4, 5, 6].map(one));
"""

AGENTS = bed.CACHE / "agents"
STRIPPED = {
    "boringssl": ("bun/node_modules/bun/bin/bun.exe", []),
    "rustls": ("deno/node_modules/@deno/linux-x64-glibc/deno", ["run", "-A", "--unsafely-ignore-certificate-errors"]),
}


@pytest.mark.parametrize("lib", STRIPPED)
def test_stripped(observe, server, tmp_path, lib):
    """BoringSSL in Bun, rustls in Deno: no symbol is left, and no function tells that a connection ends."""
    path, words = STRIPPED[lib]
    if not os.access(AGENTS / path, os.X_OK):
        pytest.skip(f"{AGENTS / path} is not there: the agents' packages are not part of the small tests")
    script = tmp_path / "fetch.js"
    script.write_text(BUN_SCRIPT)
    mark = server.mark()
    run, seen = observe([str(AGENTS / path), *words, str(script)], "--verbose", count=7, content=True)
    check_calls(run, seen, lambda model: "b" * (number(model) * 40000 + 10))
    source(run, lib)
    check_bytes(run, ends(server, mark, 1))


GO = shutil.which("go") or "/usr/local/go/bin/go"


def liar(directory):
    """A Go program whose crypto/tls breaks its promise: built over the real one."""
    root = subprocess.run([GO, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    source = pathlib.Path(root, "src/crypto/tls/conn.go")
    head = "func (c *Conn) Read(b []byte) (int, error) {\n"
    text = source.read_text(encoding="utf-8")
    assert head in text
    (directory / "conn.txt").write_text(text.replace(head, head + "if len(b) == 7 {\nreturn 1 << 20, nil\n}\n"))
    (directory / "overlay.json").write_text(json.dumps({"Replace": {str(source): str(directory / "conn.txt")}}))
    program = directory / "liar"
    subprocess.run([GO, "build", "-overlay", str(directory / "overlay.json"), "-o", str(program),
                    str(bed.CLIENTS / "go_liar.go")], check=True, env={**os.environ, "GO111MODULE": "off"})
    return program


def test_broken_contract(bench, tmp_path):
    """A found function that does what it cannot do is let go of and told once; the program does not notice."""
    if not os.access(GO, os.X_OK):
        pytest.skip("there is no go: scripts/setup-tests installs it")
    program = liar(tmp_path)
    err = tmp_path / "stderr"
    with open(err, "wb") as f:
        p = bench.start("run", "--verbose", "--file", bench.file(), "--", program, stdin=subprocess.PIPE, stderr=f)
        bed.wait_for(lambda: "is not observed any more" in err.read_text())
        out, _ = p.communicate(b"\n", timeout=30)
    assert p.returncode == 0 and out.split() == [b"1048576", b"1048576"]
    said = err.read_text()
    assert said.count("what was taken for crypto/tls.(*Conn).Read did not behave like it in 40 of 40 calls") == 1, said
    # None of these bytes is one; what it prints goes into a pipe, whose bytes are nobody's.
    assert re.search(r" (\d+) bytes seen = 0 delivered \+ 0 dropped \+ 0 truncated \+ \1 ignored", said), said


def tls_pieces(path):
    """(stream, direction, offset, bytes) of a recording's TLS data (include/wire.h)."""
    raw, at = pathlib.Path(path).read_bytes(), 32
    while at + 16 <= len(raw):
        size = struct.unpack_from("<8xI", raw, at)[0]
        record = raw[at + 16:at + 16 + size]
        at += 16 + (size + 7) // 8 * 8
        if record[4] != 1:	# WIRE_DATA
            continue
        stream, _, off, _, _, source, way = struct.unpack_from("<QQQIIBB", record, 32)
        if source == 1:
            yield stream, way, off, record[72:]


def test_go_stacks_that_move(bench, tmp_path):
    """A buffer on a goroutine's stack is elsewhere when the call returns; every byte is the right one."""
    if not os.access(GO, os.X_OK):
        pytest.skip("there is no go: scripts/setup-tests installs it")
    cert, key, program, recording = (tmp_path / n for n in ("cert.pem", "key.pem", "moving", "run.rec"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", cert], capture_output=True, check=True)
    subprocess.run([GO, "build", "-o", program, str(bed.CLIENTS / "go_moving.go")], check=True,
                   env={**os.environ, "GO111MODULE": "off"})
    run = bench.finish(bench.start("record", "-o", recording, "--", program, cert, key))
    read, written = map(int, run.out.split())
    assert run.status == 0 and read == written == 100 * 20 * 700, run.out + run.err
    got = {}
    for stream, way, off, data in tls_pieces(recording):
        assert off == got.get((stream, way), 0), "a gap, or bytes twice"
        got[stream, way] = off + len(data)
        assert data == bytes(ord("A") + (off + i) % 700 % 26 for i in range(len(data)))
    assert sum(n for (_, way), n in got.items() if way) == read
    assert sum(n for (_, way), n in got.items() if not way) == written
