// What is thrown and is no ToolError: a bug of the plugin, which becomes an error that names it and the author's line.

import { ToolError } from "./error.js";

export function crash(name, thrown) {
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const place = placeOf(String(thrown?.stack));
  return new ToolError("crashed", `\`${name}\` crashed${place === undefined ? "" : ` at ${place}`}: ${what}`, {
    causes: [
      "a bug in the plugin that these arguments bring out",
      "an answer of an upstream in a form that the plugin did not expect",
    ],
    checkFirst: "Try other arguments; if it stays, report the message and these arguments to the plugin's author.",
  });
}

/** The innermost line of the author's own, which `toolcell build` notes for each line of a component. */
function placeOf(stack) {
  const places = globalThis[Symbol.for("toolcell:places")] ?? {};
  const lines = [...stack.matchAll(/:(\d+):\d+\)?$/gm)].map(([, line]) => line);
  return places[lines.find((line) => line in places)];
}
