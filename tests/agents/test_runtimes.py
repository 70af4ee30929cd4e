# SPDX-License-Identifier: Apache-2.0
"""What agents are made of: scripts on Bun, Deno and node, a node single executable, Python from other builders."""

import hashlib
import os
import shutil
import subprocess

import pytest

import bed
import net
import records
from test_agents import frames

pytestmark = pytest.mark.timeout(180)

TALK = str(net.HERE / "scripts/talk.mjs")


def check_talk(fake, seen, runtime, version, exe):
    """Each model call as a span; its bytes, and the WebSocket's messages, as the server got them."""
    assert seen.run.out.split()[-1] == "answered", seen.run.out
    out, into = seen.share()
    stack, method = net.describe(exe, seen.stack(None))
    fake.net.note(agent=runtime, version=version, stack=stack, method=method, http=net.http_of(seen.calls),
                  out=out, into=into, calls=len(seen.calls), spans=len(seen.run.calls))
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.openai.com")
    messages = [e for e in seen.entries if e["kind"] == "message"]
    assert len(messages) == len(seen.calls) - 1
    s = seen.whole(messages[0]["conn"], seen.needed(messages[0]["conn"]))
    assert [hashlib.sha256(m).hexdigest() for m in frames(bytes(s.bytes[records.OUT]))] == [e["sha256"] for e in messages]


@pytest.mark.parametrize("name", ["bun", "bun-1.3", "bun-1.1"])
def test_bun(fake, name):
    exe = net.find(name, "node_modules/bun/bin/bun.exe", "node_modules/bun/bin/bun")
    seen = fake.run([exe, TALK, fake.prompt])
    check_talk(fake, seen, "Bun", net.version_of(name), exe)


def test_deno(fake):
    exe = net.find("deno", "node_modules/@deno/linux-*-glibc/deno")
    seen = fake.run([exe, "run", "--quiet", "--allow-all", TALK, fake.prompt])
    check_talk(fake, seen, "Deno", net.version_of("deno"), exe)


SEA = """
const https = require("node:https");
const body = JSON.stringify({ model: "gpt-5-sea", messages: [{ role: "user", content: process.argv.at(-1) }] });
const r = https.request("https://api.openai.com/v1/chat/completions",
  { method: "POST", headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) } },
  (a) => a.on("data", () => {}).on("end", () => console.log("answered")));
r.end(body);
"""


def single_executable(directory):
    """node --experimental-sea-config, and the blob in a note segment: postject does that, which is a package."""
    node = os.path.realpath(shutil.which("node"))
    (directory / "main.js").write_text(SEA)
    (directory / "sea.json").write_text('{"main": "main.js", "output": "sea.blob", "disableExperimentalSEAWarning": true}')
    subprocess.run([node, "--experimental-sea-config", "sea.json"], cwd=directory, check=True, capture_output=True)
    exe = directory / "agent"
    shutil.copy(node, exe)
    postject = net.find("postject", "node_modules/postject/dist/cli.js")
    subprocess.run([node, postject, str(exe), "NODE_SEA_BLOB", "sea.blob", "--sentinel-fuse",
                    "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2"], cwd=directory, check=True, capture_output=True)
    return str(exe)


@pytest.mark.parametrize("stripped", [False, True], ids=["whole", "stripped"])
def test_node_single_executable(fake, tmp_path, stripped):
    exe = single_executable(tmp_path)
    if stripped:
        subprocess.run(["strip", "--strip-all", exe], check=True)
        if subprocess.run([exe, "--version"], capture_output=True).returncode:
            pytest.skip("strip takes the single executable's blob with it: this binutils cannot")
    seen = fake.run([exe, fake.prompt])
    assert "answered" in seen.run.out
    out, into = seen.share()
    stack, method = net.describe(exe, seen.stack(None))
    fake.net.note(agent="node single executable" + (", stripped" if stripped else ""), version=node_version(), stack=stack,
                  method=method, http="h1", out=out, into=into, calls=len(seen.calls), spans=len(seen.run.calls))
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.openai.com")


def node_version():
    return subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")


PY = """
import json, sys, urllib.request
body = json.dumps({"model": "gpt-5-py", "messages": [{"role": "user", "content": sys.argv[1]}]}).encode()
r = urllib.request.Request("https://api.openai.com/v1/chat/completions", body, {"Content-Type": "application/json"})
print(len(urllib.request.urlopen(r).read()))
"""


def pythons():
    """Every Python of this machine: the distribution's, a virtual environment's, pyenv's and uv's."""
    home = os.path.expanduser("~")
    rows = {"distribution": "/usr/bin/python3", "venv": bed.PYTHON}
    for kind, pattern in (("pyenv", f"{home}/.pyenv/versions/3.*/bin/python3"),
                          ("uv", f"{home}/.local/share/uv/python/cpython-3.*/bin/python3")):
        import glob
        found = sorted(glob.glob(pattern), key=lambda p: [int(x) for x in net.digits(p.split("/")[-3]).split(".") if x])
        for path in found[:1] + found[-1:]:
            rows[f"{kind}-{path.split('/')[-3]}"] = path
        if not found:
            rows[kind] = None
    return rows


@pytest.mark.parametrize("kind, path", pythons().items(), ids=pythons())
def test_python(fake, kind, path):
    if not path:
        pytest.skip(f"there is no Python of {kind} on this machine, and its builds are not on PyPI")
    seen = fake.run([path, "-c", PY, fake.prompt])
    out, into = seen.share()
    version = subprocess.run([path, "-V"], capture_output=True, text=True).stdout.split()[-1]
    fake.net.note(agent=f"Python ({kind.split('-')[0]})", version=version, stack=seen.stack(None),
                  method="symbols of its library", http=net.http_of(seen.calls), out=out, into=into,
                  calls=len(seen.calls), spans=len(seen.run.calls))
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.openai.com")


def test_unsupported_is_said(fake):
    """A Java program's TLS is bytecode: nothing is captured, and that is said in words with the reason."""
    java = shutil.which("java") or next(iter(sorted(str(p) for p in bed.pathlib.Path("/usr/lib/jvm").glob("*/bin/java"))), None)
    if not java:
        pytest.skip("there is no java here")
    source = fake.dir / "Ask.java"
    source.write_text("""import java.net.*; import java.nio.file.*;
public class Ask { public static void main(String[] a) throws Exception {
  var c = (HttpURLConnection) new URL("https://api.openai.com/v1/models").openConnection();
  try { c.getResponseCode(); } catch (javax.net.ssl.SSLException e) { System.out.println(e); }
  Thread.sleep(1000); } }""")
    seen = fake.run([java, str(source)], check=False)
    assert "jsse" in seen.run.err.lower() or "java" in seen.run.err.lower(), seen.run.err
