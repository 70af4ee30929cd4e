#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small agent on the real SDKs: it knows nothing of onlooker. OPENAI_BASE_URL and ANTHROPIC_BASE_URL say where the models are."""

import subprocess

import anthropic
import openai

COMMANDS = {"list_files": ["ls", "-l", "/etc/os-release"], "todays_date": ["date", "+%F"]}


def run_tool(name):
    """Runs what the model asked for, as every coding agent does."""
    print(f"  [tool] {' '.join(COMMANDS[name])}")
    return subprocess.run(COMMANDS[name], capture_output=True, text=True, check=False).stdout.strip()


def tool_text(name):
    return {"list_files": "List the files of a directory.", "todays_date": "Today's date."}[name]


def ask_openai(client, messages):
    tools = [{"type": "function", "function": {"name": n, "description": tool_text(n),
                                               "parameters": {"type": "object", "properties": {}}}}
             for n in ("list_files",)]
    stream = client.chat.completions.create(model="gpt-5-demo", messages=messages, tools=tools, stream=True,
                                            stream_options={"include_usage": True})
    text, calls = "", {}
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                entry = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
                entry["arguments"] += call.function.arguments or ""
    return text, list(calls.values())


def openai_turn(client, messages, question):
    print(f"you: {question}")
    messages.append({"role": "user", "content": question})
    text, calls = ask_openai(client, messages)
    while calls:
        messages.append({"role": "assistant", "content": text or None, "tool_calls": [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
            for c in calls]})
        for c in calls:
            messages.append({"role": "tool", "tool_call_id": c["id"], "content": run_tool(c["name"])})
        text, calls = ask_openai(client, messages)
    messages.append({"role": "assistant", "content": text})
    print(f"gpt: {text}")


def anthropic_turn(client, question):
    print(f"you: {question}")
    messages = [{"role": "user", "content": question}]
    tools = [{"name": "todays_date", "description": tool_text("todays_date"),
              "input_schema": {"type": "object", "properties": {}}}]
    while True:
        m = client.messages.create(model="claude-demo", max_tokens=400, system="Be brief.", messages=messages,
                                   tools=tools)
        uses = [b for b in m.content if b.type == "tool_use"]
        if not uses:
            break
        messages.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in m.content]})
        messages.append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": b.id, "content": run_tool(b.name)} for b in uses]})
    print(f"claude: {''.join(b.text for b in m.content if b.type == 'text')}")


def main():
    messages = [{"role": "system", "content": "You help with files."}]
    client = openai.OpenAI()
    openai_turn(client, messages, "Which system is this? Look at its files.")
    openai_turn(client, messages, "And in one sentence?")
    anthropic_turn(anthropic.Anthropic(), "Which day is it?")


if __name__ == "__main__":
    main()
