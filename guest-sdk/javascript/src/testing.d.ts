/** What a plugin's unit tests need, without WebAssembly, MCP or a network. */

import type { Tool } from "./index.js";

/** What the host is told about a tool when it loads the plugin. */
export interface Listed {
  name: string;
  title: string | null;
  description: string;
  inputSchema: any;
  outputSchema: any;
  hints: {
    readOnly: boolean | null;
    destructive: boolean | null;
    idempotent: boolean | null;
    openWorld: boolean | null;
  };
}

/** What the host is told about the tools. */
export function list(tools: readonly Tool[]): Listed[];

/**
 * Calls the tool named `name` as the host does. Throws what the tool throws, and `unknown_tool`. The host checks the
 * arguments against the schema before that; this function does not.
 */
export function call(
  tools: readonly Tool[],
  name: string,
  input: object,
): Promise<{ content: { tag: string; val: any }[]; structured: any }>;

/** What a server answers to one request. `body` is sent as it is when it is a string or bytes, anything else as JSON. */
export type Upstream = { method: string; url: string } & (
  { status: number; headers?: Record<string, string>; body: unknown } | { fail: "refused" | "timeout" }
);

/** What a database answers to one statement. */
export interface Statement {
  database: string;
  sql: string;
  parameters?: unknown[];
  columns?: { name: string; type: string }[];
  rows?: unknown[][];
  truncated?: boolean;
  error?: {
    code: string;
    message: string;
    likely_causes: string[];
    check_first: string;
    retryable: boolean;
    refusal?: { sqlstate: string; message: string; detail?: string; hint?: string; position?: number };
  };
}

/** What the code under test did. */
export interface Seen {
  readonly logs: { level: string; message: string }[];
  readonly progress: { done: number; total: number | null; message: string | null }[];
  readonly requests: {
    method: string;
    url: string;
    headers: [string, string][];
    body: Uint8Array | null;
    timeoutMs: number | null;
  }[];
  readonly queries: { database: string; sql: string; parameters: string[]; maxRows: number }[];
  /** Moves the clock of the cache, which only this moves. */
  advance(ms: number): void;
}

/**
 * Runs `run` with these variables, and servers and databases that give these answers, each once, equal ones in their order;
 * and with an empty cache. Throws when something else is asked for, and when an answer is left.
 */
export function withHost<T>(
  given: { env?: Record<string, string>; upstream?: readonly Upstream[]; databases?: readonly Statement[] },
  run: (host: Seen) => T | Promise<T>,
): Promise<T>;

/**
 * Runs every `*.json` in `folder`, which is relative to the package: calls a tool, answers its requests and statements from
 * the file, compares the result. `toolcell smoke` runs the same files with the component.
 */
export function examples(tools: readonly Tool[], folder: string): Promise<void>;
