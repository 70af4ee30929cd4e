#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_h2.py DIR: writes HTTP/2 connections made of the exchanges in tests/golden/wire/http, as
NAME.conn00.c2s and .s2c, with the `h2` package on both sides. The files in tests/golden/wire/h2
whose names begin with openai- were made so; run it again only to add some."""
import sys
import zlib

import h2.config
import h2.connection
import h2.settings

WIRE = "tests/golden/wire/http/"
HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive", "date"}


def dechunk(body):
    out = b""
    while True:
        size, body = body.split(b"\r\n", 1)
        n = int(size.split(b";")[0], 16)
        if not n:
            return out
        out, body = out + body[:n], body[n + 2:]


def message(path):
    head, body = open(path, "rb").read().split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = [tuple(s.strip() for s in line.split(":", 1)) for line in lines]
    if ("transfer-encoding", "chunked") in [(n.lower(), v.lower()) for n, v in headers]:
        body = dechunk(body)
    host = next((v for n, v in headers if n.lower() == "host"), "api.openai.com")
    return first, host, [(n.lower(), v) for n, v in headers if n.lower() not in HOP], body


class Pair:
    def __init__(self, **settings):
        self.client = h2.connection.H2Connection(h2.config.H2Configuration(True, header_encoding="utf-8"))
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(False, header_encoding="utf-8"))
        self.c2s = self.s2c = b""
        if settings:
            self.server.local_settings = h2.settings.Settings(False, settings)
        self.client.initiate_connection()
        self.server.initiate_connection()
        self.flow()

    def flow(self):
        while True:
            out = self.client.data_to_send()
            back = self.server.data_to_send()
            if not out and not back:
                return
            self.c2s += out
            self.s2c += back
            self.server.receive_data(out)
            for event in self.client.receive_data(back):
                if hasattr(event, "flow_controlled_length"):
                    self.client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def ask(self, name):
        first, host, headers, body = message(WIRE + name + ".req")
        method, target, _ = first.split(" ")
        stream = self.client.get_next_available_stream_id()
        self.client.send_headers(stream, [(":method", method), (":scheme", "https"), (":path", target),
                                          (":authority", host), *headers], end_stream=not body)
        if body:
            self.client.send_data(stream, body, end_stream=True)
        self.flow()
        return stream

    def answers(self, stream, name, step, gzip=False):
        first, _, headers, body = message(WIRE + name + ".resp")
        if gzip:
            z = zlib.compressobj(wbits=31)
            body = z.compress(body) + z.flush()
            headers.append(("content-encoding", "gzip"))
        self.server.send_headers(stream, [(":status", first.split(" ")[1]), *headers])
        self.flow()
        for at in range(0, len(body), step):
            self.server.send_data(stream, body[at:at + step], pad_length=at % 3 or None)
            self.flow()
            yield
        self.server.end_stream(stream)
        self.flow()

    def save(self, path):
        self.client.close_connection()
        self.flow()
        open(path + ".conn00.c2s", "wb").write(self.c2s)
        open(path + ".conn00.s2c", "wb").write(self.s2c)


def together(*answers):
    answers = list(answers)
    while answers:
        for a in list(answers):
            if next(a, "over") == "over":
                answers.remove(a)


def main():
    p = Pair()
    for _ in range(2):
        one, two, three = p.ask("openai-chat-stream-tools"), p.ask("openai-embeddings"), p.ask("openai-responses-stream")
        together(p.answers(one, "openai-chat-stream-tools", 97), p.answers(two, "openai-embeddings", 1000),
                 p.answers(three, "openai-responses-stream", 301))
        together(p.answers(p.ask("openai-chat"), "openai-chat", 50, gzip=True))
    p.save(sys.argv[1] + "/openai-interleaved")


main()
