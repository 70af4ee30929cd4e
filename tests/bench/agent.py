#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fixed agent: asks a model, streams the answer, runs a tool, asks again.

agent.py PORT CALLS THINK TOOLS: THINK 1 makes the server think for 50 to 200 ms
before an answer and 1 ms between its chunks; a tool runs after each TOOLS-th call.
Prints what it took as one line of JSON."""
import http.client
import json
import os
import ssl
import subprocess
import sys
import time


def ask(conn, messages, think_ms, gap_us):
    body = json.dumps({"model": "m-1", "stream": True, "messages": messages})
    conn.request("POST", "/v1/chat/completions", body, {
        "Content-Type": "application/json",
        "X-Bench": f"kind=2 chunks=30 size=20 think_ms={think_ms} gap_us={gap_us}",
    })
    said = []
    for line in conn.getresponse():
        if not line.startswith(b"data: {"):
            continue
        for choice in json.loads(line[6:])["choices"]:
            said.append(choice["delta"].get("content") or "")
    return "".join(said)


def cpu_seconds():
    """Its own and that of the tools that have ended."""
    return time.process_time() + sum(os.times()[2:4])


def main():
    port, calls, think, tools = map(int, sys.argv[1:5])
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    messages = [{"role": "system", "content": "You are a careful assistant. " * 40}]
    begin, cpu = time.monotonic(), cpu_seconds()
    conn = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    for i in range(calls):
        messages.append({"role": "user", "content": f"step {i}: what next?"})
        answer = ask(conn, messages[-20:], 50 + i * 37 % 151 if think else 0, 1000 if think else 0)
        messages.append({"role": "assistant", "content": answer})
        if i % tools == tools - 1:
            subprocess.run(["/bin/sh", "-c", "grep -c root /etc/passwd; ls /usr/bin | head -20"],
                           stdout=subprocess.DEVNULL, check=False)
    conn.close()
    print(json.dumps({"wall": time.monotonic() - begin, "cpu": cpu_seconds() - cpu}))


main()
