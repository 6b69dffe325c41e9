// The exports of a component: the contract's `tools`. `toolcell build` bundles it with the plugin; tests do not need it.

import { crash } from "./crash.js";
import { ToolError } from "./error.js";
import { call, isPromise } from "./tool.js";

/**
 * The contract's `tools`, for the tools of a plugin. `settle` waits for a promise where the engine does not: it returns
 * its value or throws its reason.
 */
export function component(tools, settle) {
  if (!Array.isArray(tools)) {
    throw new TypeError("the plugin has to export its tools: export const tools = [tool({ ... }, ...)]");
  }
  for (const tool of tools) {
    tool.assertDescribed();
  }
  const failed = (name, thrown) => (thrown instanceof ToolError ? thrown : crash(name, thrown)).crossing();
  return {
    listTools: () => tools.map((tool) => tool.listed()),
    callTool(name, json) {
      try {
        const output = call(tools, name, json);
        if (!isPromise(output)) {
          // Promises cost QuickJS more than all the rest of a short call.
          return output.crossing();
        }
        if (settle !== undefined) {
          return settle(output).crossing();
        }
        const reject = (thrown) => {
          throw failed(name, thrown);
        };
        return output.then((output) => output.crossing()).catch(reject);
      } catch (thrown) {
        throw failed(name, thrown);
      }
    },
  };
}
