# SPDX-License-Identifier: Apache-2.0
"""Reads a recording (user/feed/recording.c, include/wire.h): the bytes of each stream, and which TLS stacks were found."""

import pathlib
import struct

HDR = struct.Struct("<IBBHIIQQ")	# struct wire_hdr
DATA = struct.Struct("<QQQIIBBHB3x")	# struct wire_data behind it
BIND = struct.Struct("<QQB7x")
FRAME = struct.Struct("<QII")		# in the file: mark, size, crc
KIND_DATA, KIND_END, KIND_BIND, KIND_EXEC, KIND_COVER = 1, 2, 3, 8, 69
HOLE, EOF = 0x01, 0x08
OUT, IN = 0, 1
COVER_WORDS = ("stack", "version", "method", "file", "state", "why")


class Stream:
    def __init__(self, pid, source, lib):
        self.pid, self.source, self.lib = pid, source, lib
        self.bytes = {OUT: bytearray(), IN: bytearray()}
        self.lost = 0

    def add(self, way, off, data, length, hole):
        kept = self.bytes[way]
        assert off >= len(kept), "bytes twice"
        gap = off - len(kept)
        kept += b"\0" * gap + (b"\0" * length if hole else data)
        self.lost += gap + (length if hole else 0)


class Recording:
    def __init__(self, path):
        self.streams, self.coverage = {}, []
        raw = pathlib.Path(path).read_bytes()
        assert raw[:8] == b"onlooker"
        mark, at = struct.unpack_from("<Q", raw, 16)[0], 32
        while at + FRAME.size <= len(raw):
            got, size, _ = FRAME.unpack_from(raw, at)
            assert got == mark, "damaged"
            self.take(memoryview(raw)[at + FRAME.size:at + FRAME.size + size])
            at += FRAME.size + (size + 7) // 8 * 8

    def take(self, record):
        size, kind, _, _, pid, _, _, _ = HDR.unpack_from(record)
        body = record[HDR.size:size]
        if kind == KIND_DATA:
            self.data(pid, body)
        elif kind == KIND_COVER:
            texts = bytes(body[8:]).decode(errors="replace").split("\0")
            self.coverage.append({"pid": pid, **dict(zip(COVER_WORDS, texts))})

    def data(self, pid, body):
        name, _, off, length, _, source, way, lib, flags = DATA.unpack_from(body)
        s = self.streams.setdefault(name, Stream(pid, source, lib))
        if not flags & EOF:
            s.add(way, off, body[DATA.size:], length, flags & HOLE)

    def tls(self):
        return [s for s in self.streams.values() if s.source == 1]
