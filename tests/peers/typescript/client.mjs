// Drives an MCP server with the TypeScript SDK's client. The plan and the output are those of ../python/client.py; "sdk": 1
// takes the SDK's first version, which speaks the older era alone.

import { json } from "node:stream/consumers";

const plan = await json(process.stdin);
const { Client, ProtocolError, StdioClientTransport, StreamableHTTPClientTransport } = await sdk(plan.sdk ?? 2);

const STEP_MILLISECONDS = 60_000;

async function call(client, step, options = {}) {
  const progress = [];
  if (step.progress) {
    options.onprogress = ({ progress: done, total, message }) => progress.push({ progress: done, total, message });
  }
  const request = { name: step.tool, arguments: step.arguments ?? {} };
  const result = await client.callTool(request, { timeout: STEP_MILLISECONDS, ...options });
  return { result, progress };
}

async function cancel(client, step) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort("cancelled by the plan"), step.after_ms ?? 200);
  try {
    return await call(client, step, { signal: controller.signal });
  } catch (error) {
    if (controller.signal.aborted) return { cancelled: true };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function change(client, step, changed) {
  const result = await call(client, step);
  const late = new Promise((_, fail) => {
    setTimeout(() => fail(new Error("no tools/list_changed came")), STEP_MILLISECONDS).unref();
  });
  await Promise.race([changed, late]);
  return { ...result, event: "ToolsListChanged" };
}

function run(client, step, changed) {
  switch (step.do) {
    case "list":
      return client.listTools({}, { cacheMode: "bypass" }).then(({ tools }) => ({ tools }));
    case "call":
      return call(client, step);
    case "cancel":
      return cancel(client, step);
    case "change":
      return change(client, step, changed);
    case "ping":
      return client.ping().then((result) => ({ result }));
    default:
      throw new Error(`unknown step ${step.do}`);
  }
}

async function sdk(version) {
  if (version === 2) {
    const stdio = await import("@modelcontextprotocol/client/stdio");
    return { ...(await import("@modelcontextprotocol/client")), ...stdio };
  }
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { McpError } = await import("@modelcontextprotocol/sdk/types.js");
  const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  class FirstClient extends Client {
    callTool(request, options) {
      return super.callTool(request, undefined, options);
    }
    getNegotiatedProtocolVersion() {
      return this.transport.protocolVersion;
    }
  }
  return { Client: FirstClient, ProtocolError: McpError, StdioClientTransport, StreamableHTTPClientTransport };
}

function transport({ url, headers, command: [command, ...args] = [] }) {
  if (url) return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  return new StdioClientTransport({ command, args });
}

let announce;
const changed = new Promise((resolve) => (announce = resolve));
const client = new Client(
  { name: "toolcell-tests", version: "0" },
  {
    versionNegotiation: { mode: plan.era ?? "auto" },
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => announce() } },
  },
);
await client.connect(transport(plan));
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
print({ version: client.getNegotiatedProtocolVersion(), instructions: client.getInstructions() });
for (const step of plan.steps) {
  try {
    print(await run(client, step, changed));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    print({ error: { code: error.code, message: error.message } });
  }
}
await client.close();
