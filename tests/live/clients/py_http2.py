# SPDX-License-Identifier: Apache-2.0
"""py_http2.py CALLS sync|async|parallel: the calls of a JSON list over HTTP/2, all on one connection."""

import asyncio
import json
import os
import ssl
import sys

import httpx

calls, how = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings",
         "messages": "/v1/messages"}


def parts(call):
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-test-SECRET"}
    if call.get("scenario"):
        headers["X-Scenario"] = call["scenario"]
    return {"url": os.environ["BASE"] + PATHS[call["api"]], "content": json.dumps(call["body"]).encode(), "headers": headers}


def options():
    o = {"http2": True, "http1": False, "timeout": 60}
    if os.environ["BASE"].startswith("https"):
        o.update(http1=True, verify=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]))
    return o


def sync():
    with httpx.Client(**options()) as s:
        for call in calls:
            try:
                with s.stream("POST", **parts(call)) as r:
                    assert r.http_version == "HTTP/2", r.http_version
                    for _ in r.iter_bytes():
                        pass
            except httpx.HTTPError as e:
                print(type(e).__name__)


async def one(s, call):
    try:
        async with s.stream("POST", **parts(call)) as r:
            assert r.http_version == "HTTP/2", r.http_version
            async for _ in r.aiter_bytes():
                pass
    except httpx.HTTPError as e:
        print(type(e).__name__)


async def with_loop():
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(limits=limits, **options()) as s:
        if how == "parallel":
            await one(s, calls[0])
            await asyncio.gather(*(one(s, call) for call in calls[1:]))
        else:
            for call in calls:
                await one(s, call)


if how == "sync":
    sync()
else:
    asyncio.run(with_loop())
