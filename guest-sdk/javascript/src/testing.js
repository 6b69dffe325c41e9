// What a plugin's unit tests need: the tools called as the host does, and a stand-in for what the host gives.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { ToolError } from "./error.js";
import { line, nothing, replace } from "./host/stand-in.js";
import { call as callTool } from "./tool.js";

export function list(tools) {
  return tools.map((tool) => {
    const { name, title, description, hints, inputSchema, outputSchema } = tool.listed();
    return {
      name,
      title,
      description,
      hints,
      inputSchema: JSON.parse(inputSchema),
      outputSchema: JSON.parse(outputSchema),
    };
  });
}

export async function call(tools, name, input) {
  const output = (await callTool(tools, name, JSON.stringify(input))).crossing();
  return { content: output.content, structured: JSON.parse(output.structured) };
}

export async function withHost({ env = {}, upstream = [], databases = [] }, run) {
  const given = { ...nothing(), env, upstream: [...upstream], databases: [...databases] };
  const { logs, progress, requests, queries } = given;
  const advance = (ms) => void (given.nowMs += ms);
  const before = replace(given);
  let result;
  try {
    result = await run({ logs, progress, requests, queries, advance });
  } finally {
    replace(before);
  }
  const unsent = given.upstream.map(({ method, url }) => `\n  ${method} ${url}`);
  assert.equal(unsent.length, 0, `these requests were expected and never sent:${unsent.join("")}`);
  const unasked = given.databases.map(({ database, sql, parameters = [] }) => `\n  ${line(database, sql, parameters)}`);
  assert.equal(unasked.length, 0, `these statements were expected and never run:${unasked.join("")}`);
  return result;
}

export async function examples(tools, folder) {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".json")).sort();
  assert.notEqual(files.length, 0, `${folder} holds no *.json`);
  for (const file of files) {
    const path = join(folder, file);
    const { tool, arguments: input, expect, ...given } = JSON.parse(await readFile(path, "utf8"));
    const result = await withHost(given, () => resultOf(tools, tool, input));
    const difference = differenceOf(expect, result, "");
    assert.equal(difference, undefined, `${path}: ${difference}\nthe whole result: ${JSON.stringify(result, null, 2)}`);
  }
}

async function resultOf(tools, name, input) {
  try {
    const { content, structured } = await call(tools, name, input);
    const texts = content.filter(({ tag }) => tag === "text").map(({ val }) => val);
    return {
      ...(structured === null ? {} : { structured }),
      ...(texts.length === 0 ? {} : { text: texts.join("\n") }),
    };
  } catch (error) {
    if (!(error instanceof ToolError)) {
      throw error;
    }
    const { code, message, causes, checkFirst = null, retryable } = error;
    return { error: { code, message, likely_causes: causes, check_first: checkFirst, retryable } };
  }
}

/** Where `actual` lacks something of `expected`, with `path` as the JSON pointer to both. */
function differenceOf(expected, actual, path) {
  const isObject = (value) => typeof value === "object" && value !== null;
  if (isObject(expected) && isObject(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    if (!Array.isArray(expected) || expected.length === actual.length) {
      const members = Object.entries(expected).map(([name, value]) =>
        name in actual
          ? differenceOf(value, actual[name], `${path}/${name}`)
          : `${path}/${name} is missing, expected ${JSON.stringify(value)}`,
      );
      return members.find((difference) => difference !== undefined);
    }
  }
  return expected === actual ? undefined : `${path} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`;
}
