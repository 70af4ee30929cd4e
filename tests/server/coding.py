# SPDX-License-Identifier: Apache-2.0
"""HTTP content codings, flushed after every event as real servers of streams do."""

import zlib


class Zlib:
    def __init__(self, wbits):
        self.c = zlib.compressobj(6, zlib.DEFLATED, wbits)

    def event(self, data):
        return self.c.compress(data) + self.c.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        return self.c.flush()


class Brotli:
    def __init__(self):
        import brotli
        self.c = brotli.Compressor(quality=5)

    def event(self, data):
        return self.c.process(data) + self.c.flush()

    def end(self):
        return self.c.finish()


class Zstd:
    def __init__(self):
        import zstandard
        self.flush_block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self.c = zstandard.ZstdCompressor().compressobj()

    def event(self, data):
        return self.c.compress(data) + self.c.flush(self.flush_block)

    def end(self):
        return self.c.flush()


class Chain:
    """Several codings, applied in the order of the header."""

    def __init__(self, coders):
        self.coders = coders

    def event(self, data):
        for c in self.coders:
            data = c.event(data)
        return data

    def end(self):
        data = b""
        for c in self.coders:
            data = (c.event(data) if data else b"") + c.end()
        return data


MAKE = {"gzip": lambda: Zlib(31), "deflate": lambda: Zlib(15), "rawdeflate": lambda: Zlib(-15),
        "br": Brotli, "zstd": Zstd}


def encoder(names):
    """names: "gzip" or "gzip+br"; returns (coder or None, header value)."""
    if not names or names == "identity":
        return None, None
    words = names.split("+")
    return Chain([MAKE[w]() for w in words]), ", ".join("deflate" if w == "rawdeflate" else w for w in words)


def decode(data, header):
    """A coded request body, as its Content-Encoding says."""
    for name in reversed([w.strip().lower() for w in (header or "").split(",") if w.strip()]):
        if name == "gzip":
            data = zlib.decompress(data, 47)
        elif name == "deflate":
            data = zlib.decompress(data)
        elif name == "br":
            import brotli
            data = brotli.decompress(data)
        elif name == "zstd":
            import zstandard
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def bomb(n):
    """n bytes of a JSON string, gzipped to about n/1000: one block repeated, so it costs nothing to make."""
    block = 1 << 20
    c = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield c.compress(b'{"id":"chatcmpl-bomb","object":"chat.completion","choices":[{"message":{"content":"')
    yield c.flush(zlib.Z_FULL_FLUSH)
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    unit = raw.compress(b"A" * block) + raw.flush(zlib.Z_FULL_FLUSH)
    for _ in range(n // block):
        yield unit
    # The trailer's checksum is not worth a pass over a gigabyte: the stream ends without one.
