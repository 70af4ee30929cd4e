#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The providers' end of the agents' conversations: the live tests' model server with what real agents need besides.

    fakeserver.py --dir DIR

Listens on 127.0.0.1: TLS on 443 (a certificate for each name asked for, ALPN h2 and http/1.1), plain HTTP on 80 and
DNS on 53 that gives every name to itself. Besides what modelserver.py speaks: HTTP/2, OpenAI responses over
WebSocket, Gemini's streamGenerateContent, and a small answer to everything else that agents ask for.
What really passed is in DIR/conn-N.in and DIR/conn-N.out (plaintext as the client sent and received it) and in
the log. A file DIR/refuse-websocket makes the server refuse upgrades.
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import sys
import threading

import h2.config
import h2.connection
import h2.events

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))
import answers  # noqa: E402
import modelserver  # noqa: E402
import pki  # noqa: E402

WS_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"	# RFC 6455 section 1.3
GONE = modelserver.Gone


class Connection(modelserver.Connection):
    """Keeps every byte: what the tests compare with."""

    def __init__(self, server, raw, peer, tls, no):
        super().__init__(server, raw, peer, tls, no)
        stem = os.path.join(server.dir, f"conn-{no}")
        self.kept_in, self.kept_out = open(stem + ".in", "wb", 0), open(stem + ".out", "wb", 0)

    def recv(self):
        data = super().recv()
        self.kept_in.write(data)
        return data

    def send(self, data):
        self.kept_out.write(data)
        super().send(data)

    def close_files(self):
        self.kept_in.close()
        self.kept_out.close()


# ---------------------------------------------------------------- HTTP/2


class H2Answer(modelserver.Answer):
    """An answer on one stream of an HTTP/2 connection."""

    def __init__(self, stream, sc, entry):
        super().__init__(stream, sc, False, entry)
        self.stream = stream

    def head(self, status, headers, length=None):
        self.resp.update(status=status, first_ts=modelserver.now(), head_sent=self.c.bytes_out)
        more = [("content-encoding", self.coding_header)] if self.coding_header else []
        self.stream.send_head([(":status", str(status))] + [(k.lower(), v) for k, v in headers] + more)

    def framed(self, data):
        self.stream.send_data(data)

    def out(self, data):
        self.stream.send_data(data)

    def end(self):
        if self.coder:
            self.framed(self.coder.end())
        self.stream.send_data(b"", end=True)
        self.resp.update(last_ts=modelserver.now(), complete=True, body_len=self.body)


class H2Stream:
    """Stands where a connection stands for HTTP/1: what one request and its answer need."""

    def __init__(self, conn, number, headers):
        self.conn, self.number, self.body = conn, number, modelserver.Body()
        fields = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in headers]
        self.pseudo = {k: v for k, v in fields if k.startswith(":")}
        self.headers = {k: v for k, v in fields if not k.startswith(":")}
        self.c, self.server = conn.c, conn.c.server

    @property
    def bytes_out(self):
        return self.c.bytes_out

    def send_head(self, headers):
        self.conn.h2.send_headers(self.number, headers)
        self.conn.flush()

    def send_data(self, data, end=False):
        while data:
            room = min(self.conn.h2.local_flow_control_window(self.number), self.conn.h2.max_outbound_frame_size)
            if not room:
                self.conn.read()
                continue
            self.conn.h2.send_data(self.number, data[:room])
            data = data[room:]
            self.conn.flush()
        if end:
            self.conn.h2.end_stream(self.number)
            self.conn.flush()


class H2Connection:
    def __init__(self, c):
        self.c = c
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        self.streams, self.whole = {}, []

    def flush(self):
        self.c.send(self.h2.data_to_send())

    def read(self):
        data = self.c.recv()
        if not data:
            raise GONE("eof")
        for e in self.h2.receive_data(data):
            self.take(e)
        self.flush()

    def take(self, e):
        if isinstance(e, h2.events.RequestReceived):
            self.streams[e.stream_id] = H2Stream(self, e.stream_id, e.headers)
        elif isinstance(e, h2.events.DataReceived):
            self.streams[e.stream_id].body.add(e.data)
            self.h2.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
        elif isinstance(e, h2.events.StreamEnded):
            self.whole.append(self.streams.pop(e.stream_id))
        elif isinstance(e, h2.events.ConnectionTerminated):
            raise GONE("goaway")

    def serve(self):
        self.h2.initiate_connection()
        self.flush()
        while True:
            while not self.whole:
                self.read()
            self.exchange(self.whole.pop(0))

    def exchange(self, s):
        entry = {"version": "HTTP/2", "method": s.pseudo[":method"], "target": s.pseudo[":path"],
                 "stream": s.number, "headers": {**s.headers, "host": s.pseudo.get(":authority")}}
        self.c.server.one(self.c, s, entry, s.body, s.headers)


# ---------------------------------------------------------------- WebSocket


class WebSocket:
    def __init__(self, c):
        self.c, self.parts = c, b""

    def take(self, n):
        while len(self.c.buf) < n:
            self.c.more()
        data = bytes(self.c.buf[:n])
        del self.c.buf[:n]
        return data

    def frame(self):
        first, second = self.take(2)
        n = second & 127
        if n > 125:
            n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
        mask = self.take(4) if second & 128 else b"\0\0\0\0"
        data = self.take(n)
        key = (mask * (n // 4 + 1))[:n]
        data = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big")
        return first & 128, first & 15, data

    def message(self):
        """The next whole text or binary message, or None when the client closes."""
        while True:
            fin, op, data = self.frame()
            if op == 8:
                self.send(data[:2], 8)
                return None
            if op == 9:
                self.send(data, 10)
            elif op != 10:
                self.parts += data
                if fin:
                    whole, self.parts = self.parts, b""
                    return whole

    def send(self, data, op=1):
        n = len(data)
        head = struct.pack(">BB", 128 | op, n) if n < 126 else struct.pack(">BBH", 128 | op, 126, n) \
            if n < 65536 else struct.pack(">BBQ", 128 | op, 127, n)
        self.c.send(head + data)


# ---------------------------------------------------------------- Gemini


def gemini_facts(body, model):
    f = answers.facts("chat", {**body, "model": model}, answers.Scenario({"tools": "0"}))
    f.update(api="gemini", model=model)
    f["choices"][0]["finish"] = "STOP"
    return f


def gemini_events(f):
    u, text = f["usage"], f["choices"][0]["text"]
    usage = {"promptTokenCount": u["input"], "candidatesTokenCount": u["output"],
             "totalTokenCount": u["input"] + u["output"]}
    parts = answers.pieces(text, 9)
    for i, p in enumerate(parts):
        last = i == len(parts) - 1
        candidate = {"content": {"parts": [{"text": p}], "role": "model"}, "index": 0}
        if last:
            candidate["finishReason"] = "STOP"
        yield {"candidates": [candidate], "modelVersion": f["model"], "responseId": f["id"],
               **({"usageMetadata": usage} if last else {})}


# ---------------------------------------------------------------- the server


class Server(modelserver.Server):
    connection = Connection

    def __init__(self, directory):
        self.dir, self.log = directory, modelserver.Log(os.path.join(directory, "server.log"))
        self.pki = pki.Pki(os.path.join(directory, "pki"))
        self.stopping = threading.Event()
        self.count = 0
        self.lock = threading.Lock()
        self.listen_at(443, self.pki.listener_context(alpn=("h2", "http/1.1")))
        self.listen_at(80, None)
        threading.Thread(target=self.dns, daemon=True).start()

    def listen_at(self, port, context):
        s = socket.create_server(("127.0.0.1", port), backlog=256)
        threading.Thread(target=self.accept, args=(s, context), daemon=True).start()

    @staticmethod
    def dns():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 53))
        while True:
            q, peer = s.recvfrom(4096)
            end = 12
            while end < len(q) and q[end]:
                end += q[end] + 1
            question = q[12:end + 5]
            address = question[-4:-2] == b"\0\1"	# A; of other kinds there are none
            head = q[:2] + b"\x81\x80\0\1" + (b"\0\1" if address else b"\0\0") + b"\0\0\0\0"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if address else b""
            s.sendto(head + question + record, peer)

    @staticmethod
    def scenario(headers, body):
        """Agents offer tools with every request; the answer is a text unless the caller says otherwise."""
        sc = modelserver.Server.scenario(headers, body)
        sc.setdefault("tools", "0")
        return sc

    def answering(self, c, sc, entry):
        return H2Answer(c, sc, entry) if isinstance(c, H2Stream) else super().answering(c, sc, entry)

    def exchange(self, c):
        if c.tls and c.sock.selected_alpn_protocol() == "h2":
            return H2Connection(c).serve()
        head = c.read_head()
        if head is None:
            return False
        head_len, method, target, version, headers = head
        entry = {"version": version, "method": method, "target": target, "head_len": head_len, "headers": dict(headers)}
        return self.one(c, c, entry, c.read_body(headers), headers)

    def one(self, c, side, entry, body, headers):
        """A whole request of either HTTP; side answers it."""
        with self.lock:
            self.count += 1
            entry["no"] = self.count
        parsed, _ = body.json(headers)
        entry.update(kind="exchange", conn=c.no, peer_port=c.peer_port, port=c.port, secure=c.tls, resp={}, **c.info,
                     req={"body_len": body.n, "sha256": body.sha.hexdigest(), "json": modelserver.slim(parsed),
                          "first_ts": c.first_in, "last_ts": modelserver.now()})
        entry["headers"] = {k: v for k, v in entry["headers"].items() if k not in modelserver.SECRET}
        c.first_in = modelserver.now()
        try:
            return self.answer(side, entry, parsed if isinstance(parsed, dict) else {}, headers)
        finally:
            entry["out_end"] = c.bytes_out
            self.log.put(**entry)

    def answer(self, c, entry, body, headers):
        path = entry["target"].split("?")[0]
        if headers.get("upgrade", "").lower() == "websocket":
            return self.websocket(c, entry, headers, path)
        if path.endswith(":streamGenerateContent"):
            return self.gemini(c, entry, body, path)
        return super().answer(c, entry, body, headers)

    def gemini(self, c, entry, body, path):
        model = path.rsplit("/", 1)[1].split(":")[0]
        f = gemini_facts(body, model)
        entry.update(api="gemini", facts=f)
        a = self.answering(c, answers.Scenario(), entry)
        a.head(200, [("Content-Type", "text/event-stream")])
        for e in gemini_events(f):
            a.event(answers.sse(e))
        a.end()
        return True

    def other(self, a, entry, path):
        """Settings, telemetry, updates: agents go on without them."""
        data = b"{}"
        if path.startswith("/bytes/"):
            data = bytes(range(256)) * (int(path.rsplit("/", 1)[1]) // 256)
        a.framing = "length"
        a.head(200, [("Content-Type", "application/json")], len(data))
        if entry["method"] != "HEAD":
            a.event(data)
        a.end()

    # ---- WebSocket

    def websocket(self, c, entry, headers, path):
        if os.path.exists(os.path.join(self.dir, "refuse-websocket")):
            a = self.answering(c, answers.Scenario(), entry)
            a.framing = "length"
            a.head(404, [("Content-Type", "text/plain")], 0)
            a.end()
            return True
        digest = hashlib.sha1((headers["sec-websocket-key"] + WS_GUID).encode()).digest()
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
        entry["resp"].update(status=101, complete=True)
        ws = WebSocket(c)
        while True:
            data = ws.message()
            if data is None:
                return False
            self.log.put(kind="message", conn=c.no, len=len(data), sha256=hashlib.sha256(data).hexdigest(),
                         sni=c.info.get("sni"), req={"first_ts": modelserver.now()})
            if path.endswith("/responses"):
                self.respond(c, ws, json.loads(data), entry)
            else:
                ws.send(data)		# an echo for scripts

    def respond(self, c, ws, message, upgrade):
        if message.get("type") != "response.create":
            return
        sc = answers.Scenario({"tools": "0"})
        f = answers.facts("responses", message, sc)
        warm_up = message.get("generate") is False
        with self.lock:
            self.count += 1
            entry = {"kind": "exchange", "no": self.count, "conn": c.no, "api": "responses", "websocket": True,
                     "warm_up": warm_up, "facts": f, "secure": c.tls, **c.info, "target": upgrade["target"],
                     "headers": upgrade["headers"], "req": {"json": modelserver.slim(message),
                                                            "first_ts": modelserver.now()},
                     "resp": {"status": 101, "complete": True}}
        if warm_up:
            f["choices"][0]["text"] = None
        for event in answers.responses_events(f, message, sc):
            line = next(x for x in event.split(b"\n") if x.startswith(b"data: "))
            ws.send(line[6:])
        self.log.put(**entry, out_end=c.bytes_out)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--dir", required=True)
    p.add_argument("--make-ca", action="store_true", help="only make the test CA")
    o = p.parse_args()
    if o.make_ca:
        pki.Pki(os.path.join(o.dir, "pki"))
        return
    threading.stack_size(1 << 20)
    s = Server(os.path.realpath(o.dir))
    signal.signal(signal.SIGTERM, lambda *_: s.stopping.set())
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), s.stopping.set()), daemon=True).start()
    pathlib.Path(o.dir, "ready").write_text(str(os.getpid()))
    s.stopping.wait()


if __name__ == "__main__":
    main()
