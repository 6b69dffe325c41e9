import { host } from "#host";

import { ToolError } from "./error.js";
import { refusal, unexpected } from "./refusal.js";

/** Sends one request. `index.d.ts` documents it. */
export async function fetch(url, { method = "GET", headers, body, timeoutMs } = {}) {
  const sent = new Headers(headers);
  const bytes = bytesOf(body, sent);
  let answer;
  try {
    answer = host.send({
      method: method.toUpperCase(),
      url: String(url),
      headers: [...sent],
      body: bytes,
      // At least one: zero would read as no time at all.
      timeoutMs: timeoutMs === undefined ? null : Math.min(Math.max(Math.ceil(timeoutMs), 1), 0xffff_ffff),
      extra: null,
    });
  } catch (error) {
    throw ToolError.of(error);
  }
  return new Response(answer.body, { status: answer.status, headers: answer.headers, url: String(url) });
}

/** Names in lower case, values of equal names joined by commas. */
export class Headers {
  #values = new Map();

  constructor(headers = []) {
    const entries = typeof headers[Symbol.iterator] === "function" ? headers : Object.entries(headers);
    for (const [name, value] of entries) {
      this.append(name, value);
    }
  }

  get(name) {
    return this.#values.get(name.toLowerCase())?.join(", ") ?? null;
  }

  has(name) {
    return this.#values.has(name.toLowerCase());
  }

  set(name, value) {
    this.#values.set(name.toLowerCase(), [String(value)]);
  }

  append(name, value) {
    this.#values.set(name.toLowerCase(), [...(this.#values.get(name.toLowerCase()) ?? []), String(value)]);
  }

  delete(name) {
    this.#values.delete(name.toLowerCase());
  }

  getSetCookie() {
    return [...(this.#values.get("set-cookie") ?? [])];
  }

  forEach(visit) {
    for (const [name, value] of this) {
      visit(value, name, this);
    }
  }

  *entries() {
    for (const [name, values] of this.#values) {
      // A cookie can hold a comma itself.
      yield* name === "set-cookie" ? values.map((value) => [name, value]) : [[name, values.join(", ")]];
    }
  }

  *keys() {
    for (const [name] of this) yield name;
  }

  *values() {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

/** The answer of a server, complete. */
export class Response {
  #bytes;

  constructor(body = null, { status = 200, headers, url = "" } = {}) {
    this.status = status;
    this.statusText = "";
    this.headers = new Headers(headers);
    this.url = url;
    this.redirected = false;
    this.type = "basic";
    this.#bytes = bytesOf(body, this.headers) ?? new Uint8Array();
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  ensureOk() {
    if (!this.ok) {
      throw refusal(this, new TextDecoder().decode(this.#bytes));
    }
    return this;
  }

  async bytes() {
    return this.#bytes.slice();
  }

  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }

  async text() {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.#bytes);
    } catch {
      throw unexpected(this, "a body that is not UTF-8 text", new TextDecoder().decode(this.#bytes));
    }
  }

  async json() {
    const text = await this.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw unexpected(this, `a body that is not JSON (${error.message})`, text);
    }
  }

  clone() {
    return new Response(this.#bytes, { status: this.status, headers: this.headers, url: this.url });
  }
}

/** The body as bytes, and in `headers` its type where it has one. */
function bytesOf(body, headers) {
  if (body === null || body === undefined) {
    return null;
  }
  if (body instanceof ArrayBuffer) {
    return new Uint8Array(body);
  }
  if (ArrayBuffer.isView(body)) {
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  }
  // A form is known by its class's name: QuickJS has the class only where a plugin names it.
  if (body.constructor?.name === "URLSearchParams" && !headers.has("content-type")) {
    headers.set("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
  }
  return new TextEncoder().encode(String(body));
}
