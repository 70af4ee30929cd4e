# SPDX-License-Identifier: Apache-2.0
"""py_agent.py SCRIPT openai|anthropic|both sync|threads|async: agents on the real SDKs that run what the model asks for.

SCRIPT: JSON, a list of {"ask": TEXT, "tools": [[NAME, ARGUMENTS, HOW]...]} turns. The model's answer asks for the tools in order
(a scenario of the fake server), HOW is argv, "python" (nothing is started), "fail", "never" (no result is told) or "daemon".
Says on stdout, as JSON lines, what it did: the truth that the spans are held against.
"""

import asyncio
import concurrent.futures
import json
import os
import subprocess
import sys
import threading

import anthropic
import openai

script, sdk, mode = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2], sys.argv[3]
said = threading.Lock()


def say(**what):
    with said:
        print(json.dumps(what), flush=True)


def run_tool(turn, name, call_id):
    how = next(h for n, _, h in turn["tools"] if n == name)
    pid, failed, text = None, False, "well"
    if isinstance(how, list):
        p = subprocess.Popen(how, stdout=subprocess.PIPE, text=True)
        pid, text = p.pid, p.communicate()[0]
    elif how == "daemon":
        p = subprocess.Popen(["sh", "-c", "sleep 0.7 >/dev/null 2>&1 & echo started"], stdout=subprocess.PIPE, text=True)
        pid, text = p.pid, p.communicate()[0]
    elif how == "fail":
        failed, text = True, "no such thing"
    say(tool=name, id=call_id, pid=pid, failed=failed, told=how != "never")
    return None if how == "never" else (text, failed)


def tools(turn, key):
    schema = lambda a: {"type": "object", "properties": {k: {"type": "string", "default": v} for k, v in a.items()}}
    if key == "anthropic":
        return [{"name": n, "input_schema": schema(a)} for n, a, _ in turn["tools"]]
    return [{"type": "function", "function": {"name": n, "parameters": schema(a)}} for n, a, _ in turn["tools"]]


def extra(turn, rounds):
    return {"X-Scenario": f"tools={0 if rounds else len(turn['tools'])}"}


def openai_request(turn, messages, rounds):
    return {"model": f"m-{turn['ask']}", "messages": messages, "tools": tools(turn, "openai"),
            "extra_headers": extra(turn, rounds)}


def openai_asked(answer, messages):
    m = answer.choices[0].message
    messages.append(m.model_dump(exclude_none=True))
    return [(c.function.name, c.id) for c in m.tool_calls or []]


def openai_told(messages, results):
    messages += [{"role": "tool", "tool_call_id": i, "content": r[0]} for i, r in results if r]


def anthropic_request(turn, messages, rounds):
    return {"model": f"m-{turn['ask']}", "max_tokens": 100, "messages": messages, "tools": tools(turn, "anthropic"),
            "extra_headers": extra(turn, rounds)}


def anthropic_asked(answer, messages):
    messages.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in answer.content]})
    return [(b.name, b.id) for b in answer.content if b.type == "tool_use"]


def anthropic_told(messages, results):
    messages.append({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": i, "content": r[0], "is_error": r[1]} for i, r in results if r] +
        [{"type": "text", "text": "go on"}]})


KINDS = {"openai": (openai_request, openai_asked, openai_told), "anthropic": (anthropic_request, anthropic_asked, anthropic_told)}


def converse(key, client, turns):
    """One conversation, tools of one answer in threads at once."""
    request, asked, told = KINDS[key]
    messages = []
    create = client.chat.completions.create if key == "openai" else client.messages.create
    for turn in turns:
        messages.append({"role": "user", "content": turn["ask"]})
        for rounds in range(2):
            calls = asked(create(**request(turn, messages, rounds)), messages)
            if not calls:
                break
            with concurrent.futures.ThreadPoolExecutor() as pool:
                results = list(pool.map(lambda c: (c[1], run_tool(turn, *c)), calls))
            told(messages, results)
            if not all(r for _, r in results):
                messages.clear()
                break


async def converse_async(key, client, turns):
    request, asked, told = KINDS[key]
    messages = []
    create = client.chat.completions.create if key == "openai" else client.messages.create
    for turn in turns:
        messages.append({"role": "user", "content": turn["ask"]})
        for rounds in range(2):
            calls = asked(await create(**request(turn, messages, rounds)), messages)
            if not calls:
                break
            results = await asyncio.gather(*(asyncio.to_thread(run_tool, turn, *c) for c in calls))
            told(messages, [(c[1], r) for c, r in zip(calls, results)])
            if not all(results):
                messages.clear()
                break


async def all_async(keys):
    clients = {"openai": openai.AsyncOpenAI, "anthropic": anthropic.AsyncAnthropic}
    await asyncio.gather(*(converse_async(k, clients[k](), turns) for k in keys for turns in script))


def main():
    keys = ["openai", "anthropic"] if sdk == "both" else [sdk]
    clients = {"openai": openai.OpenAI, "anthropic": anthropic.Anthropic}
    say(agent=os.getpid())
    if mode == "async":
        asyncio.run(all_async(keys))
        return
    jobs = [(k, clients[k](), turns) for k in keys for turns in script]
    if mode == "threads":
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            for f in [pool.submit(converse, *j) for j in jobs]:
                f.result()
    else:
        for j in jobs:
            converse(*j)


main()
