# SPDX-License-Identifier: Apache-2.0
"""Metrics of real calls: over OTLP, read by the official classes, and as Prometheus' own client library reads them."""

import socket
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

import bed
import calls
import collector

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def receiver():
    c = collector.Collector()
    yield c
    c.close()


@pytest.fixture
def some_calls(tmp_path):
    todo = [calls.chat(stream=True, scenario="chunks=odd"), calls.chat(), calls.messages(), calls.chat(scenario="status=429")]
    path = calls.write(tmp_path / "calls.json", todo)
    return [bed.PYTHON, str(bed.CLIENTS / "py_http.py"), path, "requests"], len(todo)


def attributes(point):
    return {a.key: a.value.string_value or a.value.int_value for a in point.attributes}


def test_over_otlp(observe, receiver, some_calls):
    command, count = some_calls
    observe(command, "--otlp", receiver.url, count=count)
    by_name = {}
    for resource, metric in receiver.metrics():
        by_name.setdefault(metric.name, []).append((resource, metric))
    points = [p for _, m in by_name["gen_ai.client.operation.duration"] for p in m.histogram.data_points]
    assert sum(p.count for p in points) == count
    assert sum(p.count for p in points if "error.type" in attributes(p)) == 1
    tokens = [p for _, m in by_name["gen_ai.client.token.usage"] for p in m.histogram.data_points]
    spans = [{a.key: a.value for a in s.attributes} for s, _, _ in receiver.spans() if s.kind == 3]
    for kind in ("input", "output"):
        assert sum(p.sum for p in tokens if attributes(p)["gen_ai.token.type"] == kind) == \
            sum(s[f"gen_ai.usage.{kind}_tokens"].int_value for s in spans if f"gen_ai.usage.{kind}_tokens" in s)
    chunks = [p for _, m in by_name["gen_ai.client.operation.time_per_output_chunk"] for p in m.histogram.data_points]
    assert sum(p.count for p in chunks) >= 1 and all(attributes(p)["gen_ai.operation.name"] == "chat" for p in chunks)
    for p in points + tokens + chunks:
        assert sum(p.bucket_counts) == p.count and len(p.bucket_counts) == len(p.explicit_bounds) + 1
        assert p.start_time_unix_nano < p.time_unix_nano
    assert all(r["service.name"] for r, _ in by_name["gen_ai.client.token.usage"])
    books = {attributes(p)["onlooker.state"]: p.as_int
             for r, m in by_name["onlooker.capture.bytes"] for p in m.sum.data_points if r["service.name"] == "onlooker"}
    assert books["delivered"] > 0 and books["dropped"] == 0


def test_not_when_forbidden(observe, receiver, some_calls):
    command, count = some_calls
    observe(command, "--otlp", receiver.url, count=count, env={"OTEL_METRICS_EXPORTER": "none"})
    assert receiver.spans() and not receiver.metric_bodies


def scrape(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as r:
                return r.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def value(text, name, **labels):
    return sum(s.value for f in text_string_to_metric_families(text) for s in f.samples
               if s.name == name and labels.items() <= s.labels.items())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_prometheus(server, bench, tmp_path, some_calls):
    command, count = some_calls
    port, go_on = free_port(), tmp_path / "go on"
    script = f"{' '.join(command)}; while [ ! -e '{go_on}' ]; do sleep 0.05; done"
    p = bench.start("run", "--file", bench.file(), "--prometheus", port, "--", "sh", "-c", script, env=server.env())
    text = ""

    def all_there():
        nonlocal text
        text = scrape(port)
        return (value(text, "gen_ai_client_operation_duration_seconds_count") == count and
                value(text, "onlooker_capture_bytes_total", onlooker_state="delivered") > 0)    # told once a second

    bed.wait_for(all_there, timeout=40)
    go_on.touch()
    assert bench.finish(p).status == 0
    assert value(text, "gen_ai_client_token_usage_sum", gen_ai_token_type="input") > 0
    assert value(text, "gen_ai_client_operation_duration_seconds_bucket", le="+Inf") == count


def test_prometheus_that_cannot(bench):
    got = bench.finish(bench.start("run", "--prometheus", "no:where", "--", "true"))
    assert got.status == 1 and "cannot answer Prometheus on no:where" in got.err
