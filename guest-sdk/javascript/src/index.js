// Write tools for Toolcell in JavaScript and TypeScript. README.md shows how; index.d.ts documents each name.

export { cache } from "./cache.js";
export { env } from "./env.js";
export { ToolError } from "./error.js";
export { Headers, Response, fetch } from "./http.js";
export { log, progress } from "./log.js";
export { Output } from "./output.js";
export { PostgresError, postgres } from "./postgres.js";
export {
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
} from "./schema.js";
export { tool } from "./tool.js";
