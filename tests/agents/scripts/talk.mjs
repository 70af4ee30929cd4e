// SPDX-License-Identifier: Apache-2.0
// talk.mjs TEXT: a model call by fetch, a large download, and model calls over a WebSocket. Runs on Bun, Deno and Node.
const text = globalThis.Deno ? Deno.args[0] : process.argv[2];
const host = "https://api.openai.com";

const answer = await fetch(`${host}/v1/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json", authorization: "Bearer sk-dummy" },
  body: JSON.stringify({
    model: "gpt-5-script",
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: "user", content: text + " " + "ü".repeat(30000) }],
  }),
});
console.log((await answer.text()).length, answer.status);

const bytes = await (await fetch(`${host}/bytes/1048576`)).arrayBuffer();
console.log(bytes.byteLength);

const socket = new WebSocket("wss://api.openai.com/v1/responses");
const sizes = [1, 125, 126, 65535, 65536, 200000];
await new Promise((resolve, reject) => {
  let answered = 0;
  const ask = () => socket.send(JSON.stringify({
    type: "response.create",
    model: "gpt-5-socket",
    input: [{ type: "message", role: "user", content: [{ type: "input_text", text: text + "w".repeat(sizes[answered]) }] }],
  }));
  socket.onopen = ask;
  socket.onerror = (e) => reject(new Error(e.message ?? "websocket"));
  socket.onmessage = (e) => {
    if (JSON.parse(e.data).type !== "response.completed") return;
    if (++answered === sizes.length) socket.close();
    else ask();
  };
  socket.onclose = () => (answered === sizes.length ? resolve() : reject(new Error(`closed after ${answered}`)));
});
console.log("answered");
if (!globalThis.Deno) process.exit(0);
