# SPDX-License-Identifier: Apache-2.0
"""py_openai.py CALLS sync|async: the calls of a JSON list, through the openai SDK."""

import asyncio
import json
import sys

import openai

calls, mode = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]


def method(client, api):
    return {"chat": client.chat.completions, "responses": client.responses, "embeddings": client.embeddings}[api].create


def arguments(call):
    kw = dict(call["body"])
    if "top_k" in kw:	# no field of the SDK
        kw["extra_body"] = {"top_k": kw.pop("top_k")}
    if call.get("scenario"):
        kw["extra_headers"] = {"X-Scenario": call["scenario"]}
    return kw


def sync():
    with openai.OpenAI(max_retries=2) as client:
        for call in calls:
            try:
                answer = method(client.with_options(max_retries=call.get("retries", 0)), call["api"])(**arguments(call))
                if call["body"].get("stream"):
                    for _ in answer:
                        pass
            except openai.APIError as e:
                print(type(e).__name__)


async def one(client, call):
    try:
        answer = await method(client.with_options(max_retries=call.get("retries", 0)), call["api"])(**arguments(call))
        if call["body"].get("stream"):
            async for _ in answer:
                pass
    except openai.APIError as e:
        print(type(e).__name__)


async def all_at_once():
    async with openai.AsyncOpenAI() as client:
        await asyncio.gather(*(one(client, c) for c in calls))


if mode == "sync":
    sync()
else:
    asyncio.run(all_at_once())
