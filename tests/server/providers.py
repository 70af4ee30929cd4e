# SPDX-License-Identifier: Apache-2.0
"""Scripted answers of the providers beyond OpenAI and Anthropic, in their own words: plain HTTP, one answer a path.

providers.py PORT-FILE    listens on 127.0.0.1, writes "HTTP-PORT WEBSOCKET-PORT" when it does, and ends with its stdin.
"""

import base64
import json
import struct
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "It is raining in Łódź ☔."
PIECES = ["It is ", "raining in ", "Łódź ☔."]


def dumps(v):
    return json.dumps(v, ensure_ascii=False).encode()


def sse(v, event=None):
    return (f"event: {event}\n" if event else "").encode() + b"data: " + (v if isinstance(v, bytes) else dumps(v)) + b"\n\n"


def frame(kind, name, payload):
    """AWS event stream: Smithy's "Amazon Event Stream" specification."""
    headers = b""
    for k, v in ((f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind)):
        headers += bytes([len(k)]) + k.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


# ---------------------------------------------------------------- Google

def gemini_chunk(text, last, **usage):
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "modelVersion": "gemini-test-001", "responseId": "rsp-1",
            "usageMetadata": {"promptTokenCount": 11, **usage}}


def gemini_generate(body):
    return dumps(gemini_chunk(TEXT, True, candidatesTokenCount=7, thoughtsTokenCount=5, totalTokenCount=23))


def gemini_stream(body):
    for i, p in enumerate(PIECES):
        last = i == len(PIECES) - 1
        yield b"data: " + dumps(gemini_chunk(p, last, **({"candidatesTokenCount": 7, "thoughtsTokenCount": 5} if last else {}))) + b"\r\n\r\n"


def gemini_embed(body):
    return dumps({"embeddings": [{"values": [0.1, 0.2, 0.3]}] * len(body.get("requests", [1]))})


# ---------------------------------------------------------------- Bedrock

BEDROCK_USAGE = {"inputTokens": 10, "outputTokens": 7, "totalTokens": 117, "cacheReadInputTokens": 100}


def converse(body):
    return dumps({"output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}}, "stopReason": "end_turn",
                  "usage": BEDROCK_USAGE, "metrics": {"latencyMs": 5}})


def converse_stream(body):
    yield frame("event", "messageStart", dumps({"role": "assistant", "p": "abc"}))
    for p in PIECES:
        yield frame("event", "contentBlockDelta", dumps({"contentBlockIndex": 0, "delta": {"text": p}, "p": "abcdef"}))
    yield frame("event", "contentBlockStop", dumps({"contentBlockIndex": 0}))
    yield frame("event", "messageStop", dumps({"stopReason": "end_turn"}))
    yield frame("event", "metadata", dumps({"usage": BEDROCK_USAGE, "metrics": {"latencyMs": 5}}))


def converse_exception(body):
    yield frame("event", "messageStart", dumps({"role": "assistant"}))
    yield frame("exception", "throttlingException", dumps({"message": "slow down"}))


def claude_events():
    yield {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test",
           "content": [], "stop_reason": None, "usage": {"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for p in PIECES:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10, "outputTokenCount": 7}}


def invoke_stream(body):
    for e in claude_events():
        yield frame("event", "chunk", dumps({"bytes": base64.b64encode(dumps(e)).decode(), "p": "abc"}))


# ---------------------------------------------------------------- Cohere

COHERE_USAGE = {"billed_units": {"input_tokens": 11, "output_tokens": 7}, "tokens": {"input_tokens": 80, "output_tokens": 9}}


def cohere_chat(body):
    if not body.get("stream"):
        return dumps({"id": "c-1", "finish_reason": "COMPLETE", "usage": COHERE_USAGE,
                      "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}})
    return cohere_stream()


def cohere_stream():
    def event(kind, **more):
        return sse({"type": kind, **more}, kind)
    yield event("message-start", id="c-1", delta={"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}})
    yield event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
    for p in PIECES:
        yield event("content-delta", index=0, delta={"message": {"content": {"text": p}}})
    yield event("content-end", index=0)
    yield event("message-end", delta={"finish_reason": "COMPLETE", "usage": COHERE_USAGE})


def cohere_embed(body):
    return dumps({"id": "e-1", "embeddings": {"float": [[0.1, 0.2]]}, "texts": body["texts"], "response_type": "embeddings_by_type",
                  "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3}}})


def cohere_rerank(body):
    return dumps({"id": "r-1", "results": [{"index": 1, "relevance_score": 0.9}],
                  "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}})


# ---------------------------------------------------------------- OpenAI-compatible

def chat(body):
    usage = {"prompt_tokens": 11, "completion_tokens": 12, "total_tokens": 23, "completion_tokens_details": {"reasoning_tokens": 5}}
    head = {"id": "chatcmpl-1", "created": 1, "model": body["model"] + "-001"}
    if not body.get("stream"):
        return dumps({**head, "object": "chat.completion", "usage": usage, "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}]})
    return chat_stream(head, usage)


def chat_stream(head, usage):
    head = {**head, "object": "chat.completion.chunk"}
    for i, p in enumerate(PIECES):
        last = i == len(PIECES) - 1
        yield sse({**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": p}, "finish_reason": "stop" if last else None}],
                   **({"usage": usage, "x_groq": {"id": "req_1", "usage": usage}} if last else {})})
    yield sse(b"[DONE]")


# ---------------------------------------------------------------- Ollama

def ollama(answer, body):
    head = {"model": body["model"], "created_at": "2026-11-21T00:00:00Z"}
    for p in PIECES:
        yield dumps({**head, **answer(p), "done": False}) + b"\n"
    yield dumps({**head, **answer(""), "done": True, "done_reason": "stop", "total_duration": 9, "prompt_eval_count": 11,
                 "eval_count": 7}) + b"\n"


def ollama_chat(body):
    return ollama(lambda p: {"message": {"role": "assistant", "content": p}}, body)


def ollama_generate(body):
    return ollama(lambda p: {"response": p}, body)


def ollama_embed(body):
    return dumps({"model": body["model"], "embeddings": [[0.1, 0.2]], "total_duration": 9, "prompt_eval_count": 3})


JSON, EVENTS, LINES, FRAMES = "application/json", "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"

ANSWERS = (		# the path's end, the answer, its type
    (":generateContent", gemini_generate, JSON),
    (":streamGenerateContent", gemini_stream, EVENTS),
    (":batchEmbedContents", gemini_embed, JSON),
    (":embedContent", lambda body: dumps({"embedding": {"values": [0.1, 0.2, 0.3]}}), JSON),
    ("throttled/converse-stream", converse_exception, FRAMES),
    ("/converse-stream", converse_stream, FRAMES),
    ("/converse", converse, JSON),
    ("/invoke-with-response-stream", invoke_stream, FRAMES),
    ("/v2/chat", cohere_chat, None),
    ("/v2/embed", cohere_embed, JSON),
    ("/v2/rerank", cohere_rerank, JSON),
    ("/chat/completions", chat, None),
    ("/api/chat", ollama_chat, LINES),
    ("/api/generate", ollama_generate, LINES),
    ("/api/embed", ollama_embed, JSON),
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0].replace("%3A", ":")
        for end, answer, kind in ANSWERS:
            if path.endswith(end):
                self.answer(answer(body), kind)
                return
        self.send_error(404)

    def answer(self, out, kind):
        whole = isinstance(out, bytes)
        self.send_response(200)
        self.send_header("Content-Type", kind or (JSON if whole else EVENTS))
        self.send_header("x-amzn-RequestId", "aws-req-1")
        if whole:
            self.send_header("Content-Length", str(len(out)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if whole:
            self.wfile.write(out)
            return
        for piece in out:
            self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


# ---------------------------------------------------------------- the Responses API over a WebSocket

def response(n, status, output, usage):
    return {"id": f"resp_{n}", "object": "response", "created_at": 1, "status": status, "model": "gpt-ws-001", "output": output,
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage, "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "temperature": 1.0, "top_p": 1.0}


def responses_events(n, warm_up):
    usage = None if warm_up else {"input_tokens": 11, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 7,
                                  "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 18}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": TEXT, "annotations": []}]}
    yield {"type": "response.created", "response": response(n, "in_progress", [], None)}
    if not warm_up:
        yield {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": [], "status": "in_progress"}}
        for p in PIECES:
            yield {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "msg_1", "delta": p,
                   "logprobs": []}
        yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": response(n, "completed", [] if warm_up else [item], usage)}


def talk(ws):
    n = 0
    for text in ws:
        asked = json.loads(text)
        if asked.get("type") != "response.create":
            continue
        for i, e in enumerate(responses_events(n, asked.get("generate") is False)):
            ws.send(json.dumps({**e, "sequence_number": i}, ensure_ascii=False))
        n += 1


def main():
    from websockets.sync.server import serve  # the providers' virtual environment has it
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ws = serve(talk, "127.0.0.1", 0)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    threading.Thread(target=ws.serve_forever, daemon=True).start()
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
        f.write(f"{http.server_address[1]} {ws.socket.getsockname()[1]}")
    import os
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    sys.stdin.read()


if __name__ == "__main__":
    main()
