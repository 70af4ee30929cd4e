# SPDX-License-Identifier: Apache-2.0
"""Answers that go wrong in the middle: what was said before is reported, what was not is not."""

import json

import pytest

import bed
import calls

pytestmark = pytest.mark.timeout(90)

RAW = str(bed.CLIENTS / "raw.py")


def http(observe, tmp_path, todo, library="httpx", **kw):
    path = calls.write(tmp_path / "calls.json", todo)
    return observe([bed.PYTHON, str(bed.CLIENTS / "py_http.py"), path, library], count=len(todo), content=True, **kw)


def text_of(span):
    return "".join(p["content"] for m in json.loads(span["gen_ai.output.messages"]) for p in m["parts"]
                   if p["type"] == "text")


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_error_in_the_middle(observe, tmp_path, kind):
    todo = [make(stream=True, scenario="error_at=9") for make in (calls.chat, calls.responses, calls.messages)]
    run, seen = http(observe, tmp_path, todo, kind=kind)
    assert len(run.calls) == len(seen) == 3
    for e in seen:
        span = run.call(e["req"]["json"]["model"])
        assert span["error.type"] == e["resp"]["error_type"]
        assert span.status["code"] == 2 and "sorry" in span.status["message"]
        assert span["gen_ai.response.id"] == e["facts"]["id"] and span["gen_ai.response.model"] == e["facts"]["model"]
        assert span["gen_ai.response.finish_reasons"] in (["error"], None)
        assert span["gen_ai.usage.output_tokens"] != e["facts"]["usage"]["output"]
        assert e["facts"]["choices"][0]["text"].startswith(text_of(span)) and text_of(span)
        assert span["http.response.status_code"] == 200


@pytest.mark.parametrize("how", ["close", "rst"])
@pytest.mark.parametrize("kind", ["tls", "http"])
def test_cut_stream(observe, tmp_path, kind, how):
    """The server goes away: an incomplete call, with all that came before."""
    todo = [make(stream=True, scenario=f"cut_at=9;how={how};delay=0.005")
            for make in (calls.chat, calls.responses, calls.messages)]
    run, seen = http(observe, tmp_path, todo, kind=kind)
    assert len(run.calls) == len(seen) == 3
    for e in seen:
        span = run.call(e["req"]["json"]["model"])
        assert span["onlooker.exchange.end"] == "cut", span
        assert span["error.type"] == "incomplete" and span.status["code"] == 2
        assert span["gen_ai.response.id"] == e["facts"]["id"]
        assert span["gen_ai.response.finish_reasons"] in (["error"], None)
        assert e["facts"]["choices"][0]["text"].startswith(text_of(span))
        assert span["gen_ai.response.time_to_first_chunk"] > 0


def test_cut_inside_of_a_coding(observe, tmp_path):
    """A compressed answer that ends in its middle gives what could be read up to there."""
    todo = [calls.chat(stream=True, scenario=f"coding={c};cut_at=12;delay=0.002") for c in ("gzip", "deflate")]
    run, seen = http(observe, tmp_path, todo)
    assert len(run.calls) == 2
    for e in seen:
        span = run.call(e["req"]["json"]["model"])
        assert span["gen_ai.response.id"] == e["facts"]["id"] and text_of(span)
        assert span["error.type"] == "incomplete"


def test_cut_inside_of_a_body(observe, tmp_path):
    """An answer that is no stream, cut: the request's half is reported all the same."""
    todo = [calls.chat(temperature=0.5, scenario="size=9000;framing=length;cut_bytes=5000"),
            calls.messages(scenario="size=9000;framing=length;cut_bytes=5000")]
    run, seen = http(observe, tmp_path, todo)
    assert len(run.calls) == 2
    for e in seen:
        span = run.call(e["req"]["json"]["model"])
        assert span["onlooker.exchange.end"] == "cut"
        assert span["gen_ai.response.finish_reasons"] in (["error"], None)
    assert run.call(seen[0]["req"]["json"]["model"])["gen_ai.request.temperature"] == 0.5


def test_failed_response_object(observe, tmp_path):
    run, seen = http(observe, tmp_path, [calls.responses(stream=True, scenario="failed=1")])
    span = run.calls[0]
    assert span["error.type"] == "server_error" and span.status["message"] == "The model failed."
    assert span["gen_ai.response.finish_reasons"] == ["error"]
    assert span["gen_ai.usage.output_tokens"] is None
    assert span["gen_ai.response.id"] == seen[0]["facts"]["id"]


def test_error_without_json(observe, tmp_path):
    """A gateway's page: the status is the only word there is."""
    run, _ = http(observe, tmp_path, [calls.chat(scenario="status=503;plain_error=1"),
                                      calls.messages(stream=True, scenario="status=529;plain_error=1")])
    assert sorted(s["error.type"] for s in run.calls) == ["503", "529"]
    assert all(s.status["code"] == 2 for s in run.calls)


def test_stream_asked_json_answered(observe, tmp_path):
    run, seen = http(observe, tmp_path, [calls.chat(stream=True, usage=False, scenario="as_json=1")])
    span = run.calls[0]
    want = bed.expected(seen[0])
    want.update({k: v for k, v in bed.usage_attributes({**seen[0], "req": {"json": {}}}).items()})
    assert {k: v for k, v in span.attrs.items() if k.startswith(bed.COMPARED) and k not in bed.CONTENT} == want


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_pipelining(observe, kind):
    run, seen = observe([bed.PYTHON, RAW, "pipeline", "pipe-", "5"], kind=kind, count=5)
    bed.check_all(run, seen)
    assert len({e["conn"] for e in seen}) == 1


def test_informational_and_continue(observe, server, tmp_path):
    body = tmp_path / "b.json"
    body.write_text(json.dumps(calls.chat(messages=[{"role": "user", "content": "x" * 2000000}])["body"]))
    run, seen = observe(["curl", "-sS", "-o", "/dev/null", "-H", "Expect: 100-continue", "-H", "X-Scenario: info=103",
                         "--data-binary", f"@{body}", server.url() + "/v1/chat/completions"], count=1)
    bed.check_all(run, seen)


def test_coded_requests(observe, server, tmp_path):
    """Claude Code may gzip its requests, Codex zstd: the same spans."""
    code = """
import gzip, json, os, sys, urllib.request, zlib, brotli, zstandard
for n, (name, f) in enumerate([("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress),
                               ("zstd", zstandard.ZstdCompressor().compress)]):
    body = json.dumps({"model": f"coded-{name}", "temperature": 0.5, "messages": [{"role": "user", "content": "Grüezi" * 999}]})
    r = urllib.request.Request(os.environ["BASE"] + "/v1/chat/completions", f(body.encode()),
                               {"Content-Encoding": name, "Content-Type": "application/json"})
    urllib.request.urlopen(r).read()
"""
    run, seen = observe([bed.PYTHON, "-c", code], count=4, content=True)
    bed.check_all(run, seen, content=True)


def test_all_codings_of_answers(observe, server, tmp_path):
    """A client that does not care reads the coded bytes as they are: what counts is what was on the wire."""
    todo = [calls.chat(stream=True, scenario=f"coding={c};chunks={k}")
            for c in ("gzip", "deflate", "rawdeflate", "br", "zstd", "gzip+br") for k in ("event", "one", "odd")]
    todo += [calls.messages(scenario=f"coding={c};chunks=odd") for c in ("gzip", "br", "zstd")]
    run, seen = http(observe, tmp_path, todo, library="urllib")
    bed.check_all(run, seen, content=True)
