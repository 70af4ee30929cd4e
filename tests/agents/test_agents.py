# SPDX-License-Identifier: Apache-2.0
"""Real agents, unmodified and offline: what was said is in the spans, and every byte of it was seen."""

import hashlib
import shutil

import pytest

import net
import records

pytestmark = pytest.mark.timeout(180)

CLAUDE = ["claude", "claude-2.1.318", "claude-2.1.112"]
CODEX = ["codex", "codex-0.163", "codex-0.98"]
ANSWER = "no rain until"		# of answers.TEXT: the agent printed what it was told


def claude(name):
    return net.find(name, "node_modules/@anthropic-ai/claude-code-linux-*/claude")


def codex(name):
    return net.find(name, f"node_modules/@openai/codex-linux-*/vendor/{net.MUSL}/bin/codex",
                    f"node_modules/@openai/codex/vendor/{net.MUSL}/codex/codex",
                    f"node_modules/@openai/codex-linux-*/vendor/{net.MUSL}/codex/codex")


def note(fake, seen, agent, name, exe):
    out, into = seen.share()
    stack, method = net.describe(exe, seen.stack(None))
    fake.net.note(agent=agent, version=net.version_of(name), stack=stack, method=method, http=net.http_of(seen.calls),
                  out=out, into=into, calls=len(seen.calls), spans=len(seen.run.calls))


CLAUDE_ENV = {"ANTHROPIC_API_KEY": "sk-ant-api03-dummy-key-0000"}
CODEX_ENV = {"OPENAI_API_KEY": "sk-dummy", "CODEX_API_KEY": "sk-dummy"}


@pytest.mark.parametrize("name", CLAUDE)
def test_claude(fake, name):
    exe = claude(name)
    seen = fake.run([exe, "-p", fake.prompt], env=CLAUDE_ENV)
    assert ANSWER in seen.run.out
    note(fake, seen, "Claude Code", name, exe)
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.anthropic.com")


def test_claude_watched(fake):
    """A watch that was there before sees the same, without being told of the agent; with the gate from the first byte."""
    seen = fake.watch([claude("claude"), "-p", fake.prompt], "--gate", env=CLAUDE_ENV)
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.anthropic.com")


def test_claude_watched_without_gate(fake):
    """The model call comes long after the first connections, so it is seen whole without holding anybody."""
    seen = fake.watch([claude("claude"), "-p", fake.prompt], env=CLAUDE_ENV)
    seen.check_calls(fake.prompt)


def codex_command(name, fake):
    return [codex(name), "exec", "--skip-git-repo-check", fake.prompt]


def frames(data):
    """Text messages behind an upgrade's head, unmasked: [(masked, bytes)]."""
    at, out, parts = data.index(b"\r\n\r\n") + 4, [], b""
    while at + 2 <= len(data):
        first, second = data[at], data[at + 1]
        n, head = second & 127, 2
        if n > 125:
            head = 4 if n == 126 else 10
            n = int.from_bytes(data[at + 2:at + head], "big")
        mask = data[at + head:at + head + 4] if second & 128 else b""
        body = data[at + head + len(mask):at + head + len(mask) + n]
        assert len(body) == n, "a frame is cut"
        if mask:
            key = (mask * (n // 4 + 1))[:n]
            body = (int.from_bytes(body, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big") if n else b""
        if first & 15 in (0, 1, 2):
            parts += body
            if first & 128:
                out.append(parts)
                parts = b""
        at += head + len(mask) + n
    return out


@pytest.mark.parametrize("name", ["codex", "codex-0.163"])
def test_codex_websocket(fake, name):
    """The frames arrive whole and in order as bytes, and the spans say what was in them."""
    exe = codex(name)
    seen = fake.run(codex_command(name, fake), env=CODEX_ENV)
    assert ANSWER in seen.run.out
    note(fake, seen, "Codex CLI", name, exe)
    asked = [e for e in seen.entries if e["kind"] == "message" and e.get("sni") == "api.openai.com"]
    assert asked, "codex did not use its WebSocket"
    for conn in {e["conn"] for e in asked}:
        s = seen.whole(conn, seen.needed(conn))
        sent = [hashlib.sha256(m).hexdigest() for m in frames(bytes(s.bytes[records.OUT]))]
        assert sent == [e["sha256"] for e in asked if e["conn"] == conn]
    seen.check_calls(fake.prompt)


@pytest.mark.parametrize("name", ["codex", "codex-0.163"])
def test_codex_without_websocket(fake, name):
    """When the upgrade is refused it asks over HTTP/2."""
    exe = codex(name)
    fake.refuse.touch()
    seen = fake.run(codex_command(name, fake), env=CODEX_ENV)
    assert ANSWER in seen.run.out
    assert {e["version"] for e in seen.calls} == {"HTTP/2"}
    note(fake, seen, "Codex CLI", name, exe)
    seen.check_bytes("api.openai.com")
    seen.check_calls(fake.prompt)


def test_codex_on_openssl(fake):
    """Releases up to 0.98 talk through their static OpenSSL and have an idle rustls."""
    exe = codex("codex-0.98")
    seen = fake.run(codex_command("codex-0.98", fake), env=CODEX_ENV)
    assert ANSWER in seen.run.out
    note(fake, seen, "Codex CLI", "codex-0.98", exe)
    seen.check_calls(fake.prompt)
    seen.check_bytes("api.openai.com")


def test_gemini(fake):
    node = shutil.which("node")
    script = net.find("gemini", "node_modules/@google/gemini-cli/bundle/gemini.js")
    seen = fake.run([node, script, "-m", "gemini-2.5-pro", "-p", fake.prompt, "--skip-trust"],
                    env={"GEMINI_API_KEY": "dummy"})
    assert ANSWER in seen.run.out
    note(fake, seen, "Gemini CLI", "gemini", node)
    seen.check_calls(fake.prompt, model="gemini-2.5-pro")
    seen.check_bytes("generativelanguage.googleapis.com")
