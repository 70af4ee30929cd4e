# SPDX-License-Identifier: Apache-2.0
"""Coverage: what is not seen is said, of whom, and why; and check --pid, which needs no running watch."""

import json
import shutil
import socket
import subprocess
import threading
import time

import pytest

import bed
from test_watch import Watch

pytestmark = pytest.mark.timeout(90)

# A client whose TLS is its own: a ClientHello by hand, then records that only look encrypted, until stdin ends.
OWN_TLS = """
import os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
name = b"api.example.test"
sni = b"\\x00" + len(name).to_bytes(2, "big") + name
sni = b"\\x00\\x00" + (len(sni) + 2).to_bytes(2, "big") + len(sni).to_bytes(2, "big") + sni
body = b"\\x03\\x03" + os.urandom(32) + b"\\x00" + b"\\x00\\x02\\x13\\x01" + b"\\x01\\x00" + len(sni).to_bytes(2, "big") + sni
hand = b"\\x01" + len(body).to_bytes(3, "big") + body
s.sendall(b"\\x16\\x03\\x01" + len(hand).to_bytes(2, "big") + hand)
s.recv(4096)
s.sendall(b"\\x17\\x03\\x03\\x01\\x90" + os.urandom(400))
s.recv(4096)
print("said", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def own_tls_server():
    """Answers whatever comes with a record of application data."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                while peer.recv(65536):
                    peer.sendall(b"\x17\x03\x03\x03\xe8" + bytes(1000))

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


class Waiting:
    """A Python program that says a word when it has done its thing, and then waits."""

    def __init__(self, code, *args):
        self.p = subprocess.Popen([bed.PYTHON, "-c", code, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.p.pid

    def word(self):
        return self.p.stdout.readline().decode().strip()

    def go(self):
        self.p.stdin.write(b"go\n")
        self.p.stdin.flush()
        return self.word()

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)
        self.p.stdout.close()


@pytest.fixture
def waiting():
    made = []

    def make(*args):
        made.append(Waiting(*args))
        return made[-1]

    yield make
    for w in made:
        w.close()


def rows(watch, pid):
    return [p for p in watch.status()["processes"] if p["pid"] == pid]


def test_unread_tls_is_said_within_five_seconds(bench, waiting, own_tls_server):
    w = Watch(bench, "--exe", bed.PYTHON)
    t = waiting(OWN_TLS, own_tls_server)
    assert t.word() == "said"
    start = time.monotonic()
    line = w.p.stderr.readline().decode()
    assert time.monotonic() - start < 5
    assert f"(pid {t.pid}) talks TLS with api.example.test, and it cannot be read: no TLS library" in line
    (row,) = rows(w, t.pid)
    assert row["tls"] is None and row["state"] == "none" and row["reduced"] == ["unread_tls"], row
    t.close()
    run = w.end()
    (span,) = [s for s in run.spans if s["process.pid"] == t.pid]
    assert span["onlooker.process.unseen_tls_connections"] == 1


def test_unread_tls_at_the_end_of_run(bench, own_tls_server):
    """run leaves the terminal to CMD: the words come when it has ended."""
    run = bench.run([bed.PYTHON, "-c", OWN_TLS, str(own_tls_server)])
    assert "talks TLS with api.example.test, and it cannot be read" in run.err
    quiet = bench.run([bed.PYTHON, "-c", OWN_TLS, str(own_tls_server)], "--quiet")
    assert quiet.err == ""


def test_what_is_not_seen_as_a_log_record(bench, own_tls_server):
    """By the official classes: the words, what it is about, and that there is no request for logs without any."""
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as service

    from collector import Collector
    c = Collector()
    try:
        bench.run(["true"], "--otlp", c.url)
        assert c.requests and not c.log_bodies
        bench.run([bed.PYTHON, "-c", OWN_TLS, str(own_tls_server)], "--otlp", c.url)
        (body,) = c.log_bodies
    finally:
        c.close()
    request = service.ExportLogsServiceRequest.FromString(body)
    (group,) = request.resource_logs
    assert {a.key: a.value.string_value for a in group.resource.attributes} == {"service.name": "onlooker"}
    (record,) = group.scope_logs[0].log_records
    assert group.scope_logs[0].scope.name == "onlooker"
    assert record.event_name == "onlooker.coverage" and record.severity_text == "WARN" and record.severity_number == 13
    assert "talks TLS with api.example.test, and it cannot be read" in record.body.string_value
    attrs = {a.key: a.value for a in record.attributes}
    assert attrs["onlooker.coverage.reduced_by"].string_value == "unread_tls" and attrs["process.pid"].int_value > 1
    assert abs(record.time_unix_nano / 1e9 - time.time()) < 60


def test_captured_tls_is_not_doubted(observe, server):
    """node works on memory: its records on the socket belong to no library call, and its plaintext came all the same."""
    clients = [["curl", "-sS", "-o", "/dev/null", server.url() + "/health"]]
    if bed.NODE:
        clients.append([bed.NODE, "-e", """require("https").get(process.env.BASE + "/health", r => r.resume())"""])
    for cmd in clients:
        run, _ = observe(cmd, "--verbose")
        assert "cannot be read" not in run.err


WAYS = {
    "io_uring": """
import ctypes, sys
params = (ctypes.c_char * 120)()
fd = ctypes.CDLL(None, use_errno=True).syscall(425, 4, params)
print(fd if fd >= 0 else -ctypes.get_errno(), flush=True)
""",
    "ktls": """
import socket
a = socket.create_server(("127.0.0.1", 0))
s = socket.create_connection(a.getsockname())
try:
    s.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
    print(0, flush=True)
except OSError as e:
    print(-e.errno, flush=True)
""",
    "quic": """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(bytes([0xc3, 0, 0, 0, 1]) + bytes(1195), ("127.0.0.1", 443))
print(0, flush=True)
""",
}


@pytest.mark.parametrize("what", WAYS)
def test_ways_past_us(bench, what):
    words = {"io_uring": "uses io_uring", "ktls": "uses kernel TLS", "quic": "uses QUIC"}
    run = bench.run([bed.PYTHON, "-c", WAYS[what]])
    if int(run.out) < 0:
        pytest.skip(f"this kernel gives no {what}: errno {-int(run.out)}")
    (span,) = [s for s in run.spans if s["onlooker.process.reduced_coverage"]]
    assert span["onlooker.process.reduced_coverage"] == [what]
    assert words[what] in run.err


def test_no_other_udp_is_quic(bench):
    """DNS to port 53 and other packets to port 443 are not; nor is a short header."""
    code = WAYS["quic"].replace("0xc3", "0x43") + 's.sendto(bytes([0xc3]) * 1200, ("127.0.0.1", 4433))\n'
    run = bench.run([bed.PYTHON, "-c", code])
    assert "QUIC" not in run.err


def check(pid, *more):
    run = subprocess.run([bed.ONLOOKER, "check", "--pid", str(pid), *more], capture_output=True, text=True)
    return run


def test_check_of_a_process(waiting):
    """No watch has to run; a library that was loaded late counts, and asking attaches nothing."""
    t = waiting("import sys\nprint('up', flush=True)\nsys.stdin.readline()\nimport ssl\nprint('ssl', flush=True)\nsys.stdin.read()")
    assert t.word() == "up"
    before = bed.attached()
    got = json.loads(check(t.pid, "--json").stdout)
    assert not got["can_be_captured"] and got["stacks"][0]["state"] == "none" and got["stacks"][0]["why"]
    assert t.go() == "ssl"
    got = json.loads(check(t.pid, "--json").stdout)
    (row,) = [s for s in got["stacks"] if s["tls"] == "openssl"]
    assert got["can_be_captured"] and row["state"] == "found" and row["method"] == "symbols" and "libssl" in row["file"]
    text = check(t.pid).stdout
    assert "openssl" in text and "can be captured" in text
    assert bed.attached() == before


def test_check_of_nobody():
    gone = subprocess.Popen(["true"])
    gone.wait()
    run = check(gone.pid)
    assert run.returncode == 1 and "no such process" in run.stderr and str(gone.pid) in run.stderr
    assert check("x").returncode == 2


def test_java_is_said(bench, waiting, tmp_path):
    """A process is Java's when libjvm.so is mapped."""
    found = next(m.split()[-1] for m in open("/proc/self/maps", encoding="ascii") if "libz.so" in m or "libc.so" in m)
    jvm = shutil.copy(found, tmp_path / "libjvm.so")
    t = waiting("import ctypes, sys\nctypes.CDLL(sys.argv[1])\nprint('up', flush=True)\nsys.stdin.read()", jvm)
    assert t.word() == "up"
    (row,) = [s for s in json.loads(check(t.pid, "--json").stdout)["stacks"] if s["tls"] == "jsse"]
    assert row["state"] == "unsupported" and "bytecode" in row["why"]
    w = Watch(bench, "--pid", t.pid)
    (row,) = [r for r in rows(w, t.pid) if r["tls"] == "jsse"]
    assert row["state"] == "unsupported" and "bytecode" in row["why"]
    w.end()


BY_NAME = """
import os, socket, struct, sys
server, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
name = b"".join(bytes([len(x)]) + x for x in b"model.dns.test".split(b".")) + b"\\0"
s.sendto(b"\\x12\\x34\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0" + name + b"\\0\\x01\\0\\x01", (server, 53))
answer, _ = s.recvfrom(1500)
c = socket.create_connection((socket.inet_ntoa(answer[-4:]), port))
body = b'{"model":"by-name","messages":[]}'
c.sendall(b"POST /v1/chat/completions HTTP/1.0\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
while c.recv(65536):
    pass
"""


def test_name_by_dns(bench, server):
    """Neither SNI nor Host: the name that the process was told for the address, and that it came from there."""
    dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind(("127.43.43.43", 53))

    def answer():
        query, peer = dns.recvfrom(1500)
        dns.sendto(query[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + query[12:] + b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" +
                   socket.inet_aton("127.0.0.1"), peer)

    t = threading.Thread(target=answer, daemon=True)
    t.start()
    run = bench.run([bed.PYTHON, "-c", BY_NAME, "127.43.43.43", str(server.ports["http"])])
    t.join(10)
    dns.close()
    call = run.call("by-name")
    assert call["server.address"] == "model.dns.test" and call["onlooker.server.address.basis"] == "dns"
    assert call["network.peer.address"] == "127.0.0.1"
