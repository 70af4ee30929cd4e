# SPDX-License-Identifier: Apache-2.0
"""The model server's connections over HTTP/2: the same requests, answers and log."""

import hashlib
import socket
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

PREFACE_REST = b"SM\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\n" + PREFACE_REST
STREAMS = 1100
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"}


class Stream:
    """What modelserver calls a connection, of one stream."""

    def __init__(self, conn, no):
        self.conn, self.no, self.gone = conn, no, False
        self.server, self.tls = conn.c.server, conn.c.tls
        self.headers, self.pseudo = {}, {}
        self.n, self.sha, self.kept = 0, hashlib.sha256(), bytearray()
        self.ended = False

    @property
    def bytes_out(self):
        return self.conn.c.bytes_out

    def send(self, data):
        """A piece of the body, as far as the peer's windows let it go."""
        at = 0
        while at < len(data):
            with self.conn.lock:
                while not self.gone and not self.conn.over and self.window() <= 0:
                    self.conn.moved.wait(1)
                if self.gone or self.conn.over:
                    raise self.conn.gone("stream reset")
                part = bytes(data[at:at + min(self.window(), self.conn.h2.max_outbound_frame_size)])
                self.conn.h2.send_data(self.no, part)
                self.conn.flush()
            at += len(part)

    def window(self):
        return self.conn.h2.local_flow_control_window(self.no)

    def head(self, status, headers, end=False):
        with self.conn.lock:
            if self.gone or self.conn.over:
                raise self.conn.gone("stream reset")
            self.conn.h2.send_headers(self.no, [(":status", str(status)), *headers], end_stream=end)
            self.conn.flush()

    def end(self, trailers):
        with self.conn.lock:
            if self.gone or self.conn.over:
                raise self.conn.gone("stream reset")
            if trailers:
                self.conn.h2.send_headers(self.no, trailers, end_stream=True)
            else:
                self.conn.h2.end_stream(self.no)
            self.conn.flush()

    def reset(self):
        with self.conn.lock:
            if not self.gone and not self.conn.over:
                self.conn.h2.reset_stream(self.no, h2.errors.ErrorCodes.INTERNAL_ERROR)
                self.conn.flush()
            self.gone = True


class Http2:
    """One connection; every request is answered by a thread of its own."""

    def __init__(self, c, answer, gone):
        self.c, self.answer, self.gone = c, answer, gone
        self.lock = threading.RLock()
        self.moved = threading.Condition(self.lock)
        self.over = False
        self.streams, self.threads = {}, []
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.h2.local_settings = h2.settings.Settings(False, {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
                                                              h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})

    def flush(self):
        out = self.h2.data_to_send()
        if out:
            self.c.send(out)

    def begin(self, settings=None):
        with self.lock:
            if settings is None:
                self.h2.initiate_connection()
            else:
                self.h2.initiate_upgrade_connection(settings)
            self.flush()

    def adopt(self, method, target, headers, body):
        """The request that asked for h2c is stream 1."""
        s = self.streams[1] = Stream(self, 1)
        s.pseudo, s.headers = {":method": method, ":path": target}, headers
        s.n, s.sha, s.kept = body.n, body.sha, body.kept
        self.run(s)

    def run(self, s):
        t = threading.Thread(target=self.answer, args=(s,), daemon=True)
        self.threads.append(t)
        t.start()

    def serve(self, data=b""):
        try:
            while True:
                if not data:
                    data = self.c.recv()
                if not data:
                    break
                with self.lock:
                    for event in self.h2.receive_data(data):
                        self.on(event)
                    self.flush()
                    self.moved.notify_all()
                data = b""
        except h2.exceptions.ProtocolError as e:
            with self.lock:
                self.flush()
            raise self.gone(f"protocol error: {e}") from e
        finally:
            with self.lock:
                self.over = True
                self.moved.notify_all()
            for t in self.threads:
                t.join(5)

    def on(self, event):
        s = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            s = self.streams[event.stream_id] = Stream(self, event.stream_id)
            s.pseudo = {k: v for k, v in event.headers if k.startswith(":")}
            s.headers = {k: v for k, v in event.headers if not k.startswith(":")}
            s.headers.setdefault("host", s.pseudo.get(":authority", ""))
        elif isinstance(event, h2.events.DataReceived):
            s.n += len(event.data)
            s.sha.update(event.data)
            s.kept += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            s.ended = True
            self.run(s)
        elif isinstance(event, h2.events.StreamReset) and s:
            s.gone = True


def answer_class(base, cuts):
    """modelserver.Answer, said in frames."""

    class H2Answer(base):
        def head(self, status, headers, length=None):
            if "late" in self.sc:
                self.c.server.stopping.wait(self.sc.num("late", 0.0))
            info = self.sc.num("info", 0)
            if info:
                self.c.head(info, [("x-early", "yes")])
            out = [(k.lower(), v) for k, v in headers]
            out += [(f"x-pad-{i}", "p" * (i % 40)) for i in range(self.sc.num("headers", 0))]
            if self.coding_header:
                out.append(("content-encoding", self.coding_header))
            if length is not None and self.framing == "length":
                out.append(("content-length", str(length)))
            self.resp["status"] = status
            from modelserver import now
            self.resp["first_ts"] = now()
            self.c.head(status, [(k, v) for k, v in out if k not in HOP or k == "content-length"])
            self.resp.setdefault("head_sent", self.c.bytes_out)

        def framed(self, data):
            for part in cuts.chunks(data, self.sc.get("chunks", "event"), self.seed):
                self.limit(len(part))
                self.c.send(part)

        def out(self, data):
            self.c.send(data)

        def hang_up(self, why):
            how = self.sc.get("how", "close")
            self.resp.update(complete=False, cut=how)
            if how == "rst":
                self.c.reset()
            if how == "hang":
                self.c.server.stopping.wait(30)
            if how == "close":
                self.c.conn.c.sock.shutdown(socket.SHUT_RDWR)
            raise self.c.conn.gone(why)

        def end(self):
            if self.coder:
                last = self.coder.end()
                if last:
                    self.framed(last)
            self.c.end([("x-digest", "none"), ("x-note", "trailer")] if "trailers" in self.sc else None)
            from modelserver import now
            self.resp.update(last_ts=now(), complete=True, body_len=self.body)

    return H2Answer
