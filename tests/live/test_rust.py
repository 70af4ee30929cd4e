# SPDX-License-Identifier: Apache-2.0
"""Rust programs: reqwest on rustls, by both of its cryptography providers, and on OpenSSL, against the server's log."""

import os

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(180)

SOURCES = {"ring": "rustls", "aws-lc": "rustls", "native-tls": "openssl"}


def client(feature):
    path = bed.CACHE / "rust" / f"client-{feature}"
    if not os.access(path, os.X_OK):
        pytest.skip("scripts/setup-tests found no cargo 1.85 to build Rust programs with")
    return str(path)


def check(run, seen, source):
    bed.check_all(run, seen, content=True, unbound_max=0)
    for call in run.calls:
        assert call["onlooker.capture.source"] == source
        assert call["onlooker.capture.joined"] is None and call["onlooker.capture.complete"] is None
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == books["opaque"] == 0


@pytest.mark.parametrize("how", ["one by one", "parallel"])
@pytest.mark.parametrize("feature", SOURCES)
def test_calls(observe, tmp_path, feature, how):
    todo = [calls.chat(stream=i % 2 == 1, scenario="chunks=odd" if i % 3 else "") for i in range(10)]
    todo += [calls.messages(stream=True), calls.responses(stream=True), calls.embeddings()]
    # Larger than a record, and answers of many.
    todo += [calls.chat(messages=[{"role": "user", "content": "ä☀" * 8000}], scenario="size=200000")]
    run, seen = observe([client(feature), calls.write(tmp_path / "calls.json", todo), how], "--verbose", count=len(todo),
                        content=True)
    check(run, seen, SOURCES[feature])


def test_moved(observe, tmp_path):
    """One connection whose object is somewhere else in memory for each call: still one conversation."""
    todo = [calls.chat(stream=i % 2 == 1, scenario="framing=length") for i in range(12)]
    run, seen = observe([client("ring"), calls.write(tmp_path / "calls.json", todo), "move"], "--verbose", count=len(todo),
                        content=True)
    assert len({e["conn"] for e in seen}) == 1
    check(run, seen, "rustls")
