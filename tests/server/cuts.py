# SPDX-License-Identifier: Apache-2.0
"""Where the bytes of an answer are cut: first into HTTP chunks, then into what one send() carries."""

import random


def chop(data, at):
    """Cuts data before each offset of at."""
    out, last = [], 0
    for i in sorted(set(at)):
        if last < i < len(data):
            out.append(data[last:i])
            last = i
    out.append(data[last:])
    return [p for p in out if p]


def odd(data, seed, most=23):
    r = random.Random(seed)
    out, i = [], 0
    while i < len(data):
        n = r.randint(1, most)
        out.append(data[i:i + n])
        i += n
    return out


def chunks(data, how, seed):
    """One event's bytes as HTTP chunks."""
    if how == "one":
        return [data[i:i + 1] for i in range(len(data))]
    if how == "odd":
        return odd(data, seed)
    if how == "utf8":		# inside of every character of more than one byte
        return chop(data, [i for i, b in enumerate(data) if 0x80 <= b < 0xC0])
    if how == "line":		# in the middle of every line, and between CR/LF and LF
        at, start = [], 0
        for line in data.split(b"\n"):
            at += [start + len(line) // 2, start + len(line)]
            start += len(line) + 1
        return chop(data, at)
    return [data] if data else []


def writes(data, how, seed):
    """Framed bytes as separate sends."""
    if how == "one":
        return [data[i:i + 1] for i in range(len(data))]
    if how == "odd":
        return odd(data, seed, 61)
    if how == "size":		# inside the chunk-size line and between its CR and LF
        end = data.find(b"\r\n")
        return chop(data, [1, end, end + 1, end + 2, len(data) - 1])
    return [data]
