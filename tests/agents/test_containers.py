# SPDX-License-Identifier: Apache-2.0
"""A container with its own file system and its own copy of libssl: other inodes, another mount and pid namespace."""

import json
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest

pytestmark = pytest.mark.timeout(120)

RUNTIMES = ["runc", "crun"]


def add(root, program):
    """The program and the libraries it needs, as copies."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = [w for line in out.splitlines() for w in line.split() if w.startswith("/")]
    for path in [program, *paths]:
        to = root / path.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        if not to.exists():
            shutil.copy(os.path.realpath(path), to)


@pytest.fixture
def bundle(fake):
    """An OCI bundle whose command asks the model server twice: with OpenSSL's curl, and after a second."""
    top = fake.dir / "bundle"
    root = top / "rootfs"
    for d in ("proc", "dev", "sys", "tmp", "etc/ssl/certs"):
        (root / d).mkdir(parents=True)
    curl, sh = shutil.which("curl"), os.path.realpath("/bin/sh")
    add(root, curl)
    add(root, sh)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    shutil.copy(fake.net.bundle, root / "etc/ssl/certs/ca-certificates.crt")
    (root / "body").write_text(json.dumps({"model": "gpt-5-box", "stream": True, "stream_options": {"include_usage": True},
                                           "messages": [{"role": "user", "content": fake.prompt + "x" * 50000}]}))
    ask = (f"{curl} -sS --http1.1 -H 'Content-Type: application/json' --data-binary @/body "
           "https://api.openai.com/v1/chat/completions")
    return top, [sh, "-c", f"{ask} >/dev/null && {ask}"]


def command(runtime, top, args):
    """The runtime's own default configuration, but in the network namespace of its caller."""
    subprocess.run([runtime, "spec"], cwd=top, check=True)
    path = pathlib.Path(top, "config.json")
    spec = json.loads(path.read_text())
    spec["process"].update(terminal=False, args=args)
    spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
    path.write_text(json.dumps(spec))
    return [runtime, "--root", str(top / "state"), "run", "--bundle", str(top), "box-" + uuid.uuid4().hex[:8]]


def runtime_or_skip(runtime, fake, top):
    """A runtime that cannot run this container without us is no matter of ours: its own words say why."""
    if not shutil.which(runtime):
        pytest.skip(f"{runtime} is not installed")
    words = command(runtime, top, [os.path.realpath("/bin/sh"), "-c", "exit 0"])
    r = subprocess.run([*fake.net.enter(fake.dir), *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    (top / "config.json").unlink()
    if r.returncode:
        pytest.skip(f"{runtime} does not run here: {(r.stderr or r.stdout).strip()[-200:]}")


def check(fake, seen, runtime, how):
    out, into = seen.share()
    version = subprocess.run([runtime, "--version"], capture_output=True, text=True).stdout.split("\n")[0].split()[-1]
    fake.net.note(agent=f"curl in a container ({runtime}, {how})", version=version, stack=seen.stack(None),
                  method="symbols of its library", http="h1", out=out, into=into, calls=len(seen.calls),
                  spans=len(seen.run.calls))
    assert len(seen.calls) == 2
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.openai.com")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_run(fake, bundle, runtime):
    runtime_or_skip(runtime, fake, bundle[0])
    check(fake, fake.run(command(runtime, *bundle)), runtime, "run")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_watch(fake, bundle, runtime):
    """A watch that began before the container: its libssl is a file nobody has seen before."""
    runtime_or_skip(runtime, fake, bundle[0])
    check(fake, fake.watch(command(runtime, *bundle), "--gate"), runtime, "watch")
