// What the plugin does.

import { ToolError, tool } from "toolcell";

export interface Person {
  /** Whom to greet, for example `Ada`. */
  name: string;
}

export interface Greeting {
  /** The greeting, one line. */
  text: string;
}

/**
 * Greets somebody by name. Use it to see that the plugin works. Reads nothing but its arguments, returns one line, and
 * fails with `blank_name` when there is no name to greet.
 */
export function greet({ name: given }: Person): Greeting {
  const name = given.trim();
  if (name === "") {
    throw new ToolError("blank_name", "the name is blank", {
      causes: ["the argument `name` is empty or only spaces"],
      checkFirst: "Ask the user whom to greet.",
    });
  }
  return { text: `Hello, ${name}!` };
}

// What a model reads of a tool is the comment above its function and its types.
export const tools = [tool({ name: "{{name}}", title: "Greet", hints: { readOnly: true } }, greet)];
