// SPDX-License-Identifier: Apache-2.0
// node_mcp.mjs server PORT|stdio | client URL|stdio: the official TypeScript SDK, doing what py_mcp.py does, elicitation included.
import { randomUUID } from "node:crypto";
import http from "node:http";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES_DIR + "/");
const sdk = (path) => require("@modelcontextprotocol/sdk/" + path);
const { Client } = sdk("client/index.js");
const { StdioClientTransport } = sdk("client/stdio.js");
const { StdioServerTransport } = sdk("server/stdio.js");
const { StreamableHTTPClientTransport } = sdk("client/streamableHttp.js");
const { McpServer } = sdk("server/mcp.js");
const { StreamableHTTPServerTransport } = sdk("server/streamableHttp.js");
const { ElicitRequestSchema } = sdk("types.js");
const { z } = require("zod");

function makeServer() {
  const server = new McpServer({ name: "weather-station", version: "3.2.1" });
  server.registerTool("add", { inputSchema: { a: z.number(), b: z.number() } },
    async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }));
  server.registerTool("ask", { inputSchema: {} }, async () => {
    const got = await server.server.elicitInput({ message: "Really?", requestedSchema: { type: "object", properties: {} } });
    return { content: [{ type: "text", text: got.action }] };
  });
  server.registerTool("broken", { inputSchema: {} }, async () => { throw new Error("it broke"); });
  return server;
}

function serve(port) {
  const sessions = new Map();
  http.createServer(async (req, res) => {
    let transport = sessions.get(req.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID, onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await makeServer().connect(transport);
    }
    await transport.handleRequest(req, res);
  }).listen(port, "127.0.0.1");
}

function transportTo(where) {
  if (where !== "stdio") return new StreamableHTTPClientTransport(new URL(where));
  return new StdioClientTransport({ command: process.execPath, args: [process.argv[1], "server", "stdio"], env: process.env });
}

async function connected(url) {
  for (let tries = 0; ; tries++) {
    const client = new Client({ name: "test", version: "1" }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, async () => ({ action: "accept", content: {} }));
    try {
      await client.connect(transportTo(url));
      return client;
    } catch (e) {
      if (tries > 400) throw e;
      await new Promise((r) => setTimeout(r, 50));      // the server is another process that has just been started
    }
  }
}

async function talk(url) {
  const client = await connected(url), done = [];
  for (let a = 0; a < 3; a++)
    done.push(["tools/call", "add", (await client.callTool({ name: "add", arguments: { a, b: 40 } })).content[0].text]);
  await Promise.all([1, 2, 3, 4, 5].map((a) => client.callTool({ name: "add", arguments: { a, b: 1000 } })));
  for (let a = 1; a < 6; a++) done.push(["tools/call", "add", String(a + 1000)]);
  done.push(["tools/call", "ask", (await client.callTool({ name: "ask", arguments: {} })).content[0].text]);
  done.push(["tools/call", "broken", (await client.callTool({ name: "broken", arguments: {} })).isError]);
  console.log(JSON.stringify({ done }));
  await client.close();
}

if (process.argv[2] === "server" && process.argv[3] === "stdio") makeServer().connect(new StdioServerTransport());
else if (process.argv[2] === "server") serve(Number(process.argv[3]));
else talk(process.argv[3]).then(() => process.exit(0));
