import { ToolError } from "./error.js";
import { outputOf } from "./output.js";

/** A function that a model can call. `index.d.ts` documents it. */
export class Tool {
  constructor(definition, run) {
    const { name, title, description, input, output, hints = {} } = definition;
    if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,48}$/.test(name)) {
      throw new TypeError(`${JSON.stringify(name)} cannot name a tool; expected 1 to 48 of A-Z a-z 0-9 _ -`);
    }
    if (typeof run !== "function") {
      throw new TypeError(`tool ${name} has no function; expected tool({ ... }, (input) => ...)`);
    }
    assertObject(input ?? {}, `the arguments of tool ${name}`, input === undefined);
    assertObject(output ?? {}, `the result of tool ${name}`, output === undefined);
    Object.assign(this, { name, title, description: joined(description ?? ""), input, output, hints, run });
  }

  assertDescribed() {
    if (this.description === "") {
      throw new TypeError(
        `tool ${this.name} has no description; a model reads what it does, its limits and how it fails: say it in the ` +
          "comment above its function, or as `description`",
      );
    }
  }

  /** The contract's `tool`. */
  listed() {
    const { name, title, description, output, hints } = this;
    const { readOnly, destructive, idempotent, openWorld } = hints;
    return {
      name,
      title: title ?? null,
      description,
      inputSchema: JSON.stringify(argumentsSchema(this.input)),
      outputSchema: output === undefined ? null : JSON.stringify(output),
      hints: {
        readOnly: readOnly ?? (destructive === undefined ? null : false),
        destructive: destructive ?? null,
        idempotent: idempotent ?? null,
        openWorld: openWorld ?? null,
      },
      extra: null,
    };
  }
}

/** `toolcell build` adds `read`: what the comment and the types of the function say. */
export function tool(definition, run, read = {}) {
  const [given, called] = typeof definition === "function" ? [{}, definition] : [definition, run];
  return new Tool({ name: called?.name, ...read, ...given }, called);
}

/**
 * Runs the tool named `name` with `json`, an object as text. Returns the `Output`, or a promise of it where the tool returns
 * one, and throws what the tool throws.
 */
export function call(tools, name, json) {
  const found = tools.find((tool) => tool.name === name);
  if (found === undefined) {
    throw new ToolError("unknown_tool", `there is no tool \`${name}\` in this plugin`, {
      checkFirst: `Use one of: ${tools.map((tool) => tool.name).join(", ")}.`,
    });
  }
  const returned = found.run(JSON.parse(json));
  return isPromise(returned) ? returned.then((value) => outputOf(name, value)) : outputOf(name, returned);
}

export const isPromise = (value) => typeof value?.then === "function";

/** Members that the schema does not list are refused, unless it says otherwise. */
function argumentsSchema(input = { type: "object" }) {
  const says = "additionalProperties" in input || "unevaluatedProperties" in input;
  return says ? input : { ...input, additionalProperties: false };
}

function assertObject(schema, whose, isAbsent) {
  if (!isAbsent && (schema.type !== "object" || ["oneOf", "anyOf", "allOf"].some((keyword) => keyword in schema))) {
    throw new TypeError(`${whose} must be a plain object schema, such as object({ ... }): clients take no other`);
  }
}

/** A description is broken into lines for its source file. A model gets paragraphs; lists keep their lines. */
function joined(description) {
  let text = "";
  for (const line of description
    .trim()
    .split("\n")
    .map((line) => line.trimEnd())) {
    const startsAnew = /^\s*([-*]|$)/.test(line) || text.endsWith("\n");
    text += text === "" ? line : (startsAnew ? "\n" : " ") + line.trim();
  }
  return text;
}
