import assert from "node:assert/strict";
import { test } from "node:test";

import { component } from "../src/component.js";
import { Output, ToolError, integer, object, tool } from "../src/index.js";
import { call, list } from "../src/testing.js";

const add = tool(
  {
    name: "add",
    title: "Add",
    description: `
      Adds two numbers, which
      are whole.

      - It fails with \`overflow\`.
      - Nothing else.`,
    input: object({ a: integer("The first."), b: integer("The second.") }),
    output: object({ sum: integer("a + b.") }),
    hints: { readOnly: true },
  },
  async ({ a, b }) => {
    if (!Number.isSafeInteger(a + b)) {
      throw new ToolError("overflow", "the sum is too large", { causes: ["large numbers"], retryable: false });
    }
    return { sum: a + b };
  },
);
const hello = tool({ name: "hello", description: "Greets." }, () => "hello");
const tools = [add, hello];

test("a tool is listed with what it says", () => {
  const [listed, plain] = list(tools);
  assert.equal(
    listed.description,
    "Adds two numbers, which are whole.\n\n- It fails with `overflow`.\n- Nothing else.",
  );
  assert.deepEqual(listed.inputSchema, {
    type: "object",
    properties: {
      a: { type: "integer", description: "The first." },
      b: { type: "integer", description: "The second." },
    },
    required: ["a", "b"],
    additionalProperties: false,
  });
  assert.equal(listed.outputSchema.properties.sum.description, "a + b.");
  assert.deepEqual(listed.hints, { readOnly: true, destructive: null, idempotent: null, openWorld: null });
  assert.deepEqual(plain.inputSchema, { type: "object", additionalProperties: false });
  assert.deepEqual([plain.outputSchema, plain.title, plain.hints.readOnly], [null, null, null]);
});

test("a tool that destroys is not read-only, and a schema can allow more members", () => {
  const input = { type: "object", additionalProperties: true };
  const [listed] = list([tool({ name: "drop", description: "Drops.", input, hints: { destructive: true } }, () => "")]);
  assert.deepEqual([listed.hints.readOnly, listed.hints.destructive], [false, true]);
  assert.deepEqual(listed.inputSchema, input);
});

test("a call reaches the tool by its name", async () => {
  assert.deepEqual((await call(tools, "add", { a: 1, b: 2 })).structured, { sum: 3 });
  assert.deepEqual((await call(tools, "hello", {})).content, [{ tag: "text", val: "hello" }]);
  await assert.rejects(call(tools, "add", { a: Number.MAX_SAFE_INTEGER, b: 1 }), { code: "overflow" });
  await assert.rejects(call(tools, "sub", {}), { code: "unknown_tool", checkFirst: "Use one of: add, hello." });
});

test("the parts of an answer keep their order and kind", () => {
  const data = new Uint8Array([1]);
  const output = new Output()
    .text("see")
    .image(data, "image/png")
    .audio(data, "audio/wav")
    .link({ uri: "u", name: "n" })
    .embedded({ uri: "u", text: "t" })
    .embedded({ uri: "u", blob: data, mimeType: "a/b" })
    .other({ type: "video" })
    .structured({ ok: true });
  assert.deepEqual(output.crossing(), {
    content: [
      { tag: "text", val: "see" },
      { tag: "image", val: { data, mimeType: "image/png" } },
      { tag: "audio", val: { data, mimeType: "audio/wav" } },
      { tag: "link", val: { uri: "u", name: "n", description: null, mimeType: null } },
      { tag: "embedded", val: { uri: "u", mimeType: null, contents: { tag: "text", val: "t" } } },
      { tag: "embedded", val: { uri: "u", mimeType: "a/b", contents: { tag: "blob", val: data } } },
      { tag: "other", val: '{"type":"video"}' },
    ],
    structured: '{"ok":true}',
    extra: null,
  });
  assert.throws(() => new Output().structured({ big: 7n }), { code: "unwritable_result" });
});

/** What crosses to the host when a tool throws this. */
async function crossing(run) {
  const { callTool } = component([tool({ name: "bad", description: "Is bad." }, run)]);
  try {
    return assert.fail(await callTool("bad", "{}"));
  } catch (error) {
    return error;
  }
}

test("an error of the tool crosses whole", async () => {
  const error = await crossing(() => {
    throw new ToolError("busy", "the queue is full", { causes: ["rush hour"], checkFirst: "Wait.", retryable: true });
  });
  assert.deepEqual(error, {
    code: "busy",
    message: "the queue is full",
    likelyCauses: ["rush hour"],
    checkFirst: "Wait.",
    retryable: true,
    extra: null,
  });
});

test("anything else that is thrown or returned becomes an error that names it", async () => {
  const message = async (run) => (await crossing(run)).message;
  assert.equal(await message(() => null.x), "`bad` crashed: TypeError: Cannot read properties of null (reading 'x')");
  assert.equal(await message(() => Promise.reject("no")), "`bad` crashed: no");
  assert.equal(
    await message(() => [1]),
    "`bad` crashed: TypeError: tool bad returned an array; a tool returns an object, a string or an Output",
  );
  assert.match(await message(() => undefined), /tool bad returned undefined; /);
});

test("a crash names the author's line where the build noted it", async (context) => {
  const places = Symbol.for("toolcell:places");
  context.after(() => delete globalThis[places]);
  const error = new Error("no");
  error.stack = "Error: no\n    at inner (bundle.js:3:1)\n    at run (bundle.js:7:9)\n";
  globalThis[places] = { 7: "src/plugin.js:2" };
  assert.equal((await crossing(() => Promise.reject(error))).message, "`bad` crashed at src/plugin.js:2: Error: no");
});

test("a module without tools, or with one that says nothing of itself, cannot become a component", () => {
  assert.throws(() => component(undefined), /the plugin has to export its tools/);
  for (const description of [undefined, " "]) {
    assert.throws(() => component([tool({ name: "add", description }, () => "")]), /tool add has no description; /);
  }
});

test("what was read of a function stands where the definition says nothing", () => {
  function double({ number }) {
    return { number: 2 * number };
  }
  const input = object({ number: integer() });
  const read = { name: "double", description: "Doubles a\nnumber.", input, output: input };
  const [all, some, tested] = list([
    tool(double, undefined, read),
    tool({ name: "twice", title: "Twice", description: "Doubles." }, double, read),
    tool(double),
  ]);
  assert.deepEqual([all.name, all.description, all.outputSchema], ["double", "Doubles a number.", { ...input }]);
  assert.deepEqual([some.name, some.title, some.description, some.inputSchema], ["twice", "Twice", "Doubles.", all.inputSchema]);
  assert.equal(tested.name, "double", "a test calls it without a build");
});
