# SPDX-License-Identifier: Apache-2.0
"""What the live tests stand on: the model server, onlooker runs, spans, and what a span has to say."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
CLIENTS = HERE / "clients"
CACHE = pathlib.Path(os.environ.get("ONLOOKER_TEST_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "onlooker-tests")
ONLOOKER = os.environ.get("ONLOOKER") or str(TOP / "build" / "onlooker")
PYTHONS = sorted(str(p) for p in CACHE.glob("python-*/bin/python"))
PYTHON = PYTHONS[0] if PYTHONS else "python3"
NODE = shutil.which("node")
os.environ.setdefault("ONLOOKER_SOCKET", f"/run/onlooker-test-{os.getpid()}.sock")	# status is of our own watch


def wait_for(what, timeout=20, step=0.01):
    """The first true thing that what() says; an AssertionError when it never does."""
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, f"waited {timeout} s in vain"
        time.sleep(step)	# between two looks at what another process does


# ---------------------------------------------------------------- the model server


class Server:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.log_path = self.dir / "server.log"
        self.err = open(self.dir / "server.err", "wb")
        self.process = subprocess.Popen([PYTHON, str(TOP / "tests/server/modelserver.py"), "--dir", str(self.dir),
                                         "--until-eof"], stdin=subprocess.PIPE, stdout=self.err, stderr=self.err)
        ready = self.dir / "ready.json"
        wait_for(lambda: ready.exists() or self.process.poll() is not None)
        assert ready.exists(), (self.dir / "server.err").read_text()
        facts = json.loads(ready.read_text())
        self.ca, self.ports = facts["ca"], {k: facts[k] for k in ("tls", "tls12", "h2", "http")}

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.err.close()

    def url(self, kind="tls", host="localhost"):
        return f"{'http' if kind == 'http' else 'https'}://{host}:{self.ports[kind]}"

    def env(self, kind="tls", **more):
        """What a client needs to find and to trust the server; nothing of ours is in it."""
        base = self.url(kind)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "SUDO_", "PYTEST_"))}
        env.update(SSL_CERT_FILE=self.ca, REQUESTS_CA_BUNDLE=self.ca, NODE_EXTRA_CA_CERTS=self.ca, CURL_CA_BUNDLE=self.ca,
                   BASE=base, OPENAI_BASE_URL=base + "/v1", OPENAI_API_KEY="sk-test-SECRET",
                   ANTHROPIC_BASE_URL=base, ANTHROPIC_API_KEY="sk-ant-test-SECRET", PYTHONDONTWRITEBYTECODE="1")
        env.update({k: str(v) for k, v in more.items()})
        return env

    def mark(self):
        return self.log_path.stat().st_size if self.log_path.exists() else 0, time.time_ns()

    def log(self, mark=(0, 0)):
        """What began and was logged since mark."""
        with open(self.log_path, "rb") as f:
            f.seek(mark[0])
            data = f.read()
        entries = [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]
        return [e for e in entries if (e["since"] if e["kind"] == "connection" else e["req"]["first_ts"]) >= mark[1]]

    def exchanges(self, mark, count=None):
        """The model exchanges since mark, by the model they asked for; waits until there are so many."""
        def look():
            found = [e for e in self.log(mark) if e["kind"] == "exchange" and e.get("api")]
            return found if len(found) >= (count or 0) else None
        return wait_for(look) if count else look()


# ---------------------------------------------------------------- spans


def any_value(v):
    if v is None:
        return None
    if "stringValue" in v:
        return v["stringValue"]
    if "intValue" in v:
        assert isinstance(v["intValue"], str), "OTLP/JSON writes 64-bit integers as strings"
        return int(v["intValue"])
    if "doubleValue" in v:
        return float(v["doubleValue"])
    if "boolValue" in v:
        return v["boolValue"]
    if "arrayValue" in v:
        return [any_value(x) for x in v["arrayValue"].get("values", [])]
    if "kvlistValue" in v:
        return attributes(v["kvlistValue"].get("values", []))
    raise AssertionError(f"what is {v}?")


def attributes(pairs):
    out = {}
    for p in pairs or []:
        assert p["key"] not in out, f"attribute {p['key']} twice"
        out[p["key"]] = any_value(p["value"])
    return out


class Span:
    def __init__(self, raw, resource, scope):
        self.raw, self.resource, self.scope = raw, attributes(resource.get("attributes")), scope
        self.name, self.kind = raw["name"], raw["kind"]
        self.trace, self.id, self.parent = raw["traceId"], raw["spanId"], raw.get("parentSpanId", "")
        self.start, self.end = int(raw["startTimeUnixNano"]), int(raw["endTimeUnixNano"])
        self.attrs = attributes(raw.get("attributes"))
        self.status = raw.get("status") or {}

    def __getitem__(self, key):
        return self.attrs.get(key)

    def __repr__(self):
        return f"<{self.name} {self.attrs}>"

    @property
    def is_call(self):
        """Of a model, or an MCP tool."""
        return self["gen_ai.operation.name"] is not None and not (
            self.kind == 1 and self["gen_ai.operation.name"] in ("execute_tool", "invoke_agent"))

    @property
    def is_process(self):
        return "process.executable.name" in self.attrs


def read_spans(text):
    """Spans of OTLP/JSON lines; each line has to be one whole TracesData object."""
    spans = []
    for line in text.splitlines():
        data = json.loads(line)
        assert set(data) == {"resourceSpans"} and data["resourceSpans"], line[:200]
        for r in data["resourceSpans"]:
            for s in r["scopeSpans"]:
                assert s["scope"]["name"] == "onlooker" and s["scope"]["version"], s["scope"]
                spans += [Span(x, r.get("resource", {}), s["scope"]) for x in s["spans"]]
    return spans


# ---------------------------------------------------------------- onlooker


class Run:
    """One onlooker run and what came of it."""

    def __init__(self, status, out, err, text, file):
        self.status, self.out, self.err, self.text, self.file = status, out, err, text, file
        self.spans = read_spans(text) if text else []
        self.calls = [s for s in self.spans if s.is_call]

    def call(self, model):
        found = [s for s in self.calls if s["gen_ai.request.model"] == model]
        assert len(found) == 1, f"{len(found)} spans for model {model}; there are {self.calls}\n{self.err}"
        return found[0]

    def process_of(self, span):
        """The span of the process that it is of."""
        found = [s for s in self.spans if s.is_process and s["process.pid"] == span.resource["process.pid"]]
        assert len(found) == 1, found
        return found[0]

    def books(self):
        """The two identities of --verbose; asserts them and returns the numbers."""
        import re
        k = re.search(r"kernel: (\d+) bytes seen = (\d+) delivered \+ (\d+) dropped \+ (\d+) truncated \+ (\d+) ignored",
                      self.err)
        d = re.search(r"decoders: (\d+) decoded \+ (\d+) opaque \+ (\d+) lost", self.err)
        assert k and d, self.err
        seen, delivered, dropped, truncated, ignored = map(int, k.groups())
        decoded, opaque, lost = map(int, d.groups())
        assert seen == delivered + dropped + truncated + ignored, self.err
        walked = decoded + opaque + lost
        if dropped and ignored:	# of a stream that nobody wants nobody asks why something is missing
            assert delivered <= walked <= delivered + dropped + truncated, self.err
        else:
            assert delivered + dropped + truncated == walked, self.err
        return {"seen": seen, "delivered": delivered, "dropped": dropped, "truncated": truncated, "ignored": ignored,
                "decoded": decoded, "opaque": opaque, "lost": lost}


class Bench:
    """Starts onlooker in a directory of its own and sees to it that nothing stays behind."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.started = []
        self.n = 0

    def path(self, name):
        return str(self.dir / name)

    def start(self, *args, env=None, **popen):
        p = subprocess.Popen([ONLOOKER, *map(str, args)], env=env, cwd=popen.pop("cwd", self.dir),
                             stdin=popen.pop("stdin", subprocess.DEVNULL), stdout=popen.pop("stdout", subprocess.PIPE),
                             stderr=popen.pop("stderr", subprocess.PIPE), start_new_session=True, **popen)
        self.started.append(p)
        return p

    def finish(self, p, file=None, timeout=60):
        try:
            out, err = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            raise AssertionError(f"onlooker did not end within {timeout} s\n{err.decode(errors='replace')}") from None
        text = pathlib.Path(file).read_text(encoding="utf-8") if file and os.path.exists(file) else ""
        return Run(p.returncode, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace"), text, file)

    def file(self, suffix=".jsonl"):
        self.n += 1
        return self.path(f"run{self.n}{suffix}")

    def run(self, cmd, *opts, content=False, env=None, timeout=60, verb="run", file=None, check=True, **popen):
        """onlooker run --file F [opts] -- cmd. check: CMD has to end with 0."""
        file = file or self.file()
        opts = [*opts, *(["--content", "full"] if content else [])]
        r = self.finish(self.start(verb, "--file", file, *opts, "--", *cmd, env=env, **popen), file, timeout)
        if check:
            assert r.status == 0, f"exit status {r.status}\n{r.out}\n{r.err}"
        return r

    def close(self):
        for p in self.started:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
            for f in (p.stdout, p.stderr, p.stdin):
                if f:
                    f.close()


def child_of(p, word):
    """The process below p whose command line has this word."""
    def look():
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
                if parent == p.pid and word in (path.parent / "cmdline").read_text():
                    return int(path.parent.name)
            except OSError:	# it ended while we looked
                pass
        return None
    return wait_for(look)


def held():
    """BPF programs and links that some process has open."""
    out = {"prog": set(), "link": set()}
    for path in pathlib.Path("/proc").glob("[0-9]*/fdinfo/*"):
        try:
            for line in path.read_text().splitlines():
                word, _, value = line.partition("_id:")
                if word in out:
                    out[word].add(int(value))
        except OSError:	# it ended while we looked
            pass
    return out


def attached():
    """The BPF programs and links of this machine that no living process holds: what a killed observer would leave."""
    out = {}
    mine = held()
    for what in ("link", "prog"):
        text = subprocess.run(["bpftool", "-j", what], capture_output=True, text=True, check=True).stdout
        out[what] = {x["id"] for x in json.loads(text or "[]")} - mine[what]
    return out


# ---------------------------------------------------------------- what a span has to say

FINISH_WORDS = {"stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "tool_calls": "tool_call",
                "tool_use": "tool_call", "tool_call": "tool_call", "length": "length", "max_tokens": "length",
                "content_filter": "content_filter", "refusal": "content_filter"}


def put(out, key, value):
    if value is not None:
        out[key] = value


def request_attributes(e):
    """From the request as the server received it."""
    b, api, out = e["req"]["json"] or {}, e["api"], {}
    out["gen_ai.operation.name"] = "embeddings" if api == "embeddings" else "chat"
    out["gen_ai.provider.name"] = "anthropic" if api == "messages" else "openai"
    put(out, "gen_ai.request.model", b.get("model"))
    if b.get("stream"):
        out["gen_ai.request.stream"] = True
    put(out, "gen_ai.request.max_tokens",
        b.get("max_completion_tokens", b.get("max_output_tokens", b.get("max_tokens"))))
    for key in ("temperature", "top_p", "frequency_penalty", "presence_penalty"):
        if b.get(key) is not None:
            out[f"gen_ai.request.{key}"] = float(b[key])
    for key in ("seed", "top_k"):
        put(out, f"gen_ai.request.{key}", b.get(key))
    if b.get("n") not in (None, 1):
        out["gen_ai.request.choice.count"] = b["n"]
    stop = b.get("stop", b.get("stop_sequences"))
    if stop:
        out["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else stop
    put(out, "gen_ai.request.previous_response.id", b.get("previous_response_id"))
    put(out, "gen_ai.request.reasoning.level", b.get("reasoning_effort") or (b.get("reasoning") or {}).get("effort") or
        (b.get("output_config") or {}).get("effort"))
    conversation = b.get("conversation")
    put(out, "gen_ai.conversation.id", conversation.get("id") if isinstance(conversation, dict) else conversation)
    form = (b.get("response_format") or (b.get("text") or {}).get("format") or (b.get("output_config") or {}).get("format")
            or {}).get("type")
    if form:
        out["gen_ai.output.type"] = "text" if form == "text" else "json"
    if b.get("encoding_format"):
        out["gen_ai.request.encoding_formats"] = [b["encoding_format"]]
    if api in ("chat", "responses"):
        out["openai.api.type"] = "chat_completions" if api == "chat" else "responses"
        if b.get("service_tier") not in (None, "auto"):
            out["openai.request.service_tier"] = b["service_tier"]
    return out


def failed(e):
    return (e["resp"].get("status") or 0) >= 400 or "facts" not in e


def usage_attributes(e):
    f, out = e["facts"], {}
    u, api, body = f["usage"], e["api"], e["req"]["json"] or {}
    if not u:
        return out
    if api == "chat" and body.get("stream") and not (body.get("stream_options") or {}).get("include_usage"):
        return out
    extra = (u["cached"] or 0) + (u["cache_write"] or 0) if api == "messages" else 0
    out["gen_ai.usage.input_tokens"] = u["input"] + extra
    if api == "embeddings":
        return out
    out["gen_ai.usage.output_tokens"] = u["output"]
    put(out, "gen_ai.usage.cache_read.input_tokens", u["cached"])
    put(out, "gen_ai.usage.cache_write.input_tokens", u["cache_write"])
    put(out, "gen_ai.usage.reasoning.output_tokens", u["reasoning"])
    return out


def finish_reason(e, c):
    if e["api"] == "responses" and c["finish"] in ("tool_calls", "tool_use"):
        return "tool_call"
    return c["finish"]


def response_attributes(e):
    """From the answer as the server meant it; only for answers that came whole."""
    f, api, out = e["facts"], e["api"], {}
    out["gen_ai.response.model"] = f["model"]
    if api == "embeddings":
        out["gen_ai.embeddings.dimension.count"] = f["dimensions"]
        return {**out, **usage_attributes(e)}
    out["gen_ai.response.id"] = f["id"]
    out["gen_ai.response.finish_reasons"] = [finish_reason(e, c) for c in f["choices"]]
    if api in ("chat", "responses"):
        put(out, "openai.response.service_tier", f["service_tier"])
        put(out, "openai.response.system_fingerprint", f["fingerprint"])
    return {**out, **usage_attributes(e)}


def expected(e):
    """Every gen_ai.*, openai.*, error.*, server.* and http.* attribute, from a whole exchange's log entry."""
    out = request_attributes(e)
    host, _, port = e["headers"]["host"].partition(":")
    out["server.address"], out["server.port"] = e.get("sni") or host, int(port)
    out["http.response.status_code"] = e["resp"]["status"]
    retry = int(e["headers"].get("x-stainless-retry-count") or 0)
    if retry:
        out["http.request.resend_count"] = retry
    if failed(e):
        err = e["resp"].get("error") or {}
        out["error.type"] = err.get("code") or err.get("type") or str(e["resp"]["status"])
    else:
        out.update(response_attributes(e))
    return out


COMPARED = ("gen_ai.", "openai.", "error.", "server.", "http.")
CONTENT = ("gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.definitions")
SLACK_NS = 250_000_000	# a piece is stamped when the call returns, and on two busy cores that can be a while after the server had it


def check_span(span, e, content=False):
    """Compares a span with the server's log entry, every attribute that has one, the absent ones too."""
    want = expected(e)
    got = {k: v for k, v in span.attrs.items() if k.startswith(COMPARED) and k not in CONTENT}
    chunk = got.pop("gen_ai.response.time_to_first_chunk", None)
    unread = failed(e) and "fail_first" in e["scenario"] and got.get("error.type") == str(e["resp"]["status"])
    if unread:	# an SDK that tries again need not read why: then the status is the only word that it saw
        want["error.type"] = got["error.type"]
    assert got == want
    assert span.kind == 3	# CLIENT
    assert span.name == f"{want['gen_ai.operation.name']} {want['gen_ai.request.model']}"
    # A TLS object that writes to memory is bound to its socket by inference: absent, or right.
    assert (span["network.peer.address"], span["network.peer.port"]) in (("127.0.0.1", e["port"]), (None, None))
    assert span["network.peer.address"] or span["onlooker.peer.basis"] is None
    if failed(e):
        assert span.status.get("code") == 2 and (unread or span.status.get("message")), span.status
    else:
        assert span.status.get("code", 0) == 0, span.status
    assert "onlooker.capture.complete" not in span.attrs, span
    # SDKs close a connection after the provider's own last event, without reading HTTP's end: that is no cut answer.
    assert span["onlooker.exchange.end"] in ((None, "cut") if unread else (None,)), span
    check_times(span, e, chunk)
    here = {k for k in CONTENT if k in span.attrs}
    if content:
        check_content(span, e)
    else:
        assert not here, f"content without being asked for: {here}"
    assert "SECRET" not in json.dumps(span.raw)


def check_times(span, e, chunk):
    """The client began before the server got it, and ended after the server had sent it."""
    req, resp = e["req"], e["resp"]
    assert span.start <= req["first_ts"] + SLACK_NS, "the span began after the server had the first byte"
    assert span.start >= req["first_ts"] - 10_000_000_000, "the span began long before the server heard of it"
    assert span.end >= span.start
    if not resp.get("sse"):
        assert chunk is None, "time_to_first_chunk of an answer that was no stream"
        return
    assert chunk is not None and chunk > 0
    server = (resp["first_event_ts"] - req["first_ts"]) / 1e9
    assert chunk >= server - SLACK_NS / 1e9, f"first chunk after {chunk} s, but the server sent it after {server} s"
    assert chunk <= (span.end - span.start) / 1e9 + 1e-6


def output_messages(e):
    out = []
    for c in e["facts"]["choices"]:
        parts = []
        if c["reasoning"]:
            parts.append({"type": "reasoning", "content": c["reasoning"]})
        if c["text"]:
            parts.append({"type": "text", "content": c["text"]})
        if c["refusal"]:
            kind = "text" if e["api"] == "messages" else "refusal"
            parts.append({"type": kind, "content": c["refusal"]})
        for t in c["tools"]:
            args = t["arguments"]
            parts.append({"type": "tool_call", "id": t["id"], "name": t["name"],
                          "arguments": json.loads(args) if args else {}})
        out.append({"role": "assistant", "parts": parts, "finish_reason": c["finish"]})
    return out


def same_part(got, want):
    if want["type"] == "tool_call" and want["arguments"] == {} and got.get("arguments") in ("", None, {}):
        got = dict(got, arguments={})
    return all(got.get(k) == v for k, v in want.items())


def check_content(span, e):
    if e["api"] == "embeddings":
        return
    if not failed(e):
        got, want = json.loads(span["gen_ai.output.messages"]), output_messages(e)
        assert len(got) == len(want)
        for g, w in zip(got, want):
            assert g["role"] == w["role"]
            assert g["finish_reason"] == FINISH_WORDS.get(w["finish_reason"], w["finish_reason"])
            order = lambda p: p["type"]	# providers send reasoning and text in their own order
            gp, wp = sorted(g["parts"], key=order), sorted(w["parts"], key=order)
            assert len(gp) == len(wp) and all(map(same_part, gp, wp)), (gp, wp)
    check_input(span, e)


def flat(content):
    """The texts of a provider's content: a string, or parts with text."""
    if isinstance(content, str):
        return [content]
    return [p["text"] for p in content or [] if isinstance(p, dict) and isinstance(p.get("text"), str)]


def check_input(span, e):
    body = e["req"]["json"]
    instructions = body.get("system") if e["api"] == "messages" else body.get("instructions")
    if instructions:
        got = json.loads(span["gen_ai.system_instructions"])
        assert [p["content"] for p in got] == flat(instructions) and all(p["type"] == "text" for p in got)
    else:
        assert span["gen_ai.system_instructions"] is None
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    got = json.loads(span["gen_ai.input.messages"])
    assert all(m["role"] and isinstance(m["parts"], list) for m in got)
    said = [p["content"] for m in got for p in m["parts"] if p["type"] == "text"]
    wrote = [t for m in messages if m.get("role") != "tool" for t in flat(m.get("content"))]
    assert said == wrote
    results = [p["id"] for m in got for p in m["parts"] if p["type"] == "tool_call_response"]
    assert results == tool_result_ids(messages)
    if body.get("tools"):
        got = json.loads(span["gen_ai.tool.definitions"])
        assert [t["name"] for t in got] == [(t.get("function") or t)["name"] for t in body["tools"]]
        assert all(t["type"] for t in got)


def tool_result_ids(messages):
    out = []
    for m in messages:
        if m.get("role") == "tool":
            out.append(m["tool_call_id"])
        elif m.get("type") == "function_call_output":
            out.append(m["call_id"])
        elif isinstance(m.get("content"), list):
            out += [p["tool_use_id"] for p in m["content"] if p.get("type") == "tool_result"]
    return out


def check_all(run, exchanges, content=False, unbound_max=0.0):
    """One span for each exchange and none besides; each right. unbound_max: the share that may lack its peer."""
    assert len(run.calls) == len(exchanges), f"{len(run.calls)} spans for {len(exchanges)} exchanges\n{run.err}"
    by_id = {}
    for s in run.calls:
        by_id.setdefault(key_of_span(s), []).append(s)
    for e in exchanges:
        found = by_id.get(key_of_entry(e), [])
        assert len(found) == 1, f"{len(found)} spans for {key_of_entry(e)}"
        check_span(found[0], e, content)
    unbound = [s for s in run.calls if not s["network.peer.address"]]
    assert len(unbound) <= unbound_max * len(exchanges), f"{len(unbound)} of {len(exchanges)} without a peer"


def key_of_span(s):
    return s["gen_ai.request.model"], s["http.request.resend_count"] or 0


def key_of_entry(e):
    return (e["req"]["json"] or {}).get("model"), int(e["headers"].get("x-stainless-retry-count") or 0)


def temp_dir():
    return tempfile.mkdtemp(prefix="onlooker-live-")
