#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py ROWS TABLE [--update]: the coverage table of the rows that the tests noted; --update writes docs/coverage.md."""

import json
import pathlib
import platform
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
MARK = "<!-- written by make test-agents UPDATE=1 -->"
TITLES = ("agent", "version", "TLS stack", "found by", "HTTP", "bytes out seen", "bytes in seen", "model calls", "spans")
KEYS = ("agent", "version", "stack", "method", "http", "out", "into", "calls", "spans")


def share(text):
    """"123 of 456" in percent, with the number that passed; whole is whole, never rounded up to it."""
    seen, total = (int(x) for x in text.split(" of "))
    if not total:
        return "–"
    percent = 100 if seen == total else min(99.9, round(100 * seen / total, 1))
    return f"{percent:g} % of {total:,}"


def cell(row, key):
    value = row.get(key)
    return share(value) if key in ("out", "into") else str(value) if value not in (None, "") else "–"


def table(rows):
    lines = ["| " + " | ".join(TITLES) + " |", "|---" * len(TITLES) + "|"]
    lines += ["| " + " | ".join(cell(r, k) for k in KEYS) + " |" for r in rows]
    return "\n".join(lines) + "\n"


def main():
    rows = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    text = table(rows) + f"\nLinux {platform.release()}, {platform.machine()}.\n"
    pathlib.Path(sys.argv[2]).write_text(text)
    if "--update" in sys.argv:
        path = TOP / "docs/coverage.md"
        head = path.read_text().partition(MARK)[0]
        path.write_text(f"{head}{MARK}\n\n{text}")


if __name__ == "__main__":
    main()
