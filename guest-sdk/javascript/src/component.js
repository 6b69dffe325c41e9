// The exports of a component: the contract's `tools`. `toolcell build` bundles it with the plugin; tests do not need it.

import { crash } from "./crash.js";
import { ToolError } from "./error.js";
import { call } from "./tool.js";

/**
 * The contract's `tools`, for the tools of a plugin. `settle` waits for a promise where the engine does not: it returns
 * its value or throws its reason.
 */
export function component(tools, settle = (promise) => promise) {
  if (!Array.isArray(tools)) {
    throw new TypeError("the plugin has to export its tools: export const tools = [tool({ ... }, ...)]");
  }
  return {
    listTools: () => tools.map((tool) => tool.listed()),
    callTool(name, json) {
      try {
        return settle(answer(tools, name, json));
      } catch (thrown) {
        throw thrown instanceof Error ? crash(name, thrown).crossing() : thrown;
      }
    },
  };
}

async function answer(tools, name, json) {
  try {
    return (await call(tools, name, json)).crossing();
  } catch (thrown) {
    const error = thrown instanceof ToolError ? thrown : crash(name, thrown);
    throw error.crossing();
  }
}
