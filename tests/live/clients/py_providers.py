# SPDX-License-Identifier: Apache-2.0
"""py_providers.py SDK HTTP-PORT WEBSOCKET-PORT: a few calls with an unmodified SDK."""

import json
import os
import sys

sdk, port, ws_port = sys.argv[1:]
URL = f"http://127.0.0.1:{port}"
ASK = "Is it raining?"
HI = [{"role": "user", "content": ASK}]


def google():
    from google import genai
    client = genai.Client(api_key="AIzaSyEXAMPLE", http_options={"base_url": URL})
    config = {"temperature": 0.5, "max_output_tokens": 99, "system_instruction": "Be terse."}
    assert client.models.generate_content(model="gemini-test", contents=ASK, config=config).text
    assert len(list(client.models.generate_content_stream(model="gemini-stream", contents=ASK))) == 3
    assert client.models.embed_content(model="gemini-embed", contents=["a", "b"]).embeddings


def bedrock():
    import boto3
    from botocore.config import Config
    os.environ.update(AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY="EXAMPLE", AWS_DEFAULT_REGION="us-east-1")
    client = boto3.client("bedrock-runtime", endpoint_url=URL, config=Config(retries={"max_attempts": 1}))
    messages = [{"role": "user", "content": [{"text": ASK}]}]
    config = {"maxTokens": 99, "temperature": 0.5}
    assert client.converse(modelId="us.amazon.nova-test-v1:0", messages=messages, inferenceConfig=config)["output"]
    assert list(client.converse_stream(modelId="anthropic.stream", messages=messages, system=[{"text": "Be terse."}])["stream"])
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": HI})
    assert list(client.invoke_model_with_response_stream(modelId="anthropic.invoked", body=body)["body"])
    try:
        list(client.converse_stream(modelId="throttled", messages=messages)["stream"])
    except Exception as e:
        assert "throttling" in str(e).lower(), e
    else:
        raise AssertionError("no exception")


def cohere():
    import cohere
    client = cohere.ClientV2(api_key="co-EXAMPLE", base_url=URL)
    assert client.chat(model="command-test", messages=HI, temperature=0.5, max_tokens=99)
    assert list(client.chat_stream(model="command-stream", messages=HI))
    assert client.embed(model="embed-test", texts=["a"], input_type="search_query", embedding_types=["float"])
    assert client.rerank(model="rerank-test", query="rain", documents=["a", "b"], top_n=1)


def mistral():
    try:
        from mistralai import Mistral
    except ImportError:
        from mistralai.client import Mistral
    client = Mistral(api_key="EXAMPLE", server_url=URL)
    assert client.chat.complete(model="mistral-test", messages=HI, temperature=0.5, max_tokens=99, random_seed=7)
    assert list(client.chat.stream(model="mistral-stream", messages=HI))


def groq():
    from groq import Groq
    client = Groq(api_key="gsk_EXAMPLE", base_url=URL)
    assert client.chat.completions.create(model="groq-test", messages=HI, temperature=0.5, max_completion_tokens=99)
    assert list(client.chat.completions.create(model="groq-stream", messages=HI, stream=True))


def ollama():
    from ollama import Client
    client = Client(host=URL)
    assert list(client.chat(model="llama-chat", messages=HI, stream=True, options={"temperature": 0.5, "num_predict": 99}))
    assert list(client.generate(model="llama-generate", prompt=ASK, stream=True))
    assert client.embed(model="llama-embed", input=["a"])


def litellm():
    import litellm as lib
    lib.telemetry = False
    assert lib.completion(model="openai/lite-test", api_base=URL, api_key="sk-EXAMPLE", messages=HI, temperature=0.5, max_tokens=99)
    assert list(lib.completion(model="openai/lite-stream", api_base=URL, api_key="sk-EXAMPLE", messages=HI, stream=True))
    assert list(lib.completion(model="ollama_chat/lite-llama", api_base=URL, messages=HI, stream=True))


def openai_ws():
    from openai import OpenAI
    client = OpenAI(api_key="sk-EXAMPLE", base_url=f"{URL}/v1", websocket_base_url=f"ws://127.0.0.1:{ws_port}/v1")
    with client.responses.connect() as connection:
        connection.send({"type": "response.create", "model": "gpt-ws", "input": [], "generate": False})
        for event in connection:
            if event.type == "response.completed":
                break
        for n in range(2):
            connection.response.create(model="gpt-ws", input=ASK, previous_response_id=f"resp_{n}")
            for event in connection:
                if event.type == "response.completed":
                    break


def websockets():
    """What Codex does, with a general client: compression with context takeover both ways."""
    from websockets.sync.client import connect
    with connect(f"ws://127.0.0.1:{ws_port}/v1/responses", additional_headers={"Authorization": "Bearer sk-EXAMPLE"}) as ws:
        for n in range(30):
            ws.send(json.dumps({"type": "response.create", "model": f"gpt-ws-{n}", "input": ASK, **({} if n else {"generate": False})}))
            while json.loads(ws.recv())["type"] != "response.completed":
                pass


globals()[sdk]()
