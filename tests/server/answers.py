# SPDX-License-Identifier: Apache-2.0
"""What the model server says: one set of facts an answer, written down in each provider's form.

The facts are made first and logged as they are, so a test compares a span with what was meant,
not with what some parser made of the bytes.
"""

import base64
import itertools
import json
import struct
import threading
import time
import uuid

TEXT = "In Zürich it is 21 °C – sunny, “föhn” from the south. 天気は晴れ 🌤 and no rain until Ölten."
REASONING = "The user asks for the weather; grüezi, I look at the hourly data ☁ first."

_counter = itertools.count(1)
_lock = threading.Lock()


def serial():
    with _lock:
        return next(_counter)


def unique(prefix):
    return prefix + uuid.uuid4().hex[:24]


class Scenario(dict):
    """key=value;key=value, from the X-Scenario header or metadata.scenario of the body."""

    @classmethod
    def parse(cls, text):
        s = cls()
        for pair in (text or "").split(";"):
            key, _, value = pair.strip().partition("=")
            if key:
                s[key] = value if _ else "1"
        return s

    def num(self, key, default=0):
        return type(default)(self.get(key, default))


# ---------------------------------------------------------------- facts


def tool_results(api, body):
    """What the client's tools said so far, as texts: then the model wants to answer, not to call again."""
    if api == "responses":
        items = body.get("input")
        return [str(i.get("output")) for i in items if isinstance(i, dict) and i.get("type") == "function_call_output"] \
            if isinstance(items, list) else []
    out = []
    for m in body.get("messages") or []:
        if not isinstance(m, dict):
            continue
        if m.get("role") == "tool":
            out.append(str(m.get("content")))
        elif isinstance(m.get("content"), list):
            out += [str(p.get("content")) for p in m["content"] if isinstance(p, dict) and p.get("type") == "tool_result"]
    return out


def tool_of(api, tool):
    if api == "chat":
        f = tool.get("function", {})
        return f.get("name", "tool"), f.get("parameters") or {}
    if api == "responses":
        return tool.get("name", "tool"), tool.get("parameters") or {}
    return tool.get("name", "tool"), tool.get("input_schema") or {}


def tool_arguments(schema):
    """Arguments the schema itself suggests: examples, default, enum, else a word."""
    args = {}
    for name, p in (schema.get("properties") or {}).items():
        if p.get("examples"):
            args[name] = p["examples"][0]
        elif "default" in p:
            args[name] = p["default"]
        elif p.get("enum"):
            args[name] = p["enum"][0]
        else:
            args[name] = {"integer": 7, "number": 2.5, "boolean": True}.get(p.get("type"), "Zürich – “Üetliberg”")
    return args


def wanted_tools(api, body, sc):
    tools = body.get("tools") or []
    if "tools" in sc:
        count = sc.num("tools", 0)
    else:
        count = 1 if tools and not tool_results(api, body) else 0
    calls = []
    for i in range(count):
        name, schema = tool_of(api, tools[i % len(tools)]) if tools else ("get_weather", {})
        args = json.dumps(tool_arguments(schema) or {"city": "Zürich", "n": i}, ensure_ascii=bool(i % 2))
        if sc.get("args") == "empty":
            args = ""
        calls.append({"id": unique("toolu_" if api == "messages" else "call_"), "name": name, "arguments": args})
    return calls


def text_of(api, body, sc, i):
    if "size" in sc:
        unit = "0123456789abcdef – ü "
        n = sc.num("size", 0)
        return (unit * (n // len(unit) + 1))[:n]
    results = tool_results(api, body)
    text = sc.get("say") or (f"The tool says – “{results[-1][:100]}”." if results else TEXT)
    if sc.get("nul"):
        text += "\u0000 after NUL \u0007"
    return text if not i else f"{text} (choice {i})"


def facts(api, body, sc):
    """The answer, provider-neutral; what is None is not said."""
    no = serial()
    prefix = {"chat": "chatcmpl-", "responses": "resp_", "messages": "msg_", "embeddings": "emb_"}[api]
    n = body.get("n") if api == "chat" and isinstance(body.get("n"), int) else 1
    choices = []
    for i in range(max(1, n or 1)):
        tools = wanted_tools(api, body, sc)
        c = {"text": None if tools and not sc.get("text") else text_of(api, body, sc, i), "tools": tools,
             "reasoning": REASONING if sc.get("reasoning") else None, "refusal": None, "finish": None}
        if sc.get("refuse"):
            c.update(refusal="I can't help with that – désolé.", text=None)
        c["finish"] = sc.get("finish") or default_finish(api, c)
        choices.append(c)
    usage = {
        "input": 100 + no, "output": 10 + no * 3,
        "cached": sc.num("cached", 0) if "cached" in sc else None,
        "cache_write": sc.num("cache_write", 0) if "cache_write" in sc else None,
        "reasoning": sc.num("reasoning_tokens", 0) if "reasoning_tokens" in sc else None,
    }
    if sc.get("usage") == "0":
        usage = None
    return {"api": api, "id": unique(prefix), "model": sc.get("answer_model") or f"{body.get('model')}-2026-11-01",
            "created": int(time.time()), "choices": choices, "usage": usage,
            "service_tier": sc.get("service_tier"),
            "fingerprint": f"fp_{no:08x}" if api == "chat" else None,
            "dimensions": body.get("dimensions") or 8}


def default_finish(api, choice):
    if choice["tools"]:
        return "tool_use" if api == "messages" else "tool_calls"
    if choice["refusal"]:
        return "refusal" if api == "messages" else "stop"
    return "end_turn" if api == "messages" else "stop"


# ---------------------------------------------------------------- helpers


def dumps(v, **kw):
    return json.dumps(v, ensure_ascii=False, separators=(",", ":"), **kw)


def pieces(text, n=5):
    """A text as a model gives it: a few characters at a time; large ones in larger bits."""
    n = max(n, len(text) // 400)
    return [text[i:i + n] for i in range(0, len(text), n)]


def sse(data, event=None):
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else dumps(data)}\n\n".encode()


# ---------------------------------------------------------------- OpenAI chat completions


def chat_usage(u):
    if not u:
        return None
    out = {"prompt_tokens": u["input"], "completion_tokens": u["output"], "total_tokens": u["input"] + u["output"]}
    details = {k: v for k, v in (("cached_tokens", u["cached"]), ("cache_write_tokens", u["cache_write"]))
               if v is not None}
    if details:
        out["prompt_tokens_details"] = details
    if u["reasoning"] is not None:
        out["completion_tokens_details"] = {"reasoning_tokens": u["reasoning"]}
    return out


def chat_json(f, body, sc):
    choices = []
    for i, c in enumerate(f["choices"]):
        m = {"role": "assistant", "content": c["text"], "refusal": c["refusal"]}
        if c["reasoning"]:
            m["reasoning_content"] = c["reasoning"]
        if c["tools"]:
            m["tool_calls"] = [{"id": t["id"], "type": "function",
                                "function": {"name": t["name"], "arguments": t["arguments"]}} for t in c["tools"]]
        choices.append({"index": i, "message": m, "finish_reason": c["finish"], "logprobs": None})
    out = {"id": f["id"], "object": "chat.completion", "created": f["created"], "model": f["model"],
           "choices": choices, "system_fingerprint": f["fingerprint"]}
    if f["usage"]:
        out["usage"] = chat_usage(f["usage"])
    if f["service_tier"]:
        out["service_tier"] = f["service_tier"]
    return out


def chat_deltas(c):
    yield {"role": "assistant", "content": ""}
    for p in pieces(c["reasoning"] or ""):
        yield {"reasoning_content": p}
    for p in pieces(c["text"] or ""):
        yield {"content": p}
    for p in pieces(c["refusal"] or ""):
        yield {"refusal": p}
    for k, t in enumerate(c["tools"]):
        yield {"tool_calls": [{"index": k, "id": t["id"], "type": "function",
                               "function": {"name": t["name"], "arguments": ""}}]}
        for p in pieces(t["arguments"], 7):
            yield {"tool_calls": [{"index": k, "function": {"arguments": p}}]}


def interleave(lists):
    for row in itertools.zip_longest(*lists):
        yield from (x for x in row if x is not None)


def chat_events(f, body, sc):
    include = bool((body.get("stream_options") or {}).get("include_usage")) and f["usage"]
    base = {"id": f["id"], "object": "chat.completion.chunk", "created": f["created"], "model": f["model"],
            "system_fingerprint": f["fingerprint"]}
    if f["service_tier"]:
        base["service_tier"] = f["service_tier"]

    def chunk(i, delta, finish=None):
        out = dict(base, choices=[{"index": i, "delta": delta, "finish_reason": finish, "logprobs": None}])
        if include:
            out["usage"] = None
        if sc.get("obfuscation"):
            out["obfuscation"] = "x" * 11
        return sse(out)

    def one(i, c):
        for d in chat_deltas(c):
            yield chunk(i, d)
        yield chunk(i, {}, c["finish"])

    yield from interleave([one(i, c) for i, c in enumerate(f["choices"])])
    if include:
        yield sse(dict(base, choices=[], usage=chat_usage(f["usage"])))
    yield sse("[DONE]")


def openai_error(status, sc):
    code = sc.get("code") or {400: "context_length_exceeded", 401: "invalid_api_key", 404: "model_not_found",
                              429: "rate_limit_exceeded", 500: "server_error", 503: "overloaded"}.get(status)
    kind = {401: "authentication_error", 429: "requests", 500: "server_error", 503: "server_error"}.get(
        status, "invalid_request_error")
    return {"error": {"message": f"The server says {status} – tough luck.", "type": kind, "param": None, "code": code}}


# ---------------------------------------------------------------- OpenAI responses


def responses_items(f):
    c = f["choices"][0]
    items = []
    if c["reasoning"]:
        items.append({"id": unique("rs_"), "type": "reasoning",
                      "summary": [{"type": "summary_text", "text": c["reasoning"]}]})
    if c["text"] is not None or c["refusal"]:
        part = ({"type": "refusal", "refusal": c["refusal"]} if c["refusal"] else
                {"type": "output_text", "text": c["text"], "annotations": []})
        items.append({"id": unique("msg_"), "type": "message", "role": "assistant", "status": "completed",
                      "content": [part]})
    for t in c["tools"]:
        items.append({"id": unique("fc_"), "type": "function_call", "status": "completed", "call_id": t["id"],
                      "name": t["name"], "arguments": t["arguments"]})
    return items


def responses_usage(u):
    if not u:
        return None
    out = {"input_tokens": u["input"], "output_tokens": u["output"], "total_tokens": u["input"] + u["output"]}
    details = {k: v for k, v in (("cached_tokens", u["cached"]), ("cache_write_tokens", u["cache_write"]))
               if v is not None}
    out["input_tokens_details"] = details or {"cached_tokens": 0}
    out["output_tokens_details"] = {"reasoning_tokens": u["reasoning"] or 0}
    u["cached"] = details.get("cached_tokens", None if details else 0)
    u["reasoning"] = u["reasoning"] or 0
    return out


def responses_object(f, body, items, status="completed", incomplete=None, error=None):
    return {"id": f["id"], "object": "response", "created_at": f["created"], "status": status,
            "background": False, "error": error, "incomplete_details": incomplete,
            "instructions": body.get("instructions"), "model": f["model"], "output": items,
            "parallel_tool_calls": True, "previous_response_id": body.get("previous_response_id"),
            "service_tier": f["service_tier"] or "default", "temperature": body.get("temperature"),
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": body.get("tools") or [],
            "top_p": body.get("top_p"), "metadata": {},
            "usage": responses_usage(f["usage"]) if status in ("completed", "incomplete") else None}


def responses_json(f, body, sc):
    f["service_tier"] = f["service_tier"] or "default"
    if sc.get("incomplete"):
        f["choices"][0]["finish"] = "length"
        return responses_object(f, body, responses_items(f), "incomplete", {"reason": "max_output_tokens"})
    return responses_object(f, body, responses_items(f))


def responses_events(f, body, sc):
    f["service_tier"] = f["service_tier"] or "default"
    seq = itertools.count()
    items = responses_items(f)

    def ev(kind, **kw):
        return sse({"type": kind, "sequence_number": next(seq), **kw}, kind)

    yield ev("response.created", response=responses_object(f, body, [], "in_progress"))
    yield ev("response.in_progress", response=responses_object(f, body, [], "in_progress"))
    for k, item in enumerate(items):
        yield from responses_item_events(ev, k, item)
    if sc.get("incomplete"):
        f["choices"][0]["finish"] = "length"
        yield ev("response.incomplete",
                 response=responses_object(f, body, items, "incomplete", {"reason": "max_output_tokens"}))
    elif sc.get("failed"):
        error = {"code": "server_error", "message": "The model failed."}
        f["usage"] = None
        yield ev("response.failed", response=responses_object(f, body, items, "failed", error=error))
    else:
        yield ev("response.completed", response=responses_object(f, body, items))


def responses_item_events(ev, k, item):
    empty = dict(item, status="in_progress")
    kind = item["type"]
    for key in ("content", "summary"):
        if key in item:
            empty[key] = []
    if "arguments" in item:
        empty["arguments"] = ""
    yield ev("response.output_item.added", output_index=k, item=empty)
    common = {"item_id": item["id"], "output_index": k}
    if kind == "message":
        part = item["content"][0]
        word, key = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
        yield ev("response.content_part.added", content_index=0, part=dict(part, **{key: ""}), **common)
        for p in pieces(part[key]):
            yield ev(f"response.{word}.delta", content_index=0, delta=p, **common)
        yield ev(f"response.{word}.done", content_index=0, **{key: part[key]}, **common)
        yield ev("response.content_part.done", content_index=0, part=part, **common)
    elif kind == "reasoning":
        part = item["summary"][0]
        yield ev("response.reasoning_summary_part.added", summary_index=0, part=dict(part, text=""), **common)
        for p in pieces(part["text"]):
            yield ev("response.reasoning_summary_text.delta", summary_index=0, delta=p, **common)
        yield ev("response.reasoning_summary_text.done", summary_index=0, text=part["text"], **common)
        yield ev("response.reasoning_summary_part.done", summary_index=0, part=part, **common)
    else:
        for p in pieces(item["arguments"], 7):
            yield ev("response.function_call_arguments.delta", delta=p, **common)
        yield ev("response.function_call_arguments.done", arguments=item["arguments"], name=item["name"], **common)
    yield ev("response.output_item.done", output_index=k, item=item)


# ---------------------------------------------------------------- OpenAI embeddings


def embeddings_json(f, body, sc):
    inputs = body.get("input")
    count = len(inputs) if isinstance(inputs, list) and inputs and not isinstance(inputs[0], int) else 1
    vector = [((i * 37) % 19 - 9) / 8 for i in range(f["dimensions"])]
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    out = {"object": "list", "model": f["model"],
           "data": [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)]}
    if f["usage"]:
        out["usage"] = {"prompt_tokens": f["usage"]["input"], "total_tokens": f["usage"]["input"]}
    return out


# ---------------------------------------------------------------- Anthropic messages


def messages_usage(u, output):
    out = {"input_tokens": u["input"], "output_tokens": output, "service_tier": "standard"}
    if u["cached"] is not None:
        out["cache_read_input_tokens"] = u["cached"]
    if u["cache_write"] is not None:
        out["cache_creation_input_tokens"] = u["cache_write"]
        out["cache_creation"] = {"ephemeral_5m_input_tokens": u["cache_write"], "ephemeral_1h_input_tokens": 0}
    if u["reasoning"] is not None:
        out["output_tokens_details"] = {"thinking_tokens": u["reasoning"]}
    return out


def messages_blocks(c):
    if c["reasoning"]:
        yield {"type": "thinking", "thinking": c["reasoning"], "signature": "c2lnbmF0dXJl"}
    if c["text"] is not None or c["refusal"]:
        yield {"type": "text", "text": c["text"] if c["text"] is not None else c["refusal"]}
    for t in c["tools"]:
        yield {"type": "tool_use", "id": t["id"], "name": t["name"], "input": json.loads(t["arguments"] or "{}")}


def messages_json(f, body, sc):
    c = f["choices"][0]
    out = {"id": f["id"], "type": "message", "role": "assistant", "model": f["model"],
           "content": list(messages_blocks(c)), "stop_reason": c["finish"], "stop_sequence": None}
    u = f["usage"] or {"input": 0, "output": 0, "cached": None, "cache_write": None, "reasoning": None}
    f["usage"] = u
    out["usage"] = messages_usage(u, u["output"])
    return out


def messages_events(f, body, sc):
    c = f["choices"][0]
    start = messages_json(f, body, sc)
    start.update(content=[], stop_reason=None, usage=messages_usage(f["usage"], 1))

    def ev(kind, **kw):
        # The real service pads with spaces before the last brace.
        return sse(dumps({"type": kind, **kw})[:-1] + "  }", kind)

    yield ev("message_start", message=start)
    yield ev("ping")
    for k, b in enumerate(messages_blocks(c)):
        yield from messages_block_events(ev, k, b, c)
    usage = {"output_tokens": f["usage"]["output"]}
    if f["usage"]["reasoning"] is not None:
        usage["output_tokens_details"] = {"thinking_tokens": f["usage"]["reasoning"]}
    yield ev("message_delta", delta={"stop_reason": c["finish"], "stop_sequence": None}, usage=usage)
    yield ev("message_stop")


def messages_block_events(ev, k, b, c):
    if b["type"] == "text":
        yield ev("content_block_start", index=k, content_block={"type": "text", "text": ""})
        for p in pieces(b["text"]):
            yield ev("content_block_delta", index=k, delta={"type": "text_delta", "text": p})
    elif b["type"] == "thinking":
        yield ev("content_block_start", index=k, content_block={"type": "thinking", "thinking": "", "signature": ""})
        for p in pieces(b["thinking"]):
            yield ev("content_block_delta", index=k, delta={"type": "thinking_delta", "thinking": p})
        yield ev("content_block_delta", index=k, delta={"type": "signature_delta", "signature": b["signature"]})
    else:
        args = next(t["arguments"] for t in c["tools"] if t["id"] == b["id"])
        yield ev("content_block_start", index=k, content_block=dict(b, input={}))
        yield ev("content_block_delta", index=k, delta={"type": "input_json_delta", "partial_json": ""})
        for p in pieces(args, 7):
            yield ev("content_block_delta", index=k, delta={"type": "input_json_delta", "partial_json": p})
    yield ev("content_block_stop", index=k)


def messages_error(status, sc):
    kind = sc.get("code") or {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
                              413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
                              529: "overloaded_error"}.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": f"The server says {status} – tough luck."},
            "request_id": unique("req_")}


# ---------------------------------------------------------------- the table


def mid_stream_error(api):
    """(event bytes, error.type that the wire says)"""
    if api == "chat":
        return sse({"error": {"message": "The server had an error – sorry.", "type": "server_error", "param": None,
                              "code": "stream_broke"}}), "stream_broke"
    if api == "responses":
        return sse({"type": "error", "sequence_number": 9,
                    "error": {"type": "server_error", "code": "stream_broke", "message": "sorry", "param": None}},
                   "error"), "stream_broke"
    return sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded – sorry."}},
               "error"), "overloaded_error"


APIS = {
    "chat": (chat_json, chat_events, openai_error),
    "responses": (responses_json, responses_events, openai_error),
    "embeddings": (embeddings_json, None, openai_error),
    "messages": (messages_json, messages_events, messages_error),
}


def api_of(method, path):
    if method != "POST":
        return None
    for suffix, api in (("/chat/completions", "chat"), ("/responses", "responses"),
                        ("/embeddings", "embeddings"), ("/messages", "messages")):
        if path.endswith(suffix):
            return api
    return None
