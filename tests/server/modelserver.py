#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model server for tests: OpenAI chat completions, responses and embeddings, Anthropic messages.

    modelserver.py --dir DIR [--log FILE]

Listens on ephemeral ports of 127.0.0.1 (TLS 1.2/1.3, TLS 1.2 only, TLS with HTTP/2 by ALPN, plain HTTP), takes
HTTP/2 by its preface on all of them and h2c by upgrade on the plain one, writes DIR/ready.json
when it does, and one JSON line to the log for each exchange and each connection: what really came and what
really went. What it answers is chosen by the request: an X-Scenario header or metadata.scenario in the body,
"key=value;key=value". It ends on SIGTERM, and with --until-eof
when its standard input does.

How it is said
    coding=gzip|deflate|rawdeflate|br|zstd|gzip+br|accept      flushed after every event
    framing=chunked|length|close   trailers=1   http10=1   info=103   crlf=1   comments=1
    chunks=event|one|odd|utf8|line|whole       how events are cut into HTTP chunks
    writes=chunk|one|odd|size|merge            how the bytes are cut into send() calls
    delay=S (between events)   first=S (before the first)   late=S (before the head)
What is said
    tools=N args=empty text=1 reasoning=1 refuse=1 say=TEXT size=N nul=1 finish=WORD usage=0 answer_model=M
    cached=N cache_write=N reasoning_tokens=N service_tier=T obfuscation=1 incomplete=1 failed=1
What goes wrong
    status=N code=WORD retry_after=S fail_first=N (fails unless X-Stainless-Retry-Count >= N)   plain_error=1
    error_at=K (mid-stream error after K events)   cut_at=K, cut_bytes=N with how=close|rst|hang
    garbage=1 bomb=BYTES headers=N deep=N badutf8=1 conflict=1
"""

import argparse
import hashlib
import json
import os
import random
import signal
import socket
import ssl
import struct
import sys
import threading
import time

import answers
import coding
import cuts
import pki

HEAD_MAX = 64 << 20
BODY_KEEP = 64 << 20
SECRET = {"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization"}


def now():
    return time.time_ns()


class Gone(Exception):
    """The client left."""


class Log:
    def __init__(self, path):
        self.f = open(path, "a", buffering=1, encoding="utf-8")
        self.lock = threading.Lock()

    def put(self, **entry):
        line = json.dumps(entry, ensure_ascii=True)
        with self.lock:
            self.f.write(line + "\n")


class Connection:
    """Bytes of one connection, both ways, counted."""

    def __init__(self, server, raw, peer, tls, no):
        self.server, self.sock, self.no, self.tls = server, raw, no, tls
        self.peer_port, self.port = peer[1], raw.getsockname()[1]
        self.buf = bytearray()
        self.bytes_in = self.bytes_out = 0
        self.sends = 0
        self.info = {}
        self.first_in = self.since = now()

    def recv(self):
        try:
            data = self.sock.recv(1 << 18)
        except (OSError, ssl.SSLError) as e:
            raise Gone(str(e)) from e
        self.bytes_in += len(data)
        return data

    def more(self):
        data = self.recv()
        if not data:
            raise Gone("eof")
        self.buf += data

    def send(self, data):
        if not data:
            return
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError) as e:
            raise Gone(str(e)) from e
        self.bytes_out += len(data)
        self.sends += 1

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # ---- requests

    def read_head(self):
        """The head's bytes and its parts, or None at a clean end."""
        while b"\r\n\r\n" not in self.buf:
            if not self.buf:
                data = self.recv()
                if not data:
                    return None
                self.first_in = now()
                self.buf += data
                continue
            if len(self.buf) > HEAD_MAX:
                raise Gone("head too long")
            self.more()
        raw, _, rest = bytes(self.buf).partition(b"\r\n\r\n")
        self.buf = bytearray(rest)
        lines = raw.decode("latin-1").split("\r\n")
        method, target, version = (lines[0].split(" ", 2) + ["", ""])[:3]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return len(raw) + 4, method, target, version, headers

    def take(self, n, body):
        while n:
            if not self.buf:
                self.more()
            part = bytes(self.buf[:n])
            del self.buf[:n]
            n -= len(part)
            body.add(part)

    def line(self):
        while b"\r\n" not in self.buf:
            self.more()
        line, _, rest = bytes(self.buf).partition(b"\r\n")
        self.buf = bytearray(rest)
        return line

    def read_body(self, headers):
        body = Body()
        if "100-continue" in headers.get("expect", "").lower():
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while True:
                n = int(self.line().split(b";")[0], 16)
                if not n:
                    break
                self.take(n, body)
                self.line()
            while self.line():
                pass
        else:
            self.take(max(0, int(headers.get("content-length") or 0)), body)
        return body


class Body:
    def __init__(self):
        self.n, self.sha, self.kept = 0, hashlib.sha256(), bytearray()

    def add(self, part):
        self.n += len(part)
        self.sha.update(part)
        if self.n <= BODY_KEEP:
            self.kept += part
        else:
            self.kept = bytearray()

    def json(self, headers):
        if not self.kept:
            return None, b""
        try:
            data = coding.decode(bytes(self.kept), headers.get("content-encoding"))
        except Exception as e:	# whatever a decoder says of a client's mistake
            return {"undecodable": str(e)}, b""
        try:
            return json.loads(data), data
        except (ValueError, RecursionError):
            return None, data


class Answer:
    """Writes one response as its scenario wants it, and knows what went out."""

    def __init__(self, conn, sc, http10, entry):
        self.c, self.sc, self.http10 = conn, sc, http10 or "http10" in sc
        self.resp = entry["resp"]
        self.seed = entry["no"]
        self.coder, self.coding_header = None, None
        self.held = bytearray()
        self.framing = sc.get("framing") or "chunked"
        if self.http10 and self.framing == "chunked":
            self.framing = "close"
        self.body = 0

    def out(self, data):
        how = self.sc.get("writes", "chunk")
        if how == "merge":
            self.held += data
            return
        for w in cuts.writes(data, how, self.seed):
            self.limit(len(w))
            self.c.send(w)

    def limit(self, n):
        """cut_bytes=N: the body's wire bytes end there, wherever that is."""
        left = self.sc.num("cut_bytes", 0)
        if left and self.resp.get("head_sent") and self.c.bytes_out - self.resp["head_sent"] + n > left:
            self.hang_up("cut_bytes")

    def hang_up(self, why):
        how = self.sc.get("how", "close")
        self.resp.update(complete=False, cut=how)
        if how == "rst":
            self.c.reset()
        if how == "hang":
            self.c.server.stopping.wait(30)
        raise Gone(why)

    def head(self, status, headers, length=None):
        if "late" in self.sc:
            self.c.server.stopping.wait(self.sc.num("late", 0.0))
        info = self.sc.num("info", 0)
        if info:
            self.c.send(f"HTTP/1.1 {info} Early\r\nX-Early: yes\r\n\r\n".encode())
        lines = [f"HTTP/1.{0 if self.http10 else 1} {status} {'OK' if status < 300 else 'No'}"]
        lines += [f"{k}: {v}" for k, v in headers]
        lines += [f"X-Pad-{i}: {'p' * (i % 40)}" for i in range(self.sc.num("headers", 0))]
        if self.coding_header:
            lines.append(f"Content-Encoding: {self.coding_header}")
        if self.framing == "length":
            lines.append(f"Content-Length: {length}")
            if "conflict" in self.sc:
                lines.append(f"Content-Length: {length + 7}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            if "trailers" in self.sc:
                lines.append("Trailer: X-Digest, X-Note")
            if "conflict" in self.sc:
                lines.append("Content-Length: 5")
        if self.framing == "close" or self.http10:
            lines.append("Connection: close")
        self.resp["status"] = status
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self.resp["first_ts"] = now()
        self.out(data)
        if "head_sent" not in self.resp:
            self.resp["head_sent"] = self.c.bytes_out

    def start_coding(self, accept):
        want = self.sc.get("coding")
        if want == "accept":
            offered = [w.split(";")[0].strip() for w in accept.split(",")]
            want = next((w for w in ("zstd", "br", "gzip", "deflate") if w in offered), None)
        self.coder, self.coding_header = coding.encoder(want)
        self.resp["coding"] = self.coding_header

    def event(self, data):
        """Some plain bytes of the body: coded, chunked, cut, sent."""
        if "crlf" in self.sc and self.resp.get("sse"):
            data = data.replace(b"\n", b"\r\n")
        self.body += len(data)
        if self.coder:
            data = self.coder.event(data)
        if "first_event_ts" not in self.resp:
            self.resp["first_event_ts"] = now()
        self.framed(data)

    def framed(self, data):
        how = self.sc.get("chunks", "event")
        if self.framing != "chunked":
            for part in cuts.chunks(data, how, self.seed):
                self.out(part)
            return
        for part in cuts.chunks(data, how, self.seed):
            ext = ";x=1" if how == "odd" else ""
            self.out(b"%x%s\r\n%s\r\n" % (len(part), ext.encode(), part))

    def end(self):
        if self.coder:
            last = self.coder.end()
            if last:
                self.framed(last)
        if self.framing == "chunked":
            trailers = b"X-Digest: none\r\nX-Note: trailer\r\n" if "trailers" in self.sc else b""
            self.out(b"0\r\n" + trailers + b"\r\n")
        if self.held:
            self.c.send(bytes(self.held))
        self.resp.update(last_ts=now(), complete=True, body_len=self.body)


class Server:
    connection = Connection

    def __init__(self, directory, log):
        self.dir, self.log = directory, Log(log)
        self.pki = pki.Pki(os.path.join(directory, "pki"))
        self.stopping = threading.Event()
        self.count = 0
        self.lock = threading.Lock()
        self.listeners = {
            "tls": self.listen(self.pki.listener_context()),
            "tls12": self.listen(self.pki.listener_context(ssl.TLSVersion.TLSv1_2)),
            "h2": self.listen(self.pki.listener_context(alpn=("h2", "http/1.1"))),
            "http": self.listen(None),
        }

    def listen(self, context):
        s = socket.create_server(("127.0.0.1", 0), backlog=1024)
        threading.Thread(target=self.accept, args=(s, context), daemon=True).start()
        return s.getsockname()[1]

    def accept(self, listener, context):
        while True:
            raw, peer = listener.accept()
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.count += 1
                no = self.count
            threading.Thread(target=self.serve, args=(raw, peer, context, no), daemon=True).start()

    def serve(self, raw, peer, context, no):
        c = self.connection(self, raw, peer, context is not None, no)
        why = "end"
        try:
            if context:
                raw.settimeout(60)
                c.sock = context.wrap_socket(raw, server_side=True)
                c.sock.settimeout(None)
                c.info = {"tls": c.sock.version(), "cipher": c.sock.cipher()[0],
                          "sni": getattr(c.sock, "asked_name", None)}
                if c.sock.selected_alpn_protocol():
                    c.info["alpn"] = c.sock.selected_alpn_protocol()
            while self.exchange(c):
                pass
        except Gone as e:
            why = str(e)
        except (OSError, ValueError) as e:
            why = f"{type(e).__name__}: {e}"
        self.hang_up(c)
        self.log.put(kind="connection", conn=no, peer_port=c.peer_port, port=c.port, bytes_in=c.bytes_in,
                     bytes_out=c.bytes_out, since=c.since, sends=c.sends, why=why, **c.info)

    @staticmethod
    def hang_up(c):
        try:
            if c.tls and c.sock.fileno() >= 0:
                c.sock.settimeout(2)
                c.sock.unwrap()
        except (OSError, ValueError, AttributeError):
            pass
        c.sock.close()

    def exchange(self, c):
        """One request and its answer; False when the connection is to end."""
        head = c.read_head()
        if head is None:
            return False
        head_len, method, target, version, headers = head
        if method == "PRI" and version == "HTTP/2.0":
            return self.http2(c)
        if "h2c" in headers.get("upgrade", "") and not c.tls:
            return self.http2(c, method, target, headers)
        entry = {"kind": "exchange", "conn": c.no, "peer_port": c.peer_port, "port": c.port, "secure": c.tls, **c.info,
                 "method": method, "target": target, "version": version,
                 "headers": {k: v for k, v in headers.items() if k not in SECRET}, "resp": {}}
        with self.lock:
            self.count += 1
            entry["no"] = self.count
        body = c.read_body(headers)
        parsed, _ = body.json(headers)
        entry["req"] = {"head_len": head_len, "body_len": body.n, "sha256": body.sha.hexdigest(),
                        "first_ts": c.first_in, "last_ts": now(), "json": slim(parsed)}
        c.first_in = now()	# of the next one, when it is already here
        try:
            return self.answer(c, entry, parsed if isinstance(parsed, dict) else {}, headers)
        finally:
            entry["resp"].setdefault("complete", False)
            self.log.put(**entry)

    def http2(self, c, method=None, target=None, headers=None):
        """The rest of the connection is HTTP/2; its preface was read, or this request asks for it."""
        import h2serve	# another package is needed for it
        conn = h2serve.Http2(c, self.stream_exchange, Gone)
        if method is None:
            conn.begin()
            conn.serve(h2serve.PREFACE + bytes(c.buf[len(h2serve.PREFACE_REST):]))
            return False
        body = c.read_body(headers)
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        conn.begin(headers.get("http2-settings", "").encode())
        conn.adopt(method, target, headers, body)
        conn.serve(bytes(c.buf))
        return False

    def stream_exchange(self, s):
        """One stream: a request that has been read, and its answer."""
        c = s.conn.c
        entry = {"kind": "exchange", "conn": c.no, "peer_port": c.peer_port, "port": c.port, "secure": c.tls, **c.info,
                 "method": s.pseudo[":method"], "target": s.pseudo[":path"], "version": "HTTP/2", "stream": s.no,
                 "headers": {k: v for k, v in s.headers.items() if k not in SECRET}, "resp": {}}
        with self.lock:
            self.count += 1
            entry["no"] = self.count
        body = Body()
        body.n, body.sha, body.kept = s.n, s.sha, s.kept
        parsed, _ = body.json(s.headers)
        entry["req"] = {"head_len": 0, "body_len": body.n, "sha256": body.sha.hexdigest(), "first_ts": now(),
                        "last_ts": now(), "json": slim(parsed)}
        try:
            self.answer(s, entry, parsed if isinstance(parsed, dict) else {}, s.headers)
        except Gone as e:
            entry["resp"]["why"] = str(e)
        except Exception as e:	# the client reset the stream, or left
            entry["resp"]["why"] = f"{type(e).__name__}: {e}"
        finally:
            entry["resp"].setdefault("complete", False)
            self.log.put(**entry)

    @staticmethod
    def scenario(headers, body):
        return answers.Scenario.parse(headers.get("x-scenario") or (body.get("metadata") or {}).get("scenario"))

    def answering(self, c, sc, entry):
        make = Answer
        if entry["version"] == "HTTP/2":
            import h2serve
            make = h2serve.answer_class(Answer, cuts)
        return make(c, sc, entry["version"] == "HTTP/1.0", entry)

    def answer(self, c, entry, body, headers):
        sc = self.scenario(headers, body)
        entry["scenario"] = dict(sc)
        path = entry["target"].split("?")[0]
        if entry["target"].startswith("http://"):
            path = "/" + entry["target"].split("/", 3)[-1].split("?")[0]
        api = entry["api"] = answers.api_of(entry["method"], path)
        a = self.answering(c, sc, entry)
        if "garbage" in sc:
            c.send(random.Random(entry["no"]).randbytes(sc.num("garbage", 0) or 4096))
            return False
        if "bomb" in sc:
            self.bomb(a, sc)
        elif "deep" in sc:
            self.deep(a, sc)
        elif api is None:
            self.other(a, entry, path)
        else:
            self.model(a, api, body, sc, headers, entry)
        return a.framing != "close" and not a.http10 and headers.get("connection", "").lower() != "close"

    def model(self, a, api, body, sc, headers, entry):
        whole, events, error = answers.APIS[api]
        status = sc.num("status", 0)
        if "fail_first" in sc:
            retry = int(headers.get("x-stainless-retry-count") or 0)
            status = (status or 429) if retry < sc.num("fail_first", 0) else 0
        if status:
            self.refuse(a, error(status, sc), status, sc)
            return
        f = entry["facts"] = answers.facts(api, body, sc)
        if body.get("stream") and events and "as_json" not in sc:
            self.stream(a, api, events, f, body, sc, headers)
        else:
            self.whole(a, whole(f, body, sc), sc, headers)

    def refuse(self, a, body, status, sc):
        data = answers.dumps(body).encode()
        if "plain_error" in sc:
            data = b"<html>upstream said no</html>"
        a.framing = sc.get("framing") or "length"
        heads = [("Content-Type", "text/html" if "plain_error" in sc else "application/json"),
                 ("x-request-id", answers.unique("req_"))]
        if "retry_after" in sc:
            heads.append(("Retry-After", sc["retry_after"]))
        a.resp["error"] = body.get("error")
        a.head(status, heads, len(data))
        a.event(data)
        a.end()

    def whole(self, a, obj, sc, headers):
        data = json.dumps(obj, ensure_ascii=False, indent=1 if sc.get("pretty") else None).encode()
        if "badutf8" in sc:
            data = data.replace("ü".encode(), b"\xff\xfe\xc3")
        a.start_coding(headers.get("accept-encoding", ""))
        a.framing = sc.get("framing") or ("chunked" if a.coder else "length")
        if a.http10 and a.framing == "chunked":
            a.framing = "close"
        a.head(200, [("Content-Type", "application/json"), ("x-request-id", answers.unique("req_"))], len(data))
        if not a.coder and a.framing == "length" and "cut_bytes" not in sc and len(data) > 1 << 20:
            a.resp["first_event_ts"] = now()
            a.body = len(data)
            a.out(data)
        else:
            step = 64 << 10
            for i in range(0, len(data), step):
                a.event(data[i:i + step])
        a.end()

    def stream(self, a, api, events, f, body, sc, headers):
        a.start_coding(headers.get("accept-encoding", ""))
        a.resp["sse"] = True
        a.framing = sc.get("framing") or a.framing
        blocks = list(events(f, body, sc))
        if "badutf8" in sc:
            blocks = [b.replace("ü".encode(), b"\xff\xfe\xc3") for b in blocks]
        total = sum(map(len, blocks)) + (sum(b.count(b"\n") for b in blocks) if "crlf" in sc else 0)
        a.head(200, [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache"),
                     ("x-request-id", answers.unique("req_"))], total)
        error_at, cut_at = sc.num("error_at", -1), sc.num("cut_at", -1)
        self.wait(sc.num("first", 0.0))
        if sc.get("chunks") == "whole":
            blocks = [b"".join(blocks)]
        for k, block in enumerate(blocks):
            if k == cut_at:
                a.resp["events"] = k
                a.hang_up("cut_at")
            if k == error_at:
                block, a.resp["error_type"] = answers.mid_stream_error(api)
                a.event(block)
                a.resp["events"] = k
                break
            if "comments" in sc:
                block = b": keep-alive\n\n" + block
            a.event(block)
            a.resp["events"] = k + 1
            self.wait(sc.num("delay", 0.0))
        a.end()

    def wait(self, seconds):
        if seconds and self.stopping.wait(seconds):
            raise Gone("the server ends")

    @staticmethod
    def bomb(a, sc):
        a.coding_header = "gzip"
        a.framing = "chunked"
        a.head(200, [("Content-Type", "application/json")])
        for part in coding.bomb(sc.num("bomb", 1 << 30)):
            a.framed(part)
        a.end()

    @staticmethod
    def deep(a, sc):
        n = sc.num("deep", 100000)
        data = (b'{"id":"chatcmpl-deep","object":"chat.completion","model":"deep-answer","x":' + b"[" * n + b"]" * n +
                b',"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"after"}}]}')
        a.framing = "length"
        a.head(200, [("Content-Type", "application/json")], len(data))
        a.event(data)
        a.end()

    @staticmethod
    def other(a, entry, path):
        """Not a model's path: health, lists, uploads, side traffic."""
        a.framing = "length"
        if path.endswith("/nothing"):
            a.c.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            a.resp.update(status=204, complete=True)
            return
        if path.startswith("/bytes/"):
            size = int(path.rsplit("/", 1)[1])
            block = random.Random(size).randbytes(1 << 16)
            data = block[:size]
        else:
            data = answers.dumps({"path": path, "received": entry["req"]["body_len"]}).encode()
            size = len(data)
        a.head(200, [("Content-Type", "application/octet-stream" if path.startswith("/bytes/") else "application/json")],
               size)
        while size > 0 and entry["method"] != "HEAD":
            a.c.send(data[:size])
            size -= len(data)
        if entry["version"] == "HTTP/2":
            a.end()
        a.resp["complete"] = True


def slim(v):
    """The request's JSON for the log; what is very long by its length."""
    if isinstance(v, str) and len(v) > 20000:
        return {"__long__": len(v), "sha256": hashlib.sha256(v.encode("utf-8", "surrogatepass")).hexdigest()}
    if isinstance(v, dict):
        return {k: slim(x) for k, x in v.items()}
    if isinstance(v, list):
        return [slim(x) for x in v[:2000]]
    return v


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--dir", required=True)
    p.add_argument("--log")
    p.add_argument("--until-eof", action="store_true", help="end when standard input does")
    o = p.parse_args()
    os.makedirs(o.dir, exist_ok=True)
    threading.stack_size(1 << 20)
    s = Server(o.dir, o.log or os.path.join(o.dir, "server.log"))
    signal.signal(signal.SIGTERM, lambda *_: s.stopping.set())
    ready = os.path.join(o.dir, "ready.json")
    with open(ready + ".new", "w") as f:
        json.dump({"ca": s.pki.ca, "pid": os.getpid(), **s.listeners}, f)
    os.rename(ready + ".new", ready)
    if o.until_eof:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), s.stopping.set()), daemon=True).start()
    s.stopping.wait()


if __name__ == "__main__":
    main()
