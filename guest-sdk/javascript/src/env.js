import { host } from "#host";

import { ToolError } from "./error.js";

export function env(name) {
  const value = host.variable(name);
  if (value === undefined) {
    throw new ToolError(
      "missing_environment_variable",
      `the plugin needs the environment variable \`${name}\`, which it cannot see`,
      {
        causes: [
          `\`${name}\` is not set where the host runs`,
          `\`${name}\` is not listed under [capabilities] env in the plugin's plugin.toml, or not granted`,
        ],
        checkFirst: `A person sets \`${name}\` for the host and reviews the plugin's permissions.`,
      },
    );
  }
  return value;
}
