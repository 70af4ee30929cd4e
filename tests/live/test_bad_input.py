# SPDX-License-Identifier: Apache-2.0
"""Hostile input: a marked span or none, bounded memory, no crash."""

import json
import os

import pytest

import bed

pytestmark = pytest.mark.timeout(120)

RAW = str(bed.CLIENTS / "raw.py")


def raw(observe, *args, kind="tls", content=True, **kw):
    return observe([bed.PYTHON, RAW, *map(str, args)], "--verbose", kind=kind, content=content, **kw)


def models(run):
    return {s["gen_ai.request.model"] for s in run.calls}


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_four_mebibytes_in_one_write(observe, kind):
    run, seen = raw(observe, "big", "big", 4 << 20, kind=kind, count=1)
    span = run.call("big")
    e = seen[0]
    assert e["req"]["body_len"] > 4 << 20
    assert span["gen_ai.request.temperature"] == 0.5
    assert "onlooker.capture.complete" not in span.attrs, span.attrs.keys()
    assert json.loads(span["gen_ai.input.messages"])[0]["parts"][0]["content"] == "ü" * (2 << 20)
    assert span["gen_ai.response.id"] == e["facts"]["id"]
    assert run.books()["lost"] == 0


def test_four_mebibytes_of_answer(observe, server, tmp_path):
    body = '{"model":"big-answer","messages":[]%s}'
    cmd = "".join(f"curl -sS -o /dev/null -H 'X-Scenario: size=4194304' -d '{body % extra}' "
                  f"{server.url()}/v1/chat/completions\n" for extra in ("", ',"stream":true'))
    run, seen = observe(["sh", "-c", cmd], content=True, count=2)
    assert len(run.calls) == 2
    for s in run.calls:
        e = [e for e in seen if e["facts"]["id"] == s["gen_ai.response.id"]][0]
        text = json.loads(s["gen_ai.output.messages"])[0]["parts"][0]["content"]
        assert text == e["facts"]["choices"][0]["text"] and len(text) == 4194304
        assert "onlooker.capture.complete" not in s.attrs


def test_gigabyte_upload_in_bounded_memory(server, bench):
    """1 GB over plain HTTP: what stands before the cut is reported, the middle is counted, memory stays flat."""
    file = bench.file()
    p = bench.start("run", "--file", file, "--verbose", "--", bed.PYTHON, RAW, "upload", "gigabyte", 1 << 30,
                    env=server.env("http"), stderr=open(bench.path("err"), "wb"))
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    err = open(bench.path("err"), encoding="utf-8").read()
    assert p.returncode == 0, err
    assert usage.ru_maxrss < 300 * 1024, f"{usage.ru_maxrss} KiB resident"
    run = bed.Run(0, "", err, open(file, encoding="utf-8").read(), file)
    span = run.call("gigabyte")
    assert span["onlooker.capture.complete"] is False
    kept_from = (span["onlooker.capture.cut_bytes"] or 0) + (span["onlooker.capture.lost_bytes"] or 0)
    assert kept_from > (1 << 30) - (64 << 20), span
    books = run.books()
    assert books["seen"] > 1 << 30


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_gzip_bomb(server, bench, kind):
    file = bench.file()
    p = bench.start("run", "--file", file, "--verbose", "--", bed.PYTHON, RAW, "bomb", "bomb", 1 << 30,
                    env=server.env(kind), stderr=open(bench.path("err"), "wb"))
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    err = open(bench.path("err"), encoding="utf-8").read()
    assert p.returncode == 0, err
    assert usage.ru_maxrss < 300 * 1024, f"{usage.ru_maxrss} KiB resident"
    run = bed.Run(0, "", err, open(file, encoding="utf-8").read(), file)
    span = run.call("bomb")
    assert span["onlooker.capture.complete"] is False and span["onlooker.capture.error"], span
    run.books()


@pytest.mark.parametrize("kind", ["tls", "http"])
@pytest.mark.parametrize("seed", [1, 2])
def test_garbage(observe, kind, seed):
    run, _ = raw(observe, "garbage", seed, kind=kind)
    for s in run.calls:	# a span of half an exchange is one that says so
        assert s["onlooker.exchange.end"] or s["onlooker.capture.complete"] is False, s
    run.books()


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_half_a_session(observe, kind):
    run, seen = raw(observe, "half", "half", kind=kind, count=1)
    assert "half-after" in models(run)
    for s in run.calls:
        if s["gen_ai.request.model"] != "half-after":
            assert s["onlooker.exchange.end"] == "cut"
    run.books()


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_conflicting_lengths(observe, kind):
    run, _ = raw(observe, "lengths", "len", kind=kind, count=1)
    good = run.call("len-good")
    assert "onlooker.exchange.end" not in good.attrs and good["gen_ai.response.id"]
    run.books()


def test_ten_thousand_headers(observe):
    run, seen = raw(observe, "headers", "many-headers", 10000, count=1)
    bed.check_span(run.call("many-headers"), seen[0], content=True)


def test_deep_json(observe):
    run, seen = raw(observe, "deep", "deep", 100000, count=2)
    assert {"deep", "deep-answer"} <= models(run)
    assert run.call("deep-answer")["http.response.status_code"] == 200
    run.books()


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_nul_and_invalid_utf8_everywhere(observe, kind):
    """The file is read as strict UTF-8 by the fixture; every call has its span."""
    run, seen = raw(observe, "bad_text", "bad", kind=kind, count=7)
    assert len(run.calls) == 7
    for s in run.calls:
        assert s["gen_ai.response.id"]
        for k in bed.CONTENT:
            if s[k] is not None:
                json.loads(s[k])
    ids = {e["facts"]["id"] for e in seen}
    assert {s["gen_ai.response.id"] for s in run.calls} == ids
    # And through the official decoder, which refuses invalid UTF-8.
    import test_otlp
    assert len(test_otlp.official(run.text)) == len(run.spans)
