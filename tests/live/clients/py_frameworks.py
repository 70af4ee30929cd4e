# SPDX-License-Identifier: Apache-2.0
"""py_frameworks.py langchain|langgraph: frameworks over the providers' SDKs, each with two providers."""

import asyncio
import sys

from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

ASK = "Wie ist's in Zürich? ☀"


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return "21 °C"


def models(streaming=False):
    yield ChatOpenAI(model="lc-chat", temperature=0.5, max_retries=0, streaming=streaming)
    yield ChatOpenAI(model="lc-responses", use_responses_api=True, max_retries=0, streaming=streaming)
    yield ChatAnthropic(model="lc-messages", max_tokens=99, max_retries=0, streaming=streaming)


async def later():
    for model in models(True):
        async for _ in model.astream(ASK):
            pass


def langchain():
    for model in models():
        assert model.invoke(ASK).content
        assert model.bind_tools([get_weather]).invoke(ASK).tool_calls
        assert list(model.stream(ASK))
    asyncio.run(later())
    assert OpenAIEmbeddings(model="lc-embed", check_embedding_ctx_length=False).embed_documents(["eins", "zwei"])


def langgraph():
    """Two agents, each asks, calls its tool and answers; a graph runs one after the other."""
    from langchain.agents import create_agent
    from langgraph.graph import END, START, MessagesState, StateGraph
    chat, responses, messages = models()
    graph = StateGraph(MessagesState)
    graph.add_node("first", create_agent(chat, [get_weather], system_prompt="Be brief."))
    graph.add_node("second", lambda state: create_agent(messages, [get_weather]).invoke(
        {"messages": [{"role": "user", "content": state["messages"][-1].text}]}))
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", END)
    said = graph.compile().invoke({"messages": [{"role": "user", "content": ASK}]})["messages"]
    assert said[-1].text
    assert create_agent(responses, [get_weather]).invoke({"messages": [{"role": "user", "content": ASK}]})["messages"][-1].text


globals()[sys.argv[1]]()
