# SPDX-License-Identifier: Apache-2.0
"""py_http.py CALLS requests|httpx|httpx-async|aiohttp|urllib: the calls of a JSON list, as plain HTTP."""

import asyncio
import json
import os
import ssl
import sys

calls, library = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings",
         "messages": "/v1/messages"}


def parts(call):
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-test-SECRET"}
    if call.get("scenario"):
        headers["X-Scenario"] = call["scenario"]
    return os.environ["BASE"] + PATHS[call["api"]], json.dumps(call["body"]).encode(), headers


def with_requests():
    import requests
    with requests.Session() as s:
        for call in calls:
            url, data, headers = parts(call)
            try:
                r = s.post(url, data=data, headers=headers, stream=bool(call["body"].get("stream")))
                for _ in r.iter_content(None):
                    pass
            except requests.RequestException as e:
                print(type(e).__name__)


def with_httpx():
    import httpx
    with httpx.Client(verify=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])) as s:
        for call in calls:
            url, data, headers = parts(call)
            try:
                with s.stream("POST", url, content=data, headers=headers) as r:
                    for _ in r.iter_bytes():
                        pass
            except httpx.HTTPError as e:
                print(type(e).__name__)


def with_urllib():
    import http.client
    import urllib.error
    import urllib.request
    for call in calls:
        url, data, headers = parts(call)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as r:
                r.read()
        except urllib.error.HTTPError as e:
            e.read()
        except (OSError, http.client.HTTPException) as e:
            print(type(e).__name__)


async def with_aiohttp():
    import aiohttp
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])

    async def one(s, call):
        url, data, headers = parts(call)
        try:
            async with s.post(url, data=data, headers=headers, ssl=context) as r:
                await r.read()
        except aiohttp.ClientError as e:
            print(type(e).__name__)

    async with aiohttp.ClientSession() as s:
        await asyncio.gather(*(one(s, c) for c in calls))


async def with_httpx_async():
    import httpx

    async def one(s, call):
        url, data, headers = parts(call)
        try:
            async with s.stream("POST", url, content=data, headers=headers) as r:
                async for _ in r.aiter_bytes():
                    pass
        except httpx.HTTPError as e:
            print(type(e).__name__)

    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])) as s:
        await asyncio.gather(*(one(s, c) for c in calls))


if library == "aiohttp":
    asyncio.run(with_aiohttp())
elif library == "httpx-async":
    asyncio.run(with_httpx_async())
else:
    {"requests": with_requests, "httpx": with_httpx, "urllib": with_urllib}[library]()
