import assert from "node:assert/strict";
import { test } from "node:test";

import { call, examples, list } from "toolcell/testing";

import { greet, tools } from "../src/plugin.js";

test("greets by name", () => {
  assert.deepEqual(greet({ name: " Ada " }), { text: "Hello, Ada!" });
});

test("a blank name is an error that says what to do", () => {
  assert.throws(() => greet({ name: " " }), { code: "blank_name", checkFirst: "Ask the user whom to greet." });
});

test("a client can list and call the tool", async () => {
  const [{ name }] = list(tools);
  const { structured } = await call(tools, name, { name: "Ada" });
  assert.deepEqual(structured, { text: "Hello, Ada!" });
});

test("the examples hold", () => examples(tools, "examples"));
