# SPDX-License-Identifier: Apache-2.0
"""Real consumers: each accepts our export over OTLP/HTTP, and a query to it gives the spans back with their attributes."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import bed
import calls
from test_cover import OWN_TLS, own_tls_server  # noqa: F401, a fixture

pytestmark = pytest.mark.timeout(240)
CACHE = bed.CACHE / "interop"


def need(name):
    reason = CACHE / f"{name}.missing"
    if reason.exists():
        pytest.skip(f"{name}: {reason.read_text().strip()}")
    return CACHE / name


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as r:
        return json.loads(r.read() or b"null")


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2).read()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class Backend:
    def __init__(self, cmd, ready_url, directory, **env):
        self.log = open(pathlib.Path(directory) / "backend.log", "wb")
        self.p = subprocess.Popen(list(map(str, cmd)), cwd=directory, stdin=subprocess.DEVNULL, stdout=self.log,
                                  stderr=self.log, env={**os.environ, **{k: str(v) for k, v in env.items()}})
        try:
            bed.wait_for(lambda: answers(ready_url) or self.p.poll() is not None, timeout=120, step=0.1)
            assert self.p.poll() is None, pathlib.Path(self.log.name).read_text(errors="replace")[-3000:]
        except AssertionError:
            self.close()
            raise

    def close(self):
        self.p.terminate()
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        self.log.close()


@pytest.fixture
def backend(tmp_path):
    made = []

    def start(*args, **kw):
        made.append(Backend(*args, directory=tmp_path, **kw))
        return made[-1]

    yield start
    for b in made:
        b.close()


def todo():
    return [calls.chat(stream=True, tools=[calls.CHAT_TOOL], temperature=0.5, stop=["a", "b"]), calls.chat(n=2),
            calls.messages(stream=True, scenario="reasoning=1;cached=5;cache_write=6"), calls.responses(stream=True),
            calls.embeddings(dimensions=8, encoding_format="float"), calls.chat(scenario="status=429")]


@pytest.fixture
def export(observe, tmp_path):
    """Runs the client, exports to url, returns the run; its --file is what the query has to give back."""

    def go(url):
        work = todo()
        path = calls.write(tmp_path / "calls.json", work)
        cmd = [bed.PYTHON, str(bed.CLIENTS / "py_http.py"), path, "requests"]
        run, seen = observe(cmd, "--otlp", url, content=True, count=len(work), timeout=60,
                            env={"OTEL_SERVICE_NAME": "interop-agent"})
        bed.check_all(run, seen, content=True)
        assert run.err == "", run.err
        return run

    return go


def same_span(got, want):
    """got: attributes that a backend gave back."""
    for k, v in want.attrs.items():
        assert k in got, f"{k} did not come back of {want.name}"
        assert got[k] == v or (isinstance(v, float) and abs(float(got[k]) - v) < 1e-9), (k, got[k], v)


@pytest.fixture
def collector(backend, tmp_path):
    """A Collector that writes each signal to a file of its own; its URL, and the directory that it reads our --file from."""
    program = need("collector") / "otelcol-onlooker"
    port, spool = free_port(), tmp_path / "spool"
    spool.mkdir()
    config = tmp_path / "collector.yaml"
    config.write_text(f"""
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}
  otlpjsonfile: {{include: ["{spool}/*.jsonl"], start_at: beginning, include_file_name: false, poll_interval: 100ms}}
exporters:
  file/otlp: {{path: "{tmp_path}/from-otlp.jsonl", flush_interval: 100ms}}
  file/file: {{path: "{tmp_path}/from-file.jsonl", flush_interval: 100ms}}
  file/metrics: {{path: "{tmp_path}/metrics.jsonl", flush_interval: 100ms}}
  file/logs: {{path: "{tmp_path}/logs.jsonl", flush_interval: 100ms}}
  debug: {{}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces/otlp: {{receivers: [otlp], exporters: [file/otlp, debug]}}
    traces/file: {{receivers: [otlpjsonfile], exporters: [file/file]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics, debug]}}
    logs: {{receivers: [otlp], exporters: [file/logs, debug]}}
""")
    backend([program, "--config", config], f"http://127.0.0.1:{port}/")
    return f"http://127.0.0.1:{port}", spool


def written(path, list_name, scopes, items):
    """(resource, scope, item) of what the file exporter wrote; the last line may still be on its way."""
    text = path.read_text() if path.exists() else ""
    for line in text[:text.rfind("\n") + 1].splitlines():
        for r in json.loads(line)[list_name]:
            for s in r[scopes]:
                for item in s[items]:
                    yield r["resource"], s["scope"], item


def test_collector(collector, export, tmp_path):
    """Over OTLP/HTTP, and our --file through its file receiver: both come out as we wrote them."""
    url, spool = collector
    run = export(url)
    shutil.copy(run.file, spool / "ours.jsonl.part")
    os.rename(spool / "ours.jsonl.part", spool / "ours.jsonl")
    for name in ("from-otlp.jsonl", "from-file.jsonl"):
        def look():
            spans = [bed.Span(x, r, scope) for r, scope, x in written(tmp_path / name, "resourceSpans", "scopeSpans", "spans")]
            return spans if len(spans) >= len(run.spans) else None
        got = {s.id: s for s in bed.wait_for(look, timeout=30)}
        assert got.keys() == {s.id for s in run.spans}
        for want in run.spans:
            s = got[want.id]
            assert (s.name, s.kind, s.trace, s.parent, s.start, s.end) == (
                want.name, want.kind, want.trace, want.parent, want.start, want.end)
            assert s.attrs == want.attrs and s.resource == want.resource and s.status == want.status
            assert s.scope["name"] == "onlooker"


def number(point):
    return float(point["asDouble"]) if "asDouble" in point else int(point["asInt"])


def test_collector_metrics(collector, export, tmp_path):
    """The same run as metrics, by name: what they add up to is what its spans say."""
    url, _ = collector
    run = export(url)

    def look():
        found = {}
        for r, scope, m in written(tmp_path / "metrics.jsonl", "resourceMetrics", "scopeMetrics", "metrics"):
            kind = "histogram" if "histogram" in m else "sum"
            for p in m[kind]["dataPoints"]:
                who = bed.attributes(r.get("attributes")).get("service.name")
                found[(m["name"], who, json.dumps(p.get("attributes"), sort_keys=True))] = (m, p)
        return found if any(name == "onlooker.capture.bytes" for name, _, _ in found) else None

    found = bed.wait_for(look, timeout=30)

    def points(name, who="interop-agent"):
        return [(m, p) for (n, w, _), (m, p) in found.items() if n == name and w == who]

    durations = points("gen_ai.client.operation.duration")
    assert sum(int(p["count"]) for _, p in durations) == len(run.calls)
    assert {m["unit"] for m, _ in durations} == {"s"} and all(m["histogram"]["aggregationTemporality"] == 2 for m, _ in durations)
    for kind, key in (("input", "gen_ai.usage.input_tokens"), ("output", "gen_ai.usage.output_tokens")):
        got = [p for _, p in points("gen_ai.client.token.usage") if bed.attributes(p["attributes"])["gen_ai.token.type"] == kind]
        assert sum(p["sum"] for p in got) == sum(s[key] or 0 for s in run.calls)
        assert sum(int(p["count"]) for p in got) == len([s for s in run.calls if s[key] is not None])
    streamed = [s for s in run.calls if s["gen_ai.response.time_to_first_chunk"] is not None]
    assert sum(int(p["count"]) for _, p in points("gen_ai.client.operation.time_to_first_chunk")) == len(streamed) > 0
    assert points("gen_ai.client.operation.time_per_output_chunk")
    books = {bed.attributes(p.get("attributes"))["onlooker.state"]: number(p)
             for _, p in points("onlooker.capture.bytes", "onlooker")}
    assert books["delivered"] > 0 and books["dropped"] == books["truncated"] == 0


def test_collector_logs(collector, bench, own_tls_server, tmp_path):  # noqa: F811
    """What is not seen is a log record: here TLS that a program makes by itself."""
    url, _ = collector
    bench.run([bed.PYTHON, "-c", OWN_TLS, str(own_tls_server)], "--otlp", url)
    resource, scope, record = bed.wait_for(
        lambda: next(written(tmp_path / "logs.jsonl", "resourceLogs", "scopeLogs", "logRecords"), None), timeout=30)
    assert scope["name"] == "onlooker" and record["severityText"] == "WARN"
    assert record.get("eventName") == "onlooker.coverage" and "cannot be read" in record["body"]["stringValue"]
    assert bed.attributes(record["attributes"])["onlooker.coverage.reduced_by"] == "unread_tls"


def jaeger_value(tag):
    """Jaeger's query API gives numbers as numbers and lists as JSON text."""
    v = tag["value"]
    if tag["type"] == "string" and isinstance(v, str) and v.startswith("["):
        try:
            return json.loads(v)
        except ValueError:
            return v
    return v


def test_jaeger(backend, export, tmp_path):
    program = need("jaeger") / "jaeger"
    otlp, query, health = free_port(), free_port(), free_port()
    config = tmp_path / "jaeger.yaml"
    config.write_text(f"""
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
extensions:
  jaeger_query:
    storage: {{traces: some_storage}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{free_port()}"}}
  jaeger_storage: {{backends: {{some_storage: {{memory: {{max_traces: 1000}}}}}}}}
  healthcheckv2: {{use_v2: true, http: {{endpoint: "127.0.0.1:{health}"}}}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: some_storage}}
""")
    backend([program, "--config", config], f"http://127.0.0.1:{query}/api/services")
    run = export(f"http://127.0.0.1:{otlp}")

    def look():
        data = get(f"http://127.0.0.1:{query}/api/traces/{run.calls[0].trace}")["data"]
        return data[0] if data and len(data[0]["spans"]) >= len(run.spans) else None

    trace = bed.wait_for(look, timeout=30, step=0.1)
    assert "interop-agent" in get(f"http://127.0.0.1:{query}/api/services")["data"]
    got = {s["spanID"]: s for s in trace["spans"]}
    assert got.keys() == {s.id for s in run.spans}
    for want in run.spans:
        s = got[want.id]
        assert s["operationName"] == want.name
        assert s["startTime"] == want.start // 1000
        assert [r["spanID"] for r in s["references"]] == ([want.parent] if want.parent else [])
        text = {t["key"]: t["value"] for t in s["tags"]}
        listed = {t["key"]: jaeger_value(t) for t in s["tags"]}
        same_span({k: text[k] if isinstance(want.attrs.get(k), str) else listed[k] for k in text}, want)
        assert text["span.kind"] == {1: "internal", 3: "client"}[want.kind]
        assert bool(text.get("error")) == (want.status.get("code") == 2)
    # And by what people search for.
    url = f"http://127.0.0.1:{query}/api/traces?service=interop-agent&tags=%7B%22gen_ai.operation.name%22%3A%22embeddings%22%7D"
    assert [t["traceID"] for t in get(url)["data"]] == [run.calls[0].trace]


def flat(obj, prefix=""):
    """Phoenix keeps attributes as nested objects; back to dotted names."""
    out = {}
    for k, v in obj.items():
        if isinstance(v, dict):
            out.update(flat(v, f"{prefix}{k}."))
        else:
            out[prefix + k] = v
    return out


def test_phoenix(backend, export, tmp_path):
    program = need("phoenix") / "venv/bin/phoenix"
    port = free_port()
    backend([program, "serve"], f"http://127.0.0.1:{port}/healthz", PHOENIX_HOST="127.0.0.1", PHOENIX_PORT=port,
            PHOENIX_GRPC_PORT=free_port(), PHOENIX_WORKING_DIR=tmp_path / "phoenix", PHOENIX_TELEMETRY_ENABLED="false")
    run = export(f"http://127.0.0.1:{port}")

    def look():
        data = get(f"http://127.0.0.1:{port}/v1/projects/default/spans?limit=1000")["data"]
        return data if len(data) >= len(run.spans) else None

    got = {s["context"]["span_id"]: s for s in bed.wait_for(look, timeout=60, step=0.2)}
    assert got.keys() == {s.id for s in run.spans}
    for want in run.spans:
        s = got[want.id]
        assert s["name"] == want.name and s["context"]["trace_id"] == want.trace
        assert (s["parent_id"] or "") == want.parent
        same_span(flat(s["attributes"]), want)
        assert (s["status_code"] == "ERROR") == (want.status.get("code") == 2)
