# SPDX-License-Identifier: Apache-2.0
"""SDKs of the providers beyond OpenAI and Anthropic, unmodified, against scripted answers: what their spans say."""

import json
import subprocess

import pytest

import bed

pytestmark = pytest.mark.timeout(120)

PYTHON = bed.CACHE / "providers" / "bin" / "python"
SERVER = bed.CLIENTS.parent.parent / "server" / "providers.py"
TEXT = "It is raining in Łódź ☔."


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    if not PYTHON.exists():
        pytest.skip(f"there is no {PYTHON}: scripts/setup-tests makes it")
    path = tmp_path_factory.mktemp("providers") / "ports"
    p = subprocess.Popen([PYTHON, SERVER, path], stdin=subprocess.PIPE)
    assert bed.wait_for(path.exists)
    yield path.read_text().split()
    p.stdin.close()
    p.wait(10)


USAGE = {"gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 7}
THOUGHT = {"gen_ai.usage.input_tokens": 11, "gen_ai.usage.output_tokens": 12, "gen_ai.usage.reasoning.output_tokens": 5}
CACHED = {"gen_ai.usage.input_tokens": 110, "gen_ai.usage.output_tokens": 7, "gen_ai.usage.cache_read.input_tokens": 100}
ASKED = {"gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 99}


def said(name, provider, finish, stream=False, text=TEXT, **more):
    return name, {"gen_ai.provider.name": provider, "gen_ai.response.finish_reasons": [finish] if finish else None,
                  "gen_ai.request.stream": True if stream else None, **more}, text


def quiet(name, provider, **more):
    return said(name, provider, None, text=None, **more)


# What each SDK's calls in clients/py_providers.py have to give, in their order.
SDKS = {
    "google": [
        said("generate_content gemini-test", "gcp.gen_ai", "STOP", **THOUGHT, **ASKED,
             **{"gen_ai.response.id": "rsp-1", "gen_ai.response.model": "gemini-test-001"}),
        said("generate_content gemini-stream", "gcp.gen_ai", "STOP", True, **THOUGHT),
        quiet("embeddings gemini-embed", "gcp.gen_ai", **{"gen_ai.embeddings.dimension.count": 3}),
    ],
    "bedrock": [
        said("chat us.amazon.nova-test-v1:0", "aws.bedrock", "end_turn", **CACHED, **ASKED, **{"gen_ai.response.id": "aws-req-1"}),
        said("chat anthropic.stream", "aws.bedrock", "end_turn", True, **CACHED),
        said("chat anthropic.invoked", "aws.bedrock", "end_turn", True, **CACHED,
             **{"gen_ai.response.id": "msg_1", "gen_ai.response.model": "claude-test"}),
        said("chat throttled", "aws.bedrock", "error", True, text="", **{"error.type": "throttlingException"}),
    ],
    "cohere": [
        said("chat command-test", "cohere", "COMPLETE", **USAGE, **ASKED, **{"gen_ai.response.id": "c-1"}),
        said("chat command-stream", "cohere", "COMPLETE", True, **USAGE),
        quiet("embeddings embed-test", "cohere", **{"gen_ai.usage.input_tokens": 3, "gen_ai.embeddings.dimension.count": 2}),
        quiet("retrieval", "cohere", **{"gen_ai.request.model": "rerank-test", "gen_ai.retrieval.top_k": 1,
                                        "gen_ai.retrieval.query.text": "rain"}),
    ],
    "mistral": [
        said("chat mistral-test", "openai", "stop", **THOUGHT, **ASKED, **{"gen_ai.request.seed": 7}),
        said("chat mistral-stream", "openai", "stop", True, **THOUGHT),
    ],
    "groq": [
        said("chat groq-test", "openai", "stop", **THOUGHT, **ASKED),
        said("chat groq-stream", "openai", "stop", True, **THOUGHT),
    ],
    "ollama": [
        said("chat llama-chat", "ollama", "stop", True, **USAGE, **ASKED),
        said("text_completion llama-generate", "ollama", "stop", True, **USAGE),
        quiet("embeddings llama-embed", "ollama", **{"gen_ai.usage.input_tokens": 3, "gen_ai.embeddings.dimension.count": 2}),
    ],
    "litellm": [
        said("chat lite-test", "openai", "stop", **THOUGHT, **ASKED),
        said("chat lite-stream", "openai", "stop", True, **THOUGHT),
        said("chat lite-llama", "ollama", "stop", True, **USAGE),
    ],
    "openai_ws": [
        said("chat gpt-ws", "openai", "stop", True, **THOUGHT | {
            "gen_ai.usage.output_tokens": 7, "gen_ai.usage.cache_read.input_tokens": 4, "gen_ai.request.previous_response.id": f"resp_{n}",
            "gen_ai.response.id": f"resp_{n + 1}", "gen_ai.response.model": "gpt-ws-001"}) for n in range(2)
    ],
    "websockets": [
        said(f"chat gpt-ws-{n}", "openai", "stop", True, **{"gen_ai.response.id": f"resp_{n}", "gen_ai.usage.input_tokens": 11})
        for n in range(1, 30)
    ],
}


def answer_of(span):
    messages = json.loads(span["gen_ai.output.messages"])
    assert len(messages) == 1
    return "".join(p["content"] for p in messages[0]["parts"] if p["type"] == "text")


@pytest.mark.parametrize("sdk", SDKS)
def test_sdk(bench, ports, sdk):
    run = bench.run([PYTHON, bed.CLIENTS / "py_providers.py", sdk, *ports], "--verbose", content=True)
    assert [s.name for s in run.calls] == [name for name, _, _ in SDKS[sdk]], run.err
    for span, (name, want, text) in zip(run.calls, SDKS[sdk]):
        for key, value in want.items():
            assert span[key] == value, f"{name}: {key} is {span[key]!r}, not {value!r}"
        assert span["onlooker.capture.complete"] is None, f"{name}: {span}"
        if text is not None and "error.type" not in want:
            assert answer_of(span) == text
    books = run.books()
    assert books["dropped"] == books["truncated"] == books["lost"] == 0
