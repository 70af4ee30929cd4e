# SPDX-License-Identifier: Apache-2.0
"""Lists of model calls for the clients to make. Each asks for a model of its own, so that its span can be found."""

import itertools
import json

_no = itertools.count(1)

CITY = {"type": "object", "properties": {"city": {"type": "string", "examples": ["Zürich – “Wipkingen”"]}}}
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": CITY}}
CHAT_TOOL2 = {"type": "function", "function": {"name": "get_time", "parameters": CITY}}
RESPONSES_TOOL = {"type": "function", "name": "get_weather", "parameters": CITY, "strict": False}
MESSAGES_TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": CITY}
HELLO = [{"role": "system", "content": "Be brief – “knapp”."}, {"role": "user", "content": "Wie ist's in Zürich? ☀"}]
USER = [{"role": "user", "content": "Wie ist's in Zürich? ☀"}]

# How the answer is said; every client has to cope with these, so they only differ in bytes.
CUTS = ["chunks=one", "chunks=utf8", "chunks=odd;writes=odd", "chunks=line;crlf=1", "writes=size", "writes=merge",
        "framing=close", "framing=length", "trailers=1;comments=1"]
CODINGS = ["coding=gzip", "coding=deflate", "coding=gzip;chunks=one"]


def call(api, stream=False, scenario="", retries=0, **body):
    no = next(_no)
    body = {"model": f"{api}-model-{no}", **body}
    if stream:
        body["stream"] = True
    return {"api": api, "scenario": scenario, "retries": retries, "body": body}


def chat(stream=False, scenario="", retries=0, usage=True, **body):
    body.setdefault("messages", HELLO)
    if stream and usage:
        body["stream_options"] = {"include_usage": True}
    return call("chat", stream, scenario, retries, **body)


def responses(stream=False, scenario="", retries=0, **body):
    body.setdefault("input", "Wie ist's in Zürich? ☀")
    return call("responses", stream, scenario, retries, **body)


def messages(stream=False, scenario="", retries=0, **body):
    body = {"max_tokens": 300, "messages": USER, **body}
    return call("messages", stream, scenario, retries, **body)


def embeddings(scenario="", retries=0, **body):
    body.setdefault("input", ["eins", "zwei"])
    return call("embeddings", False, scenario, retries, **body)


def openai_calls():
    tool_turn = USER + [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Zürich"}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 °C"}]
    out = [
        chat(),
        chat(temperature=0.25, top_p=0.5, frequency_penalty=0.5, presence_penalty=-0.5, seed=42, max_completion_tokens=99,
             stop=["END", "„ENDE“"], service_tier="flex", scenario="service_tier=flex",
             response_format={"type": "json_object"}),
        chat(max_tokens=7, stop="x", reasoning_effort="high", scenario="finish=length;pretty=1"),
        chat(stream=True),
        chat(stream=True, usage=False),
        chat(n=3),
        chat(stream=True, n=3),
        chat(tools=[CHAT_TOOL]),
        chat(stream=True, tools=[CHAT_TOOL, CHAT_TOOL2], scenario="tools=2;chunks=odd"),
        chat(stream=True, tools=[CHAT_TOOL], scenario="args=empty"),
        chat(stream=True, tools=[CHAT_TOOL], messages=tool_turn),
        chat(scenario="reasoning=1;cached=33;cache_write=7;reasoning_tokens=5"),
        chat(stream=True, scenario="reasoning=1;cached=33;reasoning_tokens=5;obfuscation=1"),
        chat(stream=True, scenario="refuse=1"),
        chat(scenario="refuse=1"),
        chat(scenario="usage=0"),
        responses(),
        responses(stream=True, instructions="Be brief – “knapp”.", temperature=0.5, max_output_tokens=200,
                  previous_response_id="resp_before", reasoning={"effort": "low"}),
        responses(stream=True, tools=[RESPONSES_TOOL], scenario="reasoning=1;cached=4;reasoning_tokens=3"),
        responses(tools=[RESPONSES_TOOL], text={"format": {"type": "text"}}),
        responses(stream=True, scenario="incomplete=1"),
        responses(stream=True, scenario="refuse=1;chunks=utf8"),
        responses(stream=True, input=[{"role": "user", "content": [{"type": "input_text", "text": "Grüezi"}]},
                                      {"type": "function_call", "call_id": "call_7", "name": "get_weather", "arguments": "{}"},
                                      {"type": "function_call_output", "call_id": "call_7", "output": "21 °C"}]),
        embeddings(),
        embeddings(dimensions=16, encoding_format="float"),
    ]
    out += [chat(stream=True, scenario=s) for s in CUTS + CODINGS + ["coding=accept"]]
    out += [chat(scenario=s) for s in ("chunks=odd;framing=chunked", "http10=1", "coding=accept;chunks=one", "late=0.05")]
    return out + openai_errors()


def openai_errors():
    return [
        chat(scenario="status=400"),
        chat(stream=True, scenario="status=401"),
        chat(scenario="status=429;retry_after=0"),
        chat(stream=True, scenario="status=500"),
        responses(stream=True, scenario="status=404"),
        embeddings(scenario="status=400"),
        chat(stream=True, scenario="fail_first=2;retry_after=0.01", retries=2),
    ]


def anthropic_calls():
    thinking = [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Zürich"}}]
    turn = USER + [{"role": "assistant", "content": thinking},
                   {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 °C"}]}]
    out = [
        messages(),
        messages(system="Be brief – “knapp”.", temperature=0.5, top_p=0.9, top_k=20, stop_sequences=["END"]),
        messages(system=[{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]),
        messages(stream=True),
        messages(stream=True, tools=[MESSAGES_TOOL]),
        messages(tools=[MESSAGES_TOOL], scenario="text=1"),
        messages(stream=True, tools=[MESSAGES_TOOL], messages=turn),
        messages(stream=True, scenario="reasoning=1;cached=1000;cache_write=200;reasoning_tokens=9"),
        messages(scenario="reasoning=1;cached=1000;cache_write=200"),
        messages(stream=True, scenario="finish=max_tokens"),
        messages(scenario="refuse=1"),
    ]
    out += [messages(stream=True, scenario=s) for s in CUTS + CODINGS + ["coding=accept"]]
    return out + anthropic_errors()


def anthropic_errors():
    return [
        messages(scenario="status=400"),
        messages(stream=True, scenario="status=401"),
        messages(scenario="status=429;retry_after=0"),
        messages(stream=True, scenario="status=529"),
        messages(stream=True, scenario="fail_first=1;retry_after=0.01", retries=2),
    ]


def plain_calls():
    """For HTTP libraries: a few of each, and what an SDK would not ask for."""
    return [
        chat(), chat(stream=True), chat(stream=True, scenario="chunks=one"), chat(stream=True, scenario="coding=accept"),
        chat(scenario="http10=1"), chat(scenario="framing=chunked;trailers=1;chunks=odd"),
        chat(stream=True, scenario="framing=close"), chat(stream=True, scenario="coding=gzip;chunks=odd"),
        chat(stream=True, scenario="chunks=line;crlf=1;comments=1"), chat(scenario="status=429"),
        chat(stream=True, scenario="delay=0.01;first=0.05"),
        responses(stream=True), embeddings(), messages(), messages(stream=True, scenario="reasoning=1"),
        messages(scenario="status=529"), chat(scenario="size=300000"),
    ]


def write(path, calls):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(calls, f)
    return str(path)


def exchanges_of(calls):
    """How many exchanges these calls make: those that fail first are repeated."""
    n = 0
    for c in calls:
        fails = [w for w in c["scenario"].split(";") if w.startswith("fail_first=")]
        n += 1 + (int(fails[0].split("=")[1]) if fails else 0)
    return n
