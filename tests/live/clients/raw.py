# SPDX-License-Identifier: Apache-2.0
"""raw.py WHAT ...: small programs that each do one odd thing with a connection, on nothing but the standard library.

BASE says where the server is; SSL_CERT_FILE whom to trust.
"""

import array
import json
import os
import random
import socket
import ssl
import sys
import threading
import urllib.parse

URL = urllib.parse.urlsplit(os.environ["BASE"])
CONTEXT = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))


def connect(tls=None):
    s = socket.create_connection((URL.hostname, URL.port))
    if tls if tls is not None else URL.scheme == "https":
        s = CONTEXT.wrap_socket(s, server_hostname=URL.hostname)
    return s


def request(model, path="/v1/chat/completions", body=None, scenario="", extra="", stream=False, **more):
    if body is None:
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}],
                           **({"stream": True} if stream else {}), **more}).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: {URL.netloc}\r\nX-Scenario: {scenario}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer sk-test-SECRET\r\n{extra}Content-Length: {len(body)}\r\n\r\n").encode() + body


class Reader:
    """Answers of one connection, read as a client does: exactly to their end."""

    def __init__(self, sock):
        self.sock, self.buf = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError(f"the server closed; {len(self.buf)} bytes left")
        self.buf += data

    def until(self, mark):
        while mark not in self.buf:
            self.more()
        head, self.buf = self.buf.split(mark, 1)
        return head

    def exactly(self, n):
        while len(self.buf) < n:
            self.more()
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def answer(self):
        head = self.until(b"\r\n\r\n").decode("latin-1").lower()
        if "transfer-encoding: chunked" in head:
            body = b""
            while n := int(self.until(b"\r\n").split(b";")[0], 16):
                body += self.exactly(n)
                self.exactly(2)
            self.until(b"\r\n")
            return head, body
        length = [line for line in head.split("\r\n") if line.startswith("content-length:")]
        return head, self.exactly(int(length[0].split(":")[1])) if length else b""


def ask(sock, model, **kw):
    sock.sendall(request(model, **kw))
    return Reader(sock).answer()


def say(word):
    print(word, flush=True)


def pipeline(prefix, n="5"):
    """n requests in one send, the answers in one read after the other."""
    s = connect()
    s.sendall(b"".join(request(f"{prefix}{i}", stream=i % 2 == 1) for i in range(int(n))))
    r = Reader(s)
    for _ in range(int(n)):
        r.answer()


def big(model, size):
    """A body of so many bytes; with TLS in one SSL_write."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "ü" * (int(size) // 2)}],
                       "temperature": 0.5}, ensure_ascii=False).encode()
    ask(connect(), model, body=body)


def upload(model, size):
    """A streamed upload of so many bytes, never whole in memory."""
    head, tail = b'{"model":"%s","messages":[{"role":"user","content":"' % model.encode(), b'"}]}'
    size, block = int(size), b"a" * (1 << 20)
    s = connect()
    s.sendall(request(model, body=b"", extra="").replace(b"Content-Length: 0", b"Content-Length: %d" % (
        len(head) + size + len(tail))) + head)
    while size > 0:
        s.sendall(block[:size])
        size -= len(block)
    s.sendall(tail)
    Reader(s).answer()


def fork_holding(prefix):
    """The child says something of its own while it holds the parent's connection; then the parent goes on with it."""
    s = connect()
    ask(s, f"{prefix}before")
    pid = os.fork()
    if not pid:
        ask(connect(), f"{prefix}child")
        os._exit(0)
    os.waitpid(pid, 0)
    ask(s, f"{prefix}after")


def fork_using(prefix):
    """The child goes on with the connection that it inherited, TLS state and all."""
    s = connect()
    ask(s, f"{prefix}before")
    pid = os.fork()
    if not pid:
        ask(s, f"{prefix}child", stream=True)
        os._exit(0)
    os.waitpid(pid, 0)
    s2 = connect()
    ask(s2, f"{prefix}after")


def threads(prefix, n="16"):
    """Threads that share one openai client and its pool of connections."""
    import openai
    client = openai.OpenAI()

    def one(i):
        for k in range(3):
            stream = client.chat.completions.create(model=f"{prefix}{i}-{k}", stream=True, messages=[
                {"role": "user", "content": f"thread {i}"}], extra_headers={"X-Scenario": "delay=0.002"})
            for _ in stream:
                pass

    ts = [threading.Thread(target=one, args=(i,)) for i in range(int(n))]
    for t in ts:
        t.start()
    for t in ts:
        t.join()


def fd_reuse(prefix, n="40"):
    """One descriptor number, many connections and files after each other, TLS and plain."""
    numbers = set()
    for i in range(int(n)):
        s = connect()
        numbers.add(s.fileno())
        if i % 3 == 2:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            Reader(s).answer()
        else:
            ask(s, f"{prefix}{i}", stream=i % 2 == 0)
        s.close()
        with open("/dev/null", "wb") as f:
            numbers.add(f.fileno())
            f.write(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert len(numbers) <= 2, numbers


def scm_rights(prefix):
    """A plain connection, opened and used by one process, handed to another that goes on with it."""
    a, b = socket.socketpair()
    pid = os.fork()
    if not pid:
        a.close()
        _, anc, _, _ = b.recvmsg(1, socket.CMSG_LEN(4))
        s = socket.socket(fileno=array.array("i", anc[0][2])[0])
        ask(s, f"{prefix}second")
        s.sendall(request(f"{prefix}third"))
        b.sendall(b"x")
        b.recv(1)
        os._exit(0)
    b.close()
    s = connect()
    ask(s, f"{prefix}first")
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    a.recv(1)
    Reader(s).answer()	# the answer to what the other one asked
    a.sendall(b"x")
    os.waitpid(pid, 0)


def exit_mid(model):
    s = connect()
    s.sendall(request(model, stream=True, scenario="delay=0.02"))
    r = Reader(s)
    r.until(b"data: ")
    r.until(b"data: ")
    os._exit(0)


def hold(model):
    """In the middle of a stream until somebody kills us."""
    s = connect()
    s.sendall(request(model, stream=True, scenario="cut_at=5;how=hang"))
    r = Reader(s)
    for _ in range(4):
        r.until(b"data: ")
    say("reading")
    r.until(b"[DONE]")


def steady(prefix, count, gap="0.02", done=""):
    """A request every so often, over one connection; says when each is done."""
    s = connect()
    pause = threading.Event()
    for i in range(int(count)):
        ask(s, f"{prefix}{i}", stream=True, scenario="delay=0.005")
        say(i)
        pause.wait(float(gap))
    if done:
        with open(done, "w", encoding="ascii") as f:
            f.write("finished")


def on_demand(prefix):
    """One request for each line of standard input: "old" on the first connection, "new" on a fresh one."""
    old = connect()
    for i, line in enumerate(sys.stdin):
        ask(old if line.strip() == "old" else connect(), f"{prefix}{i}-{line.strip()}", stream=True)
        say(i)


def garbage(seed):
    """Random bytes both ways, on TLS and on plain connections, some with a beginning that makes sense."""
    r = random.Random(int(seed))
    for head in (b"", b"POST /v1/chat/completions HTTP/1.1\r\n", b"POST /v1/messages HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", request("garbage-in", scenario="garbage=70000")[:-20]):
        s = connect()
        try:
            s.sendall(head + r.randbytes(50000))
            s.settimeout(0.3)
            while s.recv(65536):
                pass
        except (OSError, EOFError):
            pass
        s.close()
    s = connect()
    s.sendall(request("garbage-out", scenario="garbage=300000"))
    while s.recv(65536):
        pass


def half(model):
    """Half a TLS session: a handshake and half a request; another that dies in the handshake."""
    s = connect()
    s.sendall(request(model)[:-9])
    s.close()
    s = connect(tls=False)
    s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 40)
    s.close()
    ask(connect(), f"{model}-after")


def lengths(model):
    """Messages that contradict themselves; then a good one on a new connection."""
    good = request(model)
    body = good.split(b"\r\n\r\n", 1)[1]
    twisted = [
        good.replace(b"Content-Length:", b"Content-Length: 3\r\nContent-Length:"),
        good.replace(b"Content-Length:", b"Transfer-Encoding: chunked\r\nContent-Length:"),
        good.replace(b"Content-Length: ", b"Content-Length: -"),
        good.replace(b"Content-Length: ", b"Content-Length: 99999999999999999999"),
        good.replace(b"Content-Length: ", b"Content-Length: 0x"),
        good.split(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + body,
        good.split(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body,
    ]
    for t in twisted:
        s = connect()
        s.settimeout(0.3)
        s.sendall(t)
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.close()
    ask(connect(), f"{model}-good")
    ask_conflict = connect()
    ask_conflict.sendall(request(f"{model}-answer", scenario="conflict=1;framing=chunked"))
    Reader(ask_conflict).answer()


def headers(model, n):
    extra = "".join(f"X-Pad-{i}: {'v' * (i % 50)}\r\n" for i in range(int(n)))
    ask(connect(), model, extra=extra, scenario=f"headers={n}")


def deep(model, n):
    n = int(n)
    body = b'{"model":"%s","x":%s%s,"temperature":0.5,"messages":[]}' % (model.encode(), b"[" * n, b"]" * n)
    ask(connect(), model, body=body)
    ask(connect(), f"{model}-answer", scenario=f"deep={n}")


def bad_text(model):
    """NUL and invalid UTF-8 in every string there is."""
    bad = b"\xff\xfe\xc3(\x00\xed\xa0\x80\xf8\xf4\x90\x80\x80 \\u0000 \\ud800 \\udc00x"
    body = (b'{"model":"%s%s","messages":[{"role":"user%s","content":"%s"},{"role":"assistant","tool_calls":[{"id":"%s",'
            b'"type":"function","function":{"name":"%s","arguments":"%s"}}]}],"stop":["%s"],"service_tier":"%s",'
            b'"tools":[{"type":"function","function":{"name":"%s","description":"%s"}}],"user":"%s"}' %
            ((model.encode(),) + (bad,) * 11))
    s = connect()
    s.sendall(request(model, body=body).replace(
        b"X-Scenario: ", b"User-Agent: \xff\xfe\x01\r\nX-Bad: \xff\xc3(\r\nX-Scenario: badutf8=1;nul=1"))
    Reader(s).answer()
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
        for stream in (False, True):
            ask(connect(), f"{model}-{path.rsplit('/', 1)[1]}-{stream}", path=path, stream=stream, input="x",
                max_tokens=5, scenario="badutf8=1;nul=1")


def bomb(model, size):
    s = connect()
    s.sendall(request(model, scenario=f"bomb={size}"))
    Reader(s).answer()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
