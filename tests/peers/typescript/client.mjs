// Drives an MCP server over stdio with the TypeScript SDK's client. The plan and the output are those of ../python/client.py.

import { json } from "node:stream/consumers";
import { Client, ProtocolError } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

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

const plan = await json(process.stdin);
const [command, ...args] = plan.command;
let announce;
const changed = new Promise((resolve) => (announce = resolve));
const client = new Client(
  { name: "toolcell-tests", version: "0" },
  {
    versionNegotiation: { mode: plan.era ?? "auto" },
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => announce() } },
  },
);
await client.connect(new StdioClientTransport({ command, args }));
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
