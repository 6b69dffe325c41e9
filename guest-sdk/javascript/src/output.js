import { ToolError } from "./error.js";

/** An answer made of parts. `index.d.ts` documents it. */
export class Output {
  #content = [];
  #structured = null;

  text(text) {
    return this.#with("text", String(text));
  }

  image(data, mimeType) {
    return this.#with("image", { data, mimeType });
  }

  audio(data, mimeType) {
    return this.#with("audio", { data, mimeType });
  }

  link({ uri, name, description, mimeType }) {
    return this.#with("link", { uri, name, description: description ?? null, mimeType: mimeType ?? null });
  }

  embedded({ uri, mimeType, text, blob }) {
    const contents = text === undefined ? { tag: "blob", val: blob } : { tag: "text", val: text };
    return this.#with("embedded", { uri, mimeType: mimeType ?? null, contents });
  }

  other(block) {
    return this.#with("other", JSON.stringify(block));
  }

  structured(value) {
    this.#structured = written(value);
    return this;
  }

  /** The contract's `output`. */
  crossing() {
    return { content: this.#content, structured: this.#structured, extra: null };
  }

  #with(tag, val) {
    this.#content.push({ tag, val });
    return this;
  }
}

/** What a tool returned, as an `Output`. */
export function outputOf(name, returned) {
  if (returned instanceof Output) {
    return returned;
  }
  if (typeof returned === "string") {
    return new Output().text(returned);
  }
  if (typeof returned === "object" && returned !== null && !Array.isArray(returned)) {
    return new Output().structured(returned);
  }
  const what = Array.isArray(returned) ? "an array" : returned === null ? "null" : typeof returned;
  throw new TypeError(`tool ${name} returned ${what}; a tool returns an object, a string or an Output`);
}

function written(value) {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new ToolError("unwritable_result", `the tool's result has no JSON form: ${error.message}`, {
      causes: ["a bug in the plugin: a BigInt, or an object that holds itself"],
      checkFirst: "Report it to the author of the plugin.",
    });
  }
}
