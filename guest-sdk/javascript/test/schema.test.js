import assert from "node:assert/strict";
import { test } from "node:test";

import {
  anyOf,
  array,
  boolean,
  choice,
  integer,
  json,
  nullable,
  number,
  object,
  optional,
  record,
  string,
  tool,
} from "../src/index.js";

test("each function writes the schema that it is named after", () => {
  for (const [schema, written] of [
    [string(), { type: "string" }],
    [string("A name.", { maxLength: 3 }), { type: "string", description: "A name.", maxLength: 3 }],
    [integer("How many.", { minimum: 1 }), { type: "integer", description: "How many.", minimum: 1 }],
    [number(), { type: "number" }],
    [boolean("Whether."), { type: "boolean", description: "Whether." }],
    [choice(["a", "b"], "Which."), { type: "string", description: "Which.", enum: ["a", "b"] }],
    [choice([1, "b"]), { type: ["integer", "string"], enum: [1, "b"] }],
    [
      array(string(), "Names.", { minItems: 1 }),
      { type: "array", description: "Names.", items: { type: "string" }, minItems: 1 },
    ],
    [record(number()), { type: "object", additionalProperties: { type: "number" } }],
    [
      anyOf([string(), number()], "Either."),
      { description: "Either.", anyOf: [{ type: "string" }, { type: "number" }] },
    ],
    [json("Anything."), { description: "Anything." }],
    [nullable(string("A name.")), { type: ["string", "null"], description: "A name." }],
    [nullable(choice(["a"])), { anyOf: [{ type: "string", enum: ["a"] }, { type: "null" }] }],
  ]) {
    assert.deepEqual(JSON.parse(JSON.stringify(schema)), written);
  }
});

test("members are required but for those that are optional", () => {
  const schema = object({ a: string(), b: optional(number()) }, "Both.");
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), {
    type: "object",
    description: "Both.",
    properties: { a: { type: "string" }, b: { type: "number" } },
    required: ["a"],
  });
  assert.equal("required" in object({ b: optional(number()) }), false);
});

test("a schema that clients refuse is a mistake, and so is a tool without name or function", () => {
  const description = "Adds.";
  const run = () => "";
  const make = (definition, run) => () => tool(definition, run);
  assert.throws(
    make({ name: "add", description, input: string() }, run),
    /the arguments of tool add must be a plain object/,
  );
  assert.throws(
    make({ name: "add", description, input: { type: "object", oneOf: [] } }, run),
    /must be a plain object/,
  );
  assert.throws(make({ name: "add", description, output: array(string()) }, run), /the result of tool add must be/);
  assert.throws(make({ name: "add it", description }, run), /"add it" cannot name a tool; expected 1 to 48 of/);
  assert.throws(make({ name: "add", description }), /tool add has no function/);
});
