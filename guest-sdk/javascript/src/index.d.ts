/**
 * Write tools for Toolcell in JavaScript and TypeScript.
 *
 * A tool is a function from arguments to a result, and a description of both that a model reads. A plugin's module exports
 * `tools`, an array of them; `toolcell build` makes a component of it.
 */

// Schemas.

declare const TYPE: unique symbol;
declare const OPTIONAL: unique symbol;

/** A JSON Schema whose values are `T`. Any object that is a JSON Schema can stand in place of one. */
export interface Schema<T = unknown> {
  /** For the compiler only. */
  readonly [TYPE]?: T;
  readonly [keyword: string]: unknown;
}

/** The schema of a member that may be left out. */
export interface Optional<T> extends Schema<T> {
  readonly [OPTIONAL]: true;
}

/** The type of a schema's values. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Properties = Readonly<Record<string, Schema<any>>>;
type OptionalKeys<P> = { [K in keyof P]: P[K] extends Optional<any> ? K : never }[keyof P];
type Flat<T> = { [K in keyof T]: T[K] } & {};
type Members<P> = Flat<
  { [K in Exclude<keyof P, OptionalKeys<P>>]: Infer<P[K]> } & { [K in OptionalKeys<P>]?: Infer<P[K]> }
>;

/** Keywords for every type. */
export interface Keywords {
  readonly title?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

export interface StringKeywords extends Keywords {
  readonly minLength?: number;
  readonly maxLength?: number;
  /** A regular expression, which a value matches somewhere unless `^` and `$` anchor it. */
  readonly pattern?: string;
  /** For example `date-time` or `uri`. */
  readonly format?: string;
}

export interface NumberKeywords extends Keywords {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
}

export interface ArrayKeywords extends Keywords {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
}

/** Text. */
export function string(description?: string, keywords?: StringKeywords): Schema<string>;
/** A whole number. */
export function integer(description?: string, keywords?: NumberKeywords): Schema<number>;
/** A number. */
export function number(description?: string, keywords?: NumberKeywords): Schema<number>;
/** `true` or `false`. */
export function boolean(description?: string, keywords?: Keywords): Schema<boolean>;
/** One of these values. */
export function choice<const V extends readonly (string | number | boolean)[]>(
  values: V,
  description?: string,
): Schema<V[number]>;
/** A list. */
export function array<T>(items: Schema<T>, description?: string, keywords?: ArrayKeywords): Schema<T[]>;
/** An object with these members. All are required but those in `optional(...)`. */
export function object<const P extends Properties>(properties: P, description?: string): Schema<Members<P>>;
/** An object with members of any name, whose values are alike. */
export function record<T>(values: Schema<T>, description?: string): Schema<Record<string, T>>;
/** What satisfies at least one of these. */
export function anyOf<const S extends readonly Schema<any>[]>(
  schemas: S,
  description?: string,
): Schema<Infer<S[number]>>;
/** Any JSON. */
export function json(description?: string): Schema<unknown>;
/** The same, or `null`. */
export function nullable<T>(schema: Schema<T>): Schema<T | null>;
/** A member of an object that may be left out. */
export function optional<T>(schema: Schema<T>): Optional<T>;

// Tools.

/** What a tool does to its surroundings, for clients that ask before they call. Unsaid, the host derives it. */
export interface Hints {
  /** The tool changes nothing. */
  readonly readOnly?: boolean;
  /** Whether what the tool changes may be lost. Also says that it changes something. */
  readonly destructive?: boolean;
  /** Calling again with the same arguments changes nothing more. */
  readonly idempotent?: boolean;
  /** The tool talks to systems outside the host. */
  readonly openWorld?: boolean;
}

/** What of a tool its function does not say. */
export interface Definition<I, O> {
  /** 1 to 48 of `A-Z a-z 0-9 _ -`, unique among all plugins that a host serves. Left out, it is that of the function. */
  readonly name?: string;
  /** A short name for people. */
  readonly title?: string;
  /**
   * What the tool reads or writes and where, its limits, when to use it, what comes back and how it fails. A model reads it.
   * Lines are joined to paragraphs, lists keep theirs. Left out, it is the comment above the function.
   */
  readonly description?: string;
  /**
   * The arguments, an object. The host refuses others before the tool runs. Left out, it is made of the type of the function's
   * parameter; without a parameter there are none.
   */
  readonly input?: Schema<I>;
  /**
   * The result, an object. The host refuses a result that does not satisfy it. Left out, it is made of the type that the
   * function says it returns.
   */
  readonly output?: Schema<O>;
  readonly hints?: Hints;
}

/** A function that a model can call. */
export interface Tool {
  readonly name: string;
}

/**
 * What a tool may return: an object, which is the structured answer; a string, which is all of a text; or an `Output`.
 */
export type Answer<O> = O | Output | (unknown extends O ? string | object : never);

/**
 * A whole number, in the type of a function's parameter or result: `number` to the compiler, and `integer` in the schema that
 * `toolcell build` makes of it.
 */
export type Integer = number;

/**
 * A tool. `run` may be an async function. What it throws reaches the model: a `ToolError` as it is, anything else as an error
 * `crashed` that names it and the line.
 *
 * What the definition leaves out, `toolcell build` reads from the comment and the types of `run`. In unit tests it is absent.
 */
export function tool<I = Record<string, never>, O = unknown>(
  definition: Definition<I, O>,
  run: (input: I) => Answer<O> | Promise<Answer<O>>,
): Tool;
/** A tool that is all in its function: name, comment and types. */
export function tool(run: (input: any) => Answer<unknown> | Promise<Answer<unknown>>): Tool;

/** More on an error. */
export interface ErrorAdvice {
  /** What probably caused it, the likeliest first. */
  readonly causes?: readonly string[];
  /** The one thing to check or try first. */
  readonly checkFirst?: string;
  /** Whether the same call can succeed later. */
  readonly retryable?: boolean;
}

/** Why a tool could not do what it was asked, for the model that asked. */
export class ToolError extends Error {
  /** `code` is stable, for programs: 1 to 48 of `a-z 0-9 _`. `message` says what went wrong, in one sentence. */
  constructor(code: string, message: string, advice?: ErrorAdvice);
  readonly code: string;
  readonly causes: readonly string[];
  readonly checkFirst: string | undefined;
  readonly retryable: boolean;
}

/** An answer made of parts, for what an object cannot express: images, audio, links, several texts. */
export class Output {
  /** Adds text. */
  text(text: string): this;
  /** Adds an image with its media type, for example `image/png`. */
  image(data: Uint8Array, mimeType: string): this;
  /** Adds sound with its media type, for example `audio/wav`. */
  audio(data: Uint8Array, mimeType: string): this;
  /** Adds a resource that the client can fetch by itself. */
  link(link: { uri: string; name: string; description?: string; mimeType?: string }): this;
  /** Adds a resource together with its contents. */
  embedded(resource: { uri: string; mimeType?: string } & ({ text: string } | { blob: Uint8Array })): this;
  /** Adds a content block that MCP knows and this package does not, as the object that MCP defines for it. */
  other(block: object): this;
  /** Sets the structured part. Throws `unwritable_result` when it has no form as JSON. */
  structured(value: object): this;
}

// What the host gives.

/** Lines for the operator, at most 64 KiB a call. They go to the host's log, never to the model. `console` writes them, too. */
export const log: {
  /** What helps the plugin's author. */
  debug(message: unknown): void;
  /** What an operator may want to know. */
  info(message: unknown): void;
  /** What an operator should look at some day. */
  warn(message: unknown): void;
  /** What an operator should look at now. */
  error(message: unknown): void;
};

/**
 * Reports that `done` of `total` units are done, for a client that asked to see it. `done` has to grow from report to report;
 * the host drops others, and sends only the newest when reports come faster than the client takes them.
 */
export function progress(done: number, total?: number, message?: string): void;

/**
 * The environment variable `name`, which the manifest asks for (`[capabilities] env`) and the operator grants and sets.
 * Throws `missing_environment_variable` without it.
 */
export function env(name: string): string;

export interface FetchOptions {
  /** `GET` unless said. */
  readonly method?: string;
  readonly headers?: Headers | Readonly<Record<string, string>> | Iterable<readonly [string, string]>;
  readonly body?: string | ArrayBuffer | ArrayBufferView | URLSearchParams | null;
  /** For the whole request, in milliseconds. The call's own deadline holds in any case. */
  readonly timeoutMs?: number;
}

/**
 * Sends one request to a server that the manifest asks for (`[capabilities] network`) and the operator granted, and waits for
 * the whole answer, whatever its status. Redirects are not followed: a new request is checked again.
 *
 * Throws a `ToolError` of the host: `denied_network`, `upstream_unreachable`, `upstream_limit` or `invalid_request`.
 */
export function fetch(url: string | URL, options?: FetchOptions): Promise<Response>;

/** The answer of a server, complete. The host decompresses nothing. */
export class Response {
  constructor(body?: FetchOptions["body"], init?: { status?: number; headers?: FetchOptions["headers"]; url?: string });
  readonly status: number;
  /** Whether the status is a success (2xx). */
  readonly ok: boolean;
  /** Empty: what the server calls its status is not kept. */
  readonly statusText: string;
  readonly headers: Headers;
  readonly url: string;
  readonly redirected: false;
  readonly type: "basic";
  /**
   * The response itself when it is `ok`. Otherwise throws a `ToolError` with one code for each kind of refusal:
   * `upstream_redirected` (3xx), `upstream_unauthorized` (401), `upstream_forbidden` (403), `upstream_not_found` (404, 410),
   * `upstream_rate_limited` (429), `upstream_failed` (408 and 5xx) and `upstream_refused` (any other).
   */
  ensureOk(): this;
  bytes(): Promise<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** Throws `upstream_unexpected` when it is not UTF-8. */
  text(): Promise<string>;
  /** Throws `upstream_unexpected` when it is not JSON, with the start of the body. */
  json(): Promise<any>;
  clone(): Response;
}

/** The headers of a request or an answer. */
export class Headers implements Iterable<[string, string]> {
  constructor(headers?: FetchOptions["headers"]);
  get(name: string): string | null;
  has(name: string): boolean;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  delete(name: string): void;
  getSetCookie(): string[];
  forEach(visit: (value: string, name: string, headers: Headers) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

/**
 * What the plugin keeps from one call to the next, for a time that it names, once the manifest asks for
 * `[capabilities.cache]` and the operator grants it. No other plugin sees it. Throws `denied_cache` or `cache_unreachable`.
 */
export const cache: {
  /** The entry, unless it was never set, was deleted, made room for others or is past its time. */
  get(key: string): Promise<{ value: Uint8Array; ageMs: number } | undefined>;
  /**
   * Sets an entry, for the longest time that was granted at most. Throws also `invalid_entry`, for a key of no or over 512
   * bytes, no time to live, or a value that is larger than all the room.
   */
  set(key: string, value: string | Uint8Array, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * The value kept under `key` as JSON, or what `fetch` returns, which is then kept. `ageMs` is how old it is, and `undefined`
   * when it was fetched just now. A cache only saves work: one that cannot be used costs a line in the operator's log and
   * the fetch, and never fails the tool.
   */
  getOrFetch<T>(
    key: string,
    ttlMs: number,
    fetch: () => T | Promise<T>,
  ): Promise<{ value: T; ageMs: number | undefined }>;
};

/** What the database itself said when it refused a statement. */
export interface Refusal {
  /** Five characters (PostgreSQL's appendix A), for example `42703` for a column that does not exist. */
  readonly sqlstate: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  /** Where in the statement, in characters, from 1. */
  readonly position: number | undefined;
}

/** Why a statement has no rows, ready for the model. */
export class PostgresError extends ToolError {
  /** What the database said, where the statement reached it and it refused. */
  readonly refusal: Refusal | undefined;
  readonly sqlstate: string | undefined;
}

/** Questions to PostgreSQL databases that the operator configured, in read-only transactions. */
export const postgres: {
  /**
   * Runs one statement and waits for its rows, objects by the names of the columns. Parameters are `$1`, `$2` and so on; they
   * never become part of the statement. At most `maxRows` rows come back, 1,000 unless said. Throws a `PostgresError`.
   */
  query<Row = Record<string, any>>(
    database: string,
    sql: string,
    parameters?: readonly unknown[],
    options?: { maxRows?: number },
  ): Promise<{ columns: { name: string; typeName: string }[]; rows: Row[]; truncated: boolean }>;
};
