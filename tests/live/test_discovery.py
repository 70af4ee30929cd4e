# SPDX-License-Identifier: Apache-2.0
"""How watch finds what to attach to: libraries that come late, are deleted or replaced, other roots; and the exec gate."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

import bed
from test_cover import Waiting, waiting  # noqa: F401
from test_watch import Watch

pytestmark = pytest.mark.timeout(300)

BODY = '{"model":"%s","messages":[{"role":"user","content":"hi"}]}'
PROCESSES = int(os.environ.get("ONLOOKER_TEST_PROCESSES", "500"))	# 5,000 for the numbers in docs/performance.md

# Says a word, then loads TLS and talks each time it is told to.
LATE = """
import json, os, sys
print("up", flush=True)
for line in sys.stdin:
    import http.client, ssl
    c = http.client.HTTPSConnection(os.environ["BASE"].split("://")[1],
                                    context=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]))
    c.request("POST", "/v1/chat/completions", json.dumps({"model": line.strip(), "messages": []}),
              {"Content-Type": "application/json"})
    c.getresponse().read()
    print("said", flush=True)
"""


def models(run):
    return [s["gen_ai.request.model"] for s in run.calls]


def wait_for_models(w, *names):
    bed.wait_for(lambda: set(names) <= {s["gen_ai.request.model"] for s in w.spans()})


def libssl():
    run = subprocess.run([bed.PYTHON, "-c", "import ssl\nprint([l.split()[-1] for l in open('/proc/self/maps') if 'libssl' in l][0])"],
                         capture_output=True, text=True, check=True)
    return pathlib.Path(run.stdout.strip())


@pytest.fixture
def own_library(tmp_path):
    """A directory with a libssl that nobody else uses; LD_LIBRARY_PATH of the processes that are to use it."""
    lib = libssl()
    shutil.copy(lib, tmp_path / lib.name)
    return tmp_path / lib.name


class Late(Waiting):
    def __init__(self, server, library):
        self.p = subprocess.Popen([bed.PYTHON, "-c", LATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  env=server.env("tls", LD_LIBRARY_PATH=str(library.parent)))
        self.pid = self.p.pid
        assert self.word() == "up"

    def say(self, model):
        self.p.stdin.write(model.encode() + b"\n")
        self.p.stdin.flush()
        assert self.word() == "said"


@pytest.fixture
def late(server, own_library):
    made = []

    def make():
        made.append(Late(server, own_library))
        return made[-1]

    yield make
    for t in made:
        t.close()


def test_loaded_late(bench, late):
    """A library that nobody has seen is mapped by a process that is watched: held until attached, from its first call."""
    t = late()
    w = Watch(bench, "--gate", "--pid", t.pid)
    t.say("late-1")
    t.say("late-2")
    wait_for_models(w, "late-1", "late-2")
    run = w.end()
    assert sorted(models(run)) == ["late-1", "late-2"]
    assert all(s["onlooker.capture.joined"] is None for s in run.calls)


def test_deleted_library(bench, late, own_library):
    t = late()
    t.say("before")
    own_library.unlink()
    w = Watch(bench, "--pid", t.pid)
    t.say("deleted")
    wait_for_models(w, "deleted")
    (row,) = [r for r in w.status()["processes"] if r["pid"] == t.pid and r["tls"] == "openssl"]
    assert "(deleted)" in row["file"] and row["state"] in ("captured", "joined")
    assert models(w.end()) == ["deleted"]


def test_updated_library(bench, late, own_library):
    """A package update under a running watch: the old file goes on for who has it, the new one is found."""
    old = late()
    w = Watch(bench, "--gate", "--exe", os.path.realpath(bed.PYTHON))
    old.say("old-1")
    new_file = own_library.with_name("new")
    shutil.copy(own_library, new_file)
    with open(new_file, "ab") as f:
        f.write(b"\0" * 64)	# other size and time, same code
    new_file.rename(own_library)
    new = late()
    new.say("new-1")
    old.say("old-2")
    wait_for_models(w, "old-1", "old-2", "new-1")
    assert sorted(models(w.end())) == ["new-1", "old-1", "old-2"]


@pytest.fixture
def rootfs(tmp_path, server):
    """A root with curl and its libraries, none of them the host's files."""
    root = tmp_path / "root"
    curl = shutil.which("curl")
    files = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", curl], capture_output=True, text=True, check=True).stdout)
    for f in (curl, *files):
        to = root / f.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(f), to)
    (root / "etc").mkdir()
    shutil.copy(server.ca, root / "etc/ca.pem")
    subprocess.run(["ldconfig", "-r", root], check=True)
    return root


def in_container(root, server, model):
    """In mount and pid namespaces of its own, by another root."""
    return subprocess.run(["unshare", "-m", "-p", "-f", "chroot", root, shutil.which("curl"), "-sS",
                           "--cacert", "/etc/ca.pem", "-d", BODY % model, server.url() + "/v1/chat/completions"],
                          capture_output=True, text=True, env={"PATH": os.environ["PATH"]})


def test_container(bench, server, rootfs):
    """The gate sees the first program of a root and attaches to the TLS libraries there, before they are mapped."""
    w = Watch(bench, "--gate")
    for i in range(3):
        run = in_container(rootfs, server, f"container-{i}")
        assert run.returncode == 0, run.stderr
    wait_for_models(w, *(f"container-{i}" for i in range(3)))
    run = w.end()
    for i in range(3):
        s = run.call(f"container-{i}")
        assert s["onlooker.capture.complete"] is None and s["onlooker.capture.source"] == "openssl"


def test_short_lived_processes(bench, server, tmp_path):
    """Many processes of a moment each: none missed, none remembered."""
    curl = shutil.copy(os.path.realpath(shutil.which("curl")), tmp_path / "curl")
    w = Watch(bench, "--gate", "--exe", curl)
    begin = maps_of(w.p.pid)
    script = "for i in $(seq %d); do %s -sS -o /dev/null -d '%s' %s/v1/chat/completions || exit; done" % (
        PROCESSES // 2, curl, BODY % "short-lived", server.url())
    both = [subprocess.Popen(["sh", "-c", script], env=server.env()) for _ in range(2)]
    middle = 0
    while any(p.poll() is None for p in both):
        middle = middle or (len(w.spans()) > PROCESSES // 4 and rss(w.p.pid))
        time.sleep(0.2)	# between two looks
    assert [p.wait() for p in both] == [0, 0]
    n = PROCESSES // 2 * 2
    bed.wait_for(lambda: len([s for s in w.spans() if s.is_call]) >= n, step=0.2)
    assert rss(w.p.pid) < middle + 16384, (middle, rss(w.p.pid))
    left = bed.wait_for(lambda: (lambda m: all(m[k] - begin[k] < 50 for k in m) and m)(maps_of(w.p.pid)))
    assert left
    run = w.end()
    assert len(run.calls) == n
    assert not [s for s in run.calls if s["onlooker.capture.complete"] is False or s["onlooker.capture.joined"]]


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"))[1])


def maps_of(pid):
    """How many entries the kernel half's maps of this observer have."""
    names = {"tracked", "threads", "tls_streams", "socks", "agents"}
    info = subprocess.run(f"cat /proc/{pid}/fdinfo/* 2>/dev/null", shell=True, capture_output=True, text=True).stdout
    ids = {int(m) for m in re.findall(r"map_id:\s+(\d+)", info)}
    maps = json.loads(subprocess.run(["bpftool", "-j", "map"], capture_output=True, text=True, check=True).stdout)
    return {m["name"]: len(json.loads(subprocess.run(["bpftool", "-j", "map", "dump", "id", str(m["id"])], capture_output=True,
                                                     text=True, check=True).stdout))
            for m in maps if m["id"] in ids and m.get("name") in names}


def timed(cmd, limit):
    begin = time.monotonic()
    subprocess.run(cmd, check=True, timeout=limit)
    return time.monotonic() - begin


def fresh_program(tmp_path, name):
    """A program that nobody has examined."""
    to = tmp_path / name
    shutil.copy(shutil.which("true"), to)
    with open(to, "ab") as f:
        f.write(os.urandom(16))
    return to


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_gate_lets_go_of_execs(bench, tmp_path, how):
    """Stopped or killed, the observer holds up nobody for longer than a moment."""
    w = Watch(bench, "--gate")
    timed([fresh_program(tmp_path, "a")], 5)
    w.p.send_signal(how)
    if how == signal.SIGKILL:
        w.p.wait()
    for i in range(5):
        assert timed([fresh_program(tmp_path, f"b{i}")], 5) < 3
    if how == signal.SIGSTOP:
        w.p.send_signal(signal.SIGCONT)
        assert w.end().status == 0


def test_flood_of_execs(bench, tmp_path):
    """Hundreds of programs that nobody has seen, all at once: each starts, and the observer goes on."""
    programs = [fresh_program(tmp_path, f"p{i}") for i in range(400)]
    w = Watch(bench, "--gate")
    begin = time.monotonic()
    started = [subprocess.Popen([p]) for p in programs]
    assert [p.wait(30) for p in started] == [0] * len(programs)
    assert time.monotonic() - begin < 60
    w.status()
    assert w.end().status == 0


MAPPINGS = """
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = os.open(sys.argv[1], os.O_RDONLY)
n = 0
while n < 60000 and libc.mmap(None, 4096, 5, 2, fd, 4096 * (n % 2)) not in (None, 2 ** 64 - 1):
    n += 1
print(n, flush=True)
sys.stdin.readline()
import ssl
print("ssl", flush=True)
sys.stdin.read()
"""


def test_process_of_many_mappings(bench, waiting, tmp_path):
    """As many mappings as a process may have: looked at in bounded time, and what it loads after them is found."""
    t = waiting(MAPPINGS, shutil.which("curl"))
    assert int(t.word()) > 30000
    begin = time.monotonic()
    w = Watch(bench, "--pid", t.pid)
    assert t.go() == "ssl"
    found = bed.wait_for(lambda: [r for r in w.status()["processes"] if r["pid"] == t.pid and r["tls"] == "openssl"])
    assert found[0]["state"] == "attached"
    assert time.monotonic() - begin < 20
    w.end()


def test_killed_under_load(bench, server, tmp_path):
    """kill -9 while processes talk: they go on as if nothing were, and nothing stays attached."""
    curl = shutil.copy(os.path.realpath(shutil.which("curl")), tmp_path / "curl")
    script = "for i in $(seq 60); do %s -sS -o /dev/null -d '%s' %s/v1/chat/completions || exit 1; done" % (
        curl, BODY % "under-load", server.url())
    w = Watch(bench, "--gate", "--exe", curl)
    load = [subprocess.Popen(["sh", "-c", script], env=server.env()) for _ in range(3)]
    wait_for_models(w, "under-load")
    w.p.kill()
    w.p.wait()
    assert [p.wait(60) for p in load] == [0, 0, 0]
    bed.wait_for(lambda: not stopped_children())
    # links go with their holder, programs a moment later
    bed.wait_for(lambda: not any(bed.attached().values()))


def stopped_children():
    """Processes of this test that somebody stopped and nobody continued."""
    out = subprocess.run(["ps", "-o", "stat=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if line.startswith("T")]
