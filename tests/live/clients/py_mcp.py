# SPDX-License-Identifier: Apache-2.0
"""
py_mcp.py server PORT sse|streamable-http|stdio [json]
py_mcp.py client URL|sse:URL|stdio auto|legacy
py_mcp.py twins auto|legacy          two servers over stdio at once, which both number their requests alike
The official MCP SDK on both ends, doing a bit of everything; what happened is printed as JSON for the test to compare with.
"""

import asyncio
import json
import sys

from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters
from mcp.server import MCPServer
from mcp.server.mcpserver import Context


def make_server():
    server = MCPServer("weather-station", version="3.2.1")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    async def slow(steps: int, ctx: Context) -> str:
        for i in range(steps):
            await ctx.report_progress(i + 1, steps)
        return "schön – " + "x" * 5000

    @server.tool()
    def broken() -> str:
        raise ValueError("it broke")

    @server.resource("notes://today")
    def today() -> str:
        return "nothing"

    @server.prompt()
    def greet(name: str) -> str:
        return f"Greet {name}"

    return server


def serve(port, transport, json_response):
    kw = {} if transport == "stdio" else {"host": "127.0.0.1", "port": int(port)}
    if transport == "streamable-http":
        kw["json_response"] = json_response
    make_server().run(transport, **kw)


async def ready(client_of):
    """The server is another process that has just been started."""
    for _ in range(400):
        try:
            return await client_of()
        except Exception:
            await asyncio.sleep(0.05)
    raise SystemExit("the server did not come up")


async def talk(client):
    done = []
    await client.list_tools()
    done.append(["tools/list", None])
    for a in range(3):
        r = await client.call_tool("add", {"a": a, "b": 40})
        done.append(["tools/call", "add", r.structured_content["result"]])
    r = await client.call_tool("slow", {"steps": 3})
    done.append(["tools/call", "slow", len(r.content[0].text)])
    r = await client.call_tool("broken", {})
    done.append(["tools/call", "broken", bool(r.is_error)])
    await asyncio.gather(*(client.call_tool("add", {"a": n, "b": 1000}) for n in range(5)))
    done += [["tools/call", "add", 1000 + n] for n in range(5)]
    await client.read_resource("notes://today")
    done.append(["resources/read", None])
    try:
        await client.read_resource("notes://never")
    except MCPError as e:
        done.append(["resources/read", "error", e.error.code])
    await client.get_prompt("greet", {"name": "you"})
    done.append(["prompts/get", "greet"])
    return done


def own_server():
    return StdioServerParameters(command=sys.executable, args=[__file__, "server", "0", "stdio"])


async def twins(mode):
    async with Client(own_server(), mode=mode) as one, Client(own_server(), mode=mode) as two:
        both = [(one, 1000), (two, 2000)] * 20
        got = await asyncio.gather(*(c.call_tool("add", {"a": n, "b": b}) for n, (c, b) in enumerate(both)))
        print(json.dumps([[n, b, r.structured_content["result"]] for n, ((_, b), r) in enumerate(zip(both, got))]))


async def run_client(where, mode):
    def target():
        if where == "stdio":
            return own_server()
        return sse_client(where[4:]) if where.startswith("sse:") else where

    async def go():
        async with Client(target(), mode=mode) as client:
            done = await talk(client)
            return {"protocol": client.protocol_version, "server": client.server_info.name, "done": done}

    print(json.dumps(await ready(go)))


if sys.argv[1] == "server":
    serve(sys.argv[2], sys.argv[3], len(sys.argv) > 4)
elif sys.argv[1] == "twins":
    asyncio.run(twins(sys.argv[2]))
else:
    asyncio.run(run_client(sys.argv[2], sys.argv[3]))
