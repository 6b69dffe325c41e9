// What the plugin does.

import { ToolError, object, string, tool } from "toolcell";

/** Greets somebody by name. */
export function greet({ name: given }: { name: string }) {
  const name = given.trim();
  if (name === "") {
    throw new ToolError("blank_name", "the name is blank", {
      causes: ["the argument `name` is empty or only spaces"],
      checkFirst: "Ask the user whom to greet.",
    });
  }
  return { text: `Hello, ${name}!` };
}

export const tools = [
  tool(
    {
      name: "{{name}}",
      title: "Greet",
      description: `
        Greets somebody by name. Use it to see that the plugin works. Reads nothing but its arguments, returns one line,
        and fails with \`blank_name\` when there is no name to greet.`,
      input: object({ name: string("Whom to greet, for example `Ada`.") }),
      output: object({ text: string("The greeting, one line.") }),
      hints: { readOnly: true },
    },
    greet,
  ),
];
