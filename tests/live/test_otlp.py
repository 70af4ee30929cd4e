# SPDX-License-Identifier: Apache-2.0
"""What we write, read by the official decoders; and receivers in every mood."""

import base64
import json
import os
import time

import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1 import trace_pb2

import bed
import calls
import collector

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def receiver():
    made = []

    def make(**kw):
        made.append(collector.Collector(**kw))
        return made[-1]

    yield make
    for c in made:
        c.close()


@pytest.fixture
def some_calls(tmp_path):
    todo = [calls.chat(stream=True, tools=[calls.CHAT_TOOL], scenario="chunks=odd"), calls.messages(scenario="reasoning=1"),
            calls.chat(scenario="status=429"), calls.chat(n=3, stop=["a", "b"], temperature=0.5)]
    path = calls.write(tmp_path / "calls.json", todo)
    return [bed.PYTHON, str(bed.CLIENTS / "py_http.py"), path, "requests"], len(todo)


def hex_to_base64(v):
    """OTLP/JSON has ids in hex where protobuf's JSON mapping has base64."""
    if isinstance(v, list):
        return [hex_to_base64(x) for x in v]
    if not isinstance(v, dict):
        return v
    return {k: base64.b64encode(bytes.fromhex(x)).decode() if k in ("traceId", "spanId", "parentSpanId") else
            hex_to_base64(x) for k, x in v.items()}


def official(text):
    """File lines through the official message classes; unknown fields are an error."""
    out = []
    for line in text.splitlines():
        data = json_format.ParseDict(hex_to_base64(json.loads(line)), trace_pb2.TracesData())
        for r in data.resource_spans:
            for s in r.scope_spans:
                out += [(span, r.resource, s.scope) for span in s.spans]
    return out


def by_id(spans):
    return {s.span_id: (s, r, scope) for s, r, scope in spans}


def test_official_decoders_agree(observe, receiver, some_calls):
    """--file and --otlp say the same, and both say it as the official classes have it."""
    cmd, count = some_calls
    c = receiver()
    run, seen = observe(cmd, "--otlp", c.url, count=count, content=True)
    bed.check_all(run, seen, content=True)
    a, b = by_id(official(run.text)), by_id(c.spans())
    assert len(a) == len(run.spans) >= count + 1
    assert a.keys() == b.keys()
    for k, (span, resource, scope) in a.items():
        assert (span, resource, scope) == b[k]
        assert len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8)
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        assert not span.ListFields()[0][0].name == "unknown"
    for r in c.requests:
        assert r["path"] == "/v1/traces"
        assert r["headers"]["Content-Type"] == "application/x-protobuf"
        assert r["headers"]["User-Agent"].startswith(("onlooker", "OTel-OTLP-Exporter"))


def test_environment(observe, receiver, some_calls):
    """The OTEL_EXPORTER_OTLP_* variables: endpoint, headers, compression."""
    cmd, count = some_calls
    c = receiver()
    run, _ = observe(cmd, count=count, env={
        "OTEL_EXPORTER_OTLP_ENDPOINT": c.url + "/base/", "OTEL_EXPORTER_OTLP_HEADERS": "x-token=a%20b,x-other=2",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
    assert by_id(c.spans()).keys() == by_id(official(run.text)).keys()
    r = c.requests[0]
    assert r["path"] == "/base/v1/traces"
    assert r["headers"]["x-token"] == "a b" and r["headers"]["x-other"] == "2"
    assert r["headers"]["Content-Encoding"] == "gzip"


def test_traces_endpoint_as_it_is(observe, receiver, some_calls):
    cmd, count = some_calls
    c = receiver()
    observe(cmd, count=count, env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": c.url + "/as/is",
                                   "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"})
    assert {r["path"] for r in c.requests} == {"/as/is"} and c.spans()


def test_tls_with_certificate_variable(observe, receiver, server, some_calls):
    cmd, count = some_calls
    pki = os.path.dirname(server.ca)
    c = receiver(tls=(f"{pki}/localhost.crt", f"{pki}/server.key"))
    env = {"OTEL_EXPORTER_OTLP_CERTIFICATE": server.ca, "SSL_CERT_FILE": server.ca}
    run, _ = observe(cmd, "--otlp", c.url, count=count, env=env)
    assert by_id(c.spans()).keys() == by_id(official(run.text)).keys()


@pytest.mark.parametrize("status", [429, 503])
def test_retried(observe, receiver, some_calls, status):
    """Retryable answers are retried after the time that the receiver names; nothing is lost."""
    cmd, count = some_calls
    c = receiver(answers=[status], retry_after=1)
    run, _ = observe(cmd, "--otlp", c.url, count=count)
    assert by_id(c.spans()).keys() == by_id(official(run.text)).keys()
    assert c.requests[1]["at"] - c.requests[0]["at"] >= 0.95
    assert c.requests[0]["body"] == c.requests[1]["body"]
    assert run.err == ""


@pytest.mark.parametrize("always, why", [(400, "400"), (500, "500"), (413, "413")])
def test_refused_for_good(bench, receiver, always, why):
    """Never retried, counted, said once; CMD's status stays."""
    c = receiver(always=always)
    file = bench.file()
    run = bench.finish(bench.start("run", "--file", file, "--otlp", c.url, "--", "sh", "-c", "exit 4"), file)
    assert run.status == 4 and len(c.requests) == 1
    assert len(run.err.strip().splitlines()) == 1 and "did not arrive" in run.err
    assert len(run.spans) == 1


@pytest.mark.parametrize("mood", ["429", "503", "hangs", "closes", "down"])
def test_receiver_in_a_bad_mood(bench, receiver, mood):
    """CMD runs to its end with its own status, and we end soon after it, saying what did not arrive."""
    if mood == "down":
        url = "http://127.0.0.1:9"
    else:
        url = receiver(always={"hangs": 0, "closes": -1}.get(mood) if not mood.isdigit() else int(mood)).url
    file = bench.file()
    start = time.monotonic()
    run = bench.finish(bench.start("run", "--file", file, "--otlp", url, "--", "sh", "-c", "echo done; exit 4"), file)
    assert run.status == 4 and run.out == "done\n"
    assert time.monotonic() - start < 12
    assert len(run.err.strip().splitlines()) == 1 and "1 of 1 spans did not arrive" in run.err
    assert len(run.spans) == 1


def test_partial_success_is_counted(bench, receiver):
    c = receiver(partial=1)
    run = bench.finish(bench.start("run", "--otlp", c.url, "--", "true"))
    assert run.status == 0 and len(c.requests) == 1
    assert "1 of 1 spans did not arrive" in run.err and "these I do not like" in run.err


@pytest.mark.parametrize("url", ["nonsense", "ftp://localhost/", "http://"])
def test_endpoint_that_makes_no_sense(bench, url):
    run = bench.finish(bench.start("run", "--otlp", url, "--", "true"))
    assert run.status == 2 and len(run.err.strip().splitlines()) == 1


def test_export_is_not_observed_traffic(observe, receiver, some_calls):
    """Our own export is not in our own spans or books."""
    cmd, count = some_calls
    c = receiver()
    run, seen = observe(cmd, "--otlp", c.url, "--verbose", count=count)
    bed.check_all(run, seen)
    assert run.books()["seen"] < 200000
