#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The results of test machines.

    report.py wire DIR                          the request and the answer of the round trips
    report.py report WORK COUNT [--update]      looks at what the machines sent back; docs/kernels.md

What a step has to show is judged here, on the host: the machine only keeps what the programs wrote.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tests/server"))
sys.path.insert(0, str(TOP / "tests/live"))
import answers  # noqa: E402
import bed  # noqa: E402

FLOOR = (5, 15)
MARK = "<!-- written by make check-vm UPDATE=1 -->"
STEPS = {
    "check": "`onlooker check`", "load": "all programs load", "tls13": "curl, TLS 1.3", "tls12": "curl, TLS 1.2",
    "s_client": "openssl s_client", "http": "plain HTTP", "watch": "`watch`, SIGTERM", "killed": "kill -9",
}
TRIPS = ("tls13", "tls12", "s_client", "http", "watch")

# ---------------------------------------------------------------- what goes over the wire


def wire(directory):
    d = pathlib.Path(directory)
    body = {"model": "gpt-5-vm", "stream": True, "stream_options": {"include_usage": True},
            "messages": [{"role": "system", "content": "Be brief – “always”."},
                         {"role": "user", "content": "x" * 40000 + " and the last words"}]}
    facts = answers.facts("chat", body, answers.Scenario())
    events = list(answers.chat_events(facts, body, answers.Scenario()))
    data = json.dumps(body).encode()
    head = ("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode()
    (d / "body").write_bytes(data)
    (d / "request").write_bytes(head + data)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(e), e) for e in events) + b"0\r\n\r\n"
    (d / "answer").write_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    (d / "answer.body").write_bytes(b"".join(events))
    (d / "facts.json").write_text(json.dumps({"facts": facts, "body": body}))


# ---------------------------------------------------------------- what a machine sent back


class Machine:
    def __init__(self, work, version, release, distribution):
        self.dir, self.version = work / version, version
        self.name = f"{distribution} {release}"
        self.truth = json.loads((work / "root/wire/facts.json").read_text())
        self.sent = (work / "root/wire/answer").stat().st_size
        self.status = dict(line.split() for line in self.text("status").splitlines())
        self.features = {f["name"]: f for f in (json.loads(self.text("check.json") or "{}").get("features") or [])}
        self.supported = tuple(map(int, version.split("."))) >= FLOOR

    def text(self, name):
        path = self.dir / name
        return path.read_text(errors="replace") if path.exists() else ""

    def problem(self, step):
        """Why the step failed, or None."""
        if step not in self.status:
            return "did not run"
        if step == "check":
            return self.problem_of_check()
        if self.status[step] != "0":
            said = self.text(f"{step}.err") + self.text(f"{step}.log")
            return f"exit status {self.status[step]}: {said.strip()[-600:]}"
        return self.problem_of_trip(step) if step in TRIPS else None

    def problem_of_check(self):
        """check has to say works, or, below the floor, that it does not and why."""
        missing = [f for f in self.features.values() if f["required"] and f["have"] != "yes"]
        if not self.features:
            return f"no answer: {self.text('check.log')[-300:]}"
        if self.supported:
            return f"exit status {self.status['check']}, missing {[f['name'] for f in missing]}" \
                if missing or self.status["check"] != "0" else None
        good = missing and self.status["check"] == "1" and all(f.get("remedy") for f in missing)
        return None if good else "does not say what is missing and the remedy"

    def problem_of_trip(self, step):
        spans = bed.read_spans(self.text(f"{step}.jsonl"))
        calls = [s for s in spans if s.is_call]
        if len(calls) != 1:
            return f"{len(calls)} model calls instead of 1: {self.text(f'{step}.err')[-600:]}"
        s, f, body = calls[0], self.truth["facts"], self.truth["body"]
        want = {"gen_ai.request.model": body["model"], "gen_ai.response.model": f["model"], "gen_ai.response.id": f["id"],
                "gen_ai.usage.input_tokens": f["usage"]["input"], "gen_ai.usage.output_tokens": f["usage"]["output"],
                "onlooker.capture.source": "socket" if step == "http" else "tls"}
        wrong = {k: (s[k], v) for k, v in want.items() if s[k] != v and not (k.endswith("source") and v != "socket")}
        said = [p["content"] for m in json.loads(s["gen_ai.input.messages"] or "[]") for p in m["parts"]]
        instructions = json.loads(s["gen_ai.system_instructions"] or "[]")
        said = [p["content"] for p in instructions] + said
        if wrong:
            return f"wrong attributes {wrong}"
        if said != [m["content"] for m in body["messages"]]:
            return "the prompt is not the one that was sent"
        if json.loads(s["gen_ai.output.messages"])[0]["parts"][0]["content"] != f["choices"][0]["text"]:
            return "the answer is not the one that was sent"
        return self.problem_of_books(step)

    def problem_of_books(self, step):
        err = self.text(f"{step}.err")
        try:
            books = bed.Run(0, "", err, "", None).books()
        except AssertionError as e:
            return f"books: {str(e)[-600:]}"
        lost = {k: books[k] for k in ("dropped", "truncated", "lost") if books[k]}
        return f"lost bytes: {lost}" if lost else None

    def steps(self):
        return ["check"] if not self.supported else list(STEPS)


def lacks(machine):
    """What check says of a kernel's missing features, in its words."""
    out = []
    for f in machine.features.values():
        if f["have"] != "yes" and f["name"] != "lockdown":
            out.append(f"{f['name']} ({f['what_for']}): {f.get('remedy', '')}")
    return out


# ---------------------------------------------------------------- the table


def row(m, problems):
    cells = ["–" if s not in m.steps() else "**failed**" if s in problems else "ok" for s in STEPS]
    if not m.supported and "check" not in problems:
        cells[0] = "says no, and why"
    multi = m.features.get("uprobe_multi", {}).get("have") == "yes"
    cells.insert(1, "–" if not m.supported else "uprobe_multi" if multi else "perf events")
    return f"| {m.name} | " + " | ".join(cells) + " |"


def table(machines):
    titles = list(STEPS.values())
    titles.insert(1, "uprobes by")
    lines = ["| kernel | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    lines += [row(m, p) for m, p in machines]
    lines += ["", "What `onlooker check` says that a kernel lacks:", ""]
    for m, _ in machines:
        lines += [f"* {m.name}: " + ("; ".join(lacks(m)) or "nothing")]
    return "\n".join(lines) + "\n"


def update(text):
    path = TOP / "docs/kernels.md"
    head, _, _ = path.read_text().partition(MARK)
    path.write_text(f"{head}{MARK}\n\n{text}")


def report(work, count, *more):
    work = pathlib.Path(work)
    machines, passed, failed = [], 0, 0
    for line in (work / "kernels").read_text().splitlines():
        m = Machine(work, *line.split()[:3])
        problems = {s: p for s in m.steps() if (p := m.problem(s))}
        if m.text("dmesg"):
            problems["load"] = "the kernel complained: " + m.text("dmesg")
        machines.append((m, problems))
        for step in m.steps():
            word = "FAILED " if step in problems else "ok     "
            print(f"{word} {m.name}: {STEPS[step]}" + (f"\n        {problems[step]}" if step in problems else ""))
        failed += len(problems)
        passed += len(m.steps()) - len(problems)
    text = table(machines)
    (work / "kernels.md").write_text(text)
    if "--update" in more:
        update(text)
    pathlib.Path(count).write_text(f"{passed} {failed} 0\n")
    print(f"\ncheck-vm: {passed} passed, {failed} failed")
    return 1 if failed or not machines else 0


def main():
    if sys.argv[1] == "wire":
        return wire(*sys.argv[2:])
    return report(*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
