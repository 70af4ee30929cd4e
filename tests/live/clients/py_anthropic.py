# SPDX-License-Identifier: Apache-2.0
"""py_anthropic.py CALLS sync|async|helper: the calls of a JSON list, through the anthropic SDK."""

import asyncio
import json
import sys

import anthropic

calls, mode = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]


def arguments(call):
    kw = dict(call["body"])
    extra = {k: kw.pop(k) for k in ("temperature", "top_p", "top_k", "output_config") if k in kw}
    if extra:	# newer SDKs dropped some of these from the signature, the wire still carries them
        kw["extra_body"] = extra
    if call.get("scenario"):
        kw["extra_headers"] = {"X-Scenario": call["scenario"]}
    return kw


def sync():
    with anthropic.Anthropic() as base:
        for call in calls:
            client = base.with_options(max_retries=call.get("retries", 0))
            try:
                if mode == "helper" and call["body"].get("stream"):
                    kw = arguments(call)
                    kw.pop("stream")
                    with client.messages.stream(**kw) as s:
                        s.get_final_message()
                    continue
                answer = client.messages.create(**arguments(call))
                if call["body"].get("stream"):
                    for _ in answer:
                        pass
            except anthropic.APIError as e:
                print(type(e).__name__)


async def one(base, call):
    client = base.with_options(max_retries=call.get("retries", 0))
    try:
        answer = await client.messages.create(**arguments(call))
        if call["body"].get("stream"):
            async for _ in answer:
                pass
    except anthropic.APIError as e:
        print(type(e).__name__)


async def all_at_once():
    async with anthropic.AsyncAnthropic() as client:
        await asyncio.gather(*(one(client, c) for c in calls))


if mode == "async":
    asyncio.run(all_at_once())
else:
    sync()
