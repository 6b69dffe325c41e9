// All that the SDK gives, and what programs expect of any engine.

import { Output, cache, env, fetch, log, object, optional, postgres, progress, string, tool } from "toolcell";

const description = "Is called by a test.";
const none = { description };

async function* pages() {
  for (const page of ["a", "b"]) {
    await null;
    yield page;
  }
}

class Counter {
  #count = 0;
  async next() {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return ++this.#count;
  }
}

export const tools = [
  tool({ name: "story", description, input: object({ id: string(), status: optional(string()) }) }, async ({ id }) => {
    const url = `https://api.example.com/stories/${id}?${new URLSearchParams({ q: "a b&c" })}`;
    const { value, ageMs } = await cache.getOrFetch(`story/${id}`, 60_000, async () => {
      const response = await fetch(url, { method: "post", headers: { "X-Token": env("TOKEN") }, body: "Zürich €" });
      return response.ensureOk().json();
    });
    const again = await cache.getOrFetch(`story/${id}`, 60_000, () => null);
    log.info(`story ${id}`);
    progress(1, 2, "half");
    return { value, isFresh: ageMs === undefined, again: again.value };
  }),

  tool({ name: "users", ...none }, async () => {
    const { rows, columns, truncated } = await postgres.query(
      "replica",
      "SELECT id, name FROM users WHERE id = $1",
      [7],
    );
    return { rows, columns, truncated };
  }),

  tool({ name: "parts", ...none }, () =>
    new Output()
      .text("see")
      .image(new Uint8Array([1, 2, 3]), "image/png")
      .link({ uri: "https://a.example", name: "a" }),
  ),

  tool({ name: "engine", ...none }, async () => {
    const counter = new Counter();
    const seen = [];
    for await (const page of pages()) {
      seen.push(page);
    }
    console.log("a line", { of: ["parts"] });
    const counts = await Promise.all([counter.next(), counter.next()]);
    const failed = await Promise.allSettled([Promise.reject(new Error("no"))]);
    return {
      seen,
      counts,
      failed: failed[0].reason.message,
      text: new TextDecoder().decode(new TextEncoder().encode("Zürich €")),
      host: new URL("https://user@example.com:8443/a?b#c").host,
      copy: structuredClone({ list: [1] }),
    };
  }),

  tool({ name: "random", ...none }, () => ({ number: Math.random(), id: crypto.randomUUID(), at: Date.now() })),

  tool({ name: "crash", description, input: object({ how: string() }) }, async ({ how }) => {
    await null;
    if (how === "waits") {
      await new Promise(() => {});
    }
    if (how === "throws text") {
      throw "no error at all";
    }
    if (how === "number") {
      return 7;
    }
    if (how === "big") {
      return { big: 7n };
    }
    return deep(null);
  }),
];

function deep(nothing) {
  return nothing.member;
}
