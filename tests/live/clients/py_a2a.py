# SPDX-License-Identifier: Apache-2.0
"""
py_a2a.py server PORT JSONRPC|HTTP+JSON 1.0|0.3
py_a2a.py client URL JSONRPC|HTTP+JSON stream|plain
The official A2A SDK on both ends; what happened is printed as JSON for the test to compare with.
"""

import asyncio
import json
import sys

import httpx
import uvicorn
from a2a.client import ClientConfig, create_client
from a2a.helpers import new_task, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers.default_request_handler_v2 import DefaultRequestHandlerV2
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (AgentCapabilities, AgentCard, AgentInterface, AgentSkill, GetTaskRequest, Role, SendMessageRequest,
                       TaskState)
from starlette.applications import Starlette


class Weather(AgentExecutor):
    async def execute(self, context, queue):
        said = context.get_user_input()
        if said == "ping":
            await queue.enqueue_event(new_text_message("pong", context_id=context.context_id))
            return
        await queue.enqueue_event(new_task(context.task_id, context.context_id, TaskState.TASK_STATE_SUBMITTED))
        up = TaskUpdater(queue, context.task_id, context.context_id)
        await up.start_work(up.new_agent_message([new_text_part("looking it up")]))
        if said == "fail":
            await up.failed(up.new_agent_message([new_text_part("no such place")]))
            return
        if said == "which":
            await up.requires_input(up.new_agent_message([new_text_part("which Ulm?")]))
            return
        await up.add_artifact([new_text_part("7 °C")], artifact_id="a", name="answer")
        await up.add_artifact([new_text_part(" in Ulm")], artifact_id="a", append=True, last_chunk=True)
        await up.complete()

    async def cancel(self, context, queue):
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()


def serve(port, binding, version):
    url = f"http://127.0.0.1:{port}/{'rest' if binding == 'HTTP+JSON' else 'rpc'}"
    card = AgentCard(name="Wetter-Agent ü", description="knows the weather", version="4.5.6",
                     default_input_modes=["text"], default_output_modes=["text"],
                     capabilities=AgentCapabilities(streaming=True),
                     supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version=version)],
                     skills=[AgentSkill(id="w", name="weather", description="weather", tags=["w"])])
    handler = DefaultRequestHandlerV2(Weather(), InMemoryTaskStore(), card)
    old = version == "0.3"
    routes = [*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=old),
              *create_rest_routes(handler, path_prefix="/rest", enable_v0_3_compat=old)]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=int(port), log_level="error")


async def ready(url):
    """The server is another process that has just been started."""
    async with httpx.AsyncClient() as http:
        for _ in range(400):
            try:
                return await http.get(url)
            except httpx.HTTPError:
                await asyncio.sleep(0.05)


async def ask(client, done, text):
    last, task, state, context = None, None, None, None
    request = SendMessageRequest(message=new_text_message(text, context_id="ctx-7", role=Role.ROLE_USER))
    async for event in client.send_message(request):
        which = event.WhichOneof("payload")
        last = getattr(event, which)
        if which == "task":
            task, state, context = last.id, last.status.state, last.context_id
        elif which == "status_update":
            state = last.status.state
        elif which == "message":
            context = last.context_id
    done.append({"text": text, "task": task, "context": context,
                 "state": TaskState.Name(state).removeprefix("TASK_STATE_").lower() if state else None})
    return task


async def talk(url, binding, how):
    await ready(url)
    client = await create_client(url, ClientConfig(streaming=how == "stream", supported_protocol_bindings=[binding],
                                                   httpx_client=httpx.AsyncClient(timeout=30)))
    done = []
    task = await ask(client, done, "weather")
    for text in ("ping", "fail", "which"):
        await ask(client, done, text)
    await client.get_task(GetTaskRequest(id=task))
    error = None
    try:
        await client.get_task(GetTaskRequest(id="none"))
    except Exception as e:
        error = type(e).__name__
    await client.close()
    print(json.dumps({"done": done, "got": task, "error": error}))


if sys.argv[1] == "server":
    serve(*sys.argv[2:5])
else:
    asyncio.run(talk(*sys.argv[2:5]))
