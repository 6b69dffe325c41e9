import { host } from "#host";

import { ToolError } from "./error.js";
import { log } from "./log.js";

export const cache = {
  async get(key) {
    const entry = asked(() => host.cacheGet(key));
    return entry === null || entry === undefined ? undefined : { value: entry.value, ageMs: Number(entry.ageMs) };
  },

  async set(key, value, ttlMs) {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    // Rounded up, so that a short time is not taken for none.
    asked(() => host.cacheSet(key, bytes, Math.ceil(ttlMs)));
  },

  async delete(key) {
    asked(() => host.cacheDelete(key));
  },

  async getOrFetch(key, ttlMs, fetch) {
    let kept;
    try {
      kept = await cache.get(key);
    } catch (error) {
      // To set it would fail, too, perhaps only after another wait.
      log.warn(`fetched without the cache: ${error.message}`);
      return { value: await fetch(), ageMs: undefined };
    }
    if (kept !== undefined) {
      try {
        return { value: JSON.parse(new TextDecoder().decode(kept.value)), ageMs: kept.ageMs };
      } catch (error) {
        log.debug(`fetched anew, the cached value is no JSON: ${error.message}`);
      }
    }
    const value = await fetch();
    try {
      await cache.set(key, JSON.stringify(value), ttlMs);
    } catch (error) {
      log.warn(`fetched and not cached: ${error.message}`);
    }
    return { value, ageMs: undefined };
  },
};

function asked(ask) {
  try {
    return ask();
  } catch (error) {
    throw ToolError.of(error);
  }
}
